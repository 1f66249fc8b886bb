package dm_test

import (
	"testing"

	"github.com/lvm-go/lvm/dm"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMirror(t *testing.T) {
	t.Parallel()
	legs := []dm.MirrorLeg{{Device: "254:1", Offset: 2048}, {Device: "254:2"}}
	for params, want := range map[string]dm.Mirror{
		"core 1 4096 2 254:1 2048 254:2 0": {RegionSize: 4096, Legs: legs},
		"core 2 1024 nosync 2 254:1 2048 254:2 0 1 handle_errors": {
			RegionSize: 1024, Sync: dm.MirrorSyncSkip, Legs: legs, HandleErrors: true,
		},
		"core 2 1024 sync 2 254:1 2048 254:2 0": {RegionSize: 1024, Sync: dm.MirrorSyncForce, Legs: legs},
		"disk 2 254:0 1024 2 254:1 2048 254:2 0 2 handle_errors keep_log": {
			Log: dm.MirrorLogDisk, LogDevice: "254:0", RegionSize: 1024, Legs: legs, HandleErrors: true, KeepLog: true,
		},
		"disk 3 254:0 4294967295 nosync 1 a 36028797018963967 1 keep_log": {
			Log: dm.MirrorLogDisk, LogDevice: "254:0", RegionSize: 1<<32 - 1, Sync: dm.MirrorSyncSkip,
			Legs: []dm.MirrorLeg{{Device: "a", Offset: 1<<55 - 1}}, KeepLog: true,
		},
	} {
		got, err := dm.ParseTarget("mirror", params)
		require.NoError(t, err, params)
		assert.Equal(t, want, got, params)
		assert.Equal(t, "mirror", got.Type())
		assert.Equal(t, params, got.Params())
		assert.Equal(t, got, got.WithDevices(got.Devices()), params)
	}
}

// What a later kernel, a much older one or a cluster may know is passed on as
// it stands.
func TestMirrorKeepsWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	for _, params := range []string{
		"userspace 3 some-uuid clustered-core 1024 2 7:0 0 7:1 0 1 handle_errors",
		"clustered_disk 4 7:2 1024 some-uuid nosync 2 7:0 0 7:1 0",
		"core 2 1024 block_on_error 2 7:0 0 7:1 0",
		"core 3 1024 nosync block_on_error 2 7:0 0 7:1 0",
		"disk 3 7:2 1024 often 2 7:0 0 7:1 0",
		"core 1 1024 2 7:0 0 7:1  0 2 handle_errors faster ",
		"none 0 1 7:0 0",
	} {
		got, err := dm.ParseTarget("mirror", params)
		require.NoError(t, err, params)
		assert.Equal(t, dm.Unknown{Name: "mirror", Text: params}, got)
	}
}

func TestMirrorRefused(t *testing.T) {
	t.Parallel()
	for _, params := range []string{
		"", "core", "core 1", "core 1 1024", "core x 1024 1 7:0 0", "core -1 1024 1 7:0 0", "core 18446744073709551615 1024 1 7:0 0",
		"core 0 1 7:0 0", "core 1 x 1 7:0 0", "core 1 4294967296 1 7:0 0", "core 1 1024 0", "core 1 1024 0 0", "core 1 1024 x 7:0 0",
		"core 1 1024 2 7:0 0", "core 1 1024 2 7:0 0 7:1", "core 1 1024 1 7:0 x", "core 1 1024 1 7:0 -1", "core 1 1024 1 7:0 36028797018963968",
		"core 1 1024 18446744073709551615 7:0 0", "core 1 1024 9223372036854775808 7:0 0",
		"disk 0 1 7:0 0", "disk 1 7:2 1 7:0 0", "disk 2 7:2 x 1 7:0 0",
		"core 1 1024 1 7:0 0 handle_errors", "core 1 1024 1 7:0 0 1", "core 1 1024 1 7:0 0 0 handle_errors", "core 1 1024 1 7:0 0 2 handle_errors",
		"core 1 1024 1 7:0 0 7:1 0", "userspace 1 1024 2 7:0 0", "userspace 9 1024 1 7:0 0",
	} {
		_, err := dm.ParseTarget("mirror", params)
		assert.ErrorIs(t, err, dm.ErrInvalid, params)
	}
	legs := []dm.MirrorLeg{{Device: "7:0"}, {Device: "7:1"}}
	for _, target := range []dm.Mirror{
		{Log: dm.MirrorLogDisk, RegionSize: 8, Legs: legs},
		{Log: dm.MirrorLogDisk, LogDevice: "a b", RegionSize: 8, Legs: legs},
		{RegionSize: 8, Legs: []dm.MirrorLeg{{Device: "7:0"}, {}}},
	} {
		assert.ErrorIs(t, dm.Table{{Length: 8, Target: target}}.Validate(), dm.ErrInvalid, "%+v", target)
	}
	assert.NoError(t, dm.Table{{Length: 8, Target: dm.Mirror{RegionSize: 8, Legs: legs}}}.Validate())
}

func TestMirrorWithDevices(t *testing.T) {
	t.Parallel()
	disk := dm.Mirror{Log: dm.MirrorLogDisk, LogDevice: "log", RegionSize: 8, Legs: []dm.MirrorLeg{{Device: "a", Offset: 1}, {Device: "b", Offset: 2}}}
	core := disk
	core.Log, core.LogDevice = dm.MirrorLogCore, ""
	for _, x := range []struct{ devices, disk, core []string }{
		{nil, []string{"log", "a", "b"}, []string{"a", "b"}},
		{[]string{"x"}, []string{"x", "a", "b"}, []string{"x", "b"}},
		{[]string{"x", "y"}, []string{"x", "y", "b"}, []string{"x", "y"}},
		{[]string{"x", "y", "z"}, []string{"x", "y", "z"}, []string{"x", "y"}},
		{[]string{"x", "y", "z", "u"}, []string{"x", "y", "z"}, []string{"x", "y"}},
	} {
		assert.Equal(t, x.disk, disk.WithDevices(x.devices).Devices())
		assert.Equal(t, x.core, core.WithDevices(x.devices).Devices())
	}
	assert.Equal(t, "disk 2 x 8 2 y 1 z 2", disk.WithDevices([]string{"x", "y", "z"}).Params())
	assert.Equal(t, "disk 2 log 8 2 a 1 b 2", disk.Params(), "the original stays")
}

func TestMirrorWords(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "core", dm.MirrorLogCore.String())
	assert.Equal(t, "disk", dm.MirrorLogDisk.String())
	assert.Equal(t, "MirrorLog(2)", dm.MirrorLog(2).String())
	assert.Empty(t, dm.MirrorSyncLogged.String())
	assert.Equal(t, "sync", dm.MirrorSyncForce.String())
	assert.Equal(t, "nosync", dm.MirrorSyncSkip.String())
	assert.Equal(t, "MirrorSync(3)", dm.MirrorSync(3).String())
	for health, want := range map[dm.MirrorHealth]string{
		0: "", 'A': "alive", 'D': "dead", 'F': "flush failed", 'S': "sync failed", 'R': "read failed", 'U': "unknown", 'X': "MirrorHealth(88)",
	} {
		assert.Equal(t, want, health.String())
	}
}

func TestParseMirrorStatus(t *testing.T) {
	t.Parallel()
	leg := func(device string, health dm.MirrorHealth) dm.MirrorLegStatus {
		return dm.MirrorLegStatus{Device: device, Health: health}
	}
	for _, x := range []struct {
		text    string
		want    dm.MirrorStatus
		percent string
		synced  bool
	}{
		{"2 7:0 7:1 14/48 1 AA 1 core", dm.MirrorStatus{
			Legs: []dm.MirrorLegStatus{leg("7:0", dm.MirrorAlive), leg("7:1", dm.MirrorAlive)}, InSync: 14, Regions: 48, Log: "core",
		}, "29.17", false},
		{"3 7:0 7:1 7:2 48/48 1 ADF 3 disk 254:0 D ", dm.MirrorStatus{
			Legs: []dm.MirrorLegStatus{leg("7:0", dm.MirrorAlive), leg("7:1", dm.MirrorDead), leg("7:2", dm.MirrorFlushFailed)}, InSync: 48, Regions: 48,
			Log: "disk", LogDevice: "254:0", LogHealth: dm.MirrorDead,
		}, "100.00", true},
		{"3 7:0 7:1 7:2 0/1 1 SRU 3 clustered-disk 254:0 A", dm.MirrorStatus{
			Legs: []dm.MirrorLegStatus{leg("7:0", dm.MirrorSyncFailed), leg("7:1", dm.MirrorReadFailed), leg("7:2", dm.MirrorUnknown)}, Regions: 1,
			Log: "clustered-disk", LogDevice: "254:0", LogHealth: dm.MirrorAlive,
		}, "0.00", false},
		{"1 7:0 1/1 1 A 1 COM_FAILURE", dm.MirrorStatus{
			Legs: []dm.MirrorLegStatus{leg("7:0", dm.MirrorAlive)}, InSync: 1, Regions: 1, Log: "COM_FAILURE",
		}, "100.00", true},
	} {
		s, err := dm.ParseMirrorStatus(x.text)
		require.NoError(t, err, x.text)
		assert.Equal(t, x.want, s, x.text)
		assert.Equal(t, x.percent, s.Percent().String(), x.text)
		assert.Equal(t, x.synced, s.Synced(), x.text)
	}
	for _, text := range []string{
		"", "0", "1 7:0", "1 7:0 1/1", "1 7:0 1/1 1", "1 7:0 1/1 1 A", "1 7:0 1/1 1 A 1", "1 7:0 1/1 1 A 0 core", "1 7:0 1/1 1 A 2 core x",
		"1 7:0 1/1 1 A 1 core x", "1 7:0 1/1 1 A 3 disk", "1 7:0 1/1 1 A 3 disk 7:1", "1 7:0 1/1 1 A 3 disk 7:1 X", "1 7:0 1/1 1 A 3 disk 7:1 AA",
		"1 7:0 1/1 1 A 3 disk 7:1 A A", "1 7:0 1/1 1 A x core", "1 7:0 1/1 1 A 18446744073709551615 core",
		"0 1/1 1 A 1 core", "0 7:0 1/1 1 A 1 core", "2 7:0 1/1 1 AA 1 core", "2 7:0 7:1 1/1 1 A 1 core", "1 7:0 1/1 1 AA 1 core", "1 7:0 1/1 2 A 1 core",
		"1 7:0 1/1 1 X 1 core", "1 7:0 2/1 1 A 1 core", "1 7:0 0/0 1 A 1 core", "1 7:0 x/1 1 A 1 core", "1 7:0 1 1 A 1 core", "x 7:0 1/1 1 A 1 core",
		"-1 7:0 1/1 1 A 1 core", "18446744073709551615 7:0 1/1 1 A 1 core",
	} {
		s, err := dm.ParseMirrorStatus(text)
		assert.ErrorIs(t, err, dm.ErrInvalid, text)
		assert.Zero(t, s, text)
	}
	assert.False(t, dm.MirrorStatus{}.Synced(), "of nothing")
	assert.Zero(t, dm.MirrorStatus{}.Percent())
}

func TestRecordedMirrorStatus(t *testing.T) {
	t.Parallel()
	logs := map[string]int{}
	for _, line := range recorded(t, "status.txt") {
		l, err := dm.ParseStatusLine(line)
		require.NoError(t, err, line)
		if l.Type != "mirror" {
			continue
		}
		s, err := dm.ParseMirrorStatus(l.Status)
		require.NoError(t, err, line)
		logs[s.Log]++
		assert.GreaterOrEqual(t, len(s.Legs), 2, line)
		for _, leg := range s.Legs {
			assert.Equal(t, dm.MirrorAlive, leg.Health, line)
		}
		assert.Equal(t, s.Log == "disk", s.LogDevice != "", line)
	}
	assert.Positive(t, logs["core"])
	assert.Positive(t, logs["disk"])
}

func FuzzParseMirrorStatus(f *testing.F) {
	f.Add("2 7:0 7:1 14/48 1 AA 1 core")
	f.Add("3 7:0 7:1 7:2 48/48 1 ADF 3 disk 254:0 D ")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := dm.ParseMirrorStatus(text)
		if err != nil {
			require.ErrorIs(t, err, dm.ErrInvalid)
			require.Zero(t, s)
			return
		}
		require.NotEmpty(t, s.Legs)
		require.LessOrEqual(t, len(s.Legs), len(text))
		require.Equal(t, s.Synced(), s.Percent() == 10000)
		require.Equal(t, s.LogDevice == "", s.LogHealth == 0)
	})
}
