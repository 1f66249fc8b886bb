package lvm

import (
	"iter"

	"github.com/lvm-go/lvm/metadata"
)

// areasOnPVs returns the areas on physical volumes of a logical volume and of
// those that it lies on, each once, with its segment.
func areasOnPVs(lv *metadata.LogicalVolume, find func(metadata.ID) *metadata.LogicalVolume) iter.Seq2[*metadata.Segment, metadata.Area] {
	return func(yield func(*metadata.Segment, metadata.Area) bool) {
		walkAreas(lv, find, map[metadata.ID]bool{}, yield)
	}
}

// walkAreas returns false once yield does. Several volumes may lie on the same
// ones, level by level, so that those that were seen are not gone into again.
func walkAreas(lv *metadata.LogicalVolume, find func(metadata.ID) *metadata.LogicalVolume, seen map[metadata.ID]bool,
	yield func(*metadata.Segment, metadata.Area) bool) bool {
	if seen[lv.ID] {
		return true
	}
	seen[lv.ID] = true
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
			} else if below := find(a.LV); below != nil && !walkAreas(below, find, seen, yield) {
				return false
			}
		}
	}
	return true
}
