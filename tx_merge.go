package lvm

import (
	"slices"

	"github.com/lvm-go/lvm/metadata"
)

// MergeSnapshot begins to make an origin what its snapshot is. From then on the
// origin shows what the snapshot held, while the data is copied, and the snapshot
// is seen no more. [Tx.FinishMerge] ends it; [System.Merge] does it all. lvm2:
// lvconvert --merge.
//
// With a kernel, the merge begins at once if neither origin nor snapshot is open,
// or the origin is not active and is activated in the same transaction; otherwise
// when the origin is next activated, or System.Merge finds them closed. In image
// mode, opening the origin shows the snapshot's contents, and System.Merge copies
// them.
//
// Of a thin snapshot nothing is copied: if neither it nor its origin is open, the
// merge is done at once.
//
// Returns an error matching [ErrLVNotFound], [ErrInvalidSpec] if the volume is no
// snapshot, [ErrMerging] if it, or another one of its origin, is being merged,
// [ErrReadOnly] if the origin is read-only, also by [VolumeLists],
// [ErrUnsupported] if it has segments of the types error or zero,
// [ErrSnapshotInvalid] if the snapshot is lost, or [ErrMoving].
func (tx *Tx) MergeSnapshot(snapshot string) error {
	return tx.fail("merge snapshot", snapshot, tx.mergeSnapshot(snapshot))
}

func (tx *Tx) mergeSnapshot(ref string) error {
	if err := tx.own(); err != nil {
		return err
	}
	if lv, link := tx.lookupMerging(ref); lv != nil {
		return fault(ErrMerging, "it is being merged into %s already", tx.nameOf(link.body.Origin))
	}
	lv, _, err := tx.lvToChange(ref)
	if err != nil {
		return err
	}
	if body := thinBody(lv); body != nil && !body.Origin.IsZero() {
		return tx.whole(func() error { return tx.mergeThin(lv) })
	}
	link, ok := tx.snapshotBy(lv.ID)
	if !ok {
		return errNoSnapshot
	}
	origin := tx.find(link.body.Origin)
	other, merging := tx.mergingInto(origin.ID)
	switch {
	case merging:
		return fault(ErrMerging, "lv %s is being merged into its origin %s", tx.nameOf(other.body.COW), origin.Name)
	case isMoving(origin):
		return fault(ErrMoving, "its origin %s is being moved", origin.Name)
	case origin.Status&(metadata.LVWrite|metadata.LVWriteLocked) == 0 || tx.sys.cfg.VolumeLists.forcesReadOnly(tx.vg, origin):
		return fault(ErrReadOnly, "its origin %s is read-only", origin.Name)
	case slices.ContainsFunc(origin.Segments, func(seg metadata.Segment) bool { return SegmentType(seg.Type).virtual() }):
		return fault(ErrUnsupported, "its origin %s has segments without storage, where what is merged would be lost", origin.Name)
	}
	usage, err := tx.usage(link)
	if err == nil {
		err = usage.err()
	}
	if err != nil {
		return err
	}
	if err := tx.relinkAs(link, func(lv *metadata.LogicalVolume, body *metadata.Snapshot) {
		lv.Status &^= metadata.LVVisible
		body.Merging = true
	}); err != nil {
		return err
	}
	tx.wantMerge(origin.ID)
	return nil
}

// wantMerge has a merge into an origin begin, if nobody has it open.
func (tx *Tx) wantMerge(origin metadata.ID) {
	w := tx.wishes[origin]
	w.merge = true
	tx.want(origin, w)
}

// beginMerge has the kernel begin what the metadata says already, if it can.
func (tx *Tx) beginMerge(cow metadata.ID) error {
	if err := tx.own(); err != nil {
		return tx.fail("merge snapshot", tx.nameOf(cow), err)
	}
	if link, ok := tx.snapshotBy(cow); ok && link.body.Merging {
		tx.wantMerge(link.body.Origin)
	}
	return nil
}

// relinkAs replaces what ties a snapshot to its origin by a changed copy.
func (tx *Tx) relinkAs(link snapshotLink, change func(*metadata.LogicalVolume, *metadata.Snapshot)) error {
	lv, body := *link.lv, *link.body
	seg := link.lv.Segments[0]
	seg.Body = &body
	lv.Segments = []metadata.Segment{seg}
	change(&lv, &body)
	return tx.put(tx.indexOf(lv.ID), &lv)
}

// FinishMerge ends the merge into an origin: the snapshot is removed. The origin
// may be in use. lv is the origin or the snapshot. lvm2 does it by itself, while
// lvconvert --merge waits or in the background.
//
// Returns an error matching [ErrInvalidSpec] if nothing is being merged,
// [ErrMerging] if the merge has not begun or is not done, or failed, or
// [ErrSnapshotInvalid].
func (tx *Tx) FinishMerge(lv string) error {
	return tx.fail("finish merge", lv, tx.finishMerge(lv))
}

func (tx *Tx) finishMerge(ref string) error {
	if err := tx.own(); err != nil {
		return err
	}
	lv, _, err := tx.lvFor(ref)
	if err != nil {
		return err
	}
	if found, err := tx.finishThinMerge(lv); found || err != nil {
		return err
	}
	link, ok := tx.snapshotBy(lv.ID)
	if !ok {
		link, ok = tx.mergingInto(lv.ID)
	}
	if !ok || !link.body.Merging {
		return fault(ErrInvalidSpec, "no snapshot is being merged")
	}
	if err := tx.checkMerged(link); err != nil {
		return err
	}
	tx.dropAll([]*metadata.LogicalVolume{tx.find(link.body.COW), link.lv})
	tx.want(link.body.Origin, wish{})
	return nil
}

// checkMerged refuses to end a merge that is not done: what is left in the COW
// store would be lost.
func (tx *Tx) checkMerged(link snapshotLink) error {
	u, err := tx.usage(link)
	if err == nil {
		err = u.err()
	}
	active := tx.kern != nil && tx.kern.active(link.body.Origin)
	switch {
	case err != nil:
		return err
	case u.State == SnapshotMergeFailed:
		return errMergeFailed(tx.nameOf(link.body.Origin))
	case active && !u.Merging:
		return fault(ErrMerging, "the merge has not begun: it does when %s is next activated", tx.nameOf(link.body.Origin))
	case !u.Merged():
		return fault(ErrMerging, "%s are left to merge", u.Allocated-u.Metadata)
	}
	return nil
}
