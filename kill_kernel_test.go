package lvm

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/internal/umltest"
	"github.com/lvm-go/lvm/metadata"
)

// killEnv tells the test binary to make one alteration and to die ahead of one
// of its steps: "2 rename lv" with the devices as arguments.
const killEnv = "LVM_TEST_KILL"

// Exit codes of a process that was to die and did not.
const (
	livedOn = 3
	failed  = 4
)

// liveAndDie does what killEnv says.
func liveAndDie(order string, devices []string) int {
	number, name, _ := strings.Cut(order, " ")
	last, err := strconv.Atoi(number)
	if err != nil {
		return failed
	}
	sys, err := Open(Config{Devices: devices})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return failed
	}
	step := 0
	sys.before = func(Step) {
		if step == last {
			self, _ := os.FindProcess(os.Getpid())
			_ = self.Kill()
			select {}
		}
		step++
	}
	for _, c := range slices.Concat(alterations(), kernelAlterations()) {
		if c.name != name {
			continue
		}
		if err := c.perform(sys, OneArea); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return failed
		}
		return livedOn
	}
	return failed
}

// TestKernelKill ends a process with SIGKILL ahead of each step, and compares
// what Recover makes of it with what lvm2 does.
func TestKernelKill(t *testing.T) {
	umltest.NeedKernel(t)
	for _, name := range []string{
		"create lv", "extend lv", "reduce lv", "rename lv", "remove lv", "several in one",
		"activate all", "deactivate all", "refresh", "rename in a chain", "replace by one of the same name",
		"rename vg and lvs and make one",
	} {
		t.Run(name, func(t *testing.T) {
			stride := 4
			if everything() {
				stride = 1
			}
			for step := 0; ; step += stride {
				if !killAt(t, name, step) {
					require.Positive(t, step)
					return
				}
			}
		})
	}
}

// killAt has a process die ahead of a step of an alteration; false if it has no
// such step.
func killAt(t *testing.T, name string, step int) bool {
	ctx := context.Background()
	sys, devices := kernelSystem(t, 2, 8<<20)
	before := smallWorld(t, sys, devices)
	defer endSmallWorld(t, sys)
	if name == "activate all" {
		update(t, sys, "vg0", (*Tx).DeactivateAll)
	}

	self, err := os.Executable()
	require.NoError(t, err)
	child := exec.Command(self, devices...)
	child.Env = append(os.Environ(), fmt.Sprintf("%s=%d %s", killEnv, step, name))
	out, err := child.CombinedOutput()
	require.Error(t, err)
	lived := child.ProcessState.ExitCode() == livedOn
	if !lived {
		require.Equal(t, -1, child.ProcessState.ExitCode(), "%s", out)
	}

	where := fmt.Sprintf("%s, dead ahead of step %d", name, step)
	rec, err := sys.Recover(ctx)
	require.NoError(t, err, where)
	require.Empty(t, rec.Problems, where)
	checkSmallWorld(t, sys, before, where)
	return !lived
}

// smallWorld makes a group of active volumes with patterns, and returns it.
func smallWorld(t *testing.T, sys *System, devices []string) *metadata.VolumeGroup {
	t.Helper()
	update(t, sys, "vg0", func(tx *Tx) error {
		return joinErrors(tx.CreateVG(VGSpec{PVs: devices, ExtentSize: 4 * KiB, PV: areaSpec(OneArea)}),
			tx.addLV("data", 20, 1), tx.addLV("striped", 8, 2), tx.addLV("other", 5, 1))
	})
	vg := recordOf(t, sys, "vg0")
	for _, lv := range vg.LVs {
		require.NoError(t, os.WriteFile("/dev/vg0/"+lv.Name, pattern(lv.ID, sizeOf(lv)), 0o600))
	}
	return vg
}

// endSmallWorld removes what became of the group.
func endSmallWorld(t *testing.T, sys *System) {
	update(t, sys, onlyGroup(t, sys).Name(), func(tx *Tx) error {
		for lv := range tx.VG().LVs() {
			if err := tx.RemoveLV(lv.Name()); err != nil {
				return err
			}
		}
		return tx.RemoveVG()
	})
}

// checkSmallWorld checks that what became of the group is in order, in the kernel and for
// lvm2, and that the volumes hold what they held.
func checkSmallWorld(t *testing.T, sys *System, before *metadata.VolumeGroup, where string) {
	t.Helper()
	vg := onlyGroup(t, sys)
	require.NotNil(t, vg, where)
	require.Empty(t, vg.Problems(), where)
	checkKernel(t, sys, vg, where)
	lvm2(t, "vgck", vg.Name())
	for lv := range vg.LVs() {
		checkDevice(t, before, lv, where)
	}
	// What lvm2 activates is the same.
	tables := activeTables(t, sys)
	lvm2(t, "vgchange", "-an", vg.Name())
	lvm2(t, "vgchange", "-ay", vg.Name())
	for uuid, table := range activeTables(t, sys) {
		if ours, ok := tables[uuid]; ok {
			require.Equal(t, table, ours, where)
		}
	}
}

func sizeOf(lv *metadata.LogicalVolume) Bytes { return Bytes(lv.Extents()) * 4 * KiB }

// checkKernel checks that all devices are in order and as the metadata says.
func checkKernel(t *testing.T, sys *System, vg *VolumeGroup, where string) {
	t.Helper()
	list, err := sys.kernel.Devices(dm.ListOptions{})
	require.NoError(t, err)
	list = slices.DeleteFunc(list, func(d dm.Device) bool { return d.UUID == "" }) // a test's own
	for _, d := range list {
		info, table, err := sys.kernel.Table(dm.ByDev(d.Dev), dm.QueryOptions{NoFlush: true})
		require.NoError(t, err)
		assert.False(t, info.Suspended, "%s: %s is suspended", where, d.Name)
		assert.False(t, info.InactiveTable, "%s: %s has an inactive table", where, d.Name)
		_, id, _, ok := parseDMUUID(d.UUID)
		require.True(t, ok, where)
		lv, err := vg.LV(id.String())
		require.NoError(t, err, "%s: %s", where, d.Name)
		want, err := lv.Table()
		require.NoError(t, err)
		assert.Equal(t, want.String(), table.String(), where)
		assert.Equal(t, lv.DMName(), d.Name, where)
		assert.FileExists(t, lv.Path(), where)
	}
	links, err := os.ReadDir("/dev/" + vg.Name())
	if err == nil || len(list) > 0 {
		require.NoError(t, err)
		assert.Len(t, links, len(list), where)
	}
	for _, former := range []string{"vg0", "vg1"} {
		if former != vg.Name() {
			assert.NoDirExists(t, "/dev/"+former, where)
		}
	}
	nodes, err := os.ReadDir("/dev/mapper")
	require.NoError(t, err)
	nodes = slices.DeleteFunc(nodes, func(n os.DirEntry) bool { return strings.HasPrefix(n.Name(), flakyPrefix) })
	assert.Len(t, nodes, len(list)+1, "%s: %v", where, nodes) // and control
}

// checkDevice checks what a volume holds.
func checkDevice(t *testing.T, before *metadata.VolumeGroup, lv *LogicalVolume, where string) {
	t.Helper()
	for _, old := range before.LVs {
		if old.ID != lv.ID() || !lv.Active() {
			continue
		}
		got, err := os.ReadFile(lv.Path())
		require.NoError(t, err)
		n := min(len(got), int(sizeOf(old)))
		assert.True(t, bytes.Equal(pattern(old.ID, Bytes(n)), got[:n]), "%s: contents of %s", where, lv.Name())
	}
}

// activeTables returns the tables of all devices by their UUID.
func activeTables(t *testing.T, sys *System) map[string]string {
	t.Helper()
	list, err := sys.kernel.Devices(dm.ListOptions{})
	require.NoError(t, err)
	out := map[string]string{}
	for _, d := range list {
		_, table, err := sys.kernel.Table(dm.ByDev(d.Dev), dm.QueryOptions{NoFlush: true})
		require.NoError(t, err)
		out[d.UUID] = table.String()
	}
	return out
}
