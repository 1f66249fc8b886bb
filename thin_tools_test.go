package lvm

import (
	"context"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/internal/cachemeta"
	"github.com/lvm-go/lvm/internal/recorder"
	"github.com/lvm-go/lvm/internal/thinmeta"
)

// poolTools are thin_check, thin_repair, and those of caches, for pools in memory. The
// ones look no further than the superblock, and the others copy.
type poolTools struct {
	realFS
	m *machine
}

func (p poolTools) tool(name string) (string, bool) {
	switch name {
	case "thin_check", "thin_repair", "cache_check", "cache_repair":
		return "/tools/" + name, true
	}
	return p.realFS.tool(name)
}

func (p poolTools) run(ctx context.Context, critical bool, tool string, args ...string) (output string, status int, err error) {
	err = p.m.fuse.burn(onHost, dm.OpTable, tool, func() error {
		switch filepath.Base(tool) {
		case "thin_check":
			status = p.check(args[len(args)-1], func(d deviceBytes) error { _, err := thinmeta.Open(d, d.size); return err })
		case "cache_check":
			status = p.check(args[len(args)-1], func(d deviceBytes) error { _, err := cachemeta.Open(d, d.size); return err })
		case "thin_repair", "cache_repair":
			status = p.repair(args[slices.Index(args, "-i")+1], args[slices.Index(args, "-o")+1])
		default:
			output, status, err = p.realFS.run(ctx, critical, tool, args...)
			return err
		}
		return nil
	})
	return output, status, err
}

// device returns the contents of a device that has a node.
func (p poolTools) device(path string) (deviceBytes, bool) {
	name := filepath.Base(path)
	for _, s := range p.m.kernel.State() {
		if dev, ok := p.m.host.nodes[name]; ok && dev == s.Dev {
			table, err := dm.ParseTable(s.Live)
			return deviceBytes{p.m, s.Name, sectorBytes(table.Length())}, err == nil
		}
	}
	return deviceBytes{}, false
}

func (p poolTools) check(path string, open func(deviceBytes) error) int {
	if d, ok := p.device(path); !ok || open(d) != nil {
		return 1
	}
	return 0
}

func (p poolTools) repair(from, to string) int {
	in, ok := p.device(from)
	out, there := p.device(to)
	contents := make([]byte, in.size)
	if !ok || !there || out.size < in.size {
		return 1
	}
	if _, err := in.ReadAt(contents, 0); err != nil || p.m.kernel.WriteDevice(out.name, contents, 0) != nil {
		return 1
	}
	return 0
}

// deviceBytes is what a mapped device of a machine holds.
type deviceBytes struct {
	m    *machine
	name string
	size Bytes
}

func (d deviceBytes) ReadAt(p []byte, off int64) (int, error) {
	return len(p), d.m.kernel.ReadDevice(d.name, p, off)
}

// Pools are not repaired where that could lose something, or cannot be done; then
// nothing changes.
func TestRepairThinPoolRefusals(t *testing.T) {
	t.Parallel()
	start := (&alteration{setup: thinVolumes}).start(t, OneArea)
	repair := func(tx *Tx) error {
		_, err := tx.RepairThinPool("pool", RepairPoolSpec{})
		return err
	}
	refuseRepairs(t, start, []repairRefusal{
		{"no such lv", "", nil, func(tx *Tx) error { _, err := tx.RepairThinPool("none", RepairPoolSpec{}); return err }, ErrLVNotFound},
		{"no pool", "", nil, func(tx *Tx) error { _, err := tx.RepairThinPool("t", RepairPoolSpec{}); return err }, ErrInvalidSpec},
		{"active", "pool", nil, repair, ErrBusy},
		{"a volume active", "t", nil, repair, ErrBusy},
		{"about to be", "", nil, func(tx *Tx) error { return joinErrors(tx.Activate("pool"), repair(tx)) }, ErrBusy},
		{"about to have a volume", "", nil, func(tx *Tx) error { return joinErrors(tx.addThinLV("pool", "new", 2), repair(tx)) }, ErrUnsupported},
		{"activated at once", "", nil, func(tx *Tx) error { return joinErrors(repair(tx), tx.Activate("t")) }, ErrUnsupported},
		{"twice", "", nil, func(tx *Tx) error { return joinErrors(repair(tx), repair(tx)) }, ErrUnsupported},
		{"image mode", "", func(sys *System) { sys.kernel = nil }, repair, ErrUnsupported},
		{"not to be run", "", func(sys *System) { sys.cfg.ThinRepair.Off = true }, repair, ErrUnsupported},
		{"no tool", "", func(sys *System) { sys.cfg.ThinRepair.Path = "/none" }, repair, ErrUnsupported},
		{"no such pv", "", nil, func(tx *Tx) error {
			_, err := tx.RepairThinPool("pool", RepairPoolSpec{PVs: []PVSelection{{PV: "x"}}})
			return err
		}, ErrInvalidSelection},
	})
}

// repairRefusal is a repair of metadata that is refused.
type repairRefusal struct {
	name   string
	active string        // what is activated before
	change func(*System) // what is different
	do     func(*Tx) error
	want   error
}

// refuseRepairs has each of them refused, on a machine of its own.
func refuseRepairs(t *testing.T, start *recorder.Disks, cases []repairRefusal) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := newMachine(start.Clone())
			sys := m.open(t, 2)
			if c.active != "" {
				update(t, sys, "vg0", func(tx *Tx) error { return tx.Activate(c.active) })
			}
			if c.change != nil {
				c.change(sys)
			}
			m.refuses(t, sys, c.want, c.do)
		})
	}
}

// A pool that is full of volumes, with no room for another spare, is repaired all the
// same; metadata that is lost altogether is not taken for repaired.
func TestRepairThinPool(t *testing.T) {
	t.Parallel()
	start := (&alteration{setup: thinVolumes}).start(t, OneArea)
	m := newMachine(start.Clone())
	sys := m.open(t, 2)
	update(t, sys, "vg0", func(tx *Tx) error {
		_, err := tx.CreateLV(LVSpec{Name: "rest", Size: PercentFree(100), Inactive: true})
		return err
	})
	update(t, sys, "vg0", func(tx *Tx) error {
		kept, err := tx.RepairThinPool("pool", RepairPoolSpec{})
		if err == nil {
			assert.Equal(t, "pool_meta0", kept.Name())
		}
		return err
	})
	require.Empty(t, m.unlike(t))
	v, err := sys.VG(t.Context(), "vg0")
	require.NoError(t, err)
	for _, lv := range v.rec.LVs {
		require.False(t, isSpare(lv), lv.Name)
	}
	update(t, sys, "vg0", func(tx *Tx) error { return tx.ActivateAll() })
	require.Empty(t, m.unlike(t))

	m = newMachine(start.Clone())
	sys = m.open(t, 2)
	vg, err := sys.VG(t.Context(), "vg0")
	require.NoError(t, err)
	lv, err := vg.LV("pool")
	require.NoError(t, err)
	m.spoil(t, sys, "pool_tmeta", "not a checksum")
	err = sys.Update(t.Context(), "vg0", func(tx *Tx) error { return tx.Activate("t") })
	require.ErrorIs(t, err, ErrNeedsCheck)
	var failed *ToolError
	require.ErrorAs(t, err, &failed)
	err = sys.Update(t.Context(), "vg0", func(tx *Tx) error { _, err := tx.RepairThinPool("pool", RepairPoolSpec{}); return err })
	require.ErrorIs(t, err, ErrDamaged)
	require.Empty(t, m.unlike(t))
	require.Equal(t, lv.vg.rec.Seqno, recordOf(t, sys, "vg0").Seqno)

	// Of nothing the kernel makes a pool, which would be without volumes.
	m.spoil(t, sys, "pool_tmeta", "")
	sys.cfg.ThinCheck.Off = true
	calls := m.kernel.Changes()
	require.ErrorIs(t, sys.Update(t.Context(), "vg0", func(tx *Tx) error { return tx.Activate("t") }), ErrDamaged)
	require.Equal(t, calls, m.kernel.Changes())
}

// A program is the one that is named, the usual one, or none.
func TestTool(t *testing.T) {
	t.Parallel()
	box := poolTools{}
	for _, c := range []struct {
		tool Tool
		want tool
		ok   bool
	}{
		{Tool{}, tool{"/tools/thin_check", []string{"-q"}}, true},
		{Tool{Options: []string{}}, tool{"/tools/thin_check", []string{}}, true},
		{Tool{Off: true}, tool{}, false},
		{Tool{Path: "/nowhere/thin_check"}, tool{"", []string{"-q"}}, false},
	} {
		got, ok := c.tool.find(box, "thin_check", "-q")
		assert.Equal(t, c.ok, ok)
		assert.Equal(t, c.want, got)
	}
}
