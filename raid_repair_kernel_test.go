package lvm

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/umltest"
	"github.com/lvm-go/lvm/metadata"
)

// failingPVs are devices that can be made to fail.
type failingPVs struct {
	*testing.T
	names []string // below /dev/mapper
	below []string
	size  int64
}

func newFailingPVs(t *testing.T, count int, size int64) *failingPVs {
	p := &failingPVs{T: t, size: size}
	for i := range count {
		device, _ := umltest.Loop(t, size)
		name := fmt.Sprintf("pv%d", i)
		p.names, p.below = append(p.names, name), append(p.below, device)
		umltest.Run(t, "dmsetup", "create", name, "--table", p.table(i))
		t.Cleanup(func() { _ = exec.Command("dmsetup", "remove", "--retry", name).Run() })
	}
	return p
}

func (p *failingPVs) table(i int) string {
	return fmt.Sprintf("0 %d linear %s 0", p.size/512, p.below[i])
}

func (p *failingPVs) path(i int) string { return "/dev/mapper/" + p.names[i] }

// load gives a device another table at once, whatever is being done with it.
func (p *failingPVs) load(i int, table string) {
	p.Helper()
	umltest.Run(p, "dmsetup", "load", p.names[i], "--table", table)
	umltest.Run(p, "dmsetup", "suspend", "--noflush", "--nolockfs", p.names[i])
	umltest.Run(p, "dmsetup", "resume", p.names[i])
}

func (p *failingPVs) fail(i int) { p.load(i, fmt.Sprintf("0 %d error", p.size/512)) }

// open returns a System with some of the devices.
func (p *failingPVs) open(which ...int) *System {
	p.Helper()
	var paths []string
	for _, i := range which {
		paths = append(paths, p.path(i))
	}
	sys, err := Open(Config{Devices: paths})
	require.NoError(p, err)
	p.Cleanup(func() { _ = sys.Close() })
	return sys
}

// health returns the letters of the legs of a raid.
func health(t *testing.T, sys *System, lv string) string {
	t.Helper()
	status := statusOfRAID(t, sys, lv)
	var b strings.Builder
	for _, leg := range status.Legs {
		b.WriteByte(byte(leg.Health))
	}
	return b.String()
}

func statusOfRAID(t *testing.T, sys *System, lv string) RAIDStatus {
	t.Helper()
	vg, err := sys.VG(context.Background(), "vg")
	require.NoError(t, err)
	v, err := vg.LV(lv)
	require.NoError(t, err)
	status, err := v.RAIDStatus()
	require.NoError(t, err)
	return status
}

// awaitRAID waits until a raid is in sync.
func awaitRAID(t *testing.T, sys *System, lv string) {
	t.Helper()
	require.Eventually(t, func() bool { return statusOfRAID(t, sys, lv).InSync() }, time.Minute, 20*time.Millisecond, "%s", umltest.Run(t, "dmsetup", "status"))
}

// rebuildsIn returns the volumes that the text says are to be written anew.
func rebuildsIn(t *testing.T, sys *System) (names []string) {
	t.Helper()
	for _, lv := range recordOf(t, sys, "vg").LVs {
		if lv.Status&metadata.LVRebuild != 0 {
			names = append(names, lv.Name)
		}
	}
	return names
}

// A leg fails while a raid is written to, and is replaced by one elsewhere. All
// that is read is right all the time, also from the new leg alone.
func TestKernelRAIDRepair(t *testing.T) {
	umltest.NeedKernel(t)
	for _, c := range []struct {
		typ         SegmentType
		legs, fails []int
		whole       string
	}{
		{SegmentRAID1, []int{0, 1}, []int{0}, "AA"},
		{SegmentRAID1, []int{0, 1, 2}, []int{0, 2}, "AAA"},
		{SegmentRAID5, []int{0, 1, 2}, []int{0}, "AAA"},
		{SegmentRAID4, []int{0, 1, 2}, []int{0}, "AAA"},
		{SegmentRAID6, []int{0, 1, 2, 3, 4}, []int{1, 3}, "AAAAA"},
		{SegmentRAID10, []int{0, 1, 2, 3}, []int{1, 2}, "AAAA"},
	} {
		t.Run(fmt.Sprintf("%s without %v", c.typ, c.fails), func(t *testing.T) {
			p := newFailingPVs(t, len(c.legs)+len(c.fails), 24<<20)
			all, there := []int{}, []int{}
			for i := range p.names {
				all = append(all, i)
				if !contains(c.fails, i) {
					there = append(there, i)
				}
			}
			sys := p.open(all...)
			update(t, sys, "vg", func(tx *Tx) error {
				spec := VGSpec{ExtentSize: MiB}
				for i := range p.names {
					spec.PVs = append(spec.PVs, p.path(i))
				}
				if err := tx.CreateVG(spec); err != nil {
					return err
				}
				raid := RAIDSpec{Name: "r", Type: c.typ, Size: ExtentCount(12), RegionSize: 64 * KiB, MaxRate: 8192}
				for _, i := range c.legs {
					raid.PVs = append(raid.PVs, PVSelection{PV: p.path(i)})
				}
				if c.typ == SegmentRAID1 {
					raid.Mirrors = len(c.legs) - 1
				}
				_, err := tx.CreateRAID(raid)
				return err
			})
			t.Cleanup(func() { removeDevices(t) })
			awaitRAID(t, sys, "r")
			require.Equal(t, c.whole, health(t, sys, "r"))
			checker, stop := startChecker(t, "/dev/vg/r")
			checker.Progress(50)
			require.NoError(t, sys.Close())
			for _, i := range c.fails {
				p.fail(i)
			}
			sys = p.open(there...)
			require.Eventually(t, func() bool { checker.Progress(20); return strings.Count(health(t, sys, "r"), "D") == len(c.fails) }, time.Minute, time.Millisecond)
			require.ErrorIs(t, statusOfRAID(t, sys, "r").Err(), ErrDegraded)

			update(t, sys, "vg", func(tx *Tx) error { return tx.RepairRAID("r", RepairSpec{}) })
			require.Empty(t, rebuildsIn(t, sys))
			require.NotContains(t, umltest.Run(t, "dmsetup", "table"), "rebuild")
			t.Log(umltest.Run(t, "dmsetup", "status", "vg-r"))
			require.NotContains(t, health(t, sys, "r"), "D")
			awaitRAID(t, sys, "r")
			require.Equal(t, c.whole, health(t, sys, "r"))
			checker.Progress(50)
			update(t, sys, "vg", func(tx *Tx) error { return tx.RemoveMissing(RemoveMissingSpec{}) })
			vg, err := sys.VG(context.Background(), "vg")
			require.NoError(t, err)
			require.False(t, vg.Partial())

			// As many of the others fail as may, and what the new legs hold counts.
			failed := 0
			for _, i := range c.legs {
				if failed < len(c.fails) && !contains(c.fails, i) {
					p.fail(i)
					failed++
				}
			}
			checker.Progress(200)
			stop()
			assert.Empty(t, suspendedDevices(t))
		})
	}
}

// removeDevices removes the devices of the group vg.
func removeDevices(t *testing.T) {
	if t.Failed() {
		out, _ := exec.Command("dmsetup", "status").CombinedOutput()
		table, _ := exec.Command("dmsetup", "table").CombinedOutput()
		t.Logf("%s\n%s", out, table)
	}
	for range 4 {
		_ = exec.Command("sh", "-c", "dmsetup ls | grep ^vg- | cut -f1 | xargs -rn1 dmsetup remove; rm -rf /dev/vg").Run()
	}
}

func contains(list []int, i int) bool {
	for _, x := range list {
		if x == i {
			return true
		}
	}
	return false
}

// What a raid grew by is brought in sync as any raid is, although the kernel calls it
// a repair.
func TestKernelRAIDGrown(t *testing.T) {
	umltest.NeedKernel(t)
	for _, typ := range []SegmentType{SegmentRAID1, SegmentRAID5} {
		t.Run(string(typ), func(t *testing.T) {
			p := newFailingPVs(t, 4, 32<<20)
			sys := p.open(0, 1, 2, 3)
			update(t, sys, "vg", func(tx *Tx) error {
				if err := tx.CreateVG(VGSpec{ExtentSize: MiB, PVs: []string{p.path(0), p.path(1), p.path(2), p.path(3)}}); err != nil {
					return err
				}
				_, err := tx.CreateRAID(RAIDSpec{Name: "r", Type: typ, Size: ExtentCount(4), MaxRate: 8192})
				return err
			})
			t.Cleanup(func() { removeDevices(t) })
			awaitRAID(t, sys, "r")
			update(t, sys, "vg", func(tx *Tx) error { return tx.ExtendLV("r", ExtendSpec{By: ExtentCount(20)}) })
			require.False(t, statusOfRAID(t, sys, "r").InSync())
			require.ErrorIs(t, sys.Update(context.Background(), "vg", func(tx *Tx) error {
				return tx.ReplaceLegs("r", ReplaceSpec{PVs: []string{p.path(0)}})
			}), ErrNotInSync)
			require.NoError(t, sys.WaitSync(context.Background(), "vg", "r", quickSync))
			s := statusOfRAID(t, sys, "r")
			require.Equal(t, RAIDIdle, s.Action)
			require.Equal(t, s.Total, s.Synced)
		})
	}
}
