package lvm

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/lvm-go/lvm/metadata"
)

// Check looks for what is wrong with a group's metadata, as lvm2's vgck does, and
// reads each copy whole, which no other reading does. It changes nothing;
// [Tx.RepairMetadata] repairs what can be repaired. Errors are as with
// [System.View].
func (s *System) Check(ctx context.Context, vg string) ([]Problem, error) {
	const op = "check vg"
	if err := s.checkOpen(); err != nil {
		return nil, &OpError{Op: op, VG: vg, Err: err}
	}
	found, err := s.check(ctx, vg)
	if err != nil {
		return nil, &OpError{Op: op, VG: vg, Err: err}
	}
	return found, nil
}

func (s *System) check(ctx context.Context, ref string) ([]Problem, error) {
	name, err := s.nameOf(ctx, ref)
	if err != nil {
		return nil, err
	}
	h, err := s.lock(ctx, name, lockShared)
	if err != nil {
		return nil, err
	}
	defer h.release()
	sc, err := s.scanDevices(ctx, h.handles)
	if err != nil {
		return nil, err
	}
	st, err := s.loadFrom(sc, ref)
	if err != nil {
		return nil, err
	}
	out := slices.Clone(st.problems)
	for i := range st.areas {
		if err := st.copyError(h.handles, &st.areas[i]); err != nil {
			out = append(out, Problem{Device: st.areas[i].path, VG: st.doc.VG.Name, Err: err})
		}
	}
	return out, nil
}

// copyError reads an area's copy of the group's text and says what is wrong with
// it. That there is none, or another, is known already.
func (st *vgState) copyError(h *handles, a *scannedArea) error {
	if key, ok := a.key(); !ok || key != st.key {
		return nil
	}
	d, err := h.reader(a.path)
	if err == nil {
		_, err = a.header.ReadText(d, a.header.Slots[metadata.SlotCommitted])
	}
	return err
}

// RepairMetadata writes all copies of the group's metadata anew if one of them is
// broken, older, or missing, or if another process died while it wrote; and
// takes the group's text off physical volumes that it no longer has, which had
// been away when they were taken out. If nothing of that is the case it changes
// nothing. A broken header of a metadata area is written anew too, which lvm2
// does not do. lvm2: vgck --updatemetadata.
//
// Which of several texts holds is never guessed: where [VolumeGroup.Changeable]
// says that two contradict each other, or that a newer one may be on what cannot
// be read, it is refused with [ErrDamaged], and [Tx.RestoreVG] is the way.
func (tx *Tx) RepairMetadata() error { return tx.fail("repair metadata", "", tx.repairMetadata()) }

func (tx *Tx) repairMetadata() error {
	if err := tx.global(); err != nil {
		return err
	}
	if err := tx.own(ErrMissingPV); err != nil {
		return err
	}
	if tx.st == nil {
		return nil
	}
	if err := tx.scan.unread(); err != nil {
		return err
	}
	for id, m := range tx.members {
		areas := tx.areas[id]
		for i := range areas {
			if tx.areaIsWrong(&areas[i]) {
				tx.changed = true
			}
			areas[i] = rebuiltArea(&areas[i], m.label)
		}
		if !m.label.InUse() {
			tx.changed = true
		}
	}
	if len(tx.outdated(true)) > 0 {
		tx.changed, tx.repair = true, true
	}
	return nil
}

// unread returns why a device, or a part of one, gave nothing to judge.
func (sc *scan) unread() error {
	var errs []error
	add := func(path string, err error) {
		var format *metadata.FormatError
		if err != nil && !errors.As(err, &format) && !errors.Is(err, metadata.ErrSyntax) && !errors.Is(err, ErrDamaged) {
			errs = append(errs, fmt.Errorf("%s cannot be read; leave it out of the devices to go on without it: %w", path, err))
		}
	}
	for _, path := range slices.Sorted(maps.Keys(sc.failed)) {
		add(path, sc.failed[path])
	}
	for _, pv := range sc.pvs {
		for i := range pv.areas {
			add(pv.path, pv.areas[i].err)
		}
	}
	for _, t := range sc.texts {
		add(t.areas[0].path, t.err)
	}
	return joinErrors(errs...)
}

func (tx *Tx) areaIsWrong(a *scannedArea) bool {
	switch key, ok := a.key(); {
	case a.header == nil:
		return errors.Is(a.err, metadata.ErrChecksum)
	case a.header.Slots[metadata.SlotPrecommitted].InUse():
		return true
	case a.header.Slots[metadata.SlotCommitted].Ignored():
		return false
	case !ok || key != tx.st.key:
		return true
	}
	return tx.st.copyError(tx.h, a) != nil
}

// rebuiltArea returns the area with the header of an empty one if its own is
// broken. One that could not be read, or lies where it must not, stays without.
func rebuiltArea(a *scannedArea, label *metadata.Label) scannedArea {
	out := *a
	if a.header != nil || !errors.Is(a.err, metadata.ErrChecksum) {
		return out
	}
	for _, area := range label.MetadataAreas {
		if area.Offset == a.start {
			out.header = &metadata.AreaHeader{Start: area.Offset, Size: area.Size}
		}
	}
	return out
}
