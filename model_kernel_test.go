package lvm

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/lvm-go/lvm/internal/umltest"
)

// TestKernelModel makes sequences as TestModel does, with volumes that are
// active, and lets lvm2 judge at the end of each.
func TestKernelModel(t *testing.T) {
	umltest.NeedKernel(t)
	lvm2 := umltest.NeedTool(t, "lvm")
	w := newKernelWorld(t)
	few(t, 8)
	tally := modelTally{}
	defer tally.log(t)
	rapid.Check(t, func(t *rapid.T) {
		w.blank(t)
		m := newModel(t, w, tally)
		actions := m.actions()
		actions["activate"] = m.step("activate", func() { m.activate(true) })
		actions["deactivate"] = m.step("deactivate", func() { m.activate(false) })
		m.T.Repeat(actions)
		m.judge(lvm2)
	})
}

// few lowers how many sequences rapid makes. No other test runs meanwhile.
func few(t *testing.T, n int) {
	f := flag.Lookup("rapid.checks")
	if f.Value.String() != f.DefValue {
		return // somebody asked for a number
	}
	require.NoError(t, f.Value.Set(fmt.Sprint(n)))
	t.Cleanup(func() { require.NoError(t, f.Value.Set(f.DefValue)) })
}

// kernelWorld is loop devices.
type kernelWorld struct {
	paths []string
	sys   *System // for the operations
	fresh *System // the last one that looked
}

func newKernelWorld(t *testing.T) *kernelWorld {
	w := &kernelWorld{}
	for range 5 {
		dev, _ := umltest.Loop(t, int64(diskSize))
		w.paths = append(w.paths, dev)
	}
	t.Cleanup(func() { w.blank(t) })
	return w
}

func (w *kernelWorld) devices() []string { return w.paths }
func (w *kernelWorld) begin()            {}
func (w *kernelWorld) written() []string { return nil }

func (w *kernelWorld) system(t tester) *System {
	sys, err := Open(Config{Devices: w.paths})
	require.NoError(t, err)
	if w.sys == nil {
		w.sys = sys
		return sys
	}
	require.NoError(t, w.fresh.Close())
	w.fresh = sys
	return sys
}

func (w *kernelWorld) blocks(t require.TestingT, lv *LogicalVolume, fn func(blockFile)) {
	if !lv.Active() {
		return
	}
	d, err := openFileDevice(lv.Path(), !lv.ReadOnly())
	require.NoError(t, err)
	fn(d)
	require.NoError(t, d.Close())
}

// blank takes down all volumes and blanks the devices.
func (w *kernelWorld) blank(t tester) {
	ctx := context.Background()
	sys, err := Open(Config{Devices: w.paths})
	require.NoError(t, err)
	inv, err := sys.Scan(ctx)
	require.NoError(t, err)
	for _, vg := range inv.VGs {
		require.NoError(t, sys.Update(ctx, vg.Name(), func(tx *Tx) error { return tx.DeactivateAll() }))
	}
	require.NoError(t, sys.Close())
	for _, path := range w.paths {
		d, err := openFileDevice(path, true)
		require.NoError(t, err)
		_, err = d.WriteAt(make([]byte, diskSize), 0)
		require.NoError(t, err)
		require.NoError(t, d.Sync())
		require.NoError(t, d.Close())
	}
	for _, s := range []*System{w.sys, w.fresh} {
		require.NoError(t, s.Close())
	}
	w.sys, w.fresh = nil, nil
}

// activate gives all volumes of a group devices, or takes them away.
func (m *model) activate(yes bool) {
	vg, _ := m.group()
	m.try(vg, true, func(tx *Tx) error {
		if yes {
			return tx.ActivateAll()
		}
		return tx.DeactivateAll()
	})
}

// judge asks lvm2 what it thinks of all that there is.
func (m *model) judge(lvm2 string) {
	ask := func(args ...string) string {
		out, err := exec.Command(lvm2, args...).CombinedOutput()
		require.NoError(m, err, "lvm %s: %s", strings.Join(args, " "), out)
		require.NotContains(m, string(out), "WARNING", "lvm %s", strings.Join(args, " "))
		return strings.TrimSpace(string(out))
	}
	for _, name := range slices.Sorted(maps.Keys(m.groups)) {
		vg, err := m.sys.VG(context.Background(), name)
		require.NoError(m, err)
		want := fmt.Sprintf("%s %d %d %d", name, vg.Seqno(), vg.FreeExtents(), len(m.groups[name].lvs))
		got := ask("vgs", "--noheadings", "-o", "vg_name,vg_seqno,vg_free_count,lv_count", "--separator", " ", name)
		require.Equal(m, want, got)
		if !m.groups[name].exported {
			ask("vgck", name)
		}
	}
	for _, d := range slices.Sorted(maps.Keys(m.pvs)) {
		ask("pvck", d)
	}
	rec, err := m.sys.Recover(context.Background())
	require.NoError(m, err)
	require.Empty(m, rec.Done)
}
