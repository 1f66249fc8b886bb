package lvm

import (
	"github.com/pkg/errors"

	"github.com/lvm-go/lvm/metadata"
)

// Activate gives a logical volume its device, or brings the one it has to what
// the metadata says. lvm2: lvchange -ay. In image mode it returns an error
// matching [ErrUnsupported].
func (tx *Tx) Activate(lv string) error {
	return tx.fail("activate lv", lv, tx.setActive(lv, wish{activate: true}))
}

// Deactivate removes the device of a logical volume. lvm2: lvchange -an. When
// it is planned, an error matching [ErrBusy] tells that the device is open.
func (tx *Tx) Deactivate(lv string) error {
	return tx.fail("deactivate lv", lv, tx.setActive(lv, wish{deactivate: true}))
}

// Refresh loads the tables of an active logical volume anew. lvm2: lvchange
// --refresh. Returns an error matching [ErrNotActive] if it is not active.
func (tx *Tx) Refresh(lv string) error {
	return tx.fail("refresh lv", lv, tx.setActive(lv, wish{refresh: true}))
}

func (tx *Tx) setActive(ref string, w wish) error {
	lv, _, err := tx.lvFor(ref)
	if err != nil {
		return err
	}
	if tx.sys.kernel == nil {
		return errNoKernel
	}
	if !w.deactivate && tx.st != nil && tx.st.noActivate != nil {
		return tx.st.noActivate
	}
	if lv.Status&metadata.LVVisible == 0 {
		return fault(ErrUnsupported, "lv %s is a part of another lv", lv.Name)
	}
	if tx.liesOnOpaque(lv) {
		return fault(ErrUnsupported, "lv %s has, or lies on, segments of a type that is not known here", lv.Name)
	}
	if err := unclaimedLV(tx.claims(), lv); err != nil {
		return err
	}
	if w.refresh && !tx.kern.active(lv.ID) {
		return ErrNotActive
	}
	old := tx.wishes[lv.ID]
	w.closed = old.closed
	if w.refresh && old.activate {
		w.activate = true
	}
	tx.want(lv.ID, w)
	return nil
}

// liesOnOpaque says whether devices are beneath an LV's that are not known. The
// group is valid, so there is no cycle.
func (tx *Tx) liesOnOpaque(lv *metadata.LogicalVolume) bool {
	if lv.IsOpaque() {
		return true
	}
	for i := range lv.Segments {
		if lv.Segments[i].Body == nil {
			continue
		}
		for _, a := range lv.Segments[i].Body.Areas() {
			if a.LV.IsZero() {
				continue
			}
			if below := tx.find(a.LV); below != nil && tx.liesOnOpaque(below) {
				return true
			}
		}
	}
	return false
}

// ActivateAll activates the logical volumes that are for users, but those that
// are marked to be skipped. lvm2: vgchange -ay.
//
// Volumes that cannot be activated by this package are left out, and then named
// by an error that matches [ErrUnsupported]: a function that ignores it has the
// others activated.
func (tx *Tx) ActivateAll() error { return tx.setAll("activate lv", wish{activate: true}) }

// DeactivateAll removes the devices of all logical volumes. lvm2: vgchange -an.
// Volumes that it leaves out are told as by [Tx.ActivateAll].
func (tx *Tx) DeactivateAll() error { return tx.setAll("deactivate lv", wish{deactivate: true}) }

func (tx *Tx) setAll(op string, w wish) error {
	if tx.vg == nil {
		return tx.fail(op, "", ErrVGNotFound)
	}
	if tx.sys.kernel == nil {
		return tx.fail(op, "", errNoKernel)
	}
	var left []error
	for _, lv := range tx.vg.LVs {
		if lv == nil || lv.Status&metadata.LVVisible == 0 || w.activate && lv.Status&metadata.LVActivationSkip != 0 {
			continue
		}
		err := tx.fail(op, lv.Name, tx.setActive(lv.Name, w))
		if err != nil && !errors.Is(err, ErrUnsupported) {
			return err
		}
		left = append(left, err)
	}
	return joinErrors(left...)
}

// errNoKernel is returned by what needs the kernel in image mode.
var errNoKernel = fault(ErrUnsupported, "image mode has no kernel: use Open to read and write the volume")
