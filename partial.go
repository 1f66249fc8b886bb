package lvm

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"syscall"

	"github.com/lvm-go/lvm/metadata"
)

// missingPV says whether a physical volume cannot be used: it was not found, or
// on several devices, or is back with data that may be older than the rest. One
// that is back and holds nothing can be used.
func missingPV(rec *metadata.PhysicalVolume, m *member, extents func() *ExtentMap) bool {
	return m == nil || rec.Status&metadata.PVMissing != 0 && extents().Used(rec.ID) > 0
}

// errUnread is matched by the refusal to change a group with a missing physical
// volume that may be on a device which could not be read. It would be marked as
// missing, which lasts, because of a failure that may not.
var errUnread = fmt.Errorf("%w, or not read", ErrMissingPV)

// notFound returns the error of a physical volume that is on no device.
func (sc *scan) notFound(rec *metadata.PhysicalVolume) error {
	for _, path := range slices.Sorted(maps.Keys(sc.failed)) {
		if err := sc.failed[path]; !isGone(err) {
			return fault(errUnread, "pv %s (last seen on %s) was not found, but may be on %s (%v): leave that device out to go on without it",
				rec.ID, rec.Device, path, err)
		}
	}
	return fault(ErrMissingPV, "pv %s (last seen on %s) was not found", rec.ID, rec.Device)
}

// isGone says whether an error tells that there is no such device.
func isGone(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENXIO) || errors.Is(err, syscall.ENODEV)
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
// below it, has extents on; zero if there is none.
func liesOn(lv *metadata.LogicalVolume, pvs map[metadata.ID]bool, find func(metadata.ID) *metadata.LogicalVolume) metadata.ID {
	for _, a := range areasOnPVs(lv, find) {
		if pvs[a.PV] {
			return a.PV
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
	find := func(id metadata.ID) *metadata.LogicalVolume { return lvByID(l.vg.rec, id) }
	return !liesOn(l.rec, missing, find).IsZero()
}

// missing returns the physical volumes that cannot be used, as the transaction
// has them.
func (tx *Tx) missing() map[metadata.ID]bool {
	return missingIDs(tx.vg, tx.members, func() *ExtentMap { return tx.emap })
}

func (tx *Tx) isMissing(rec *metadata.PhysicalVolume) bool {
	return missingPV(rec, tx.members[rec.ID], func() *ExtentMap { return tx.emap })
}

// complete refuses an LV that lies on missing physical volumes, unless the mode
// says that it can be activated all the same.
func (tx *Tx) complete(lv *metadata.LogicalVolume, mode ActivationMode) error {
	switch mode {
	case ActivatePartial, ActivateDegraded, ActivateComplete:
	default:
		return fault(ErrInvalidSpec, "activation mode %d", int(mode))
	}
	missing := tx.missing()
	if len(missing) == 0 {
		return nil
	}
	pv := liesOn(lv, missing, tx.find)
	switch {
	case pv.IsZero() || mode != ActivateComplete && tx.redundant(lv, missing):
		return nil
	case mode == ActivatePartial:
		return tx.bearsErrors(lv, missing, map[metadata.ID]bool{})
	}
	return fault(ErrMissingPV, "lv %s has extents on pv %s, which is missing: only the partial mode activates the rest", lv.Name, pv)
}

// bearsErrors refuses an LV that has, or lies on, something that the kernel makes
// use of itself, and would damage or not work with if there were errors in it.
// Source: lvm2 as observed.
func (tx *Tx) bearsErrors(lv *metadata.LogicalVolume, missing, seen map[metadata.ID]bool) error {
	if lv == nil || seen[lv.ID] {
		return nil
	}
	seen[lv.ID] = true
	needs := func(what string, ids ...metadata.ID) error {
		for _, id := range ids {
			if part := tx.find(id); part != nil && !tx.redundant(part, missing) {
				return fault(ErrMissingPV, "%s has extents on pv %s, which is missing: %s cannot work without", part.Name, liesOn(part, missing, tx.find), what)
			}
		}
		return nil
	}
	if link, ok := tx.snapshotBy(lv.ID); ok {
		if err := needs("lv "+tx.nameOf(link.body.Origin)+", of which it is a snapshot,", lv.ID); err != nil {
			return err
		}
	}
	for i := range lv.Segments {
		var err error
		switch body := lv.Segments[i].Body.(type) {
		case *metadata.ThinPool:
			err = needs("thin pool "+lv.Name, body.Metadata, body.Data)
		case *metadata.Cache:
			err = needs("lv "+lv.Name+", which it caches,", body.Pool)
		case *metadata.WriteCache:
			err = needs("lv "+lv.Name+", which has a writecache,", body.Cache, body.Origin)
		}
		if err != nil {
			return err
		}
	}
	for _, id := range slices.Concat(lvsBelow(lv), usedBy(lv)) {
		if err := tx.bearsErrors(tx.find(id), missing, seen); err != nil {
			return err
		}
	}
	return nil
}

// fitsDevices refuses an LV that, or one below which, reaches beyond the end of
// a device, which has become smaller. Those in seen, which gets all that were
// looked at, are in order.
func (tx *Tx) fitsDevices(lv *metadata.LogicalVolume, seen map[metadata.ID]bool) (err error) {
	walkAreas(lv, tx.find, seen, func(seg *metadata.Segment, a metadata.Area) bool {
		m, rec := tx.members[a.PV], pvRecord(tx.vg, a.PV)
		if m == nil || rec == nil {
			return true
		}
		part := *rec
		part.PECount = a.Start + seg.AreaLength()
		if end, wrong := pvEnd(&part, tx.vg.ExtentSize); wrong != nil || end > m.size {
			err = fault(ErrDamaged, "it reaches to byte %d of %s, which ends at byte %d", uint64(end), m.path, uint64(m.size))
		}
		return err == nil
	})
	return err
}
