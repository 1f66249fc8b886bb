package lvm

import (
	"slices"

	"github.com/lvm-go/lvm/metadata"
)

// ConvertSpec says how a raid is made one of another type.
type ConvertSpec struct {
	// PVs are for legs that are added, Allocation is the policy for them; as with
	// [ReplaceSpec].
	PVs        []PVSelection
	Allocation Allocation
	// RegionSize is as in [RAIDSpec], for a raid that had no regions.
	RegionSize Bytes
}

// takeovers are the types that have the data of others where these have them, with
// so many legs with parity behind.
//
// Source: linux drivers/md/dm-raid.c.
var takeovers = []struct {
	less, more SegmentType
	legs       int
}{
	{SegmentRAID0Meta, SegmentRAID5N, 1},
	{SegmentRAID0Meta, SegmentRAID6N6, 2},
	{SegmentRAID5N, SegmentRAID6N6, 1},
	{SegmentRAID5, SegmentRAID6LS6, 1},
	{SegmentRAID5LS, SegmentRAID6LS6, 1},
	{SegmentRAID5LA, SegmentRAID6LA6, 1},
	{SegmentRAID5RA, SegmentRAID6RA6, 1},
	{SegmentRAID5RS, SegmentRAID6RS6, 1},
}

// ConvertRAID gives a raid with stripes more parity, or less, where no data have to
// be moved for that: between raid0_meta, raid5_n and raid6_n_6, and between the other
// kinds of raid5 and the raid6 with the same name and _6. Legs that are added are
// written by the kernel, which [System.WaitSync] waits for; the raid can be used
// meanwhile. lvm2: lvconvert --type.
//
// A mirror of the old kind becomes a raid1, whether it is active or not. For the other
// way make the raid1 a linear volume, by [Tx.DropRAIDLegs], and that a mirror.
//
// Returns an error matching [ErrUnsupported] for other types, [ErrNotActive] if the
// raid is not active, [ErrNotInSync] and [ErrDegraded] if its legs are not all there
// and in sync, [ErrInvalidSpec] if it is no raid, and a *[SpaceError] if there is no
// room.
func (tx *Tx) ConvertRAID(ref string, to SegmentType, spec ConvertSpec) error {
	return tx.fail("convert raid", ref, tx.whole(func() error {
		lv, i, err := tx.lvToChange(ref)
		if err != nil {
			return err
		}
		if _, ok := kindOf(lv).(mirrorType); ok && to == SegmentRAID1 {
			return tx.mirrorToRAID(lv, i)
		}
		if _, ok := kindOf(lv).(raidType); !ok {
			return fault(ErrInvalidSpec, "lv %s is no raid", lv.Name)
		}
		if !tx.staysActive(lv.ID) {
			return fault(ErrNotActive, "lv %s has to be active: the kernel converts it", lv.Name)
		}
		if err := joinErrors(tx.plainRAID(lv), tx.checkAllLegs(lv)); err != nil {
			return err
		}
		from := SegmentType(lv.Segments[0].BaseType())
		for _, t := range takeovers {
			switch {
			case t.less == from && t.more == to:
				return tx.addParity(lv, i, to, t.legs, spec)
			case t.more == from && t.less == to:
				if to == SegmentRAID5 {
					to = SegmentRAID5LS // which is the same; so lvm2 writes it here
				}
				return tx.dropParity(lv, i, to, t.legs)
			}
		}
		return fault(ErrUnsupported, "a %s cannot be made a %s here", from, to)
	}))
}

// checkAllLegs refuses a raid that is without a leg, or not in sync.
func (tx *Tx) checkAllLegs(lv *metadata.LogicalVolume) error {
	if err := tx.checkSources(lv, nil); err != nil {
		return err
	}
	s, err := tx.raidStatus(lv)
	if err == nil {
		err = s.Err()
	}
	return err
}

// addParity puts legs behind the others of a raid.
func (tx *Tx) addParity(old *metadata.LogicalVolume, i int, to SegmentType, legs int, spec ConvertSpec) error {
	lv, body := raidCopy(old)
	lv.Segments[0].Type = string(to)
	if len(body.Legs)+legs < 5 && metadata.RAIDParity(string(to)) == 2 {
		return fault(ErrUnsupported, "a %s has at least 5 legs, not %d", to, len(body.Legs)+legs)
	}
	if len(body.Legs)+legs > metadata.MaxRAIDLegs {
		return fault(ErrUnsupported, "a raid has at most %d legs", metadata.MaxRAIDLegs)
	}
	if body.RegionSize == 0 {
		shape := raidShape{typ: to}
		if err := shape.setRegions(RAIDSpec{RegionSize: spec.RegionSize, StripeSize: sectorBytes(body.StripeSize)}); err != nil {
			return err
		}
		size, ok := old.Segments[0].Count.Sectors(tx.vg.ExtentSize)
		if !ok {
			return fault(ErrInvalidSize, "lv %s is too large", old.Name)
		}
		body.RegionSize = regionsFor(shape.region, size)
	}
	places, fronts, meta, err := tx.placeLegs(old, legs, spec.PVs, spec.Allocation)
	if err != nil {
		return err
	}
	for n := range legs {
		// What lies where depends on the type, which has the parity of these legs.
		leg, err := tx.newRAIDLeg(lv, len(body.Legs), linearSegment(fronts[n], 0, meta), imageSegments(nil, places, n, legs))
		if err != nil {
			return err
		}
		body.Legs = append(body.Legs, leg)
	}
	if err := tx.suitRegions(lv, body); err != nil {
		return err
	}
	return tx.put(i, lv)
}

// dropParity takes the last legs off a raid.
func (tx *Tx) dropParity(old *metadata.LogicalVolume, i int, to SegmentType, legs int) error {
	lv, body := raidCopy(old)
	lv.Segments[0].Type = string(to)
	left := len(body.Legs) - legs
	gone := body.Legs[left:]
	body.Legs = slices.Clone(body.Legs[:left])
	if to.isRAID0() {
		body.RegionSize, body.MinRate, body.MaxRate = 0, 0, 0
	}
	if err := tx.put(i, lv); err != nil {
		return err
	}
	for _, leg := range gone {
		tx.drop(tx.indexOf(leg.Meta))
		tx.drop(tx.indexOf(leg.Image))
	}
	return nil
}
