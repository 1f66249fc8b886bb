package lvm

import (
	"context"
	"errors"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/umltest"
	"github.com/lvm-go/lvm/metadata"
)

// A volume becomes a raid1, gets and loses legs, and becomes what one of them is,
// all while it is written to. What is read is right all the time.
func TestKernelRAIDLegs(t *testing.T) {
	ctx := context.Background()
	r, sys := kernelGroup(t, 4, create(LVSpec{Name: "l", Size: ExtentCount(3)}))
	quick := SyncOptions{Interval: 20 * time.Millisecond}
	checker, stop := startChecker(t, "/dev/vg/l")
	checker.Progress(50)
	limitSync(t, 100)
	r.update(func(tx *Tx) error { return tx.AddRAIDLegs("l", RAIDLegsSpec{RegionSize: 64 * KiB}) })
	r.refused(ErrNotInSync, func(tx *Tx) error { return tx.DropRAIDLegs("l", 1, r.dev[0]) })
	r.refused(ErrNotInSync, func(tx *Tx) error { return tx.AddRAIDLegs("l", RAIDLegsSpec{}) })
	r.refused(ErrNotInSync, func(tx *Tx) error { return tx.SplitRAIDLeg("l", "copy") })
	limitSync(t, 200000)
	seen := 0
	require.NoError(t, sys.WaitSync(ctx, "vg", "l", SyncOptions{Interval: time.Millisecond, Progress: func(RAIDStatus) { seen++ }}))
	assert.Positive(t, seen)
	r.update(func(tx *Tx) error { return tx.AddRAIDLegs("l", RAIDLegsSpec{Add: 2}) })
	require.NoError(t, sys.WaitSync(ctx, "vg", "l", quick))
	require.Equal(t, "AAAA", health(t, sys, "l"))
	checker.Progress(50)
	r.update(func(tx *Tx) error { return tx.DropRAIDLegs("l", 2, r.dev[0], r.dev[2]) })
	require.Equal(t, "AA", health(t, sys, "l"))
	checker.Progress(50)
	r.refused(ErrInvalidSpec, func(tx *Tx) error { return tx.DropRAIDLegs("l", 1, r.dev[0]) })
	r.update(func(tx *Tx) error { return tx.ExtendLV("l", ExtendSpec{By: ExtentCount(2)}) })
	require.NoError(t, sys.WaitSync(ctx, "vg", "l", quick))
	r.update(func(tx *Tx) error { return tx.SplitRAIDLeg("l", "copy") })
	checker.Progress(50)
	stop()
	assert.Empty(t, suspendedDevices(t))
	vg, err := sys.VG(ctx, "vg")
	require.NoError(t, err)
	assert.Equal(t, Extents(5), lvView(t, vg, "copy").rec.Extents())
	assert.False(t, lvView(t, vg, "l").IsRAID())
	r.refused(ErrUnsupported, func(tx *Tx) error { return tx.DropRAIDLegs("l", 1) })
}

// A check counts what differs, a repair makes it alike, and both can be ended.
func TestKernelScrub(t *testing.T) {
	ctx := context.Background()
	r, sys := kernelGroup(t, 3, func(tx *Tx) error {
		_, err := tx.CreateRAID(RAIDSpec{Name: "r", Type: SegmentRAID5, Size: ExtentCount(8), RegionSize: 64 * KiB})
		if err == nil {
			_, err = tx.CreateRAID(RAIDSpec{Name: "z", Type: SegmentRAID0, Size: ExtentCount(2)})
		}
		return err
	})
	quick := ScrubOptions{SyncOptions: SyncOptions{Interval: 10 * time.Millisecond}}
	require.NoError(t, sys.WaitSync(ctx, "vg", "r", quick.SyncOptions))
	require.NoError(t, sys.WaitSync(ctx, "vg", "z", quick.SyncOptions))
	_, err := sys.Scrub(ctx, "vg", "z", quick)
	require.ErrorIs(t, err, ErrInvalidSpec)
	found, err := sys.Scrub(ctx, "vg", "r", quick)
	require.NoError(t, err)
	require.Zero(t, found.Mismatches)

	// The image on the first device begins behind one extent for metadata.
	require.NoError(t, func() error {
		f, err := os.OpenFile(r.dev[0], os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		_, err = f.WriteAt([]byte("what does not fit the parity"), int64(1*MiB+4*MiB+512*KiB))
		return joinErrors(err, f.Sync(), f.Close())
	}())
	umltest.Run(t, "sh", "-c", "echo 3 > /proc/sys/vm/drop_caches")
	found, err = sys.Scrub(ctx, "vg", "r", quick)
	require.NoError(t, err)
	assert.Equal(t, uint64(8), found.Mismatches)
	repair := quick
	repair.Repair = true
	_, err = sys.Scrub(ctx, "vg", "r", repair)
	require.NoError(t, err)
	found, err = sys.Scrub(ctx, "vg", "r", quick)
	require.NoError(t, err)
	assert.Zero(t, found.Mismatches)
	// Begun only, it may be over by now; whoever comes next finds out which.
	begin := quick
	begin.Begin = true
	found, err = sys.Scrub(ctx, "vg", "r", begin)
	require.NoError(t, err)
	require.Zero(t, found)
	require.Eventually(t, func() bool {
		_, err = sys.Scrub(ctx, "vg", "r", quick)
		return !errors.Is(err, ErrBusy)
	}, time.Minute, 10*time.Millisecond)
	require.NoError(t, err)

	// Slowed down, it is ended by its context.
	limitSync(t, 100)
	t.Cleanup(func() { limitSync(t, 200000) })
	short, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	_, err = sys.Scrub(short, "vg", "r", quick)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Eventually(t, func() bool { return statusOfRAID(t, sys, "r").Action == RAIDIdle }, 10*time.Second, 10*time.Millisecond)
	r.update(func(tx *Tx) error { return tx.Deactivate("r") })
	_, err = sys.Scrub(ctx, "vg", "r", quick)
	require.ErrorIs(t, err, ErrNotActive)
}

// A raid that was made without bringing it in sync gets there when that is asked for, while
// it is in use, and then no longer counts as one that is not.
func TestKernelResyncRAID(t *testing.T) {
	ctx := context.Background()
	r, sys := kernelGroup(t, 3, func(tx *Tx) error {
		_, err := tx.CreateRAID(RAIDSpec{Name: "r", Type: SegmentRAID5, Size: ExtentCount(8), NoSync: true, RegionSize: 64 * KiB})
		return err
	})
	f, err := os.OpenFile(r.dev[0], os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = f.WriteAt([]byte("what does not fit the parity"), int64(1*MiB+4*MiB+512*KiB))
	require.NoError(t, joinErrors(err, f.Sync(), f.Close()))
	quick := SyncOptions{Interval: 10 * time.Millisecond}
	found, err := sys.Scrub(ctx, "vg", "r", ScrubOptions{SyncOptions: quick})
	require.NoError(t, err)
	require.NotZero(t, found.Mismatches)
	held, err := os.Open("/dev/vg/r")
	require.NoError(t, err)
	require.NoError(t, sys.ResyncRAID(ctx, "vg", "r", quick))
	require.NoError(t, held.Close())
	found, err = sys.Scrub(ctx, "vg", "r", ScrubOptions{SyncOptions: quick})
	require.NoError(t, err)
	assert.Zero(t, found.Mismatches)
	for _, lv := range recordOf(t, sys, "vg").LVs {
		assert.Zero(t, lv.Status&metadata.LVNotSynced, lv.Name)
	}
	require.ErrorIs(t, sys.ResyncRAID(ctx, "vg", "nothing", quick), ErrLVNotFound)
}

// limitSync limits how fast the kernel brings raids in sync, in KiB/s.
func limitSync(t *testing.T, rate int) {
	t.Helper()
	require.NoError(t, os.WriteFile("/proc/sys/dev/raid/speed_limit_min", []byte(strconv.Itoa(min(rate, 1000))), 0o644))
	require.NoError(t, os.WriteFile("/proc/sys/dev/raid/speed_limit_max", []byte(strconv.Itoa(rate)), 0o644))
}

// A volume with stripes becomes a raid with parity, or copies, and back; a linear one a
// raid1, one with parity, and gets more stripes; while it is written to. What is read is right all the time.
func TestKernelConvertStripes(t *testing.T) {
	ctx := context.Background()
	for _, c := range []struct {
		name   string
		create func(*Tx) error
		types  []SegmentType
	}{
		{"stripes", create(LVSpec{Name: "l", Size: ExtentCount(6), Stripes: 3}), []SegmentType{
			SegmentRAID0, SegmentRAID0Meta, SegmentRAID5N, SegmentRAID6N6, SegmentStriped, SegmentRAID0Meta, SegmentRAID5N, SegmentRAID0,
		}},
		{"copies", func(tx *Tx) error {
			_, err := tx.CreateRAID(RAIDSpec{Name: "l", Type: SegmentRAID10, Stripes: 2, Size: ExtentCount(4)})
			return err
		}, []SegmentType{SegmentStriped, SegmentRAID0Meta, SegmentRAID10, SegmentRAID0Meta}},
		{"two legs", create(LVSpec{Name: "l", Size: ExtentCount(4)}), []SegmentType{
			SegmentRAID1, SegmentRAID5, SegmentRAID1, SegmentRAID4,
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, sys := kernelGroup(t, 5, c.create)
			quick := SyncOptions{Interval: 20 * time.Millisecond}
			checker, stop := startChecker(t, "/dev/vg/l")
			wait := func() {
				if vg, err := sys.VG(ctx, "vg"); assert.NoError(t, err) && lvView(t, vg, "l").IsRAID() {
					require.NoError(t, sys.WaitSync(ctx, "vg", "l", quick))
				}
			}
			for _, typ := range c.types {
				wait()
				checker.Progress(30)
				r.update(func(tx *Tx) error {
					if lv, _ := tx.lookup("l"); kindOf(lv) == nil && typ == SegmentRAID1 {
						return tx.AddRAIDLegs("l", RAIDLegsSpec{RegionSize: 64 * KiB})
					}
					return tx.ConvertRAID("l", typ, ConvertSpec{})
				})
			}
			wait()
			if c.types[len(c.types)-1] == SegmentRAID4 {
				r.update(func(tx *Tx) error { return tx.ReshapeRAID("l", ReshapeSpec{Stripes: 3}) })
				wait()
				r.update(func(tx *Tx) error { return tx.EndReshape("l") })
				found, err := sys.Scrub(ctx, "vg", "l", ScrubOptions{SyncOptions: quick})
				require.NoError(t, err)
				assert.Zero(t, found.Mismatches)
			}
			checker.Progress(100)
			stop()
			assert.Empty(t, suspendedDevices(t))
		})
	}
}
