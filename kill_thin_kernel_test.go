package lvm

import (
	"context"

	"github.com/stretchr/testify/require"
)

// thinPool makes a pool with the volumes t, which is full, and its snapshot s.
func (r *killRun) thinPool() {
	r.Helper()
	r.update(func(tx *Tx) error {
		_, err := tx.createThinPool(ThinPoolSpec{Name: "pool", Size: ExtentCount(64), MetadataSize: 256 * KiB}, 64*KiB)
		return tx.fail("create thin pool", "pool", err)
	})
	r.fillPool()
}

func (r *killRun) fillPool() {
	r.Helper()
	r.update(func(tx *Tx) error { return tx.addThinLV("pool", "t", 20) })
	r.fill("t")
	r.update(func(tx *Tx) error { return tx.addThinSnapshot("t", "s") })
	r.want[r.volume("s").ID()] = r.want[r.volume("t").ID()]
	r.fill("t") // so that the two differ in what they lie on
}

// agrees checks that kernel and metadata are at the same transaction of the pool, and
// that a snapshot shows what its origin does, if they are there.
func (r *killRun) agrees(vg *VolumeGroup, pairs ...string) {
	r.Helper()
	for lv := range vg.LVs() {
		if !lv.IsThinPool() {
			continue
		}
		u, err := lv.ThinPoolUsage()
		require.NoError(r, err, r.where)
		require.NoError(r, u.Err(), r.where)
		require.Equal(r, u.Expected, u.TransactionID, r.where)
		require.False(r, u.Pending, r.where)
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		lv, err := vg.LV(pairs[i])
		if err != nil {
			require.ErrorIs(r, err, ErrLVNotFound)
			continue
		}
		if !lv.Active() { // it died before it came to that
			r.update(func(tx *Tx) error { return tx.Activate(lv.Name()) })
			lv = r.volume(lv.Name())
		}
		r.holds(lv.Path(), r.want[r.volume(pairs[i+1]).ID()])
	}
}

func killThin() []killScenario {
	update := func(fn func(*Tx) error) func(context.Context, *System, []string) error {
		return func(ctx context.Context, sys *System, _ []string) error { return sys.Update(ctx, "vg0", fn) }
	}
	return []killScenario{
		{
			name: "create thin volumes and snapshots", setup: (*killRun).thinPool, long: true,
			do: update(func(tx *Tx) error {
				return joinErrors(tx.addThinLV("pool", "u", 9), tx.addThinSnapshot("t", "new"), tx.addThinSnapshot("s", "newer"))
			}),
			check: func(r *killRun, vg *VolumeGroup) { r.agrees(vg, "new", "t", "newer", "s") },
		},
		{
			name: "remove a thin volume", setup: (*killRun).thinPool,
			do:    update(func(tx *Tx) error { return tx.RemoveLV("t") }),
			check: func(r *killRun, vg *VolumeGroup) { r.agrees(vg) },
		},
		{
			name: "extend a thin pool", setup: (*killRun).thinPool, long: true,
			do: update(func(tx *Tx) error {
				return joinErrors(tx.ExtendLV("pool", ExtendSpec{By: ExtentCount(9)}), tx.ExtendPoolMetadata("pool", ExtendSpec{By: ExtentCount(2)}), tx.addThinSnapshot("t", "new"))
			}),
			check: func(r *killRun, vg *VolumeGroup) { r.agrees(vg, "new", "t") },
		},
	}
}
