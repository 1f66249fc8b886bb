package lvm

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/lvm-go/lvm/metadata"
)

// CloneSpec says what becomes of the volume group on cloned disks.
type CloneSpec struct {
	// BaseName is the name that the group gets, with the first number behind it
	// that makes it one of its own if it is taken. If it is empty, that is the name
	// that the group has, always with a number.
	BaseName string
	// Import takes exported groups as well, and clears that. Without it they are
	// refused.
	Import bool
}

// ImportClones makes a group of its own of the physical volumes on disks that
// were cloned beneath LVM, and so carry the names and UUIDs of the originals. The
// group gets a new name and a new UUID, and each physical volume a new UUID; the
// logical volumes keep theirs. The originals, be they active or absent, are not
// touched. It returns the new group. lvm2: vgimportclone.
//
// devices are all the physical volumes of one group, and nothing else. A call
// that died is finished by the next one with the same devices, or, unless some
// have no metadata area, by [System.Recover]; the group then has the name that was
// chosen first. Until then originals and clones must not be taken for one another:
// attach all of them, or none of one kind.
//
// Returns errors matching [ErrInvalidSpec] if the devices are not those of one
// group, [ErrMissingPV] if one is not among them, [ErrPVNotFound] if a device was
// not given to [Open] or has no physical volume, [ErrDuplicatePV] if one was given
// to it under another name as well, [ErrBusy] if one is in use, [ErrExported], and others as [Tx.RenameVG] does.
func (s *System) ImportClones(ctx context.Context, devices []string, spec CloneSpec) (*VolumeGroup, error) {
	const op = "import clones"
	fail := func(err error) (*VolumeGroup, error) {
		return nil, &OpError{Op: op, PV: strings.Join(devices, " "), Err: err}
	}
	if err := s.checkOpen(); err != nil {
		return fail(err)
	}
	if spec.BaseName != "" {
		if err := checkVGRename(spec.BaseName); err != nil {
			return fail(err)
		}
	}
	part, err := s.restricted(devices)
	if err != nil {
		return fail(err)
	}
	h := part.newHandles()
	sc, err := part.scanDevices(ctx, h)
	if closeErr := h.close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return fail(err)
	}
	clones, err := sc.onlyGroup()
	if err != nil {
		return fail(err)
	}
	var id metadata.ID
	err = part.Update(ctx, clones.id.String(), func(tx *Tx) error {
		defer func() {
			if tx.vg != nil {
				id = tx.vg.ID
			}
		}()
		return tx.fail(op, "", tx.importClones(s, spec))
	})
	if err != nil {
		return nil, err
	}
	return s.VG(ctx, id.String())
}

// restricted returns a System that sees no devices but the given ones, and locks
// all. It shares everything else, and must not be closed.
func (s *System) restricted(devices []string) (*System, error) {
	only := make(map[string]bool, len(devices))
	for _, d := range devices {
		switch {
		case !slices.Contains(s.cfg.Devices, d):
			return nil, fault(ErrPVNotFound, "%s is none of the given devices", d)
		case only[d]:
			return nil, fault(ErrInvalidSpec, "%s is given twice", d)
		}
		only[d] = true
	}
	if len(only) == 0 {
		return nil, fault(ErrInvalidSpec, "no devices given")
	}
	return &System{
		cfg: s.cfg, custom: s.custom, images: s.images, locks: s.locks, kernel: s.kernel, random: s.random, host: s.host,
		identify: s.identify, before: s.before, only: only, cache: map[metadata.ID]*vgState{},
	}, nil
}

// onlyGroup returns the group that all devices of a scan belong to.
func (sc *scan) onlyGroup() (*vgTexts, error) {
	for path, err := range sc.failed {
		return nil, fault(ErrDamaged, "cannot tell whose %s is: %v", path, err)
	}
	for path := range sc.blank {
		return nil, fault(ErrPVNotFound, "%s holds no physical volume", path)
	}
	for _, t := range sc.texts {
		if t.err != nil {
			return nil, fault(ErrDamaged, "cannot tell whose %s is: %v", t.areas[0].path, t.err)
		}
	}
	groups := sc.groups()
	switch len(groups) {
	case 0:
		return nil, fault(ErrInvalidSpec, "no volume group on these devices")
	case 1:
	default:
		return nil, fault(ErrInvalidSpec, "several volume groups on these devices: %s and %s", groups[0].name, groups[1].name)
	}
	doc, err := groups[0].best.decode()
	if err != nil {
		return nil, as(ErrDamaged, err)
	}
	for _, pv := range sc.pvs {
		if pvRecord(doc.VG, pv.label.PVID) == nil {
			return nil, fault(ErrInvalidSpec, "%s has pv %s, which does not belong to vg %s", pv.path, pv.label.PVID, groups[0].name)
		}
	}
	return groups[0], nil
}

// importClones gives the group, which is all that the transaction's System sees,
// another identity than any group that the System all sees.
func (tx *Tx) importClones(all *System, spec CloneSpec) error {
	if err := tx.global(); err != nil {
		return err
	}
	if _, err := tx.scan.onlyGroup(); err != nil {
		return err
	}
	var except []error
	if spec.Import {
		except = append(except, ErrExported)
	}
	if err := tx.own(except...); err != nil {
		return err
	}
	whole, err := all.scanDevices(tx.ctx, tx.h)
	if err != nil {
		return err
	}
	for _, pv := range tx.scan.pvs {
		if err := all.checkOneName(tx.h, whole, pv.path); err != nil {
			return err
		}
	}
	tx.clones = true
	if tx.st.unfinished() {
		tx.changed = true
		return nil
	}
	name := cloneName(tx.vg.Name, spec, whole)
	if err := tx.setName(name, whole); err != nil {
		return err
	}
	tx.vg.Status &^= metadata.VGExported
	for i, pv := range tx.vg.PVs {
		if err := tx.giveMemberID(pv.ID, metadata.ID{}); err != nil {
			return err
		}
		if pv.Status&metadata.PVExported != 0 {
			imported := *pv
			imported.Status &^= metadata.PVExported
			tx.vg.PVs[i] = &imported
		}
	}
	return tx.giveVGID(metadata.ID{})
}

// unfinished says whether the group's identity was being changed by somebody who
// died after the point from which that holds.
func (st *vgState) unfinished() bool {
	for _, m := range st.members {
		if m.stale != nil {
			return true
		}
	}
	return slices.ContainsFunc(st.areas, func(a scannedArea) bool { return a.rolled })
}

// cloneName returns a name that no group has. Source: lvm2 as observed.
func cloneName(was string, spec CloneSpec, sc *scan) string {
	base, n := spec.BaseName, 0
	if base == "" {
		base, n = was, 1
	}
	for ; ; n++ {
		name := base
		if n > 0 {
			name += strconv.Itoa(n)
		}
		if !slices.ContainsFunc(sc.groups(), func(c *vgTexts) bool { return c.name == name }) {
			return name
		}
	}
}
