package lvm

import (
	"github.com/lvm-go/lvm/metadata"
)

// CachePoolSpec says what a new cache pool is like. Only Size is required.
type CachePoolSpec struct {
	// Name is lvol0, lvol1, ... if empty.
	Name string
	// Size is that of the data; what the metadata takes comes on top of it, but of a
	// percentage of what is free, twice its size is left for the metadata and a spare.
	// Of any percentage less will do.
	Size Size
	// ChunkSize is how much is cached at a time: a multiple of 32 KiB, up to 1 GiB.
	// 64 KiB if zero, or the next power of two if that makes more than a million.
	ChunkSize Bytes
	// MetadataSize is what that many chunks need if zero, and not less.
	MetadataSize Bytes
	// MetadataFormat, Mode, Policy and Settings may as well be given when a volume
	// gets the pool; see [AttachCacheSpec].
	MetadataFormat int
	Mode           CacheMode
	Policy         string
	Settings       []CacheSetting
	// PVs are the physical volumes to use, in this order of preference; all if
	// empty. They should be faster than those of what is to be cached.
	PVs []PVSelection
	// Allocation is the policy of the pool; the group's if zero.
	Allocation Allocation
	Tags       []string
	// NoSpare leaves the group without room to repair the metadata of pools. lvm2:
	// --poolmetadataspare n.
	NoSpare bool
	// ID is the UUID, a random one if zero.
	ID ID
}

// CreateCachePool makes a cache pool: data and metadata of a cache, on fast
// physical volumes, that [Tx.AttachCache] gives to a volume. By itself it has no
// device. lvm2: lvcreate --type cache-pool.
//
// The first pool of a group, of whatever kind, brings about a hidden volume,
// lvol0_pmspare, that is kept for the repair of their metadata.
//
// Returns errors as [Tx.CreateLV] does.
func (tx *Tx) CreateCachePool(spec CachePoolSpec) (*LogicalVolume, error) {
	var lv *metadata.LogicalVolume
	err := tx.whole(func() (err error) { lv, err = tx.createCachePool(spec); return err })
	if err != nil {
		return nil, tx.fail("create cache pool", spec.Name, err)
	}
	return tx.viewLV(lv), nil
}

func (tx *Tx) createCachePool(spec CachePoolSpec) (*metadata.LogicalVolume, error) {
	if err := tx.own(); err != nil {
		return nil, err
	}
	settings, err := spec.settings()
	if err != nil {
		return nil, err
	}
	pool, _, err := tx.newLV(LVSpec{Name: spec.Name, Tags: spec.Tags, Allocation: spec.Allocation, ID: spec.ID})
	if err != nil {
		return nil, err
	}
	size, err := tx.cachePoolSize(spec, &settings)
	if err != nil {
		return nil, err
	}
	before := len(tx.vg.LVs)
	if !spec.NoSpare {
		if err := tx.keepSpare(size.metadata, spec.PVs); err != nil {
			return nil, err
		}
		if spec.Name == "" { // the spare may have taken the number
			if pool.Name, err = tx.newLVName(""); err != nil {
				return nil, err
			}
		}
	}
	meta, err := tx.newPart(pool.Name + "_" + cacheMetaLayer)
	if err != nil {
		return nil, err
	}
	data, err := tx.newPart(pool.Name + "_" + cacheDataLayer)
	if err != nil {
		return nil, err
	}
	if err := tx.allocateCachePool(pool, meta, data, size, spec.PVs); err != nil {
		return nil, err
	}
	body := &metadata.CachePool{Data: data.ID, Metadata: meta.ID, CacheSettings: settings}
	pool.Segments = []metadata.Segment{{Count: data.Extents(), Type: cachePoolSegment(settings), Body: body}}
	for _, lv := range []*metadata.LogicalVolume{pool, meta, data} {
		if err := tx.put(-1, lv); err != nil {
			return nil, err
		}
	}
	tx.swap(before, tx.indexOf(pool.ID)) // lvm2 has it in front of a new spare
	tx.created = append(tx.created, newLV{id: meta.ID})
	return pool, nil
}

// swap exchanges the places of two volumes that the transaction has changed.
func (tx *Tx) swap(i, j int) {
	lvs := tx.vg.LVs
	lvs[i], lvs[j] = lvs[j], lvs[i]
	tx.index[lvs[i].ID], tx.index[lvs[j].ID] = i, j
}

func (spec *CachePoolSpec) settings() (metadata.CacheSettings, error) {
	s := metadata.CacheSettings{Mode: string(spec.Mode), Policy: spec.Policy, Settings: withSettings(nil, spec.Settings)}
	if err := joinErrors(spec.Mode.check(), checkCachePolicy(spec.Policy), checkCacheSettings(spec.Settings)); err != nil {
		return s, err
	}
	if spec.MetadataFormat < 0 || spec.MetadataFormat > 2 {
		return s, fault(ErrInvalidSpec, "cache metadata format %d", spec.MetadataFormat)
	}
	s.MetadataFormat = uint32(spec.MetadataFormat)
	return s, nil
}

// cachePoolSegment returns the type of the segment of a cache pool.
func cachePoolSegment(s metadata.CacheSettings) string {
	if s.MetadataFormat == 2 {
		return "cache-pool+METADATA_FORMAT"
	}
	return "cache-pool"
}

type cachePoolSize struct {
	data, metadata Extents
	wish           bool // less data will do
}

// cachePoolSize returns the size of a new pool and notes that of its chunks.
func (tx *Tx) cachePoolSize(spec CachePoolSpec, settings *metadata.CacheSettings) (cachePoolSize, error) {
	s := cachePoolSize{wish: spec.Size.isWish(false)}
	if spec.Size.IsZero() {
		return s, fault(ErrInvalidSize, "no size given")
	}
	pvs, err := tx.selected(spec.PVs)
	if err != nil {
		return s, err
	}
	if s.data, err = spec.Size.resolve(tx.emap.sizeContext(tx.vg, pvs)); err != nil {
		return s, err
	}
	size := extentBytes(tx.vg, s.data)
	if settings.ChunkSize, err = cacheChunk(spec.ChunkSize, size); err != nil {
		return s, err
	}
	if s.metadata, err = tx.cacheMetadataExtents(max(cacheMetadata(settings.ChunkSize, size), spec.MetadataSize)); err != nil {
		return s, err
	}
	if spec.Size.holdsMetadata() {
		if s.data <= 2*s.metadata {
			return s, fault(ErrInvalidSize, "%s leaves nothing beside metadata of %d extents, twice", spec.Size, s.metadata)
		}
		s.data -= 2 * s.metadata
	}
	return s, nil
}

func (tx *Tx) cacheMetadataExtents(need Bytes) (Extents, error) {
	if need > maxCacheMetadata {
		return 0, fault(ErrInvalidSize, "%s of cache metadata: %s are possible", need, maxCacheMetadata)
	}
	return need.Sectors().ExtentsUp(tx.vg.ExtentSize), nil
}

// selected resolves selections of physical volumes.
func (tx *Tx) selected(pvs []PVSelection) ([]allocPV, error) {
	return resolveSelections(tx.vg, pvs, func(ref string) (metadata.ID, bool) { return findPV(tx.vg, tx.members, ref) })
}

// allocateCachePool chooses the extents of a pool: the metadata are the first of
// them. Source: lvm2 as observed.
func (tx *Tx) allocateCachePool(pool, meta, data *metadata.LogicalVolume, size cachePoolSize, selection []PVSelection) error {
	pvs, err := tx.selected(selection)
	if err != nil {
		return err
	}
	pieces, err := tx.emap.allocate(tx.vg, allocRequest{
		Name: pool.Name, Policy: resolvePolicy(tx.vg, pool, metadata.AllocInherit), Extents: satAdd(size.data, size.metadata), Partial: size.wish, PVs: pvs,
	})
	if err != nil {
		return err
	}
	for _, seg := range appendSegments(&metadata.LogicalVolume{}, pieces, 0) {
		parts, err := cutSegment(seg, []Extents{size.metadata - min(size.metadata, seg.Start)})
		if err != nil {
			return err
		}
		for _, part := range parts {
			if part.Start < size.metadata {
				meta.Segments = append(meta.Segments, part)
				continue
			}
			part.Start -= size.metadata
			data.Segments = append(data.Segments, part)
		}
	}
	if len(data.Segments) == 0 {
		return fault(ErrInvalidSize, "there is nothing left beside metadata of %d extents", size.metadata)
	}
	return nil
}

// remove takes the spare along with the last pool.
func (cachePoolType) remove(tx *Tx, _ *metadata.LogicalVolume, going map[metadata.ID]bool) error {
	tx.releaseSpare(going)
	return nil
}
