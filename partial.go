package lvm

import (
	"slices"

	"github.com/lvm-go/lvm/metadata"
)

// missingPV says whether a physical volume cannot be used: it was not found, or
// on several devices, or is back with data that may be older than the rest. One
// that is back and holds nothing can be used.
func missingPV(rec *metadata.PhysicalVolume, m *member, extents func() *ExtentMap) bool {
	return m == nil || rec.Status&metadata.PVMissing != 0 && extents().Used(rec.ID) > 0
}

// missingIDs returns the physical volumes that cannot be used.
func missingIDs(vg *metadata.VolumeGroup, members map[metadata.ID]*member, extents func() *ExtentMap) map[metadata.ID]bool {
	missing := map[metadata.ID]bool{}
	for _, rec := range vg.PVs {
		if missingPV(rec, members[rec.ID], extents) {
			missing[rec.ID] = true
		}
	}
	return missing
}

// liesOn returns the first of the given physical volumes that an LV, or one
// below it, has extents on; zero if there is none. The group is valid, so there
// is no cycle.
func liesOn(lv *metadata.LogicalVolume, pvs map[metadata.ID]bool, find func(metadata.ID) *metadata.LogicalVolume) metadata.ID {
	for i := range lv.Segments {
		if lv.Segments[i].Body == nil {
			continue
		}
		for _, a := range lv.Segments[i].Body.Areas() {
			if pvs[a.PV] {
				return a.PV
			}
			if a.LV.IsZero() {
				continue
			}
			if below := find(a.LV); below != nil {
				if pv := liesOn(below, pvs, find); !pv.IsZero() {
					return pv
				}
			}
		}
	}
	return metadata.ID{}
}

// MissingPVs returns the physical volumes that cannot be used. See
// [PhysicalVolume.Missing].
func (v *VolumeGroup) MissingPVs() []*PhysicalVolume {
	var out []*PhysicalVolume
	for pv := range v.PVs() {
		if pv.Missing() {
			out = append(out, pv)
		}
	}
	return out
}

// Partial says whether physical volumes are missing.
func (v *VolumeGroup) Partial() bool { return len(v.MissingPVs()) > 0 }

// Partial says whether the volume, or one that it lies on, has extents on
// missing physical volumes.
func (l *LogicalVolume) Partial() bool {
	missing := missingIDs(l.vg.rec, l.vg.members, l.vg.extents)
	if len(missing) == 0 {
		return false
	}
	find := func(id metadata.ID) *metadata.LogicalVolume {
		i := slices.IndexFunc(l.vg.rec.LVs, func(lv *metadata.LogicalVolume) bool { return lv != nil && lv.ID == id })
		if i < 0 {
			return nil
		}
		return l.vg.rec.LVs[i]
	}
	return !liesOn(l.rec, missing, find).IsZero()
}

// missing returns the physical volumes that cannot be used, as the transaction
// has them.
func (tx *Tx) missing() map[metadata.ID]bool {
	return missingIDs(tx.vg, tx.members, func() *ExtentMap { return tx.emap })
}

// complete refuses to activate an LV that lies on missing physical volumes,
// unless the mode says so.
func (tx *Tx) complete(lv *metadata.LogicalVolume, mode ActivationMode) error {
	if mode == ActivatePartial {
		return nil
	}
	missing := tx.missing()
	if len(missing) == 0 {
		return nil
	}
	if pv := liesOn(lv, missing, tx.find); !pv.IsZero() {
		return fault(ErrMissingPV, "lv %s has extents on pv %s, which is missing: activate it in partial mode to use the rest", lv.Name, pv)
	}
	return nil
}
