package lvm

import (
	"iter"

	"github.com/lvm-go/lvm/metadata"
)

// areasOnPVs returns the areas on physical volumes of a logical volume and of
// those that it lies on, each with its segment. The group is valid, so there is
// no cycle.
func areasOnPVs(lv *metadata.LogicalVolume, find func(metadata.ID) *metadata.LogicalVolume) iter.Seq2[*metadata.Segment, metadata.Area] {
	return func(yield func(*metadata.Segment, metadata.Area) bool) {
		walkAreas(lv, find, yield)
	}
}

// walkAreas returns false once yield does.
func walkAreas(lv *metadata.LogicalVolume, find func(metadata.ID) *metadata.LogicalVolume, yield func(*metadata.Segment, metadata.Area) bool) bool {
	for i := range lv.Segments {
		seg := &lv.Segments[i]
		if seg.Body == nil {
			continue
		}
		for _, a := range seg.Body.Areas() {
			if a.LV.IsZero() {
				if !yield(seg, a) {
					return false
				}
			} else if below := find(a.LV); below != nil && !walkAreas(below, find, yield) {
				return false
			}
		}
	}
	return true
}
