package lvm

import (
	"slices"

	"github.com/lvm-go/lvm/metadata"
)

// withoutRebuilds returns a group as it is once the kernel knows which legs it has
// to write anew; nil if it knows them all.
func withoutRebuilds(vg *metadata.VolumeGroup) *metadata.VolumeGroup {
	if vg == nil || !slices.ContainsFunc(vg.LVs, isRebuilt) {
		return nil
	}
	after := *vg
	after.Seqno++
	after.LVs = slices.Clone(vg.LVs)
	for i, lv := range after.LVs {
		rec := *lv
		rec.Status &^= metadata.LVRebuild
		after.LVs[i] = &rec
	}
	return &after
}

// alterRAIDRepair needs a kernel: it alone knows which legs are in sync.
func alterRAIDRepair() []alteration {
	return []alteration{
		{name: "replace a leg of a raid", setup: raids, do: func(tx *Tx, _ MetadataAreas) error {
			return tx.ReplaceLegs("r", ReplaceSpec{PVs: []string{"a"}})
		}},
	}
}
