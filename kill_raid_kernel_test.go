package lvm

import (
	"bytes"
	"context"
	"time"

	"github.com/stretchr/testify/require"
)

// inSync waits until a raid is, and checks that its legs hold the same.
func (r *killRun) inSync(lv string) {
	r.Helper()
	if SegmentType(r.volume(lv).rec.Segments[0].Type).isRAID0() {
		return
	}
	ctx, quick := context.Background(), SyncOptions{Interval: 5 * time.Millisecond}
	require.NoError(r, r.sys.WaitSync(ctx, "vg0", lv, quick), r.where)
	require.NoError(r, r.volume(lv).raidErr(), r.where)
	found, err := r.sys.Scrub(ctx, "vg0", lv, ScrubOptions{SyncOptions: quick})
	require.NoError(r, err, r.where)
	require.Zero(r, found.Mismatches, "%s: the legs of %s differ", r.where, lv)
}

func (l *LogicalVolume) raidErr() error {
	s, err := l.raidStatus()
	if err == nil {
		err = s.Err()
	}
	return err
}

// killRAIDSetup makes the raid r, which is full and in sync.
func killRAIDSetup(spec RAIDSpec) func(*killRun) {
	return func(r *killRun) {
		spec.Name, spec.Size = "r", ExtentCount(12)
		if !spec.Type.isRAID0() {
			spec.RegionSize = 4 * KiB
		}
		r.update(func(tx *Tx) error {
			_, err := tx.CreateRAID(spec)
			return err
		})
		r.inSync("r")
		r.fill("r")
		// The kernel notes that all is on the legs when it is done with it.
		r.update(func(tx *Tx) error { return tx.Deactivate("r") })
	}
}

// sound checks all raids there are, once they are in sync, and what they hold then.
func (r *killRun) sound(vg *VolumeGroup) {
	r.Helper()
	for lv := range vg.LVs() {
		if lv.IsRAID() && lv.Active() {
			r.inSync(lv.Name())
		}
	}
	r.holdsAll(vg)
}

func killRAID() []killScenario {
	update := func(fn func(*Tx) error) func(context.Context, *System, []string) error {
		return func(ctx context.Context, sys *System, _ []string) error { return sys.Update(ctx, "vg0", fn) }
	}
	two := killRAIDSetup(RAIDSpec{})
	three := killRAIDSetup(RAIDSpec{Mirrors: 2})
	scenario := func(name string, setup func(*killRun), do func(*Tx) error) killScenario {
		return killScenario{name: name, setup: setup, slow: true, do: update(do), check: (*killRun).sound}
	}
	away := func(r *killRun) {
		two(r)
		r.update(func(tx *Tx) error { return tx.Activate("r") })
		r.update(func(tx *Tx) error {
			_, err := tx.TrackRAIDLeg("r")
			return err
		})
		r.fill("r")
		delete(r.want, r.volume("r_rimage_1").ID())
		r.update(func(tx *Tx) error { return tx.Deactivate("r") })
	}
	// merged has the leg come back that is away, after the last moment's write.
	merged := func(s killScenario) killScenario {
		s.check = func(r *killRun, vg *VolumeGroup) {
			want := r.want[r.volume("r").ID()]
			if lv := r.volume("r_rimage_1"); !lv.Hidden() {
				want = bytes.Clone(want)
				copy(want[3*16*KiB:], "the last moment")
				r.write("/dev/vg0/r", want, 0)
				r.update(func(tx *Tx) error { return tx.MergeRAIDLeg("r_rimage_1") })
			}
			r.inSync("r")
			r.holds("/dev/vg0/r", want)
		}
		return s
	}
	return []killScenario{
		scenario("create a raid", nil, func(tx *Tx) error { return tx.addRAID("r", SegmentRAID1, 6) }),
		scenario("make a raid of a volume", nil, func(tx *Tx) error {
			return tx.AddRAIDLegs("data", RAIDLegsSpec{RegionSize: 4 * KiB})
		}),
		scenario("add a leg to a raid", two, func(tx *Tx) error { return tx.AddRAIDLegs("r", RAIDLegsSpec{}) }),
		scenario("drop a leg of a raid", three, func(tx *Tx) error { return tx.DropRAIDLegs("r", 1) }),
		scenario("make a volume of a raid", two, func(tx *Tx) error { return tx.DropRAIDLegs("r", 1) }),
		scenario("replace a leg of a raid", two, func(tx *Tx) error {
			leg, _ := tx.lookup("r_rimage_0")
			return tx.ReplaceLegs("r", ReplaceSpec{PVs: []string{tx.pvsOf(leg)[0].String()}})
		}),
		scenario("split off a leg of a raid", three, func(tx *Tx) error { return tx.SplitRAIDLeg("r", "copy") }),
		merged(scenario("take a leg away from a raid", two, func(tx *Tx) error {
			_, err := tx.TrackRAIDLeg("r")
			return err
		})),
		merged(scenario("give a leg back to a raid", away, func(tx *Tx) error { return tx.MergeRAIDLeg("r_rimage_1") })),
		scenario("give a raid parity", killRAIDSetup(RAIDSpec{Type: SegmentRAID0Meta, Stripes: 2, StripeSize: 4 * KiB}), func(tx *Tx) error {
			return tx.ConvertRAID("r", SegmentRAID5N, ConvertSpec{RegionSize: 4 * KiB})
		}),
		scenario("make a raid of a volume with stripes", nil, func(tx *Tx) error {
			return tx.ConvertRAID("striped", SegmentRAID0Meta, ConvertSpec{})
		}),
		scenario("make a volume with stripes of a raid", killRAIDSetup(RAIDSpec{Type: SegmentRAID5N, Stripes: 2, StripeSize: 4 * KiB}), func(tx *Tx) error {
			return tx.ConvertRAID("r", SegmentStriped, ConvertSpec{})
		}),
		scenario("give a raid another layout", killRAIDSetup(RAIDSpec{Type: SegmentRAID5, Stripes: 2, StripeSize: 4 * KiB}), func(tx *Tx) error {
			return joinErrors(tx.Activate("r"), tx.ReshapeRAID("r", ReshapeSpec{Type: SegmentRAID5RA}))
		}),
		scenario("give a raid another stripe", killRAIDSetup(RAIDSpec{Type: SegmentRAID5, Stripes: 2, StripeSize: 4 * KiB}), func(tx *Tx) error {
			return joinErrors(tx.Activate("r"), tx.ReshapeRAID("r", ReshapeSpec{Stripes: 3, Allocation: AllocAnywhere}))
		}),
		scenario("take the parity off a raid", killRAIDSetup(RAIDSpec{Type: SegmentRAID5N, Stripes: 2, StripeSize: 4 * KiB}), func(tx *Tx) error {
			return tx.ConvertRAID("r", SegmentRAID0Meta, ConvertSpec{})
		}),
	}
}
