package dm_test

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/internal/umltest"
	"github.com/lvm-go/lvm/units"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// sectors is a size as a table has it.
func sectors(size units.Bytes) units.Sectors { return size.Sectors() }

// put writes text to the mapped device, all the way down. Nothing of it stays
// in memory, as nobody has the device open afterwards.
func put(dev dm.Dev, text string, at int64) error {
	f, err := os.OpenFile(node(dev), os.O_WRONLY|unix.O_SYNC, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteAt([]byte(text), at)
	if e := f.Close(); err == nil {
		err = e
	}
	return err
}

// get reads as many bytes as want has.
func get(dev dm.Dev, want string, at int64) (string, error) {
	f, err := os.Open(node(dev))
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	b := make([]byte, len(want))
	_, err = f.ReadAt(b, at)
	return string(b), err
}

func node(dev dm.Dev) string { return fmt.Sprintf("/dev/dm-%d", dev.Minor()) }

func assertHas(t *testing.T, dev dm.Dev, want string, at int64) {
	t.Helper()
	got, err := get(dev, want, at)
	assert.NoError(t, err)
	assert.Equal(t, want, got)
}

// assertTable checks that the kernel prints the table as it was loaded.
func assertTable(t *testing.T, c *dm.Control, dev dm.Dev, want dm.Table) {
	t.Helper()
	_, got, err := c.Table(dm.ByDev(dev), dm.QueryOptions{})
	require.NoError(t, err)
	assert.Equal(t, want, got)
}

// statusText returns the status of the only target.
func statusText(t *testing.T, c *dm.Control, dev dm.Dev) string {
	t.Helper()
	_, lines, err := c.TargetStatus(dm.ByDev(dev), dm.QueryOptions{})
	require.NoError(t, err)
	require.Len(t, lines, 1)
	return lines[0].Status
}

func snapshotStatus(t *testing.T, c *dm.Control, dev dm.Dev) dm.SnapshotStatus {
	t.Helper()
	s, err := dm.ParseSnapshotStatus(statusText(t, c, dev))
	require.NoError(t, err)
	return s
}

const originSize = 4 * units.MiB

// snapshotSet is the devices that LVM2 makes of a volume with a snapshot.
type snapshotSet struct {
	c *dm.Control
	// real and cow are below origin and snap.
	real, cow, origin, snap dm.Dev
	target                  dm.Snapshot
}

// snapshotted makes a volume that has "old" at every 64 KiB, and a snapshot of
// it. The devices of target are filled in.
func snapshotted(t *testing.T, cow units.Bytes, target dm.Snapshot) snapshotSet {
	t.Helper()
	c := kernel(t)
	s := snapshotSet{c: c}
	linear := func(name string, size units.Bytes) dm.Dev {
		return active(t, c, name, one(sectors(size), dm.Linear{Device: loop(t, size).String()})).Dev
	}
	s.real, s.cow = linear("org-real", originSize), linear("snap-cow", cow)
	for at := int64(0); at < int64(originSize); at += 64 << 10 {
		require.NoError(t, put(s.real, "old", at))
	}
	target.Origin, target.COW = s.real.String(), s.cow.String()
	s.target = target
	s.snap = active(t, c, "snap", one(sectors(originSize), target)).Dev
	s.origin = active(t, c, "org", one(sectors(originSize), dm.SnapshotOrigin{Origin: s.real.String()})).Dev
	return s
}

func TestKernelSnapshot(t *testing.T) {
	s := snapshotted(t, units.MiB, dm.Snapshot{ChunkSize: 8})
	assertTable(t, s.c, s.snap, one(sectors(originSize), s.target))
	assertTable(t, s.c, s.origin, one(sectors(originSize), dm.SnapshotOrigin{Origin: s.real.String()}))
	assert.Empty(t, statusText(t, s.c, s.origin))
	status := snapshotStatus(t, s.c, s.snap)
	assert.Equal(t, dm.SnapshotStatus{State: dm.SnapshotValid, Allocated: 16, Total: 2048, Metadata: 16}, status)
	assert.True(t, status.Merged())

	require.NoError(t, put(s.origin, "new", 0))
	require.NoError(t, put(s.origin, "new", 64<<10))
	require.NoError(t, put(s.origin, "newer", 64<<10))
	require.NoError(t, put(s.snap, "own", 128<<10))
	for at, want := range map[int64][2]string{
		0: {"new", "old"}, 64 << 10: {"newer", "old\x00\x00"}, 128 << 10: {"old", "own"}, 192 << 10: {"old", "old"},
	} {
		assertHas(t, s.origin, want[0], at)
		assertHas(t, s.snap, want[1], at)
	}
	status = snapshotStatus(t, s.c, s.snap)
	assert.Equal(t, dm.SnapshotStatus{State: dm.SnapshotValid, Allocated: 40, Total: 2048, Metadata: 16}, status)
	assert.False(t, status.Merged())
	percent, ok := status.Percent()
	assert.True(t, ok)
	assert.Equal(t, "1.95", percent.String())
}

// Every kind of store and every feature comes back from the kernel as it went.
func TestKernelSnapshotKinds(t *testing.T) {
	c := kernel(t)
	origin := loop(t, units.MiB)
	for i, target := range []dm.Snapshot{
		{Store: dm.StoreTransient, ChunkSize: 16},
		{Store: dm.StorePersistent, ChunkSize: 1024},
		{Store: dm.StorePersistentOverflow, ChunkSize: 8, DiscardZeroesCOW: true},
		{ChunkSize: 8, DiscardZeroesCOW: true, DiscardPassdownOrigin: true},
	} {
		target.Origin, target.COW = origin.String(), loop(t, 4*units.MiB).String()
		table := one(sectors(units.MiB), target)
		snap := active(t, c, fmt.Sprintf("snap%d", i), table).Dev
		assertTable(t, c, snap, table)
		status := snapshotStatus(t, c, snap)
		assert.Equal(t, dm.SnapshotValid, status.State)
		assert.Equal(t, sectors(4*units.MiB), status.Total)
		if target.Store == dm.StoreTransient {
			assert.Zero(t, status.Metadata)
		} else {
			assert.Equal(t, 2*target.ChunkSize, status.Metadata)
		}
		assert.True(t, status.Merged())
	}
}

func TestKernelSnapshotInvalid(t *testing.T) {
	s := snapshotted(t, 64*units.KiB, dm.Snapshot{ChunkSize: 8})
	for at := int64(0); at < int64(originSize); at += 64 << 10 {
		require.NoError(t, put(s.origin, "new", at), "the origin goes on")
	}
	status := snapshotStatus(t, s.c, s.snap)
	assert.Equal(t, dm.SnapshotStatus{State: dm.SnapshotInvalid}, status)
	assert.False(t, status.Merged())
	_, ok := status.Percent()
	assert.False(t, ok)
	_, err := get(s.snap, "old", 0)
	assert.ErrorIs(t, err, unix.EIO)
	assertHas(t, s.origin, "new", 0)
}

func TestKernelSnapshotOverflow(t *testing.T) {
	s := snapshotted(t, 64*units.KiB, dm.Snapshot{Store: dm.StorePersistentOverflow, ChunkSize: 8})
	var err error
	at := int64(0)
	for ; at < int64(originSize); at += 64 << 10 {
		if err = put(s.snap, "own", at); err != nil {
			break
		}
	}
	require.ErrorIs(t, err, unix.EIO)
	assert.Equal(t, dm.SnapshotStatus{State: dm.SnapshotOverflow}, snapshotStatus(t, s.c, s.snap))
	assertHas(t, s.snap, "own", 0)
	assertHas(t, s.snap, "old", at)
	assert.ErrorIs(t, put(s.snap, "own", 0), unix.EIO)

	require.NoError(t, put(s.origin, "new", at))
	assert.Equal(t, dm.SnapshotStatus{State: dm.SnapshotInvalid}, snapshotStatus(t, s.c, s.snap))
	_, err = get(s.snap, "own", 0)
	assert.ErrorIs(t, err, unix.EIO)
}

func TestKernelSnapshotMerge(t *testing.T) {
	s := snapshotted(t, 4*units.MiB, dm.Snapshot{ChunkSize: 8})
	for at := int64(0); at < int64(originSize)/2; at += 64 << 10 {
		require.NoError(t, put(s.origin, "new", at))
	}
	require.NoError(t, put(s.snap, "own", 0))
	assert.False(t, snapshotStatus(t, s.c, s.snap).Merged())

	merge := one(sectors(originSize), dm.SnapshotMerge(s.target))
	origin, snap := dm.ByDev(s.origin), dm.ByDev(s.snap)
	steps := []func() error{
		func() error { _, err := s.c.Load(origin, merge, dm.LoadOptions{}); return err },
		func() error {
			_, err := s.c.Load(snap, one(sectors(originSize), dm.ErrorTarget{}), dm.LoadOptions{})
			return err
		},
		func() error { _, err := s.c.Suspend(origin, dm.SuspendOptions{}); return err },
		func() error { _, err := s.c.Suspend(snap, dm.SuspendOptions{}); return err },
		func() error { _, err := s.c.Resume(origin, dm.ResumeOptions{}); return err },
		func() error { _, err := s.c.Resume(snap, dm.ResumeOptions{}); return err },
	}
	for i, step := range steps {
		require.NoError(t, step(), "step %d", i)
	}
	assertTable(t, s.c, s.origin, merge)
	assertHas(t, s.origin, "own", 0) // merged or not
	require.Eventually(t, func() bool {
		status, err := dm.ParseSnapshotStatus(statusText(t, s.c, s.origin))
		return err == nil && status.Merged()
	}, 10*time.Second, 20*time.Millisecond)
	percent, ok := snapshotStatus(t, s.c, s.origin).Percent()
	assert.True(t, ok)
	assert.Zero(t, percent)

	_, err := s.c.Load(origin, one(sectors(originSize), dm.Linear{Device: s.real.String()}), dm.LoadOptions{})
	require.NoError(t, err)
	_, err = s.c.Resume(origin, dm.ResumeOptions{})
	require.NoError(t, err)
	assertHas(t, s.origin, "own", 0)
	for at := int64(64 << 10); at < int64(originSize); at += 64 << 10 {
		assertHas(t, s.origin, "old", at)
	}
	assert.Contains(t, umltest.Run(t, "dmsetup", "table", "org"), " linear ")
}
