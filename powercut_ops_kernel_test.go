package lvm

import (
	"context"
	"strings"
	"time"

	"github.com/stretchr/testify/require"
)

// cutStep is a part of an operation.
type cutStep func(r *cutRun) error

// inSteps makes an operation of several parts.
func inSteps(steps ...cutStep) cutStep {
	return func(r *cutRun) error {
		for _, step := range steps {
			if err := step(r); err != nil {
				return err
			}
		}
		return nil
	}
}

// inUpdate makes a part of one update.
func inUpdate(fns ...func(*Tx) error) cutStep {
	return func(r *cutRun) error {
		return r.sys.Update(context.Background(), "vg0", func(tx *Tx) error {
			for _, fn := range fns {
				if err := fn(tx); err != nil {
					return err
				}
			}
			return nil
		})
	}
}

// untilSync waits until a raid is in sync.
func untilSync(name string) cutStep {
	return func(r *cutRun) error { return r.sys.WaitSync(context.Background(), "vg0", name, quickSync) }
}

var (
	quickSync   = SyncOptions{Interval: 5 * time.Millisecond}
	quickMirror = MirrorRun{Interval: 5 * time.Millisecond}
	quickMove   = MoveRun{Interval: 5 * time.Millisecond}
)

func addCutPool(tx *Tx) error {
	_, err := tx.createThinPool(ThinPoolSpec{Name: "pool", Size: ExtentCount(64), MetadataSize: 256 * KiB}, 64*KiB)
	return tx.fail("create thin pool", "pool", err)
}

func addCutThin(name string) func(*Tx) error {
	return func(tx *Tx) error { return tx.addThinLV("pool", name, 8) }
}

func addCutSnapshot(origin, name string) func(*Tx) error {
	return func(tx *Tx) error { return tx.addThinSnapshot(origin, name) }
}

// cutData makes data.
func (r *cutRun) cutData() {
	r.Helper()
	r.update(func(tx *Tx) error { return tx.addLV("data", 12, 1) })
	r.fill("data")
}

// cutFast is cutData, with a volume that can be its cache.
func (r *cutRun) cutFast() {
	r.Helper()
	r.cutData()
	r.update(func(tx *Tx) error { return tx.addLV("fast", 20, 1) })
}

// cutPool makes a pool with the volumes t and u, and the snapshot s of t, which was
// written again since.
func (r *cutRun) cutPool() {
	r.Helper()
	r.update(addCutPool)
	r.fillPool()
}

func (r *cutRun) fillPool() {
	r.Helper()
	r.update(func(tx *Tx) error { return joinErrors(addCutThin("t")(tx), addCutThin("u")(tx)) })
	r.fill("t", "u")
	r.update(addCutSnapshot("t", "s"))
	r.ids["s"] = r.volume("s").ID()
	r.fill("t")
}

// cutPoolOnRAIDs is cutPool, whose parts are raids. lvm2 makes it.
func (r *cutRun) cutPoolOnRAIDs() {
	r.Helper()
	for _, command := range []string{
		"lvcreate -y --type raid1 -m1 -l64 -n pool vg0",
		"lvcreate -y --type raid1 -m1 -l32 -n meta vg0",
		"lvconvert -y --type thin-pool -c 64k --poolmetadataspare n --poolmetadata meta vg0/pool",
	} {
		lvm2(r, strings.Fields(command)...)
	}
	r.fillPool()
}

// cutRAID makes a raid that is in sync.
func cutRAID(typ SegmentType, stripes int) func(*cutRun) {
	return func(r *cutRun) {
		r.Helper()
		spec := RAIDSpec{Name: "r", Type: typ, Stripes: stripes, Size: ExtentCount(12), RegionSize: 64 * KiB}
		if stripes > 0 {
			spec.StripeSize = 16 * KiB
		}
		r.update(func(tx *Tx) error {
			_, err := tx.CreateRAID(spec)
			return err
		})
		r.fill("r")
		r.inSync("r")
	}
}

// inSync waits until a raid is in sync.
func (r *cutRun) inSync(name string) {
	r.Helper()
	require.NoError(r, untilSync(name)(r), r.where)
}

// mended brings a raid in sync, and checks that its legs hold the same once they
// have been repaired. What was being written when the power failed the kernel does
// not bring in sync by itself.
func (r *cutRun) mended(name string) {
	r.Helper()
	ctx := context.Background()
	r.inSync(name)
	found, err := r.sys.Scrub(ctx, "vg0", name, ScrubOptions{SyncOptions: quickSync})
	require.NoError(r, err, r.where)
	if found.Mismatches > 0 {
		r.saw("legs that differ")
	}
	_, err = r.sys.Scrub(ctx, "vg0", name, ScrubOptions{Repair: true, SyncOptions: quickSync})
	require.NoError(r, err, r.where)
	found, err = r.sys.Scrub(ctx, "vg0", name, ScrubOptions{SyncOptions: quickSync})
	require.NoError(r, err, r.where)
	require.Zero(r, found.Mismatches, r.where)
	r.holdsMarks(r.safe)
}

// typeOf returns the type of a volume, "" if there is none.
func (r *cutRun) typeOf(name string) SegmentType {
	r.Helper()
	vg, err := r.sys.VG(context.Background(), "vg0")
	require.NoError(r, err, r.where)
	lv, err := vg.LV(name)
	if err != nil {
		require.ErrorIs(r, err, ErrLVNotFound, r.where)
		return ""
	}
	return SegmentType(lv.rec.Segments[0].BaseType())
}

// merged checks that t holds what its snapshot s did, or what was written to it.
func (r *cutRun) merged() {
	r.Helper()
	marks := r.marksOf(r.volume("t"), r.filled[r.ids["t"]])
	if marks[0].count == 0 {
		r.saw("merged")
		for _, m := range marks {
			require.Zero(r, m.count, r.where)
		}
		require.Empty(r, r.typeOf("s"), r.where)
		return
	}
	r.saw("not merged")
	r.holdsMarksOf(r.volume("t"), r.ids["t"], r.safe, r.issued)
	require.NotEmpty(r, r.typeOf("s"), r.where)
}

// detached takes the cache off data, however far that was.
func (r *cutRun) detached() {
	r.Helper()
	ctx := context.Background()
	_, err := r.sys.ResumeDetaches(ctx, "vg0", quickFlush)
	require.NoError(r, err, r.where)
	if r.volume("data").CacheOrigin() != nil {
		r.saw("cached")
		require.NoError(r, r.sys.DetachCache(ctx, "vg0", "data", DetachSpec{}, quickFlush), r.where)
	} else {
		r.saw("not cached")
	}
	r.holdsMarks(r.safe)
}

func powerCuts() []powerCut {
	ofT := map[string]string{"s": "t", "s1": "t", "s2": "t"}
	detach := func(r *cutRun) error {
		return r.sys.DetachCache(context.Background(), "vg0", "data", DetachSpec{}, quickFlush)
	}
	return []powerCut{
		{
			name: "create a thin pool, a volume and a snapshot", setup: (*cutRun).cutData, writes: []string{"data"},
			do: inSteps(inUpdate(addCutPool, addCutThin("t")), inUpdate(addCutSnapshot("t", "s"))),
		},
		{
			name: "create thin snapshots", setup: (*cutRun).cutPool, writes: []string{"t"}, of: ofT,
			do: inUpdate(addCutSnapshot("t", "s1"), addCutSnapshot("t", "s2")),
		},
		{
			name: "extend a thin pool", setup: (*cutRun).cutPool, writes: []string{"t", "u"}, of: ofT,
			do: inSteps(inUpdate(func(tx *Tx) error { return tx.ExtendLV("pool", ExtendSpec{By: ExtentCount(9)}) }),
				inUpdate(func(tx *Tx) error { return tx.ExtendPoolMetadata("pool", ExtendSpec{By: ExtentCount(2)}) })),
		},
		{
			name: "remove a thin snapshot", setup: (*cutRun).cutPool, writes: []string{"t", "u"}, of: ofT, goes: []string{"s"},
			do: inUpdate(func(tx *Tx) error { return tx.RemoveLV("s") }),
		},
		{
			name: "merge a thin snapshot", setup: (*cutRun).cutPool, writes: []string{"u"}, of: ofT, goes: []string{"s"}, loose: []string{"t"},
			do:    inUpdate(func(tx *Tx) error { return tx.MergeSnapshot("s") }),
			after: (*cutRun).merged,
		},
		{
			name: "merge a thin snapshot into what is in use", setup: (*cutRun).cutPool, writes: []string{"t"}, of: ofT, goes: []string{"s"}, loose: []string{"t"},
			do:    inUpdate(func(tx *Tx) error { return tx.MergeSnapshot("s") }),
			after: (*cutRun).merged,
		},
		{
			name: "remove a thin pool", setup: func(r *cutRun) { r.cutData(); r.cutPool() }, writes: []string{"data"}, of: ofT, goes: []string{"s", "t", "u"},
			do: inUpdate(func(tx *Tx) error { return tx.RemoveLVWith("pool", RemoveSpec{Dependents: true}) }),
		},
		{
			name: "change a thin pool on raids", size: 16 * MiB, setup: (*cutRun).cutPoolOnRAIDs, writes: []string{"t", "u"}, of: ofT, goes: []string{"s"},
			do: inSteps(inUpdate(addCutSnapshot("t", "s1")), inUpdate(func(tx *Tx) error { return tx.ExtendLV("pool", ExtendSpec{By: ExtentCount(8)}) }),
				inUpdate(func(tx *Tx) error { return tx.RemoveLV("s") })),
		},
		{
			name: "move what a pool lies on", setup: (*cutRun).cutPool, writes: []string{"t"}, of: ofT,
			do: func(r *cutRun) error {
				_, err := r.sys.Move(context.Background(), "vg0", MoveOptions{From: PVSelection{PV: r.devices[0]}, Run: quickMove})
				return err
			},
			after: func(r *cutRun) {
				done, err := r.sys.ResumeMoves(context.Background(), "vg0", quickMove)
				require.NoError(r, err, r.where)
				if len(done) > 0 {
					r.saw("under way")
				}
				r.holdsMarks(r.safe)
			},
		},
		{
			name: "create a raid1", setup: (*cutRun).cutData, writes: []string{"data"},
			do: inUpdate(func(tx *Tx) error { return tx.addRAID("r", SegmentRAID1, 12) }),
		},
		{
			name: "add legs to a volume, and drop one", setup: (*cutRun).cutData, writes: []string{"data"},
			do: inSteps(
				inUpdate(func(tx *Tx) error { return tx.AddRAIDLegs("data", RAIDLegsSpec{Add: 1, RegionSize: 64 * KiB}) }), untilSync("data"),
				inUpdate(func(tx *Tx) error { return tx.AddRAIDLegs("data", RAIDLegsSpec{Add: 1}) }), untilSync("data"),
				inUpdate(func(tx *Tx) error { return tx.DropRAIDLegs("data", 1) })),
			after: func(r *cutRun) {
				if r.typeOf("data") == SegmentRAID1 {
					r.saw("a raid1")
					r.mended("data")
				}
			},
		},
		{
			name: "extend a raid5", setup: cutRAID(SegmentRAID5, 2), writes: []string{"r"},
			do:    inUpdate(func(tx *Tx) error { return tx.ExtendLV("r", ExtendSpec{By: ExtentCount(8)}) }),
			after: func(r *cutRun) { r.mended("r") },
		},
		{
			name: "make a raid5 a raid6 and a raid5 again", pvs: 5, setup: cutRAID(SegmentRAID5LS, 3), writes: []string{"r"},
			do: inSteps(
				inUpdate(func(tx *Tx) error { return tx.ConvertRAID("r", SegmentRAID6LS6, ConvertSpec{}) }), untilSync("r"),
				inUpdate(func(tx *Tx) error { return tx.ConvertRAID("r", SegmentRAID5LS, ConvertSpec{}) })),
			after: func(r *cutRun) {
				r.saw(string(r.typeOf("r")))
				r.mended("r")
			},
		},
		{
			name: "take the copies of a raid10, and give it others", pvs: 4, setup: cutRAID(SegmentRAID10, 2), writes: []string{"r"},
			do: inSteps(
				inUpdate(func(tx *Tx) error { return tx.ConvertRAID("r", SegmentRAID0Meta, ConvertSpec{}) }),
				inUpdate(func(tx *Tx) error { return tx.ConvertRAID("r", SegmentRAID10, ConvertSpec{}) }), untilSync("r")),
			after: func(r *cutRun) {
				r.saw(string(r.typeOf("r")))
				if r.typeOf("r") == SegmentRAID10 {
					r.mended("r")
				}
			},
		},
		{
			name: "give a raid5 another layout, and take off the room for that", pvs: 4, setup: cutRAID(SegmentRAID5LS, 3), writes: []string{"r"},
			do: inSteps(
				inUpdate(func(tx *Tx) error { return tx.ReshapeRAID("r", ReshapeSpec{Type: SegmentRAID5RA}) }), untilSync("r"),
				inUpdate(func(tx *Tx) error { return tx.EndReshape("r") })),
			after: func(r *cutRun) {
				r.saw(string(r.typeOf("r")))
				r.mended("r")
			},
		},
		{
			name: "give a raid5 another stripe", pvs: 5, setup: cutRAID(SegmentRAID5LS, 3), writes: []string{"r"},
			do: inSteps(
				inUpdate(func(tx *Tx) error { return tx.ReshapeRAID("r", ReshapeSpec{Stripes: 4}) }), untilSync("r"),
				inUpdate(func(tx *Tx) error { return tx.EndReshape("r") })),
			after: func(r *cutRun) {
				if len(r.volume("r").rec.Segments[0].Body.Areas()) == 5 {
					r.saw("five legs")
				}
				r.mended("r")
			},
		},
		{
			name: "give a raid1 checksums, and take them", size: 16 * MiB, setup: cutRAID(SegmentRAID1, 0), writes: []string{"r"},
			do: inSteps(inUpdate(func(tx *Tx) error { return tx.AddIntegrity("r", IntegritySpec{}) }),
				inUpdate(func(tx *Tx) error { return tx.RemoveIntegrity("r") })),
			after: func(r *cutRun) { r.mended("r") },
		},
		{
			name: "attach and detach a cache", setup: (*cutRun).cutFast, writes: []string{"data"},
			do:    inSteps(inUpdate(func(tx *Tx) error { return tx.cacheByVol("data", "fast", CacheWriteback) }), detach),
			after: (*cutRun).detached,
		},
		{
			name: "attach and detach a writecache", setup: (*cutRun).cutFast, writes: []string{"data"},
			do: inSteps(inUpdate(func(tx *Tx) error {
				return tx.AttachWriteCache("data", AttachWriteCacheSpec{CacheVol: "fast", BlockSize: 4 * KiB})
			}), detach),
			after: (*cutRun).detached,
		},
		{
			name: "add a leg to a mirror, and drop one", setup: (*cutRun).cutData, writes: []string{"data"},
			do: inSteps(
				func(r *cutRun) error {
					return r.sys.AddMirrorLegs(context.Background(), "vg0", "data", MirrorLegsSpec{Add: 1, RegionSize: 64 * KiB}, quickMirror)
				},
				inUpdate(func(tx *Tx) error { return tx.DropMirrorLegs("data", 1) })),
			after: func(r *cutRun) {
				if r.typeOf("data") == "mirror" {
					r.saw("a mirror")
					require.NoError(r, r.sys.FinishMirrorLegs(context.Background(), "vg0", "data", quickMirror), r.where)
					r.holdsMarks(r.safe)
				}
			},
		},
		{
			name: "add and drop a leg and a cache of a file system", files: "files",
			setup: func(r *cutRun) {
				r.cutFast()
				r.update(func(tx *Tx) error { return tx.addLV("files", 40, 1) })
				r.makeFS("files")
			},
			do: inSteps(
				inUpdate(func(tx *Tx) error { return tx.AddRAIDLegs("files", RAIDLegsSpec{Add: 1, RegionSize: 64 * KiB}) }), untilSync("files"),
				inUpdate(func(tx *Tx) error { return tx.DropRAIDLegs("files", 1) }),
				inUpdate(func(tx *Tx) error { return tx.cacheByVol("files", "fast", CacheWriteback) }),
				func(r *cutRun) error {
					return r.sys.DetachCache(context.Background(), "vg0", "files", DetachSpec{}, quickFlush)
				}),
		},
		{
			name: "make a volume a pool", setup: func(r *cutRun) {
				r.cutData()
				r.update(func(tx *Tx) error { return tx.addLV("pool", 64, 1) })
			}, writes: []string{"data"},
			do: inSteps(inUpdate(func(tx *Tx) error { return tx.Deactivate("pool") }),
				inUpdate(func(tx *Tx) error { return tx.toPool("pool", ConvertToThinPoolSpec{MetadataSize: 256 * KiB}) }),
				inUpdate(addCutThin("t"))),
		},
		{
			name: "make a mirror a raid1 and a mirror again", setup: func(r *cutRun) {
				r.update(func(tx *Tx) error { return tx.addMirror("data", 12, 2, MirrorLogDisk) })
				require.NoError(r, r.sys.FinishMirrorLegs(context.Background(), "vg0", "data", quickMirror))
				r.fill("data")
			}, writes: []string{"data"},
			do: inSteps(inUpdate(func(tx *Tx) error { return tx.ConvertRAID("data", SegmentRAID1, ConvertSpec{}) }), untilSync("data"),
				inUpdate(func(tx *Tx) error { return tx.ConvertRAID("data", SegmentMirror, ConvertSpec{}) })),
			after: func(r *cutRun) {
				typ := r.typeOf("data")
				r.saw(string(typ))
				if typ == SegmentRAID1 {
					r.mended("data")
				}
			},
		},
		{
			name: "create and remove a snapshot", setup: (*cutRun).cutData, writes: []string{"data"}, of: map[string]string{"c": "data"},
			do: inSteps(inUpdate(func(tx *Tx) error { return tx.addSnapshot("data", "c", 14) }),
				inUpdate(func(tx *Tx) error { return tx.RemoveLV("c") })),
		},
	}
}
