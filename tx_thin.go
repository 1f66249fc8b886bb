package lvm

import (
	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/metadata"
	"github.com/lvm-go/lvm/units"
)

// ThinSpec says what a new thin volume is like. Pool is required, and one of
// VirtualSize and ExternalOrigin.
type ThinSpec struct {
	// Name is lvol0, lvol1, ... if empty.
	Name string
	Pool string
	// VirtualSize is how large the volume seems. It takes space of its pool only
	// where it is written to.
	VirtualSize Size
	// ExternalOrigin is a read-only volume outside the pool, which is not active.
	// The new volume shows what is there, and is as large; it takes space for what
	// differs.
	ExternalOrigin string
	// MaxOvercommit refuses a volume with which all volumes of the pool together
	// would seem larger than that many percent of it ([ErrNoSpace]); 0 does not.
	MaxOvercommit uint
	Tags          []string
	ReadOnly      bool
	// ReadAhead is as in [Tx.SetLVReadAhead], Minor as in
	// [Tx.SetLVPersistentMinor].
	ReadAhead ReadAhead
	Minor     Minor
	// Inactive, ActivationSkip and NoAutoActivation are as in [LVSpec].
	Inactive         bool
	ActivationSkip   bool
	NoAutoActivation bool
	// ID is the UUID, a random one if zero.
	ID ID
}

// ThinSnapshotSpec says what a new snapshot of a thin volume is like. The zero
// value is fine.
type ThinSnapshotSpec struct {
	// Name is lvol0, lvol1, ... if empty.
	Name     string
	Tags     []string
	ReadOnly bool
	// Activate makes a snapshot that is a volume like others, and active. Without
	// it, as with lvm2, it is not activated but with IgnoreSkip; see
	// [ActivateOptions]. Inactive leaves it without a device in any case.
	Activate, Inactive bool
	// NoAutoActivation is as in [LVSpec], ReadAhead as in [Tx.SetLVReadAhead], Minor
	// as in [Tx.SetLVPersistentMinor].
	NoAutoActivation bool
	ReadAhead        ReadAhead
	Minor            Minor
	// MaxOvercommit is as in [ThinSpec].
	MaxOvercommit uint
	// ID is the UUID, a random one if zero.
	ID ID
}

// CreateThin makes a thin volume: one that takes its space from a pool as it is
// written to. Where it was not, it reads as zeroes, or as its external origin. lvm2:
// lvcreate --type thin, lvcreate --snapshot --thinpool.
//
// All that is made in the pools of an update is one commit, and the kernel is told of
// it after that: if the process dies before, [System.Recover] tells it. In image mode
// the volume is there as soon as somebody tells the kernel of it.
//
// Returns errors as [Tx.CreateLV] does, and one matching [ErrLVNotFound],
// [ErrInvalidSpec] if the pool is none, or [ErrNoSpace] by MaxOvercommit. When it is
// planned or applied: [ErrPoolFailed], [ErrPoolReadOnly], [ErrNeedsCheck] or
// [ErrTransactionID] if the pool is not in order.
func (tx *Tx) CreateThin(spec ThinSpec) (*LogicalVolume, error) {
	var lv *metadata.LogicalVolume
	err := tx.whole(func() (err error) { lv, err = tx.createThin(spec); return err })
	if err != nil {
		return nil, tx.fail("create thin volume", spec.Name, err)
	}
	return tx.viewLV(lv), nil
}

func (tx *Tx) createThin(spec ThinSpec) (*metadata.LogicalVolume, error) {
	pool, err := tx.poolToChange(spec.Pool)
	if err != nil {
		return nil, err
	}
	lv, _, err := tx.newLV(LVSpec{
		Name: spec.Name, Tags: spec.Tags, ReadOnly: spec.ReadOnly, ReadAhead: spec.ReadAhead, Minor: spec.Minor,
		ActivationSkip: spec.ActivationSkip, NoAutoActivation: spec.NoAutoActivation, ID: spec.ID,
	})
	if err != nil {
		return nil, err
	}
	body := &metadata.Thin{Pool: pool.ID}
	var extents Extents
	switch external := spec.ExternalOrigin; {
	case (external == "") == spec.VirtualSize.IsZero():
		return nil, fault(ErrInvalidSpec, "either VirtualSize or ExternalOrigin has to be given")
	case external == "":
		extents, err = spec.VirtualSize.resolve(tx.emap.sizeContext(tx.vg, nil))
	default:
		var origin *metadata.LogicalVolume
		if origin, err = tx.externalOrigin(external, pool); err == nil {
			body.ExternalOrigin, extents = origin.ID, origin.Extents()
			tx.want(origin.ID, wish{})
		}
	}
	if err != nil {
		return nil, err
	}
	return lv, tx.addThin(lv, pool, body, extents, !spec.Inactive && !spec.ActivationSkip, spec.MaxOvercommit)
}

// externalOrigin returns a volume that thin volumes can show what is on. Source:
// lvm2 as observed.
func (tx *Tx) externalOrigin(ref string, pool *metadata.LogicalVolume) (*metadata.LogicalVolume, error) {
	lv, _, err := tx.lvToChange(ref)
	if err != nil {
		return nil, err
	}
	if body := thinBody(lv); body != nil && body.Pool == pool.ID {
		return nil, fault(ErrInvalidSpec, "lv %s is in the pool itself: make a snapshot of it", lv.Name)
	}
	if _, snapshot := tx.snapshotBy(lv.ID); snapshot || len(tx.snapshotsOf(lv.ID)) > 0 {
		return nil, fault(ErrUnsupported, "lv %s is a snapshot, or has some, and cannot be an external origin", lv.Name)
	}
	if err := withoutRoom(lv); err != nil {
		return nil, err
	}
	if err := maybeExternalOrigin(lv); err != nil {
		return nil, err
	}
	if lv.Status&(metadata.LVWrite|metadata.LVWriteLocked) != 0 {
		return nil, fault(ErrInvalidSpec, "external origin %s can be written: make it read-only first", lv.Name)
	}
	if was := lvRecord(tx.st, lv.ID); tx.staysActive(lv.ID) && (was == nil || len(tx.ties().users[lv.ID]) == 0) {
		return nil, fault(ErrBusy, "external origin %s is active: deactivate it first", lv.Name)
	}
	return lv, tx.noLongerWritten(lv)
}

// maybeExternalOrigin refuses volumes of types that cannot be one.
func maybeExternalOrigin(lv *metadata.LogicalVolume) error {
	switch kindOf(lv).(type) {
	case nil, raidType, mirrorType, thinType:
		return nil
	}
	return fault(ErrUnsupported, "lv %s is of type %s, and cannot be an external origin", lv.Name, lv.Segments[0].Type)
}

// noLongerWritten refuses an external origin that is written to by the device of a volume
// that was made thin: it goes on so until the kernel was told.
func (tx *Tx) noLongerWritten(origin *metadata.LogicalVolume) error {
	for _, user := range tx.ties().users[origin.ID] {
		if tx.kern == nil || tx.kern.top(user) == nil {
			continue
		}
		m := tx.kern.top(user)
		if err := tx.kern.look(m); err != nil {
			return err
		}
		if m.info.LiveTable && !hasTarget[dm.Thin](m.table) {
			return fault(ErrBusy, "external origin %s is written to by device %s until that is thin: use it in an update after that, or Recover", origin.Name, m.name)
		}
	}
	return nil
}

// CreateThinSnapshot makes a snapshot of a thin volume in the same pool, at once and
// of any depth: it is a thin volume that shares all chunks with its origin until one
// of them is written to. All snapshots of an update show the same moment, also of
// several origins; a file system on an active origin is brought to rest for it. lvm2:
// lvcreate --snapshot.
//
// Returns errors as [Tx.CreateThin] does, and one matching [ErrInvalidSpec] if the
// origin is no thin volume, or [ErrMerging] if it is about to become what a snapshot
// of it is.
func (tx *Tx) CreateThinSnapshot(origin string, spec ThinSnapshotSpec) (*LogicalVolume, error) {
	var lv *metadata.LogicalVolume
	err := tx.whole(func() (err error) { lv, err = tx.createThinSnapshot(origin, spec); return err })
	if err != nil {
		return nil, tx.fail("create thin snapshot", spec.Name, err)
	}
	return tx.viewLV(lv), nil
}

func (tx *Tx) createThinSnapshot(ref string, spec ThinSnapshotSpec) (*metadata.LogicalVolume, error) {
	origin, _, err := tx.lvToChange(ref)
	if err != nil {
		return nil, err
	}
	from := thinBody(origin)
	if from == nil {
		return nil, fault(ErrInvalidSpec, "lv %s is no thin volume", origin.Name)
	}
	if merging := tx.thinMerging(origin.ID); merging != nil {
		return nil, fault(ErrMerging, "lv %s is being merged into %s", merging.Name, origin.Name)
	}
	if !from.Merge.IsZero() {
		return nil, fault(ErrMerging, "lv %s is being merged into %s", origin.Name, tx.nameOf(from.Merge))
	}
	pool, err := tx.poolToChange(from.Pool.String())
	if err != nil {
		return nil, err
	}
	lv, _, err := tx.newLV(LVSpec{
		Name: spec.Name, Tags: spec.Tags, ReadOnly: spec.ReadOnly, ReadAhead: spec.ReadAhead, Minor: spec.Minor,
		ActivationSkip: !spec.Activate, NoAutoActivation: spec.NoAutoActivation, ID: spec.ID,
	})
	if err != nil {
		return nil, err
	}
	body := &metadata.Thin{Pool: pool.ID, Origin: origin.ID, ExternalOrigin: from.ExternalOrigin}
	tx.want(origin.ID, wish{}) // it is at rest while the kernel is told
	return lv, tx.addThin(lv, pool, body, origin.Extents(), spec.Activate && !spec.Inactive, spec.MaxOvercommit)
}

// addThin makes a new thin volume of a record that says in which pool, and of what, also
// in the place of another volume.
func (tx *Tx) addThin(lv, pool *metadata.LogicalVolume, body *metadata.Thin, extents Extents, active bool, overcommit uint) error {
	if extents > units.MaxExtents {
		return fault(ErrInvalidSize, "%d extents are too many", extents)
	}
	if most := overcommit; most > 0 {
		c := commitment(tx.vg, pool)
		if c.Virtual += extentBytes(tx.vg, extents); c.Percent() > uint64(most) {
			return fault(ErrNoSpace, "the volumes of pool %s would be %d%% of it: %s of %s", pool.Name, c.Percent(), c.Virtual, c.Size)
		}
	}
	var err error
	if body.DeviceID, err = tx.nextThinID(pool.ID); err != nil {
		return err
	}
	body.TransactionID = thinPoolBody(pool).TransactionID
	if tx.tells[pool.ID] {
		body.TransactionID-- // the present one is that of this transaction
	}
	lv.Segments = []metadata.Segment{{Count: extents, Type: "thin", Body: body}}
	if err := tx.put(tx.indexOf(lv.ID), lv); err != nil {
		return err
	}
	if err := tx.tell(pool.ID, metadata.ThinMessage{Create: lv.ID}); err != nil {
		return err
	}
	tx.noteFresh(lv.ID)
	tx.want(lv.ID, wish{activate: active && tx.mayActivate(lv)})
	return nil
}

// poolToChange returns a thin pool whose kernel is to be told of changes.
func (tx *Tx) poolToChange(ref string, except ...error) (*metadata.LogicalVolume, error) {
	if ref == "" {
		return nil, fault(ErrInvalidSpec, "no pool given")
	}
	pool, _, err := tx.lvToChange(ref, except...)
	if err != nil {
		return nil, err
	}
	if thinPoolBody(pool) == nil {
		return nil, fault(ErrInvalidSpec, "lv %s is no thin pool", pool.Name)
	}
	if tx.st != nil && tx.st.noActivate != nil {
		return nil, tx.st.noActivate // the kernel is told through its device
	}
	return pool, nil
}

// nextThinID returns a number that no volume of a pool has, nor had before this
// transaction: the kernel is told of those that go last. Source: lvm2 as observed.
func (tx *Tx) nextThinID(pool metadata.ID) (uint32, error) {
	taken := map[uint32]bool{}
	most := uint32(0)
	take := func(vg *metadata.VolumeGroup) {
		if vg == nil {
			return
		}
		for _, lv := range vg.LVs {
			if body := thinBody(lv); body != nil && body.Pool == pool {
				taken[body.DeviceID] = true
				most = max(most, body.DeviceID)
			}
		}
	}
	take(tx.vg)
	take(tx.before())
	for _, m := range tx.queue(pool) {
		if m.Create.IsZero() {
			taken[m.Delete] = true
			most = max(most, m.Delete)
		}
	}
	if most < metadata.MaxThinDeviceID {
		return most + 1, nil
	}
	for id := uint32(1); id < metadata.MaxThinDeviceID; id++ {
		if !taken[id] {
			return id, nil
		}
	}
	return 0, fault(ErrNoSpace, "no device id is left in pool %s", tx.nameOf(pool))
}

// thinMerging returns the thin snapshot that is to be merged into a volume, nil if
// there is none.
func (tx *Tx) thinMerging(origin metadata.ID) *metadata.LogicalVolume {
	if id, ok := tx.ties().merging[origin]; ok {
		return tx.find(id)
	}
	return nil
}

// thinSnapshots calls do for each thin snapshot of a volume.
func (tx *Tx) thinSnapshots(origin metadata.ID, do func(i int, lv *metadata.LogicalVolume, body *metadata.Thin) error) error {
	for i, lv := range tx.vg.LVs {
		if body := thinBody(lv); body != nil && body.Origin == origin {
			if err := do(i, lv, body); err != nil {
				return err
			}
		}
	}
	return nil
}

// holdThinOrigins notes which origins are at rest while the kernel is told of their
// new snapshots: it takes what is on the way to them for what comes after.
func (b *builder) holdThinOrigins() {
	for id := range b.tx.fresh {
		body := thinBody(b.tx.find(id))
		if body == nil || body.Origin.IsZero() || b.tx.fresh[body.Origin] {
			continue
		}
		for _, layer := range []string{"", realLayer} {
			b.hold(dmUUID(b.plan.ID, body.Origin, layer), frozen)
		}
	}
}
