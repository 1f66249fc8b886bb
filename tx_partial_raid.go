package lvm

import (
	"slices"

	"github.com/lvm-go/lvm/metadata"
)

// giveUpLegs has the legs of raids that lie on physical volumes that are missing give
// errors, so that these can leave the group, where the others have all data: the raid
// stays degraded until it is repaired. Both parts of such a leg go, as with lvm2. It
// returns the volumes that have all their data then.
func (tx *Tx) giveUpLegs(partial []*metadata.LogicalVolume, missing map[metadata.ID]bool) (whole map[metadata.ID]bool, err error) {
	whole = map[metadata.ID]bool{}
	var raids []*metadata.LogicalVolume
	for _, lv := range partial {
		if _, ok := kindOf(lv).(raidType); ok && !isMove(lv) && survives(&lv.Segments[0], tx.lostLegs(&lv.Segments[0], missing)) {
			raids = append(raids, lv)
		}
		if tx.redundant(lv, missing) {
			whole[lv.ID] = true
		}
	}
	for _, lv := range raids {
		if err := tx.plainRAID(lv); err != nil {
			return nil, err
		}
		seg := &lv.Segments[0]
		body := seg.Body.(*metadata.RAID)
		gone := tx.missingLegs(seg, missing)
		going := slices.DeleteFunc(legsOf(lv), func(leg int) bool { return !gone(leg) })
		if err := tx.othersHaveAll(lv, going); err != nil {
			return nil, err
		}
		for _, n := range going {
			for _, id := range []metadata.ID{body.Legs[n].Meta, body.Legs[n].Image} {
				if err := tx.giveErrors(id); err != nil {
					return nil, err
				}
				whole[id] = true
			}
		}
		tx.want(lv.ID, wish{})
		whole[lv.ID] = true
	}
	return whole, nil
}

// othersHaveAll refuses to give up legs of a raid whose other legs are yet to be
// written.
func (tx *Tx) othersHaveAll(lv *metadata.LogicalVolume, going []int) error {
	if tx.raidStaysUp(lv) {
		return tx.checkSources(lv, going)
	}
	seg := &lv.Segments[0]
	rebuilt := func(leg int) bool {
		l := seg.Body.(*metadata.RAID).Legs[leg]
		return slices.Contains(going, leg) || isRebuilt(tx.find(l.Image)) || isRebuilt(tx.find(l.Meta))
	}
	if !survives(seg, rebuilt) {
		return fault(ErrNotInSync, "lv %s: the legs that stay are yet to be written anew: remove it, or bring back what is missing", lv.Name)
	}
	return nil
}

// giveErrors takes the extents from a part of a leg, with what it consists of.
func (tx *Tx) giveErrors(id metadata.ID) error {
	if id.IsZero() {
		return nil
	}
	old := tx.find(id)
	tx.dropAll(tx.withOwned(old)[1:])
	part := *old
	part.Status &^= metadata.LVRebuild
	part.Segments = []metadata.Segment{{Count: old.Extents(), Type: string(SegmentError), Body: &metadata.Virtual{}}}
	return tx.put(tx.indexOf(id), &part)
}

// lostLegs is as missingLegs, with the legs that give nothing but errors.
func (tx *Tx) lostLegs(seg *metadata.Segment, pvs map[metadata.ID]bool) func(leg int) bool {
	gone := tx.missingLegs(seg, pvs)
	body, ok := seg.Body.(*metadata.RAID)
	if !ok {
		return gone
	}
	return func(leg int) bool {
		return gone(leg) || givesErrors(tx.find(body.Legs[leg].Image)) || givesErrors(tx.find(body.Legs[leg].Meta))
	}
}

func givesErrors(lv *metadata.LogicalVolume) bool {
	return lv != nil && slices.ContainsFunc(lv.Segments, func(s metadata.Segment) bool { return s.Type == string(SegmentError) })
}
