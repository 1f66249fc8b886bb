package exception_test

import (
	"bytes"
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/exception"
	"github.com/lvm-go/lvm/internal/recorder"
	"github.com/lvm-go/lvm/units"
)

// versions is what a range may hold after a crash: what it held at the last
// sync, and all that was written since.
type versions struct{ all [][]byte }

func newVersions(b []byte) *versions { return &versions{[][]byte{append([]byte(nil), b...)}} }

func (v *versions) last() []byte { return v.all[len(v.all)-1] }

func (v *versions) write(p []byte, off int) {
	b := append([]byte(nil), v.last()...)
	copy(b[off:], p)
	v.all = append(v.all, b)
}

func (v *versions) synced() { v.all = v.all[len(v.all)-1:] }

func (v *versions) check(t require.TestingT, got []byte, what string, crash recorder.Crash) {
	for i := 0; i < len(got); i += 512 {
		ok := slices.ContainsFunc(v.all, func(b []byte) bool { return bytes.Equal(b[i:i+512], got[i:i+512]) })
		if !ok {
			require.Fail(t, "contents that never were", "%s: sector %d after event %d, %s", what, i/512, crash.After, crash.What)
		}
	}
}

// action is one change of the scenario: a write to the origin (-1) or to a
// snapshot, or the merge of one.
type action struct {
	to        int
	off, size int // sectors
	merge     bool
	sync      bool
}

// After a loss of power at any moment, snapshots hold what they must, and the
// origin what was written to it; and so they do when they are written again.
func TestCrash(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		setup
		actions []action
	}{
		{"chunks of one sector", setup{80 * 512, []int{60, 300}, []units.Sectors{1, 1}}, []action{
			{to: 0, off: 0, size: 5}, {to: -1, off: 3, size: 30}, {to: 0, off: 2, size: 4}, {to: -1, off: 10, size: 12, sync: true},
			{to: 1, off: 30, size: 9}, {to: -1, off: 20, size: 40}, {to: -1, off: 70, size: 3},
		}},
		{"two sectors in an area", setup{140 * 512, []int{400, 200}, []units.Sectors{2, 8}}, []action{
			{to: 0, off: 1, size: 61}, {to: -1, off: 50, size: 30}, {to: 0, off: 100, size: 39}, {to: -1, off: 0, size: 9},
		}},
		{"merge", setup{90 * 512, []int{300, 150}, []units.Sectors{1, 8}}, []action{
			{to: 0, off: 0, size: 20}, {to: 0, off: 40, size: 22}, {to: -1, off: 30, size: 8, sync: true},
			{to: 0, off: 70, size: 3, sync: true}, {to: 0, merge: true},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			crash(t, c.setup, c.actions)
		})
	}
}

// moment is what may be there once an action has begun.
type moment struct {
	event     int // the number of events before
	origin    versions
	snapshots []versions
	given     []string // of each snapshot whether it is "kept", "lost", or "either"
	merging   int      // the snapshot that is merged, or -1
}

func crash(t *testing.T, u setup, actions []action) {
	d := u.blank(t)
	o, snapshots := u.open(t, d)
	origin := newVersions(contents(t, o))
	var held []*versions
	for range snapshots {
		held = append(held, newVersions(origin.last()))
	}
	var moments []moment
	for n, a := range actions {
		data := stamp(n+1, a.size*512)
		before := moment{event: len(d.Log()), merging: -1}
		for _, s := range snapshots {
			before.given = append(before.given, map[bool]string{false: "kept", true: "lost"}[s.Store().Invalid()])
		}
		switch {
		case a.merge:
			before.merging = a.to
			require.NoError(t, o.Merge(context.Background(), snapshots[a.to], nil))
		case a.to < 0:
			origin.write(data, a.off*512)
			_, err := o.WriteAt(data, int64(a.off*512))
			require.NoError(t, err)
		default:
			held[a.to].write(data, a.off*512)
			_, err := snapshots[a.to].WriteAt(data, int64(a.off*512))
			require.NoError(t, err)
		}
		before.origin = *origin
		for _, h := range held {
			before.snapshots = append(before.snapshots, *h)
		}
		for i, s := range snapshots {
			if s.Store().Invalid() && before.given[i] == "kept" {
				before.given[i] = "either"
			}
		}
		moments = append(moments, before)
		if a.sync {
			require.NoError(t, o.Sync())
			origin.synced()
			for i, s := range snapshots {
				require.NoError(t, s.Sync())
				held[i].synced()
			}
		}
	}
	states := 0
	for c := range d.Crashes(recorder.CrashOptions{Exhaustive: 8, Random: 3, Seed: 1}) {
		states++
		now := moments[0]
		for _, m := range moments {
			if m.event < c.After {
				now = m
			}
		}
		checkCrash(t, u, c, now)
		if t.Failed() {
			return
		}
	}
	assert.Greater(t, states, 100)
}

func checkCrash(t *testing.T, u setup, c recorder.Crash, now moment) {
	// A store that was given up says so. Another takes its place here.
	lost := make([]bool, len(u.stores))
	for i, sectors := range u.stores {
		_, err := exception.Open(device(t, c.Disks, storeName(i)), units.Bytes(sectors*512))
		if lost[i] = err != nil; lost[i] {
			require.ErrorIs(t, err, exception.ErrInvalid)
			require.NoError(t, exception.Init(device(t, c.Disks, storeName(i)), units.Bytes(sectors*512), u.chunks[i]))
		}
		if now.given[i] != "either" {
			require.Equal(t, now.given[i] == "lost", lost[i], "after event %d, %s", c.After, c.What)
		}
	}
	o, snapshots := u.open(t, c.Disks)
	// What they hold right after, they hold later, too.
	var first [][]byte
	for i, s := range snapshots {
		b := contents(t, s)
		if !lost[i] {
			now.snapshots[i].check(t, b, "snapshot", c)
		}
		first = append(first, b)
	}
	if now.merging < 0 {
		now.origin.check(t, contents(t, o), "origin", c)
	} else {
		require.NoError(t, o.Merge(context.Background(), snapshots[now.merging], nil))
		same(t, first[now.merging], contents(t, o), "merged, after event %d, %s", c.After, c.What)
	}
	last := len(snapshots) - 1
	for _, place := range []int{0, 33, 75} {
		_, err := snapshots[last].WriteAt(stamp(50, 512), int64(place*512))
		require.NoError(t, err)
		copy(first[last][place*512:], stamp(50, 512))
		_, err = o.WriteAt(stamp(51, 1024), int64(place*512+512))
		require.NoError(t, err)
	}
	for i, s := range snapshots {
		if s.Store().Invalid() {
			first[i] = nil
			continue
		}
		same(t, first[i], contents(t, s), "snapshot %d, written after event %d, %s", i, c.After, c.What)
	}
	for i, sectors := range u.stores {
		store, err := exception.Open(device(t, c.Disks, storeName(i)), units.Bytes(sectors*512))
		if first[i] == nil {
			require.ErrorIs(t, err, exception.ErrInvalid)
			continue
		}
		require.NoError(t, err)
		s, err := exception.NewSnapshot(device(t, c.Disks, "origin"), units.Bytes(u.origin), store)
		require.NoError(t, err)
		same(t, first[i], contents(t, s), "snapshot %d, opened again after event %d, %s", i, c.After, c.What)
	}
}

// A new store is there as a whole, or not at all.
func TestCrashInit(t *testing.T) {
	t.Parallel()
	u := setup{origin: 40 * 512, stores: []int{100}, chunks: []units.Sectors{8}}
	d := u.blank(t)
	_, s := u.open(t, d)
	_, err := s[0].WriteAt(stamp(7, 20*512), 4096)
	require.NoError(t, err)
	want := contents(t, s[0])
	for _, chunk := range []units.Sectors{1, 8, 16} {
		d := d.Clone()
		require.NoError(t, exception.Init(device(t, d, "a"), 100*512, chunk))
		seen := map[string]int{}
		for c := range d.Crashes(recorder.CrashOptions{Exhaustive: 64, Random: 20, Seed: 1}) {
			store, err := exception.Open(device(t, c.Disks, "a"), 100*512)
			if err != nil {
				require.ErrorIs(t, err, exception.ErrBlank)
				seen["blank"]++
				continue
			}
			if store.Room() < exceptionRoom(t, u, chunk) || store.ChunkSize() != chunk {
				seen["old"]++
				s, err := exception.NewSnapshot(device(t, d, "origin"), units.Bytes(u.origin), store)
				require.NoError(t, err)
				same(t, want, contents(t, s), "after event %d, %s", c.After, c.What)
				continue
			}
			seen["new"]++
		}
		assert.Positive(t, seen["blank"])
		assert.Positive(t, seen["old"])
		assert.Positive(t, seen["new"])
	}
}

// exceptionRoom returns the room of an empty store.
func exceptionRoom(t *testing.T, u setup, chunk units.Sectors) int {
	u.chunks = []units.Sectors{chunk}
	_, s := u.open(t, u.blank(t))
	return s[0].Store().Room()
}
