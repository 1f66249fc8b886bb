package lvm

import (
	"slices"

	"github.com/lvm-go/lvm/metadata"
)

// SetPVAllocatable says whether new extents may be taken from a physical volume
// of the group, by device or UUID. lvm2: pvchange -x. Errors match
// [ErrPVNotFound].
func (tx *Tx) SetPVAllocatable(pv string, yes bool) error {
	return tx.changePV(pv, func(rec *metadata.PhysicalVolume) bool {
		was := rec.Status
		if rec.Status &^= metadata.PVAllocatable; yes {
			rec.Status |= metadata.PVAllocatable
		}
		return rec.Status != was
	})
}

// SetPVTags replaces the tags of a physical volume of the group. lvm2: pvchange
// --addtag, --deltag. Errors match [ErrPVNotFound] or [ErrInvalidName].
func (tx *Tx) SetPVTags(pv string, tags ...string) error {
	checked, err := checkTags(tags)
	if err != nil {
		return &OpError{Op: "change pv", PV: pv, Err: err}
	}
	return tx.changePV(pv, func(rec *metadata.PhysicalVolume) bool {
		if slices.Equal(rec.Tags, checked) {
			return false
		}
		rec.Tags = checked
		return true
	})
}

// changePV replaces the record of a PV of the group, if change says that there
// is something to it.
func (tx *Tx) changePV(pv string, change func(*metadata.PhysicalVolume) bool) error {
	err := tx.own()
	if err == nil {
		if id, ok := findPV(tx.vg, tx.members, pv); ok {
			for i, old := range tx.vg.PVs {
				if rec := *old; rec.ID == id && change(&rec) {
					tx.vg.PVs[i], tx.changed = &rec, true
				}
			}
			return nil
		}
		err = fault(ErrPVNotFound, "vg %s has no such pv", tx.vg.Name)
	}
	return &OpError{Op: "change pv", PV: pv, Err: err}
}

// SetPVMetadataIgnored says whether the metadata areas of a physical volume, of
// the group or of no group, are to be left unused. lvm2: pvchange
// --metadataignore.
//
// Returns an error matching [ErrBusy] if no metadata area of the group would be
// left in use, [ErrPVNotFound], [ErrInvalidSpec] if there is none on the PV, or
// [ErrUnsupported] if the PV is changed otherwise in the same update.
func (tx *Tx) SetPVMetadataIgnored(pv string, yes bool) error {
	if err := tx.setPVMetadataIgnored(pv, yes); err != nil {
		return &OpError{Op: "change pv", PV: pv, Err: err}
	}
	return nil
}

func (tx *Tx) setPVMetadataIgnored(pv string, yes bool) error {
	if tx.vg != nil {
		if id, ok := findPV(tx.vg, tx.members, pv); ok {
			if err := tx.own(); err != nil {
				return err
			}
			if m := tx.members[id]; m != nil && tx.pvChanged(m.path) {
				return fault(ErrUnsupported, "it is resized in this update: change it in the next")
			}
			return tx.ignoreAreas(id, yes)
		}
	}
	m, areas, err := tx.orphanToChange(pv)
	if err != nil {
		return err
	}
	c := &pvChange{m: m}
	found := false
	for _, a := range areas {
		if a.header == nil {
			continue
		}
		found = true
		if a.header.Slots[metadata.SlotCommitted].Ignored() != yes {
			c.ours = append(c.ours, *emptyArea(metadata.DiskArea{Offset: a.start, Size: a.header.Size}, yes))
		}
	}
	switch {
	case !found:
		return fault(ErrInvalidSpec, "pv %s has no metadata areas", m.label.PVID)
	case len(c.ours) > 0:
		tx.pvChanges = append(tx.pvChanges, c)
	}
	return nil
}
