package lvm

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/recorder"
)

// toMerge makes vg0 with the origin o and its snapshots s, all of which was
// overwritten, and t.
func toMerge(t testing.TB, sys *System, areas MetadataAreas) {
	emptyGroup(t, sys, areas)
	update(t, sys, "vg0", func(tx *Tx) error { return tx.addLV("o", 34, 1) })
	writePatterns(t, sys, "vg0")
	update(t, sys, "vg0", func(tx *Tx) error { return joinErrors(tx.addSnapshot("o", "s", 40), tx.addSnapshot("o", "t", 40)) })
	fill(t, sys, "s", pattern(lvView(t, view(t, sys, "vg0"), "s").ID(), 34*4*KiB))
}

func fill(t testing.TB, sys *System, lv string, p []byte) {
	t.Helper()
	f, err := lvView(t, view(t, sys, "vg0"), lv).Open()
	require.NoError(t, err)
	_, err = f.WriteAt(p, 0)
	require.NoError(t, err)
	require.NoError(t, f.Sync())
	require.NoError(t, f.Close())
}

// merged is what o and t hold once s is merged.
type merged struct{ o, t []byte }

func mergedContents(t testing.TB, disks *recorder.Disks) merged {
	v := view(t, openDisks(t, disks, 9), "vg0")
	return merged{pattern(lvView(t, v, "s").ID(), 34*4*KiB), pattern(lvView(t, v, "o").ID(), 34*4*KiB)}
}

// check checks what is on the devices; the snapshot may still be there.
func (m merged) check(t testing.TB, sys *System, done bool) {
	t.Helper()
	v := view(t, sys, "vg0")
	_, err := v.LV("s")
	if done {
		require.ErrorIs(t, err, ErrLVNotFound)
		require.False(t, lvView(t, v, "o").Merging())
	}
	for name, want := range map[string][]byte{"o": m.o, "t": m.t} {
		f, err := lvView(t, v, name).Open()
		require.NoError(t, err)
		got := make([]byte, len(want))
		_, err = f.ReadAt(got, 0)
		require.NoError(t, err)
		require.NoError(t, f.Close())
		require.Equal(t, want, got, "contents of %s", name)
	}
}

func TestMergeInImageMode(t *testing.T) {
	t.Parallel()
	disks, sys := snapshotDisks(t, toMerge)
	want := mergedContents(t, disks)
	var told []MergeProgress
	r, err := sys.Merge(context.Background(), "vg0", "s", MergeOptions{Progress: func(p MergeProgress) { told = append(told, p) }})
	require.NoError(t, err)
	assert.Equal(t, MergeResult{Origin: "o", Snapshot: "s"}, r)
	want.check(t, openDisks(t, disks, 2), true)
	require.GreaterOrEqual(t, len(told), 2)
	last := Bytes(0)
	for _, p := range told {
		assert.GreaterOrEqual(t, p.Done, last)
		assert.Equal(t, MergeProgress{Origin: "o", Snapshot: "s", Done: p.Done, Total: 34 * 4 * KiB}, p)
		last = p.Done
	}
	assert.Equal(t, 34*4*KiB, last)

	_, err = sys.Merge(context.Background(), "vg0", "o", MergeOptions{})
	assert.ErrorIs(t, err, ErrInvalidSpec)
	_, err = sys.Merge(context.Background(), "vg0", "s", MergeOptions{})
	assert.ErrorIs(t, err, ErrLVNotFound)
	_, err = sys.Merge(context.Background(), "vg1", "s", MergeOptions{})
	assert.ErrorIs(t, err, ErrVGNotFound)
	results, err := sys.ResumeMerges(context.Background(), "vg0", MergeOptions{})
	require.NoError(t, err)
	assert.Empty(t, results)
}

// TestMergeIsResumed: one that was cancelled goes on.
func TestMergeIsResumed(t *testing.T) {
	t.Parallel()
	disks, sys := snapshotDisks(t, toMerge)
	want := mergedContents(t, disks)
	ctx, cancel := context.WithCancel(context.Background())
	_, err := sys.Merge(ctx, "vg0", "s", MergeOptions{Progress: func(MergeProgress) { cancel() }})
	require.ErrorIs(t, err, context.Canceled)
	want.check(t, openDisks(t, disks, 2), false)
	assert.ErrorIs(t, sys.Update(context.Background(), "vg0", func(tx *Tx) error { return tx.FinishMerge("o") }), ErrMerging)
	u, err := lvView(t, view(t, sys, "vg0"), "s").SnapshotUsage()
	require.NoError(t, err)
	assert.False(t, u.Merged())
	results, err := openDisks(t, disks, 3).ResumeMerges(context.Background(), "vg0", MergeOptions{})
	require.NoError(t, err)
	assert.Equal(t, []MergeResult{{Origin: "o", Snapshot: "s"}}, results)
	want.check(t, sys, true)
}

// TestMergeCrash cuts the power at any moment of a merge: the origin always shows
// what the snapshot held, and the merge can be finished.
func TestMergeCrash(t *testing.T) {
	t.Parallel()
	disks, sys := snapshotDisks(t, toMerge)
	want := mergedContents(t, disks)
	update(t, sys, "vg0", func(tx *Tx) error { return tx.MergeSnapshot("s") })
	disks.Record()
	_, err := sys.ResumeMerges(context.Background(), "vg0", MergeOptions{})
	require.NoError(t, err)
	n, resumed := 0, 0
	for crash := range disks.Crashes(crashOptions()) {
		n++
		sys := openDisks(t, crash.Disks, 4)
		want.check(t, sys, false)
		results, err := sys.ResumeMerges(context.Background(), "vg0", MergeOptions{})
		require.NoError(t, err, "after %d events, %s", crash.After, crash.What)
		resumed += len(results)
		want.check(t, sys, true)
	}
	assert.Positive(t, resumed)
	assert.Less(t, resumed, n)
}

// mergeMachine returns a machine with the volumes of toMerge active.
func mergeMachine(t *testing.T) (*machine, *System, merged) {
	disks, _ := snapshotDisks(t, toMerge)
	m := newMachine(disks)
	sys := m.open(t, 2)
	update(t, sys, "vg0", func(tx *Tx) error { return tx.ActivateAll() })
	return m, sys, mergedContents(t, disks)
}

const soon = time.Millisecond

func TestMergeInTheKernel(t *testing.T) {
	t.Parallel()
	m, sys, want := mergeMachine(t)
	m.kernel.SetPace(1)
	looks := 0
	r, err := sys.Merge(context.Background(), "vg0", "s", MergeOptions{Interval: soon, Progress: func(p MergeProgress) {
		looks++
		assert.LessOrEqual(t, p.Done, p.Total)
	}})
	require.NoError(t, err)
	assert.Equal(t, MergeResult{Origin: "o", Snapshot: "s"}, r)
	assert.Greater(t, looks, 1)
	require.Empty(t, m.unlike(t))
	require.Empty(t, m.kernel.Suspended())
	want.check(t, openDisks(t, m.disks, 3), true)
}

// TestMergeIsDeferred: while the origin is open it cannot begin; it does when the
// origin is activated, or Merge is called again, and is then finished.
func TestMergeIsDeferred(t *testing.T) {
	t.Parallel()
	t.Run("until it is activated", func(t *testing.T) { testDeferred(t, false) })
	t.Run("until it is closed", func(t *testing.T) { testDeferred(t, true) })
}

func testDeferred(t *testing.T, atOnce bool) {
	t.Parallel()
	m, sys, want := mergeMachine(t)
	m.kernel.SetPace(1)
	require.True(t, m.kernel.OpenDevice("vg0-o"))
	deferred := MergeResult{Origin: "o", Snapshot: "s", Deferred: true}
	for range 2 {
		r, err := sys.Merge(context.Background(), "vg0", "s", MergeOptions{Interval: soon})
		require.NoError(t, err)
		assert.Equal(t, deferred, r)
	}
	assert.ErrorIs(t, sys.Update(context.Background(), "vg0", func(tx *Tx) error { return tx.FinishMerge("s") }), ErrMerging)
	require.True(t, m.kernel.CloseDevice("vg0-o"))
	if atOnce {
		r, err := sys.Merge(context.Background(), "vg0", "s", MergeOptions{Interval: soon})
		require.NoError(t, err)
		assert.Equal(t, MergeResult{Origin: "o", Snapshot: "s"}, r)
		require.Empty(t, m.unlike(t))
		want.check(t, openDisks(t, m.disks, 3), true)
		return
	}
	update(t, sys, "vg0", func(tx *Tx) error { return tx.Deactivate("o") })
	results, err := sys.ResumeMerges(context.Background(), "vg0", MergeOptions{Interval: soon})
	require.NoError(t, err)
	assert.Equal(t, []MergeResult{deferred}, results, "while the origin is not active")
	update(t, sys, "vg0", func(tx *Tx) error { return tx.Activate("o") })
	results, err = sys.ResumeMerges(context.Background(), "vg0", MergeOptions{Interval: soon})
	require.NoError(t, err)
	assert.Equal(t, []MergeResult{{Origin: "o", Snapshot: "s"}}, results)
	require.Empty(t, m.unlike(t))
	want.check(t, openDisks(t, m.disks, 3), true)
}

// TestMergeIsFinishedByOthers: who waits notices that another program was quicker.
func TestMergeIsFinishedByOthers(t *testing.T) {
	t.Parallel()
	m, sys, want := mergeMachine(t)
	m.kernel.SetPace(1)
	other := m.open(t, 5)
	var finished error
	r, err := sys.Merge(context.Background(), "vg0", "s", MergeOptions{Interval: soon, Progress: func(MergeProgress) {
		if finished == nil {
			_, finished = other.ResumeMerges(context.Background(), "vg0", MergeOptions{Interval: soon})
			require.NoError(t, finished)
			finished = errors.New("once")
		}
	}})
	require.NoError(t, err)
	assert.Equal(t, MergeResult{Origin: "o", Snapshot: "s"}, r)
	want.check(t, openDisks(t, m.disks, 3), true)
}

func TestMergeThatFails(t *testing.T) {
	t.Parallel()
	m, sys, _ := mergeMachine(t)
	m.kernel.SetPace(1)
	ctx, cancel := context.WithCancel(context.Background())
	_, err := sys.Merge(ctx, "vg0", "s", MergeOptions{Interval: soon, Progress: func(MergeProgress) { cancel() }})
	require.ErrorIs(t, err, context.Canceled)
	require.True(t, m.kernel.SetStatus("vg0-o", "Merge failed"))
	_, err = sys.Merge(context.Background(), "vg0", "s", MergeOptions{Interval: soon})
	require.ErrorIs(t, err, ErrMerging)
	require.ErrorIs(t, sys.Update(context.Background(), "vg0", func(tx *Tx) error { return tx.FinishMerge("s") }), ErrMerging)
	u, err := lvView(t, view(t, sys, "vg0"), "s").SnapshotUsage()
	require.NoError(t, err)
	assert.Equal(t, SnapshotUsage{State: SnapshotMergeFailed, Merging: true}, u)
	assert.Equal(t, "100.00", u.Percent().String())
}

// TestMergeOfWhatIsLost: a snapshot that was given up is not merged.
func TestMergeOfWhatIsLost(t *testing.T) {
	t.Parallel()
	m, sys, _ := mergeMachine(t)
	require.True(t, m.kernel.SetStatus("vg0-s", "Invalid"))
	_, err := sys.Merge(context.Background(), "vg0", "s", MergeOptions{})
	require.ErrorIs(t, err, ErrSnapshotInvalid)
	u, err := lvView(t, view(t, sys, "vg0"), "s").SnapshotUsage()
	require.ErrorIs(t, err, ErrSnapshotInvalid)
	assert.Equal(t, SnapshotInvalid, u.State)
	assert.Equal(t, "100.00", u.Percent().String())
}

// A snapshot can be merged, or made smaller, in the update that makes it, whatever
// is left where its store will be.
func TestNewSnapshotIsBlank(t *testing.T) {
	t.Parallel()
	for name, rest := range map[string][]byte{
		"garbage": []byte("garbage"),
		"lost":    {0x53, 0x6e, 0x41, 0x70, 0, 0, 0, 0, 1, 0, 0, 0, 8, 0, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			disks := recorder.New(diskSize, "a", "b")
			sys := openDisks(t, disks, 1)
			data := makeOrigin(t, sys)
			all := LVSpec{Name: "all", Size: PercentFree(100)}
			amendVG(t, sys, func(tx *Tx) error { _, err := tx.CreateLV(all); return err })
			f := openFile(t, sys, "all")
			for off := Bytes(0); off < f.size; off += 4 * KiB {
				putBytes(t, f, rest, int64(off))
			}
			require.NoError(t, f.Close())
			amendVG(t, sys, func(tx *Tx) error { return tx.RemoveLV("all") })
			amendVG(t, sys, func(tx *Tx) error {
				_, err := tx.CreateSnapshot("origin", SnapshotSpec{Name: "s", Size: ExtentCount(10)})
				return joinErrors(err, tx.ReduceLV("s", ReduceSpec{By: ExtentCount(1)}), tx.MergeSnapshot("s"))
			})
			volumeHolds(t, data, sys, "origin")
			_, err := sys.ResumeMerges(context.Background(), "vg0", MergeOptions{Interval: soon})
			require.NoError(t, err)
			volumeHolds(t, data, sys, "origin")
		})
	}
}

// Several processes that merge the same snapshot in image mode do so one after
// the other: what one has merged is written by somebody else meanwhile.
func TestMergeByTwoProcesses(t *testing.T) {
	t.Parallel()
	disks := recorder.New(diskSize, "a", "b")
	sys := openDisks(t, disks, 1)
	toMerge(t, sys, OneArea)
	other := openDisks(t, disks, 2)
	want := mergedContents(t, disks)
	p := pattern(testID("later", 1), 60*4*KiB)
	told := 0
	_, err := sys.Merge(context.Background(), "vg0", "s", MergeOptions{Interval: soon, Progress: func(MergeProgress) {
		if told++; told > 1 {
			return
		}
		_, err := other.ResumeMerges(context.Background(), "vg0", MergeOptions{Interval: soon})
		require.NoError(t, err)
		update(t, other, "vg0", func(tx *Tx) error { return tx.addLV("new", 60, 1) })
		fill(t, other, "new", p)
	}})
	require.NoError(t, err)
	want.check(t, other, true)
	volumeHolds(t, p, other, "new")
}
