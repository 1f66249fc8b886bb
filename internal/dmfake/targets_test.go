package dmfake_test

import (
	"bytes"
	"syscall"
	"testing"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/internal/dmfake"
	"github.com/lvm-go/lvm/units"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// numbered makes devices with live tables, that name each other as <name>.
func numbered(t *testing.T, k *dmfake.Kernel, devices ...string) {
	t.Helper()
	for i := 0; i < len(devices); i += 2 {
		p := newPlayer(k, disk)
		for _, s := range k.State() {
			p.devs[s.Dev] = s.Name
		}
		p.make(devices[i], devices[i+1])
		require.NotContains(t, p.out.String(), "fails", devices[i])
	}
}

var disk = dm.MakeDev(7, 0)

// withSnapshot makes an origin of 1024 sectors with a snapshot.
func withSnapshot(t *testing.T) *dmfake.Kernel {
	t.Helper()
	k := dmfake.New()
	k.AddDisk(disk, diskSize.Sectors())
	numbered(t, k, "real", "0 1024 linear <disk> 0", "cow", "0 2048 linear <disk> 2048",
		"snap", "0 1024 snapshot <real> <cow> P 8", "org", "0 1024 snapshot-origin <real>")
	return k
}

func snapshotState(t *testing.T, k *dmfake.Kernel, name string) dm.SnapshotStatus {
	t.Helper()
	_, lines, err := k.TargetStatus(dm.ByName(name), dm.QueryOptions{})
	require.NoError(t, err)
	s, err := dm.ParseSnapshotStatus(lines[0].Status)
	require.NoError(t, err)
	return s
}

// Mirrors and merges go on as far as they are let, each time that a status is
// asked for, and not while they are suspended.
func TestPace(t *testing.T) {
	t.Parallel()
	k := withSnapshot(t)
	for at := range int64(80) {
		require.NoError(t, k.WriteDevice("snap", bytes.Repeat([]byte{'s'}, 4096), at*4096))
	}
	assert.EqualValues(t, 16+80*8, snapshotState(t, k, "snap").Allocated)
	_, err := k.Remove(dm.ByName("snap"), dm.RemoveOptions{})
	require.NoError(t, err)
	k.SetPace(1)
	p := newPlayer(k, disk)
	for _, s := range k.State() {
		p.devs[s.Dev] = s.Name
	}
	p.load("org", "0 1024 snapshot-merge <real> <cow> P 8", dm.LoadOptions{})
	p.resume("org")
	got := make([]byte, 4096)
	require.NoError(t, k.ReadDevice("org", got, 79*4096))
	assert.Equal(t, byte('s'), got[0], "not merged yet")
	for _, want := range []units.Sectors{64, 32, 0} {
		require.NoError(t, k.WriteDevice("org", bytes.Repeat([]byte{'m'}, 4096), int64(want)/2*4096))
		s := snapshotState(t, k, "org")
		assert.Equal(t, 16+want*8, s.Allocated)
		assert.Equal(t, want == 0, s.Merged())
	}
	for at, want := range map[int64]byte{0: 'm', 16: 'm', 32: 'm', 1: 's', 79: 's', 80: 0} {
		require.NoError(t, k.ReadDevice("real", got, at*4096))
		assert.Equal(t, want, got[0], at)
	}

	numbered(t, k, "m", "0 1024 mirror core 1 256 2 <disk> 0 <disk> 3000")
	status := func() string {
		_, lines, err := k.TargetStatus(dm.ByName("m"), dm.QueryOptions{})
		require.NoError(t, err)
		return lines[0].Status
	}
	assert.Equal(t, "2 7:0 7:0 1/4 1 AA 1 core", status())
	_, err = k.Suspend(dm.ByName("m"), dm.SuspendOptions{})
	require.NoError(t, err)
	assert.Equal(t, "2 7:0 7:0 1/4 1 AA 1 core", status())
	_, err = k.Resume(dm.ByName("m"), dm.ResumeOptions{})
	require.NoError(t, err)
	assert.Equal(t, "2 7:0 7:0 2/4 1 AA 1 core", status())
	info, err := k.Status(dm.ByName("m"))
	require.NoError(t, err)
	assert.Zero(t, info.EventNr)
	k.SetPace(0)
	assert.Equal(t, "2 7:0 7:0 4/4 1 AA 1 core", status())
	info, err = k.Status(dm.ByName("m"))
	require.NoError(t, err)
	assert.EqualValues(t, 1, info.EventNr)
}

// I/O is held back by any suspended device on its way.
func TestSuspendedIO(t *testing.T) {
	t.Parallel()
	k := withSnapshot(t)
	b := make([]byte, 512)
	require.ErrorIs(t, k.ReadDevice("none", b, 0), syscall.ENXIO)
	require.ErrorIs(t, k.ReadDevice("org", b, 1024*512), syscall.EIO)
	for suspended, waiting := range map[string]string{
		"org": "org", "snap": "snap", "real": "real org snap", "cow": "cow snap org!",
	} {
		_, err := k.Suspend(dm.ByName(suspended), dm.SuspendOptions{})
		require.NoError(t, err)
		for _, name := range []string{"org", "snap", "real", "cow"} {
			reads, writes := k.ReadDevice(name, b, 0), k.WriteDevice(name, b, 100*4096)
			switch {
			case bytes.Contains([]byte(waiting), []byte(name+"!")): // of the origin only writes need the COW store
				assert.NoError(t, reads, "%s with %s", name, suspended)
				assert.ErrorIs(t, writes, syscall.EAGAIN, "%s with %s", name, suspended)
			case bytes.Contains([]byte(" "+waiting+" "), []byte(" "+name+" ")):
				assert.ErrorIs(t, reads, syscall.EAGAIN, "%s with %s", name, suspended)
				assert.ErrorIs(t, writes, syscall.EAGAIN, "%s with %s", name, suspended)
			default:
				assert.NoError(t, reads, "%s with %s", name, suspended)
			}
		}
		_, err = k.Resume(dm.ByName(suspended), dm.ResumeOptions{})
		require.NoError(t, err)
	}
	require.Empty(t, k.Hazards())
	for _, name := range []string{"real", "org"} {
		_, err := k.Suspend(dm.ByName(name), dm.SuspendOptions{})
		require.NoError(t, err)
	}
	require.Equal(t, []string{"suspend org with a suspended device beneath it"}, k.Hazards())
}

// What the kernel would wait for forever, or do without a word, is told.
func TestHazardsOfStores(t *testing.T) {
	t.Parallel()
	k := withSnapshot(t)
	_, err := k.Remove(dm.ByName("snap"), dm.RemoveOptions{})
	require.NoError(t, err)
	_, err = k.Suspend(dm.ByName("cow"), dm.SuspendOptions{})
	require.NoError(t, err)
	_, err = k.Create("s", "", dm.CreateOptions{})
	require.NoError(t, err)
	_, err = k.Load(dm.ByName("s"), table(t, "0 1024 snapshot 253:0 253:1 P 8"), dm.LoadOptions{})
	require.ErrorIs(t, err, syscall.EDEADLK)
	_, err = k.Resume(dm.ByName("cow"), dm.ResumeOptions{})
	require.NoError(t, err)
	numbered(t, k, "s1", "0 1024 snapshot <real> <cow> P 8", "s2", "0 512 snapshot <disk> <cow> P 8")
	require.Equal(t, []string{"COW store 253:1 has two users with different origins"}, k.Hazards())
}

func TestUses(t *testing.T) {
	t.Parallel()
	k := withSnapshot(t)
	numbered(t, k, "move", "0 512 mirror core 1 64 2 <disk> 100 <disk> 2000\n512 512 linear <disk> 8",
		"user", "0 256 linear <move> 384", "stripes", "0 128 striped 2 16 <disk> 0 <user> 64")
	_, err := k.Suspend(dm.ByName("cow"), dm.SuspendOptions{})
	require.NoError(t, err)
	uses := map[string][]dmfake.Use{}
	for _, u := range k.Uses() {
		assert.Equal(t, disk, u.Disk)
		name := u.Name
		u.Name, u.Disk = "", 0
		uses[name] = append(uses[name], u)
	}
	assert.Equal(t, map[string][]dmfake.Use{
		"real": {{Through: "real", Start: 0, Length: 1024}},
		"cow":  {{Through: "cow", Waiting: true, Start: 2048, Length: 2048}},
		"org":  {{Through: "real", Start: 0, Length: 1024}},
		"snap": {{Through: "real", Start: 0, Length: 1024}, {Through: "cow", Waiting: true, Start: 2048, Length: 2048}},
		"move": {{Through: "move", Copying: true, Start: 100, Length: 512}, {Through: "move", Copying: true, Start: 2000, Length: 512}, {Through: "move", Start: 8, Length: 512}},
		"user": {{Through: "move", Copying: true, Start: 484, Length: 128}, {Through: "move", Copying: true, Start: 2384, Length: 128}, {Through: "move", Start: 8, Length: 128}},
		"stripes": {
			{Through: "stripes", Start: 0, Length: 64}, {Through: "move", Copying: true, Start: 548, Length: 64},
			{Through: "move", Copying: true, Start: 2448, Length: 64},
		},
	}, uses)
}

// What the kernel writes for itself goes to the disks that it was given.
func TestSetDisk(t *testing.T) {
	t.Parallel()
	k := dmfake.New()
	k.AddDisk(disk, diskSize.Sectors())
	d := &ram{}
	k.SetDisk(disk, d)
	d.b[0] = 'x'
	numbered(t, k, "real", "0 1024 linear <disk> 0", "cow", "0 1024 linear <disk> 2048", "snap", "0 1024 snapshot <real> <cow> P 8",
		"org", "0 1024 snapshot-origin <real>", "m", "0 8 mirror core 1 8 2 <disk> 0 <disk> 4000")
	require.Equal(t, "SnAp", string(d.b[2048*512:2048*512+4]))
	require.NoError(t, k.WriteDevice("org", []byte("y"), 0))
	require.Equal(t, byte('x'), d.b[2048*512+2*4096])
	_, _, err := k.TargetStatus(dm.ByName("m"), dm.QueryOptions{})
	require.NoError(t, err)
	require.Equal(t, byte('y'), d.b[4000*512])
}

type ram struct{ b [diskSize]byte }

func (d *ram) ReadAt(p []byte, off int64) (int, error)  { return copy(p, d.b[off:]), nil }
func (d *ram) WriteAt(p []byte, off int64) (int, error) { return copy(d.b[off:], p), nil }
