package lvm

import (
	"slices"

	"github.com/lvm-go/lvm/metadata"
)

// fewerStripes has the data of a raid dealt out to fewer of its legs. The others are
// free once all data were moved; until then they are parts of it.
func (tx *Tx) fewerStripes(old *metadata.LogicalVolume, i int, spec ReshapeSpec) error {
	seg := &old.Segments[0]
	least := 1
	if metadata.RAIDParity(seg.BaseType()) == 2 {
		least = 3
	}
	if spec.Stripes < least {
		return fault(ErrUnsupported, "%d stripes of type %s: it has %d at least", spec.Stripes, seg.BaseType(), least)
	}
	if seg.ReshapeCount != 0 {
		return errReshaped(old)
	}
	data := raidData(seg)
	left := extentBytes(tx.vg, seg.AreaLength()*Extents(spec.Stripes))
	switch {
	case spec.Keep == 0:
		return fault(ErrInvalidSpec, "of lv %s the first %s are left: Keep has to say how much of it is needed", old.Name, left)
	case spec.Keep > left:
		return fault(ErrInvalidSize, "of lv %s the first %s are left, and not %s: extend it first, so that %d of %d are enough", old.Name, left, spec.Keep,
			spec.Stripes, data)
	case len(tx.ties().above[old.ID]) > 0:
		return fault(ErrUnsupported, "lv %s is a part of another volume, and cannot become smaller", old.Name)
	}
	if _, err := tx.reshapable(old); err != nil {
		return err
	}
	lv, body := raidCopy(old)
	if err := tx.addReshapeRoom(lv, body, body.StripeSize, spec); err != nil {
		return err
	}
	if count, length := lv.Segments[0].ReshapeCount, seg.AreaLength(); length <= count {
		// The kernel notes that the legs have so much less than they had, and refuses
		// legs without anything when it is told of the raid again. Source: Linux 6.1 as
		// observed.
		return fault(ErrInvalidSize, "lv %s has images of %d extents, and the room for a reshape takes %d: extend it first", old.Name, uint64(length), uint64(count))
	}
	room, ok := lv.Segments[0].ReshapeCount.Sectors(tx.vg.ExtentSize)
	if !ok {
		return fault(ErrInvalidSize, "lv %s is too large", old.Name)
	}
	for _, leg := range body.Legs[len(body.Legs)-(data-spec.Stripes):] {
		image, meta := tx.find(leg.Image), tx.find(leg.Meta)
		err := tx.putMeanwhile(tx.indexOf(image.ID), flagged(image, flagRemoved), flagged(image, flagTaken))
		if err == nil {
			err = tx.putMeanwhile(tx.indexOf(meta.ID), flagged(meta, flagRemoved), meta)
		}
		if err != nil {
			return err
		}
	}
	return tx.putReshape(i, lv, body, SegmentType(seg.Type), room)
}

// isFreed says whether an image of a raid is one that a reshape has freed, or frees.
func isFreed(image *metadata.LogicalVolume) bool {
	return image != nil && slices.ContainsFunc([]string{flagTaken, flagRemoved}, image.Segments[0].HasFlag)
}

// withoutFreed returns a raid without the legs that a reshape has freed, which are the
// last ones; the raid itself if there are none.
func withoutFreed(old *metadata.LogicalVolume, find func(metadata.ID) *metadata.LogicalVolume) *metadata.LogicalVolume {
	data, length := raidData(&old.Segments[0]), old.Segments[0].AreaLength()
	lv, body := raidCopy(old)
	stay := slices.IndexFunc(body.Legs, func(leg metadata.RAIDLeg) bool { return isFreed(find(leg.Image)) })
	if stay < 0 {
		return old
	}
	gone := len(body.Legs) - stay
	if gone >= data || slices.ContainsFunc(body.Legs[stay:], func(leg metadata.RAIDLeg) bool { return !isFreed(find(leg.Image)) }) {
		return old
	}
	body.Legs = body.Legs[:stay]
	lv.Segments[0].Count = length * Extents(data-gone)
	return lv
}

// isReshapedToFewer says whether a raid has legs that a reshape has freed, or frees.
func (tx *Tx) isReshapedToFewer(lv *metadata.LogicalVolume) bool {
	return slices.ContainsFunc(tx.images(lv.Segments[0].Body.(*metadata.RAID)), isFreed)
}

// checkFreed refuses a raid that is not yet done with the legs that a reshape frees, or
// without one of the others.
func (tx *Tx) checkFreed(lv *metadata.LogicalVolume) error {
	if err := tx.checkLayout(lv); err != nil {
		return err
	}
	if withoutFreed(lv, tx.find) == lv {
		return fault(ErrDamaged, "the legs that lv %s loses are not its last ones", lv.Name)
	}
	if how, _ := tx.legNotes(lv).reshape(); how != reshapeDone {
		return fault(ErrBusy, "the kernel has not noted on the legs of lv %s that it is done with those that go", lv.Name)
	}
	return nil
}
