package lvm

import (
	"slices"

	"github.com/lvm-go/lvm/metadata"
)

// redundant says whether all data of a volume can be had without some physical
// volumes, since raids that it is, or lies on, have the data elsewhere as well.
func (tx *Tx) redundant(lv *metadata.LogicalVolume, missing map[metadata.ID]bool) bool {
	return tx.hasAll(lv, missing, map[metadata.ID]bool{})
}

// hasAll looks at each volume once, which seen notes.
func (tx *Tx) hasAll(lv *metadata.LogicalVolume, missing, seen map[metadata.ID]bool) bool {
	if lv == nil || seen[lv.ID] {
		return true
	}
	seen[lv.ID] = true
	for i := range lv.Segments {
		seg := &lv.Segments[i]
		if _, ok := seg.Body.(*metadata.RAID); ok {
			if !survives(seg, tx.lostLegs(seg, missing)) {
				return false
			}
			continue
		}
		if slices.ContainsFunc(areasOf(seg), func(a metadata.Area) bool { return missing[a.PV] }) || seg.Body == nil {
			return false
		}
		for _, area := range areasOf(seg) {
			if !tx.hasAll(tx.find(area.LV), missing, seen) {
				return false
			}
		}
		for _, id := range slices.Concat(seg.Body.Parts(), seg.Body.Uses()) {
			if !tx.hasAll(tx.find(id), missing, seen) {
				return false
			}
		}
	}
	return true
}
