package lvm

import (
	"slices"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/metadata"
)

// MirrorRepairSpec says how a mirror is repaired.
type MirrorRepairSpec struct {
	// TakeUnsynced goes on with the other legs where the first one has failed,
	// although it is not known whether they have all that was on it. After a write has
	// failed that is not known any more: give it if the mirror was in sync before.
	TakeUnsynced bool
}

// RepairMirror takes legs out of a mirror that lie on missing physical volumes, or
// have failed in the kernel, and so lets writes go on that wait for that. A log that
// is lost is kept in memory from then on. With one leg left it is no mirror any more.
// If nothing is lost, nothing is changed. [System.AddMirrorLegs] gives it others, and
// [Tx.SetMirrorLog] a log. lvm2: lvconvert --repair, which also does that.
//
// Returns errors matching [ErrLVNotFound], [ErrUnsupported] if it is no mirror,
// [ErrConverting] if it gets legs, which [Tx.DropMirrorLegs] gives up, [ErrDegraded]
// if no leg is left, or, where the first leg is lost, that the others are copied from,
// [ErrNotInSync], unless the spec says TakeUnsynced.
func (tx *Tx) RepairMirror(lv string, spec MirrorRepairSpec) error {
	return tx.fail("repair mirror", lv, tx.whole(func() error { return tx.repairMirror(lv, spec) }))
}

func (tx *Tx) repairMirror(ref string, spec MirrorRepairSpec) error {
	old, i, err := tx.lvToChange(ref, ErrMissingPV)
	if err != nil {
		return err
	}
	body, legs, err := tx.mirrorOf(old)
	if err != nil {
		return err
	}
	if tx.layerOf(body) != nil {
		return fault(ErrConverting, "lv %s gets legs: DropMirrorLegs gives that up", old.Name)
	}
	going, logLost, err := tx.lostOfMirror(old, body)
	if err != nil {
		return err
	}
	gone := positions(going)
	switch {
	case len(gone) == 0 && !logLost:
		return nil
	case len(gone) == len(legs):
		return fault(ErrDegraded, "all legs of lv %s are lost", old.Name)
	}
	if going[0] && !spec.TakeUnsynced {
		if logLost && !tx.staysActive(old.ID) {
			return fault(ErrNotInSync, "the first leg of lv %s is lost, and the log: it is not known whether the others have the same", old.Name)
		}
		if err := tx.needSync(old, body, gone...); err != nil {
			return err
		}
	}
	log := tx.find(body.Log)
	if logLost {
		body.Log = metadata.ID{}
	}
	if err := tx.withoutLegs(old, i, body, legs, going); err != nil {
		return err
	}
	if logLost {
		tx.dropAll([]*metadata.LogicalVolume{log})
	}
	return nil
}

// lostOfMirror says which legs of a mirror are lost, and whether its log is.
func (tx *Tx) lostOfMirror(lv *metadata.LogicalVolume, body *metadata.Mirror) (legs []bool, log bool, err error) {
	missing := tx.missing()
	on := tx.missingLegs(&lv.Segments[0], missing)
	legs = make([]bool, len(body.Legs))
	for k := range legs {
		legs[k] = on(k)
	}
	part := tx.find(body.Log)
	log = part != nil && !liesOn(part, missing, tx.find).IsZero()
	if !tx.staysActive(lv.ID) {
		return legs, log, nil
	}
	m, err := tx.kern.mirror(lv.ID)
	if err != nil {
		return nil, false, err
	}
	if m != nil {
		status, err := tx.sys.mirrorStatus(m.uuid)
		if err != nil {
			return nil, false, err
		}
		for k, leg := range status.Legs {
			legs[k] = legs[k] || k < len(legs) && leg.Health != dm.MirrorAlive
		}
		log = log || part != nil && status.LogHealth != 0 && status.LogHealth != dm.MirrorAlive
	}
	return legs, log, nil
}

// withoutMissing refuses legs for a mirror that has lost one: it is to be repaired
// before.
func (tx *Tx) withoutMissing(lv *metadata.LogicalVolume) error {
	missing := tx.missing()
	if slices.ContainsFunc(tx.withOwned(lv), func(part *metadata.LogicalVolume) bool { return !liesOn(part, missing, tx.find).IsZero() }) {
		return fault(ErrMissingPV, "lv %s has extents on missing physical volumes: repair it before", lv.Name)
	}
	return nil
}
