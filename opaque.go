package lvm

import (
	"slices"

	"github.com/lvm-go/lvm/metadata"
)

// claims returns the logical volumes that segments of unknown types refer to,
// each with that type. What such a segment does with them is not known: the
// origin of a snapshot, mapped as if it were alone, would destroy the snapshot.
// So they are neither activated nor deactivated here.
func claims(vg *metadata.VolumeGroup) map[string]string {
	// A transaction's group has holes where volumes were removed.
	opaque := func(lv *metadata.LogicalVolume) bool { return lv != nil && lv.IsOpaque() }
	if !slices.ContainsFunc(vg.LVs, opaque) {
		return nil
	}
	names := make(map[string]bool, len(vg.LVs))
	for _, lv := range vg.LVs {
		if lv != nil {
			names[lv.Name] = true
		}
	}
	claimed := map[string]string{}
	for _, lv := range vg.LVs {
		if lv == nil {
			continue
		}
		for i := range lv.Segments {
			body, ok := lv.Segments[i].Body.(*metadata.Opaque)
			if !ok {
				continue
			}
			claimIn(body.Fields, names, claimed, lv.Segments[i].Type)
		}
	}
	return claimed
}

func claimIn(fields []metadata.Entry, names map[string]bool, claimed map[string]string, typ string) {
	for i := range fields {
		for _, v := range fields[i].Values() {
			if names[v] {
				claimed[v] = typ
			}
		}
		if fields[i].IsSection() {
			claimIn(fields[i].Entries(), names, claimed, typ)
		}
	}
}

// unclaimedLV refuses a logical volume that a segment of an unknown type
// refers to.
func unclaimedLV(claimed map[string]string, lv *metadata.LogicalVolume) error {
	if typ, ok := claimed[lv.Name]; ok {
		return fault(ErrUnsupported, "lv %s is used by a segment of type %s, which is not known here", lv.Name, typ)
	}
	return nil
}
