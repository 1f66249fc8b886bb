package lvm

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/umltest"
)

// cachedGroup makes a group of three physical volumes with the volume a, and on the
// third f and w for its caches.
func cachedGroup(t *testing.T) (*interopRun, *System) {
	return kernelGroup(t, 3, func(tx *Tx) error {
		return create(LVSpec{Name: "a", Size: ExtentCount(4)}, LVSpec{Name: "f", Size: ExtentCount(3)}, LVSpec{Name: "w", Size: ExtentCount(2)})(tx)
	})
}

// All that is done to a cache is done while the volume is written to: no write is
// lost and no call fails.
func TestKernelCacheWhileInUse(t *testing.T) {
	ctx := context.Background()
	r, sys := cachedGroup(t)
	r.update(func(tx *Tx) error {
		_, err := tx.CreateCachePool(CachePoolSpec{Name: "p", Size: ExtentCount(3)})
		return err
	})
	c, stop := r.busyVolumes(1, "a")
	step := func(do func(*Tx) error) {
		t.Helper()
		r.update(do)
		c.Progress(60)
		require.Empty(t, suspendedDevices(t))
	}
	step(func(tx *Tx) error { return tx.AttachCache("a", AttachCacheSpec{Pool: "p", Mode: CacheWriteback}) })
	step(func(tx *Tx) error { return tx.ExtendLV("a", ExtendSpec{By: ExtentCount(1)}) })
	require.NoError(t, sys.FlushCache(ctx, "vg", "a", quickFlush))
	step(func(tx *Tx) error { return tx.ChangeCache("a", CacheChange{Mode: CachePassthrough}) })
	step(func(tx *Tx) error { return tx.ChangeCache("a", CacheChange{Mode: CacheWriteback}) })
	require.NoError(t, sys.FlushCache(ctx, "vg", "a", quickFlush))
	step(func(tx *Tx) error { return tx.ChangeCache("a", CacheChange{Mode: CacheWritethrough}) })
	require.NoError(t, sys.DetachCache(ctx, "vg", "a", DetachSpec{}, quickFlush))
	c.Progress(60)
	step(func(tx *Tx) error { return tx.AttachCache("a", AttachCacheSpec{CacheVol: "f", Mode: CacheWriteback}) })
	step(func(tx *Tx) error { return tx.RenameLV("a", "b") })
	require.NoError(t, sys.DetachCache(ctx, "vg", "b", DetachSpec{RemovePool: true}, quickFlush))
	c.Progress(60)
	step(func(tx *Tx) error {
		return tx.AttachWriteCache("b", AttachWriteCacheSpec{CacheVol: "w", BlockSize: 512, Settings: []CacheSetting{{"high_watermark", "100"}, {"low_watermark", "100"}}})
	})
	step(func(tx *Tx) error {
		return tx.ChangeWriteCache("b", CacheSetting{"low_watermark", ""}, CacheSetting{"high_watermark", ""})
	})
	require.NoError(t, sys.DetachCache(ctx, "vg", "b", DetachSpec{RemovePool: true}, quickFlush))
	c.Progress(60)
	stop()
	require.Equal(t, []string{"vg-b"}, deviceNames(t))
	umltest.Run(t, "vgck", "vg")
}

// dirty writes to a cached volume by whole chunks, so that its cache alone has it.
func dirty(t *testing.T, r *interopRun, lv string) []byte {
	t.Helper()
	vg, err := r.sys.VG(context.Background(), "vg")
	require.NoError(t, err)
	l, err := vg.LV(lv)
	require.NoError(t, err)
	want := pattern(l.ID(), 2*MiB)
	d, err := openFileDevice(l.Path(), true)
	require.NoError(t, err)
	_, err = d.WriteAt(want, 0)
	require.NoError(t, err)
	require.NoError(t, d.Sync())
	require.NoError(t, d.Close())
	return want
}

func heldBy(t *testing.T, path string, want []byte) {
	t.Helper()
	d, err := openFileDevice(path, false)
	require.NoError(t, err)
	got := make([]byte, len(want))
	_, err = d.ReadAt(got, 0)
	require.NoError(t, err)
	require.NoError(t, d.Close())
	require.True(t, slices.Equal(want, got), path)
}

// What is only in a cache keeps that from being taken off, also while it is not
// active, and a flush ends that.
func TestKernelDirtyCache(t *testing.T) {
	ctx := context.Background()
	for name, attach := range map[string]func(tx *Tx) error{
		"cache": func(tx *Tx) error { return tx.AttachCache("a", AttachCacheSpec{CacheVol: "f", Mode: CacheWriteback}) },
		"writecache": func(tx *Tx) error {
			return tx.AttachWriteCache("a", AttachWriteCacheSpec{CacheVol: "f", Settings: []CacheSetting{{"high_watermark", "100"}, {"low_watermark", "100"}}})
		},
	} {
		t.Run(name, func(t *testing.T) {
			r, sys := cachedGroup(t)
			r.update(attach)
			want := dirty(t, r, "a")
			detach := func(tx *Tx) error { return tx.DetachCache("a", DetachSpec{}) }
			_, err := sys.Plan(ctx, "vg", detach)
			require.ErrorIs(t, err, ErrCacheDirty)
			if name == "cache" {
				_, err = sys.Plan(ctx, "vg", func(tx *Tx) error { return tx.ChangeCache("a", CacheChange{Mode: CacheWritethrough}) })
				require.ErrorIs(t, err, ErrCacheDirty)
			}
			r.update(func(tx *Tx) error { return tx.Deactivate("a") })
			_, err = sys.Plan(ctx, "vg", detach)
			require.ErrorIs(t, err, ErrCacheDirty, "as its metadata say")
			var told []FlushProgress
			o := FlushOptions{Interval: time.Millisecond, Progress: func(p FlushProgress) { told = append(told, p) }}
			require.NoError(t, sys.FlushCache(ctx, "vg", "a", o))
			for _, p := range told {
				assert.Equal(t, "a", p.LV)
				assert.LessOrEqual(t, p.Left, p.Total)
			}
			require.Equal(t, []string{"vg-w"}, deviceNames(t), "a was not active")
			r.update(detach)
			r.update(func(tx *Tx) error { return tx.Activate("a") })
			heldBy(t, "/dev/vg/a", want)
			require.Equal(t, []string{"vg-a", "vg-w"}, deviceNames(t))
		})
	}
}

// A cache that lies on what is missing is given up only if nothing is lost with it,
// or if that is asked for.
func TestKernelMissingCache(t *testing.T) {
	ctx := context.Background()
	for _, mode := range []CacheMode{CacheWritethrough, CacheWriteback} {
		t.Run(string(mode), func(t *testing.T) {
			r, _ := kernelGroup(t, 2, nil)
			r.update(func(tx *Tx) error {
				return joinErrors(create(LVSpec{Name: "a", Size: ExtentCount(4), PVs: pvs(pv(r.dev[0]))},
					LVSpec{Name: "f", Size: ExtentCount(3), PVs: pvs(pv(r.dev[1]))})(tx), tx.AttachCache("a", AttachCacheSpec{CacheVol: "f", Mode: mode}))
			})
			want := dirty(t, r, "a")
			r.update(func(tx *Tx) error { return tx.Deactivate("a") })
			alone := openKernel(t, r.dev[:1])
			detach := func(spec DetachSpec) error { return alone.DetachCache(ctx, "vg", "a", spec, quickFlush) }
			require.ErrorIs(t, detach(DetachSpec{RemovePool: true}), ErrMissingPV)
			err := detach(DetachSpec{WithoutCache: true})
			if mode == CacheWriteback {
				require.ErrorIs(t, err, ErrMissingPV)
				err = detach(DetachSpec{WithoutCache: true, LoseDirty: true})
			}
			require.NoError(t, err)
			update(t, alone, "vg", func(tx *Tx) error { return tx.Activate("a") })
			if mode == CacheWritethrough {
				heldBy(t, "/dev/vg/a", want)
			}
			update(t, alone, "vg", func(tx *Tx) error { return tx.Deactivate("a") })
			r.sys = alone
		})
	}
}

// The data of a thin pool that lvm2 made are cached while the pool is in use, and so is
// a raid.
func TestKernelCacheOfPoolAndRaid(t *testing.T) {
	ctx := context.Background()
	r, sys := kernelGroup(t, 3, nil)
	for _, command := range []string{
		"lvcreate -qq -y -T -l3 -V8M -n thin vg/pool",
		"lvcreate -qq -y --type raid1 -m1 -l2 -n raid vg",
		"lvcreate -qq -y -l3 -n f vg",
	} {
		r.do(interopStep{lvm2: command}, false)
	}
	lvm2(t, "vgchange", "-qq", "-ay", "vg")
	c, stop := r.busyVolumes(1, "thin")
	r.update(func(tx *Tx) error {
		return tx.AttachCache("pool", AttachCacheSpec{CacheVol: "f", Mode: CacheWriteback})
	})
	c.Progress(60)
	require.NoError(t, sys.DetachCache(ctx, "vg", "pool", DetachSpec{}, quickFlush))
	c.Progress(60)
	stop()

	c, stop = r.busyVolumes(2, "raid")
	r.update(func(tx *Tx) error {
		return tx.AttachCache("raid", AttachCacheSpec{CacheVol: "f", Mode: CacheWriteback})
	})
	c.Progress(60)
	require.NoError(t, sys.DetachCache(ctx, "vg", "raid", DetachSpec{}, quickFlush))
	c.Progress(60)
	r.update(func(tx *Tx) error {
		return tx.AttachWriteCache("raid", AttachWriteCacheSpec{CacheVol: "f"})
	})
	c.Progress(60)
	require.NoError(t, sys.DetachCache(ctx, "vg", "raid", DetachSpec{RemovePool: true}, quickFlush))
	c.Progress(60)
	stop()
	require.NoError(t, sys.WaitSync(ctx, "vg", "raid", SyncOptions{Interval: 20 * time.Millisecond}))
	scrubbed, err := sys.Scrub(ctx, "vg", "raid", ScrubOptions{SyncOptions: SyncOptions{Interval: 20 * time.Millisecond}})
	require.NoError(t, err)
	require.Zero(t, scrubbed.Mismatches, "sectors differ between the legs")
	require.Empty(t, suspendedDevices(t))
	umltest.Run(t, "vgck", "vg")
}
