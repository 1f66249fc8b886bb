package lvm

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/recorder"
)

// TestHalfDone tests that an operation which failed halfway is not carried out,
// even if nobody heeds its error.
func TestHalfDone(t *testing.T) {
	t.Parallel()
	none := func(testing.TB, *System, MetadataAreas) {}
	for _, c := range []struct {
		name  string
		setup func(testing.TB, *System, MetadataAreas)
		do    func(tx *Tx) error
	}{
		{"create vg", none, func(tx *Tx) error {
			return tx.CreateVG(VGSpec{PVs: []string{"a", "none"}, PV: areaSpec(OneArea)})
		}},
		{"extend vg", andSpare, func(tx *Tx) error { return tx.ExtendVG(areaSpec(OneArea), "d", "none") }},
		{"reduce vg", andSpare, func(tx *Tx) error { return tx.ReduceVG("c", "a") }},
		{"reduce vg by the only area", emptyGroup, func(tx *Tx) error { return tx.ReduceVG("a") }},
		{"split off all", andSpare, func(tx *Tx) error { return tx.SplitVG("vg1", SplitSpec{PVs: []string{"a", "b", "c"}}) }},
		{"split off the only area", andSpare, func(tx *Tx) error { return tx.SplitVG("vg1", SplitSpec{PVs: []string{"a", "b"}}) }},
		{"split into one without area", andSpare, func(tx *Tx) error { return tx.SplitVG("vg1", SplitSpec{PVs: []string{"c"}}) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			disks := recorder.New(diskSize, "a", "b", "c", "d")
			sys := openDisks(t, disks, 1)
			c.setup(t, sys, NoArea)
			disks.Record()
			var failed error
			err := sys.Update(context.Background(), "vg0", func(tx *Tx) error {
				failed = c.do(tx)
				return nil
			})
			require.Error(t, failed)
			assert.ErrorContains(t, err, failed.(*OpError).Err.Error())
			assert.Empty(t, written(disks))
		})
	}
}
