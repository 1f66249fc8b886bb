package lvm

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/recorder"
	"github.com/lvm-go/lvm/metadata"
)

// refused checks that an update is refused with an error of that kind, and that
// nothing changed on the disks.
func refused(t testing.TB, disks *recorder.Disks, sys *System, kind error, fn func(*Tx) error) {
	t.Helper()
	before := disks.Clone()
	err := sys.Update(context.Background(), "vg0", fn)
	require.ErrorIs(t, err, kind)
	var op *OpError
	require.ErrorAs(t, err, &op)
	require.True(t, disks.Equal(before), "the disks changed")
}

// newWorld returns disks and a System after a setup.
func newWorld(t testing.TB, setup func(testing.TB, *System, MetadataAreas)) (*recorder.Disks, *System) {
	t.Helper()
	disks := recorder.New(diskSize, "a", "b", "c")
	sys := openDisks(t, disks, 1)
	setup(t, sys, OneArea)
	return disks, openDisks(t, disks, 2)
}

func TestChangeVG(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		do    func(*Tx) error
		check func(vg *metadata.VolumeGroup) bool
	}{
		{"allocation", func(tx *Tx) error { return tx.SetVGAllocation(metadata.AllocCling) },
			func(vg *metadata.VolumeGroup) bool { return vg.Allocation == metadata.AllocCling }},
		{"limits", func(tx *Tx) error { return tx.SetVGLimits(3, 2) },
			func(vg *metadata.VolumeGroup) bool { return vg.MaxLV == 3 && vg.MaxPV == 2 }},
		{"not resizeable", func(tx *Tx) error { return tx.SetResizeable(false) },
			func(vg *metadata.VolumeGroup) bool { return vg.Status&metadata.VGResizeable == 0 }},
		{"no autoactivation", func(tx *Tx) error { return tx.SetVGAutoActivation(false) },
			func(vg *metadata.VolumeGroup) bool { return vg.Status&metadata.VGNoAutoactivate != 0 }},
		{"copies", func(tx *Tx) error { return tx.SetMetadataCopies(7) },
			func(vg *metadata.VolumeGroup) bool { return vg.MetadataCopies == 7 }},
		{"system id", func(tx *Tx) error { return tx.SetSystemID("host.1") }, func(vg *metadata.VolumeGroup) bool {
			ok := vg.SystemID == "host.1" && vg.Status&(metadata.VGWrite|metadata.VGWriteLocked) == metadata.VGWriteLocked
			for _, lv := range vg.LVs {
				ok = ok && lv.Status&(metadata.LVWrite|metadata.LVWriteLocked) == metadata.LVWriteLocked
			}
			return ok
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			disks, sys := newWorld(t, volumes)
			before := recordOf(t, sys, "vg0")
			require.False(t, tt.check(before))
			update(t, sys, "vg0", tt.do)
			after := recordOf(t, openDisks(t, disks, 3), "vg0")
			require.Equal(t, before.Seqno+1, after.Seqno)
			require.True(t, tt.check(after))
			checkPatterns(t, openDisks(t, disks, 4), before)
			if after.SystemID != "" {
				return // of another host now
			}
			plan, err := sys.Plan(context.Background(), "vg0", tt.do)
			require.NoError(t, err)
			require.True(t, plan.Empty(), "the same again: %s", plan)
		})
	}
}

func TestChangeVGRefused(t *testing.T) {
	t.Parallel()
	long := make([]byte, 129)
	for i := range long {
		long[i] = 'a'
	}
	systemID := func(id string) func(*Tx) error { return func(tx *Tx) error { return tx.SetSystemID(id) } }
	rigid := func(fn func(*Tx) error) func(*Tx) error {
		return func(tx *Tx) error { return joinErrors(tx.SetResizeable(false), fn(tx)) }
	}
	for _, tt := range []struct {
		name string
		kind error
		do   func(*Tx) error
	}{
		{"inherit", ErrInvalidSpec, func(tx *Tx) error { return tx.SetVGAllocation(metadata.AllocInherit) }},
		{"no policy", ErrInvalidSpec, func(tx *Tx) error { return tx.SetVGAllocation(77) }},
		{"fewer lvs than there are", ErrInvalidSpec, func(tx *Tx) error { return tx.SetVGLimits(2, 0) }},
		{"fewer pvs than there are", ErrInvalidSpec, func(tx *Tx) error { return tx.SetVGLimits(0, 1) }},
		{"limits of a group that is not resizeable", ErrReadOnly, rigid(func(tx *Tx) error { return tx.SetVGLimits(9, 9) })},
		{"extents of a group that is not resizeable", ErrReadOnly, rigid(func(tx *Tx) error { return tx.SetExtentSize(8 * KiB) })},
		{"system id with a slash", ErrInvalidSpec, systemID("a/b")},
		{"system id with a space", ErrInvalidSpec, systemID("a b")},
		{"system id with a dash in front", ErrInvalidSpec, systemID("-a")},
		{"system id of any host", ErrInvalidSpec, systemID("localhost.localdomain")},
		{"long system id", ErrInvalidSpec, systemID(string(long))},
		{"extents of no size", ErrInvalidSpec, func(tx *Tx) error { return tx.SetExtentSize(3 * KiB) }},
		{"extents too large for an lv", ErrInvalidSpec, func(tx *Tx) error { return tx.SetExtentSize(8 * KiB) }},
		{"extents shorter than stripes", ErrInvalidSpec, func(tx *Tx) error { return tx.SetExtentSize(2 * KiB) }},
		{"extents after other changes", ErrUnsupported, func(tx *Tx) error {
			return joinErrors(tx.RemoveLV("striped"), tx.SetExtentSize(2*KiB))
		}},
		{"import of what is not exported", ErrInvalidSpec, func(tx *Tx) error { return tx.ImportVG(ImportSpec{}) }},
		{"last area ignored", ErrBusy, func(tx *Tx) error {
			return joinErrors(tx.ignoreAreasOf(0, true), tx.ignoreAreasOf(1, true))
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			disks, sys := newWorld(t, volumes)
			refused(t, disks, sys, tt.kind, tt.do)
		})
	}
}

func TestCreateVGWith(t *testing.T) {
	t.Parallel()
	disks := recorder.New(diskSize, "a", "b", "c")
	sys := openDisks(t, disks, 1)
	refused(t, disks, sys, ErrInvalidSpec, func(tx *Tx) error {
		return tx.CreateVG(VGSpec{PVs: []string{"a"}, SystemID: "a", NoSystemID: true})
	})
	refused(t, disks, sys, ErrInvalidSpec, func(tx *Tx) error {
		return tx.CreateVG(VGSpec{PVs: []string{"a"}, SystemID: "localhost"})
	})
	sys.cfg.SystemID = "me"
	update(t, sys, "none", func(tx *Tx) error {
		return tx.CreateVG(VGSpec{PVs: []string{"a"}, ExtentSize: 4 * KiB, NoSystemID: true, NoAutoActivation: true})
	})
	vg := recordOf(t, sys, "none")
	assert.Empty(t, vg.SystemID)
	assert.Equal(t, metadata.VGResizeable|metadata.VGRead|metadata.VGWrite|metadata.VGNoAutoactivate, vg.Status)
	update(t, sys, "other", func(tx *Tx) error {
		return tx.CreateVG(VGSpec{PVs: []string{"b", "c"}, PV: areaSpec(TwoAreas), ExtentSize: 4 * KiB, SystemID: "you", MetadataCopies: 3})
	})
	vg = recordOf(t, sys, "other")
	assert.Equal(t, "you", vg.SystemID)
	assert.Equal(t, uint32(3), vg.MetadataCopies)
	assert.Equal(t, map[string]int{"b": 2, "c": 1}, areasInUse(t, sys, "other"))
	refused(t, disks, sys, ErrVGNotFound, func(tx *Tx) error { return tx.SetSystemID("me") })
	err := sys.Update(context.Background(), "other", func(tx *Tx) error { return tx.SetSystemID("me") })
	require.ErrorIs(t, err, ErrForeign)
	sys.cfg.ExtraSystemIDs = []string{"you"}
	sys = openDisks(t, disks, 3)
	sys.cfg.SystemID, sys.cfg.ExtraSystemIDs = "me", []string{"you"}
	update(t, sys, "other", func(tx *Tx) error { return tx.SetSystemID("me") })
	assert.Equal(t, "me", recordOf(t, sys, "other").SystemID)
}

// areasInUse returns how many areas of each device of a group are not ignored.
func areasInUse(t testing.TB, sys *System, vg string) map[string]int {
	t.Helper()
	h := sys.newHandles()
	defer h.close()
	sc, err := sys.scanDevices(context.Background(), h)
	require.NoError(t, err)
	st, err := sys.loadFrom(sc, vg)
	require.NoError(t, err)
	out := map[string]int{}
	for i := range st.areas {
		if a := &st.areas[i]; usable(a) {
			key, ok := a.key()
			require.True(t, ok)
			require.Equal(t, st.key, key)
			out[a.path]++
		}
	}
	return out
}

func TestMetadataCopies(t *testing.T) {
	t.Parallel()
	disks := recorder.New(diskSize, "a", "b", "c")
	sys := openDisks(t, disks, 1)
	update(t, sys, "vg0", func(tx *Tx) error {
		return tx.CreateVG(VGSpec{PVs: disks.Paths(), PV: areaSpec(TwoAreas), ExtentSize: 4 * KiB})
	})
	set := func(n uint32) func(*Tx) error { return func(tx *Tx) error { return tx.SetMetadataCopies(n) } }
	for _, step := range []struct {
		do     func(*Tx) error
		want   map[string]int
		copies uint32
	}{
		{set(5), map[string]int{"a": 2, "b": 2, "c": 1}, 5},
		{set(3), map[string]int{"a": 1, "b": 1, "c": 1}, 3},
		{set(1), map[string]int{"a": 1}, 1},
		{set(0), map[string]int{"a": 1}, 0},
		{set(2), map[string]int{"a": 1, "b": 1}, 2},
		{func(tx *Tx) error { return tx.ignoreAreasOf(0, true) }, map[string]int{"b": 1}, 1},
		{func(tx *Tx) error { return tx.ReduceVG("b") }, map[string]int{"a": 1}, 1},
		{func(tx *Tx) error { return tx.ignoreAreasOf(1, false) }, map[string]int{"a": 1, "c": 2}, 3},
		{set(9), map[string]int{"a": 2, "c": 2}, 9},
		{func(tx *Tx) error { return tx.ExtendVG(areaSpec(OneArea), "b") }, map[string]int{"a": 2, "b": 2, "c": 2}, 9},
		{set(1), map[string]int{"a": 1}, 1},
		{(*Tx).UseAllMetadataAreas, map[string]int{"a": 2, "b": 2, "c": 2}, 0},
	} {
		update(t, sys, "vg0", step.do)
		sys = openDisks(t, disks, 2)
		require.Equal(t, step.want, areasInUse(t, sys, "vg0"))
		require.Equal(t, step.copies, recordOf(t, sys, "vg0").MetadataCopies)
		require.Empty(t, problems(t, sys))
	}
	// An orphan keeps its ignored areas, and a group takes one at least.
	update(t, sys, "vg0", set(1))
	update(t, sys, "vg0", (*Tx).RemoveVG)
	update(t, sys, "vg1", func(tx *Tx) error { return tx.CreateVG(VGSpec{PVs: []string{"c", "b"}, ExtentSize: 4 * KiB}) })
	require.Equal(t, map[string]int{"c": 1}, areasInUse(t, openDisks(t, disks, 3), "vg1"))
	require.Empty(t, problems(t, openDisks(t, disks, 3)))
}

func TestExtentSize(t *testing.T) {
	t.Parallel()
	disks, sys := newWorld(t, large)
	before := recordOf(t, sys, "vg0")
	for _, size := range []Bytes{4 * KiB, 8 * KiB, 4 * KiB} {
		update(t, sys, "vg0", func(tx *Tx) error { return tx.SetExtentSize(size) })
		sys = openDisks(t, disks, 2)
		vg, err := sys.VG(context.Background(), "vg0")
		require.NoError(t, err)
		require.Equal(t, size, vg.ExtentSize())
		for _, old := range before.LVs {
			lv, err := vg.LV(old.Name)
			require.NoError(t, err)
			require.Equal(t, old.Extents()*Extents(8*KiB), lv.Extents()*Extents(size))
			f, err := lv.Open()
			require.NoError(t, err)
			got := make([]byte, lv.Size())
			_, err = f.ReadAt(got, 0)
			require.NoError(t, err)
			require.Equal(t, pattern(old.ID, lv.Size()), got)
		}
	}
	// In one update: what is removed after it is not overwritten before the commit.
	plan, err := sys.Plan(context.Background(), "vg0", func(tx *Tx) error {
		data, _, err := tx.lvFor("data")
		require.NoError(t, err)
		err = joinErrors(tx.SetExtentSize(8*KiB), tx.RemoveLV("data"), tx.addLV("new", 20, 1))
		if lv, _, err := tx.lvFor("new"); assert.NoError(t, err) {
			assert.NotEqual(t, data.Segments[0].Body.Areas()[0].Start, lv.Segments[0].Body.Areas()[0].Start*2)
		}
		return err
	})
	require.NoError(t, err)
	require.True(t, plan.Destructive())
}

func TestExport(t *testing.T) {
	t.Parallel()
	disks, sys := newWorld(t, volumes)
	before := recordOf(t, sys, "vg0")
	sys.cfg.SystemID = "me"
	update(t, sys, "vg0", func(tx *Tx) error { return tx.SetSystemID("me") })
	update(t, sys, "vg0", (*Tx).ExportVG)
	vg := recordOf(t, openDisks(t, disks, 3), "vg0")
	require.Equal(t, before.Status|metadata.VGExported, vg.Status)
	require.Empty(t, vg.SystemID)
	for _, pv := range vg.PVs {
		require.Equal(t, metadata.PVAllocatable|metadata.PVExported, pv.Status)
	}
	sys = openDisks(t, disks, 4)
	sys.cfg.SystemID = "you"
	refused(t, disks, sys, ErrExported, (*Tx).ExportVG)
	refused(t, disks, sys, ErrExported, func(tx *Tx) error { return tx.SetVGAutoActivation(false) })
	update(t, sys, "vg0", func(tx *Tx) error { return tx.ImportVG(ImportSpec{}) })
	vg = recordOf(t, sys, "vg0")
	require.Equal(t, "you", vg.SystemID)
	update(t, sys, "vg0", func(tx *Tx) error { return tx.SetSystemID("") })
	vg = recordOf(t, sys, "vg0")
	vg.Seqno = before.Seqno
	require.Equal(t, before, vg)
	checkPatterns(t, sys, before)
}

func TestImportWithMissingPV(t *testing.T) {
	t.Parallel()
	disks, sys := newWorld(t, volumes)
	update(t, sys, "vg0", (*Tx).ExportVG)
	sys = openDisks(t, disks, 3)
	sys.cfg.Devices = []string{"a", "c"}
	refused(t, disks, sys, ErrMissingPV, func(tx *Tx) error { return tx.ImportVG(ImportSpec{}) })
	update(t, sys, "vg0", func(tx *Tx) error { return tx.ImportVG(ImportSpec{Force: true}) })
	vg := recordOf(t, sys, "vg0")
	require.Zero(t, vg.Status&metadata.VGExported)
	require.Equal(t, metadata.PVAllocatable, vg.PVs[0].Status)
	require.Equal(t, metadata.PVAllocatable|metadata.PVMissing, vg.PVs[1].Status)
	refused(t, disks, sys, ErrMissingPV, (*Tx).ExportVG)
	refused(t, disks, sys, ErrMissingPV, func(tx *Tx) error { return tx.SetVGLimits(9, 9) })
	update(t, sys, "vg0", func(tx *Tx) error { return tx.SetTags("t") })
}
