package lvm

import (
	"slices"

	"github.com/lvm-go/lvm/metadata"
)

// What the names of the parts of cached volumes end with. Source: lvm2 as
// observed.
const (
	cacheOriginSuffix = "_corig"
	cachePoolSuffix   = "_cpool"
	cacheVolSuffix    = "_cvol"
)

// AttachCacheSpec says how a volume is cached. One of Pool and CacheVol is
// required.
type AttachCacheSpec struct {
	// Pool is a cache pool, which no volume has.
	Pool string
	// CacheVol is a volume that becomes the cache, data and metadata in one. What is
	// on it is lost. lvm2: --cachevol.
	CacheVol string
	// ChunkSize is the pool's if zero, and otherwise as in [CachePoolSpec]; but with
	// a CacheVol of more than a million chunks of 64 KiB it has to be given.
	ChunkSize Bytes
	// Mode, Policy and Settings are the pool's if they are not given, or writethrough
	// and smq. Settings are as in [Tx.ChangeCache].
	Mode     CacheMode
	Policy   string
	Settings []CacheSetting
	// MetadataFormat is 1 or 2, the pool's or 2 if zero. With CacheVol there is only
	// 2.
	MetadataFormat int
	// MetadataSize is how much of a CacheVol the metadata gets, what they need if
	// zero; never more than half of it.
	MetadataSize Bytes
}

// AttachCache has a volume cached by a faster one, while it is in use. With a thin
// pool, it is its data that is cached. The volume keeps its name and its UUID; what
// it was becomes a hidden part of it. What the cache held before is lost, also if a
// later step fails, and what it was is closed. lvm2: lvconvert --type cache
// --cachepool, --cachevol.
//
// Returns errors matching [ErrLVNotFound], [ErrUnsupported] if the volume is of a
// type that cannot be cached, [ErrInvalidSpec], [ErrInvalidSize] if the cache is
// too small, or, when planned, [ErrBusy] if the volume that is to become the cache
// is open.
func (tx *Tx) AttachCache(lv string, spec AttachCacheSpec) error {
	return tx.fail("attach cache to lv", lv, tx.whole(func() error { return tx.attachCache(lv, spec) }))
}

func (tx *Tx) attachCache(ref string, spec AttachCacheSpec) error {
	if err := joinErrors(spec.Mode.check(), checkCachePolicy(spec.Policy), checkCacheSettings(spec.Settings)); err != nil {
		return err
	}
	lv, err := tx.lvToCache(ref)
	if err != nil {
		return err
	}
	switch {
	case (spec.Pool == "") == (spec.CacheVol == ""):
		return fault(ErrInvalidSpec, "either a pool or a volume for the cache has to be given")
	case spec.MetadataFormat < 0 || spec.MetadataFormat > 2:
		return fault(ErrInvalidSpec, "cache metadata format %d", spec.MetadataFormat)
	case spec.Pool != "":
		return tx.attachPool(lv, spec)
	}
	return tx.attachVol(lv, spec)
}

// lvToCache returns a volume that may get a cache, of a thin pool its data.
func (tx *Tx) lvToCache(ref string) (*metadata.LogicalVolume, error) {
	lv, _, err := tx.lvToChange(ref)
	if err != nil {
		return nil, err
	}
	if body, ok := bodyOf[*metadata.ThinPool](lv); ok {
		if lv = tx.find(body.Data); lv == nil {
			return nil, fault(ErrDamaged, "there is no lv %s", body.Data)
		}
	}
	if _, ok := tx.snapshotBy(lv.ID); ok {
		return nil, fault(ErrUnsupported, "lv %s is a snapshot, which cannot be cached", lv.Name)
	}
	if link, ok := tx.mergingInto(lv.ID); ok {
		return nil, fault(ErrMerging, "lv %s is being merged into %s", tx.nameOf(link.body.COW), lv.Name)
	}
	switch kindOf(lv).(type) {
	case nil:
		if slices.ContainsFunc(lv.Segments, func(seg metadata.Segment) bool { return !isStriped(&seg) }) {
			return nil, fault(ErrUnsupported, "lv %s has segments without storage: it cannot be cached", lv.Name)
		}
	case raidType:
	default:
		return nil, fault(ErrUnsupported, "lv %s is of type %s, which cannot be cached", lv.Name, lv.Segments[0].Type)
	}
	if len(tx.ties().users[lv.ID]) > 0 {
		return nil, fault(ErrUnsupported, "lv %s is an external origin: it cannot be cached", lv.Name)
	}
	return lv, tx.complete(lv, ActivateComplete)
}

func isStriped(seg *metadata.Segment) bool { _, ok := seg.Body.(*metadata.Striped); return ok }

// bodyOf returns the body of a volume of one segment, if it is of that type.
func bodyOf[B metadata.Body](lv *metadata.LogicalVolume) (B, bool) {
	var none B
	if lv == nil || len(lv.Segments) != 1 {
		return none, false
	}
	body, ok := lv.Segments[0].Body.(B)
	return body, ok
}

func (tx *Tx) attachPool(lv *metadata.LogicalVolume, spec AttachCacheSpec) error {
	old, i, err := tx.lvToChange(spec.Pool)
	if err != nil {
		return err
	}
	was, ok := bodyOf[*metadata.CachePool](old)
	if !ok {
		return fault(ErrInvalidSpec, "lv %s is no cache pool", old.Name)
	}
	meta := tx.find(was.Metadata)
	if meta == nil {
		return fault(ErrDamaged, "there is no lv %s", was.Metadata)
	}
	body := *was
	if spec.ChunkSize != 0 || body.ChunkSize == 0 {
		body.ChunkSize = spec.ChunkSize.Sectors()
	}
	size := extentBytes(tx.vg, old.Extents())
	if body.ChunkSize, err = cacheChunk(sectorBytes(body.ChunkSize), size); err != nil {
		return err
	}
	if need := cacheMetadata(body.ChunkSize, size); spec.ChunkSize != 0 && need > extentBytes(tx.vg, meta.Extents()) {
		return fault(ErrInvalidSpec, "with chunks of %s cache pool %s needs %s of metadata, and has %s", spec.ChunkSize, old.Name, need, extentBytes(tx.vg, meta.Extents()))
	}
	spec.choose(&body.CacheSettings)
	if err := tx.complete(old, ActivateComplete); err != nil {
		return err
	}
	pool := *old
	pool.Name, pool.Status = old.Name+cachePoolSuffix, old.Status&^metadata.LVVisible
	pool.Segments = slices.Clone(old.Segments)
	pool.Segments[0].Type, pool.Segments[0].Body = cachePoolSegment(body.CacheSettings), &body
	if err := tx.hide(old, i, &pool); err != nil {
		return err
	}
	// What the metadata was of is another volume, or this one as it was.
	tx.created = append(tx.created, newLV{id: meta.ID, keepSignatures: true})
	return tx.putOnTop(lv, cacheOriginSuffix, func(origin metadata.ID) metadata.Segment {
		return metadata.Segment{Type: "cache", Body: &metadata.Cache{Pool: pool.ID, Origin: origin}}
	})
}

// choose settles what is still open of the settings of a cache.
func (spec *AttachCacheSpec) choose(s *metadata.CacheSettings) {
	if spec.MetadataFormat != 0 {
		s.MetadataFormat = uint32(spec.MetadataFormat)
	}
	if s.MetadataFormat == 0 {
		s.MetadataFormat = 2
	}
	if spec.Mode != "" {
		s.Mode = string(spec.Mode)
	}
	if s.Mode == "" {
		s.Mode = string(CacheWritethrough)
	}
	if spec.Policy != "" {
		s.Policy = spec.Policy
	}
	if s.Policy == "" {
		s.Policy = policySMQ
	}
	s.Settings = withSettings(s.Settings, spec.Settings)
}

func (tx *Tx) attachVol(lv *metadata.LogicalVolume, spec AttachCacheSpec) error {
	if spec.MetadataFormat == 1 {
		return fault(ErrInvalidSpec, "without a pool there is no cache metadata of format 1")
	}
	if len(tx.snapshotsOf(lv.ID)) > 0 {
		return cachedTwice(lv)
	}
	vol, err := tx.useVol(spec.CacheVol, lv)
	if err != nil {
		return err
	}
	if vol.Extents() < 2 {
		return fault(ErrInvalidSize, "lv %s has one extent: a cache takes two", vol.Name)
	}
	body := metadata.Cache{Pool: vol.ID, CacheSettings: metadata.CacheSettings{ChunkSize: defaultCacheChunk.Sectors()}}
	if spec.ChunkSize != 0 {
		body.ChunkSize = spec.ChunkSize.Sectors()
	}
	whole, ok := vol.Extents().Sectors(tx.vg.ExtentSize)
	if !ok {
		return fault(ErrInvalidSize, "lv %s is too large", vol.Name)
	}
	need := max(cacheMetadata(body.ChunkSize, sectorBytes(whole)), spec.MetadataSize)
	half := (vol.Extents() + 1) / 2
	meta, ok := min(need.Sectors().ExtentsUp(tx.vg.ExtentSize), half).Sectors(tx.vg.ExtentSize)
	if !ok {
		return fault(ErrInvalidSize, "lv %s is too large", vol.Name)
	}
	body.MetadataLen, body.DataStart, body.DataLen = meta, meta, whole-meta
	if err := checkCacheChunk(sectorBytes(body.ChunkSize), sectorBytes(body.DataLen)); err != nil {
		return err
	}
	spec.choose(&body.CacheSettings)
	return tx.putOnTop(lv, cacheOriginSuffix, func(origin metadata.ID) metadata.Segment {
		body.Origin = origin
		return metadata.Segment{Type: "cache+" + cacheFlag, Body: &body}
	})
}

// useVol makes a volume the cache of another: its head is zeroed, and its device,
// which has to be closed, goes.
func (tx *Tx) useVol(ref string, lv *metadata.LogicalVolume) (*metadata.LogicalVolume, error) {
	old, i, err := tx.lvToChange(ref)
	if err != nil {
		return nil, err
	}
	if _, ok := tx.snapshotBy(old.ID); ok || len(tx.snapshotsOf(old.ID)) > 0 {
		return nil, fault(ErrUnsupported, "lv %s is a snapshot, or has some: it cannot be a cache", old.Name)
	}
	switch {
	case old.ID == lv.ID:
		return nil, fault(ErrInvalidSpec, "lv %s cannot be its own cache", old.Name)
	case kindOf(old) != nil || slices.ContainsFunc(old.Segments, func(seg metadata.Segment) bool { return !isStriped(&seg) }):
		return nil, fault(ErrUnsupported, "lv %s is of type %s: only linear and striped volumes become a cache", old.Name, old.Segments[0].Type)
	case len(tx.ties().users[old.ID]) > 0:
		return nil, fault(ErrUnsupported, "lv %s is an external origin: it cannot be a cache", old.Name)
	case old.Status&(metadata.LVWrite|metadata.LVWriteLocked) == 0:
		return nil, fault(ErrReadOnly, "lv %s is read-only", old.Name)
	}
	if err := tx.complete(old, ActivateComplete); err != nil {
		return nil, err
	}
	vol := *old
	vol.Name, vol.Status = old.Name+cacheVolSuffix, old.Status&^metadata.LVVisible|metadata.LVCacheVol
	if err := tx.hide(old, i, &vol); err != nil {
		return nil, err
	}
	tx.want(vol.ID, wish{deactivate: true}) // a device of another kind takes its place
	tx.created = append(slices.DeleteFunc(tx.created, func(n newLV) bool { return n.id == vol.ID }), newLV{id: vol.ID})
	return &vol, nil
}

// hide puts a record in the place of one that has another name, which its parts
// follow.
func (tx *Tx) hide(old *metadata.LogicalVolume, i int, lv *metadata.LogicalVolume) error {
	if err := checkLVName(tx.vg.Name, lv.Name); err != nil {
		return err
	}
	if taken, _ := tx.lookup(lv.Name); taken != nil && taken.Name == lv.Name {
		return fault(ErrExists, "lv %s exists already", lv.Name)
	}
	if err := tx.renameParts(old, lv.Name); err != nil {
		return err
	}
	return tx.put(i, lv)
}

// putOnTop makes what a volume is a hidden part of it, which has that in the name,
// and gives the volume itself a segment on top.
func (tx *Tx) putOnTop(lv *metadata.LogicalVolume, suffix string, on func(origin metadata.ID) metadata.Segment) error {
	if err := withoutRoom(lv); err != nil {
		return err
	}
	origin, err := tx.newPart(lv.Name + suffix)
	if err != nil {
		return err
	}
	origin.Status = lv.Status & (metadata.LVRead | metadata.LVWrite | metadata.LVWriteLocked)
	origin.Segments = lv.Segments
	if err := tx.renameParts(lv, origin.Name); err != nil {
		return err
	}
	top, seg := *lv, on(origin.ID)
	seg.Count = lv.Extents()
	top.Segments = []metadata.Segment{seg}
	if err := tx.put(tx.indexOf(lv.ID), &top); err != nil {
		return err
	}
	for i := range tx.created { // what is zeroed of a new volume is beneath
		if tx.created[i].id == lv.ID {
			tx.created[i].id = origin.ID
		}
	}
	return tx.put(-1, origin)
}

// cachesOf returns what volumes have as caches, with all that belongs to these: it
// has names of its own.
func (tx *Tx) cachesOf(lvs []*metadata.LogicalVolume) map[metadata.ID]bool {
	caches := map[metadata.ID]bool{}
	for _, lv := range lvs {
		var cache metadata.ID
		if body, ok := bodyOf[*metadata.Cache](lv); ok {
			cache = body.Pool
		} else if body, ok := bodyOf[*metadata.WriteCache](lv); ok {
			cache = body.Cache
		}
		for _, part := range tx.withOwned(tx.find(cache)) {
			caches[part.ID] = true
		}
	}
	return caches
}
