package dm_test

import (
	"testing"

	"github.com/lvm-go/lvm/dm"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWriteCache(t *testing.T) {
	t.Parallel()
	assertTargets(t, "writecache", map[string]dm.WriteCache{
		"s 254:2 254:1 4096 0": {Origin: "254:2", Cache: "254:1", BlockSize: 4096},
		"p o c 512 9 high_watermark 60 fua cleaner metadata_only pause_writeback 3000 max_age 5": {
			PMem: true, Origin: "o", Cache: "c", BlockSize: 512, Settings: []dm.Setting{
				{Key: "high_watermark", Value: "60"}, {Key: "fua"}, {Key: "cleaner"}, {Key: "metadata_only"},
				{Key: "pause_writeback", Value: "3000"}, {Key: "max_age", Value: "5"},
			},
		},
		"s o c 4294967295 11 start_sector 8 low_watermark 30 writeback_jobs 64 autocommit_blocks 512 autocommit_time 500 nofua": {
			Origin: "o", Cache: "c", BlockSize: 1<<32 - 1, Settings: []dm.Setting{
				{Key: "start_sector", Value: "8"}, {Key: "low_watermark", Value: "30"}, {Key: "writeback_jobs", Value: "64"},
				{Key: "autocommit_blocks", Value: "512"}, {Key: "autocommit_time", Value: "500"}, {Key: "nofua"},
			},
		},
	})
	assertUnknown(t, "writecache", "s o c 512 1 faster", "s o c 512  3 high_watermark 60 faster ")
	assertRefused(t, "writecache",
		"", "s o c", "x o c 512 0", "s o c x 0", "s o c 4294967296 0", "s o c 512 x", "s o c 512 1", "s o c 512 0 fua", "s o c 512 1 high_watermark", "s o c 512 2 fua max_age")
	assertInvalid(t,
		dm.WriteCache{Cache: "c", BlockSize: 512}, dm.WriteCache{Origin: "o", BlockSize: 512},
		dm.WriteCache{Origin: "o", Cache: "c", BlockSize: 512, Settings: []dm.Setting{{}}},
		dm.WriteCache{Origin: "o", Cache: "c", BlockSize: 512, Settings: []dm.Setting{{Key: "fua", Value: "a b"}}})
	assert.Equal(t, []string{"x", "c"}, dm.WriteCache{Origin: "o", Cache: "c"}.WithDevices([]string{"x"}).Devices())
}

func TestParseWriteCacheStatus(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		text    string
		want    dm.WriteCacheStatus
		percent string
		clean   bool
	}{
		{"0 8160 8032 0 1 2 128 3 4 5 128 6 7 8", dm.WriteCacheStatus{
			Blocks: 8160, Free: 8032, WriteCacheStatistics: dm.WriteCacheStatistics{
				Reads: 1, ReadHits: 2, Writes: 128, WriteHitsUncommitted: 3, WriteHitsCommitted: 4, WritesAround: 5, WritesAllocated: 128,
				Blocked: 6, Flushes: 7, Discards: 8,
			},
		}, "1.57", false},
		{"0 4080 4080 0", dm.WriteCacheStatus{Blocks: 4080, Free: 4080}, "0.00", true},
		{"0 4080 4080 1 later", dm.WriteCacheStatus{Blocks: 4080, Free: 4080, WritingBack: 1}, "0.00", false},
		{"1 4080 4080 0", dm.WriteCacheStatus{Failed: true, Blocks: 4080, Free: 4080}, "0.00", false},
		{"-5 4080 5000 0 1 2 128 3 4 5 128 6 7 8 later", dm.WriteCacheStatus{
			Failed: true, Blocks: 4080, Free: 5000, WriteCacheStatistics: dm.WriteCacheStatistics{
				Reads: 1, ReadHits: 2, Writes: 128, WriteHitsUncommitted: 3, WriteHitsCommitted: 4, WritesAround: 5, WritesAllocated: 128,
				Blocked: 6, Flushes: 7, Discards: 8,
			},
		}, "0.00", false},
		{"0 0 0 0", dm.WriteCacheStatus{}, "0.00", true},
	} {
		s, err := dm.ParseWriteCacheStatus(x.text)
		require.NoError(t, err, x.text)
		assert.Equal(t, x.want, s, x.text)
		assert.Equal(t, x.percent, s.Percent().String(), x.text)
		assert.Equal(t, x.clean, s.Clean(), x.text)
	}
	for _, text := range []string{
		"", "0 1 1", "x 1 1 0", "- 1 1 0", "--1 1 1 0", "0 x 1 0", "0 1 -1 0", "0 1 1 x", "0 1 1 0 0 0 0 0 0 0 0 0 0 x", "0 1 1 18446744073709551616",
	} {
		s, err := dm.ParseWriteCacheStatus(text)
		assert.ErrorIs(t, err, dm.ErrInvalid, text)
		assert.Zero(t, s, text)
	}
}

func FuzzParseWriteCacheStatus(f *testing.F) {
	f.Add("0 8160 8032 0 0 0 128 0 0 0 128 0 0 0")
	f.Add("-5 4080 4080 0")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := dm.ParseWriteCacheStatus(text)
		if err != nil {
			require.ErrorIs(t, err, dm.ErrInvalid)
			require.Zero(t, s)
			return
		}
		require.False(t, s.Clean() && s.Percent() != 0)
	})
}
