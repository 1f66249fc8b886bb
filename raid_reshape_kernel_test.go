package lvm

import (
	"bytes"
	"context"
	"encoding/binary"
	"os"
	"slices"
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
		{"stripes", SegmentRAID5, []func(*Tx) error{reshape(ReshapeSpec{Stripes: 4}), again, end}},
		{"raid6", SegmentRAID6, []func(*Tx) error{
			reshape(ReshapeSpec{Type: SegmentRAID6N6}), reshape(ReshapeSpec{Type: SegmentRAID6NC}),
			func(tx *Tx) error { return tx.ConvertRAID("l", SegmentRAID6LS6, ConvertSpec{}) }, end,
			func(tx *Tx) error { return tx.ConvertRAID("l", SegmentRAID5LS, ConvertSpec{}) },
		}},
		{"raid4", SegmentRAID4, []func(*Tx) error{
			reshape(ReshapeSpec{Type: SegmentRAID5N}), again, end, reshape(ReshapeSpec{Type: SegmentRAID4, StripeSize: 16 * KiB}), end,
		}},
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
			want := Extents(6)
			if c.name == "stripes" {
				want = 8
			}
			assert.Equal(t, want, lvView(t, vg, "l").Extents())
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

// What the one begins, the other goes on with and ends: a raid gets a stripe by us and
// one by lvm2, is activated anew in between by both, and keeps what it holds.
func TestKernelReshapeWithLVM2(t *testing.T) {
	umltest.NeedTool(t, "lvm")
	ctx := context.Background()
	quick := SyncOptions{Interval: 20 * time.Millisecond}
	r, sys := kernelGroup(t, 6, func(tx *Tx) error {
		_, err := tx.CreateRAID(RAIDSpec{Name: "l", Type: SegmentRAID5, Size: ExtentCount(6), RegionSize: 64 * KiB, Stripes: 3, StripeSize: 64 * KiB})
		return err
	})
	wait := func() { t.Helper(); require.NoError(t, sys.WaitSync(ctx, "vg", "l", quick)) }
	wait()
	holds := filledWith(t, "/dev/vg/l", 24*MiB)
	t.Cleanup(func() { limitSync(t, 200000) })
	limitSync(t, 2000)
	r.update(func(tx *Tx) error { return tx.ReshapeRAID("l", ReshapeSpec{Stripes: 4}) })
	umltest.Run(t, "vgchange", "-an", "vg")
	umltest.Run(t, "vgck", "vg")
	umltest.Run(t, "vgchange", "-ay", "vg")
	r.update(func(tx *Tx) error { return tx.Deactivate("l") })
	r.update(func(tx *Tx) error { return tx.Activate("l") })
	limitSync(t, 200000)
	wait()
	holds()
	umltest.Run(t, "lvconvert", "-y", "--stripes", "4", "vg/l")
	holds()
	limitSync(t, 2000)
	umltest.Run(t, "lvconvert", "-y", "--stripes", "5", "vg/l")
	r.update(func(tx *Tx) error { return tx.Deactivate("l") })
	r.update(func(tx *Tx) error { return tx.Activate("l") })
	limitSync(t, 200000)
	wait()
	r.update(func(tx *Tx) error { return tx.EndReshape("l") })
	holds()
	vg, err := sys.VG(ctx, "vg")
	require.NoError(t, err)
	assert.Equal(t, Extents(10), lvView(t, vg, "l").Extents())
	found, err := sys.Scrub(ctx, "vg", "l", ScrubOptions{SyncOptions: quick})
	require.NoError(t, err)
	assert.Zero(t, found.Mismatches)
}

// filledWith fills a volume, and returns what checks that it holds the same.
func filledWith(t *testing.T, path string, size Bytes) (holds func()) {
	t.Helper()
	want := make([]byte, size)
	for i := range want {
		want[i] = byte(i>>9) ^ byte(i>>16)
	}
	writeDevice(t, path, 0, want)
	return func() {
		t.Helper()
		umltest.Run(t, "sh", "-c", "echo 3 > /proc/sys/vm/drop_caches")
		require.True(t, bytes.Equal(want, readDevice(t, path, 0, size)), "it holds something else")
	}
}

func writeDevice(t *testing.T, path string, at Bytes, data []byte) {
	t.Helper()
	device, err := os.OpenFile(path, os.O_WRONLY|os.O_SYNC, 0)
	require.NoError(t, err)
	_, err = device.WriteAt(data, int64(at))
	require.NoError(t, joinErrors(err, device.Close()))
}

func readDevice(t *testing.T, path string, at, size Bytes) []byte {
	t.Helper()
	device, err := os.Open(path)
	require.NoError(t, err)
	data := make([]byte, size)
	_, err = device.ReadAt(data, int64(at))
	require.NoError(t, joinErrors(err, device.Close()))
	return data
}

// If the power fails while the kernel notes on the legs that it gives data to one more,
// and only some of them have that note, it would refuse the raid with either table.
func TestKernelReshapeHalfNoted(t *testing.T) {
	ctx := context.Background()
	quick := SyncOptions{Interval: 20 * time.Millisecond}
	r, sys := kernelGroup(t, 5, func(tx *Tx) error {
		_, err := tx.CreateRAID(RAIDSpec{Name: "l", Type: SegmentRAID5, Size: ExtentCount(6), RegionSize: 64 * KiB, Stripes: 3, StripeSize: 64 * KiB})
		return err
	})
	require.NoError(t, sys.WaitSync(ctx, "vg", "l", quick))
	holds := filledWith(t, "/dev/vg/l", 24*MiB)
	r.update(func(tx *Tx) error { return tx.Deactivate("l") })
	const meta = MiB // of each leg, on its device
	before := readDevice(t, r.dev[1], meta, 512)
	r.update(func(tx *Tx) error { return tx.Activate("l") })
	t.Cleanup(func() { limitSync(t, 200000) })
	limitSync(t, 100)
	r.update(func(tx *Tx) error { return tx.ReshapeRAID("l", ReshapeSpec{Stripes: 4}) })
	r.update(func(tx *Tx) error { return tx.Deactivate("l") })
	r.update(func(tx *Tx) error { // the text as it was until the kernel had noted all
		lv, _ := tx.lookup("l")
		now, body := raidCopy(lv)
		body.DataOffset, body.HasDataOffset = (4 * MiB).Sectors(), true
		image := tx.find(body.Legs[4].Image)
		return joinErrors(tx.put(tx.indexOf(lv.ID), now), tx.put(tx.indexOf(image.ID), withFlags(image, flagAdded)))
	})
	binary.LittleEndian.PutUint64(before[16:], binary.LittleEndian.Uint64(readDevice(t, r.dev[0], meta+16, 8))-1) // events
	moving := readDevice(t, r.dev[1], meta, 512)
	writeDevice(t, r.dev[1], meta, before)
	writeDevice(t, r.dev[4], meta, make([]byte, 512))
	r.update(func(tx *Tx) error { return tx.Activate("l") })
	limitSync(t, 200000)
	require.NoError(t, sys.WaitSync(ctx, "vg", "l", quick))
	holds()
	r.refused(ErrBusy, func(tx *Tx) error { return tx.EndReshape("l") })
	done, err := sys.Recover(ctx)
	require.NoError(t, err)
	require.True(t, slices.Contains(done.Done, "vg: confirm where the data of its raids are moved"), "%v", done.Done)
	// The same when it is done: a leg would be read from where its data were.
	r.update(func(tx *Tx) error { return tx.Deactivate("l") })
	binary.LittleEndian.PutUint64(moving[16:], binary.LittleEndian.Uint64(readDevice(t, r.dev[0], meta+16, 8))-1)
	writeDevice(t, r.dev[1], meta, moving)
	r.update(func(tx *Tx) error { return tx.Activate("l") })
	holds()
	r.update(func(tx *Tx) error { return tx.EndReshape("l") })
	holds()
}
