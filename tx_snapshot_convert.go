package lvm

import (
	"errors"

	"github.com/lvm-go/lvm/exception"
	"github.com/lvm-go/lvm/metadata"
)

// SplitSnapshot makes a volume of the COW store of a snapshot, which is no snapshot
// from then on; its origin stays as it is. The volume holds what the store held, not
// what the snapshot showed: [Tx.JoinSnapshot] with KeepStore makes the snapshot of it
// again. It stays active if it is. lvm2: lvconvert --splitsnapshot.
//
// Returns an error matching [ErrLVNotFound], [ErrInvalidSpec] if the volume is no such
// snapshot, [ErrUnsupported] if its origin is none that users see, [ErrMerging] if it is
// being merged, or [ErrBusy] if it is open; with a kernel, that may be found only when
// the plan is applied.
func (tx *Tx) SplitSnapshot(snapshot string) error {
	return tx.fail("split snapshot", snapshot, tx.whole(func() error { return tx.splitSnapshot(snapshot) }))
}

func (tx *Tx) splitSnapshot(ref string) error {
	if err := tx.own(); err != nil {
		return err
	}
	if lv, link := tx.lookupMerging(ref); lv != nil {
		return fault(ErrMerging, "it is being merged into lv %s", tx.nameOf(link.body.Origin))
	}
	old, i, err := tx.lvToChange(ref)
	if err != nil {
		return err
	}
	link, ok := tx.snapshotBy(old.ID)
	switch {
	case !ok:
		return fault(ErrInvalidSpec, "lv %s is no snapshot with a COW store", old.Name)
	case tx.isVirtualOrigin(tx.find(link.body.Origin)):
		return fault(ErrUnsupported, "lv %s is a snapshot of nothing, and what it holds would be lost with its origin", old.Name)
	case lvRecord(tx.st, old.ID) == nil:
		return fault(ErrUnsupported, "lv %s is made in this update", old.Name)
	case tx.sys.opened.isOpen(tx.vg.ID, old.ID):
		return fault(ErrBusy, "lv %s is open", old.Name)
	}
	if err := tx.closedDevice(old); err != nil {
		return err
	}
	tx.dropAll([]*metadata.LogicalVolume{link.lv})
	lv := *old
	lv.Status |= metadata.LVVisible
	return tx.put(i, &lv)
}

// closedDevice refuses a volume whose device is open.
func (tx *Tx) closedDevice(lv *metadata.LogicalVolume) error {
	if tx.kern == nil {
		return nil
	}
	m := tx.kern.top(lv.ID)
	if m == nil {
		return nil
	}
	if err := tx.kern.look(m); err != nil {
		return err
	}
	if m.info.OpenCount > 0 {
		return fault(ErrBusy, "device %s is open %d times", m.name, m.info.OpenCount)
	}
	return nil
}

// JoinSnapshotSpec says how a volume becomes a snapshot. The zero value is fine.
type JoinSnapshotSpec struct {
	// ChunkSize is as in [SnapshotSpec]; with KeepStore that of the store, if zero.
	ChunkSize Bytes
	// KeepStore takes what is on the volume for the COW store of a snapshot of this
	// origin, as [Tx.SplitSnapshot] left it, and the snapshot shows what it showed
	// before; but where the origin was written meanwhile it shows that, and its file
	// system may be damaged. Without it the volume's contents are lost.
	KeepStore bool
}

// JoinSnapshot makes a snapshot of origin, with a volume as its COW store, which keeps
// its name, size and device: an active one shows the origin at once, if that is active.
// What a store begins with is zeroed before the change is committed. lvm2: lvconvert
// --snapshot.
//
// Returns errors as [Tx.CreateSnapshot] does for the origin, and one matching
// [ErrLVNotFound], [ErrInvalidSpec] if both are the same or the chunk size is not the
// store's, [ErrUnsupported] if the volume is neither linear nor striped, [ErrReadOnly] if
// it cannot be written, [ErrInvalidSize] if it is less than three chunks, [ErrBusy] if it
// is open or others need it, or with KeepStore [ErrDamaged] if there is no store
// on it, and [ErrSnapshotInvalid] if it was given up.
func (tx *Tx) JoinSnapshot(origin, store string, spec JoinSnapshotSpec) error {
	return tx.fail("join snapshot", store, tx.whole(func() error { return tx.joinSnapshot(origin, store, spec) }))
}

func (tx *Tx) joinSnapshot(originRef, ref string, spec JoinSnapshotSpec) error {
	old, i, err := tx.lvToChange(ref)
	if err != nil {
		return err
	}
	switch kind := kindOf(old); {
	case kind != nil:
		return fault(ErrUnsupported, "lv %s is of type %s: COW stores are linear or striped", old.Name, old.Segments[0].Type)
	case lvRecord(tx.st, old.ID) == nil:
		return fault(ErrUnsupported, "lv %s is made in this update", old.Name)
	}
	if err := tx.mayBePart(old, true); err != nil {
		return err
	}
	if err := tx.closedDevice(old); err != nil {
		return err
	}
	origin, err := tx.snapshotOrigin(originRef)
	switch {
	case err != nil:
		return err
	case origin.ID == old.ID:
		return fault(ErrInvalidSpec, "lv %s would be its own origin", old.Name)
	}
	chunk, err := tx.joinedChunk(old, spec)
	if err != nil {
		return err
	}
	if least := newCOWLimits(tx.vg.ExtentSize, origin.Extents(), chunk).least; old.Extents() < least {
		return fault(ErrInvalidSize, "%d extents do not hold three chunks of %s, for which it takes %d", old.Extents(), sectorBytes(chunk), least)
	}
	link, err := tx.newSnapshotLink(origin, &metadata.Snapshot{ChunkSize: chunk, Origin: origin.ID, COW: old.ID})
	if err != nil {
		return err
	}
	lv := *old
	hide(&lv)
	if err := tx.put(i, &lv); err != nil {
		return err
	}
	if tx.staysActive(lv.ID) && !tx.staysActive(origin.ID) && !tx.wishes[origin.ID].activate {
		tx.want(lv.ID, wish{deactivate: true}) // no snapshot is active without its origin
	}
	if !spec.KeepStore {
		tx.created = append(tx.created, newLV{id: lv.ID, keepSignatures: true})
	}
	return tx.put(-1, link)
}

// joinedChunk returns the size of the chunks of a volume that becomes a COW store.
func (tx *Tx) joinedChunk(lv *metadata.LogicalVolume, spec JoinSnapshotSpec) (Sectors, error) {
	if !spec.KeepStore {
		return snapshotChunk(spec.ChunkSize)
	}
	store := tx.open(lv)
	chunk, err := exception.ReadChunkSize(store, store.size)
	switch {
	case errors.Is(err, exception.ErrBlank):
		return 0, fault(ErrDamaged, "lv %s holds no COW store", lv.Name)
	case errors.Is(err, exception.ErrInvalid):
		return 0, fault(ErrSnapshotInvalid, "the store on lv %s", lv.Name)
	case err != nil:
		return 0, fromException(err)
	case spec.ChunkSize != 0 && spec.ChunkSize != sectorBytes(chunk):
		return 0, fault(ErrInvalidSpec, "the store on lv %s has chunks of %s", lv.Name, sectorBytes(chunk))
	}
	return chunk, nil
}
