package lvm

import "github.com/lvm-go/lvm/metadata"

// ExportVG marks the group as not to be used until it is imported, on this host
// or on another; it is then nobody's by system ID. lvm2: vgexport. Returns an
// error matching [ErrBusy] if logical volumes are active.
func (tx *Tx) ExportVG() error {
	return tx.fail("export vg", "", tx.exportVG())
}

func (tx *Tx) exportVG() error {
	if err := tx.own(); err != nil {
		return err
	}
	if err := tx.allInactive(); err != nil {
		return err
	}
	tx.setExported(true)
	tx.setSystemID("")
	return nil
}

// ImportSpec says how a group is imported.
type ImportSpec struct {
	// Force imports a group with physical volumes missing, which are then
	// marked as such.
	Force bool
}

// ImportVG takes an exported group into use again, and makes it this host's by
// system ID. lvm2: vgimport. Returns an error matching [ErrInvalidSpec] if the
// group is not exported. Its logical volumes can be activated by the next
// update.
func (tx *Tx) ImportVG(spec ImportSpec) error {
	return tx.fail("import vg", "", tx.importVG(spec))
}

func (tx *Tx) importVG(spec ImportSpec) error {
	mends := []error{ErrExported}
	if spec.Force {
		mends = append(mends, ErrMissingPV)
	}
	if err := tx.own(mends...); err != nil {
		return err
	}
	if tx.vg.Status&metadata.VGExported == 0 {
		return fault(ErrInvalidSpec, "vg %s is not exported", tx.vg.Name)
	}
	tx.setExported(false)
	tx.setSystemID(tx.sys.cfg.SystemID)
	return nil
}

func (tx *Tx) setExported(yes bool) {
	tx.setVGStatus(metadata.VGExported, yes)
	for i, old := range tx.vg.PVs {
		pv := *old
		if pv.Status &^= metadata.PVExported; yes {
			pv.Status |= metadata.PVExported
		}
		tx.vg.PVs[i] = &pv
	}
}
