package lvm

import (
	"github.com/lvm-go/lvm/metadata"
)

// ConvertToCachePoolSpec says what a volume is like that becomes a cache pool. The zero
// value is fine.
type ConvertToCachePoolSpec struct {
	// Metadata is a volume that becomes the metadata of the pool; its contents are
	// lost. If empty, one is made, of MetadataSize as in [CachePoolSpec].
	Metadata     string
	MetadataSize Bytes
	// ChunkSize, MetadataFormat, Mode, Policy, Settings and NoSpare are as in
	// [CachePoolSpec].
	ChunkSize      Bytes
	MetadataFormat int
	Mode           CacheMode
	Policy         string
	Settings       []CacheSetting
	NoSpare        bool
	// PVs are the physical volumes for the metadata and the spare.
	PVs []PVSelection
}

// ConvertToCachePool makes a cache pool of a volume, whose contents are lost: it becomes
// the data of the pool, which gets its name, and which [Tx.AttachCache] gives to another
// volume. It may be linear, striped or a raid. What is active may not be open, and no
// raid; its device goes. lvm2: lvconvert --type cache-pool.
//
// Returns errors as [Tx.CreateCachePool] does, and one matching [ErrLVNotFound],
// [ErrUnsupported] if no pool can lie on the volume, [ErrReadOnly] if it cannot be
// written, [ErrInvalidSize] if it, or Metadata, is too small, or [ErrBusy] if it is open,
// Metadata is active, or others need them.
func (tx *Tx) ConvertToCachePool(lv string, spec ConvertToCachePoolSpec) (*LogicalVolume, error) {
	var pool *metadata.LogicalVolume
	err := tx.whole(func() (err error) { pool, err = tx.convertToCachePool(lv, spec, cacheMetadata); return err })
	if err != nil {
		return nil, tx.fail("convert to cache pool", lv, err)
	}
	return tx.viewLV(pool), nil
}

// need tells how much metadata chunks of data take.
func (tx *Tx) convertToCachePool(ref string, spec ConvertToCachePoolSpec, need func(Sectors, Bytes) Bytes) (*metadata.LogicalVolume, error) {
	settings, err := (&CachePoolSpec{Mode: spec.Mode, Policy: spec.Policy, Settings: spec.Settings, MetadataFormat: spec.MetadataFormat}).settings()
	if err != nil {
		return nil, err
	}
	old, i, err := tx.lvToPool(ref)
	if err != nil {
		return nil, err
	}
	size := extentBytes(tx.vg, old.Extents())
	if settings.ChunkSize, err = cacheChunk(spec.ChunkSize, size); err != nil {
		return nil, err
	}
	pool := *old
	if pool.ID, err = tx.newID(); err != nil {
		return nil, err
	}
	hide(&pool)
	pool.Status |= metadata.LVVisible
	pool.Tags, pool.CreationTime, pool.CreationHost = nil, tx.time(), tx.sys.cfg.Host
	if err := tx.hidePart(old, i, old.Name+"_"+cacheDataLayer); err != nil {
		return nil, err
	}
	tx.want(old.ID, wish{deactivate: true}) // the pool has no device by itself
	meta, err := tx.cacheMetadataFor(&pool, spec, need(settings.ChunkSize, size))
	if err != nil {
		return nil, err
	}
	if !spec.NoSpare {
		if err := tx.keepSpare(meta.Extents(), spec.PVs); err != nil {
			return nil, err
		}
	}
	body := &metadata.CachePool{Data: old.ID, Metadata: meta.ID, CacheSettings: settings}
	pool.Segments = []metadata.Segment{{Count: old.Extents(), Type: cachePoolSegment(settings), Body: body}}
	tx.created = append(tx.created, newLV{id: meta.ID})
	return &pool, tx.put(-1, &pool)
}

// cacheMetadataFor returns the volume that becomes the metadata of a cache pool.
func (tx *Tx) cacheMetadataFor(pool *metadata.LogicalVolume, spec ConvertToCachePoolSpec, need Bytes) (*metadata.LogicalVolume, error) {
	name := pool.Name + "_" + cacheMetaLayer
	switch {
	case spec.Metadata == "":
		extents, err := tx.cacheMetadataExtents(max(need, spec.MetadataSize))
		if err != nil {
			return nil, err
		}
		return tx.newMetadata(name, extents, spec.PVs, pool.Allocation)
	case spec.MetadataSize != 0:
		return nil, fault(ErrInvalidSpec, "the size of the metadata is that of lv %s", spec.Metadata)
	}
	return tx.metadataFrom(spec.Metadata, name, need)
}
