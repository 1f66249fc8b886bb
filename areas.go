package lvm

import (
	"iter"
	"slices"

	"github.com/lvm-go/lvm/metadata"
)

// lvByID returns the LV with that UUID, nil if there is none.
func lvByID(vg *metadata.VolumeGroup, id metadata.ID) *metadata.LogicalVolume {
	if i := lvIndexByID(vg, id); i >= 0 {
		return vg.LVs[i]
	}
	return nil
}

// lvIndexByID returns the index of an LV in vg.LVs, -1 if there is none.
func lvIndexByID(vg *metadata.VolumeGroup, id metadata.ID) int {
	return slices.IndexFunc(vg.LVs, func(lv *metadata.LogicalVolume) bool { return lv != nil && lv.ID == id })
}

// areasOf returns where the extents of a segment lie.
func areasOf(seg *metadata.Segment) []metadata.Area {
	if seg.Body == nil {
		return nil
	}
	return seg.Body.Areas()
}

// areasIn returns the areas of an LV that are in another one, with their
// segments.
func areasIn(lv *metadata.LogicalVolume, id metadata.ID) iter.Seq2[*metadata.Segment, metadata.Area] {
	return func(yield func(*metadata.Segment, metadata.Area) bool) {
		for i := range lv.Segments {
			for _, a := range areasOf(&lv.Segments[i]) {
				if a.LV == id && !yield(&lv.Segments[i], a) {
					return
				}
			}
		}
	}
}

// usesLV says whether an LV has areas in another one.
func usesLV(lv *metadata.LogicalVolume, id metadata.ID) bool {
	for range areasIn(lv, id) {
		return true
	}
	return false
}

// lvsBelow returns the LVs that one consists of: those that its areas are in, and
// the other parts of its segments.
func lvsBelow(lv *metadata.LogicalVolume) []metadata.ID {
	return lvsOf(lv, func(seg *metadata.Segment, add func(metadata.ID)) {
		for _, a := range areasOf(seg) {
			add(a.LV)
		}
		for _, part := range seg.Body.Parts() {
			add(part)
		}
	})
}

// usedBy returns the LVs that one needs beside others.
func usedBy(lv *metadata.LogicalVolume) []metadata.ID {
	return lvsOf(lv, func(seg *metadata.Segment, add func(metadata.ID)) {
		for _, used := range seg.Body.Uses() {
			add(used)
		}
	})
}

// originsOf returns the thin volumes that one only names: what it is a snapshot
// of, and what it is merged into.
func originsOf(lv *metadata.LogicalVolume) []metadata.ID {
	return lvsOf(lv, func(seg *metadata.Segment, add func(metadata.ID)) {
		if thin, ok := seg.Body.(*metadata.Thin); ok {
			add(thin.Origin)
			add(thin.Merge)
		}
	})
}

// lvsOf returns the LVs that each adds for the segments of one, each once.
func lvsOf(lv *metadata.LogicalVolume, each func(seg *metadata.Segment, add func(metadata.ID))) []metadata.ID {
	if lv == nil {
		return nil
	}
	var out []metadata.ID
	for i := range lv.Segments {
		if lv.Segments[i].Body == nil {
			continue
		}
		each(&lv.Segments[i], func(id metadata.ID) {
			if !id.IsZero() && !slices.Contains(out, id) {
				out = append(out, id)
			}
		})
	}
	return out
}

// areasOnPVs returns the areas on physical volumes of a logical volume and of
// those that it consists of or needs, each once, with its segment.
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
		for _, a := range areasOf(seg) {
			if a.LV.IsZero() && !yield(seg, a) {
				return false
			}
		}
	}
	for _, id := range slices.Concat(lvsBelow(lv), usedBy(lv)) {
		if below := find(id); below != nil && !walkAreas(below, find, seen, yield) {
			return false
		}
	}
	return true
}
