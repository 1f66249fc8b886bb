package lvm

import (
	"context"
	"time"

	"github.com/stretchr/testify/require"
)

// quickFlush looks often whether a cache is written back.
var quickFlush = FlushOptions{Interval: 5 * time.Millisecond}

// dirtyCache has data cached by fast, in writeback mode, and writes it anew by
// whole chunks, so that the cache alone has what it holds.
func (r *killRun) dirtyCache() {
	r.Helper()
	r.update(func(tx *Tx) error {
		return joinErrors(tx.addLV("fast", 60, 1), tx.cacheByVol("data", "fast", CacheWriteback))
	})
	r.refill("data")
	u, err := r.volume("data").CacheUsage()
	require.NoError(r, err)
	require.NotZero(r, u.Dirty, "the cache has nothing to write back")
}

// dirtyWriteCache does so with a writecache.
func (r *killRun) dirtyWriteCache() {
	r.Helper()
	r.update(func(tx *Tx) error {
		return joinErrors(tx.addLV("fast", 60, 1), tx.AttachWriteCache("data", AttachWriteCacheSpec{
			CacheVol: "fast", BlockSize: 4 * KiB, Settings: []CacheSetting{{"high_watermark", "100"}, {"low_watermark", "100"}},
		}))
	})
	r.refill("data")
	u, err := r.volume("data").WriteCacheUsage()
	require.NoError(r, err)
	require.False(r, u.Clean(), "the cache has nothing to write back")
}

// refill writes another pattern over a volume.
func (r *killRun) refill(name string) {
	r.Helper()
	lv := r.volume(name)
	id := lv.ID()
	id[0]++
	p := pattern(id, lv.Size())
	r.write(lv.Path(), p, 0)
	r.want[lv.ID()] = p
}

// losesCache checks that a flush that was begun goes on, and that what is beneath
// the cache has all of it in the end.
func losesCache(r *killRun, vg *VolumeGroup) {
	r.Helper()
	ctx := context.Background()
	lv, err := vg.LV("data")
	require.NoError(r, err, r.where)
	if lv.CacheOrigin() != nil {
		names, err := r.sys.ResumeDetaches(ctx, "vg0", quickFlush)
		require.NoError(r, err, r.where)
		if len(names) == 0 { // it had not begun
			require.NoError(r, r.sys.DetachCache(ctx, "vg0", "data", DetachSpec{}, quickFlush), r.where)
		}
	}
	after, err := r.sys.VG(ctx, "vg0")
	require.NoError(r, err, r.where)
	lv, err = after.LV("data")
	require.NoError(r, err, r.where)
	require.Nil(r, lv.CacheOrigin(), r.where)
	r.holds(lv.Path(), r.want[lv.ID()])
}

func killCache() []killScenario {
	detach := func(spec DetachSpec) func(context.Context, *System, []string) error {
		return func(ctx context.Context, sys *System, _ []string) error {
			return sys.DetachCache(ctx, "vg0", "data", spec, quickFlush)
		}
	}
	return []killScenario{
		{name: "attach caches", long: true,
			setup: func(r *killRun) {
				r.update(func(tx *Tx) error {
					return joinErrors(tx.addLV("fast", 60, 1), tx.addLV("quick", 40, 1), tx.addCachePool("pool", 20, 20))
				})
			},
			do: func(ctx context.Context, sys *System, _ []string) error {
				return sys.Update(ctx, "vg0", func(tx *Tx) error {
					return joinErrors(tx.cacheByVol("data", "fast", CacheWriteback), tx.AttachCache("striped", AttachCacheSpec{Pool: "pool"}),
						tx.AttachWriteCache("other", AttachWriteCacheSpec{CacheVol: "quick", BlockSize: 4 * KiB}))
				})
			}},
		{name: "detach a dirty cache", long: true, setup: (*killRun).dirtyCache, do: detach(DetachSpec{}), check: losesCache},
		{name: "detach a dirty writecache", long: true, setup: (*killRun).dirtyWriteCache, do: detach(DetachSpec{RemovePool: true}), check: losesCache},
		{name: "change and extend a cached volume", long: true, setup: (*killRun).dirtyCache, check: losesCache,
			do: func(ctx context.Context, sys *System, _ []string) error {
				return sys.Update(ctx, "vg0", func(tx *Tx) error {
					return joinErrors(tx.ChangeCache("data", CacheChange{Settings: []CacheSetting{{"migration_threshold", "4096"}}}),
						tx.ExtendLV("data", ExtendSpec{By: ExtentCount(2)}))
				})
			}},
	}
}
