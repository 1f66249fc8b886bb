package lvm

import (
	"bytes"
	"context"
	"slices"
	"time"

	"github.com/stretchr/testify/require"
)

// snapshotOfData makes a snapshot of data that differs from it: here the one was
// written to, there the other.
func (r *killRun) snapshotOfData(name string) {
	r.Helper()
	r.update(func(tx *Tx) error { return tx.addSnapshot("data", name, 12) })
	origin, snapshot := r.volume("data"), r.volume(name)
	was := r.want[origin.ID()]
	here, there := pattern(snapshot.ID(), 2*32*KiB), 32*KiB
	r.want[snapshot.ID()] = slices.Concat(here[:there], was[there:])
	r.want[origin.ID()] = slices.Concat(was[:2*there], here[there:], was[3*there:])
	r.write(snapshot.Path(), here[:there], 0)
	r.write(origin.Path(), here[there:], int64(2*there))
}

// isSnapshotOf checks that a snapshot holds what its origin does, if it is there.
func (r *killRun) isSnapshotOf(vg *VolumeGroup, name, origin string) {
	r.Helper()
	lv, err := vg.LV(name)
	if err != nil {
		require.ErrorIs(r, err, ErrLVNotFound)
		return
	}
	require.True(r, lv.Active(), "%s: %s has no device", r.where, name)
	of, err := vg.LV(origin)
	require.NoError(r, err)
	r.holds(lv.Path(), r.want[of.ID()])
}

// merges goes on with a merge to its end. If it was begun in the metadata the
// origin becomes what the snapshot held, whoever has come how far.
func (r *killRun) merges(vg *VolumeGroup, snapshot string) {
	r.Helper()
	origin, err := vg.LV("data")
	require.NoError(r, err)
	lv, err := vg.LV(snapshot)
	if err != nil { // finished
		require.ErrorIs(r, err, ErrLVNotFound)
		r.holds(origin.Path(), r.merged)
		return
	}
	if !lv.Merging() {
		r.holds(origin.Path(), r.unmerged)
		r.holds(lv.Path(), r.merged)
		return
	}
	// A merge that the kernel has not begun begins now.
	r.update(func(tx *Tx) error { return tx.Deactivate("data") })
	r.update(func(tx *Tx) error { return tx.Activate("data") })
	r.holds(origin.Path(), r.merged)
	r.finishMerge()
	r.holds(origin.Path(), r.merged)
}

func (r *killRun) finishMerge() {
	r.Helper()
	for range 500 {
		err := r.sys.Update(context.Background(), "vg0", func(tx *Tx) error { return tx.FinishMerge("data") })
		if err == nil {
			return
		}
		require.ErrorIs(r, err, ErrMerging, r.where)
		time.Sleep(5 * time.Millisecond)
	}
	require.Fail(r, "the merge has no end", r.where)
}

// toBeMerged makes the snapshot one of data, whose contents are not compared by
// themselves.
func (r *killRun) toBeMerged() {
	r.snapshotOfData("one")
	origin, snapshot := r.volume("data").ID(), r.volume("one").ID()
	r.unmerged, r.merged = r.want[origin], r.want[snapshot]
	delete(r.want, origin)
	delete(r.want, snapshot)
	require.False(r, bytes.Equal(r.merged, r.unmerged))
}

func killSnapshots() []killScenario {
	update := func(fn func(*Tx) error) func(context.Context, *System, []string) error {
		return func(ctx context.Context, sys *System, _ []string) error { return sys.Update(ctx, "vg0", fn) }
	}
	two := func(r *killRun) {
		r.snapshotOfData("one")
		r.snapshotOfData("two")
	}
	return []killScenario{
		{
			name: "create snapshots of two volumes",
			do: update(func(tx *Tx) error {
				return joinErrors(tx.addSnapshot("data", "new", 6), tx.addSnapshot("striped", "of-striped", 6))
			}),
			check: func(r *killRun, vg *VolumeGroup) {
				r.isSnapshotOf(vg, "new", "data")
				r.isSnapshotOf(vg, "of-striped", "striped")
			},
		},
		{
			name:  "create one more snapshot",
			setup: func(r *killRun) { r.snapshotOfData("one") },
			do:    update(func(tx *Tx) error { return tx.addSnapshot("data", "new", 6) }),
			check: func(r *killRun, vg *VolumeGroup) { r.isSnapshotOf(vg, "new", "data") },
		},
		{name: "extend a cow store", setup: two, do: update(func(tx *Tx) error {
			return tx.ExtendLV("one", ExtendSpec{By: ExtentCount(4)})
		})},
		{name: "rename an origin and a snapshot", setup: two, do: update(func(tx *Tx) error {
			return joinErrors(tx.RenameLV("one", "three"), tx.RenameLV("data", "one"))
		})},
		{name: "remove one of two snapshots", setup: two, do: update(func(tx *Tx) error { return tx.RemoveLV("one") })},
		{
			name:  "remove the last snapshot",
			setup: func(r *killRun) { r.snapshotOfData("one") },
			do:    update(func(tx *Tx) error { return tx.RemoveLV("one") }),
		},
		{name: "remove an origin", setup: two, do: update(func(tx *Tx) error {
			return tx.RemoveLVWith("data", RemoveSpec{Snapshots: true})
		})},
		{
			name: "begin a merge", setup: (*killRun).toBeMerged,
			do:    update(func(tx *Tx) error { return tx.MergeSnapshot("one") }),
			check: func(r *killRun, vg *VolumeGroup) { r.merges(vg, "one") },
		},
		{
			name: "finish a merge",
			setup: func(r *killRun) {
				r.toBeMerged()
				r.update(func(tx *Tx) error { return tx.MergeSnapshot("one") })
			},
			do: func(ctx context.Context, sys *System, _ []string) (err error) {
				for range 500 {
					if err = sys.Update(ctx, "vg0", func(tx *Tx) error { return tx.FinishMerge("data") }); err == nil {
						break
					}
					time.Sleep(5 * time.Millisecond)
				}
				return err
			},
			check: func(r *killRun, vg *VolumeGroup) { r.merges(vg, "one") },
		},
	}
}
