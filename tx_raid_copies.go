package lvm

import (
	"github.com/lvm-go/lvm/metadata"
)

// addCopies makes a raid10 of a raid0_meta: each leg gets a copy, behind it.
func (tx *Tx) addCopies(old *metadata.LogicalVolume, i int, spec ConvertSpec) error {
	lv, body := raidCopy(old)
	lv.Segments[0].Type = string(SegmentRAID10)
	have := len(body.Legs)
	if 2*have > metadata.MaxRAIDLegs {
		return fault(ErrUnsupported, "a raid has at most %d legs", metadata.MaxRAIDLegs)
	}
	body.Copies = 2
	if err := tx.firstRegions(lv, body, spec.RegionSize); err != nil {
		return err
	}
	places, fronts, meta, err := tx.placeLegs(old, have, spec.PVs, spec.Allocation)
	if err != nil {
		return err
	}
	legs := body.Legs
	body.Legs = nil
	for n, leg := range legs {
		// The parts that there are keep their names, as lvm2 has it.
		added, err := tx.newRAIDLeg(lv, have+n, linearSegment(fronts[n], 0, meta), imageSegments(nil, places, n, have))
		if err != nil {
			return err
		}
		body.Legs = append(body.Legs, leg, added)
	}
	if err := tx.suitRegions(lv, body); err != nil {
		return err
	}
	return tx.put(i, lv)
}

// retypeTwoLegs makes a raid1 of two legs a raid with parity, or the reverse.
func (tx *Tx) retypeTwoLegs(old *metadata.LogicalVolume, i int, to SegmentType) error {
	if err := tx.plainImages(old); err != nil {
		return err
	}
	lv, body := raidCopy(old)
	if len(body.Legs) != 2 {
		return fault(ErrUnsupported, "lv %s has %d legs: only with two a %s and a %s are alike", old.Name, len(body.Legs), old.Segments[0].BaseType(), to)
	}
	lv.Segments[0].Type, body.StripeSize = string(to), 0
	if to != SegmentRAID1 {
		if body.WriteBehind != 0 {
			return fault(ErrUnsupported, "writes to legs of lv %s may lag behind: ChangeRAID ends that", old.Name)
		}
		for _, image := range tx.images(body) {
			if image.Status&metadata.LVWriteMostly != 0 {
				return fault(ErrUnsupported, "leg %s is not read: ChangeRAID ends that", image.Name)
			}
		}
		shape, err := tx.shape(2, 0)
		if err != nil {
			return err
		}
		if body.StripeSize = shape.size; body.StripeSize > body.RegionSize {
			return fault(ErrUnsupported, "stripes of %s are larger than the regions of lv %s: ChangeRAID makes those larger", sectorBytes(body.StripeSize), old.Name)
		}
	}
	return tx.put(i, lv)
}
