package lvm

import (
	"slices"

	"github.com/lvm-go/lvm/metadata"
)

// remove has the kernel of the pool forget a thin volume, unless the pool goes as
// well. Its snapshots are volumes by themselves from then on.
func (thinType) remove(tx *Tx, lv *metadata.LogicalVolume, going map[metadata.ID]bool) error {
	body := thinBody(lv)
	if going[body.Pool] {
		return nil
	}
	if merging := tx.thinMerging(lv.ID); merging != nil && !going[merging.ID] {
		return fault(ErrMerging, "lv %s is being merged into it", merging.Name)
	}
	known := true // to the kernel
	for _, m := range tx.queue(body.Pool) {
		known = known && m.Create != lv.ID
		if of := thinBody(tx.find(m.Create)); of != nil && of.Origin == lv.ID {
			return fault(ErrBusy, "the kernel has yet to be told of its snapshot %s: that takes an update of its own", tx.nameOf(m.Create))
		}
	}
	err := tx.thinSnapshots(lv.ID, func(i int, snapshot *metadata.LogicalVolume, of *metadata.Thin) error {
		if going[snapshot.ID] {
			return nil
		}
		own := *of
		own.Origin = metadata.ID{}
		return tx.put(i, withBody(snapshot, &own))
	})
	if err != nil {
		return err
	}
	if !body.ExternalOrigin.IsZero() {
		tx.want(body.ExternalOrigin, wish{}) // it may be written again
	}
	if !known {
		return tx.untell(body.Pool, lv.ID)
	}
	return tx.tell(body.Pool, metadata.ThinMessage{Delete: body.DeviceID})
}

// remove removes the spare with the last pool.
func (thinPoolType) remove(tx *Tx, _ *metadata.LogicalVolume, going map[metadata.ID]bool) error {
	tx.releaseSpare(going)
	return nil
}

// withDependents returns volumes that are to be removed and those that need them.
func (tx *Tx) withDependents(parts []*metadata.LogicalVolume, spec RemoveSpec) ([]*metadata.LogicalVolume, error) {
	for i := 0; i < len(parts); i++ {
		for _, user := range tx.ties().users[parts[i].ID] {
			top := user
			for len(tx.ties().above[top]) > 0 {
				top = tx.ties().above[top][0]
			}
			lv, err := tx.lvToRemove(top.String(), spec)
			if err != nil {
				return nil, err
			}
			for _, part := range tx.withOwned(tx.withSnapshotParts(lv)...) {
				if !slices.Contains(parts, part) {
					parts = append(parts, part)
				}
			}
		}
	}
	return parts, nil
}
