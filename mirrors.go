package lvm

import "github.com/lvm-go/lvm/metadata"

// isMove says whether an LV is that of a move, pvmoveN: its mirrors bring
// extents to another place, and are there only as long as that takes.
func isMove(lv *metadata.LogicalVolume) bool { return lv.Status&metadata.LVPvmove != 0 }

// readLeg returns which leg of a mirror segment is read: the first, or of a move
// that has been done, the second.
func readLeg(seg *metadata.Segment, b *metadata.Mirror) int {
	if b.Moved > 0 && b.Moved >= seg.Count {
		return 1
	}
	return 0
}

// mirrorsOf returns the LVs of a group that are mirrors but no moves. They are
// read, as they are kept, but neither changed nor activated here.
func mirrorsOf(vg *metadata.VolumeGroup) (mirrors []*metadata.LogicalVolume) {
	for _, lv := range vg.LVs {
		if isMove(lv) {
			continue
		}
		for i := range lv.Segments {
			if _, ok := lv.Segments[i].Body.(*metadata.Mirror); ok {
				mirrors = append(mirrors, lv)
				break
			}
		}
	}
	return mirrors
}

// claimMirrors claims mirrors, their legs and logs, and all that lies on them.
func claimMirrors(vg *metadata.VolumeGroup, claimed map[string]string) {
	next := mirrorsOf(vg)
	if len(next) == 0 {
		return
	}
	byID := make(map[metadata.ID]*metadata.LogicalVolume, len(vg.LVs))
	above := map[metadata.ID][]*metadata.LogicalVolume{} // who lies on an LV
	for _, lv := range vg.LVs {
		byID[lv.ID] = lv
		for _, below := range lvsBelow(lv) {
			above[below] = append(above[below], lv)
		}
	}
	for _, lv := range next {
		for i := range lv.Segments {
			if b, ok := lv.Segments[i].Body.(*metadata.Mirror); ok && byID[b.Log] != nil {
				next = append(next, byID[b.Log])
			}
			for _, leg := range lv.Segments[i].Body.Areas() {
				if byID[leg.LV] != nil {
					next = append(next, byID[leg.LV])
				}
			}
		}
	}
	for len(next) > 0 {
		lv := next[0]
		next = next[1:]
		if _, done := claimed[lv.Name]; done {
			continue
		}
		claimed[lv.Name] = "mirror"
		next = append(next, above[lv.ID]...)
	}
}

// onMirror says whether the volume is or lies on a mirror that is no move, or is
// a part of one.
func (l *LogicalVolume) onMirror() bool {
	claimed := map[string]string{}
	claimMirrors(l.vg.rec, claimed)
	return claimed[l.rec.Name] != ""
}
