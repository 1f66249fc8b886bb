package lvm

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/recorder"
	"github.com/lvm-go/lvm/metadata"
)

// twoSides makes vg0 on a, b and c, with a volume on each.
func twoSides(t testing.TB, sys *System, areas MetadataAreas) {
	andSpare(t, sys, areas)
	update(t, sys, "vg0", func(tx *Tx) error {
		_, err := tx.CreateLV(LVSpec{Name: "side", Size: ExtentCount(7), PVs: []PVSelection{{PV: "c"}}})
		return err
	})
	writePatterns(t, sys, "vg0")
}

// twoPairs makes vg0 on a, b and c. A volume is on a, and two are on b and c,
// one of which has metadata areas at any rate.
func twoPairs(t testing.TB, sys *System, areas MetadataAreas) {
	update(t, sys, "vg0", func(tx *Tx) error {
		if err := tx.CreateVG(VGSpec{PVs: []string{"a", "c"}, PV: firstSpec(areas), ExtentSize: 4 * KiB}); err != nil {
			return err
		}
		if err := tx.ExtendVG(areaSpec(areas), "b"); err != nil {
			return err
		}
		return joinErrors(tx.addOn("data", "a"), tx.addOn("side", "c"), tx.addOn("more", "b"))
	})
	writePatterns(t, sys, "vg0")
}

// addOn makes a volume of 9 extents on a device.
func (tx *Tx) addOn(name, device string) error {
	_, err := tx.CreateLV(LVSpec{Name: name, Size: ExtentCount(9), PVs: []PVSelection{{PV: device}}})
	return err
}

// thirdGroup makes vg0 on a and b and vg1 on c, with volumes.
func thirdGroup(t testing.TB, sys *System, areas MetadataAreas) {
	twoPairs(t, sys, areas)
	update(t, sys, "vg0", func(tx *Tx) error { return tx.SplitVG("vg1", SplitSpec{PVs: []string{"c"}}) })
}

func TestSplitAndMerge(t *testing.T) {
	t.Parallel()
	disks := recorder.New(diskSize, "a", "b", "c")
	sys := openDisks(t, disks, 1)
	twoSides(t, sys, OneArea)
	whole := recordOf(t, sys, "vg0")

	update(t, sys, "vg0", func(tx *Tx) error { return tx.SplitVG("vg1", SplitSpec{LV: "side"}) })
	assert.Empty(t, problems(t, sys))
	vg0, vg1 := recordOf(t, sys, "vg0"), recordOf(t, sys, "vg1")
	assert.Equal(t, whole.Seqno+1, vg0.Seqno)
	assert.EqualValues(t, 2, vg1.Seqno)
	require.Len(t, vg0.PVs, 2)
	require.Len(t, vg0.LVs, 3)
	require.Len(t, vg1.PVs, 1)
	require.Len(t, vg1.LVs, 1)
	assert.Equal(t, whole.LVs[3], vg1.LVs[0])

	update(t, sys, "vg0", func(tx *Tx) error { return tx.MergeVG("vg1") })
	assert.Empty(t, problems(t, sys))
	assert.Nil(t, recordOf(t, sys, "vg1"))
	merged := recordOf(t, sys, "vg0")
	assert.Equal(t, vg0.Seqno+1, merged.Seqno)
	merged.Seqno = whole.Seqno
	assert.Equal(t, textOf(whole), textOf(merged))
	checkPatterns(t, sys, whole)
}

func TestSplitIntoGroupThatExists(t *testing.T) {
	t.Parallel()
	disks := recorder.New(diskSize, "a", "b", "c", "d")
	sys := openDisks(t, disks, 1)
	twoSides(t, sys, OneArea)
	whole := recordOf(t, sys, "vg0")
	update(t, sys, "vg1", func(tx *Tx) error {
		return joinErrors(tx.CreateVG(VGSpec{PVs: []string{"d"}, PV: areaSpec(OneArea), ExtentSize: 4 * KiB}), tx.addLV("there", 3, 1))
	})
	update(t, sys, "vg0", func(tx *Tx) error { return tx.SplitVG("vg1", SplitSpec{PVs: []string{"c"}}) })
	vg1 := recordOf(t, sys, "vg1")
	assert.EqualValues(t, 3, vg1.Seqno)
	require.Len(t, vg1.LVs, 2)
	checkPatterns(t, sys, &metadata.VolumeGroup{Name: "vg1", LVs: whole.LVs[3:]})
	assert.Empty(t, problems(t, sys))
}

// TestSplitAndMergeRefused tests that what is refused changes nothing.
func TestSplitAndMergeRefused(t *testing.T) {
	t.Parallel()
	split := func(to string, spec SplitSpec) func(*Tx) error {
		return func(tx *Tx) error { return tx.SplitVG(to, spec) }
	}
	c := SplitSpec{PVs: []string{"c"}}
	group := func(spec VGSpec) func(*System) error {
		return func(sys *System) error {
			spec.PVs, spec.PV = []string{"d"}, areaSpec(OneArea)
			return sys.Update(context.Background(), "vg1", func(tx *Tx) error {
				if err := tx.CreateVG(spec); err != nil {
					return err
				}
				_, err := tx.CreateLV(LVSpec{Name: "data", Size: ExtentCount(1)})
				return err
			})
		}
	}
	small := VGSpec{ExtentSize: 4 * KiB}
	for _, c := range []struct {
		name  string
		first func(*System) error
		do    func(*Tx) error
		want  error
	}{
		{name: "split into itself", do: split("vg0", c), want: ErrInvalidSpec},
		{name: "no spec", do: split("vg1", SplitSpec{}), want: ErrInvalidSpec},
		{name: "both", do: split("vg1", SplitSpec{PVs: []string{"c"}, LV: "side"}), want: ErrInvalidSpec},
		{name: "no such pv", do: split("vg1", SplitSpec{PVs: []string{"d"}}), want: ErrPVNotFound},
		{name: "no such lv", do: split("vg1", SplitSpec{LV: "none"}), want: ErrLVNotFound},
		{name: "lv on both sides", do: split("vg1", SplitSpec{PVs: []string{"a"}}), want: ErrBusy},
		{name: "all pvs", do: split("vg1", SplitSpec{PVs: []string{"a", "b", "c"}}), want: ErrBusy},
		{name: "bad name", do: split("a/b", c), want: ErrInvalidName},
		{name: "lv made in this update", do: func(tx *Tx) error {
			_, err := tx.CreateLV(LVSpec{Name: "new", Size: ExtentCount(1), PVs: []PVSelection{{PV: "c"}}})
			return joinErrors(err, tx.SplitVG("vg1", c))
		}, want: ErrUnsupported},
		{name: "options for a group that exists", first: group(small),
			do: split("vg1", SplitSpec{PVs: []string{"c"}, MaxLV: 3}), want: ErrInvalidSpec},
		{name: "other extent size", first: group(VGSpec{ExtentSize: 8 * KiB}), do: split("vg1", c), want: ErrUnsupported},
		{name: "too many pvs", first: group(VGSpec{ExtentSize: 4 * KiB, MaxPV: 1}), do: split("vg1", c), want: ErrNoSpace},
		{name: "too many lvs", first: group(VGSpec{ExtentSize: 4 * KiB, MaxLV: 1}), do: split("vg1", c), want: ErrNoSpace},
		{name: "merge without group", do: func(tx *Tx) error { return tx.MergeVG("none") }, want: ErrVGNotFound},
		{name: "merge with itself", do: func(tx *Tx) error { return tx.MergeVG("vg0") }, want: ErrInvalidSpec},
		{name: "merge with one of the same lv", first: group(small), do: func(tx *Tx) error { return tx.MergeVG("vg1") }, want: ErrExists},
		{name: "merge other extent size", first: group(VGSpec{ExtentSize: 8 * KiB}), do: func(tx *Tx) error { return tx.MergeVG("vg1") }, want: ErrUnsupported},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			disks := recorder.New(diskSize, "a", "b", "c", "d")
			sys := openDisks(t, disks, 1)
			twoSides(t, sys, OneArea)
			if c.first != nil {
				require.NoError(t, c.first(sys))
			}
			disks.Record()
			err := sys.Update(context.Background(), "vg0", c.do)
			require.ErrorIs(t, err, c.want)
			assert.Empty(t, written(disks))
		})
	}
}

func TestSplitLeavesNoArea(t *testing.T) {
	t.Parallel()
	disks := recorder.New(diskSize, "a", "b", "c")
	sys := openDisks(t, disks, 1)
	twoSides(t, sys, NoArea) // but on a
	disks.Record()
	err := sys.Update(context.Background(), "vg0", func(tx *Tx) error { return tx.SplitVG("vg1", SplitSpec{PVs: []string{"c"}}) })
	require.ErrorIs(t, err, ErrBusy)
	assert.Empty(t, written(disks))
}

// TestSplitOfActive tests that volumes with a device stay where they are.
func TestSplitOfActive(t *testing.T) {
	t.Parallel()
	disks := recorder.New(diskSize, "a", "b", "c")
	twoSides(t, openDisks(t, disks, 1), OneArea)
	m := newMachine(disks)
	sys := m.open(t, 2) // with identifiers of its own
	update(t, sys, "vg0", func(tx *Tx) error { return tx.ActivateAll() })
	split := func(tx *Tx) error { return tx.SplitVG("vg1", SplitSpec{PVs: []string{"c"}}) }
	require.ErrorIs(t, sys.Update(context.Background(), "vg0", split), ErrBusy)
	update(t, sys, "vg0", func(tx *Tx) error { return tx.Deactivate("side") })
	update(t, sys, "vg0", split)
	update(t, sys, "vg1", func(tx *Tx) error { return tx.Activate("side") })
	merge := func(tx *Tx) error { return tx.MergeVG("vg1") }
	require.ErrorIs(t, sys.Update(context.Background(), "vg0", merge), ErrBusy)
	update(t, sys, "vg1", func(tx *Tx) error { return tx.Deactivate("side") })
	update(t, sys, "vg0", merge)
	update(t, sys, "vg0", func(tx *Tx) error { return tx.Activate("side") })
	assert.Empty(t, m.unlike(t))
}
