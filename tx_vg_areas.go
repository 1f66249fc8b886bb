package lvm

import (
	"slices"

	"github.com/lvm-go/lvm/metadata"
)

// areaRef tells a metadata area of a transaction's members.
type areaRef struct {
	pv    metadata.ID
	start Bytes
}

// SetMetadataCopies says how many metadata areas of the group are in use, which
// every change then balances; the others are ignored. More than there are is all
// of them. 0 leaves it to what was said of each physical volume. lvm2: vgchange
// --vgmetadatacopies; which areas it takes is random there, here it is areas on
// different physical volumes first, in the order of the group.
func (tx *Tx) SetMetadataCopies(n uint32) error {
	return tx.fail("change vg", "", tx.changeVG(func() error {
		if tx.vg.MetadataCopies != n {
			tx.vg.MetadataCopies, tx.changed = n, true
		}
		return nil
	}))
}

// UseAllMetadataAreas takes all metadata areas of the group into use. lvm2:
// vgchange --vgmetadatacopies all.
func (tx *Tx) UseAllMetadataAreas() error {
	return tx.fail("change vg", "", tx.changeVG(func() error {
		if tx.vg.MetadataCopies != 0 {
			tx.vg.MetadataCopies, tx.changed = 0, true
		}
		for a := range tx.usableAreas() {
			if tx.ignores(a) {
				tx.ignore(a, false)
			}
		}
		return nil
	}))
}

// ignoreAreas says whether the metadata areas of a PV of the group are ignored.
// In a group that balances them, that changes how many it wants. It refuses to
// leave none in use, and a PV that has none.
func (tx *Tx) ignoreAreas(pv metadata.ID, yes bool) error {
	if tx.members[pv] == nil {
		return fault(ErrMissingPV, "pv %s is missing", pv)
	}
	var change []*scannedArea
	mine, used := 0, 0
	for a := range tx.usableAreas() {
		if a.pv == pv {
			mine++
			if tx.ignores(a) != yes {
				change = append(change, a)
			}
		} else if !tx.ignores(a) {
			used++
		}
	}
	switch {
	case mine == 0:
		return fault(ErrInvalidSpec, "pv %s has no metadata areas", pv)
	case len(change) == 0:
		return nil
	case yes && used == 0:
		return fault(ErrBusy, "pv %s has the last metadata area in use of vg %s", pv, tx.vg.Name)
	case !yes:
		used += mine
	}
	for _, a := range change {
		tx.ignore(a, yes)
	}
	if tx.vg.MetadataCopies != 0 {
		tx.vg.MetadataCopies = uint32(used)
	}
	return nil
}

func (tx *Tx) ignore(a *scannedArea, yes bool) {
	if tx.ignored == nil {
		tx.ignored = map[areaRef]bool{}
	}
	tx.ignored[areaRef{a.pv, a.start}] = yes
	tx.changed = true
}

// ignores says whether an area is ignored once the transaction is done.
func (tx *Tx) ignores(a *scannedArea) bool {
	if yes, said := tx.ignored[areaRef{a.pv, a.start}]; said {
		return yes
	}
	return a.header != nil && a.header.Slots[metadata.SlotCommitted].Ignored()
}

// usableAreas returns the areas of the members that can be written, in use or
// ignored, in the order of the group.
func (tx *Tx) usableAreas() func(func(*scannedArea) bool) {
	return func(yield func(*scannedArea) bool) {
		for _, pv := range tx.vg.PVs {
			if tx.members[pv.ID] == nil {
				continue
			}
			areas := tx.areas[pv.ID]
			for i := range areas {
				if areas[i].header != nil && !yield(&areas[i]) {
					return
				}
			}
		}
	}
}

// balanceAreas takes as many areas into use as the group wants, and at least
// one. The same group gives the same areas.
func (tx *Tx) balanceAreas() {
	onPV := map[metadata.ID]int{} // in use
	var used, idle []*scannedArea
	for a := range tx.usableAreas() {
		if tx.ignores(a) {
			idle = append(idle, a)
		} else {
			used = append(used, a)
			onPV[a.pv]++
		}
	}
	want := max(uint64(tx.vg.MetadataCopies), 1)
	for uint64(len(used)) < want && len(idle) > 0 {
		i := max(slices.IndexFunc(idle, func(a *scannedArea) bool { return onPV[a.pv] == 0 }), 0)
		tx.ignore(idle[i], false)
		onPV[idle[i].pv]++
		used = append(used, idle[i])
		idle = slices.Delete(idle, i, i+1)
	}
	if tx.vg.MetadataCopies == 0 {
		return
	}
	for uint64(len(used)) > want {
		i := len(used) - 1
		for j := i; j >= 0; j-- {
			if onPV[used[j].pv] > 1 {
				i = j
				break
			}
		}
		tx.ignore(used[i], true)
		onPV[used[i].pv]--
		used = slices.Delete(used, i, i+1)
	}
}
