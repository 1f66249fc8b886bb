package lvm

import (
	"errors"
	"math"
	"slices"

	"github.com/lvm-go/lvm/metadata"
)

// RestoreSpec says how a group is restored.
type RestoreSpec struct {
	// Force restores a text with segments of types that are not known here, such
	// as thin pools: what they keep on their devices may be newer than the text.
	Force bool
}

// RestoreVG makes the group what a backup or an archive says it was: the text of
// a file that lvm2 or this library wrote. It works on a group as it is now, as
// well as when its metadata makes no sense or nothing of it is left, as long as the physical volumes
// have their labels; for one that lost its label make it anew first, with
// [Tx.CreatePV] and the same UUID. Data is not touched. The text gets a sequence
// number that is higher than that of any copy on the devices, so that none of
// them can come back; lvm2 counts from the file's. lvm2: vgcfgrestore -f.
//
// Physical volumes that the group has now and the text does not know leave it.
// Who restores an old text must know that the extents of its volumes were not
// given to others since.
//
// Returns an error matching [ErrInvalidSpec] if the text is none of this group's,
// [ErrMissingPV] if a physical volume is not there, [ErrInvalidSpec] if its
// device is too small, [ErrExists] if one belongs to another group, or the
// group has another name now, [ErrBusy] if volumes are active, [ErrForeign],
// [ErrShared] or [ErrDuplicatePV] as with any change, or [ErrUnsupported] without
// the Force that is needed.
func (tx *Tx) RestoreVG(text []byte, spec RestoreSpec) error {
	return tx.fail("restore vg", "", tx.whole(func() error { return tx.restoreVG(text, spec) }))
}

func (tx *Tx) restoreVG(text []byte, spec RestoreSpec) error {
	if err := tx.global(); err != nil {
		return err
	}
	if tx.changed || len(tx.order)+len(tx.gonePVs)+len(tx.wipePVs) > 0 {
		return fault(ErrUnsupported, "the update has made other changes: restore the group in one of its own")
	}
	vg, err := tx.backupRecord(text, spec)
	if err != nil {
		return err
	}
	if err := tx.replaceable(vg); err != nil {
		return err
	}
	kern, err := tx.sys.kernelState(vg.ID)
	if err != nil {
		return err
	}
	for _, m := range kern.all() {
		return fault(ErrBusy, "vg %s has active volumes: %s", vg.Name, m.name)
	}
	members, areas, err := tx.restoreMembers(vg)
	if err != nil {
		return err
	}

	if tx.vg != nil {
		for _, pv := range tx.vg.PVs {
			if members[pv.ID] == nil {
				tx.release(pv.ID)
			}
		}
	}
	base, newest := uint32(0), vg.Seqno
	if tx.st != nil {
		base = tx.st.doc.VG.Seqno
	}
	for _, t := range tx.scan.texts {
		if t.id == vg.ID {
			newest = max(newest, t.seqno)
		}
	}
	if newest == math.MaxUint32 {
		return fault(ErrUnsupported, "there is no higher sequence number")
	}
	tx.seqnoStep = newest + 1 - base
	tx.members = members
	for id, a := range areas { // those that leave keep theirs, to be emptied
		tx.areas[id] = a
	}
	tx.vg, tx.kern, tx.emap, tx.moved, tx.links = vg, kern, NewExtentMap(vg).clone(), true, nil
	tx.byName, tx.index, tx.untouched, tx.claimed = map[string]*metadata.LogicalVolume{}, map[metadata.ID]int{}, nil, nil
	if tx.st != nil {
		for _, lv := range tx.st.doc.VG.LVs {
			tx.byName[lv.Name] = nil
		}
	}
	for i, lv := range vg.LVs {
		tx.byName[lv.Name], tx.index[lv.ID] = lv, i
	}
	tx.changed, tx.restored = true, true
	return nil
}

// backupRecord returns the group that a backup describes, if it is the one of
// the transaction and may be written.
func (tx *Tx) backupRecord(text []byte, spec RestoreSpec) (*metadata.VolumeGroup, error) {
	doc, err := metadata.DecodeDocument(text)
	if err != nil {
		return nil, as(ErrInvalidSpec, err)
	}
	vg := doc.VG
	if vg.Name != tx.ref && vg.ID.String() != tx.ref && vg.ID.Compact() != tx.ref {
		return nil, fault(ErrInvalidSpec, "the text describes vg %s (%s), not %s", vg.Name, vg.ID, tx.ref)
	}
	if err := checkVGName(vg.Name); err != nil {
		return nil, err
	}
	if err := vg.Validate(); err != nil {
		return nil, as(ErrInvalidSpec, err)
	}
	if types := vg.OpaqueTypes(); len(types) > 0 && !spec.Force {
		return nil, fault(ErrUnsupported, "the text has segments of types that are not known here (%v): restore by force", types)
	}
	if i := slices.IndexFunc(vg.LVs, isThinPool); i >= 0 && !spec.Force {
		return nil, fault(ErrUnsupported, "the text has thin pools, such as %s, which may have other volumes by now than it says: restore by force", vg.LVs[i].Name)
	}
	state := newState(doc, textKey{})
	state.judge(tx.sys, nil)
	return vg, hostile(state.refusals)
}

// hostile returns those of the refusals that stand against restoring: the others
// are what it is there to mend.
func hostile(refusals []error) error {
	return joinErrors(slices.DeleteFunc(slices.Clone(refusals), func(err error) bool {
		return !errors.Is(err, ErrForeign) && !errors.Is(err, ErrShared) && !errors.Is(err, ErrDuplicatePV)
	})...)
}

// replaceable refuses if the group that is there is another one, or another's.
func (tx *Tx) replaceable(vg *metadata.VolumeGroup) error {
	for _, c := range tx.scan.groups() {
		switch {
		case c.id == vg.ID && c.name != vg.Name:
			return fault(ErrExists, "vg %s is named %s now: rename it to %s first", vg.ID, c.name, vg.Name)
		case c.id != vg.ID && c.name == vg.Name:
			return fault(ErrExists, "there is another vg %s (%s)", c.name, c.id)
		}
	}
	if tx.st == nil {
		return nil
	}
	return hostile(tx.st.refusals)
}

// restoreMembers finds the devices of a group that is to be restored, and their
// metadata areas.
func (tx *Tx) restoreMembers(vg *metadata.VolumeGroup) (map[metadata.ID]*member, map[metadata.ID][]scannedArea, error) {
	members, areas := map[metadata.ID]*member{}, map[metadata.ID][]scannedArea{}
	found := make([]*scannedPV, len(vg.PVs))
	for i, rec := range vg.PVs {
		pv, err := tx.deviceOf(rec)
		if err != nil {
			return nil, nil, err
		}
		found[i] = pv
		members[rec.ID] = &member{path: pv.path, label: pv.label, size: pv.size}
	}
	if err := tx.noOthers(members, vg.ID); err != nil {
		return nil, nil, err
	}
	st := newState(&metadata.Document{VG: vg}, textKey{})
	for i, rec := range vg.PVs {
		pv := found[i]
		if end, err := pvEnd(rec, vg.ExtentSize); err != nil {
			return nil, nil, err
		} else if end > pv.size {
			return nil, nil, fault(ErrInvalidSpec, "%s has %d bytes, the extents of pv %s need %d", pv.path, uint64(pv.size), rec.ID, uint64(end))
		}
		var refused []error
		st.checkMember(rec, vg, pv, tx.scan, func(string, error) {}, func(_ string, err error) { refused = append(refused, err) })
		if err := joinErrors(refused...); err != nil {
			return nil, nil, err
		}
		areas[rec.ID] = writableAreas(pv.areas, pv.label)
	}
	return members, areas, nil
}

// deviceOf returns the device of a PV: one that has it, or that gets it in this
// update.
func (tx *Tx) deviceOf(rec *metadata.PhysicalVolume) (*scannedPV, error) {
	for _, path := range tx.pvOrder {
		if init := tx.newPVs[path]; init.id == rec.ID {
			return &scannedPV{path: path, label: init.label, size: init.size, areas: init.areas()}, nil
		}
	}
	var found *scannedPV
	for _, pv := range tx.scan.pvs {
		switch {
		case pv.label.PVID != rec.ID || tx.newPVs[pv.path] != nil:
		case found != nil:
			return nil, fault(ErrDuplicatePV, "pv %s is on %s and on %s", rec.ID, found.path, pv.path)
		default:
			found = pv
		}
	}
	if found == nil {
		return nil, fault(ErrMissingPV, "pv %s (last seen on %s) was not found: make it anew with the same UUID first", rec.ID, rec.Device)
	}
	return found, nil
}

// noOthers refuses if another group has, or may have, one of the members.
func (tx *Tx) noOthers(members map[metadata.ID]*member, vg metadata.ID) error {
	for _, t := range tx.scan.texts {
		if t.err == nil && t.id == vg {
			continue
		}
		doc, err := t.decode()
		if err != nil {
			// What is broken on a member is what is to be restored.
			if i := slices.IndexFunc(t.areas, func(a *scannedArea) bool { return members[a.pv] == nil }); i >= 0 {
				return fault(ErrDamaged, "cannot tell whether another group has one of the physical volumes: %s: %v", t.areas[i].path, err)
			}
			continue
		}
		for _, pv := range doc.VG.PVs {
			if members[pv.ID] != nil {
				return fault(ErrExists, "pv %s on %s belongs to vg %s (%s)", pv.ID, members[pv.ID].path, doc.VG.Name, doc.VG.ID)
			}
		}
	}
	return nil
}

// writableAreas returns the areas with headers of empty ones where those on the
// device are broken, or point nowhere.
func writableAreas(areas []scannedArea, label *metadata.Label) []scannedArea {
	out := slices.Clone(areas)
	for i := range out {
		a := &out[i]
		if a.header == nil {
			*a = rebuiltArea(a, label)
		}
		if a.header == nil {
			continue
		}
		if _, err := a.header.NextLocation([]byte{0}); errors.Is(err, metadata.ErrInvalid) {
			header := *a.header
			header.Slots = [2]metadata.RawLocation{}
			a.header = &header
		}
	}
	return out
}
