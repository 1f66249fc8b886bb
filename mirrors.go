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

// unmanaged returns the LVs of a group with segments of types that are read, as
// they are kept, but neither changed nor activated here, each with that type.
func unmanaged(vg *metadata.VolumeGroup) (lvs []*metadata.LogicalVolume, types []string) {
	for _, lv := range vg.LVs {
		for i := range lv.Segments {
			if seg := &lv.Segments[i]; !managed(seg) {
				lvs, types = append(lvs, lv), append(types, seg.Type)
				break
			}
		}
	}
	return lvs, types
}

func managed(seg *metadata.Segment) bool {
	switch seg.Body.(type) {
	case *metadata.Opaque, *metadata.Snapshot:
		return true
	}
	return typeOf(seg.Body) != nil
}

// claimUnmanaged claims such volumes, their parts, and all that lies on them.
func claimUnmanaged(vg *metadata.VolumeGroup, claimed map[string]string) {
	next, types := unmanaged(vg)
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
	for i := 0; i < len(next); i++ {
		lv := next[i]
		if _, done := claimed[lv.Name]; done {
			continue
		}
		claimed[lv.Name] = types[i]
		more := above[lv.ID]
		for _, id := range lvsBelow(lv) {
			if part := byID[id]; part != nil {
				more = append(more, part)
			}
		}
		for _, lv := range more {
			next, types = append(next, lv), append(types, types[i])
		}
	}
}
