package lvm

import (
	"bytes"
	"context"
	"encoding/binary"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/recorder"
	"github.com/lvm-go/lvm/metadata"
)

// snapshotFiles returns devices with the volume "origin" and a snapshot "snap" of
// it, and what both hold.
func snapshotFiles(t *testing.T, spec SnapshotSpec) (*recorder.Disks, *System, []byte) {
	t.Helper()
	disks := recorder.New(diskSize, "a", "b")
	sys := openDisks(t, disks, 1)
	data := makeOrigin(t, sys)
	spec.Name = "snap"
	if spec.Size.IsZero() {
		spec.Size = PercentOrigin(100)
	}
	amendSnapshot(t, sys, spec)
	disks.Record()
	return disks, sys, data
}

// cowHead returns where the COW store of "snap" begins.
func cowHead(t *testing.T, sys *System) (path string, off int64) {
	t.Helper()
	lv := findVolume(t, sys, "snap")
	for piece, err := range lv.vg.extents().Map(lv.ID(), 0, 512) {
		require.NoError(t, err)
		return lv.vg.members[piece.PV].path, int64(piece.Offset)
	}
	return "", 0
}

func TestSnapshotFile(t *testing.T) {
	t.Parallel()
	disks, sys, data := snapshotFiles(t, SnapshotSpec{})
	snap := openFile(t, sys, "snap")
	size, err := snap.Size()
	require.NoError(t, err)
	assert.Equal(t, originSize, size, "that of the origin")
	fileHolds(t, data, snap, "a snapshot whose store was never written")
	assert.Empty(t, written(disks), "reading writes nothing")

	putBytes(t, snap, []byte("to the snapshot"), 5000)
	volumeHolds(t, data, sys, "origin")
	want := slices.Clone(data)
	copy(want[5000:], "to the snapshot")
	fileHolds(t, want, snap, "written")
	require.NoError(t, snap.Sync())
	volumeHolds(t, want, openDisks(t, disks, 2), "snap")

	n, err := snap.ReadAt(make([]byte, 10), int64(originSize)-3)
	assert.Equal(t, 3, n)
	assert.ErrorContains(t, err, "EOF")
	_, err = snap.WriteAt([]byte{1}, int64(originSize))
	assert.ErrorIs(t, err, ErrOutOfRange)
	require.NoError(t, snap.Close())
	_, err = snap.ReadAt(make([]byte, 10), 0)
	assert.ErrorContains(t, err, "closed")
	assert.Empty(t, sys.opened.byLV, "nothing is kept")
}

// What a snapshot shows may be on the devices of its origin alone.
func TestSyncSnapshotFile(t *testing.T) {
	t.Parallel()
	disks := recorder.New(diskSize, "a", "b")
	sys := openDisks(t, disks, 1)
	makeOrigin(t, sys)
	origin := openFile(t, sys, "origin")
	putBytes(t, origin, []byte("new"), 0)
	amendSnapshot(t, sys, SnapshotSpec{Name: "snap", Size: PercentOrigin(100)})
	snap := openFile(t, sys, "snap")
	disks.Record()
	require.NoError(t, snap.Sync())
	require.Len(t, disks.Log(), 1)
	assert.True(t, disks.Log()[0].IsSync())
}

func TestOpenSnapshotRefusals(t *testing.T) {
	t.Parallel()
	refused := func(sys *System, name string, why error) {
		t.Helper()
		_, err := findVolume(t, sys, name).Open()
		require.ErrorIs(t, err, why)
		var op *OpError
		require.ErrorAs(t, err, &op)
		assert.Equal(t, name, op.LV)
	}
	_, sys, _ := snapshotFiles(t, SnapshotSpec{})
	refused(sys, "snapshot0", ErrUnsupported)
	amendVG(t, sys, func(tx *Tx) error { return tx.MergeSnapshot("snap") })
	refused(sys, "snap", ErrMerging)
	assert.Empty(t, sys.opened.byLV)

	for _, c := range []struct {
		name string
		head []byte
		why  error
	}{
		{"no store", bytes.Repeat([]byte{7}, 16), ErrDamaged},
		{"a chunk size that is none", []byte("SnAp\x01\x00\x00\x00\x01\x00\x00\x00\x07\x00\x00\x00"), ErrDamaged},
		{"another version", []byte("SnAp\x01\x00\x00\x00\x02\x00\x00\x00\x08\x00\x00\x00"), ErrUnsupported},
		{"invalid", []byte("SnAp\x00\x00\x00\x00\x01\x00\x00\x00\x08\x00\x00\x00"), ErrSnapshotInvalid},
	} {
		disks, sys, data := snapshotFiles(t, SnapshotSpec{})
		path, off := cowHead(t, sys)
		disks.Change(path, off, c.head)
		refused(sys, "snap", c.why)
		volumeHolds(t, data, sys, "origin")
		origin := openFile(t, sys, "origin")
		n, err := origin.WriteAt([]byte("x"), 0)
		if c.why == ErrSnapshotInvalid {
			require.NoError(t, err, "the origin is not disturbed")
			assert.Len(t, disks.Writes(), 1, "and nothing is kept for it")
			continue
		}
		require.ErrorIs(t, err, c.why, "the snapshot could not keep what is written over")
		assert.Zero(t, n)
		assert.Empty(t, disks.Writes())
	}

	// The store is on a device that is missing.
	disks := recorder.New(diskSize, "a", "b")
	sys = openDisks(t, disks, 1)
	amendVG(t, sys, func(tx *Tx) error {
		if err := makeGroup(tx, OneArea); err != nil {
			return err
		}
		_, err := tx.CreateLV(LVSpec{Name: "origin", Size: ExtentCount(20), PVs: []PVSelection{{PV: "a"}}})
		if err != nil {
			return err
		}
		_, err = tx.CreateSnapshot("origin", SnapshotSpec{Name: "snap", Size: PercentOrigin(100), PVs: []PVSelection{{PV: "b"}}})
		return err
	})
	open := sys.cfg.OpenDevice
	sys, err := Open(Config{Devices: []string{"a"}, Kernel: KernelNone, OpenDevice: open})
	require.NoError(t, err)
	refused(sys, "snap", ErrMissingPV)
	origin := openFile(t, sys, "origin")
	_, err = origin.ReadAt(make([]byte, 10), 0)
	require.NoError(t, err)
	disks.Record()
	_, err = origin.WriteAt([]byte("x"), 0)
	require.ErrorIs(t, err, ErrMissingPV)
	assert.Empty(t, disks.Writes())
}

func TestReadOnlySnapshotFile(t *testing.T) {
	t.Parallel()
	_, sys, data := snapshotFiles(t, SnapshotSpec{ReadOnly: true})
	snap, origin := openFile(t, sys, "snap"), openFile(t, sys, "origin")
	_, err := snap.WriteAt([]byte{1}, 0)
	require.ErrorIs(t, err, ErrReadOnly)
	putBytes(t, origin, []byte("new"), 100)
	fileHolds(t, data, snap, "the origin was written")
}

// A snapshot is given up for a write to its origin, but not for one to itself.
func TestSnapshotFileIsFull(t *testing.T) {
	t.Parallel()
	disks, sys, data := snapshotFiles(t, SnapshotSpec{Size: ExtentCount(smallCOW), ChunkSize: 16 * KiB})
	amendVG(t, sys, func(tx *Tx) error {
		_, err := tx.CreateSnapshot("origin", SnapshotSpec{Name: "large", Size: PercentOrigin(100)})
		return err
	})
	snap, origin := openFile(t, sys, "snap"), openFile(t, sys, "origin")
	n, err := snap.WriteAt(make([]byte, 17*KiB), 0)
	require.ErrorIs(t, err, ErrNoSpace)
	assert.Zero(t, n)
	putBytes(t, snap, make([]byte, 16*KiB), 0)
	want := slices.Clone(data)
	clear(want[:16*KiB])
	fileHolds(t, want, snap, "full")

	putBytes(t, origin, []byte("one more"), int64(20*KiB))
	_, err = snap.ReadAt(make([]byte, 1), 0)
	require.ErrorIs(t, err, ErrSnapshotInvalid)
	_, err = snap.WriteAt(make([]byte, 1), 0)
	require.ErrorIs(t, err, ErrSnapshotInvalid)
	_, err = findVolume(t, sys, "snap").Open()
	require.ErrorIs(t, err, ErrSnapshotInvalid)
	fresh := openDisks(t, disks, 2)
	_, err = findVolume(t, fresh, "snap").Open()
	require.ErrorIs(t, err, ErrSnapshotInvalid)
	volumeHolds(t, data, fresh, "large")
	copy(data[20*KiB:], "one more")
	volumeHolds(t, data, fresh, "origin")

	_, err = findVolume(t, fresh, "snap").SnapshotUsage()
	require.ErrorIs(t, err, ErrSnapshotInvalid)
	amendVG(t, sys, func(tx *Tx) error { return tx.RemoveLV("snap") })
	putBytes(t, origin, []byte("and more"), int64(40*KiB))
}

// A file that was opened before goes on with what the group has become.
func TestFilesFollow(t *testing.T) {
	t.Parallel()
	disks := recorder.New(diskSize, "a", "b")
	sys := openDisks(t, disks, 1)
	first := makeOrigin(t, sys)
	origin := openFile(t, sys, "origin")
	amendSnapshot(t, sys, SnapshotSpec{Name: "snap", Size: PercentOrigin(100)})
	putBytes(t, origin, []byte("after the first"), 9000)
	second := slices.Clone(first)
	copy(second[9000:], "after the first")
	amendSnapshot(t, sys, SnapshotSpec{Name: "snap2", Size: PercentOrigin(100), ChunkSize: 32 * KiB})
	putBytes(t, origin, []byte("after the second"), 9000)
	third := slices.Clone(second)
	copy(third[9000:], "after the second")
	volumeHolds(t, first, sys, "snap")
	volumeHolds(t, second, sys, "snap2")
	fileHolds(t, third, origin, "origin")

	// What does not concern it, does not.
	snap := openFile(t, sys, "snap")
	amendVG(t, sys, func(tx *Tx) error {
		return joinErrors(tx.RenameLV("origin", "renamed"), tx.SetLVTags("snap", "t"), tx.RemoveLV("other"))
	})
	fileHolds(t, first, snap, "snap")
	fileHolds(t, third, origin, "origin")

	// It keeps its size, and so do the snapshots.
	amendVG(t, sys, func(tx *Tx) error { return tx.ExtendLV("renamed", ExtendSpec{By: ExtentCount(4)}) })
	fileHolds(t, third, origin, "origin")
	younger := openFile(t, sys, "snap2")
	fileHolds(t, second, younger, "snap2")
	large := openFile(t, sys, "renamed")
	putBytes(t, large, []byte("on both sides of the old end"), int64(originSize)-10)
	copy(third[originSize-10:], "on both sides of the old end")
	fileHolds(t, second, younger, "snap2")

	amendVG(t, sys, func(tx *Tx) error { return tx.RemoveLV("snap2") })
	_, err := younger.WriteAt([]byte{1}, 0)
	require.ErrorIs(t, err, ErrLVNotFound)
	require.ErrorIs(t, younger.Sync(), ErrLVNotFound)
	amendVG(t, sys, func(tx *Tx) error { return tx.RemoveLV("snap") })
	putBytes(t, origin, []byte("alone again"), 0)
	copy(third, "alone again")
	fileHolds(t, third, origin, "origin")

	amendVG(t, sys, func(tx *Tx) error { return tx.ReduceLV("renamed", ReduceSpec{To: ExtentCount(2)}) })
	_, err = origin.ReadAt(make([]byte, 10), int64(8*KiB))
	require.ErrorIs(t, err, ErrOutOfRange)
	_, err = origin.WriteAt(make([]byte, 10), int64(8*KiB))
	require.ErrorIs(t, err, ErrOutOfRange)
	_, err = origin.ReadAt(make([]byte, 10), int64(8*KiB)-10)
	require.NoError(t, err)

	// Moved to other extents.
	disks.Record()
	amendVG(t, sys, func(tx *Tx) error {
		i := slices.IndexFunc(tx.vg.LVs, func(lv *metadata.LogicalVolume) bool { return lv != nil && lv.Name == "renamed" })
		lv := *tx.vg.LVs[i]
		seg := lv.Segments[0]
		body := *seg.Body.(*metadata.Striped)
		body.Stripes = slices.Clone(body.Stripes)
		body.Stripes[0].Start += 100
		seg.Body = &body
		lv.Segments = []metadata.Segment{seg}
		return tx.put(i, &lv)
	})
	disks.Record()
	_, err = origin.ReadAt(make([]byte, 10), 0)
	require.ErrorIs(t, err, ErrPlanStale)
	_, err = origin.WriteAt(make([]byte, 10), 0)
	require.ErrorIs(t, err, ErrPlanStale)
	assert.Empty(t, disks.Writes())
	again := openFile(t, sys, "renamed")
	putBytes(t, again, []byte("x"), 0)

	amendVG(t, sys, func(tx *Tx) error { return tx.RemoveLV("renamed") })
	_, err = again.ReadAt(make([]byte, 10), 0)
	require.ErrorIs(t, err, ErrLVNotFound)
	for _, f := range []*LVFile{origin, large, snap, younger, again} {
		require.NoError(t, f.Close())
	}
	assert.Empty(t, sys.opened.byLV)
}

// A snapshot that is merged into an origin that has grown leaves the new part as
// it is.
func TestMergeIntoGrownOrigin(t *testing.T) {
	t.Parallel()
	disks, sys, data := snapshotFiles(t, SnapshotSpec{})
	putBytes(t, openFile(t, sys, "snap"), []byte("to the snapshot"), int64(originSize)-15)
	amendVG(t, sys, func(tx *Tx) error { return tx.ExtendLV("origin", ExtendSpec{By: ExtentCount(4)}) })
	origin := openFile(t, sys, "origin")
	putBytes(t, origin, make([]byte, 16*KiB+15), int64(originSize)-15)
	amendVG(t, sys, func(tx *Tx) error { return tx.MergeSnapshot("snap") })
	want := append(data, make([]byte, 16*KiB)...)
	copy(want[originSize-15:], "to the snapshot")
	fileHolds(t, want, origin, "origin")
	putBytes(t, origin, []byte("and then to both parts"), int64(originSize)-5)
	copy(want[originSize-5:], "and then to both parts")
	fileHolds(t, want, origin, "origin, written")
	var told [][2]Bytes
	require.NoError(t, sys.mergeFiles(context.Background(), findVolume(t, sys, "origin"), func(done, total Bytes) {
		told = append(told, [2]Bytes{done, total})
	}))
	assert.Equal(t, [][2]Bytes{{4 * KiB, 4 * KiB}}, told)
	fileHolds(t, want, origin, "origin, merged")
	amendVG(t, sys, func(tx *Tx) error { return tx.FinishMerge("origin") })
	fileHolds(t, want, origin, "origin, in the end")
	volumeHolds(t, want, openDisks(t, disks, 2), "origin")
	require.ErrorIs(t, sys.mergeFiles(context.Background(), findVolume(t, sys, "origin"), nil), ErrInvalidSpec)
}

// What another System has made of the group is heeded as soon as this one hears
// of it.
func TestFilesFollowOthers(t *testing.T) {
	t.Parallel()
	disks := recorder.New(diskSize, "a", "b")
	sys, other := openDisks(t, disks, 1), openDisks(t, disks, 2)
	data := makeOrigin(t, sys)
	before := findVolume(t, sys, "origin")
	origin := openFile(t, sys, "origin")
	amendSnapshot(t, other, SnapshotSpec{Name: "snap", Size: PercentOrigin(100)})
	_, err := sys.VG(context.Background(), "vg0")
	require.NoError(t, err)
	putBytes(t, origin, []byte("new"), 0)
	volumeHolds(t, data, other, "snap")
	late, err := before.Open()
	require.NoError(t, err)
	putBytes(t, late, []byte("new"), 50000)
	volumeHolds(t, data, other, "snap")

	amendVG(t, other, func(tx *Tx) error {
		return joinErrors(tx.RemoveLV("snap"), tx.RemoveLV("origin"))
	})
	_, err = sys.VG(context.Background(), "vg0")
	require.NoError(t, err)
	_, err = before.Open()
	require.ErrorIs(t, err, ErrLVNotFound)
}

// Snapshots of one update are of one piece, whoever writes meanwhile: what was
// written to one volume before the other shows before it.
func TestSnapshotFilesOfOnePiece(t *testing.T) {
	t.Parallel()
	disks := recorder.New(diskSize, "a", "b")
	sys := openDisks(t, disks, 1)
	amendVG(t, sys, func(tx *Tx) error {
		return joinErrors(makeGroup(tx, OneArea), tx.addLV("one", 4, 1), tx.addLV("two", 4, 1))
	})
	one, two := openFile(t, sys, "one"), openFile(t, sys, "two")
	number := make([]byte, 8)
	putBytes(t, one, number, 0)
	putBytes(t, two, number, 0)
	done := make(chan struct{})
	var writer sync.WaitGroup
	writer.Go(func() {
		b := make([]byte, 8)
		for n := uint64(1); ; n++ {
			binary.LittleEndian.PutUint64(b, n)
			for _, f := range []*LVFile{one, two} {
				_, err := f.WriteAt(b, 0)
				assert.NoError(t, err)
			}
			select {
			case <-done:
				return
			default:
			}
		}
	})
	read := func(name string) uint64 {
		f := openFile(t, sys, name)
		defer f.Close()
		b := make([]byte, 8)
		_, err := f.ReadAt(b, 0)
		require.NoError(t, err)
		return binary.LittleEndian.Uint64(b)
	}
	for range 20 {
		amendVG(t, sys, func(tx *Tx) error {
			for _, name := range []string{"one", "two"} {
				if _, err := tx.CreateSnapshot(name, SnapshotSpec{Name: name + "snap", Size: PercentOrigin(100)}); err != nil {
					return err
				}
			}
			return nil
		})
		a, b := read("onesnap"), read("twosnap")
		assert.True(t, a == b || a == b+1, "%d and %d", a, b)
		assert.Equal(t, a, read("onesnap"), "it stays so")
		amendVG(t, sys, func(tx *Tx) error { return joinErrors(tx.RemoveLV("onesnap"), tx.RemoveLV("twosnap")) })
	}
	close(done)
	writer.Wait()
}

// The caller's hooks let writers go on when the snapshot is there for them.
func TestSnapshotFilesAndHooks(t *testing.T) {
	t.Parallel()
	disks := recorder.New(diskSize, "a", "b")
	sys := openDisks(t, disks, 1)
	data := makeOrigin(t, sys)
	origin := openFile(t, sys, "origin")
	amendVG(t, sys, func(tx *Tx) error {
		tx.OnFreeze(FreezeHooks{
			Freeze: func(context.Context) error {
				putBytes(t, origin, []byte("the last"), 0)
				return origin.Sync()
			},
			Thaw: func(_ time.Duration, committed bool) {
				assert.True(t, committed)
				putBytes(t, origin, []byte("the next"), 0)
			},
		})
		_, err := tx.CreateSnapshot("origin", SnapshotSpec{Name: "snap", Size: PercentOrigin(100)})
		return err
	})
	copy(data, "the last")
	volumeHolds(t, data, sys, "snap")
	copy(data, "the next")
	volumeHolds(t, data, sys, "origin")
}

// The file system on a snapshot is what users see of it.
func TestFileSystemOfSnapshot(t *testing.T) {
	t.Parallel()
	_, sys, _ := snapshotFiles(t, SnapshotSpec{})
	label := func(name string) string {
		fs, err := sys.FileSystem(context.Background(), "vg0", name)
		require.NoError(t, err)
		if fs == nil {
			return ""
		}
		return fs.Label
	}
	write := func(name, label string) {
		head := make([]byte, 2048)
		_, err := extSuper(20, 0, func(b []byte) { copy(b[0x78:], label) }).ReadAt(head, 0)
		require.NoError(t, err)
		f := openFile(t, sys, name)
		putBytes(t, f, head, 0)
		require.NoError(t, f.Close())
	}
	assert.Empty(t, label("snap"))
	write("origin", "origin's")
	assert.Empty(t, label("snap"))
	write("snap", "snapshot")
	assert.Equal(t, "snapshot", label("snap"))
	assert.Equal(t, "origin's", label("origin"))
	amendVG(t, sys, func(tx *Tx) error { return tx.MergeSnapshot("snap") })
	assert.Equal(t, "snapshot", label("origin"))
	_, err := sys.FileSystem(context.Background(), "vg0", "snap")
	require.ErrorIs(t, err, ErrMerging)
	assert.Empty(t, sys.opened.byLV)
}

// Resizing writes the head of a swap area past the snapshots of the volume.
func TestSwapWithSnapshots(t *testing.T) {
	t.Parallel()
	disks := fsDisks(t, swapSuper(be, 4096, 59, 0, "SWAPSPACE2"))
	sys := openDisks(t, disks, 2)
	amendVG(t, sys, func(tx *Tx) error {
		_, err := tx.CreateSnapshot("data", SnapshotSpec{Name: "snap", Size: PercentOrigin(100)})
		return err
	})
	disks.Record()
	err := sys.Update(context.Background(), "vg0", func(tx *Tx) error {
		return tx.ExtendLV("data", ExtendSpec{By: ExtentCount(10), ResizeFS: true})
	})
	require.ErrorIs(t, err, ErrUnsupported)
	assert.Empty(t, disks.Writes())
}

// A write that fails leaves what was there, or what was to be; a snapshot never
// changes with its origin.
func TestSnapshotFileFaults(t *testing.T) {
	t.Parallel()
	disks, sys, data := snapshotFiles(t, SnapshotSpec{})
	amendVG(t, sys, func(tx *Tx) error {
		_, err := tx.CreateSnapshot("origin", SnapshotSpec{Name: "second", Size: PercentOrigin(100), ChunkSize: 16 * KiB})
		return err
	})
	p := pattern(testID("write", 1), 9000)
	want := slices.Clone(data)
	copy(want[1234:], p)
	write := func(sys *System) (*LVFile, error) {
		f := openFile(t, sys, "origin")
		_, err := f.WriteAt(p, 1234)
		return f, err
	}
	// faults counts reads, writes and syncs: what is opened may be opened again.
	faults := func(disks *recorder.Disks, at int, fault recorder.Fault) (calls *int) {
		calls = new(int)
		disks.Inject(func(op recorder.Op) recorder.Fault {
			if op.Kind == recorder.Open || op.Kind == recorder.Size {
				return recorder.Pass
			}
			if *calls++; *calls == at {
				return fault
			}
			return recorder.Pass
		})
		return calls
	}
	whole := disks.Clone()
	f, err := findVolume(t, openDisks(t, whole, 2), "origin").Open()
	require.NoError(t, err)
	calls := faults(whole, 0, recorder.Pass)
	_, err = f.WriteAt(p, 1234)
	require.NoError(t, err)
	require.Greater(t, *calls, 15)
	for n := range *calls {
		for _, fault := range []recorder.Fault{recorder.Before, recorder.After} {
			disks := disks.Clone()
			sys := openDisks(t, disks, 3)
			f := openFile(t, sys, "origin")
			faults(disks, n+1, fault)
			_, err := f.WriteAt(p, 1234)
			require.ErrorIs(t, err, recorder.ErrInjected)
			disks.Inject(nil)
			for _, sys := range []*System{sys, openDisks(t, disks, 4)} {
				volumeHolds(t, data, sys, "snap")
				volumeHolds(t, data, sys, "second")
				got := make([]byte, originSize)
				_, err = openFile(t, sys, "origin").ReadAt(got, 0)
				require.NoError(t, err)
				for i := range got {
					require.True(t, got[i] == data[i] || got[i] == want[i], "call %d, byte %d", n, i)
				}
			}
			_, err = write(openDisks(t, disks, 5))
			require.NoError(t, err)
			last := openDisks(t, disks, 6)
			volumeHolds(t, want, last, "origin")
			volumeHolds(t, data, last, "snap")
			volumeHolds(t, data, last, "second")
		}
	}
}

// Whoever reads a snapshot while its origin is written, and another snapshot is
// merged, sees it as it was.
func TestSnapshotFilesAtOnce(t *testing.T) {
	t.Parallel()
	_, sys, data := snapshotFiles(t, SnapshotSpec{})
	amendSnapshot(t, sys, SnapshotSpec{Name: "merged", Size: PercentOrigin(100)})
	f := openFile(t, sys, "merged")
	putBytes(t, f, pattern(testID("write", 1), 60*KiB), 0)
	require.NoError(t, f.Close())
	done := make(chan struct{})
	var readers, writers sync.WaitGroup
	readers.Go(func() {
		for {
			f, err := findVolume(t, sys, "snap").Open()
			if !assert.NoError(t, err) {
				return
			}
			got := make([]byte, originSize)
			_, err = f.ReadAt(got, 0)
			assert.NoError(t, err)
			assert.True(t, bytes.Equal(data, got))
			assert.NoError(t, f.Close())
			select {
			case <-done:
				return
			default:
			}
		}
	})
	last := pattern(testID("write", 3), 50)
	for n := range 2 {
		writers.Go(func() {
			f := openFile(t, sys, "origin")
			for i := range 60 {
				_, err := f.WriteAt(pattern(testID("write", i), 3000), int64(i*1200+n*300))
				assert.NoError(t, err)
			}
			_, err := f.WriteAt(last, int64(originSize)-100+int64(n*50))
			assert.NoError(t, err)
			assert.NoError(t, f.Close())
		})
	}
	amendVG(t, sys, func(tx *Tx) error { return tx.MergeSnapshot("merged") })
	require.NoError(t, sys.mergeFiles(context.Background(), findVolume(t, sys, "origin"), nil))
	amendVG(t, sys, func(tx *Tx) error { return tx.FinishMerge("origin") })
	writers.Wait()
	close(done)
	readers.Wait()
	got := make([]byte, 100)
	_, err := openFile(t, sys, "origin").ReadAt(got, int64(originSize)-100)
	require.NoError(t, err)
	// The writers may have been done before the merge began.
	if !bytes.Equal(data[originSize-100:], got) {
		assert.Equal(t, append(slices.Clone(last), last...), got)
	}
}
