package lvm

import (
	"slices"
	"testing"

	"github.com/lvm-go/lvm/metadata"
)

// withoutRebuilds returns a group as it is once the kernel knows which legs it has
// to write anew; nil if it knows them all.
func withoutRebuilds(vg *metadata.VolumeGroup) *metadata.VolumeGroup {
	if vg == nil || !slices.ContainsFunc(vg.LVs, isRebuilt) {
		return nil
	}
	after := *vg
	after.Seqno++
	after.LVs = slices.Clone(vg.LVs)
	for i, lv := range after.LVs {
		rec := *lv
		rec.Status &^= metadata.LVRebuild
		after.LVs[i] = &rec
	}
	return &after
}

// striped makes vg0 with volumes on a, b and c, and a raid with two stripes.
func striped(typ SegmentType) func(testing.TB, *System, MetadataAreas) {
	return func(t testing.TB, sys *System, areas MetadataAreas) {
		andSpare(t, sys, areas)
		update(t, sys, "vg0", func(tx *Tx) error {
			spec := RAIDSpec{Name: "z", Type: typ, Size: ExtentCount(8), StripeSize: 4 * KiB}
			if !typ.isRAID0() {
				spec.RegionSize = 4 * KiB
			}
			_, err := tx.CreateRAID(spec)
			return err
		})
	}
}

// alterRAIDRepair needs a kernel: it alone knows which legs are in sync.
func alterRAIDRepair() []alteration {
	return []alteration{
		{name: "replace a leg of a raid", setup: raids, do: func(tx *Tx, _ MetadataAreas) error {
			return tx.ReplaceLegs("r", ReplaceSpec{PVs: []string{"a"}})
		}},
		{name: "give a raid parity", setup: striped(SegmentRAID0Meta), do: func(tx *Tx, _ MetadataAreas) error {
			return tx.ConvertRAID("z", SegmentRAID5N, ConvertSpec{RegionSize: 4 * KiB})
		}},
		{name: "take the parity and the metadata off a raid", setup: striped(SegmentRAID5N), do: func(tx *Tx, _ MetadataAreas) error {
			return tx.ConvertRAID("z", SegmentRAID0, ConvertSpec{})
		}},
		{name: "take the parity off a raid", setup: striped(SegmentRAID5N), do: func(tx *Tx, _ MetadataAreas) error {
			return tx.ConvertRAID("z", SegmentRAID0Meta, ConvertSpec{})
		}},
	}
}
