package lvm

import (
	"slices"
	"strings"

	"github.com/lvm-go/lvm/metadata"
)

// DetachSpec says what becomes of a cache that is taken off a volume.
type DetachSpec struct {
	// RemovePool removes it. Without that the pool is there as before; a volume that
	// was the cache holds nothing of use. lvm2: --uncache instead of --splitcache.
	RemovePool bool
	// WithoutCache takes it off although it lies on missing physical volumes, and
	// removes it. That is refused if the cache may have had something that the volume
	// beneath has not: a writeback cache or a writecache.
	WithoutCache bool
	// LoseDirty, with WithoutCache, takes off those as well. What they had of the
	// volume is lost, which may be any part of it: see to what is left as after a
	// failure of a disk.
	LoseDirty bool
}

// DetachCache takes the cache off a volume, while that is in use. With a thin pool
// it is the cache of its data. The cache has to be flushed before;
// [System.DetachCache] does it all. A volume with a writecache loses that. lvm2:
// lvconvert --splitcache, --uncache.
//
// Returns errors matching [ErrLVNotFound], [ErrInvalidSpec] if the volume has no
// cache, [ErrCacheDirty] if the cache has, or may have, what the volume beneath has
// not, or [ErrMissingPV] if one of the two lies on missing physical volumes.
func (tx *Tx) DetachCache(lv string, spec DetachSpec) error {
	return tx.fail("detach cache from lv", lv, tx.whole(func() error { return tx.detachCache(lv, spec) }))
}

func (tx *Tx) detachCache(ref string, spec DetachSpec) error {
	lv, _, err := tx.lvToChange(ref, ErrMissingPV)
	if err != nil {
		return err
	}
	top, cache, origin, err := tx.layers(lv)
	if err != nil {
		return err
	}
	without, err := tx.lacksCache(top, cache, origin, spec)
	if err != nil {
		return err
	}
	if !without {
		if err := tx.takeClean(top); err != nil {
			return err
		}
	}
	tx.dropSlices(top)
	if err := tx.takeOffTop(top, origin); err != nil {
		return err
	}
	if !spec.RemovePool && !without {
		return tx.releaseCache(cache)
	}
	parts := tx.withOwned(cache)
	if _, ok := kindOf(cache).(cachePoolType); ok {
		going := map[metadata.ID]bool{}
		for _, part := range parts {
			going[part.ID] = true
		}
		tx.releaseSpare(going)
	}
	tx.dropAll(parts)
	return nil
}

// layers returns what a cached volume consists of: itself, or if it is a thin pool
// its data, the pool or volume that is the cache, and what is beneath.
func (tx *Tx) layers(lv *metadata.LogicalVolume) (top, cache, origin *metadata.LogicalVolume, err error) {
	top = lv
	var above, below metadata.ID
	if body, ok := bodyOf[*metadata.WriteCache](lv); ok {
		above, below = body.Cache, body.Origin
	} else {
		var body *metadata.Cache
		if top, body, err = tx.cachedLV(lv); err != nil {
			return nil, nil, nil, err
		}
		above, below = body.Pool, body.Origin
	}
	if cache, origin = tx.find(above), tx.find(below); cache == nil || origin == nil {
		return nil, nil, nil, fault(ErrDamaged, "parts of lv %s are not there", top.Name)
	}
	return top, cache, origin, nil
}

// lacksCache says whether a cache is given up since it is missing.
func (tx *Tx) lacksCache(top, cache, origin *metadata.LogicalVolume, spec DetachSpec) (bool, error) {
	missing := tx.missing()
	if len(missing) == 0 {
		return false, nil
	}
	if pv := liesOn(origin, missing, tx.find); !pv.IsZero() {
		return false, fault(ErrMissingPV, "lv %s has extents on pv %s, which is missing", origin.Name, pv)
	}
	pv := liesOn(cache, missing, tx.find)
	mayLose := true
	if body, ok := bodyOf[*metadata.Cache](top); ok {
		settings, _, err := tx.cacheSettings(top, body)
		if err != nil {
			return false, err
		}
		mayLose = settings.Mode == string(CacheWriteback)
	}
	switch {
	case pv.IsZero():
		return false, nil
	case mayLose && spec.WithoutCache && spec.LoseDirty:
		return true, nil
	case mayLose:
		return false, fault(ErrMissingPV, "the cache %s has extents on pv %s, which is missing, and may have what is nowhere else: bring the pv back, or give that up", cache.Name, pv)
	case !spec.WithoutCache:
		return false, fault(ErrMissingPV, "the cache %s has extents on pv %s, which is missing: it has nothing that is not beneath, and may be given up", cache.Name, pv)
	}
	return true, nil
}

// dropSlices has the devices go that texts of former versions give UUIDs of their
// own.
func (tx *Tx) dropSlices(top *metadata.LogicalVolume) {
	body, ok := bodyOf[*metadata.Cache](top)
	if !ok {
		return
	}
	for _, id := range []metadata.ID{body.DataID, body.MetadataID} {
		if !id.IsZero() {
			tx.want(id, wish{deactivate: true})
		}
	}
}

// takeOffTop makes a volume what is beneath it.
func (tx *Tx) takeOffTop(top, origin *metadata.LogicalVolume) error {
	if err := tx.renameParts(origin, top.Name); err != nil {
		return err
	}
	tx.drop(tx.indexOf(origin.ID))
	lv := *top
	lv.Segments = origin.Segments
	return tx.put(tx.indexOf(top.ID), &lv)
}

// releaseCache makes what was a cache a volume that users see, without devices.
func (tx *Tx) releaseCache(cache *metadata.LogicalVolume) error {
	suffix := cacheVolSuffix
	if _, ok := kindOf(cache).(cachePoolType); ok {
		suffix = cachePoolSuffix
	}
	lv := *cache
	lv.Status = cache.Status&^metadata.LVCacheVol | metadata.LVVisible
	lv.Name = strings.TrimSuffix(cache.Name, suffix)
	if taken, _ := tx.lookup(lv.Name); taken != nil && taken.ID != lv.ID || isHistorical(tx.vg, lv.Name) || checkNewLVName(tx.vg.Name, lv.Name) != nil {
		var err error
		if lv.Name, err = tx.nextName("lvol"); err != nil {
			return err
		}
	}
	if err := tx.renameParts(cache, lv.Name); err != nil {
		return err
	}
	for _, part := range tx.withOwned(cache)[1:] {
		tx.want(part.ID, wish{deactivate: true})
	}
	tx.want(lv.ID, wish{deactivate: true})
	return tx.put(tx.indexOf(lv.ID), &lv)
}

// takeClean refuses a cache that is to be taken away, or is not to be written back
// any more, if it has something that the volume beneath has not. It is looked at
// again when nothing is written to it any more.
func (tx *Tx) takeClean(top *metadata.LogicalVolume) error {
	m, err := tx.cacheDevice(top.ID)
	switch {
	case err != nil:
		return err
	case m == nil:
		return tx.restsClean(top)
	}
	if err := tx.sys.checkFlushed(m.uuid); err != nil {
		return err
	}
	if !slices.Contains(tx.flushed, top.ID) {
		tx.flushed = append(tx.flushed, top.ID)
	}
	return nil
}
