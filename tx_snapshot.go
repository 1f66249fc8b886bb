package lvm

import (
	"slices"

	"github.com/lvm-go/lvm/metadata"
)

// SnapshotSpec says what a new snapshot is like. Only Size is required.
type SnapshotSpec struct {
	// Name is lvol0, lvol1, ... if empty.
	Name string
	// Size is that of the COW store, which holds what differs between the snapshot
	// and its origin: [PercentOrigin](20) has room for a fifth of the origin. When
	// it is full the snapshot is lost, but see [Tx.ExtendLV] and
	// [System.ExtendSnapshots]. What is more than of use is not taken.
	Size Size
	// ChunkSize is how much is copied at a time: a power of two from 4 KiB, which
	// it is if zero, to 512 KiB.
	ChunkSize Bytes
	// VirtualSize makes a volume that is a snapshot of nothing but zeroes, of that
	// size: it takes only the space for what is written to it.
	VirtualSize Size
	// Stripes and StripeSize, PVs and Allocation are about the COW store, and as
	// in [LVSpec].
	Stripes    int
	StripeSize Bytes
	PVs        []PVSelection
	Allocation Allocation
	Tags       []string
	// ReadOnly makes a snapshot that cannot be written.
	ReadOnly bool
	// ReadAhead is as in [Tx.SetLVReadAhead], Minor as in
	// [Tx.SetLVPersistentMinor].
	ReadAhead ReadAhead
	Minor     Minor
	// ID is the UUID, a random one if zero.
	ID ID
}

// store returns the spec of the COW store.
func (s SnapshotSpec) store() LVSpec {
	return LVSpec{
		Name: s.Name, Size: s.Size, Stripes: s.Stripes, StripeSize: s.StripeSize, PVs: s.PVs, Allocation: s.Allocation,
		Tags: s.Tags, ReadOnly: s.ReadOnly, ReadAhead: s.ReadAhead, Minor: s.Minor, ID: s.ID,
	}
}

// CreateSnapshot makes a snapshot: a volume with what another one, its origin,
// holds at that moment, which can be read and written by itself. It has a device
// whenever its origin has. All snapshots of an update show the same moment, also
// of several origins. origin is empty if the spec says VirtualSize. lvm2: lvcreate
// --snapshot.
//
// If the origin is in use, a mounted file system is brought to rest first.
//
// Returns errors as [Tx.CreateLV] does, one matching [ErrLVNotFound],
// [ErrInvalidSize] also if the size is less than three chunks, [ErrMerging] if a
// snapshot is being merged into the origin, or [ErrUnsupported] if the origin is
// a snapshot itself, a part of another volume, a raid with integrity data, or cached
// by a cachevol, which lvm2 activates wrongly with snapshots.
func (tx *Tx) CreateSnapshot(origin string, spec SnapshotSpec) (*LogicalVolume, error) {
	var lv *metadata.LogicalVolume
	err := tx.whole(func() (err error) { lv, err = tx.createSnapshot(origin, spec); return err })
	if err != nil {
		return nil, tx.fail("create snapshot", spec.Name, err)
	}
	return tx.viewLV(lv), nil
}

func (tx *Tx) createSnapshot(ref string, spec SnapshotSpec) (*metadata.LogicalVolume, error) {
	if err := tx.own(); err != nil {
		return nil, err
	}
	chunk, err := snapshotChunk(spec.ChunkSize)
	if err != nil {
		return nil, err
	}
	sparse := !spec.VirtualSize.IsZero()
	if sparse == (ref != "") {
		return nil, fault(ErrInvalidSpec, "either an origin or VirtualSize has to be given")
	}
	if sparse && tx.st != nil && tx.st.noActivate != nil {
		return nil, tx.st.noActivate
	}
	cow, shape, err := tx.newLV(spec.store())
	if err != nil {
		return nil, err
	}
	var origin *metadata.LogicalVolume
	if sparse {
		origin, err = tx.virtualOrigin(cow.Name, spec.VirtualSize)
	} else {
		origin, err = tx.snapshotOrigin(ref)
	}
	if err != nil {
		return nil, err
	}
	cow.Status &^= metadata.LVVisible
	limits := newCOWLimits(tx.vg.ExtentSize, origin.Extents(), chunk)
	if err := tx.grow(cow, spec.Size, growth{shape: shape, pvs: spec.PVs, cow: &limits}); err != nil {
		return nil, err
	}
	if n := cow.Extents(); n < limits.least {
		return nil, fault(ErrInvalidSize, "%d extents do not hold three chunks of %s, for which it takes %d", n, sectorBytes(chunk), limits.least)
	}
	link, err := tx.newSnapshotLink(origin, &metadata.Snapshot{ChunkSize: chunk, Origin: origin.ID, COW: cow.ID})
	if err != nil {
		return nil, err
	}
	if err := tx.put(-1, cow); err != nil {
		return nil, err
	}
	if sparse {
		if err := tx.put(-1, origin); err != nil {
			return nil, err
		}
		tx.want(origin.ID, wish{activate: tx.mayActivate(cow)})
	}
	// The kernel makes the store where it finds zeroes. What else is there shows
	// nowhere.
	tx.created = append(tx.created, newLV{id: cow.ID, keepSignatures: true})
	return cow, tx.put(-1, link)
}

// snapshotOrigin returns a volume that may get a snapshot.
func (tx *Tx) snapshotOrigin(ref string) (*metadata.LogicalVolume, error) {
	origin, _, err := tx.lvToChange(ref)
	if err != nil {
		return nil, err
	}
	if _, ok := tx.snapshotBy(origin.ID); ok {
		return nil, fault(ErrUnsupported, "lv %s is a snapshot, and there are no snapshots of snapshots", origin.Name)
	}
	if err := withoutRoom(origin); err != nil {
		return nil, err
	}
	switch kindOf(origin).(type) {
	case nil, raidType, mirrorType, thinType, writeCacheType:
	case cacheType:
		if origin.Segments[0].HasFlag(cacheFlag) {
			return nil, cachedTwice(origin)
		}
	default:
		return nil, fault(ErrUnsupported, "lv %s is of type %s, which has no such snapshots", origin.Name, origin.Segments[0].Type)
	}
	if tx.hasIntegrity(origin) {
		return nil, fault(ErrUnsupported, "lv %s is a raid with checksums, which has no snapshots", origin.Name)
	}
	if link, ok := tx.mergingInto(origin.ID); ok {
		return nil, fault(ErrMerging, "lv %s is being merged into %s", tx.nameOf(link.body.COW), origin.Name)
	}
	// The kernel takes no table that reaches beyond the end that a device has when
	// it is loaded, and that beneath the origin grows only at the commit.
	was := lvRecord(tx.st, origin.ID)
	if was != nil && len(tx.st.links().of(origin.ID)) > 0 && tx.staysActive(origin.ID) && origin.Extents() > was.Extents() && tx.vg.ExtentSize == tx.st.doc.VG.ExtentSize {
		return nil, fault(ErrUnsupported, "lv %s is active, loses its snapshots and is extended in this update: make new snapshots in the next", origin.Name)
	}
	return origin, nil
}

// cachedTwice refuses snapshots of a volume with a cachevol. lvm2 2.03.16 would
// activate it with each part of the cache there twice, one behind the other, so that
// the kernel takes two of its blocks to the same place.
func cachedTwice(lv *metadata.LogicalVolume) error {
	return fault(ErrUnsupported, "lv %s is cached by a cachevol, and would be damaged by lvm2 if it had snapshots: take a cache pool", lv.Name)
}

// virtualOriginSuffix ends the name of an origin that has no storage, after that
// of its snapshot. Source: lvm2 as observed.
const virtualOriginSuffix = "_vorigin"

// virtualOrigin returns a new origin that reads as zeroes.
func (tx *Tx) virtualOrigin(snapshot string, size Size) (*metadata.LogicalVolume, error) {
	id, err := tx.newID()
	if err != nil {
		return nil, err
	}
	lv := &metadata.LogicalVolume{
		Name: snapshot + virtualOriginSuffix, ID: id, Status: metadata.LVRead,
		CreationTime: tx.time(), CreationHost: tx.sys.cfg.Host,
	}
	if err := checkLVName(tx.vg.Name, lv.Name); err != nil {
		return nil, err
	}
	if taken, _ := tx.lookup(lv.Name); taken != nil {
		return nil, fault(ErrExists, "lv %s exists already", lv.Name)
	}
	return lv, tx.grow(lv, size, growth{typ: SegmentZero, shape: stripeShape{stripes: 1}})
}

// isVirtualOrigin says whether an LV is the origin that a snapshot of nothing has.
func (tx *Tx) isVirtualOrigin(lv *metadata.LogicalVolume) bool {
	return lv != nil && lv.Status&metadata.LVVisible == 0 && len(tx.snapshotsOf(lv.ID)) > 0 &&
		!slices.ContainsFunc(lv.Segments, func(seg metadata.Segment) bool { return !SegmentType(seg.Type).virtual() })
}

// newSnapshotLink returns the record that ties a COW store to its origin.
func (tx *Tx) newSnapshotLink(origin *metadata.LogicalVolume, body *metadata.Snapshot) (*metadata.LogicalVolume, error) {
	name, err := tx.nextName("snapshot")
	if err != nil {
		return nil, err
	}
	if err := checkLVName(tx.vg.Name, name); err != nil {
		return nil, err
	}
	id, err := tx.newID()
	if err != nil {
		return nil, err
	}
	return &metadata.LogicalVolume{
		Name: name, ID: id, Status: metadata.LVRead | metadata.LVVisible | tx.writable(),
		CreationTime: tx.time(), CreationHost: tx.sys.cfg.Host,
		Segments: []metadata.Segment{{Count: origin.Extents(), Type: "snapshot", Body: body}},
	}, nil
}

// nameOf returns the name of an LV, for messages.
func (tx *Tx) nameOf(id metadata.ID) string {
	if lv := tx.find(id); lv != nil {
		return lv.Name
	}
	return id.String()
}

// mergingInto returns the snapshot that is being merged into an origin.
func (tx *Tx) mergingInto(origin metadata.ID) (snapshotLink, bool) {
	return tx.snapshotLinks().merging(origin)
}

// lookupMerging returns a snapshot that is being merged, by name or UUID; nil if
// there is none. Users do not see it any more, so that lvToChange refuses it.
func (tx *Tx) lookupMerging(ref string) (*metadata.LogicalVolume, snapshotLink) {
	lv, _ := tx.lookup(ref)
	if lv == nil {
		return nil, snapshotLink{}
	}
	link, ok := tx.snapshotBy(lv.ID)
	if !ok || !link.body.Merging {
		return nil, snapshotLink{}
	}
	return lv, link
}

// plain refuses an LV whose own extents are not what users see of it: file systems
// are looked for there.
func (l *snapshotLinks) plain(lv *metadata.LogicalVolume) error {
	if _, ok := l.by(lv.ID); ok {
		return fault(ErrUnsupported, "it is a snapshot: its file system is that of its origin, and as large")
	}
	if _, ok := l.merging(lv.ID); ok {
		return fault(ErrMerging, "a snapshot is being merged into it: its file system can be looked at when that is done")
	}
	return nil
}

// checkResize refuses to resize what snapshots do not allow for. Source: lvm2 as
// observed.
func (tx *Tx) checkResize(lv *metadata.LogicalVolume, reduce, resizeFS bool) error {
	if resizeFS {
		if err := tx.snapshotLinks().plain(lv); err != nil {
			return err
		}
	}
	switch {
	case len(tx.snapshotsOf(lv.ID)) == 0:
		return nil
	case reduce:
		return fault(ErrBusy, "lv %s has snapshots: it cannot be reduced", lv.Name)
	case tx.staysActive(lv.ID):
		return fault(ErrBusy, "lv %s has snapshots: it can be extended only while it is not active", lv.Name)
	}
	return nil
}

// staysActive says whether an LV has a device that it is to keep.
func (tx *Tx) staysActive(id metadata.ID) bool {
	return tx.kern != nil && tx.kern.active(id) && !tx.wishes[id].deactivate
}

// RemoveSpec says what is removed with a logical volume.
type RemoveSpec struct {
	// Snapshots removes the snapshots of the volume, too. Without it a volume that
	// has some stays.
	Snapshots bool
	// Dependents removes with a thin pool all volumes in it, and with an external
	// origin those that show it. Without it such a volume stays ([ErrBusy]).
	Dependents bool
	// AbandonMerge removes a snapshot whose merge has begun, or failed, and leaves
	// its origin with what that holds by then: a mixture of both. Neither may be
	// active. To be on the safe side, remove the origin as well.
	AbandonMerge bool
}

// lvToRemove returns an LV that may be removed. Source: lvm2 as observed, which
// removes snapshots that are being merged if they are not active.
func (tx *Tx) lvToRemove(ref string, spec RemoveSpec) (*metadata.LogicalVolume, error) {
	if err := tx.own(ErrMissingPV); err != nil {
		return nil, err
	}
	if lv, link := tx.lookupMerging(ref); lv != nil {
		origin := tx.nameOf(link.body.Origin)
		if !spec.AbandonMerge {
			return nil, fault(ErrMerging, "it is being merged into lv %s, which needs it", origin)
		}
		if tx.staysActive(link.body.Origin) {
			return nil, fault(ErrBusy, "it is being merged into lv %s: deactivate that first", origin)
		}
		return lv, nil
	}
	lv, _, err := tx.lvToChange(ref, ErrMissingPV)
	if err != nil {
		return nil, err
	}
	if n := len(tx.snapshotsOf(lv.ID)); n > 0 && !spec.Snapshots {
		return nil, fault(ErrBusy, "%d snapshots of it are there, the first of them lv %s", n, tx.nameOf(tx.snapshotsOf(lv.ID)[0].body.COW))
	}
	return lv, nil
}

// withSnapshotParts returns what goes with an LV: of a snapshot its link, and an
// origin that is there for nothing else; of an origin all its snapshots.
func (tx *Tx) withSnapshotParts(lv *metadata.LogicalVolume) []*metadata.LogicalVolume {
	out := []*metadata.LogicalVolume{lv}
	if link, ok := tx.snapshotBy(lv.ID); ok {
		out = append(out, link.lv)
		if origin := tx.find(link.body.Origin); tx.isVirtualOrigin(origin) && len(tx.snapshotsOf(origin.ID)) == 1 {
			out = append(out, origin)
		}
	}
	for _, link := range tx.snapshotsOf(lv.ID) {
		if cow := tx.find(link.body.COW); cow != nil {
			out = append(out, cow)
		}
		out = append(out, link.lv)
	}
	return out
}

// cowLimits returns the limits of a COW store, nil for other LVs.
func (tx *Tx) cowLimits(id metadata.ID) *cowLimits {
	link, ok := tx.snapshotBy(id)
	if !ok {
		return nil
	}
	origin := tx.find(link.body.Origin)
	if origin == nil {
		return nil
	}
	l := newCOWLimits(tx.vg.ExtentSize, origin.Extents(), link.body.ChunkSize)
	return &l
}

// reduceCOW makes a COW store smaller, unless what is in use would go. (lvm2
// 2.03.16 lets it go, and with it the snapshot.)
func (tx *Tx) reduceCOW(i int, lv *metadata.LogicalVolume, limits *cowLimits) error {
	if n := lv.Extents(); n < limits.least {
		return fault(ErrInvalidSize, "%d extents do not hold three chunks, for which it takes %d", n, limits.least)
	}
	if tx.kern != nil && tx.kern.active(lv.ID) {
		return fault(ErrBusy, "it may come to need more at any time: deactivate its origin first")
	}
	return tx.put(i, lv)
}

// checkStores refuses to cut off what is in use of COW stores. That is looked at
// when all else is planned, so that it still holds when the plan is applied.
func (b *builder) checkStores() error {
	tx := b.tx
	for _, id := range tx.order {
		lv := tx.find(id)
		link, ok := tx.snapshotBy(id)
		if _, touched := tx.index[id]; !ok || !touched {
			continue
		}
		if old := lvRecord(tx.st, id); old != nil {
			if err := tx.checkStoreCut(link, old, lv); err != nil {
				return &OpError{Op: "reduce lv", VG: tx.vg.Name, LV: lv.Name, Err: err}
			}
		}
	}
	return nil
}

// checkStoreCut refuses to cut off what is in use of a COW store that was old.
func (tx *Tx) checkStoreCut(link snapshotLink, old, lv *metadata.LogicalVolume) error {
	store := newExtentFile(tx.st.doc.VG, old, tx.st.extents(), tx.st.members, tx.h)
	sectors, ok := lv.Extents().Sectors(tx.vg.ExtentSize)
	if ok && sectorBytes(sectors) >= store.size {
		return nil
	}
	if tx.sys.opened.isOpen(tx.vg.ID, link.body.Origin) {
		return fault(ErrBusy, "it may come to need more at any time: close the files on it and its origin first")
	}
	usage, err := storedUsage(store)
	if err == nil && (!ok || sectorBytes(sectors) < usage.Allocated) {
		err = fault(ErrBusy, "%s of it are in use", usage.Allocated)
	}
	return err
}

// renamedVirtualOrigin returns the origin that a snapshot of nothing has, with
// the name that goes with the snapshot's new one; nil if there is none.
func (tx *Tx) renamedVirtualOrigin(lv *metadata.LogicalVolume, name string) (*metadata.LogicalVolume, error) {
	link, ok := tx.snapshotBy(lv.ID)
	if !ok {
		return nil, nil
	}
	old := tx.find(link.body.Origin)
	if !tx.isVirtualOrigin(old) || old.Name != lv.Name+virtualOriginSuffix {
		return nil, nil
	}
	origin := *old
	origin.Name = name + virtualOriginSuffix
	if err := checkLVName(tx.vg.Name, origin.Name); err != nil {
		return nil, err
	}
	if taken, _ := tx.lookup(origin.Name); taken != nil {
		return nil, fault(ErrExists, "lv %s exists already", origin.Name)
	}
	return &origin, nil
}
