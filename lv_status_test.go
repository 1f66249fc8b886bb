package lvm

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/internal/corpus"
)

// TestCorpusStatus compares what the kernel said of volumes with what lvm2 made of
// it.
func TestCorpusStatus(t *testing.T) {
	t.Parallel()
	recorded := readReports(t)
	seen := map[string]int{}
	for _, cs := range corpus.Cases(t) {
		theirs := recorded[cs.Name]
		sys := corpusSystem(t, cs)
		sys.kernel = newRecordedKernel(t, cs.Info(t), theirs.Status)
		inv, err := sys.Scan(context.Background())
		require.NoError(t, err, cs.Name)
		for _, vg := range inv.VGs {
			for lv := range vg.LVs() {
				if row := find(theirs.LV, lvm2Row{"lv_uuid": lv.ID().String()}); row != nil {
					sameStatus(t, cs.Name+" "+lv.Name(), lv, row, seen)
				}
			}
		}
	}
	for _, kind := range []string{"thin pool", "thin", "raid", "cache", "writecache", "integrity"} {
		assert.Positive(t, seen[kind], kind)
	}
}

// sameStatus compares the states of a volume with the row of lvm2's report.
func sameStatus(t testing.TB, where string, lv *LogicalVolume, row lvm2Row, seen map[string]int) {
	t.Helper()
	same := func(field, ours string) {
		t.Helper()
		if theirs, ok := row[field]; ok { // of hidden volumes not all was recorded
			assert.Equal(t, theirs, ours, "%s: %s", where, field)
		}
	}
	number := func(n uint64) string { return strconv.FormatUint(n, 10) }
	known := func(kind string, err error) bool {
		t.Helper()
		if err == nil {
			seen[kind]++
		} else if row["lv_active"] == "active" {
			assert.NoError(t, err, where)
		}
		return err == nil
	}
	switch {
	case lv.IsThinPool():
		if u, err := lv.ThinPoolUsage(); known("thin pool", err) && u.Mode != ThinPoolFailed {
			same("data_percent", u.DataPercent().String())
			same("metadata_percent", u.MetadataPercent().String())
			assert.Equal(t, u.TransactionID, u.Expected, where)
		}
	case lv.IsThin():
		if u, err := lv.ThinUsage(); known("thin", err) && !u.Failed {
			same("data_percent", u.Percent().String())
		}
	case lv.IsRAID():
		if s, err := lv.RAIDStatus(); known("raid", err) {
			if row["copy_percent"] != "" { // lvm2 does not say it of raid0
				same("copy_percent", s.Percent().String())
			}
			same("raid_mismatch_count", number(s.Mismatches))
			same("raid_sync_action", string(s.Action))
			health := row["lv_health_status"]
			assert.Equal(t, health == "" && s.InSync() && len(s.Missing()) == 0, s.Healthy(), where)
			if health == "refresh needed" {
				assert.ErrorIs(t, s.Err(), ErrDegraded, where)
			}
		}
		if row["integritymismatches"] != "" {
			legs, err := lv.IntegrityStatus()
			require.NoError(t, err, where)
			var mismatches uint64
			for _, s := range legs {
				mismatches += s.Mismatches
			}
			same("integritymismatches", number(mismatches))
		}
	case lv.hasIntegrity():
		if s, err := lv.IntegrityStatus(); known("integrity", err) {
			same("copy_percent", s[0].Percent().String())
		}
	case lv.CachePool() != nil:
		if u, err := lv.CacheUsage(); err == nil {
			known("cache", err)
			same("data_percent", u.Percent().String())
			same("metadata_percent", u.MetadataPercent().String())
			same("copy_percent", u.DirtyPercent().String())
			same("cache_read_hits", number(u.ReadHits))
			same("cache_read_misses", number(u.ReadMisses))
			same("cache_write_hits", number(u.WriteHits))
			same("cache_write_misses", number(u.WriteMisses))
			same("kernel_cache_policy", u.Policy)
		} else if u, err := lv.WriteCacheUsage(); known("writecache", err) {
			same("data_percent", u.Percent().String())
			assert.Equal(t, row["lv_health_status"] == "error", u.Err() != nil, where)
		}
	}
}

// statusKernel says the same of all devices that it has.
type statusKernel struct {
	kernel
	lines []dm.StatusLine
	err   error
}

func (k statusKernel) TargetStatus(dm.Ref, dm.QueryOptions) (dm.Info, []dm.StatusLine, error) {
	return dm.Info{LiveTable: true}, k.lines, k.err
}

func (k statusKernel) Close() error { return nil }

// withStatus returns a volume of the corpus whose only device says that.
func withStatus(t *testing.T, cs, lv, typ, status string) *LogicalVolume {
	t.Helper()
	vg, err := corpusSystem(t, corpus.Load(t, cs)).VG(context.Background(), "vg")
	require.NoError(t, err)
	l, err := vg.LV(lv)
	require.NoError(t, err)
	vg.sys.kernel = statusKernel{lines: []dm.StatusLine{{Type: typ, Status: status}}}
	vg.devices = map[ID][]*mapped{l.ID(): {{uuid: l.DMUUID(), lv: l.ID()}}}
	return l
}

// A pool says by its errors what is wrong with it.
func TestThinPoolErr(t *testing.T) {
	t.Parallel()
	all := []error{ErrPoolFailed, ErrPoolFull, ErrPoolReadOnly, ErrNeedsCheck, ErrTransactionID}
	for status, want := range map[string][]error{
		"2 13/1024 5/1024 - rw discard_passdown queue_if_no_space - 256":                           nil,
		"2 13/1024 1024/1024 - out_of_data_space discard_passdown queue_if_no_space - 256":         {ErrPoolFull},
		"2 13/1024 5/1024 - ro discard_passdown queue_if_no_space needs_check 256":                 {ErrPoolReadOnly, ErrNeedsCheck},
		"2 13/1024 5/1024 - rw discard_passdown queue_if_no_space needs_check 256":                 {ErrNeedsCheck},
		"7 13/1024 5/1024 - rw discard_passdown queue_if_no_space - 256":                           {ErrTransactionID},
		"1 13/1024 5/1024 - rw discard_passdown queue_if_no_space - 256":                           {ErrTransactionID},
		"3 13/1024 1024/1024 - out_of_data_space discard_passdown error_if_no_space needs_check 0": {ErrPoolFull, ErrNeedsCheck, ErrTransactionID},
		"Fail":  {ErrPoolFailed},
		"Error": {ErrPoolFailed},
	} {
		u, err := withStatus(t, "thin-volumes", "pool", "thin-pool", status).ThinPoolUsage()
		require.NoError(t, err, status)
		for _, sentinel := range all {
			if slices.Contains(want, sentinel) {
				assert.ErrorIs(t, u.Err(), sentinel, status)
			} else {
				assert.NotErrorIs(t, u.Err(), sentinel, status)
			}
		}
		assert.EqualValues(t, 2, u.Expected, status)
	}
	u := ThinPoolUsage{Mode: ThinPoolReadWrite, TransactionID: 4, Expected: 5, Pending: true}
	assert.NoError(t, u.Err(), "a change waits to be told to the kernel")
	u.Expected = 6
	assert.ErrorIs(t, u.Err(), ErrTransactionID)
}

func TestThinPoolUsage(t *testing.T) {
	t.Parallel()
	u, err := withStatus(t, "thin-volumes", "pool", "thin-pool",
		"2 13/1024 5/1024 - rw discard_passdown error_if_no_space - 256").ThinPoolUsage()
	require.NoError(t, err)
	assert.Equal(t, ThinPoolUsage{
		Data: 5 * 64 * KiB, DataTotal: 64 * MiB, Metadata: 13 * 4 * KiB, MetadataTotal: 4 * MiB, TransactionID: 2, Expected: 2,
		Mode: ThinPoolReadWrite, ErrorWhenFull: true,
	}, u)
	assert.Equal(t, "0.49", u.DataPercent().String())
	assert.Equal(t, "1.27", u.MetadataPercent().String())

	thin, err := withStatus(t, "thin-volumes", "t1", "thin", "2048 2047").ThinUsage()
	require.NoError(t, err)
	assert.Equal(t, ThinUsage{Mapped: MiB, Size: 32 * MiB}, thin)
	require.NoError(t, thin.Err())
	thin, err = withStatus(t, "thin-volumes", "t1", "thin", "Fail").ThinUsage()
	require.NoError(t, err)
	require.ErrorIs(t, thin.Err(), ErrPoolFailed)
}

func TestRAIDStatus(t *testing.T) {
	t.Parallel()
	for status, want := range map[string]struct {
		degraded, notInSync, healthy bool
		missing                      []string
		percent                      string
	}{
		"raid1 2 AA 65536/65536 idle 0 0 -":      {healthy: true, percent: "100.00"},
		"raid1 2 AA 65536/65536 idle 128 0 -":    {percent: "100.00"},
		"raid1 2 AA 32768/65536 check 0 0 -":     {healthy: true, percent: "50.00"},
		"raid1 2 aa 32768/65536 resync 0 0 -":    {notInSync: true, percent: "50.00"},
		"raid1 2 Aa 32768/65536 recover 0 0 -":   {notInSync: true, percent: "50.00"},
		"raid1 2 AD 65536/65536 idle 0 0 -":      {degraded: true, missing: []string{"r_rimage_1"}, percent: "100.00"},
		"raid1 2 -A 65536/65536 idle 0 0 -":      {degraded: true, missing: []string{"r_rimage_0"}, percent: "100.00"},
		"raid1 2 -a 0/65536 recover 0 0 -":       {degraded: true, notInSync: true, missing: []string{"r_rimage_0"}, percent: "0.00"},
		"raid1 3 AAD 65536/65536 idle 0 0 -":     {degraded: true, missing: []string{""}, percent: "100.00"},
		"raid1 2 AA 65536/65536":                 {healthy: true, percent: "100.00"},
		"raid1 2 AA 0/65536 frozen 0 0 - more":   {notInSync: true, percent: "0.00"},
		"raid1 2 aa 40960/65536 reshape 0 512 -": {notInSync: true, percent: "62.50"},
	} {
		s, err := withStatus(t, "raid1-2", "r", "raid", status).RAIDStatus()
		require.NoError(t, err, status)
		assert.Equal(t, want.missing, s.Missing(), status)
		assert.Equal(t, want.healthy, s.Healthy(), status)
		assert.Equal(t, want.percent, s.Percent().String(), status)
		assert.Equal(t, want.notInSync, !s.InSync(), status)
		for sentinel, is := range map[error]bool{ErrDegraded: want.degraded, ErrNotInSync: want.notInSync} {
			if is {
				assert.ErrorIs(t, s.Err(), sentinel, status)
			} else {
				assert.NotErrorIs(t, s.Err(), sentinel, status)
			}
		}
	}
}

func TestIntegrityStatus(t *testing.T) {
	t.Parallel()
	for status, want := range map[string]IntegrityStatus{
		"3 32768 16384": {Name: "r_rimage_0", Mismatches: 3, Recalculated: 8 * MiB, Total: 16 * MiB},
		"0 32768 -":     {Name: "r_rimage_0", Recalculated: 16 * MiB, Total: 16 * MiB},
	} {
		got, err := withStatus(t, "integrity-raid1", "r_rimage_0", "integrity", status).IntegrityStatus()
		require.NoError(t, err, status)
		assert.Equal(t, []IntegrityStatus{want}, got)
	}
	_, err := withStatus(t, "raid1-2", "r", "raid", "raid1 2 AA 65536/65536 idle 0 0 -").IntegrityStatus()
	require.ErrorIs(t, err, ErrInvalidSpec)
}

func TestCacheUsage(t *testing.T) {
	t.Parallel()
	u, err := withStatus(t, "cache-pool", "org", "cache",
		"8 10/2048 128 16/512 1 2 3 4 5 6 8 2 metadata2 writeback 2 migration_threshold 2048 smq 0 rw -").CacheUsage()
	require.NoError(t, err)
	assert.Equal(t, CacheUsage{
		Used: MiB, Total: 32 * MiB, Metadata: 40 * KiB, MetadataTotal: 8 * MiB, Dirty: 512 * KiB, ReadHits: 1, ReadMisses: 2, WriteHits: 3,
		WriteMisses: 4, Demotions: 5, Promotions: 6, Mode: "writeback", Policy: "smq", State: CacheReadWrite,
	}, u)
	assert.Equal(t, "50.00", u.DirtyPercent().String())
	require.NoError(t, u.Err())
	for status, want := range map[string][]error{
		"8 10/2048 128 0/512 0 0 0 0 0 0 0 1 writethrough 0 smq 0 rw needs_check": {ErrNeedsCheck},
		"8 10/2048 128 0/512 0 0 0 0 0 0 0 1 writethrough 0 smq 0 ro needs_check": {ErrNeedsCheck, ErrReadOnly},
		"Fail":  {ErrPoolFailed},
		"Error": {ErrPoolFailed},
	} {
		u, err := withStatus(t, "cache-pool", "org", "cache", status).CacheUsage()
		require.NoError(t, err, status)
		for _, sentinel := range want {
			assert.ErrorIs(t, u.Err(), sentinel, status)
		}
		assert.Equal(t, "0.00", u.DirtyPercent().String(), status)
	}

	w, err := withStatus(t, "writecache", "org", "writecache", "0 8160 8032 2 0 0 128 0 0 0 128 0 0 0").WriteCacheUsage()
	require.NoError(t, err)
	assert.Equal(t, WriteCacheUsage{Used: 512 * KiB, Total: 8160 * 4 * KiB, WritingBack: 8 * KiB}, w)
	assert.False(t, w.Clean())
	require.NoError(t, w.Err())
	w, err = withStatus(t, "writecache", "org", "writecache", "1 8160 8160 0").WriteCacheUsage()
	require.NoError(t, err)
	assert.False(t, w.Clean())
	require.ErrorIs(t, w.Err(), ErrPoolFailed)
	w, err = withStatus(t, "writecache", "org", "writecache", "0 8160 8160 0").WriteCacheUsage()
	require.NoError(t, err)
	assert.True(t, w.Clean())
}

// Volumes of other types, and those without a device, have no status.
func TestStatusErrors(t *testing.T) {
	t.Parallel()
	calls := map[string]func(*LogicalVolume) error{
		"thin-volumes pool":          func(l *LogicalVolume) error { _, err := l.ThinPoolUsage(); return err },
		"thin-volumes t1":            func(l *LogicalVolume) error { _, err := l.ThinUsage(); return err },
		"raid1-2 r":                  func(l *LogicalVolume) error { _, err := l.RAIDStatus(); return err },
		"cache-pool org":             func(l *LogicalVolume) error { _, err := l.CacheUsage(); return err },
		"writecache org":             func(l *LogicalVolume) error { _, err := l.WriteCacheUsage(); return err },
		"integrity-raid1 r_rimage_0": func(l *LogicalVolume) error { _, err := l.IntegrityStatus(); return err },
	}
	types := map[string]string{
		"thin-volumes pool": "thin-pool", "thin-volumes t1": "thin", "raid1-2 r": "raid", "cache-pool org": "cache",
		"writecache org": "writecache", "integrity-raid1 r_rimage_0": "integrity",
	}
	for of, call := range calls {
		cs, name, _ := strings.Cut(of, " ")
		assert.ErrorIs(t, call(withStatus(t, "linear-single", "a", "linear", "")), ErrInvalidSpec, of)
		assert.ErrorIs(t, call(withStatus(t, cs, name, "linear", "")), ErrNotActive, of)
		assert.ErrorIs(t, call(withStatus(t, cs, name, types[of], "nonsense")), ErrUnsupported, of)
		gone := withStatus(t, cs, name, types[of], "")
		gone.vg.sys.kernel = statusKernel{err: dm.ErrNotFound}
		assert.ErrorIs(t, call(gone), ErrNotActive, of)
		gone.vg.sys.kernel = statusKernel{err: dm.ErrBusy}
		assert.ErrorIs(t, call(gone), ErrBusy, of)
		gone.vg.devices = nil
		var op *OpError
		require.ErrorAs(t, call(gone), &op, of)
		assert.ErrorIs(t, op, ErrNotActive, of)
		assert.Equal(t, name, op.LV)
	}
}
