package lvm

import (
	"fmt"
	"slices"

	"github.com/pkg/errors"

	"github.com/lvm-go/lvm/metadata"
)

// ActivationMode says which logical volumes may be activated while physical
// volumes are missing. lvm2: --activationmode.
type ActivationMode int

const (
	// ActivateDegraded takes those of which no data is missing. lvm2's default.
	ActivateDegraded ActivationMode = iota
	// ActivateComplete takes those of which nothing is missing.
	ActivateComplete
	// ActivatePartial takes all. What was on missing physical volumes cannot be
	// read or written. Refused with [ErrMissingPV] is what would not work then, or be
	// damaged: if extents are missing of a thin pool, a cache, what has a writecache,
	// or the COW store of a snapshot.
	ActivatePartial
)

// String returns lvm2's word for m.
func (m ActivationMode) String() string {
	switch m {
	case ActivateDegraded:
		return "degraded"
	case ActivateComplete:
		return "complete"
	case ActivatePartial:
		return "partial"
	}
	return fmt.Sprintf("ActivationMode(%d)", int(m))
}

// ActivateOptions says how a logical volume is activated.
type ActivateOptions struct {
	Mode ActivationMode
	// IgnoreSkip activates a volume that is marked to be skipped. lvm2: -K.
	IgnoreSkip bool
}

// Activate gives a logical volume its device, or brings the one it has to what
// the metadata says. An origin and its snapshots are activated together,
// whichever is named; not at all while the kernel could not read the COW store of
// one of them ([ErrDamaged], or [ErrMissingPV] also in partial mode). lvm2:
// lvchange -ay. In image mode it returns an error
// matching [ErrUnsupported].
func (tx *Tx) Activate(lv string) error { return tx.ActivateWith(lv, ActivateOptions{}) }

// ActivateWith is Activate with options. It returns an error matching
// [ErrActivationSkip] if the volume is marked to be skipped, and an error matching
// [ErrMissingPV] if the volume lies on missing physical volumes and the mode
// does not allow that, or [ErrActivationList] if this host may not. In an active
// volume such areas stay as they are; in one that is not, errors stand in for
// them.
func (tx *Tx) ActivateWith(lv string, o ActivateOptions) error {
	return tx.fail("activate lv", lv, tx.setActive(lv, wish{activate: true}, o))
}

// Deactivate removes the device of a logical volume, and with an origin those of
// its snapshots, which cannot be deactivated alone ([ErrUnsupported]). lvm2:
// lvchange -an. When it is planned, an error matching [ErrBusy] tells that a
// device is open.
//
// The metadata of a thin pool or a cache that is not used any more is checked: see
// [Config]. If that fails, [System.Update] returns an [ApplyError] that matches
// [ErrNeedsCheck], with Committed true: all is inactive then.
func (tx *Tx) Deactivate(lv string) error {
	return tx.fail("deactivate lv", lv, tx.setActive(lv, wish{deactivate: true}, ActivateOptions{}))
}

// Refresh loads the tables of an active logical volume anew. lvm2: lvchange
// --refresh. Returns an error matching [ErrNotActive] if it is not active.
//
// Areas on physical volumes that are back again, after errors stood in for them,
// are used again.
func (tx *Tx) Refresh(lv string) error { return tx.RefreshWith(lv, ActivateOptions{}) }

// RefreshWith is Refresh with options. In partial mode, errors stand in for what
// the device has on physical volumes that are missing now.
func (tx *Tx) RefreshWith(lv string, o ActivateOptions) error {
	return tx.fail("refresh lv", lv, tx.setActive(lv, wish{refresh: true}, o))
}

func (tx *Tx) setActive(ref string, w wish, o ActivateOptions) error {
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
	if !tx.isVisible(lv) {
		return fault(ErrUnsupported, "lv %s is a part of another lv", lv.Name)
	}
	if _, pool := kindOf(lv).(cachePoolType); pool && !w.deactivate {
		return fault(ErrUnsupported, "lv %s is a cache pool, which has no device of its own", lv.Name)
	}
	if link, ok := tx.snapshotBy(lv.ID); ok {
		origin := tx.find(link.body.Origin)
		if w.deactivate && tx.isVisible(origin) {
			return fault(ErrUnsupported, "it is a snapshot, active as long as its origin is: deactivate %s", origin.Name)
		}
		lv = origin
	}
	if lv, err = tx.mergeAtActivation(lv, w); err != nil {
		return err
	}
	if tx.liesOnOpaque(lv) {
		return fault(ErrUnsupported, "lv %s has, or lies on, segments of a type that is not known here", lv.Name)
	}
	if err := unclaimedLV(tx.claims(), lv); err != nil {
		return err
	}
	if !w.deactivate {
		for _, part := range tx.withSnapshots(lv) {
			if err := tx.complete(part, o.Mode); err != nil {
				return err
			}
			if err := tx.fitsDevices(part, map[metadata.ID]bool{}); err != nil {
				return err
			}
			if _, cow := tx.snapshotBy(part.ID); cow && !tx.kern.active(lv.ID) {
				if err := tx.readableStore(part); err != nil {
					return err
				}
			}
		}
		w.replace = w.refresh && o.Mode == ActivatePartial
	}
	if skipped := lv.Status&metadata.LVActivationSkip != 0; w.activate && skipped && !o.IgnoreSkip && !tx.kern.active(lv.ID) {
		return fault(ErrActivationSkip, "it is marked to be skipped: set IgnoreSkip to activate it")
	}
	if w.activate && !tx.mayActivate(lv) {
		return fault(ErrActivationList, "the list of volumes that this host activates does not have it")
	}
	if w.refresh && !tx.kern.active(lv.ID) {
		return ErrNotActive
	}
	if w.activate && !tx.kern.active(lv.ID) {
		if err := tx.computeIntegrity(lv, map[metadata.ID]bool{}); err != nil {
			return err
		}
	}
	if w.optional {
		if err := tx.usablePools(lv, map[metadata.ID]bool{}); err != nil {
			return err
		}
	}
	old := tx.wishes[lv.ID]
	w.optional = w.optional && (!old.activate || old.optional)
	w.closed, w.readAhead, w.renumber, w.merge = old.closed, old.readAhead, old.renumber, old.merge
	if w.refresh && old.activate {
		w.activate = true
	}
	tx.want(lv.ID, w)
	return nil
}

// liesOnOpaque says whether devices are beneath an LV's that are not known.
func (tx *Tx) liesOnOpaque(lv *metadata.LogicalVolume) bool {
	seen := map[metadata.ID]bool{}
	var opaque func(*metadata.LogicalVolume) bool
	opaque = func(lv *metadata.LogicalVolume) bool {
		if lv == nil || seen[lv.ID] {
			return false
		}
		seen[lv.ID] = true
		return lv.IsOpaque() || slices.ContainsFunc(lvsBelow(lv), func(id metadata.ID) bool { return opaque(tx.find(id)) })
	}
	return opaque(lv)
}

// ActivateAll activates the logical volumes that are for users, but those that
// are marked to be skipped, or that this host may not activate. lvm2: vgchange
// -ay.
//
// Volumes that cannot be activated by this package are left out, and then named
// by an error that matches [ErrUnsupported]; likewise those that lie on missing
// physical volumes ([ErrMissingPV]) or beyond the end of one that has shrunk, have
// snapshots whose COW stores cannot be read ([ErrDamaged]), or are in a thin pool whose
// metadata is gone, or of another transaction ([ErrTransactionID]). A function that
// ignores it has the others activated.
//
// What fails only when it is tried, as where a pool does not pass its check
// ([ErrNeedsCheck]) or the kernel refuses a table, is left out as well, and what lies
// on it. [System.Update] then returns an [ApplyError] that names these volumes, with
// Committed true: the others are active.
func (tx *Tx) ActivateAll() error { return tx.ActivateAllWith(ActivateOptions{}) }

// ActivateAllWith is ActivateAll with options.
func (tx *Tx) ActivateAllWith(o ActivateOptions) error {
	skip := metadata.LVActivationSkip
	if o.IgnoreSkip {
		skip = 0
	}
	return tx.setAll("activate lv", wish{activate: true, optional: true}, o, func(lv *metadata.LogicalVolume) bool {
		return lv.Status&skip == 0 && tx.mayActivate(lv)
	})
}

// AutoActivate activates what a host that starts activates: the logical volumes
// for users but those that are marked to be skipped or not to come up by
// themselves, or that its [VolumeLists] leave out; none if the group is marked so.
// lvm2: vgchange -aay. Volumes that it leaves out for other reasons are told as by
// [Tx.ActivateAll].
func (tx *Tx) AutoActivate() error {
	if tx.vg != nil && tx.sys.kernel != nil && tx.vg.Status&metadata.VGNoAutoactivate != 0 {
		return nil
	}
	return tx.setAll("activate lv", wish{activate: true, optional: true}, ActivateOptions{}, func(lv *metadata.LogicalVolume) bool {
		return lv.Status&(metadata.LVActivationSkip|metadata.LVNoAutoactivate) == 0 && tx.mayActivate(lv) &&
			tx.sys.cfg.VolumeLists.mayAutoActivate(tx.vg, lv)
	})
}

// DeactivateAll removes the devices of all logical volumes. lvm2: vgchange -an.
// Volumes that it leaves out are told as by [Tx.ActivateAll]; so are those that
// somebody has open, by an error that matches [ErrBusy]. A function that returns it has
// none deactivated, as with lvm2, and one that ignores it the others.
func (tx *Tx) DeactivateAll() error {
	return tx.setAll("deactivate lv", wish{deactivate: true}, ActivateOptions{}, func(*metadata.LogicalVolume) bool { return true })
}

// setAll wishes the same for all volumes for users that take says.
func (tx *Tx) setAll(op string, w wish, o ActivateOptions, take func(*metadata.LogicalVolume) bool) error {
	if tx.vg == nil {
		return tx.fail(op, "", tx.absent())
	}
	if tx.sys.kernel == nil {
		return tx.fail(op, "", errNoKernel)
	}
	var users map[*mapped]int32
	if w.deactivate {
		var err error
		if users, err = tx.usersInGroup(); err != nil {
			return tx.fail(op, "", err)
		}
	}
	var left []error
	for _, lv := range tx.vg.LVs {
		if lv == nil || !tx.isVisible(lv) || !take(lv) {
			continue
		}
		if _, pool := kindOf(lv).(cachePoolType); pool {
			continue // it has no device
		}
		if link, snapshot := tx.snapshotBy(lv.ID); snapshot && tx.isVisible(tx.find(link.body.Origin)) {
			continue // it comes and goes with its origin
		}
		if w.deactivate {
			open, err := tx.isOpen(lv, users)
			if err != nil {
				return tx.fail(op, lv.Name, err)
			}
			if open != nil {
				left = append(left, tx.fail(op, lv.Name, open))
				continue
			}
		}
		err := tx.fail(op, lv.Name, tx.setActive(lv.Name, w, o))
		if err != nil && !leavesOut(err) {
			return err
		}
		left = append(left, err)
	}
	return joinErrors(left...)
}

// usersInGroup returns how many of the group's devices lie on each.
func (tx *Tx) usersInGroup() (map[*mapped]int32, error) {
	users := map[*mapped]int32{}
	for _, m := range tx.kern.all() {
		if err := tx.kern.look(m); err != nil {
			return nil, err
		}
		var seen []*mapped
		for _, below := range tx.below(m) {
			if !slices.Contains(seen, below) {
				seen = append(seen, below)
				users[below]++
			}
		}
	}
	return users, nil
}

// isOpen says who keeps a volume from being deactivated, or a snapshot of it; nil if
// nobody does.
func (tx *Tx) isOpen(lv *metadata.LogicalVolume, users map[*mapped]int32) (open, err error) {
	for _, part := range tx.withSnapshots(lv) {
		m := tx.kern.top(part.ID)
		if m == nil {
			continue
		}
		if err := tx.lookClosed(m, users[m]); err != nil {
			return nil, err
		}
		if m.info.OpenCount > users[m] {
			return fault(ErrBusy, "device %s is open %d times", m.name, m.info.OpenCount), nil
		}
	}
	return nil, nil
}

// leavesOut says whether an error keeps a volume from being activated, but not others.
func leavesOut(err error) bool {
	return errors.Is(err, ErrUnsupported) || errors.Is(err, ErrMissingPV) || errors.Is(err, ErrDamaged) || errors.Is(err, ErrTransactionID)
}

// usablePools refuses a volume on thin pools that the kernel must not be given.
func (tx *Tx) usablePools(lv *metadata.LogicalVolume, seen map[metadata.ID]bool) error {
	if lv == nil || seen[lv.ID] {
		return nil
	}
	seen[lv.ID] = true
	if was := lvRecord(tx.st, lv.ID); thinPoolBody(was) != nil && len(tx.kern.byLV[lv.ID]) == 0 {
		if _, ok := tx.pools[lv.ID]; !ok {
			if tx.pools == nil {
				tx.pools = map[metadata.ID]error{}
			}
			_, tx.pools[lv.ID] = tx.usablePool(was)
		}
		if err := tx.pools[lv.ID]; err != nil {
			return err
		}
	}
	for _, id := range slices.Concat(lvsBelow(lv), usedBy(lv)) {
		if err := tx.usablePools(tx.find(id), seen); err != nil {
			return err
		}
	}
	return nil
}

// errNoKernel is returned by what needs the kernel in image mode.
var errNoKernel = fault(ErrUnsupported, "image mode has no kernel: use Open to read and write the volume")
