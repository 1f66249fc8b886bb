package lvm

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/iocheck"
	"github.com/lvm-go/lvm/internal/umltest"
)

// Raids get other layouts, stripes of another size, and back, and the room for that is
// taken off from either end, all while they are written to. What is read is right all
// the time.
func TestKernelReshape(t *testing.T) {
	ctx := context.Background()
	quick := SyncOptions{Interval: 20 * time.Millisecond}
	reshape := func(spec ReshapeSpec) func(*Tx) error {
		return func(tx *Tx) error { return tx.ReshapeRAID("l", spec) }
	}
	end := func(tx *Tx) error { return tx.EndReshape("l") }
	again := func(tx *Tx) error { return tx.Refresh("l") }
	for _, c := range []struct {
		name  string
		typ   SegmentType
		steps []func(*Tx) error
	}{
		{"raid5", SegmentRAID5, []func(*Tx) error{
			reshape(ReshapeSpec{Type: SegmentRAID5RA}), again, end,
			reshape(ReshapeSpec{StripeSize: 16 * KiB}), again, reshape(ReshapeSpec{Type: SegmentRAID5N, StripeSize: 32 * KiB}), end,
			func(tx *Tx) error { return tx.ConvertRAID("l", SegmentRAID0Meta, ConvertSpec{}) },
		}},
		{"raid6", SegmentRAID6, []func(*Tx) error{
			reshape(ReshapeSpec{Type: SegmentRAID6N6}), reshape(ReshapeSpec{Type: SegmentRAID6NC}),
			func(tx *Tx) error { return tx.ConvertRAID("l", SegmentRAID6LS6, ConvertSpec{}) }, end,
			func(tx *Tx) error { return tx.ConvertRAID("l", SegmentRAID5LS, ConvertSpec{}) },
		}},
		{"raid4", SegmentRAID4, []func(*Tx) error{reshape(ReshapeSpec{StripeSize: 16 * KiB}), end}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, sys := kernelGroup(t, 5, func(tx *Tx) error {
				_, err := tx.CreateRAID(RAIDSpec{Name: "l", Type: c.typ, Size: ExtentCount(6), RegionSize: 64 * KiB, Stripes: 3, StripeSize: 64 * KiB})
				return err
			})
			require.NoError(t, sys.WaitSync(ctx, "vg", "l", quick))
			checker, err := iocheck.Start(iocheck.Options{Seed: 1, Pause: time.Millisecond}, "/dev/vg/l")
			require.NoError(t, err)
			stopped := false
			t.Cleanup(func() {
				if !stopped {
					_, _ = checker.Stop()
				}
			})
			for n, step := range c.steps {
				t.Logf("step %d", n)
				require.NoError(t, sys.WaitSync(ctx, "vg", "l", quick))
				checker.Progress(30)
				r.update(step)
			}
			checker.Progress(50)
			stopped = true
			result, err := checker.Stop()
			require.NoError(t, err)
			t.Logf("%s", result)
			assert.Zero(t, result.Wrong)
			assert.Empty(t, suspendedDevices(t))
			vg, err := sys.VG(ctx, "vg")
			require.NoError(t, err)
			assert.Equal(t, Extents(6), lvView(t, vg, "l").Extents())
			t.Log(umltest.Run(t, "dmsetup", "table", "vg-l"), umltest.Run(t, "dmsetup", "status", "vg-l"))
			if lvView(t, vg, "l").rec.Segments[0].Type != string(SegmentRAID0Meta) {
				require.NoError(t, sys.WaitSync(ctx, "vg", "l", quick))
				found, err := sys.Scrub(ctx, "vg", "l", ScrubOptions{SyncOptions: quick})
				require.NoError(t, err)
				assert.Zero(t, found.Mismatches)
			}
		})
	}
}
