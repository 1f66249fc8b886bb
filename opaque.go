package lvm

import (
	"slices"

	"github.com/lvm-go/lvm/metadata"
)

// claims returns the logical volumes that segments of unknown types refer to,
// each with that type. What such a segment does with them is not known: the
// image of a raid, written as if it were alone, would make the raid's images
// differ. So they are neither activated nor deactivated here. The same holds for
// VDO volumes and pools, though their types are known.
func claims(vg *metadata.VolumeGroup) map[string]string {
	claimed := map[string]string{}
	claimUnmanaged(vg, claimed)
	if !slices.ContainsFunc(vg.LVs, (*metadata.LogicalVolume).IsOpaque) {
		return claimed
	}
	names := make(map[string]bool, len(vg.LVs))
	for _, lv := range vg.LVs {
		names[lv.Name] = true
	}
	for _, lv := range vg.LVs {
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

// claims returns the claimed volumes of the transaction's group. They cannot be
// changed, so they stay the same.
func (tx *Tx) claims() map[string]string {
	if tx.st == nil {
		return nil
	}
	if tx.claimed == nil {
		tx.claimed = claims(tx.st.doc.VG)
	}
	return tx.claimed
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

// unclaimedLV refuses a logical volume that is claimed.
func unclaimedLV(claimed map[string]string, lv *metadata.LogicalVolume) error {
	if typ, ok := claimed[lv.Name]; ok {
		return fault(ErrUnsupported, "lv %s is or belongs to a segment of type %s, which cannot be activated here", lv.Name, typ)
	}
	return nil
}

// notClaimed refuses to change a logical volume that is claimed.
func (tx *Tx) notClaimed(lv *metadata.LogicalVolume) error {
	if typ, ok := tx.claims()[lv.Name]; ok {
		return fault(ErrUnsupported, "lv %s is or belongs to a segment of type %s, which is read and kept but cannot be changed here", lv.Name, typ)
	}
	return nil
}
