package lvm

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/recorder"
	"github.com/lvm-go/lvm/metadata"
)

// The sizes are those that lvm2 2.03.16 chose.
func TestCacheSizes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		data, asked, chunk Bytes
		metadata           Bytes
		err                error
	}{
		{data: 64 * MiB, chunk: 64 * KiB, metadata: 4*MiB + 44*1024},
		{data: 62 * GiB, chunk: 128 * KiB, metadata: 4*MiB + 44*507904},
		{data: 62 * GiB, asked: 32 * KiB, err: ErrInvalidSpec},
		{data: 100 * MiB, asked: 96 * KiB, chunk: 96 * KiB, metadata: 4*MiB + 44*1066},
		{data: 12 * MiB, asked: 8 * MiB, chunk: 8 * MiB, metadata: 4*MiB + 44},
		{data: 12 * MiB, asked: 16 * MiB, err: ErrInvalidSize},
		{data: GiB, asked: 31 * KiB, err: ErrInvalidSpec},
		{data: GiB, asked: 16 * KiB, err: ErrInvalidSpec},
		{data: 8 * GiB, asked: 2 * GiB, err: ErrInvalidSpec},
	} {
		chunk, err := cacheChunk(c.asked, c.data)
		if c.err != nil {
			assert.ErrorIs(t, err, c.err, "%s by %s", c.data, c.asked)
			continue
		}
		require.NoError(t, err, "%s by %s", c.data, c.asked)
		assert.Equal(t, c.chunk, sectorBytes(chunk), c.data)
		assert.Equal(t, c.metadata, cacheMetadata(chunk, c.data), c.data)
	}
}

// How lvm2 2.03.16 divides a volume of that many extents of 1 MiB.
func TestCacheVolIsDivided(t *testing.T) {
	t.Parallel()
	disks := recorder.New(40*MiB, "a", "b")
	sys := openDisks(t, disks, 1)
	update(t, sys, "vg0", func(tx *Tx) error {
		return joinErrors(tx.CreateVG(VGSpec{PVs: []string{"a", "b"}, ExtentSize: MiB}), tx.addLV("data", 4, 1))
	})
	for extents, meta := range map[Extents]Sectors{2: 2048, 3: 4096, 4: 4096, 7: 8192, 9: 10240, 10: 10240, 11: 10240, 12: 10240} {
		update(t, sys, "vg0", func(tx *Tx) error {
			return joinErrors(tx.addLV("fast", extents, 1), tx.AttachCache("data", AttachCacheSpec{CacheVol: "fast"}))
		})
		body, ok := bodyOf[*metadata.Cache](lvOf(t, sys, "data").rec)
		require.True(t, ok)
		assert.Equal(t, meta, body.MetadataLen, "%d extents", extents)
		assert.Equal(t, meta, body.DataStart, "%d extents", extents)
		assert.Equal(t, Sectors(2048*extents)-meta, body.DataLen, "%d extents", extents)
		update(t, sys, "vg0", func(tx *Tx) error { return tx.DetachCache("data", DetachSpec{RemovePool: true}) })
	}
}

// The kernel gets settings as lvm2 gives them to it.
func TestCacheTargetSettings(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		chunk    Bytes
		settings []metadata.Setting
		want     string
	}{
		{chunk: 64 * KiB, want: ""},
		{chunk: 512 * KiB, want: "8192"},
		{chunk: 128 * KiB, settings: []metadata.Setting{{Key: "migration_threshold", Value: "100"}}, want: ""},
		{chunk: 128 * KiB, settings: []metadata.Setting{{Key: "foo", Value: "1"}, {Key: "migration_threshold", Value: "4096"}}, want: "4096"},
	} {
		got := targetSettings(metadata.CacheSettings{ChunkSize: c.chunk.Sectors(), Policy: policySMQ, Settings: c.settings})
		if c.want == "" {
			assert.Empty(t, got)
			continue
		}
		require.Len(t, got, 1)
		assert.Equal(t, c.want, got[0].Value)
		assert.Equal(t, settingThreshold, got[0].Key)
	}
}

func TestCacheRefusals(t *testing.T) {
	t.Parallel()
	attach := func(spec AttachCacheSpec) func(*Tx) error {
		return func(tx *Tx) error { return tx.AttachCache("data", spec) }
	}
	for name, c := range map[string]struct {
		setup func(testing.TB, *System, MetadataAreas)
		want  error
		do    func(*Tx) error
	}{
		"no cache":               {andCaches, ErrInvalidSpec, attach(AttachCacheSpec{})},
		"two caches":             {andCaches, ErrInvalidSpec, attach(AttachCacheSpec{Pool: "pool", CacheVol: "fast"})},
		"no such pool":           {andCaches, ErrLVNotFound, attach(AttachCacheSpec{Pool: "none"})},
		"no pool":                {andCaches, ErrInvalidSpec, attach(AttachCacheSpec{Pool: "fast"})},
		"a pool as volume":       {andCaches, ErrUnsupported, attach(AttachCacheSpec{CacheVol: "pool"})},
		"itself":                 {andCaches, ErrInvalidSpec, attach(AttachCacheSpec{CacheVol: "data"})},
		"unknown mode":           {andCaches, ErrInvalidSpec, attach(AttachCacheSpec{Pool: "pool", Mode: "write"})},
		"unknown policy":         {andCaches, ErrInvalidSpec, attach(AttachCacheSpec{Pool: "pool", Policy: "lru"})},
		"cleaner as policy":      {andCaches, ErrInvalidSpec, attach(AttachCacheSpec{Pool: "pool", Policy: "cleaner"})},
		"unknown setting":        {andCaches, ErrInvalidSpec, attach(AttachCacheSpec{Pool: "pool", Settings: []CacheSetting{{"x", "1"}}})},
		"setting that is none":   {andCaches, ErrInvalidSpec, attach(AttachCacheSpec{Pool: "pool", Settings: []CacheSetting{{"migration_threshold", "x"}}})},
		"format":                 {andCaches, ErrInvalidSpec, attach(AttachCacheSpec{Pool: "pool", MetadataFormat: 3})},
		"format 1 of a volume":   {andCaches, ErrInvalidSpec, attach(AttachCacheSpec{CacheVol: "fast", ChunkSize: smallChunk, MetadataFormat: 1})},
		"chunk too large":        {andCaches, ErrInvalidSize, attach(AttachCacheSpec{CacheVol: "fast", ChunkSize: MiB})},
		"metadata too small":     {andCaches, ErrInvalidSpec, attach(AttachCacheSpec{Pool: "pool", ChunkSize: smallChunk})},
		"a pool is cached":       {andCaches, ErrUnsupported, func(tx *Tx) error { return tx.AttachCache("pool", AttachCacheSpec{CacheVol: "fast"}) }},
		"cached already":         {andCached, ErrUnsupported, attach(AttachCacheSpec{CacheVol: "new"})},
		"a part":                 {andCached, ErrUnsupported, func(tx *Tx) error { return tx.RemoveLV("fast_cvol") }},
		"reduce":                 {andCached, ErrUnsupported, func(tx *Tx) error { return tx.ReduceLV("data", ReduceSpec{By: ExtentCount(1)}) }},
		"reduce with writecache": {andCached, ErrUnsupported, func(tx *Tx) error { return tx.ReduceLV("other", ReduceSpec{By: ExtentCount(1)}) }},
		"file system":            {andCached, ErrUnsupported, func(tx *Tx) error { return tx.ExtendLV("data", ExtendSpec{By: ExtentCount(1), ResizeFS: true}) }},
		"no room":                {andCached, ErrNoSpace, func(tx *Tx) error { return tx.ExtendLV("data", ExtendSpec{By: ExtentCount(5000)}) }},
		"snapshot":               {andCached, ErrUnsupported, func(tx *Tx) error { return tx.addSnapshot("data", "snap", 4) }},
		"cachevol of what has snapshots": {then(andCaches, snapshotsToCache), ErrUnsupported, func(tx *Tx) error {
			return tx.cacheByVol("striped", "fast", CacheWritethrough)
		}},
		"detach what is not":     {andCaches, ErrInvalidSpec, func(tx *Tx) error { return tx.DetachCache("data", DetachSpec{}) }},
		"flush what is not":      {andCaches, ErrInvalidSpec, func(tx *Tx) error { return tx.StartFlush("pool") }},
		"change what is not":     {andCaches, ErrInvalidSpec, func(tx *Tx) error { return tx.ChangeWriteCache("data") }},
		"change of a writecache": {andCached, ErrInvalidSpec, func(tx *Tx) error { return tx.ChangeWriteCache("other", CacheSetting{"fua", "1"}) }},
		"watermark":              {andCached, ErrInvalidSpec, func(tx *Tx) error { return tx.ChangeWriteCache("other", CacheSetting{"high_watermark", "101"}) }},
		"mode of a writecache":   {andCached, ErrInvalidSpec, func(tx *Tx) error { return tx.ChangeCache("other", CacheChange{Mode: CacheWriteback}) }},
		"blocks of a writecache": {andCaches, ErrInvalidSpec, func(tx *Tx) error {
			return tx.AttachWriteCache("data", AttachWriteCacheSpec{CacheVol: "fast", BlockSize: KiB})
		}},
		"pool without size": {andCaches, ErrInvalidSize, func(tx *Tx) error { _, err := tx.CreateCachePool(CachePoolSpec{}); return err }},
		"pool of that name": {andCaches, ErrExists, func(tx *Tx) error {
			_, err := tx.CreateCachePool(CachePoolSpec{Name: "pool", Size: ExtentCount(40)})
			return err
		}},
		"pool without room": {andCaches, ErrNoSpace, func(tx *Tx) error {
			_, err := tx.CreateCachePool(CachePoolSpec{Name: "p2", Size: ExtentCount(40)})
			return err
		}},
		"pool of a wrong format": {andCaches, ErrInvalidSpec, func(tx *Tx) error {
			_, err := tx.CreateCachePool(CachePoolSpec{Size: ExtentCount(40), MetadataFormat: -1})
			return err
		}},
		"resize a pool":           {andCaches, ErrUnsupported, func(tx *Tx) error { return tx.ExtendLV("pool", ExtendSpec{By: ExtentCount(1)}) }},
		"striped cache of itself": {andCached, ErrInvalidSpec, func(tx *Tx) error { return tx.AttachWriteCache("new", AttachWriteCacheSpec{CacheVol: "new"}) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			disks := recorder.New(diskSize, "a", "b", "c")
			sys := openDisks(t, disks, 1)
			c.setup(t, sys, OneArea)
			update(t, sys, "vg0", func(tx *Tx) error { return tx.addLV("new", 20, 1) })
			refusedHere(t, sys, disks, c.want, c.do)
			m := newMachine(disks)
			active := m.open(t, 2)
			update(t, active, "vg0", func(tx *Tx) error { return tx.ActivateAll() })
			disks.Record()
			require.ErrorIs(t, active.Update(context.Background(), "vg0", c.do), c.want)
			require.Empty(t, written(disks))
			require.Empty(t, m.unlike(t))
		})
	}
}

// A volume that is open does not become a cache, and a pool has no device.
func TestCacheVolInUse(t *testing.T) {
	t.Parallel()
	disks := recorder.New(diskSize, "a", "b", "c")
	andCaches(t, openDisks(t, disks, 1), OneArea)
	m := newMachine(disks)
	sys := m.open(t, 2)
	update(t, sys, "vg0", func(tx *Tx) error { return tx.ActivateAll() })
	require.True(t, m.kernel.OpenDevice("vg0-fast"))
	refusedHere(t, sys, disks, ErrBusy, func(tx *Tx) error { return tx.cacheByVol("data", "fast", "") })
	refusedHere(t, sys, disks, ErrUnsupported, func(tx *Tx) error { return tx.Activate("pool") })
	require.Empty(t, m.unlike(t))
	m.kernel.CloseDevice("vg0-fast")
	update(t, sys, "vg0", func(tx *Tx) error { return tx.cacheByVol("data", "fast", "") })
	require.Empty(t, m.unlike(t))
}

// What was a cache gets its name back, unless that has gone to another volume, and
// a pool keeps its name when the volume that it caches gets another.
func TestCacheNames(t *testing.T) {
	t.Parallel()
	disks := recorder.New(diskSize, "a", "b", "c")
	sys := openDisks(t, disks, 1)
	andCaches(t, sys, OneArea)
	names := func() []string {
		var out []string
		for lv := range view(t, sys, "vg0").LVs() {
			out = append(out, lv.Name())
		}
		return out
	}
	update(t, sys, "vg0", func(tx *Tx) error {
		return joinErrors(tx.RenameLV("pool", "data_pool"), tx.AttachCache("data", AttachCacheSpec{Pool: "data_pool"}),
			tx.RenameLV("data", "renamed"))
	})
	assert.Subset(t, names(), []string{"renamed", "renamed_corig", "data_pool_cpool", "data_pool_cpool_cdata", "data_pool_cpool_cmeta"})
	update(t, sys, "vg0", func(tx *Tx) error { return tx.DetachCache("renamed", DetachSpec{}) })
	assert.Subset(t, names(), []string{"renamed", "data_pool", "data_pool_cdata", "data_pool_cmeta"})
	assert.NotContains(t, names(), "renamed_corig")
	update(t, sys, "vg0", func(tx *Tx) error {
		return joinErrors(tx.AttachCache("renamed", AttachCacheSpec{Pool: "data_pool"}), tx.addLV("data_pool", 3, 1), tx.DetachCache("renamed", DetachSpec{}))
	})
	assert.Subset(t, names(), []string{"data_pool", "lvol0", "lvol0_cdata", "lvol0_cmeta"})
}
