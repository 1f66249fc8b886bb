package lvm

import "github.com/lvm-go/lvm/metadata"

// putMeanwhile replaces the record at index i, or appends it with i < 0, by one
// that counts once the kernel has done something, until which the text has
// another one of the same LV. If the process dies in between, that one says what
// there is still to do.
func (tx *Tx) putMeanwhile(i int, lv, meanwhile *metadata.LogicalVolume) error {
	if tx.sys.kernel == nil {
		return tx.put(i, meanwhile)
	}
	if err := tx.put(i, lv); err != nil {
		return err
	}
	if tx.meanwhile == nil {
		tx.meanwhile = map[metadata.ID]*metadata.LogicalVolume{}
	}
	tx.meanwhile[lv.ID] = meanwhile
	return nil
}

// findNow returns an LV as it stands in the text when the devices are made; nil
// if it is gone.
func (tx *Tx) findNow(id metadata.ID) *metadata.LogicalVolume {
	if lv := tx.meanwhile[id]; lv != nil {
		return lv
	}
	return tx.find(id)
}

// noteFresh notes that the device of a new LV must not work before the commit.
func (tx *Tx) noteFresh(id metadata.ID) {
	if tx.fresh == nil {
		tx.fresh = map[metadata.ID]bool{}
	}
	tx.fresh[id] = true
}
