package lvm

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/recorder"
)

// everHeld is what a volume may hold after a crash, sector by sector: what it
// held at its last sync, and all that was written since.
type everHeld [][]byte

func (e everHeld) last() []byte { return e[len(e)-1] }

func (e everHeld) written(p []byte, off int) everHeld {
	b := slices.Clone(e.last())
	copy(b[off:], p)
	return append(slices.Clone(e), b)
}

func (e everHeld) synced() everHeld { return e[len(e)-1:] }

func (e everHeld) check(t *testing.T, got []byte, what string, crash recorder.Crash) {
	t.Helper()
	for i := 0; i < len(got); i += 512 {
		if !slices.ContainsFunc(e, func(b []byte) bool { return bytes.Equal(b[i:i+512], got[i:i+512]) }) {
			require.Fail(t, "contents that never were", "%s: sector %d after event %d, %s", what, i/512, crash.After, crash.What)
		}
	}
}

// crashMoment is what may be there while something is done.
type crashMoment struct {
	event   int // the number of events before
	held    map[string]everHeld
	lost    map[string]string // of each volume that may be lost: "either", or "lost"
	making  string            // a snapshot that may be there, or not yet
	merging bool              // "first" may be merged into the origin
}

// A loss of power at any moment leaves an origin and its snapshots with what
// they held, or was written to them since their last sync; and all of them can be
// used from there.
func TestCrashSnapshotFiles(t *testing.T) {
	t.Parallel()
	disks := recorder.New(diskSize, "a", "b")
	sys := openDisks(t, disks, 1)
	// Half of the origin lies where neither a commit nor a store syncs it.
	data := makeOriginWith(t, sys, NoArea)
	onA := []PVSelection{{PV: "a"}}
	amendVG(t, sys, func(tx *Tx) error {
		_, err := tx.CreateSnapshot("origin", SnapshotSpec{Name: "first", Size: PercentOrigin(100), PVs: onA})
		_, full := tx.CreateSnapshot("origin", SnapshotSpec{Name: "small", Size: ExtentCount(smallCOW), ChunkSize: 16 * KiB, PVs: onA})
		return joinErrors(err, full)
	})
	disks.Record()
	files := map[string]*LVFile{}
	held := map[string]everHeld{}
	for _, name := range []string{"origin", "first", "small"} {
		files[name] = openFile(t, sys, name)
		held[name] = everHeld{data}
	}
	lost := map[string]string{}
	var moments []crashMoment
	moment := func(making string, merging bool) {
		moments = append(moments, crashMoment{len(disks.Log()), maps.Clone(held), maps.Clone(lost), making, merging})
	}
	n := 0
	write := func(name string, off, sectors int) {
		n++
		p := pattern(testID("write", n), Bytes(sectors)*512)
		held[name] = held[name].written(p, off*512)
		if name == "origin" && off > 30 {
			lost["small"] = "either"
		}
		moment("", false)
		putBytes(t, files[name], p, int64(off*512))
		if lost["small"] != "" {
			lost["small"] = "lost"
		}
	}
	sync := func(name string) {
		moment("", false)
		require.NoError(t, files[name].Sync())
		held[name] = held[name].synced()
	}
	write("origin", 3, 2) // which makes the stores
	write("first", 4, 9)
	write("first", 4, 2)
	sync("first")
	write("origin", 5, 10)
	write("small", 2, 3)
	write("origin", 40, 20) // for which "small" has no room
	sync("origin")
	write("origin", 41, 3)
	held["late"] = held["origin"]
	moment("late", false)
	amendSnapshot(t, sys, SnapshotSpec{Name: "late", Size: PercentOrigin(100), ChunkSize: 8 * KiB, PVs: onA})
	files["late"] = openFile(t, sys, "late")
	write("late", 50, 5)
	sync("late")
	write("first", 70, 2)
	write("origin", 44, 30)
	write("first", 90, 30)
	write("first", 100, 3)
	moment("", true)
	amendVG(t, sys, func(tx *Tx) error { return tx.MergeSnapshot("first") })
	n++
	p := pattern(testID("write", n), 40*512)
	held["first"] = held["first"].written(p, 80*512)
	moment("", true)
	putBytes(t, files["origin"], p, 80*512)
	require.NoError(t, sys.mergeFiles(context.Background(), findVolume(t, sys, "origin"), nil))
	amendVG(t, sys, func(tx *Tx) error { return tx.FinishMerge("first") })
	fileHolds(t, held["first"].last(), files["origin"], "origin")
	fileHolds(t, held["late"].last(), files["late"], "late")

	seen := map[string]int{}
	for c := range disks.Crashes(crashOptions()) {
		now := moments[0]
		for _, m := range moments {
			if m.event < c.After {
				now = m
			}
		}
		checkCrashedFiles(t, c, now, seen)
		if t.Failed() {
			return
		}
	}
	for _, what := range []string{"small kept", "small lost", "late there", "late not there", "merging", "merged"} {
		assert.Positive(t, seen[what], what)
	}
}

func checkCrashedFiles(t *testing.T, c recorder.Crash, now crashMoment, seen map[string]int) {
	t.Helper()
	sys := openDisks(t, c.Disks, 2)
	vg, err := sys.VG(context.Background(), "vg0")
	require.NoError(t, err)
	held := maps.Clone(now.held)
	first, err := vg.LV("first")
	switch {
	case err != nil:
		require.True(t, now.merging)
		seen["merged"]++
		held["origin"] = held["first"]
		delete(held, "first")
	case first.Merging():
		require.True(t, now.merging)
		seen["merging"]++
		held["origin"] = held["first"]
		delete(held, "first")
	}
	if _, err := vg.LV("late"); err != nil && now.making == "late" {
		seen["late not there"]++
		delete(held, "late")
	} else if held["late"] != nil {
		require.NoError(t, err)
		seen["late there"]++
	}
	contents := map[string][]byte{}
	for name, want := range held {
		lv, err := vg.LV(name)
		require.NoError(t, err, "%s after event %d, %s", name, c.After, c.What)
		f, err := lv.Open()
		if now.lost[name] != "" && err != nil {
			require.ErrorIs(t, err, ErrSnapshotInvalid)
			seen[name+" lost"]++
			continue
		}
		require.NoError(t, err, "%s after event %d, %s", name, c.After, c.What)
		require.NotEqual(t, "lost", now.lost[name], "%s after event %d, %s", name, c.After, c.What)
		seen[name+" kept"]++
		got := make([]byte, originSize)
		_, err = f.ReadAt(got, 0)
		require.NoError(t, err)
		want.check(t, got, name, c)
		contents[name] = got
		require.NoError(t, f.Close())
	}
	// What is written next is where it belongs.
	for _, name := range slices.Sorted(maps.Keys(contents)) {
		if name == "small" {
			delete(contents, name) // it may have no room
			continue
		}
		f := openFile(t, sys, name)
		p := pattern(testID("after", len(name)), 9000)
		off := len(name) * 3000
		putBytes(t, f, p, int64(off))
		copy(contents[name][off:], p)
		require.NoError(t, f.Sync())
		require.NoError(t, f.Close())
	}
	sys = openDisks(t, c.Disks, 3)
	for name, want := range contents {
		f := openFile(t, sys, name)
		fileHolds(t, want, f, "%s, written after event %d, %s", name, c.After, c.What)
		require.NoError(t, f.Close())
	}
	if first != nil && first.Merging() {
		require.NoError(t, sys.mergeFiles(context.Background(), findVolume(t, sys, "origin"), nil))
		amendVG(t, sys, func(tx *Tx) error { return tx.FinishMerge("origin") })
		for name, want := range contents {
			volumeHolds(t, want, sys, name)
		}
	}
}
