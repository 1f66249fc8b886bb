package dm_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/lvm-go/lvm/dm"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// likeness has what a kernel reports, what it was given, and what is another table.
type likeness struct {
	reported string
	same     []string
	other    []string
}

func (l likeness) check(t *testing.T, typ string) {
	t.Helper()
	table := func(params string) dm.Table {
		target, err := dm.ParseTarget(typ, params)
		require.NoError(t, err, params)
		assert.NotEqual(t, dm.Unknown{Name: typ, Text: params}, target)
		return one(8, target)
	}
	reported := table(l.reported)
	assert.True(t, reported.Equal(reported), l.reported)
	for _, given := range l.same {
		assert.True(t, reported.Equal(table(given)), "%s\n%s", l.reported, given)
	}
	for _, given := range l.other {
		assert.False(t, reported.Equal(table(given)), "%s\n%s", l.reported, given)
	}
	assert.False(t, reported.Equal(one(16, reported[0].Target)))
	assert.False(t, reported.Equal(one(8, dm.Unknown{Name: "linear", Text: l.reported})))
	assert.False(t, reported.Equal(one(8, dm.Unknown{Name: typ, Text: l.reported + " x"})))
}

func TestReportedThinPool(t *testing.T) {
	t.Parallel()
	likeness{"254:0 254:1 128 0 0 ", []string{"254:0 254:1 128 0 0", "254:0 254:1 128 0"}, []string{
		"254:0 254:1 128 1 0", "254:0 254:1 256 0 0", "254:1 254:0 128 0 0", "254:0 254:1 128 0 1 read_only",
	}}.check(t, "thin-pool")
	likeness{"a b 256 0 3 skip_block_zeroing no_discard_passdown error_if_no_space ",
		[]string{"a b 256 0 3 error_if_no_space no_discard_passdown skip_block_zeroing"},
		[]string{
			"a b 256 0 2 skip_block_zeroing no_discard_passdown", "a b 256 0 2 skip_block_zeroing error_if_no_space",
			"a b 256 0 3 skip_block_zeroing ignore_discard error_if_no_space",
		}}.check(t, "thin-pool")
	likeness{"a b 256 0 2 ignore_discard no_discard_passdown ", []string{"a b 256 0 1 ignore_discard"}, []string{
		"a b 256 0 0", "a b 256 0 1 no_discard_passdown",
	}}.check(t, "thin-pool")
}

func TestReportedRAID(t *testing.T) {
	t.Parallel()
	likeness{"raid1 3 0 region_size 4096 2 a b c d", []string{"raid1 3 0 region_size 4096 2 a b c d"}, []string{
		"raid1 3 0 region_size 2048 2 a b c d", "raid1 1 0 2 a b c d", "raid1 3 0 region_size 4096 2 a b - -", "raid1 3 0 region_size 4096 2 a b - d",
		"raid1 3 0 region_size 4096 2 a b d c", "raid1 3 0 region_size 4096 3 a b c d e f", "raid1 5 0 rebuild 1 region_size 4096 2 a b c d",
		"raid1 4 0 nosync region_size 4096 2 a b c d", "raid1 4 0 sync region_size 4096 2 a b c d", "raid1 5 0 region_size 4096 data_offset 0 2 a b c d",
		"raid1 5 0 write_mostly 1 region_size 4096 2 a b c d", "raid1 5 0 max_write_behind 256 region_size 4096 2 a b c d",
		"raid1 5 0 min_recovery_rate 1 region_size 4096 2 a b c d", "raid1 5 0 max_recovery_rate 1 region_size 4096 2 a b c d",
		"raid1 5 0 daemon_sleep 1 region_size 4096 2 a b c d", "raid4 3 0 region_size 4096 2 a b c d", "raid1 3 128 region_size 4096 2 a b c d",
	}}.check(t, "raid")
	// As LVM2 gives it, in another order, and with the other half of a number that
	// the kernel had halved, or forgotten.
	for _, behind := range []string{"0", "128", "256"} {
		likeness{"raid1 13 0 min_recovery_rate 100 max_recovery_rate 4000 write_mostly 0 write_mostly 1 max_write_behind " + behind + " region_size 4096 2 a b c d",
			[]string{
				"raid1 13 0 min_recovery_rate 100 max_recovery_rate 4000 write_mostly 0 write_mostly 1 max_write_behind 256 region_size 4096 2 a b c d",
				"raid1 13 0 region_size 4096 write_mostly 1 write_mostly 0 max_write_behind 256 max_recovery_rate 4000 min_recovery_rate 100 2 a b c d",
			},
			[]string{
				"raid1 11 0 min_recovery_rate 100 max_recovery_rate 4000 write_mostly 1 max_write_behind 256 region_size 4096 2 a b c d",
				"raid1 11 0 min_recovery_rate 100 max_recovery_rate 4000 write_mostly 0 write_mostly 1 region_size 4096 2 a b c d",
				"raid1 13 0 min_recovery_rate 101 max_recovery_rate 4000 write_mostly 0 write_mostly 1 max_write_behind 256 region_size 4096 2 a b c d",
				"raid1 13 0 min_recovery_rate 100 max_recovery_rate 4001 write_mostly 0 write_mostly 1 max_write_behind 256 region_size 4096 2 a b c d",
			}}.check(t, "raid")
	}
	// What was told once: a new array keeps it, and a rebuild or reshape ends with a
	// table without it.
	likeness{"raid1 4 0 nosync region_size 4096 2 a b c d", []string{"raid1 3 0 region_size 4096 2 a b c d"}, []string{
		"raid1 4 0 sync region_size 4096 2 a b c d", "raid1 3 0 region_size 2048 2 a b c d",
	}}.check(t, "raid")
	likeness{"raid1 4 0 sync region_size 4096 2 a b c d", []string{"raid1 3 0 region_size 4096 2 a b c d"}, []string{
		"raid1 4 0 nosync region_size 4096 2 a b c d",
	}}.check(t, "raid")
	likeness{"raid6_zr 7 128 rebuild 1 rebuild 2 region_size 4096 4 a b c d e f g h",
		[]string{"raid6_zr 7 128 rebuild 2 rebuild 1 region_size 4096 4 a b c d e f g h"},
		[]string{"raid6_zr 3 128 region_size 4096 4 a b c d e f g h", "raid6_zr 5 128 rebuild 1 region_size 4096 4 a b c d e f g h"}}.check(t, "raid")
	likeness{"raid5_ls 7 128 region_size 4096 delta_disks 1 data_offset 8192 2 a b c d", nil, []string{
		"raid5_ls 3 128 region_size 4096 2 a b c d", "raid5_ls 5 128 region_size 4096 data_offset 8192 2 a b c d",
		"raid5_ls 5 128 region_size 4096 delta_disks 1 2 a b c d", "raid5_ls 7 128 region_size 4096 delta_disks -1 data_offset 8192 2 a b c d",
		"raid5_ls 7 128 region_size 4096 delta_disks 1 data_offset 0 2 a b c d", "raid5_n 7 128 region_size 4096 delta_disks 1 data_offset 8192 2 a b c d",
		"raid5_ls 9 128 stripe_cache 512 region_size 4096 delta_disks 1 data_offset 8192 2 a b c d",
	}}.check(t, "raid")
	likeness{"raid5_ls 5 128 region_size 4096 data_offset 0 2 a b c d", nil, []string{"raid5_ls 3 128 region_size 4096 2 a b c d"}}.check(t, "raid")
	likeness{"raid10 5 128 region_size 1024 raid10_copies 2 2 a b c d",
		[]string{
			"raid10 3 128 region_size 1024 2 a b c d", "raid10 7 128 raid10_format near region_size 1024 raid10_copies 2 2 a b c d",
			"raid10_near 3 128 region_size 1024 2 a b c d",
		},
		[]string{
			"raid10 5 128 region_size 1024 raid10_copies 3 2 a b c d", "raid10 7 128 raid10_format far region_size 1024 raid10_copies 2 2 a b c d",
			"raid10_offset 3 128 region_size 1024 2 a b c d", "raid10_far 3 128 region_size 1024 2 a b c d",
		}}.check(t, "raid")
	assert.False(t, parsed(t, "raid1 3 0 region_size 4096 2 a b c d").Equal(parsed(t, "raid1 4 0 nosync region_size 4096 2 a b c d")),
		"to be told is not to have been told")
}

func parsed(t *testing.T, raid string) dm.Table {
	t.Helper()
	target, err := dm.ParseTarget("raid", raid)
	require.NoError(t, err)
	return one(8, target)
}

func TestReportedCache(t *testing.T) {
	t.Parallel()
	likeness{"m c o 128 2 metadata2 writethrough smq 0",
		[]string{"m c o 128 2 writethrough metadata2 default 0", "m c o 128 2 metadata2 writethrough smq 2 migration_threshold 2048", "m c o 128 2 metadata2 writethrough mq 0"},
		[]string{
			"m c o 128 1 writethrough smq 0", "m c o 128 2 metadata2 writeback smq 0", "m c o 128 2 metadata2 passthrough smq 0", "m c o 64 2 metadata2 writethrough smq 0",
			"m c o 128 2 metadata2 writethrough cleaner 0", "m c o 128 3 metadata2 writethrough no_discard_passdown smq 0",
			"m c o 128 2 metadata2 writethrough smq 2 migration_threshold 4096", "m o c 128 2 metadata2 writethrough smq 0",
		}}.check(t, "cache")
	likeness{"m c o 128 0 default 0", []string{"m c o 128 1 writeback smq 0"}, []string{"m c o 128 1 writethrough smq 0"}}.check(t, "cache")
	likeness{"m c o 128 1 writeback mq 4 sequential_threshold 12 migration_threshold 4096",
		[]string{
			"m c o 128 0 mq 4 migration_threshold 4096 sequential_threshold 12",
			"m c o 128 0 mq 6 migration_threshold 1 migration_threshold 4096 sequential_threshold 12",
		},
		[]string{
			"m c o 128 0 mq 2 migration_threshold 4096", "m c o 128 0 mq 4 migration_threshold 4096 sequential_threshold 13",
			"m c o 128 0 mq 2 sequential_threshold 12", "m c o 128 0 mq 6 migration_threshold 4096 migration_threshold 1 sequential_threshold 12",
		}}.check(t, "cache")
}

func TestReportedWriteCache(t *testing.T) {
	t.Parallel()
	likeness{"s o c 512 6 high_watermark 60 low_watermark 30 autocommit_blocks 512",
		[]string{
			"s o c 512 6 autocommit_blocks 512 low_watermark 30 high_watermark 60", "s o c 512 8 start_sector 0 autocommit_blocks 512 low_watermark 30 high_watermark 60",
		},
		[]string{
			"s o c 512 4 high_watermark 60 low_watermark 30", "s o c 512 6 high_watermark 61 low_watermark 30 autocommit_blocks 512",
			"s o c 512 7 high_watermark 60 low_watermark 30 autocommit_blocks 512 cleaner", "s o c 4096 6 high_watermark 60 low_watermark 30 autocommit_blocks 512",
			"p o c 512 6 high_watermark 60 low_watermark 30 autocommit_blocks 512", "s c o 512 6 high_watermark 60 low_watermark 30 autocommit_blocks 512",
			"s o c 512 8 high_watermark 60 low_watermark 30 autocommit_blocks 512 start_sector 8",
		}}.check(t, "writecache")
}

func TestReportedIntegrity(t *testing.T) {
	t.Parallel()
	likeness{"254:2 0 4 J 8 meta_device:254:1 recalculate journal_sectors:176 interleave_sectors:1 buffer_sectors:128 journal_watermark:50 commit_time:10000 internal_hash:crc32c",
		[]string{
			"254:2 0 4 J 5 fix_padding block_size:512 internal_hash:crc32c meta_device:254:1 recalculate",
			"254:2 0 4 J 4 fix_padding block_size:512 internal_hash:crc32c meta_device:254:1",
			"254:2 0 - J 2 internal_hash:crc32c meta_device:254:1",
			"254:2 0 4 J 9 internal_hash:crc32c meta_device:254:1 journal_sectors:1000 interleave_sectors:128 buffer_sectors:128 journal_watermark:50 commit_time:10000 sectors_per_bit:8 bitmap_flush_interval:1",
		},
		[]string{
			"254:2 0 4 B 2 internal_hash:crc32c meta_device:254:1", "254:2 0 8 J 2 internal_hash:crc32c meta_device:254:1",
			"254:2 8 4 J 2 internal_hash:crc32c meta_device:254:1", "254:2 0 4 J 2 internal_hash:sha256 meta_device:254:1",
			"254:2 0 4 J 2 internal_hash:crc32c meta_device:254:3", "254:2 0 4 J 1 internal_hash:crc32c", "254:3 0 4 J 2 internal_hash:crc32c meta_device:254:1",
			"254:2 0 4 J 3 internal_hash:crc32c meta_device:254:1 block_size:1024", "254:2 0 4 J 3 internal_hash:crc32c meta_device:254:1 commit_time:500",
			"254:2 0 4 J 3 internal_hash:crc32c meta_device:254:1 journal_watermark:33", "254:2 0 4 J 3 internal_hash:crc32c meta_device:254:1 buffer_sectors:64",
			"254:2 0 4 J 3 internal_hash:crc32c meta_device:254:1 allow_discards", "254:2 0 4 J 3 internal_hash:crc32c meta_device:254:1 new_thing:1",
		}}.check(t, "integrity")
	likeness{"254:2 0 4 B 7 meta_device:254:1 journal_sectors:176 interleave_sectors:1 buffer_sectors:128 sectors_per_bit:32768 bitmap_flush_interval:10000 internal_hash:crc32c",
		[]string{
			"254:2 0 4 B 3 block_size:512 internal_hash:crc32c meta_device:254:1", "254:2 0 4 B 3 internal_hash:crc32c meta_device:254:1 sectors_per_bit:32768",
			"254:2 0 4 B 3 internal_hash:crc32c meta_device:254:1 commit_time:500",
		},
		[]string{
			"254:2 0 4 B 3 internal_hash:crc32c meta_device:254:1 recalculate", "254:2 0 4 B 3 internal_hash:crc32c meta_device:254:1 sectors_per_bit:1024",
			"254:2 0 4 B 3 internal_hash:crc32c meta_device:254:1 bitmap_flush_interval:3000", "254:2 0 4 J 2 internal_hash:crc32c meta_device:254:1",
		}}.check(t, "integrity")
	likeness{"254:2 0 4 J 9 meta_device:254:1 block_size:1024 allow_discards journal_sectors:992 interleave_sectors:1 buffer_sectors:64 journal_watermark:33 commit_time:500 internal_hash:crc32c",
		[]string{"254:2 0 4 J 7 block_size:1024 internal_hash:crc32c meta_device:254:1 allow_discards buffer_sectors:64 commit_time:500 journal_watermark:33"},
		[]string{"254:2 0 4 J 4 block_size:1024 internal_hash:crc32c meta_device:254:1 allow_discards"}}.check(t, "integrity")
}

// No two of the recorded lines are taken for the same.
func TestRecordedTablesDiffer(t *testing.T) {
	t.Parallel()
	lines := slices.DeleteFunc(recorded(t, "tables.txt"), func(line string) bool {
		return strings.Contains(line, " linear ") || strings.Contains(line, " striped ")
	})
	require.Greater(t, len(lines), 60)
	tables := make([]dm.Table, len(lines))
	for i, line := range lines {
		l, err := dm.ParseLine(line)
		require.NoError(t, err)
		tables[i] = dm.Table{l}
	}
	for i := range tables {
		for j := range tables {
			switch {
			case i == j:
				assert.True(t, tables[i].Equal(tables[j]), lines[i])
			case tables[i].Equal(tables[j]):
				// What was new and told not to be brought in sync, or a policy with two
				// names.
				same := strings.NewReplacer("4 0 nosync", "3 0", " mq 0", " smq 0", "disk 3 254:0 4096 nosync", "disk 2 254:0 4096")
				assert.Equal(t, same.Replace(lines[j]), same.Replace(lines[i]))
			}
		}
	}
}

// Whatever LVM2 gives to the kernel is equal to what that reports of it. Of two that
// it gave no live table is taken for the other one's.
func TestReportedAsGiven(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/given.txt")
	require.NoError(t, err)
	table, err := dm.ParseTable(string(text))
	require.NoError(t, err)
	require.Greater(t, len(table), 50)
	types := map[string]bool{}
	for i := 0; i < len(table); i += 2 {
		given, reported := table[i:i+1], table[i+1:i+2]
		assert.True(t, reported.Equal(given), "%s%s", given, reported)
		assert.Equal(t, given[0].Target.Devices(), reported[0].Target.Devices())
		types[given[0].Target.Type()] = true
		for j := 0; j < len(table); j += 2 {
			if other := table[j : j+1]; !given.Equal(other) && !other.Equal(given) {
				assert.False(t, reported.Equal(other), "%s%s", reported, other)
			}
		}
	}
	assert.Len(t, types, 6)
}
