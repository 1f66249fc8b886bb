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

// ConvertRAID makes a raid, or a volume with stripes, one of another type, where no
// data have to be moved for that, or only to another layout, while it is in use. Legs
// that are added are written by the kernel, which [System.WaitSync] waits for. lvm2:
// lvconvert --type.
//
//	from                     to
//	striped, raid0           raid0, striped, raid0_meta
//	raid0_meta               raid0, striped; raid5_n, raid10; raid6_n_6 (from 3 stripes on)
//	raid10                   raid0, striped, raid0_meta
//	raid5_n, raid6_n_6       raid0, striped, raid0_meta, each other
//	raid5*, raid6*_6         each other, if they have the same name but for _6
//	raid1                    raid4, raid5*, if it has two legs, and back
//	raid4                    raid5_n, and back, as ReshapeRAID does
//	raid5*, raid6*           each other layout of the same level, as ReshapeRAID does
//
// Others are done in steps, one with each call, each to be waited for; the error that
// refuses them says which type is the next. A striped volume becomes a raid10 by way of
// raid0_meta, and a linear one a raid5 of three legs by way of raid1 and a raid5 of two.
// A mirror of the old kind ([SegmentMirror]) becomes a raid1, whether it is active or
// not; a raid1 that is active and in sync becomes one, with a log on a disk. Between
// linear and raid1 it is [Tx.AddRAIDLegs] and [Tx.DropRAIDLegs].
//
// Returns an error matching [ErrUnsupported] for other types, and for volumes with
// snapshots or in stacks where the type cannot change; [ErrNotActive] if the raid has
// parity or copies, or gets some, and is not active; [ErrNotInSync] and [ErrDegraded]
// if its legs are not all there and in sync, [ErrInvalidSpec] if it is neither a raid
// nor has stripes, and a *[SpaceError] if there is no room.
func (tx *Tx) ConvertRAID(ref string, to SegmentType, spec ConvertSpec) error {
	return tx.fail("convert raid", ref, tx.whole(func() error {
		lv, i, err := tx.lvToChange(ref)
		if err != nil {
			return err
		}
		if _, ok := kindOf(lv).(mirrorType); ok && to == SegmentRAID1 {
			return tx.mirrorToRAID(lv, i)
		}
		if to == SegmentMirror {
			return tx.raidToMirror(lv, i)
		}
		from := SegmentStriped
		if _, ok := kindOf(lv).(raidType); ok {
			from = SegmentType(lv.Segments[0].BaseType())
		} else if body, ok := lv.Segments[0].Body.(*metadata.Striped); !ok || len(body.Stripes) < 2 {
			return fault(ErrInvalidSpec, "lv %s is no raid and has no stripes", lv.Name)
		}
		if reshapedTo(from, to) {
			return tx.reshape(lv, i, ReshapeSpec{Type: to, PVs: spec.PVs, Allocation: spec.Allocation})
		}
		if from.isRAID() {
			if err := tx.plainRAID(lv); err != nil {
				return err
			}
		}
		if steps := tx.recast(lv, from, to); steps != nil {
			return tx.recastAll(lv, steps)
		}
		legs, more := takeover(from, to)
		if legs == 0 && !twoLegs(from, to) {
			return errTakeover(from, to)
		}
		if !tx.staysActive(lv.ID) {
			return fault(ErrNotActive, "lv %s has to be active: the kernel converts it", lv.Name)
		}
		if err := tx.checkAllLegs(lv); err != nil {
			return err
		}
		switch {
		case legs == 0:
			return tx.retypeTwoLegs(lv, i, to)
		case to == SegmentRAID10:
			return tx.addCopies(lv, i, spec)
		case from == SegmentRAID10:
			return tx.dropCopies(lv, i, to)
		case more:
			return tx.addParity(lv, i, to, legs, spec)
		case to == SegmentRAID5:
			to = SegmentRAID5LS // which is the same; so lvm2 writes it here
		}
		return tx.dropParity(lv, i, to, legs)
	}))
}

// recast returns the steps that make a volume one of another type if that only
// changes how it is put together; nil if it is not so.
func (tx *Tx) recast(lv *metadata.LogicalVolume, from, to SegmentType) []func(*metadata.LogicalVolume, int) error {
	plain := from == SegmentStriped || from.isRAID0()
	switch {
	case from == to:
		return nil
	case to == SegmentRAID0Meta && from == SegmentRAID0:
		return []func(*metadata.LogicalVolume, int) error{tx.withMetas}
	case to == SegmentRAID0Meta && from == SegmentStriped:
		return []func(*metadata.LogicalVolume, int) error{tx.asRAID0, tx.withMetas}
	case to == SegmentRAID0 && from == SegmentStriped:
		return []func(*metadata.LogicalVolume, int) error{tx.asRAID0}
	case (to == SegmentRAID0 || to == SegmentStriped) && (plain || dataLegs(&lv.Segments[0]) != nil):
		var steps []func(*metadata.LogicalVolume, int) error
		if from != SegmentRAID0 {
			steps = append(steps, tx.onlyData)
		}
		if to == SegmentStriped {
			steps = append(steps, tx.asStriped)
		}
		return steps
	}
	return nil
}

func (tx *Tx) recastAll(lv *metadata.LogicalVolume, steps []func(*metadata.LogicalVolume, int) error) error {
	if _, cow := tx.snapshotBy(lv.ID); cow || len(tx.snapshotsOf(lv.ID)) > 0 || len(tx.ties().users[lv.ID]) > 0 {
		return fault(ErrUnsupported, "lv %s has snapshots, is one, or is shared by others: its type stays as it is", lv.Name)
	}
	if body, ok := bodyOf[*metadata.RAID](lv); ok {
		if body.HasDataOffset {
			return fault(ErrUnsupported, "lv %s was reshaped", lv.Name)
		}
		if err := tx.resizableRAID(lv); err != nil {
			return err
		}
		if !SegmentType(lv.Segments[0].BaseType()).isRAID0() {
			if !tx.staysActive(lv.ID) {
				return fault(ErrNotActive, "lv %s has to be active: only the kernel knows which legs hold its data", lv.Name)
			}
			if err := tx.checkAllLegs(lv); err != nil {
				return err
			}
		}
	}
	for _, step := range steps {
		if err := step(tx.find(lv.ID), tx.indexOf(lv.ID)); err != nil {
			return err
		}
	}
	return nil
}

// checkAllLegs refuses a raid that is without a leg, or not in sync.
func (tx *Tx) checkAllLegs(lv *metadata.LogicalVolume) error {
	if err := tx.checkSources(lv, nil); err != nil {
		return err
	}
	return tx.checkLayout(lv)
}

// checkLayout refuses a raid that is not in order, or whose data are not dealt out as
// those of its type.
func (tx *Tx) checkLayout(lv *metadata.LogicalVolume) error {
	s, err := tx.raidStatus(lv)
	if err == nil {
		err = s.Err()
	}
	if typ := SegmentType(lv.Segments[0].BaseType()); err == nil && raidLevel(typ) != "" && s.layout != kernelLayout(typ) {
		err = fault(ErrDamaged, "lv %s is a %s, but its data are dealt out as those of a %s", lv.Name, typ, s.layout)
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
	if err := tx.firstRegions(lv, body, spec.RegionSize); err != nil {
		return err
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

// firstRegions gives a raid that becomes one of the type in its record regions, if it
// had none.
func (tx *Tx) firstRegions(lv *metadata.LogicalVolume, body *metadata.RAID, region Bytes) error {
	if body.RegionSize != 0 {
		return nil
	}
	shape := raidShape{typ: SegmentType(lv.Segments[0].Type)}
	if err := shape.setRegions(RAIDSpec{RegionSize: region, StripeSize: sectorBytes(body.StripeSize)}); err != nil {
		return err
	}
	size, ok := lv.Segments[0].Count.Sectors(tx.vg.ExtentSize)
	if !ok {
		return fault(ErrInvalidSize, "lv %s is too large", lv.Name)
	}
	body.RegionSize = regionsFor(shape.region, size)
	return nil
}

// dropParity takes the last legs off a raid.
func (tx *Tx) dropParity(old *metadata.LogicalVolume, i int, to SegmentType, legs int) error {
	lv, body := raidCopy(old)
	lv.Segments[0].Type = string(to)
	left := len(body.Legs) - legs
	if left < 2 {
		return fault(ErrUnsupported, "lv %s has the data of one leg: ReshapeRAID gives it more stripes", old.Name)
	}
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
