package lvm

import "testing"

// poolOnRAID makes vg0 with volumes and a pool whose data are a raid1, with the volume
// t and its snapshot s.
func poolOnRAID(t testing.TB, sys *System, areas MetadataAreas) {
	andSpare(t, sys, areas)
	inKernel(t, sys,
		func(tx *Tx) error {
			_, err := tx.CreateRAID(RAIDSpec{Name: "pool", Size: ExtentCount(96), RegionSize: 4 * KiB, Inactive: true})
			return err
		},
		func(tx *Tx) error { return tx.toPool("pool", ConvertToThinPoolSpec{}) },
		func(tx *Tx) error { return tx.addThinLV("pool", "t", 40) },
		func(tx *Tx) error { return tx.addThinSnapshot("t", "s") })
}

// raidWithSnapshot makes vg0 with volumes, the raid1 r and its snapshot rs.
func raidWithSnapshot(t testing.TB, sys *System, areas MetadataAreas) {
	raids(t, sys, areas)
	snapshotOfRAID(t, sys, areas)
}

func snapshotOfRAID(t testing.TB, sys *System, _ MetadataAreas) {
	inKernel(t, sys, func(tx *Tx) error { return tx.addSnapshot("r", "rs", 6) })
}

// raidToCache makes vg0 with volumes, the raid1 r and fast, for a cache of it.
func raidToCache(t testing.TB, sys *System, areas MetadataAreas) {
	raids(t, sys, areas)
	inKernel(t, sys, func(tx *Tx) error { return tx.addLV("fast", 40, 1) })
}

// cachedRAID is raidToCache, with r cached by fast.
func cachedRAID(t testing.TB, sys *System, areas MetadataAreas) {
	raidToCache(t, sys, areas)
	inKernel(t, sys, func(tx *Tx) error { return tx.cacheByVol("r", "fast", CacheWritethrough) })
}

// alterStacks need a kernel: it alone knows of thin volumes, and which legs are in
// sync.
func alterStacks() []alteration {
	return []alteration{
		{name: "snapshots in a pool on a raid", setup: poolOnRAID, do: func(tx *Tx, _ MetadataAreas) error {
			return joinErrors(tx.addThinSnapshot("t", "s1"), tx.RemoveLV("s"))
		}},
		{name: "extend a pool on a raid", setup: poolOnRAID, do: func(tx *Tx, _ MetadataAreas) error {
			return tx.ExtendLV("pool", ExtendSpec{By: ExtentCount(8)})
		}},
		{name: "replace a leg beneath a pool", setup: poolOnRAID, do: func(tx *Tx, _ MetadataAreas) error {
			return tx.ReplaceLegs("pool_tdata", ReplaceSpec{PVs: []string{"b"}})
		}},
		{name: "remove a pool on a raid", setup: poolOnRAID, do: func(tx *Tx, _ MetadataAreas) error {
			return tx.RemoveLVWith("pool", RemoveSpec{Dependents: true})
		}},
		{name: "create a snapshot of a raid", setup: raids, do: func(tx *Tx, _ MetadataAreas) error { return tx.addSnapshot("r", "rs", 6) }},
		{name: "remove a snapshot of a raid", setup: raidWithSnapshot, do: func(tx *Tx, _ MetadataAreas) error { return tx.RemoveLV("rs") }},
		{name: "cache a raid", setup: raidToCache, do: func(tx *Tx, _ MetadataAreas) error {
			return tx.cacheByVol("r", "fast", CacheWriteback)
		}},
		{name: "cache the writes to a raid with a snapshot", setup: then(raidToCache, snapshotOfRAID), do: func(tx *Tx, _ MetadataAreas) error {
			return tx.AttachWriteCache("r", AttachWriteCacheSpec{CacheVol: "fast"})
		}},
		{name: "detach the cache of a raid", setup: cachedRAID, do: func(tx *Tx, _ MetadataAreas) error {
			return tx.DetachCache("r", DetachSpec{})
		}},
		{name: "detach and remove the cache of a raid", setup: cachedRAID, do: func(tx *Tx, _ MetadataAreas) error {
			return tx.DetachCache("r", DetachSpec{RemovePool: true})
		}},
	}
}
