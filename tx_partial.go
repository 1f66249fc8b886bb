package lvm

import (
	"maps"
	"slices"
	"strings"

	"github.com/lvm-go/lvm/metadata"
)

// While physical volumes are missing, a group can be changed in what does not
// depend on them: tags and properties, removing logical volumes, and what is
// below. The first change marks the missing ones in the metadata, so that they
// do not count as up to date when they are back.

// RestoreMissing takes physical volumes, by device or UUID, for good that were
// missing while the group was changed and are back. The caller vouches for what
// is on them: a volume that was written to meanwhile, in partial mode, is no
// longer of one piece. One that is not marked as missing stays as it is. lvm2:
// vgextend --restoremissing.
//
// Returns an error matching [ErrPVNotFound], or [ErrMissingPV] if a physical
// volume is still missing.
func (tx *Tx) RestoreMissing(pvs ...string) error {
	return tx.fail("restore pvs of vg", "", tx.restoreMissing(pvs))
}

func (tx *Tx) restoreMissing(pvs []string) error {
	if err := tx.own(ErrMissingPV); err != nil {
		return err
	}
	for _, ref := range pvs {
		id, ok := findPV(tx.vg, tx.members, ref)
		if !ok {
			return &OpError{Op: "restore pv", PV: ref, Err: ErrPVNotFound}
		}
		if tx.members[id] == nil {
			return &OpError{Op: "restore pv", PV: ref, Err: fault(ErrMissingPV, "it was not found on any device")}
		}
		if tx.st == nil {
			continue
		}
		if was := pvRecord(tx.st.doc.VG, id); was != nil && was.Status&metadata.PVMissing != 0 {
			tx.unmark(id)
			tx.changed = true
		}
	}
	tx.nothingMissing()
	return nil
}

// unmark takes the mark of being missing off a physical volume.
func (tx *Tx) unmark(id metadata.ID) {
	for i, old := range tx.vg.PVs {
		if old.ID == id {
			rec := *old
			rec.Status &^= metadata.PVMissing
			tx.vg.PVs[i] = &rec
		}
	}
}

// useReturned takes the mark off physical volumes that are back and hold nothing
// that could be old. It is no change by itself. Source: lvm2 as observed.
func (tx *Tx) useReturned() {
	for _, rec := range slices.Clone(tx.vg.PVs) {
		if rec.Status&metadata.PVMissing != 0 && !tx.isMissing(rec) {
			tx.unmark(rec.ID)
		}
	}
}

// avoidMissing keeps extents from being taken from physical volumes that are
// missing since nobody has noted it yet.
func (tx *Tx) avoidMissing() {
	for i, old := range tx.vg.PVs {
		if old.Status&metadata.PVMissing == 0 && tx.isMissing(old) {
			rec := *old
			rec.Status |= metadata.PVMissing
			tx.vg.PVs[i] = &rec
		}
	}
}

// nothingMissing lets operations go on that missing physical volumes stood
// against, if there are none left.
func (tx *Tx) nothingMissing() {
	if len(tx.missing()) == 0 {
		tx.mended = append(tx.mended, ErrMissingPV)
	}
}

// RemoveMissingSpec says how missing physical volumes are removed.
type RemoveMissingSpec struct {
	// Force also removes the logical volumes that lie on them, in part or as a
	// whole, and their snapshots. All their data is lost, also what is on other
	// physical volumes. The origin of a snapshot that goes stays. Raids with all data on
	// other physical volumes stay, and what lies on them, degraded until [Tx.RepairRAID]
	// gives them other legs; lvm2 removes a thin pool that lies on one. Refused are
	// mirrors with all data on other physical volumes, for [Tx.RepairMirror], and volumes
	// that lack nothing but their cache, for [System.DetachCache]; lvm2 removes the
	// latter.
	Force bool
	// EmptyOnly takes out those that no logical volume lies on, and leaves the
	// others in the group, as lvm2 does without --force.
	EmptyOnly bool
}

// RemoveMissing takes the physical volumes out of the group that are missing,
// or back but marked as missing. lvm2: vgreduce --removemissing.
//
// Returns an error matching [ErrBusy] if logical volumes lie on them and the
// spec says neither Force nor EmptyOnly, or, when planned, if one of these
// volumes is open. None of them is removed then. An error matching [ErrMerging]
// tells of a volume that is not there as a whole without a snapshot that would be
// removed, one matching [ErrInvalidSpec] that the spec says both, and ones matching
// [ErrNotInSync] or [ErrDegraded] of a raid that cannot do without a leg that would go.
func (tx *Tx) RemoveMissing(spec RemoveMissingSpec) error {
	return tx.fail("remove missing pvs of vg", "", tx.whole(func() error { return tx.removeMissing(spec) }))
}

func (tx *Tx) removeMissing(spec RemoveMissingSpec) error {
	if err := tx.global(); err != nil {
		return err
	}
	if err := tx.own(ErrMissingPV); err != nil {
		return err
	}
	if spec.Force && spec.EmptyOnly {
		return fault(ErrInvalidSpec, "Force and EmptyOnly exclude each other")
	}
	missing := tx.missing()
	if spec.EmptyOnly {
		maps.DeleteFunc(missing, func(id metadata.ID, _ bool) bool { return tx.emap.Used(id) > 0 })
	}
	if len(missing) == 0 {
		return nil
	}
	partial := tx.partialLVs(missing)
	if len(partial) > 0 && !spec.Force {
		names := make([]string, len(partial))
		for i, lv := range partial {
			names[i] = lv.Name
		}
		return fault(ErrBusy, "extents on them are in use by %s: bring them back, or remove these lvs, which Force does",
			strings.Join(names, ", "))
	}
	whole, err := tx.giveUpLegs(partial, missing)
	if err != nil {
		return err
	}
	partial = slices.DeleteFunc(partial, func(lv *metadata.LogicalVolume) bool { return whole[lv.ID] || tx.find(lv.ID) == nil })
	if err := tx.notRepairable(partial, missing); err != nil {
		return err
	}
	going, err := tx.withParts(partial)
	if err != nil {
		return err
	}
	for _, lv := range going {
		if err := tx.notClaimed(lv); err != nil {
			return err
		}
	}
	if err := tx.removeAll(going); err != nil {
		return err
	}
	for _, rec := range tx.vg.PVs {
		if !missing[rec.ID] {
			continue
		}
		if err := tx.takeOutFreed(rec.ID); err != nil {
			return &OpError{Op: "remove pv", PV: rec.ID.String(), Err: err}
		}
	}
	if !tx.hasUsableArea() {
		return fault(ErrBusy, "no metadata area would be left")
	}
	tx.changed = true
	tx.nothingMissing()
	return nil
}

// partialLVs returns the volumes that lie on any of the given physical volumes.
func (tx *Tx) partialLVs(pvs map[metadata.ID]bool) []*metadata.LogicalVolume {
	var out []*metadata.LogicalVolume
	for _, lv := range tx.vg.LVs {
		if lv != nil && !liesOn(lv, pvs, tx.find).IsZero() {
			out = append(out, lv)
		}
	}
	return out
}

// notRepairable refuses volumes of which all, or all but what a cache has, can still
// be read: they are to be repaired, and not removed.
func (tx *Tx) notRepairable(lvs []*metadata.LogicalVolume, missing map[metadata.ID]bool) error {
	for _, lv := range lvs {
		switch kindOf(lv).(type) {
		case mirrorType:
			if seg := &lv.Segments[0]; !isMove(lv) && survives(seg, tx.missingLegs(seg, missing)) {
				return fault(ErrBusy, "lv %s has all its data on other physical volumes: take out its legs by RepairMirror, or remove it by itself", lv.Name)
			}
		case cacheType, writeCacheType:
			_, _, origin, err := tx.layers(lv)
			if err != nil {
				return err
			}
			if liesOn(origin, missing, tx.find).IsZero() {
				return fault(ErrBusy, "lv %s lacks nothing but its cache: take that off by DetachCache, or remove it by itself", lv.Name)
			}
		}
	}
	return nil
}

// withParts returns LVs with what goes with them: what they consist of and are a
// part of, the volumes of a pool, the snapshots of an origin, but not the origin of
// a snapshot. Where that is not all there, since a snapshot is
// being merged into it, the caller has to say what is to become of it.
func (tx *Tx) withParts(lvs []*metadata.LogicalVolume) ([]*metadata.LogicalVolume, error) {
	var out []*metadata.LogicalVolume
	going := map[metadata.ID]bool{}
	lvs = slices.Clone(lvs)
	for i := 0; i < len(lvs); i++ {
		lv := lvs[i]
		for _, part := range tx.withSnapshotParts(lv) {
			if err := notMoving(part); err != nil {
				return nil, err
			}
			if going[part.ID] {
				continue
			}
			going[part.ID] = true
			out = append(out, part)
			lvs = append(lvs, tx.withOwned(part)[1:]...)
			for _, id := range slices.Concat(tx.ties().above[part.ID], tx.ties().users[part.ID]) {
				if other := tx.find(id); other != nil && !going[id] {
					lvs = append(lvs, other)
				}
			}
		}
	}
	for _, lv := range out {
		if link, ok := tx.snapshotBy(lv.ID); ok && link.body.Merging && !going[link.body.Origin] {
			return nil, fault(ErrMerging, "lv %s is being merged into lv %s, which needs it: remove that one, or the merge by AbandonMerge, before",
				lv.Name, tx.nameOf(link.body.Origin))
		}
	}
	return out, nil
}
