package lvm

import (
	"strings"
	"testing"

	"github.com/lvm-go/lvm/metadata"
)

// ofRAID says whether a volume is a raid or a part of one: what is on them is
// looked at with a kernel.
func ofRAID(lv *metadata.LogicalVolume) bool {
	_, ok := kindOf(lv).(raidType)
	return ok || strings.Contains(lv.Name, "_rimage_") || strings.Contains(lv.Name, "_rmeta_")
}

func (tx *Tx) addRAID(name string, typ SegmentType, extents Extents) error {
	_, err := tx.CreateRAID(RAIDSpec{Name: name, Type: typ, Size: ExtentCount(extents), RegionSize: 4 * KiB})
	return err
}

// raids makes vg0 with volumes on the physical volumes a, b, and c, and the raid1
// r, whose images are on a and b.
func raids(t testing.TB, sys *System, areas MetadataAreas) {
	andSpare(t, sys, areas)
	update(t, sys, "vg0", func(tx *Tx) error { return tx.addRAID("r", SegmentRAID1, 8) })
}

func alterRAID() []alteration {
	return []alteration{
		{name: "create a raid1", setup: andSpare, do: func(tx *Tx, _ MetadataAreas) error { return tx.addRAID("new", SegmentRAID1, 8) }},
		{name: "create a raid5", setup: andSpare, do: func(tx *Tx, _ MetadataAreas) error { return tx.addRAID("new", SegmentRAID5, 8) }},
		{name: "extend a raid", setup: raids, do: func(tx *Tx, _ MetadataAreas) error {
			return tx.ExtendLV("r", ExtendSpec{By: ExtentCount(4)})
		}},
		{name: "reduce a raid", setup: raids, do: func(tx *Tx, _ MetadataAreas) error {
			return tx.ReduceLV("r", ReduceSpec{To: ExtentCount(3)})
		}},
		{name: "rename a raid", setup: raids, do: func(tx *Tx, _ MetadataAreas) error { return tx.RenameLV("r", "renamed") }},
		{name: "change the rates and the order of reading of a raid", setup: raids, do: func(tx *Tx, _ MetadataAreas) error {
			return tx.ChangeRAID("r", RAIDChange{MinRate: new(uint32(7)), WriteBehind: new(uint32(64)), WriteMostly: map[string]bool{"a": true}})
		}},
		{name: "make a raid of a volume with stripes", setup: andSpare, do: func(tx *Tx, _ MetadataAreas) error {
			return tx.ConvertRAID("striped", SegmentRAID0Meta, ConvertSpec{})
		}},
		{name: "make a volume with stripes of a raid", setup: striped(SegmentRAID0Meta), do: func(tx *Tx, _ MetadataAreas) error {
			return tx.ConvertRAID("z", SegmentStriped, ConvertSpec{})
		}},
		{name: "remove a raid", setup: raids, do: func(tx *Tx, _ MetadataAreas) error { return tx.RemoveLV("r") }},
	}
}

// alterRAIDLegs needs a kernel: it alone knows which legs are in sync.
func alterRAIDLegs() []alteration {
	return []alteration{
		{name: "make a raid of a volume", setup: andSpare, do: func(tx *Tx, _ MetadataAreas) error {
			return tx.AddRAIDLegs("other", RAIDLegsSpec{RegionSize: 4 * KiB})
		}},
		{name: "change the regions of a raid", setup: raids, do: func(tx *Tx, _ MetadataAreas) error {
			return tx.ChangeRAID("r", RAIDChange{RegionSize: 8 * KiB})
		}},
		{name: "add a leg to a raid", setup: raids, do: func(tx *Tx, _ MetadataAreas) error {
			return tx.AddRAIDLegs("r", RAIDLegsSpec{})
		}},
		{name: "drop a leg of a raid", setup: threeLegs, do: func(tx *Tx, _ MetadataAreas) error {
			return tx.DropRAIDLegs("t", 1, "a")
		}},
		{name: "make a mirror of a raid", setup: raids, do: func(tx *Tx, _ MetadataAreas) error {
			return tx.ConvertRAID("r", SegmentMirror, ConvertSpec{})
		}},
		{name: "make a raid a plain volume", setup: raids, do: func(tx *Tx, _ MetadataAreas) error { return tx.DropRAIDLegs("r", 1) }},
		{name: "take a leg away from a raid for a while", setup: raids, do: func(tx *Tx, _ MetadataAreas) error {
			_, err := tx.TrackRAIDLeg("r")
			return err
		}},
		{name: "give a raid its leg back", setup: threeLegs, worked: track, do: func(tx *Tx, _ MetadataAreas) error { return tx.MergeRAIDLeg("t_rimage_1") }},
		{name: "split off a leg of three of a raid", setup: threeLegs, do: func(tx *Tx, _ MetadataAreas) error {
			return tx.SplitRAIDLeg("t", "split", "b")
		}},
		{name: "split off a leg of two of a raid", setup: raids, do: func(tx *Tx, _ MetadataAreas) error {
			return tx.SplitRAIDLeg("r", "split")
		}},
	}
}

// track takes the second leg of t away for a while.
func track(tx *Tx) error {
	_, err := tx.TrackRAIDLeg("t", "b")
	return err
}

// threeLegs makes vg0 with the raid1 t on the physical volumes a, b, and c.
func threeLegs(t testing.TB, sys *System, areas MetadataAreas) {
	andSpare(t, sys, areas)
	update(t, sys, "vg0", func(tx *Tx) error {
		_, err := tx.CreateRAID(RAIDSpec{Name: "t", Mirrors: 2, Size: ExtentCount(8), RegionSize: 4 * KiB})
		return err
	})
}
