package lvm

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/metadata"
)

// TestRemoveMissingFromRAIDs: raids stay as long as the others of their legs have all
// data; what those that are gone give is errors.
func TestRemoveMissingFromRAIDs(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	force := func(tx *Tx) error { return tx.RemoveMissing(RemoveMissingSpec{Force: true}) }
	for name, c := range map[string]struct {
		typ    SegmentType
		lost   []string
		fails  error
		errors []string // parts that give nothing else
		gone   bool     // the raid
	}{
		"raid1":              {typ: SegmentRAID1, lost: []string{"b"}, errors: []string{"r_rmeta_1", "r_rimage_1"}},
		"the first of raid1": {typ: SegmentRAID1, lost: []string{"a"}, errors: []string{"r_rmeta_0", "r_rimage_0"}},
		"both of raid1":      {typ: SegmentRAID1, lost: []string{"a", "b"}, gone: true},
		"raid5":              {typ: SegmentRAID5, lost: []string{"c"}, errors: []string{"r_rmeta_2", "r_rimage_2"}},
		"two of raid5":       {typ: SegmentRAID5, lost: []string{"c", "b"}, gone: true},
		"raid0":              {typ: SegmentRAID0, lost: []string{"a"}, gone: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			disks := (&alteration{setup: andSpare}).start(t, OneArea)
			sys := openDisks(t, disks, 7)
			update(t, sys, "vg0", func(tx *Tx) error {
				_, err := tx.CreateRAID(RAIDSpec{Name: "r", Type: c.typ, Size: ExtentCount(4)})
				return joinErrors(err, tx.RemoveLV("data"), tx.RemoveLV("other"), tx.RemoveLV("striped"))
			})
			for _, path := range c.lost {
				lose(t, sys, path)
			}
			require.ErrorIs(t, sys.Update(ctx, "vg0", func(tx *Tx) error { return tx.RemoveMissing(RemoveMissingSpec{}) }), ErrBusy)
			update(t, sys, "vg0", force)
			vg := openVG(t, disks)
			assert.Empty(t, vg.Problems())
			var errors []string
			for _, lv := range vg.Metadata().LVs {
				if givesErrors(lv) {
					errors = append(errors, lv.Name)
				}
			}
			assert.ElementsMatch(t, c.errors, errors)
			_, err := vg.LV("r")
			assert.Equal(t, c.gone, err != nil)
			if c.gone {
				return
			}
			// It can do without no other leg, and goes as a whole.
			other := slices.DeleteFunc([]string{"a", "b"}, func(path string) bool { return path == c.lost[0] })[0]
			lose(t, sys, other)
			update(t, sys, "vg0", force)
			assert.Empty(t, openVG(t, disks).Metadata().LVs)
		})
	}
}

// TestRemoveMissingKeepsSources: a leg that others are written from is not given up.
func TestRemoveMissingKeepsSources(t *testing.T) {
	t.Parallel()
	disks := (&alteration{setup: andSpare}).start(t, OneArea)
	sys := openDisks(t, disks, 7)
	update(t, sys, "vg0", func(tx *Tx) error {
		return joinErrors(tx.RemoveLV("other"), tx.RemoveLV("striped"), tx.AddRAIDLegs("data", RAIDLegsSpec{RegionSize: 4 * KiB}))
	})
	rebuilt := slices.DeleteFunc(slices.Clone(recordOf(t, sys, "vg0").LVs), func(lv *metadata.LogicalVolume) bool { return !isRebuilt(lv) })
	require.Len(t, rebuilt, 1)
	lose(t, sys, "a")
	disks.Record()
	err := sys.Update(context.Background(), "vg0", func(tx *Tx) error { return tx.RemoveMissing(RemoveMissingSpec{Force: true}) })
	require.ErrorIs(t, err, ErrNotInSync)
	assert.Empty(t, written(disks))
}
