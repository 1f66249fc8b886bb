package lvm

import (
	"bytes"
	"context"

	"github.com/stretchr/testify/require"
)

// poolOnRAID is thinPool, whose data are a raid1.
func (r *killRun) poolOnRAID() {
	r.Helper()
	r.update(func(tx *Tx) error {
		_, err := tx.CreateRAID(RAIDSpec{Name: "pool", Size: ExtentCount(64), RegionSize: 4 * KiB})
		return err
	})
	r.inSync("pool")
	r.update(func(tx *Tx) error { return tx.Deactivate("pool") })
	r.update(func(tx *Tx) error {
		_, err := tx.ConvertToThinPool("pool", ConvertToThinPoolSpec{MetadataSize: 2 * MiB, NoSpare: true})
		return err
	})
	r.fillPool()
}

// cachedPool is thinPool, whose data are cached by fast, which alone has some of them.
func (r *killRun) cachedPool() {
	r.Helper()
	r.thinPool()
	r.update(func(tx *Tx) error {
		return joinErrors(tx.addLV("fast", 60, 1), tx.cacheByVol("pool", "fast", CacheWriteback))
	})
	r.refill("t")
}

// poolLosesCache checks that a flush that was begun goes on, and that what is
// beneath the cache has all of it in the end.
func poolLosesCache(r *killRun, vg *VolumeGroup) {
	r.Helper()
	ctx := context.Background()
	r.agrees(vg)
	names, err := r.sys.ResumeDetaches(ctx, "vg0", quickFlush)
	require.NoError(r, err, r.where)
	lv, err := vg.LV("pool_tdata")
	require.NoError(r, err, r.where)
	if lv.CacheOrigin() != nil && len(names) == 0 { // it had not begun
		require.NoError(r, r.sys.DetachCache(ctx, "vg0", "pool", DetachSpec{}, quickFlush), r.where)
	}
	after, err := r.sys.VG(ctx, "vg0")
	require.NoError(r, err, r.where)
	lv, err = after.LV("pool_tdata")
	require.NoError(r, err, r.where)
	require.Nil(r, lv.CacheOrigin(), r.where)
	r.holdsAll(after)
	r.agrees(after)
}

// thinToBeMerged is thinPool; what t and s hold is not compared by itself.
func (r *killRun) thinToBeMerged() {
	r.Helper()
	r.thinPool()
	r.refill("t")
	t, s := r.volume("t").ID(), r.volume("s").ID()
	r.unmerged, r.merged = r.want[t], r.want[s]
	delete(r.want, t)
	delete(r.want, s)
	require.False(r, bytes.Equal(r.merged, r.unmerged))
}

// mergeOpenThin begins to merge s into t, which is in use, and ends that.
func mergeOpenThin(ctx context.Context, sys *System, _ []string) error {
	vg, err := sys.VG(ctx, "vg0")
	if err != nil {
		return err
	}
	lv, err := vg.LV("t")
	if err != nil {
		return err
	}
	user, err := openFileDevice(lv.Path(), true)
	if err != nil {
		return err
	}
	err = func() error { // whoever is ended in here no longer uses it
		defer user.Close()
		return sys.Update(ctx, "vg0", func(tx *Tx) error { return tx.MergeSnapshot("s") })
	}()
	for _, change := range []func(*Tx, string) error{(*Tx).Deactivate, (*Tx).Activate} {
		if err == nil {
			err = sys.Update(ctx, "vg0", func(tx *Tx) error { return change(tx, "t") })
		}
	}
	return err
}

// isThinMerged checks that t holds what it did or, from the moment on from which the
// text has a merge, what its snapshot did.
func isThinMerged(r *killRun, vg *VolumeGroup) {
	r.Helper()
	r.agrees(vg)
	want := r.merged
	if s, err := vg.LV("s"); err == nil {
		if !thinBody(s.rec).Merge.IsZero() {
			r.update(func(tx *Tx) error { return tx.Deactivate("t") })
		} else {
			want = r.unmerged
			if !s.Active() { // what goes is removed ahead of the commit
				r.update(func(tx *Tx) error { return tx.Activate("s") })
			}
			r.holds(s.Path(), r.merged)
		}
	}
	if !r.volume("t").Active() {
		r.update(func(tx *Tx) error { return tx.Activate("t") })
	}
	r.holds(r.volume("t").Path(), want)
	after, err := r.sys.VG(context.Background(), "vg0")
	require.NoError(r, err, r.where)
	r.agrees(after)
}

func killStacks() []killScenario {
	update := func(fn func(*Tx) error) func(context.Context, *System, []string) error {
		return func(ctx context.Context, sys *System, _ []string) error { return sys.Update(ctx, "vg0", fn) }
	}
	raid := killRAIDSetup(RAIDSpec{})
	withSnapshot := func(r *killRun) {
		raid(r)
		r.update(func(tx *Tx) error { return tx.Activate("r") })
		r.update(func(tx *Tx) error { return tx.addSnapshot("r", "one", 24) })
		r.want[r.volume("one").ID()] = r.want[r.volume("r").ID()]
		r.refill("r")
	}
	return []killScenario{
		{
			name: "change a thin pool on a raid", setup: (*killRun).poolOnRAID, long: true,
			do: update(func(tx *Tx) error {
				return joinErrors(tx.addThinSnapshot("t", "new"), tx.ExtendLV("pool", ExtendSpec{By: ExtentCount(8)}), tx.RemoveLV("s"))
			}),
			check: func(r *killRun, vg *VolumeGroup) { r.agrees(vg, "new", "t") },
		},
		{
			name: "detach the dirty cache of a thin pool", setup: (*killRun).cachedPool, long: true,
			do: func(ctx context.Context, sys *System, _ []string) error {
				return sys.DetachCache(ctx, "vg0", "pool", DetachSpec{}, quickFlush)
			},
			check: poolLosesCache,
		},
		{name: "move what a thin pool lies on", setup: (*killRun).thinPool, long: true, do: killMove(MoveOptions{Atomic: true}), check: moveEnds},
		{
			name: "merge a thin snapshot", setup: (*killRun).thinToBeMerged, long: true,
			do: update(func(tx *Tx) error { return tx.MergeSnapshot("s") }), check: isThinMerged,
		},
		{name: "merge a thin snapshot into what is in use", setup: (*killRun).thinToBeMerged, long: true, do: mergeOpenThin, check: isThinMerged},
		{
			name: "create a snapshot of a raid", setup: raid, long: true,
			do: update(func(tx *Tx) error { return tx.addSnapshot("r", "new", 6) }),
			check: func(r *killRun, vg *VolumeGroup) {
				r.isSnapshotOf(vg, "new", "r")
				r.sound(vg)
			},
		},
		{
			name: "remove a snapshot of a raid", setup: withSnapshot, long: true,
			do: update(func(tx *Tx) error { return tx.RemoveLV("one") }), check: (*killRun).sound,
		},
	}
}
