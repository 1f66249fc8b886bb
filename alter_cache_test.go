package lvm

import (
	"strings"
	"testing"

	"github.com/lvm-go/lvm/metadata"
)

// smallChunk is the least chunk that a cache has, since the devices are small.
const smallChunk = 32 * KiB

// andCaches makes vg0 with volumes, and fast and quick for caches of them, and the
// cache pool pool. Its metadata is smaller than lvm2 makes it.
func andCaches(t testing.TB, sys *System, areas MetadataAreas) {
	volumes(t, sys, areas)
	update(t, sys, "vg0", func(tx *Tx) error {
		return joinErrors(tx.addLV("fast", 40, 1), tx.addLV("quick", 41, 1), tx.addCachePool("pool", 20, 20))
	})
}

func (tx *Tx) addCachePool(name string, extents, meta Extents) error {
	if err := tx.own(); err != nil {
		return tx.fail("create cache pool", name, err)
	}
	pool, _, err := tx.newLV(LVSpec{Name: name})
	if err != nil {
		return err
	}
	body := &metadata.CachePool{CacheSettings: metadata.CacheSettings{ChunkSize: smallChunk.Sectors()}}
	parts := []struct {
		layer string
		id    *metadata.ID
		size  Extents
	}{{cacheMetaLayer, &body.Metadata, meta}, {cacheDataLayer, &body.Data, extents}}
	for _, part := range parts {
		lv, err := tx.newPart(name + "_" + part.layer)
		if err != nil {
			return err
		}
		*part.id = lv.ID
		if err := tx.grow(lv, ExtentCount(part.size), growth{shape: stripeShape{stripes: 1}}); err != nil {
			return err
		}
		if err := tx.put(-1, lv); err != nil {
			return err
		}
	}
	pool.Segments = []metadata.Segment{{Count: extents, Type: "cache-pool", Body: body}}
	return tx.put(-1, pool)
}

func (tx *Tx) cacheByVol(lv, vol string, mode CacheMode) error {
	return tx.AttachCache(lv, AttachCacheSpec{CacheVol: vol, ChunkSize: smallChunk, Mode: mode})
}

// andCached is andCaches, with data cached by fast, striped by pool, and the writes
// to other by quick.
func andCached(t testing.TB, sys *System, areas MetadataAreas) {
	andCaches(t, sys, areas)
	update(t, sys, "vg0", func(tx *Tx) error {
		return joinErrors(tx.cacheByVol("data", "fast", CacheWriteback), tx.AttachCache("striped", AttachCacheSpec{Pool: "pool"}),
			tx.AttachWriteCache("other", AttachWriteCacheSpec{CacheVol: "quick", BlockSize: 4 * KiB}))
	})
}

// andFlushing is andCached, with all caches being flushed.
func andFlushing(t testing.TB, sys *System, areas MetadataAreas) {
	andCached(t, sys, areas)
	update(t, sys, "vg0", func(tx *Tx) error {
		return joinErrors(tx.StartFlush("data"), tx.StartFlush("striped"), tx.StartFlush("other"))
	})
}

func snapshotsToCache(t testing.TB, sys *System, _ MetadataAreas) {
	update(t, sys, "vg0", func(tx *Tx) error {
		return joinErrors(tx.addSnapshot("striped", "one", 6), tx.addSnapshot("other", "two", 6))
	})
	markSnapshots(t, sys)
}

func (tx *Tx) cacheTheirs() error {
	return joinErrors(tx.AttachCache("striped", AttachCacheSpec{Pool: "pool"}),
		tx.AttachWriteCache("other", AttachWriteCacheSpec{CacheVol: "quick", BlockSize: 4 * KiB}))
}

func cacheTheirs(t testing.TB, sys *System, _ MetadataAreas) {
	update(t, sys, "vg0", func(tx *Tx) error { return tx.cacheTheirs() })
}

// isCache says whether a volume is, was or may become a cache, which has nothing
// of its own.
func isCache(lv *metadata.LogicalVolume) bool {
	for _, name := range []string{"fast", "quick", "pool"} {
		if strings.HasPrefix(lv.Name, name) {
			return true
		}
	}
	return false
}

func alterCache() []alteration {
	detachAll := func(spec DetachSpec) func(*Tx, MetadataAreas) error {
		return func(tx *Tx, _ MetadataAreas) error {
			return joinErrors(tx.DetachCache("data", spec), tx.DetachCache("striped", spec), tx.DetachCache("other", spec))
		}
	}
	return []alteration{
		{name: "create a cache pool", setup: volumes, do: func(tx *Tx, _ MetadataAreas) error {
			return tx.addCachePool("pool", 20, 20)
		}},
		{name: "attach a cachevol", setup: andCaches, do: func(tx *Tx, _ MetadataAreas) error {
			return tx.cacheByVol("data", "fast", CacheWriteback)
		}},
		{name: "attach a cache pool", setup: andCaches, do: func(tx *Tx, _ MetadataAreas) error {
			return tx.AttachCache("striped", AttachCacheSpec{Pool: "pool"})
		}},
		{name: "attach a writecache", setup: andCaches, do: func(tx *Tx, _ MetadataAreas) error {
			return tx.AttachWriteCache("other", AttachWriteCacheSpec{CacheVol: "quick", BlockSize: 4 * KiB})
		}},
		{name: "make a volume, its cache, and attach it", setup: volumes, do: func(tx *Tx, _ MetadataAreas) error {
			return joinErrors(tx.addLV("new", 9, 1), tx.addLV("fast", 40, 1), tx.cacheByVol("new", "fast", CacheWritethrough))
		}},
		{name: "flush caches", setup: andCached, do: func(tx *Tx, _ MetadataAreas) error {
			return joinErrors(tx.StartFlush("data"), tx.StartFlush("striped"), tx.StartFlush("other"))
		}},
		{name: "detach caches", setup: andFlushing, do: detachAll(DetachSpec{})},
		{name: "detach and remove caches", setup: andCached, do: detachAll(DetachSpec{RemovePool: true})},
		{name: "change caches", setup: andCached, do: func(tx *Tx, _ MetadataAreas) error {
			return joinErrors(tx.ChangeCache("data", CacheChange{Mode: CachePassthrough}),
				tx.ChangeCache("striped", CacheChange{Mode: CacheWriteback, Policy: "smq", Settings: []CacheSetting{{"migration_threshold", "4096"}}}),
				tx.ChangeWriteCache("other", CacheSetting{"high_watermark", "70"}))
		}},
		{name: "extend cached volumes", setup: andCached, do: func(tx *Tx, _ MetadataAreas) error {
			return joinErrors(tx.ExtendLV("data", ExtendSpec{By: ExtentCount(3)}), tx.ExtendLV("striped", ExtendSpec{By: ExtentCount(4)}),
				tx.ExtendLV("other", ExtendSpec{By: ExtentCount(5)}))
		}},
		{name: "rename cached volumes", setup: andCached, do: func(tx *Tx, _ MetadataAreas) error {
			return joinErrors(tx.RenameLV("data", "d2"), tx.RenameLV("striped", "data"), tx.RenameLV("other", "striped"))
		}},
		{name: "remove cached volumes", setup: andCached, do: func(tx *Tx, _ MetadataAreas) error {
			return joinErrors(tx.RemoveLV("data"), tx.RemoveLV("striped"), tx.RemoveLV("other"))
		}},
		{name: "snapshot cached volumes", setup: andCached, do: func(tx *Tx, _ MetadataAreas) error {
			return joinErrors(tx.addSnapshot("striped", "one", 6), tx.addSnapshot("other", "two", 6))
		}},
		{name: "cache what has snapshots", setup: then(andCaches, snapshotsToCache), do: func(tx *Tx, _ MetadataAreas) error { return tx.cacheTheirs() }},
		{name: "detach the cache of what has snapshots", setup: then(andCaches, snapshotsToCache, cacheTheirs), do: func(tx *Tx, _ MetadataAreas) error {
			return joinErrors(tx.DetachCache("striped", DetachSpec{}), tx.DetachCache("other", DetachSpec{RemovePool: true}))
		}},
		{name: "convert to a cache pool", setup: poolParts, inactive: true, do: func(tx *Tx, _ MetadataAreas) error {
			return tx.toCachePool("d", ConvertToCachePoolSpec{Mode: CacheWriteback, MetadataFormat: 2})
		}},
		{name: "convert to a cache pool with metadata that is there", setup: poolParts, inactive: true, do: func(tx *Tx, _ MetadataAreas) error {
			return tx.toCachePool("d", ConvertToCachePoolSpec{Metadata: "meta", NoSpare: true})
		}},
		{name: "remove a cache pool", setup: andCaches, do: func(tx *Tx, _ MetadataAreas) error { return tx.RemoveLV("pool") }},
	}
}

// usedCache caches data by fast, and striped by pool, and has a kernel use them.
func usedCache(t testing.TB, sys *System, _ MetadataAreas) {
	inKernel(t, sys, func(tx *Tx) error {
		return joinErrors(tx.cacheByVol("data", "fast", CacheWriteback), tx.AttachCache("striped", AttachCacheSpec{Pool: "pool"}))
	}, (*Tx).ActivateAll)
}

func (tx *Tx) repairCacheOf(lv string) error {
	_, err := tx.RepairCachePool(lv, RepairPoolSpec{})
	return err
}

func alterCacheKernel() []alteration {
	return []alteration{
		{name: "activate cached volumes", setup: andCached, inactive: true, do: func(tx *Tx, _ MetadataAreas) error { return tx.ActivateAll() }},
		{name: "deactivate cached volumes", setup: andCached, do: func(tx *Tx, _ MetadataAreas) error { return tx.DeactivateAll() }},
		{name: "attach and activate", setup: andCaches, inactive: true, do: func(tx *Tx, _ MetadataAreas) error {
			return joinErrors(tx.cacheByVol("data", "fast", CacheWriteback), tx.Activate("data"))
		}},
		{name: "repair a cache pool", setup: then(andCaches, usedCache), inactive: true, do: func(tx *Tx, _ MetadataAreas) error {
			return tx.repairCacheOf("striped")
		}},
		{name: "convert an active volume to a cache pool", setup: poolParts, do: func(tx *Tx, _ MetadataAreas) error {
			return tx.toCachePool("d", ConvertToCachePoolSpec{})
		}},
		{name: "convert an active volume to a cache pool that another gets", setup: poolParts, do: func(tx *Tx, _ MetadataAreas) error {
			return joinErrors(tx.toCachePool("d", ConvertToCachePoolSpec{}), tx.AttachCache("data", AttachCacheSpec{Pool: "d"}))
		}},
		{name: "detach caches that are not active", setup: andFlushing, inactive: true, do: func(tx *Tx, _ MetadataAreas) error {
			return joinErrors(tx.DetachCache("data", DetachSpec{}), tx.DetachCache("other", DetachSpec{RemovePool: true}))
		}},
	}
}
