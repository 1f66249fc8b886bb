package dm_test

import (
	"testing"
	"time"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/units"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func cacheStatus(t *testing.T, c *dm.Control, dev dm.Dev) dm.CacheStatus {
	t.Helper()
	s, err := dm.ParseCacheStatus(statusText(t, c, dev))
	require.NoError(t, err)
	return s
}

func TestKernelCache(t *testing.T) {
	c := kernel(t)
	target := dm.Cache{
		Metadata: loop(t, 2*units.MiB).String(), Cache: loop(t, 4*units.MiB).String(), Origin: loop(t, 16*units.MiB).String(),
		BlockSize: 128, Metadata2: true, Mode: dm.CacheWriteback, Policy: "smq",
	}
	for _, x := range []struct {
		change func(*dm.Cache)
		policy string
	}{
		{func(*dm.Cache) {}, "smq"},
		{func(t *dm.Cache) {
			t.Mode, t.NoDiscardPassdown, t.Policy = dm.CacheWritethrough, true, "default"
			t.Settings = []dm.Setting{{Key: "migration_threshold", Value: "4096"}}
		}, "smq"},
		{func(t *dm.Cache) {
			t.Policy, t.Settings = "mq", []dm.Setting{{Key: "sequential_threshold", Value: "12"}, {Key: "migration_threshold", Value: "2048"}}
		}, "mq"},
		{func(t *dm.Cache) { t.Mode, t.Policy = dm.CachePassthrough, "smq" }, "smq"},
		{func(t *dm.Cache) { t.Mode, t.Policy = dm.CacheWritethrough, "cleaner" }, "cleaner"},
	} {
		changed := target
		x.change(&changed)
		table := one(sectors(16*units.MiB), changed)
		dev := active(t, c, "c", table).Dev
		assertEqual(t, c, dev, table)
		if changed.Mode != dm.CachePassthrough && !changed.NoDiscardPassdown {
			assertTable(t, c, dev, table)
		}
		require.NoError(t, put(dev, "data", 1<<20))
		assertHas(t, dev, "data", 1<<20)
		s := cacheStatus(t, c, dev)
		assert.Equal(t, dm.CacheReadWrite, s.State)
		assert.Equal(t, units.Sectors(8), s.MetadataBlockSize)
		assert.Equal(t, uint64(512), s.Metadata)
		assert.Equal(t, units.Sectors(128), s.BlockSize)
		assert.Equal(t, uint64(64), s.Blocks)
		assert.Equal(t, changed.Mode, s.Mode)
		assert.Equal(t, changed.Metadata2, s.Metadata2)
		assert.Equal(t, changed.NoDiscardPassdown, s.NoDiscardPassdown)
		assert.Equal(t, x.policy, s.Policy)
		assert.Equal(t, "migration_threshold", s.Settings[0].Key)
		assert.Positive(t, s.ReadHits+s.ReadMisses)
		assert.Positive(t, s.WriteHits+s.WriteMisses)
		assert.False(t, s.NeedsCheck)

		setting := dm.Setting{Key: "migration_threshold", Value: "8192"}
		tell(t, c, dev, dm.CacheSet(setting))
		assert.Equal(t, setting, cacheStatus(t, c, dev).Settings[0])
		assertEqual(t, c, dev, table)
		assertTold(t, c, dev, map[string]failure{
			dm.CacheSet(dm.Setting{Key: "nothing", Value: "1"}): {dm.ErrInvalid, unix.EINVAL},
			"nothing": {dm.ErrInvalid, unix.EINVAL},
		})
		if changed.Mode == dm.CachePassthrough {
			tell(t, c, dev, dm.CacheInvalidate(0, 64))
			assert.Zero(t, cacheStatus(t, c, dev).Used)
		} else {
			assertTold(t, c, dev, map[string]failure{dm.CacheInvalidate(0, 1): {dm.ErrPermission, unix.EPERM}})
		}
		// The next table may have a mode for which nothing may be dirty.
		if changed.Mode == dm.CacheWriteback {
			changed.Policy, changed.Settings = "cleaner", nil
			reload(t, c, dev, one(sectors(16*units.MiB), changed))
			require.Eventually(t, func() bool { return cacheStatus(t, c, dev).Clean() }, 10*time.Second, 10*time.Millisecond)
		}
		remove(t, c, "c")
	}
}

func writeCacheStatus(t *testing.T, c *dm.Control, dev dm.Dev) dm.WriteCacheStatus {
	t.Helper()
	s, err := dm.ParseWriteCacheStatus(statusText(t, c, dev))
	require.NoError(t, err)
	return s
}

func TestKernelWriteCache(t *testing.T) {
	c := kernel(t)
	origin := loop(t, 8*units.MiB)
	target := dm.WriteCache{Origin: origin.String(), Cache: loop(t, 4*units.MiB).String(), BlockSize: 4096}
	table := one(sectors(8*units.MiB), target)
	dev := active(t, c, "w", table).Dev
	assertTable(t, c, dev, table)
	s := writeCacheStatus(t, c, dev)
	assert.True(t, s.Clean())
	assert.Positive(t, s.Blocks)
	require.NoError(t, put(dev, "data", 1<<20))
	assertHas(t, dev, "data", 1<<20)
	s = writeCacheStatus(t, c, dev)
	assert.False(t, s.Clean())
	assert.Equal(t, s.Blocks-1, s.Free)
	assert.Positive(t, s.Reads)
	assert.Positive(t, s.Writes)
	assert.Positive(t, s.WritesAllocated)
	assert.Positive(t, s.Flushes)
	assert.Positive(t, s.Percent())
	tell(t, c, dev, dm.WriteCacheClearStatistics)
	assert.Zero(t, writeCacheStatus(t, c, dev).WriteCacheStatistics)
	tell(t, c, dev, dm.WriteCacheFlush)
	require.NoError(t, put(dev, "more", 2<<20))
	tell(t, c, dev, dm.WriteCacheCleaner)
	require.Eventually(t, func() bool { return writeCacheStatus(t, c, dev).Clean() }, 10*time.Second, 10*time.Millisecond)
	tell(t, c, dev, dm.WriteCacheFlushOnSuspend)
	assertTold(t, c, dev, map[string]failure{"sing": {dm.ErrInvalid, unix.EINVAL}})
	remove(t, c, "w")
	view := active(t, c, "o", one(sectors(8*units.MiB), dm.Linear{Device: origin.String()})).Dev
	assertHas(t, view, "data", 1<<20)
	assertHas(t, view, "more", 2<<20)
	remove(t, c, "o")

	target.Cache, target.BlockSize = loop(t, 4*units.MiB).String(), 512
	target.Settings = []dm.Setting{
		{Key: "autocommit_time", Value: "500"}, {Key: "cleaner"}, {Key: "high_watermark", Value: "60"}, {Key: "low_watermark", Value: "30"},
		{Key: "writeback_jobs", Value: "64"}, {Key: "autocommit_blocks", Value: "512"}, {Key: "max_age", Value: "1000"}, {Key: "start_sector", Value: "8"},
	}
	table = one(sectors(8*units.MiB), target)
	dev = active(t, c, "w", table).Dev
	assertEqual(t, c, dev, table)
	target.Settings = target.Settings[1:]
	_, got, err := c.Table(dm.ByDev(dev), dm.QueryOptions{})
	require.NoError(t, err)
	assert.False(t, got.Equal(one(sectors(8*units.MiB), target)))
}

func TestKernelIntegrity(t *testing.T) {
	c := kernel(t)
	data := loop(t, 4*units.MiB)
	meta := active(t, c, "meta", one(sectors(2*units.MiB), dm.Linear{Device: loop(t, 2*units.MiB).String()})).Dev
	target := dm.Integrity{
		Device: data.String(), TagSize: 4, Mode: dm.IntegrityJournal, FixPadding: true, BlockSize: 512, InternalHash: "crc32c",
		MetaDevice: meta.String(), Recalculate: true,
	}
	integrity := func(dev dm.Dev) dm.IntegrityStatus {
		s, err := dm.ParseIntegrityStatus(statusText(t, c, dev))
		require.NoError(t, err)
		return s
	}
	table := one(sectors(4*units.MiB), target)
	dev := active(t, c, "i", table).Dev
	assertEqual(t, c, dev, table)
	require.Eventually(t, func() bool { return integrity(dev).Percent() == 10000 }, 10*time.Second, 10*time.Millisecond)
	assert.Equal(t, dm.IntegrityStatus{Provided: 8192, Recalculated: 8192, Recalculating: true}, integrity(dev))
	require.NoError(t, put(dev, "data", 1<<20))
	assertHas(t, dev, "data", 1<<20)

	// Without the word it is the same to the kernel.
	target.Recalculate = false
	table = one(sectors(4*units.MiB), target)
	assertEqual(t, c, dev, table)
	reload(t, c, dev, table)
	assertEqual(t, c, dev, table)
	remove(t, c, "i")

	// Somebody changes the data behind its back.
	view := active(t, c, "d", one(sectors(4*units.MiB), dm.Linear{Device: data.String()})).Dev
	require.NoError(t, put(view, "junk", 1<<20))
	remove(t, c, "d")
	dev = active(t, c, "i", table).Dev
	_, err := get(dev, "data", 1<<20)
	assert.ErrorIs(t, err, unix.EIO)
	assert.Positive(t, integrity(dev).Mismatches)
	remove(t, c, "i")

	for _, x := range []struct {
		mode     dm.IntegrityMode
		block    units.Bytes
		settings []dm.Setting
	}{
		{dm.IntegrityBitmap, 4096, []dm.Setting{{Key: "sectors_per_bit", Value: "1024"}, {Key: "bitmap_flush_interval", Value: "3000"}}},
		{dm.IntegrityBitmap, 0, nil},
		{dm.IntegrityJournal, 1024, []dm.Setting{
			{Key: "commit_time", Value: "500"}, {Key: "journal_sectors", Value: "1000"}, {Key: "journal_watermark", Value: "33"},
			{Key: "buffer_sectors", Value: "64"}, {Key: "allow_discards"}, {Key: "interleave_sectors", Value: "128"},
		}},
		{dm.IntegrityDirect, 0, []dm.Setting{{Key: "commit_time", Value: "500"}}},
		{dm.IntegrityRecovery, 0, nil},
	} {
		require.NoError(t, put(meta, string(make([]byte, 4096)), 0))
		target.Mode, target.BlockSize, target.Settings = x.mode, x.block, x.settings
		if x.mode == dm.IntegrityRecovery { // of a device that is there
			target.Mode = dm.IntegrityJournal
			active(t, c, "i", one(sectors(4*units.MiB), target))
			remove(t, c, "i")
			target.Mode = x.mode
		}
		table = one(sectors(4*units.MiB), target)
		dev = active(t, c, "i", table).Dev
		assertEqual(t, c, dev, table)
		assert.Equal(t, dm.IntegrityStatus{Provided: 8192}, integrity(dev), "not told to compute anything")
		remove(t, c, "i")
	}
}
