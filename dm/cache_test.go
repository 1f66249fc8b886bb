package dm_test

import (
	"testing"

	"github.com/lvm-go/lvm/dm"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCache(t *testing.T) {
	t.Parallel()
	assertTargets(t, "cache", map[string]dm.Cache{
		"254:2 254:1 254:3 128 1 writeback default 0": {Metadata: "254:2", Cache: "254:1", Origin: "254:3", BlockSize: 128, Policy: "default"},
		"m c o 64 2 metadata2 writethrough smq 2 migration_threshold 4096": {
			Metadata: "m", Cache: "c", Origin: "o", BlockSize: 64, Metadata2: true, Mode: dm.CacheWritethrough, Policy: "smq",
			Settings: []dm.Setting{{Key: "migration_threshold", Value: "4096"}},
		},
		"m c o 4294967295 2 passthrough no_discard_passdown mq 4 a 1 b 2": {
			Metadata: "m", Cache: "c", Origin: "o", BlockSize: 1<<32 - 1, Mode: dm.CachePassthrough, NoDiscardPassdown: true, Policy: "mq",
			Settings: []dm.Setting{{Key: "a", Value: "1"}, {Key: "b", Value: "2"}},
		},
	})
	got, err := dm.ParseTarget("cache", "m c o 64 0 cleaner 0 ")
	require.NoError(t, err)
	assert.Equal(t, dm.Cache{Metadata: "m", Cache: "c", Origin: "o", BlockSize: 64, Mode: dm.CacheWriteback, Policy: "cleaner"}, got)
	assertUnknown(t, "cache", "m c o 64 1 metadata3 smq 0", "m c o  64 2 writeback faster smq 0 ")
	assertRefused(t, "cache",
		"", "m c o 64", "m c o 64 0", "m c o 64 0 smq", "m c o x 0 smq 0", "m c o 4294967296 0 smq 0", "m c o 64 x smq 0", "m c o 64 1 smq 0",
		"m c o 64 18446744073709551615 smq 0", "m c o 64 0 smq 1 a", "m c o 64 0 smq 2 a", "m c o 64 0 smq 0 a 1", "m c o 64 0 smq x",
		"m c o 64 2 writeback writethrough smq 0", "m c o 64 2 writeback writeback smq 0")
	assertInvalid(t,
		dm.Cache{Metadata: "m", Cache: "c", Origin: "o"}, dm.Cache{Cache: "c", Origin: "o", Policy: "smq"},
		dm.Cache{Metadata: "m", Cache: "c", Origin: "o", Policy: "s q"},
		dm.Cache{Metadata: "m", Cache: "c", Origin: "o", Policy: "smq", Settings: []dm.Setting{{Key: "a"}}},
		dm.Cache{Metadata: "m", Cache: "c", Origin: "o", Policy: "smq", Settings: []dm.Setting{{Key: "a", Value: "1 b"}}})
	assert.Equal(t, []string{"x", "y", "o"}, dm.Cache{Metadata: "m", Cache: "c", Origin: "o"}.WithDevices([]string{"x", "y"}).Devices())
	assert.Equal(t, "CacheMode(3)", dm.CacheMode(3).String())
}

func TestParseCacheStatus(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]dm.CacheStatus{
		"Fail":  {State: dm.CacheFailed},
		"Error": {State: dm.CacheUnknown},
		"8 10/2048 64 16/512 1 2 3 4 5 6 16 2 metadata2 writeback 2 migration_threshold 4096 smq 0 rw - ": {
			State: dm.CacheReadWrite, MetadataBlockSize: 8, UsedMetadata: 10, Metadata: 2048, BlockSize: 64, Used: 16, Blocks: 512,
			ReadHits: 1, ReadMisses: 2, WriteHits: 3, WriteMisses: 4, Demotions: 5, Promotions: 6, Dirty: 16,
			Metadata2: true, Policy: "smq", Settings: []dm.Setting{{Key: "migration_threshold", Value: "4096"}},
		},
		"8 9/2048 256 0/192 0 0 0 0 0 0 0 3 writethrough no_discard_passdown later 2 migration_threshold 2048 mq 4 a 0 b 1 ro needs_check later": {
			State: dm.CacheReadOnly, MetadataBlockSize: 8, UsedMetadata: 9, Metadata: 2048, BlockSize: 256, Blocks: 192,
			Mode: dm.CacheWritethrough, NoDiscardPassdown: true, Policy: "mq",
			Settings:   []dm.Setting{{Key: "migration_threshold", Value: "2048"}, {Key: "a", Value: "0"}, {Key: "b", Value: "1"}},
			NeedsCheck: true,
		},
		"8 9/2048 256 0/192 0 0 0 0 0 0 0 0 0 cleaner 0": {
			State: dm.CacheReadWrite, MetadataBlockSize: 8, UsedMetadata: 9, Metadata: 2048, BlockSize: 256, Blocks: 192, Policy: "cleaner",
		},
	} {
		s, err := dm.ParseCacheStatus(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, s, text)
	}
	for _, text := range []string{
		"", "rw", "Fail 1", "8 9/2048 256 0/192 0 0 0 0 0 0 0 0 0 cleaner", "x 9/2048 256 0/192 0 0 0 0 0 0 0 0 0 cleaner 0",
		"8 9 256 0/192 0 0 0 0 0 0 0 0 0 cleaner 0", "8 9/2048 x 0/192 0 0 0 0 0 0 0 0 0 cleaner 0", "8 9/2048 256 0 0 0 0 0 0 0 0 0 0 cleaner 0",
		"8 9/2048 256 0/192 0 0 0 0 0 0 x 0 0 cleaner 0", "8 9/2048 256 0/192 0 0 0 0 0 0 0 9 0 cleaner 0", "8 9/2048 256 0/192 0 0 0 0 0 0 0 0 9 cleaner 0",
		"8 9/2048 256 0/192 0 0 0 0 0 0 0 0 1 a cleaner 0", "8 9/2048 256 0/192 0 0 0 0 0 0 0 0 2 a b", "8 9/2048 256 0/192 0 0 0 0 0 0 0 3 a b c",
		"8 9/2048 256 0/192 0 0 0 0 0 0 0 0 0 cleaner 1", "8 9/2048 256 0/192 0 0 0 0 0 0 0 0 0 cleaner 1 a", "8 9/2048 256 0/192 0 0 0 0 0 0 0 0 0 cleaner 0 x",
		"8 9/2048 256 0/192 0 0 0 0 0 0 0 0 0 cleaner 0 rw x", "8 9/2048 256 0/192 0 0 0 0 0 0 0 18446744073709551615 0 cleaner 0",
	} {
		s, err := dm.ParseCacheStatus(text)
		assert.ErrorIs(t, err, dm.ErrInvalid, text)
		assert.Zero(t, s, text)
	}
	assert.Equal(t, "rw", dm.CacheReadWrite.String())
	assert.Equal(t, "ro", dm.CacheReadOnly.String())
	assert.Equal(t, "Fail", dm.CacheFailed.String())
	assert.Equal(t, "Error", dm.CacheUnknown.String())
	assert.Equal(t, "CacheState(4)", dm.CacheState(4).String())
}

func TestCacheShares(t *testing.T) {
	t.Parallel()
	type share struct {
		p  dm.Percent
		ok bool
	}
	of := func(p dm.Percent, ok bool) share { return share{p, ok} }
	for _, x := range []struct {
		s                     dm.CacheStatus
		data, metadata, dirty share
		clean                 bool
	}{
		{dm.CacheStatus{State: dm.CacheReadWrite, UsedMetadata: 10, Metadata: 2048, Used: 16, Blocks: 512, Dirty: 16}, share{312, true}, share{49, true}, share{10000, true}, false},
		{dm.CacheStatus{State: dm.CacheReadOnly, UsedMetadata: 10, Metadata: 2048, Used: 16, Blocks: 512}, share{312, true}, share{49, true}, share{0, true}, true},
		{dm.CacheStatus{State: dm.CacheReadWrite, UsedMetadata: 7, Metadata: 2048, Blocks: 512}, share{0, true}, share{34, true}, share{0, true}, true},
		{dm.CacheStatus{State: dm.CacheFailed}, share{}, share{}, share{}, false},
		{dm.CacheStatus{}, share{}, share{}, share{}, false},
	} {
		assert.Equal(t, x.data, of(x.s.DataPercent()), "%+v", x.s)
		assert.Equal(t, x.metadata, of(x.s.MetadataPercent()), "%+v", x.s)
		assert.Equal(t, x.dirty, of(x.s.DirtyPercent()), "%+v", x.s)
		assert.Equal(t, x.clean, x.s.Clean(), "%+v", x.s)
	}
}

func FuzzParseCacheStatus(f *testing.F) {
	f.Add("8 10/2048 64 16/512 1 2 3 4 5 6 16 2 metadata2 writeback 2 migration_threshold 4096 smq 2 a b rw - ")
	f.Add("Fail")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := dm.ParseCacheStatus(text)
		if err != nil {
			require.ErrorIs(t, err, dm.ErrInvalid)
			require.Zero(t, s)
			return
		}
		if s.State == dm.CacheUnknown || s.State == dm.CacheFailed {
			require.Equal(t, dm.CacheStatus{State: s.State}, s)
			return
		}
		require.NotEmpty(t, s.Policy)
		require.LessOrEqual(t, 2*len(s.Settings), len(text))
	})
}
