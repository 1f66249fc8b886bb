package dm_test

import (
	"testing"

	"github.com/lvm-go/lvm/dm"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSnapshotTargets(t *testing.T) {
	t.Parallel()
	for params, want := range map[string]dm.Snapshot{
		"254:1 254:2 P 8":   {Origin: "254:1", COW: "254:2", ChunkSize: 8},
		"254:1 254:2 PO 16": {Origin: "254:1", COW: "254:2", Store: dm.StorePersistentOverflow, ChunkSize: 16},
		"254:1 254:2 N 8":   {Origin: "254:1", COW: "254:2", Store: dm.StoreTransient, ChunkSize: 8},
		"254:1 254:2 P 0":   {Origin: "254:1", COW: "254:2"},
		"/dev/a /dev/b P 8 1 discard_zeroes_cow": {
			Origin: "/dev/a", COW: "/dev/b", ChunkSize: 8, DiscardZeroesCOW: true,
		},
		"a b P 4294967295 2 discard_zeroes_cow discard_passdown_origin": {
			Origin: "a", COW: "b", ChunkSize: 1<<32 - 1, DiscardZeroesCOW: true, DiscardPassdownOrigin: true,
		},
	} {
		got, err := dm.ParseTarget("snapshot", params)
		require.NoError(t, err, params)
		assert.Equal(t, want, got, params)
		assert.Equal(t, "snapshot", got.Type())
		assert.Equal(t, params, got.Params())
		assert.Equal(t, []string{want.Origin, want.COW}, got.Devices())

		merge, err := dm.ParseTarget("snapshot-merge", params)
		require.NoError(t, err, params)
		assert.Equal(t, dm.SnapshotMerge(want), merge, params)
		assert.Equal(t, "snapshot-merge", merge.Type())
		assert.Equal(t, params, merge.Params())
		assert.Equal(t, []string{want.Origin, want.COW}, merge.Devices())
	}

	loose, err := dm.ParseTarget("snapshot", " a  b P 8 0 ")
	require.NoError(t, err)
	assert.Equal(t, dm.Snapshot{Origin: "a", COW: "b", ChunkSize: 8}, loose)

	origin, err := dm.ParseTarget("snapshot-origin", "254:1")
	require.NoError(t, err)
	assert.Equal(t, dm.SnapshotOrigin{Origin: "254:1"}, origin)
	assert.Equal(t, "254:1", origin.Params())
}

// What a later kernel may know is passed on as it stands.
func TestSnapshotKeepsWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	for _, typ := range []string{"snapshot", "snapshot-merge"} {
		for _, params := range []string{
			"a b X 8", "a b p 8", "a b PX 8", "a b P 8 1 faster", "a b P 8  2 discard_zeroes_cow faster",
		} {
			got, err := dm.ParseTarget(typ, params)
			require.NoError(t, err, params)
			assert.Equal(t, dm.Unknown{Name: typ, Text: params}, got)
		}
	}
}

func TestSnapshotTargetsRefused(t *testing.T) {
	t.Parallel()
	for _, params := range []string{
		"", "a", "a b", "a b P", "a b P x", "a b P -8", "a b P 4294967296", "a b P 8 x", "a b P 8 1", "a b P 8 0 discard_zeroes_cow",
		"a b P 8 2 discard_zeroes_cow", "a b P 8 1 discard_zeroes_cow discard_passdown_origin", "a b P 8 18446744073709551615",
	} {
		for _, typ := range []string{"snapshot", "snapshot-merge"} {
			_, err := dm.ParseTarget(typ, params)
			assert.ErrorIs(t, err, dm.ErrInvalid, "%s %q", typ, params)
		}
	}
	for _, params := range []string{"", " ", "a b"} {
		_, err := dm.ParseTarget("snapshot-origin", params)
		assert.ErrorIs(t, err, dm.ErrInvalid, params)
	}
	for _, target := range []dm.Target{
		dm.SnapshotOrigin{}, dm.Snapshot{Origin: "a", ChunkSize: 8}, dm.SnapshotMerge{COW: "b", ChunkSize: 8}, dm.Snapshot{Origin: "a", COW: "b c"},
	} {
		assert.ErrorIs(t, dm.Table{{Length: 8, Target: target}}.Validate(), dm.ErrInvalid, "%+v", target)
	}
}

func TestSnapshotWithDevices(t *testing.T) {
	t.Parallel()
	snapshot := dm.Snapshot{Origin: "a", COW: "b", Store: dm.StoreTransient, ChunkSize: 8, DiscardZeroesCOW: true}
	for _, x := range []struct{ devices, want []string }{
		{nil, []string{"a", "b"}},
		{[]string{"x"}, []string{"x", "b"}},
		{[]string{"x", "y"}, []string{"x", "y"}},
		{[]string{"x", "y", "z"}, []string{"x", "y"}},
	} {
		want := snapshot
		want.Origin, want.COW = x.want[0], x.want[1]
		assert.Equal(t, want, snapshot.WithDevices(x.devices))
		assert.Equal(t, dm.SnapshotMerge(want), dm.SnapshotMerge(snapshot).WithDevices(x.devices))
	}
	assert.Equal(t, dm.SnapshotOrigin{Origin: "a"}, dm.SnapshotOrigin{Origin: "a"}.WithDevices(nil))
	assert.Equal(t, dm.SnapshotOrigin{Origin: "x"}, dm.SnapshotOrigin{Origin: "a"}.WithDevices([]string{"x", "y"}))
}

func TestSnapshotStore(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "P", dm.StorePersistent.String())
	assert.Equal(t, "PO", dm.StorePersistentOverflow.String())
	assert.Equal(t, "N", dm.StoreTransient.String())
	assert.Equal(t, "SnapshotStore(3)", dm.SnapshotStore(3).String())
}

func TestParseSnapshotStatus(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		text    string
		want    dm.SnapshotStatus
		percent string // "" if there is none
		merged  bool
	}{
		{"528/16384 16", dm.SnapshotStatus{State: dm.SnapshotValid, Allocated: 528, Total: 16384, Metadata: 16}, "3.22", false},
		{"16/16384 16", dm.SnapshotStatus{State: dm.SnapshotValid, Allocated: 16, Total: 16384, Metadata: 16}, "0.00", true},
		{"32/8192 16 ", dm.SnapshotStatus{State: dm.SnapshotValid, Allocated: 32, Total: 8192, Metadata: 16}, "0.39", false},
		{"8192/8192 32", dm.SnapshotStatus{State: dm.SnapshotValid, Allocated: 8192, Total: 8192, Metadata: 32}, "100.00", false},
		{"8200/8192 32", dm.SnapshotStatus{State: dm.SnapshotValid, Allocated: 8200, Total: 8192, Metadata: 32}, "100.00", false},
		{"0/8192 0", dm.SnapshotStatus{State: dm.SnapshotValid, Total: 8192}, "0.00", true},
		{"Invalid", dm.SnapshotStatus{State: dm.SnapshotInvalid}, "", false},
		{"Overflow", dm.SnapshotStatus{State: dm.SnapshotOverflow}, "", false},
		{"Merge failed", dm.SnapshotStatus{State: dm.SnapshotMergeFailed}, "", false},
		{"Unknown", dm.SnapshotStatus{State: dm.SnapshotUnknown}, "", false},
	} {
		s, err := dm.ParseSnapshotStatus(x.text)
		require.NoError(t, err, x.text)
		assert.Equal(t, x.want, s, x.text)
		assert.Equal(t, x.merged, s.Merged(), x.text)
		percent, ok := s.Percent()
		assert.Equal(t, x.percent != "", ok, x.text)
		if ok {
			assert.Equal(t, x.percent, percent.String(), x.text)
		} else {
			assert.Zero(t, percent, x.text)
			assert.Equal(t, x.text, s.State.String())
		}
	}
	for _, text := range []string{
		"", " ", "valid", "invalid", "Merge", "Merge  failed", "Invalid 16", "16", "16 16", "16/16384", "16/16384 16 16", "/16384 16", "16/ 16", "16/x 16",
		"-16/16384 16", "16/16384 -1", "16/16384/1 16", "36028797018963968/1 1", "1/36028797018963968 1", "1/1 36028797018963968",
	} {
		s, err := dm.ParseSnapshotStatus(text)
		assert.ErrorIs(t, err, dm.ErrInvalid, text)
		assert.Zero(t, s, text)
	}
	assert.Equal(t, "valid", dm.SnapshotValid.String())
	assert.Equal(t, "SnapshotState(9)", dm.SnapshotState(9).String())
}

func TestRecordedSnapshotStatus(t *testing.T) {
	t.Parallel()
	states := map[dm.SnapshotState]int{}
	for _, line := range recorded(t, "status.txt") {
		l, err := dm.ParseStatusLine(line)
		require.NoError(t, err, line)
		if l.Type != "snapshot" && l.Type != "snapshot-merge" {
			continue
		}
		s, err := dm.ParseSnapshotStatus(l.Status)
		require.NoError(t, err, line)
		states[s.State]++
		assert.LessOrEqual(t, s.Metadata, s.Allocated, line)
		assert.LessOrEqual(t, s.Allocated, s.Total, line)
	}
	assert.Positive(t, states[dm.SnapshotValid])
	assert.Positive(t, states[dm.SnapshotInvalid])
}

func FuzzParseSnapshotStatus(f *testing.F) {
	for _, text := range []string{"528/16384 16", "Invalid", "Overflow", "Merge failed", "Unknown", "0/8192 0 "} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := dm.ParseSnapshotStatus(text)
		percent, ok := s.Percent()
		require.LessOrEqual(t, percent, dm.Percent(10000))
		if err != nil {
			require.ErrorIs(t, err, dm.ErrInvalid)
			require.Zero(t, s)
			return
		}
		require.Equal(t, s.State == dm.SnapshotValid, ok)
		require.LessOrEqual(t, s.State, dm.SnapshotMergeFailed)
		require.False(t, s.Merged() && percent != 0)
	})
}
