package lvm

import "github.com/lvm-go/lvm/metadata"

// notYet returns an error if the group has mirrors, those of moves apart, whose
// devices cannot be made here yet: no change knows what it does to them.
func notYet(vg *metadata.VolumeGroup) error {
	for _, lv := range vg.LVs {
		for i := range lv.Segments {
			if _, mirror := lv.Segments[i].Body.(*metadata.Mirror); mirror && lv.Status&metadata.LVPvmove == 0 {
				return fault(ErrReadOnly, "vg %s has segments of types that cannot be changed here: %s", vg.Name, lv.Segments[i].Type)
			}
		}
	}
	return nil
}

// claimNotYet claims the volumes that take part in such mirrors.
func claimNotYet(vg *metadata.VolumeGroup, claimed map[string]string) {
	if notYet(vg) == nil {
		return
	}
	names := make(map[metadata.ID]string, len(vg.LVs))
	types := map[metadata.ID]string{}
	for _, lv := range vg.LVs {
		names[lv.ID] = lv.Name
	}
	for _, lv := range vg.LVs {
		for i := range lv.Segments {
			seg := &lv.Segments[i]
			if b, ok := seg.Body.(*metadata.Mirror); ok && lv.Status&metadata.LVPvmove == 0 {
				types[lv.ID], types[b.Log] = seg.Type, seg.Type
				for _, leg := range b.Legs {
					types[leg.LV] = seg.Type
				}
			}
		}
	}
	for range vg.LVs { // what lies on a claimed volume is claimed
		before := len(types)
		for _, lv := range vg.LVs {
			for i := range lv.Segments {
				if lv.Segments[i].Body == nil {
					continue
				}
				for _, a := range lv.Segments[i].Body.Areas() {
					if typ := types[a.LV]; !a.LV.IsZero() && typ != "" {
						types[lv.ID] = typ
					}
				}
			}
		}
		if len(types) == before {
			break
		}
	}
	for id, typ := range types {
		if name := names[id]; name != "" {
			claimed[name] = typ
		}
	}
}
