package lvm

import (
	"slices"
	"testing"

	"github.com/lvm-go/lvm/metadata"
)

// withoutRebuilds returns a group as it is once the kernel knows which legs it has
// to write anew, and what data it has to move; nil if it knows all that.
func withoutRebuilds(vg *metadata.VolumeGroup) *metadata.VolumeGroup {
	if vg == nil || !slices.ContainsFunc(vg.LVs, func(lv *metadata.LogicalVolume) bool { return isRebuilt(lv) || isMoved(lv) }) {
		return nil
	}
	after := *vg
	after.Seqno++
	after.LVs = slices.Clone(vg.LVs)
	for i, lv := range after.LVs {
		rec := *lv
		if isMoved(lv) {
			rec = *confirmedReshape(lv)
		}
		rec.Status &^= metadata.LVRebuild
		after.LVs[i] = &rec
	}
	at := func(id metadata.ID) int {
		return slices.IndexFunc(after.LVs, func(lv *metadata.LogicalVolume) bool { return lv.ID == id })
	}
	for _, lv := range vg.LVs {
		if !isMoved(lv) {
			continue
		}
		for _, leg := range lv.Segments[0].Body.(*metadata.RAID).Legs {
			image := after.LVs[at(leg.Image)]
			for _, id := range []metadata.ID{leg.Image, leg.Meta} {
				after.LVs[at(id)] = confirmedPart(after.LVs[at(id)], image)
			}
		}
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

// reshapeZ gives z another layout than it has.
func reshapeZ(tx *Tx) error {
	z, _ := tx.lookup("z")
	to := SegmentRAID5RA
	if z.Segments[0].BaseType() == string(to) {
		to = SegmentRAID5LA
	}
	return tx.ReshapeRAID("z", ReshapeSpec{Type: to})
}

// widened makes vg0 with volumes on a, b and c, and a raid whose images are longer than
// the room for a reshape.
func widened(t testing.TB, sys *System, areas MetadataAreas) {
	andSpare(t, sys, areas)
	update(t, sys, "vg0", func(tx *Tx) error {
		_, err := tx.CreateRAID(RAIDSpec{Name: "z", Type: SegmentRAID5, Size: ExtentCount(2 * 257), StripeSize: 4 * KiB, RegionSize: 64 * KiB,
			Allocation: AllocAnywhere})
		return err
	})
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
		{name: "give a raid copies", setup: func(t testing.TB, sys *System, areas MetadataAreas) {
			andSpare(t, sys, areas)
			update(t, sys, "vg0", func(tx *Tx) error {
				_, err := tx.CreateRAID(RAIDSpec{Name: "z", Type: SegmentRAID0Meta, Size: ExtentCount(8), StripeSize: 4 * KiB})
				return err
			})
		}, do: func(tx *Tx, _ MetadataAreas) error {
			return tx.ConvertRAID("z", SegmentRAID10, ConvertSpec{RegionSize: 4 * KiB, Allocation: AllocAnywhere})
		}},
		{name: "take the copies off a raid", setup: func(t testing.TB, sys *System, areas MetadataAreas) {
			andSpare(t, sys, areas)
			update(t, sys, "vg0", func(tx *Tx) error {
				_, err := tx.CreateRAID(RAIDSpec{Name: "z", Type: SegmentRAID10, Size: ExtentCount(8), StripeSize: 4 * KiB, RegionSize: 4 * KiB, Allocation: AllocAnywhere})
				return err
			})
		}, do: func(tx *Tx, _ MetadataAreas) error {
			return tx.ConvertRAID("z", SegmentRAID0Meta, ConvertSpec{})
		}},
		{name: "make a raid1 one with parity", setup: raids, do: func(tx *Tx, _ MetadataAreas) error {
			return tx.ConvertRAID("r", SegmentRAID5N, ConvertSpec{})
		}},
		{name: "give a raid another layout", setup: striped(SegmentRAID5LS), do: func(tx *Tx, _ MetadataAreas) error {
			return tx.ReshapeRAID("z", ReshapeSpec{Type: SegmentRAID5RA})
		}},
		{name: "give a raid another stripe", setup: func(t testing.TB, sys *System, areas MetadataAreas) {
			andSpare(t, sys, areas)
			update(t, sys, "vg0", func(tx *Tx) error {
				_, err := tx.CreateRAID(RAIDSpec{Name: "z", Type: SegmentRAID5, Size: ExtentCount(8), StripeSize: 4 * KiB, RegionSize: 4 * KiB, Allocation: AllocAnywhere})
				return err
			})
		}, do: func(tx *Tx, _ MetadataAreas) error {
			return tx.ReshapeRAID("z", ReshapeSpec{Stripes: 3, Allocation: AllocAnywhere})
		}},
		{name: "take a stripe off a raid", setup: widened, size: 4 * MiB, do: func(tx *Tx, _ MetadataAreas) error {
			return tx.ReshapeRAID("z", ReshapeSpec{Stripes: 1, Keep: MiB})
		}},
		{name: "take off the leg that a reshape freed", setup: widened, size: 4 * MiB, worked: func(tx *Tx) error {
			return tx.ReshapeRAID("z", ReshapeSpec{Stripes: 1, Keep: MiB})
		}, do: func(tx *Tx, _ MetadataAreas) error {
			return tx.EndReshape("z")
		}},
		{name: "take off the room behind a raid", setup: striped(SegmentRAID5LS), worked: reshapeZ, again: true, do: func(tx *Tx, _ MetadataAreas) error {
			return tx.EndReshape("z")
		}},
		{name: "take off the room before a raid", setup: striped(SegmentRAID5LS), worked: reshapeZ, do: func(tx *Tx, _ MetadataAreas) error {
			return tx.EndReshape("z")
		}},
	}
}
