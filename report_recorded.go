package lvm

import "iter"

// Volumes returns the logical volumes as lvm2 lists them: as [VolumeGroup.LVs] does,
// without records that only tie a snapshot to its origin.
func (v *VolumeGroup) Volumes() iter.Seq[*LogicalVolume] {
	return func(yield func(*LogicalVolume) bool) {
		for lv := range v.LVs() {
			if v.isVolume(lv) && !yield(lv) {
				return
			}
		}
	}
}

// RecordedReport returns what [LogicalVolume.Report] does without asking the kernel:
// whatever only that knows is as if the volume were not active. Active itself is
// known.
func (l *LogicalVolume) RecordedReport() LVReport { return l.recordedFacts().report() }

// AllAncestors returns the names of the volumes that the removed one descends from,
// the nearest first. Those of removed ones begin with a dash. lvm2:
// lv_full_ancestors.
func (h *HistoricalLV) AllAncestors() []string {
	return h.vg.related().ancestors(historicalMark+h.rec.Name, true)
}

// AllDescendants returns the names of the snapshots of the removed volume, each
// followed by its own. Those of removed ones begin with a dash. lvm2:
// lv_full_descendants.
func (h *HistoricalLV) AllDescendants() []string {
	return h.vg.related().descendants(historicalMark+h.rec.Name, true)
}
