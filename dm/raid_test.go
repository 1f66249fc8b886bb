package dm_test

import (
	"strings"
	"testing"

	"github.com/lvm-go/lvm/dm"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRAID(t *testing.T) {
	t.Parallel()
	two := []dm.RAIDLeg{{Metadata: "254:0", Data: "254:1"}, {Metadata: "254:2", Data: "254:3"}}
	assertTargets(t, "raid", map[string]dm.RAID{
		"raid1 1 0 2 254:0 254:1 254:2 254:3":                    {Layout: "raid1", Legs: two},
		"raid1 4 0 nosync region_size 4096 2 254:0 254:1 - -":    {Layout: "raid1", Sync: dm.RAIDSyncSkip, RegionSize: 4096, Legs: []dm.RAIDLeg{two[0], {}}},
		"raid0 1 128 2 - 254:1 - 254:3":                          {Layout: "raid0", ChunkSize: 128, Legs: []dm.RAIDLeg{{Data: "254:1"}, {Data: "254:3"}}},
		"raid1 5 0 rebuild 1 region_size 4096 2 a b - d":         {Layout: "raid1", Rebuild: []int{1}, RegionSize: 4096, Legs: []dm.RAIDLeg{{Metadata: "a", Data: "b"}, {Data: "d"}}},
		"raid1 3 0 max_write_behind 0 2 254:0 254:1 254:2 254:3": {Layout: "raid1", HasWriteBehind: true, Legs: two},
		"raid1 16 0 sync daemon_sleep 2000 min_recovery_rate 100 max_recovery_rate 4000 write_mostly 0 write_mostly 1 max_write_behind 256 region_size 8 2 254:0 254:1 254:2 254:3": {
			Layout: "raid1", Sync: dm.RAIDSyncForce, DaemonSleep: 2000, MinRate: 100, MaxRate: 4000,
			WriteMostly: []int{0, 1}, WriteBehind: 256, RegionSize: 8, Legs: two,
		},
		"raid5_ls 9 128 stripe_cache 1024 region_size 4096 delta_disks -1 data_offset 8192 2 254:0 254:1 254:2 254:3": {
			Layout: "raid5_ls", ChunkSize: 128, StripeCache: 1024, RegionSize: 4096, DeltaDisks: -1, DataOffset: 8192, HasDataOffset: true, Legs: two,
		},
		"raid5_ls 3 128 data_offset 0 2 254:0 254:1 254:2 254:3": {Layout: "raid5_ls", ChunkSize: 128, HasDataOffset: true, Legs: two},
		"raid10 7 4294967295 region_size 36028797018963967 raid10_copies 2 raid10_format far 2 254:0 254:1 254:2 254:3": {
			Layout: "raid10", ChunkSize: 1<<32 - 1, RegionSize: 1<<55 - 1, Copies: 2, Format: "far", Legs: two,
		},
	})
	assertUnknown(t, "raid",
		"raid5_ls 5 128 journal_dev 7:0 journal_mode writeback 2 a b c d", "raid1 3 0 new_thing 5 2 a b c  d", "raid1 5 0 new_thing 5 region_size x 2 a b c d ")
	assertRefused(t, "raid",
		"", "raid1", "raid1 1 0", "raid1 1 0 0", "raid1 1 0 1", "raid1 1 0 1 a", "raid1 1 0 2 a b", "raid1 1 0 1 a b c", "raid1 1 0 1 a b c d", "raid1 0 1 a b",
		"raid1 x 0 1 a b", "raid1 1 x 1 a b", "raid1 -1 0 1 a b", "raid1 18446744073709551615 0 1 a b", "raid1 1 4294967296 1 a b",
		"raid1 2 0 rebuild 1 a b", "raid1 2 0 region_size 1 a b", "raid1 3 0 region_size x 1 a b", "raid1 3 0 rebuild -1 1 a b", "raid1 3 0 rebuild 254 1 a b",
		"raid1 3 0 delta_disks x 1 a b", "raid1 3 0 delta_disks -254 1 a b", "raid1 3 0 delta_disks 254 1 a b", "raid1 3 0 data_offset 36028797018963968 1 a b",
		"raid1 3 0 min_recovery_rate 4294967296 1 a b", "raid1 1 0 18446744073709551615 a b")
	assertInvalid(t,
		dm.RAID{Legs: two}, dm.RAID{Layout: "raid 1", Legs: two}, dm.RAID{Layout: "raid10", Format: "a b", Legs: two},
		dm.RAID{Layout: "raid1", Legs: []dm.RAIDLeg{{Metadata: "a b", Data: "c"}}}, dm.RAID{Layout: "raid1", Legs: []dm.RAIDLeg{{Data: "c\n"}}})
}

func TestRAIDWithDevices(t *testing.T) {
	t.Parallel()
	r := dm.RAID{Layout: "raid1", Legs: []dm.RAIDLeg{{Metadata: "a", Data: "b"}, {}, {Data: "c"}}}
	assert.Equal(t, []string{"a", "b", "c"}, r.Devices())
	for _, x := range []struct {
		devices []string
		want    string
	}{
		{nil, "raid1 1 0 3 a b - - - c"},
		{[]string{"x"}, "raid1 1 0 3 x b - - - c"},
		{[]string{"x", "y", "z"}, "raid1 1 0 3 x y - - - z"},
		{[]string{"x", "y", "z", "u"}, "raid1 1 0 3 x y - - - z"},
	} {
		assert.Equal(t, x.want, r.WithDevices(x.devices).Params())
	}
	assert.Equal(t, "raid1 1 0 3 a b - - - c", r.Params(), "the original stays")
}

func TestRAIDWords(t *testing.T) {
	t.Parallel()
	assert.Empty(t, dm.RAIDSyncAuto.String())
	assert.Equal(t, "sync", dm.RAIDSyncForce.String())
	assert.Equal(t, "nosync", dm.RAIDSyncSkip.String())
	assert.Equal(t, "RAIDSync(3)", dm.RAIDSync(3).String())
	for health, want := range map[dm.RAIDHealth]string{
		0: "", 'A': "in sync", 'a': "out of sync", 'D': "dead", '-': "absent", 'X': "RAIDHealth(88)",
	} {
		assert.Equal(t, want, health.String())
	}
}

func TestParseRAIDStatus(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		text    string
		want    dm.RAIDStatus
		percent string
		synced  bool
	}{
		{"raid1 2 AA 65536/65536 idle 128 0 -", dm.RAIDStatus{
			Layout: "raid1", Legs: []dm.RAIDHealth("AA"), InSync: 65536, Total: 65536, Action: dm.RAIDIdle, Mismatches: 128, Journal: dm.RAIDAbsent,
		}, "100.00", true},
		{"raid5_ls 3 AaA 57456/65536 recover 0 0 -", dm.RAIDStatus{
			Layout: "raid5_ls", Legs: []dm.RAIDHealth("AaA"), InSync: 57456, Total: 65536, Action: dm.RAIDRecover, Journal: dm.RAIDAbsent,
		}, "87.67", false},
		{"raid5_ls 4 aaaa 0/65536 reshape 0 8192 A later", dm.RAIDStatus{
			Layout: "raid5_ls", Legs: []dm.RAIDHealth("aaaa"), Total: 65536, Action: dm.RAIDReshape, DataOffset: 8192, Journal: dm.RAIDInSync,
		}, "0.00", false},
		{"raid5_ls 3 AAAa 40960/40960 idle 0 2048 -", dm.RAIDStatus{
			Layout: "raid5_ls", Legs: []dm.RAIDHealth("AAAa"), InSync: 40960, Total: 40960, Action: dm.RAIDIdle, DataOffset: 2048, Journal: dm.RAIDAbsent,
		}, "100.00", false},
		{"raid1 2 AD 65536/65536 idle 0", dm.RAIDStatus{
			Layout: "raid1", Legs: []dm.RAIDHealth("AD"), InSync: 65536, Total: 65536, Action: dm.RAIDIdle,
		}, "100.00", true},
		{"raid1 2 A- 65536/65536", dm.RAIDStatus{Layout: "raid1", Legs: []dm.RAIDHealth("A-"), InSync: 65536, Total: 65536}, "100.00", true},
		{"raid1 2 AA 0/65536 frozen 0 0 -", dm.RAIDStatus{
			Layout: "raid1", Legs: []dm.RAIDHealth("AA"), Total: 65536, Action: dm.RAIDFrozen, Journal: dm.RAIDAbsent,
		}, "0.00", false},
		{"raid1 2 AA 42240/65536 repair 0 0 -", dm.RAIDStatus{
			Layout: "raid1", Legs: []dm.RAIDHealth("AA"), InSync: 42240, Total: 65536, Action: dm.RAIDRepair, Journal: dm.RAIDAbsent,
		}, "64.45", false},
		{"raid1 2 AA 42240/65536 check 0 0 -", dm.RAIDStatus{
			Layout: "raid1", Legs: []dm.RAIDHealth("AA"), InSync: 42240, Total: 65536, Action: dm.RAIDCheck, Journal: dm.RAIDAbsent,
		}, "64.45", true},
		{"raid1 2 AA 65536/65536 resync 0 0 -", dm.RAIDStatus{
			Layout: "raid1", Legs: []dm.RAIDHealth("AA"), InSync: 65536, Total: 65536, Action: dm.RAIDResync, Journal: dm.RAIDAbsent,
		}, "100.00", false},
		{"raid1 2 Aa 65536/65536 idle 0 0 -", dm.RAIDStatus{
			Layout: "raid1", Legs: []dm.RAIDHealth("Aa"), InSync: 65536, Total: 65536, Action: dm.RAIDIdle, Journal: dm.RAIDAbsent,
		}, "100.00", false},
		{"raid1 1 A 0/0 new-action 0 0 -", dm.RAIDStatus{
			Layout: "raid1", Legs: []dm.RAIDHealth("A"), Action: "new-action", Journal: dm.RAIDAbsent,
		}, "0.00", false},
	} {
		s, err := dm.ParseRAIDStatus(x.text)
		require.NoError(t, err, x.text)
		assert.Equal(t, x.want, s, x.text)
		assert.Equal(t, x.percent, s.Percent().String(), x.text)
		assert.Equal(t, x.synced, s.Synced(), x.text)
	}
	for _, text := range []string{
		"", "raid1", "raid1 2 AA", "raid1 0  1/1", "raid1 0 A 1/1", "raid1 2 A 1/1", "raid1 x A 1/1", "raid1 1 X 1/1", "raid1 1 A 1", "raid1 1 A x/1", "raid1 1 A 1/x",
		"raid1 1 A 1/36028797018963968", "raid1 254 " + strings.Repeat("A", 254) + " 1/1", "raid1 1 A 1/1 idle x", "raid1 1 A 1/1 idle 0 x", "raid1 1 A 1/1 idle 0 -1",
		"raid1 1 A 1/1 idle 0 0 X", "raid1 1 A 1/1 idle 0 0 AA",
	} {
		s, err := dm.ParseRAIDStatus(text)
		assert.ErrorIs(t, err, dm.ErrInvalid, text)
		assert.Zero(t, s, text)
	}
	assert.False(t, dm.RAIDStatus{}.Synced(), "of nothing")
}

func FuzzParseRAIDStatus(f *testing.F) {
	f.Add("raid5_ls 3 AaA 57456/65536 recover 0 0 -")
	f.Add("raid1 2 A- 65536/65536")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := dm.ParseRAIDStatus(text)
		if err != nil {
			require.ErrorIs(t, err, dm.ErrInvalid)
			require.Zero(t, s)
			return
		}
		require.NotEmpty(t, s.Legs)
		require.LessOrEqual(t, len(s.Legs), len(text))
		require.False(t, s.Synced() && strings.Contains(string(s.Legs), "a"))
	})
}
