package lvm

import (
	"strings"

	"github.com/lvm-go/lvm/metadata"
)

// survives says whether all data of a raid or mirror can be read without some of
// its legs, of which there are any.
func survives(seg *metadata.Segment, missing func(leg int) bool) bool {
	legs, lost := len(seg.Body.Areas()), 0
	for i := range legs {
		if missing(i) {
			lost++
		}
	}
	body, ok := seg.Body.(*metadata.RAID)
	if !ok {
		_, mirror := seg.Body.(*metadata.Mirror)
		return lost == 0 || mirror && lost < legs
	}
	typ := seg.BaseType()
	switch {
	case lost == 0:
		return true
	case typ == "raid1":
		return lost < legs
	case strings.HasPrefix(typ, "raid10"):
		// Copies lie side by side; with an odd number of legs every leg has one in
		// common with each of its neighbours.
		copies := int(body.DataCopies(typ))
		for first := 0; first < legs; first++ {
			if legs%copies == 0 && first%copies != 0 {
				continue
			}
			gone := 0
			for i := range copies {
				if missing((first + i) % legs) {
					gone++
				}
			}
			if gone == copies {
				return false
			}
		}
		return true
	}
	return lost <= metadata.RAIDParity(typ)
}

// missingLegs returns which legs of a raid or mirror lie, with their metadata, on
// any of the given physical volumes.
func (tx *Tx) missingLegs(seg *metadata.Segment, pvs map[metadata.ID]bool) func(leg int) bool {
	on := func(id metadata.ID) bool {
		lv := tx.find(id)
		return lv != nil && !liesOn(lv, pvs, tx.find).IsZero()
	}
	gone := make([]bool, len(seg.Body.Areas()))
	for i, a := range seg.Body.Areas() {
		gone[i] = !a.LV.IsZero() && on(a.LV) || pvs[a.PV]
	}
	if body, ok := seg.Body.(*metadata.RAID); ok {
		for i, leg := range body.Legs {
			gone[i] = gone[i] || on(leg.Meta)
		}
	}
	return func(leg int) bool { return gone[leg] }
}
