package lvm

import (
	"context"
	"time"
)

// interopCache are scenarios with caches. lvm2 makes and removes them by several
// commits.
func interopCache() []scenario {
	const mib = 1 << 20
	sizes := []int64{96 * mib, 96 * mib, 96 * mib}
	quick := FlushOptions{Interval: 20 * time.Millisecond}
	pool := func(options string, spec CachePoolSpec) interopStep {
		return interopStep{lvm2: "lvcreate -y --type cache-pool -n " + spec.Name + " " + options, ours: func(tx *Tx, dev []string) error {
			spec.PVs = onDevices(spec.PVs, dev)
			_, err := tx.CreateCachePool(spec)
			return err
		}}
	}
	toPool := func(lv, options string, spec ConvertToCachePoolSpec) interopStep {
		return interopStep{lvm2: "lvconvert -y --type cache-pool " + options + " $V/" + lv, ours: func(tx *Tx, _ []string) error {
			_, err := tx.ConvertToCachePool(lv, spec)
			return err
		}}
	}
	attach := func(lv, options string, spec AttachCacheSpec) interopStep {
		return interopStep{lvm2: "lvconvert -y --type cache " + options + " $V/" + lv, ours: func(tx *Tx, _ []string) error {
			return tx.AttachCache(lv, spec)
		}}
	}
	split := func(lv string) interopStep {
		return interopStep{lvm2: "lvconvert -y --splitcache $V/" + lv, job: func(sys *System, vg string) error {
			return sys.DetachCache(context.Background(), vg, lv, DetachSpec{}, quick)
		}}
	}
	uncache := func(lv string) interopStep {
		return interopStep{lvm2: "lvconvert -y --uncache $V/" + lv, job: func(sys *System, vg string) error {
			return sys.DetachCache(context.Background(), vg, lv, DetachSpec{RemovePool: true}, quick)
		}}
	}
	change := func(lv, options string, c CacheChange) interopStep {
		return interopStep{lvm2: "lvchange -y " + options + " $V/" + lv, ours: func(tx *Tx, _ []string) error { return tx.ChangeCache(lv, c) }}
	}
	leave := func(lv, options string, c CacheChange) interopStep {
		return interopStep{lvm2: "lvchange -y " + options + " $V/" + lv, job: func(sys *System, vg string) error {
			if err := sys.FlushCache(context.Background(), vg, lv, quick); err != nil {
				return err
			}
			return sys.Update(context.Background(), vg, func(tx *Tx) error { return tx.ChangeCache(lv, c) })
		}}
	}
	repair := func(lv string) interopStep { return onLV("lvconvert -y --repair", lv, (*Tx).repairCacheOf) }
	activate := func(lv string) interopStep { return onLV("lvchange -y -ay", lv, (*Tx).Activate) }
	deactivate := func(lv string) interopStep { return onLV("lvchange -y -an", lv, (*Tx).Deactivate) }
	return []scenario{
		{name: "cache pools", vg: "vg", sizes: sizes, commits: true, steps: []interopStep{
			makeVG("", VGSpec{}),
			makeLV("-l4 $V $0", LVSpec{Name: "o", Size: ExtentCount(4), PVs: pvs(pv("0"))}),
			pool("-l4 $V $1", CachePoolSpec{Name: "p", Size: ExtentCount(4), PVs: pvs(pv("1"))}),
			pool("-L5M -c 96k --cachemode writeback --cachepolicy smq --cachesettings migration_threshold=4096 --addtag t --alloc cling --poolmetadatasize 10M $V", CachePoolSpec{
				Name: "q", Size: ExactSize(5 * MiB), ChunkSize: 96 * KiB, Mode: CacheWriteback, Policy: "smq",
				Settings: []CacheSetting{{"migration_threshold", "4096"}}, Tags: []string{"t"}, Allocation: AllocCling, MetadataSize: 10 * MiB,
			}),
			failing(pool("-l4 -c 31k $V", CachePoolSpec{Name: "r", Size: ExtentCount(4), ChunkSize: 31 * KiB})),
			failing(pool("-l4 -c 32m $V", CachePoolSpec{Name: "r", Size: ExtentCount(4), ChunkSize: 32 * MiB})),
			attach("o", "--cachepool p", AttachCacheSpec{Pool: "p"}),
			failing(attach("o", "--cachepool q", AttachCacheSpec{Pool: "q"})),
			renameLV("o", "o2"),
			extendLV("o2", "-l+1 $V/o2", ExtendSpec{By: ExtentCount(1)}),
			change("o2", "--cachemode writeback", CacheChange{Mode: CacheWriteback}),
			change("o2", "--cachesettings migration_threshold=8192", CacheChange{Settings: []CacheSetting{{"migration_threshold", "8192"}}}),
			leave("o2", "--cachemode writethrough", CacheChange{Mode: CacheWritethrough}),
			change("o2", "--cachemode passthrough", CacheChange{Mode: CachePassthrough}),
			change("o2", "--cachesettings migration_threshold=default", CacheChange{Settings: []CacheSetting{{Key: "migration_threshold"}}}),
			change("o2", "--cachemode writeback --cachepolicy smq", CacheChange{Mode: CacheWriteback, Policy: "smq"}),
			failing(repair("o2")),
			deactivate("o2"),
			repair("o2"),
			activate("o2"),
			onLV("lvchange --refresh", "o2", (*Tx).Refresh),
			split("o2"),
			attach("o2", "--cachepool q -c 128k", AttachCacheSpec{Pool: "q", ChunkSize: 128 * KiB}),
			uncache("o2"),
			deactivate("o2"),
			attach("o2", "--cachepool p --cachemode writethrough", AttachCacheSpec{Pool: "p", Mode: CacheWritethrough}),
			activate("o2"),
			removeLV("o2"),
		}},
		{name: "volumes that become cache pools", vg: "vg", sizes: sizes, commits: true, unordered: true, steps: []interopStep{
			makeVG("", VGSpec{}),
			makeLV("-l4 --addtag x $V", LVSpec{Name: "d", Size: ExtentCount(4), Tags: []string{"x"}}),
			makeLV("-l3 -an -Zn -Wn --addtag y $V", LVSpec{Name: "m", Size: ExtentCount(3), Tags: []string{"y"}, Inactive: true, SkipZero: true, KeepSignatures: true}),
			toPool("d", "--poolmetadata m --cachemode writeback --cachepolicy smq", ConvertToCachePoolSpec{Metadata: "m", Mode: CacheWriteback, Policy: "smq"}),
			makeLV("-l6 -i2 $V", LVSpec{Name: "e", Size: ExtentCount(6), Stripes: 2}),
			toPool("e", "-c 128k --poolmetadatasize 16m", ConvertToCachePoolSpec{ChunkSize: 128 * KiB, MetadataSize: 16 * MiB}),
			failing(toPool("e", "", ConvertToCachePoolSpec{})),
			makeLV("-l4 $V", LVSpec{Name: "o", Size: ExtentCount(4)}),
			attach("o", "--cachepool d", AttachCacheSpec{Pool: "d"}),
			split("o"),
			attach("o", "--cachepool e", AttachCacheSpec{Pool: "e"}),
			uncache("o"),
		}},
		{name: "cache volumes", vg: "vg", sizes: sizes, commits: true, steps: []interopStep{
			makeVG("", VGSpec{}),
			makeLV("-l4 $V $0", LVSpec{Name: "o", Size: ExtentCount(4), PVs: pvs(pv("0"))}),
			makeLV("-l3 -i3 $V", LVSpec{Name: "f", Size: ExtentCount(3), Stripes: 3}),
			makeLV("-l1 $V", LVSpec{Name: "one", Size: ExtentCount(1)}),
			deactivate("one"),
			failing(attach("o", "--cachevol one", AttachCacheSpec{CacheVol: "one"})),
			attach("o", "--cachevol f --cachemode writeback --cachesettings migration_threshold=9000", AttachCacheSpec{
				CacheVol: "f", Mode: CacheWriteback, Settings: []CacheSetting{{"migration_threshold", "9000"}},
			}),
			extendLV("o", "-l+2 $V/o", ExtendSpec{By: ExtentCount(2)}),
			renameLV("o", "o2"),
			leave("o2", "--cachemode writethrough", CacheChange{Mode: CacheWritethrough}),
			renameLV("one", "f"),
			split("o2"),
			attach("o2", "--cachevol lvol0 -c 512k", AttachCacheSpec{CacheVol: "lvol0", ChunkSize: 512 * KiB}),
			deactivate("o2"),
			uncache("o2"),
			activate("o2"),
		}},
		{name: "writecaches", vg: "vg", sizes: sizes, commits: true, steps: []interopStep{
			makeVG("", VGSpec{}),
			makeLV("-l4 $V $0", LVSpec{Name: "o", Size: ExtentCount(4), PVs: pvs(pv("0"))}),
			makeLV("-l2 $V", LVSpec{Name: "f", Size: ExtentCount(2)}),
			deactivate("f"),
			{lvm2: "lvconvert -y --type writecache --cachesettings block_size=4096 --cachevol f $V/o", ours: func(tx *Tx, _ []string) error {
				return tx.AttachWriteCache("o", AttachWriteCacheSpec{CacheVol: "f", BlockSize: 4 * KiB})
			}},
			{lvm2: "lvchange -y --cachesettings high_watermark=60 --cachesettings low_watermark=30 $V/o", ours: func(tx *Tx, _ []string) error {
				return tx.ChangeWriteCache("o", CacheSetting{"high_watermark", "60"}, CacheSetting{"low_watermark", "30"})
			}},
			extendLV("o", "-l+1 $V/o", ExtendSpec{By: ExtentCount(1)}),
			renameLV("o", "o2"),
			deactivate("o2"),
			activate("o2"),
			split("o2"),
			{lvm2: "lvconvert -y --type writecache --cachesettings block_size=512 --cachesettings max_age=5000 --cachevol f $V/o2", ours: func(tx *Tx, _ []string) error {
				return tx.AttachWriteCache("o2", AttachWriteCacheSpec{CacheVol: "f", BlockSize: 512, Settings: []CacheSetting{{"max_age", "5000"}}})
			}},
			deactivate("o2"),
			activate("o2"),
			uncache("o2"),
		}},
		{name: "caches of active raids", vg: "vg", sizes: sizes, commits: true, steps: []interopStep{
			makeVG("", VGSpec{}),
			{lvm2: "lvcreate -y --type raid1 -m1 -l2 -n r $V $0 $1", setup: true},
			makeLV("-l3 $V $2", LVSpec{Name: "f", Size: ExtentCount(3), PVs: pvs(pv("2"))}),
			attach("r", "--cachevol f --cachemode writeback", AttachCacheSpec{CacheVol: "f", Mode: CacheWriteback}),
			renameLV("r", "r2"),
			split("r2"),
			{lvm2: "lvconvert -y --type writecache --cachesettings block_size=4096 --cachevol f $V/r2", ours: func(tx *Tx, _ []string) error {
				return tx.AttachWriteCache("r2", AttachWriteCacheSpec{CacheVol: "f", BlockSize: 4 * KiB})
			}},
			uncache("r2"),
		}},
	}
}
