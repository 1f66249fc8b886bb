package lvm

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/metadata"
)

// withVDO adds the pool v with the volume w to a group, as lvm2 writes them.
func (tx *Tx) withVDO() error {
	if err := tx.own(); err != nil {
		return err
	}
	pvs, err := tx.selection(nil)
	if err != nil {
		return err
	}
	pieces, err := tx.emap.allocate(tx.vg, allocRequest{Extents: 10, PVs: pvs})
	if err != nil {
		return err
	}
	var ids [3]metadata.ID
	for i := range ids {
		if ids[i], err = tx.newID(); err != nil {
			return err
		}
	}
	data := &metadata.LogicalVolume{Name: "v_vdata", ID: ids[0], Status: metadata.LVRead | metadata.LVWrite}
	data.Segments = appendSegments(data, pieces, 0)
	pool := &metadata.LogicalVolume{Name: "v", ID: ids[1], Status: metadata.LVRead | metadata.LVWrite | metadata.LVVisible,
		Segments: []metadata.Segment{{Count: 10, Type: "vdo-pool", Body: &metadata.VDOPool{
			Data: data.ID, HeaderSize: 1024, VirtualExtents: 100, Compression: true, Deduplication: true, MetadataHints: true, MinimumIOSize: 4096,
			BlockMapCacheSize: 128, BlockMapEraLength: 16380, IndexMemorySize: 256, MaxDiscard: 1, SlabSize: 2048,
			AckThreads: 1, BioThreads: 4, BioRotation: 64, CPUThreads: 2, HashZoneThreads: 1, LogicalThreads: 1, PhysicalThreads: 1,
		}}}}
	volume := &metadata.LogicalVolume{Name: "w", ID: ids[2], Status: metadata.LVRead | metadata.LVWrite | metadata.LVVisible,
		Segments: []metadata.Segment{{Count: 10, Type: "vdo", Body: &metadata.VDO{Pool: pool.ID}}}}
	return joinErrors(tx.put(-1, data), tx.put(-1, pool), tx.put(-1, volume))
}

// Other volumes of a group with VDO can be changed, and its records stay as they
// are. What would change them is refused.
func TestGroupsWithVDO(t *testing.T) {
	t.Parallel()
	for _, active := range []bool{false, true} {
		disks := (&alteration{setup: volumes}).start(t, OneArea)
		m := newMachine(disks)
		sys := openDisks(t, disks, 7)
		update(t, sys, "vg0", func(tx *Tx) error { return tx.withVDO() })
		if active {
			sys = m.open(t, 2)
			err := sys.Update(context.Background(), "vg0", func(tx *Tx) error {
				require.ErrorIs(t, tx.ActivateAll(), ErrUnsupported, "it names the volumes that are left out")
				return nil
			})
			require.NoError(t, err)
		}
		before := recordOf(t, sys, "vg0")
		refused := map[string]func(tx *Tx) error{
			"rename":   func(tx *Tx) error { return tx.RenameLV("w", "x") },
			"pool":     func(tx *Tx) error { return tx.RenameLV("v", "x") },
			"data":     func(tx *Tx) error { return tx.RenameLV("v_vdata", "x") },
			"remove":   func(tx *Tx) error { return tx.RemoveLV("w") },
			"extend":   func(tx *Tx) error { return tx.ExtendLV("w", ExtendSpec{By: ExtentCount(1)}) },
			"grow":     func(tx *Tx) error { return tx.ExtendLV("v", ExtendSpec{By: ExtentCount(1)}) },
			"snapshot": func(tx *Tx) error { return tx.addSnapshot("w", "s", 3) },
			"mirror":   func(tx *Tx) error { return tx.AddMirrorLegs("w", MirrorLegsSpec{}) },
			"tag":      func(tx *Tx) error { return tx.SetLVTags("v", "t") },
		}
		if active {
			refused["activate"] = func(tx *Tx) error { return tx.Activate("w") }
		}
		for name, do := range refused {
			assert.ErrorIs(t, sys.Update(context.Background(), "vg0", do), ErrUnsupported, name)
		}
		assert.Equal(t, before, recordOf(t, sys, "vg0"))

		update(t, sys, "vg0", func(tx *Tx) error {
			return joinErrors(tx.addLV("new", 4, 2), tx.RemoveLV("other"), tx.ExtendLV("data", ExtendSpec{By: ExtentCount(3)}), tx.SetTags("t"))
		})
		after := recordOf(t, sys, "vg0")
		for _, name := range []string{"v", "w", "v_vdata"} {
			find := func(vg *metadata.VolumeGroup) *metadata.LogicalVolume {
				for _, lv := range vg.LVs {
					if lv.Name == name {
						return lv
					}
				}
				return nil
			}
			assert.Equal(t, find(before), find(after), name)
		}
	}
}
