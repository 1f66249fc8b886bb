package lvm

import (
	"github.com/lvm-go/lvm/metadata"
)

// ConvertToThinPoolSpec says what a volume is like that becomes a thin pool. The zero
// value is fine.
type ConvertToThinPoolSpec struct {
	// Metadata is a volume that becomes the metadata of the pool, linear, striped or a
	// raid1; its contents are lost. If empty, one is made, of MetadataSize as in
	// [ThinPoolSpec].
	Metadata     string
	MetadataSize Bytes
	// ChunkSize, Discards, NoZeroing, ErrorWhenFull, NoSpare and Inactive are as in
	// [ThinPoolSpec].
	ChunkSize     Bytes
	Discards      ThinDiscards
	NoZeroing     bool
	ErrorWhenFull bool
	NoSpare       bool
	Inactive      bool
	// PVs are the physical volumes for the metadata and the spare.
	PVs []PVSelection
}

// ConvertToThinPool makes a thin pool of a volume, whose contents are lost: it becomes
// the data of the pool, which gets its name. It may be linear, striped or a raid. What is
// active may not be open, and no raid; its device goes. lvm2: lvconvert --type thin-pool.
//
// Returns errors as [Tx.CreateThinPool] does, and one matching [ErrLVNotFound],
// [ErrUnsupported] if no pool can lie on the volume, [ErrReadOnly] if it cannot be
// written, or [ErrBusy] if it is active, or others need it.
func (tx *Tx) ConvertToThinPool(lv string, spec ConvertToThinPoolSpec) (*LogicalVolume, error) {
	var pool *metadata.LogicalVolume
	err := tx.whole(func() (err error) { pool, err = tx.convertToThinPool(lv, spec, minPoolMetadata); return err })
	if err != nil {
		return nil, tx.fail("convert to thin pool", lv, err)
	}
	return tx.viewLV(pool), nil
}

func (tx *Tx) convertToThinPool(ref string, spec ConvertToThinPoolSpec, least Bytes) (*metadata.LogicalVolume, error) {
	old, i, err := tx.lvToPool(ref)
	if err != nil {
		return nil, err
	}
	if !spec.Inactive && tx.st != nil && tx.st.noActivate != nil {
		return nil, tx.st.noActivate
	}
	size := extentBytes(tx.vg, old.Extents())
	body := &metadata.ThinPool{ZeroNewBlocks: !spec.NoZeroing, Data: old.ID}
	chunk, err := poolChunk(spec.ChunkSize, size, spec.MetadataSize == 0 && spec.Metadata == "")
	if err != nil {
		return nil, err
	}
	if size < chunk {
		return nil, fault(ErrInvalidSize, "a pool of %s holds no chunk of %s", size, chunk)
	}
	body.ChunkSize = chunk.Sectors()
	if body.Discards, err = spec.Discards.or(metadata.DiscardsPassdown); err != nil {
		return nil, err
	}
	pool := *old
	if pool.ID, err = tx.newID(); err != nil {
		return nil, err
	}
	pool.Tags, pool.CreationTime, pool.CreationHost = nil, tx.time(), tx.sys.cfg.Host
	pool.Status = withFlag(pool.Status, metadata.LVErrorWhenFull, spec.ErrorWhenFull)
	if err := tx.hidePart(old, i, old.Name+"_tdata"); err != nil {
		return nil, err
	}
	tx.want(old.ID, wish{deactivate: true}) // it has another device as a part
	meta, err := tx.metadataFor(&pool, spec, size/chunk*chunkMetadata, least)
	if err != nil {
		return nil, err
	}
	if !spec.NoSpare {
		if err := tx.keepSpare(meta.Extents(), spec.PVs); err != nil {
			return nil, err
		}
	}
	body.Metadata = meta.ID
	pool.Segments = []metadata.Segment{{Count: old.Extents(), Type: "thin-pool", Body: body}}
	tx.created = append(tx.created, newLV{id: meta.ID})
	if err := tx.put(-1, &pool); err != nil {
		return nil, err
	}
	tx.want(pool.ID, wish{activate: !spec.Inactive && tx.mayActivate(&pool)})
	return &pool, nil
}

// lvToPool returns a volume that can become the data of a pool.
func (tx *Tx) lvToPool(ref string) (*metadata.LogicalVolume, int, error) {
	lv, i, err := tx.lvToChange(ref)
	if err != nil {
		return nil, 0, err
	}
	switch kindOf(lv).(type) {
	case nil, raidType:
	default:
		return nil, 0, fault(ErrUnsupported, "lv %s is of type %s, which no pool can lie on", lv.Name, lv.Segments[0].Type)
	}
	return lv, i, tx.mayBePart(lv, kindOf(lv) == nil)
}

// metadataFor returns the volume that becomes the metadata of a pool.
func (tx *Tx) metadataFor(pool *metadata.LogicalVolume, spec ConvertToThinPoolSpec, wanted, least Bytes) (*metadata.LogicalVolume, error) {
	name := pool.Name + "_tmeta"
	switch {
	case spec.Metadata == "":
		if spec.MetadataSize != 0 {
			wanted = spec.MetadataSize
		}
		extents, err := tx.poolMetadataExtents(wanted, least)
		if err != nil {
			return nil, err
		}
		return tx.newMetadata(name, extents, spec.PVs, pool.Allocation)
	case spec.MetadataSize != 0:
		return nil, fault(ErrInvalidSpec, "the size of the metadata is that of lv %s", spec.Metadata)
	}
	return tx.metadataFrom(spec.Metadata, name, least)
}

// newMetadata makes a volume for the metadata of a pool.
func (tx *Tx) newMetadata(name string, extents Extents, pvs []PVSelection, policy metadata.Allocation) (*metadata.LogicalVolume, error) {
	meta, err := tx.newPart(name)
	if err != nil {
		return nil, err
	}
	if err := tx.grow(meta, ExtentCount(extents), growth{shape: stripeShape{stripes: 1}, pvs: pvs, policy: policy}); err != nil {
		return nil, err
	}
	return meta, tx.put(-1, meta)
}

// metadataFrom makes the metadata of a pool of a volume that is there.
func (tx *Tx) metadataFrom(ref, name string, least Bytes) (*metadata.LogicalVolume, error) {
	old, i, err := tx.metadataToBe(ref)
	if err != nil {
		return nil, err
	}
	switch {
	case extentBytes(tx.vg, old.Extents()) < least:
		return nil, fault(ErrInvalidSize, "lv %s is too small for metadata: %s are needed", old.Name, least)
	case lvRecord(tx.st, old.ID) == nil:
		return nil, fault(ErrUnsupported, "lv %s is made in this update", old.Name)
	}
	if err := tx.hidePart(old, i, name); err != nil {
		return nil, err
	}
	return tx.find(old.ID), nil
}

// metadataToBe returns a volume that can become the metadata of a pool.
func (tx *Tx) metadataToBe(ref string) (*metadata.LogicalVolume, int, error) {
	lv, i, err := tx.lvToChange(ref)
	if err != nil {
		return nil, 0, err
	}
	switch kindOf(lv).(type) {
	case nil:
	case raidType:
		// Its head is written on each leg, beneath checksums and without parity.
		if typ := SegmentType(lv.Segments[0].Type); typ != SegmentRAID1 || tx.hasIntegrity(lv) {
			return nil, 0, fault(ErrUnsupported, "lv %s is a %s, or has checksums: of raids, metadata is on a raid1 without", lv.Name, string(typ))
		}
		if err := tx.complete(lv, ActivateComplete); err != nil {
			return nil, 0, err
		}
	default:
		return nil, 0, fault(ErrUnsupported, "lv %s is of type %s: metadata is on linear and striped volumes, or a raid1", lv.Name, lv.Segments[0].Type)
	}
	return lv, i, tx.mayBePart(lv, false)
}

// mayBePart refuses a volume that cannot become a part of a pool. active says that it may
// have been active until then.
func (tx *Tx) mayBePart(lv *metadata.LogicalVolume, active bool) error {
	if lv.Status&(metadata.LVWrite|metadata.LVWriteLocked) == 0 {
		return fault(ErrReadOnly, "lv %s", lv.Name)
	}
	if err := withoutRoom(lv); err != nil {
		return err
	}
	if err := tx.unneeded(lv, active); err != nil {
		return err
	}
	for _, seg := range lv.Segments {
		if SegmentType(seg.Type).virtual() {
			return fault(ErrUnsupported, "lv %s has extents that keep nothing", lv.Name)
		}
	}
	return nil
}

// unneeded refuses a volume that others need, or that is active, unless it may be so.
func (tx *Tx) unneeded(lv *metadata.LogicalVolume, active bool) error {
	_, snapshot := tx.snapshotBy(lv.ID)
	switch {
	case snapshot || len(tx.snapshotsOf(lv.ID)) > 0:
		return fault(ErrBusy, "lv %s is a snapshot, or has some", lv.Name)
	case len(tx.ties().users[lv.ID]) > 0:
		return fault(ErrBusy, "lv %s is an external origin", lv.Name)
	case tx.sys.opened.isOpen(tx.vg.ID, lv.ID):
		return fault(ErrBusy, "lv %s is open", lv.Name)
	case active && tx.staysActive(lv.ID) && !tx.wishes[lv.ID].activate:
		return nil
	case tx.staysActive(lv.ID) || tx.wishes[lv.ID].activate:
		return fault(ErrBusy, "lv %s is active: deactivate it first", lv.Name)
	case tx.kern != nil && tx.kern.active(lv.ID):
		return fault(ErrBusy, "lv %s is active until this update: deactivate it in one before", lv.Name)
	}
	return nil
}

// hidePart makes a hidden part of what users saw as a volume.
func (tx *Tx) hidePart(old *metadata.LogicalVolume, i int, name string) error {
	if err := checkLVName(tx.vg.Name, name); err != nil {
		return err
	}
	if taken, _ := tx.lookup(name); taken != nil && taken.Name == name {
		return fault(ErrExists, "lv %s exists already", name)
	}
	if err := tx.renameParts(old, name); err != nil {
		return err
	}
	lv := *old
	lv.Name = name
	hide(&lv)
	return tx.put(i, &lv)
}

// hide takes from a volume what only those have that users see.
func hide(lv *metadata.LogicalVolume) {
	lv.Status &^= metadata.LVVisible | metadata.LVFixedMinor | metadata.LVActivationSkip | metadata.LVNoAutoactivate
	lv.HasMajor, lv.HasMinor, lv.Major, lv.Minor = false, false, 0, 0
}

// SwapPoolMetadata gives a thin pool that is not active the volume lv as its metadata, and
// what it had before gets the name of that volume. It is the way to metadata that
// thin_restore or thin_repair have written by hand: nothing is checked here, but the
// pool is only activated if what is there is of its transaction. lvm2: lvconvert
// --thinpool --poolmetadata.
//
// Returns errors matching [ErrLVNotFound], [ErrInvalidSpec] if the pool is none,
// [ErrBusy] if one of the two is active or others need lv, [ErrReadOnly] if lv is, and
// [ErrUnsupported] if no metadata can be on it.
func (tx *Tx) SwapPoolMetadata(pool, lv string) error {
	return tx.fail("swap metadata of pool", pool, tx.whole(func() error {
		p, i, err := tx.lvToChange(pool)
		if err != nil {
			return err
		}
		if thinPoolBody(p) == nil {
			return fault(ErrInvalidSpec, "lv %s is no thin pool", p.Name)
		}
		if lvRecord(tx.st, p.ID) == nil || tx.tells[p.ID] {
			return fault(ErrUnsupported, "pool %s is changed in this update: that takes one of its own", p.Name)
		}
		if err := tx.poolUnused(p); err != nil {
			return err
		}
		now, _, err := tx.metadataToBe(lv)
		if err != nil {
			return err
		}
		old := tx.find(thinPoolBody(p).Metadata)
		if old == nil {
			return fault(ErrDamaged, "there is no lv %s", thinPoolBody(p).Metadata)
		}
		name := now.Name
		if err := tx.swapPoolMetadata(p, i, old, now); err != nil {
			return err
		}
		shown := *tx.find(old.ID)
		return tx.showPart(&shown, name)
	}))
}

// ConvertToThinSpec says what a volume is like that becomes a thin one. Pool is
// required.
type ConvertToThinSpec struct {
	Pool string
	// OriginName is the name of the read-only volume that keeps what was written until
	// now; lvol0, lvol1, ... if empty.
	OriginName string
	// Inactive leaves a volume without a device that has none. MaxOvercommit is as in
	// [ThinSpec].
	Inactive      bool
	MaxOvercommit uint
}

// ConvertToThin makes a thin volume of one that is linear, striped, a raid, a mirror, or
// thin, in this pool or another: what it holds stays where it is, in a read-only volume
// with another name, which becomes the external origin of the thin volume. That has name
// and UUID of the volume, and takes from the pool what is written from then on. It returns
// the origin. The tags go with it. A linear or striped volume may be active, and in use.
// Where the origin is in the same pool, lvm2 2.03.16 makes no snapshots of the volume while
// that is active. lvm2: lvconvert --type thin.
//
// Returns errors as [Tx.CreateThin] does, and one matching [ErrUnsupported] if the volume
// is of another type, or [ErrBusy] if one that is neither linear nor striped is active, or
// others need it: snapshots, or thin volumes that show it.
func (tx *Tx) ConvertToThin(lv string, spec ConvertToThinSpec) (*LogicalVolume, error) {
	var origin *metadata.LogicalVolume
	err := tx.whole(func() (err error) { origin, err = tx.convertToThin(lv, spec); return err })
	if err != nil {
		return nil, tx.fail("convert to thin volume", lv, err)
	}
	return tx.viewLV(origin), nil
}

func (tx *Tx) convertToThin(ref string, spec ConvertToThinSpec) (*metadata.LogicalVolume, error) {
	old, _, err := tx.lvToChange(ref)
	if err != nil {
		return nil, err
	}
	if err := maybeExternalOrigin(old); err != nil {
		return nil, err
	}
	// What is written to the extents before the device reads its own from the pool is
	// what it reads from the origin then.
	if err := tx.unneeded(old, kindOf(old) == nil); err != nil {
		return nil, err
	}
	pool, err := tx.poolToChange(spec.Pool)
	if err != nil {
		return nil, err
	}
	if err := tx.mayStay(old); err != nil {
		return nil, err
	}
	if lvRecord(tx.st, old.ID) == nil {
		return nil, fault(ErrUnsupported, "lv %s is made in this update", old.Name)
	}
	name, err := tx.newLVName(spec.OriginName)
	if err != nil {
		return nil, err
	}
	if err := tx.renameParts(old, name); err != nil {
		return nil, err
	}
	origin, thin := *old, *old
	if origin.ID, err = tx.newID(); err != nil {
		return nil, err
	}
	origin.Name = name
	hide(&origin)
	origin.Status |= metadata.LVVisible
	origin.Status &^= metadata.LVWrite | metadata.LVWriteLocked
	thin.Status &= metadata.LVRead | metadata.LVWrite | metadata.LVVisible | metadata.LVFixedMinor | metadata.LVActivationSkip | metadata.LVNoAutoactivate
	thin.Tags, thin.Extra, thin.Allocation = nil, nil, metadata.AllocInherit
	thin.CreationTime, thin.CreationHost = tx.time(), tx.sys.cfg.Host
	body := &metadata.Thin{Pool: pool.ID, ExternalOrigin: origin.ID}
	active := !spec.Inactive && thin.Status&metadata.LVActivationSkip == 0
	if err := tx.addThin(&thin, pool, body, old.Extents(), active, spec.MaxOvercommit); err != nil {
		return nil, err
	}
	return &origin, tx.put(-1, &origin)
}

// mayStay refuses a thin volume that its own pool needs as it is.
func (tx *Tx) mayStay(lv *metadata.LogicalVolume) error {
	body := thinBody(lv)
	if body == nil {
		return nil
	}
	switch {
	case missesMessages(tx.find(body.Pool)) || tx.tells[body.Pool]:
		return fault(ErrBusy, "the pool of lv %s has yet to be told of its volumes: do that in an update before this one", lv.Name)
	case !body.Merge.IsZero() || tx.thinMerging(lv.ID) != nil:
		return fault(ErrMerging, "lv %s", lv.Name)
	}
	return tx.thinSnapshots(lv.ID, func(_ int, snapshot *metadata.LogicalVolume, _ *metadata.Thin) error {
		return fault(ErrBusy, "lv %s has the snapshot %s", lv.Name, snapshot.Name)
	})
}
