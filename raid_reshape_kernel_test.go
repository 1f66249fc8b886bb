package lvm

import (
	"bytes"
	"context"
	"encoding/binary"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/iocheck"
	"github.com/lvm-go/lvm/internal/umltest"
	"github.com/lvm-go/lvm/metadata"
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
		return joinErrors(tx.put(tx.indexOf(lv.ID), now), tx.put(tx.indexOf(image.ID), flagged(image, flagAdded)))
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

// A raid gets fewer stripes, here and by lvm2, and the other one frees the legs. It is
// activated anew while data are moved, and once that is done; what is kept is right all
// the time.
func TestKernelReshapeToFewer(t *testing.T) {
	umltest.NeedTool(t, "lvm")
	ctx := context.Background()
	quick := SyncOptions{Interval: 20 * time.Millisecond}
	t.Cleanup(func() { limitSync(t, 200000) })
	const keep = 8 * MiB
	for _, c := range []struct {
		name      string
		typ       SegmentType
		from, to  int
		lvm2First bool
		lvm2Ends  bool
	}{
		{"raid5", SegmentRAID5, 4, 2, false, true},
		{"raid6", SegmentRAID6, 4, 3, true, false},
		{"mirror", SegmentRAID4, 2, 1, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, sys := kernelGroup(t, 6, func(tx *Tx) error {
				_, err := tx.CreateRAID(RAIDSpec{Name: "l", Type: c.typ, Size: ExtentCount(Extents(2 * c.from)), RegionSize: 64 * KiB, Stripes: c.from, StripeSize: 64 * KiB})
				return err
			})
			wait := func() { t.Helper(); require.NoError(t, sys.WaitSync(ctx, "vg", "l", quick)) }
			wait()
			holds := filledWith(t, "/dev/vg/l", keep)
			if c.lvm2First {
				umltest.Run(t, "lvconvert", "-y", "--force", "--stripes", strconv.Itoa(c.to), "vg/l")
			} else {
				limitSync(t, 200)
				r.refused(ErrInvalidSize, func(tx *Tx) error { return tx.ReshapeRAID("l", ReshapeSpec{Stripes: c.to, Keep: 64 * MiB}) })
				r.update(func(tx *Tx) error { return tx.ReshapeRAID("l", ReshapeSpec{Stripes: c.to, Keep: keep}) })
				r.refused(ErrNotInSync, func(tx *Tx) error { return tx.EndReshape("l") })
				r.update(func(tx *Tx) error { return tx.Deactivate("l") })
				r.update(func(tx *Tx) error { return tx.Activate("l") })
			}
			limitSync(t, 200000)
			holds()
			wait()
			holds()
			r.refused(ErrBusy, func(tx *Tx) error { return tx.ReduceLV("l", ReduceSpec{To: ExtentCount(2), AllowOpen: true}) })
			r.update(func(tx *Tx) error { return tx.Deactivate("l") })
			r.update(func(tx *Tx) error { return tx.Activate("l") })
			wait()
			holds()
			if c.lvm2Ends {
				umltest.Run(t, "lvconvert", "-y", "--stripes", strconv.Itoa(c.to), "vg/l")
				holds()
			}
			r.update(func(tx *Tx) error { return tx.EndReshape("l") })
			holds()
			vg, err := sys.VG(ctx, "vg")
			require.NoError(t, err)
			l := lvView(t, vg, "l")
			assert.Equal(t, Extents(2*c.to), l.Extents())
			assert.Len(t, l.RAIDLegs(), c.to+metadata.RAIDParity(string(c.typ)))
			wait()
			found, err := sys.Scrub(ctx, "vg", "l", ScrubOptions{SyncOptions: quick})
			require.NoError(t, err)
			assert.Zero(t, found.Mismatches)
			assert.Empty(t, suspendedDevices(t))
			umltest.Run(t, "vgck", "vg")
		})
	}
}

// If the power fails while the kernel notes on the legs that it is done with some, those
// that have the former note get the new one, even if only a leg that goes has it.
func TestKernelReshapeToFewerHalfNoted(t *testing.T) {
	ctx := context.Background()
	quick := SyncOptions{Interval: 20 * time.Millisecond}
	r, sys := kernelGroup(t, 5, func(tx *Tx) error {
		_, err := tx.CreateRAID(RAIDSpec{Name: "l", Type: SegmentRAID5, Size: ExtentCount(6), RegionSize: 64 * KiB, Stripes: 3, StripeSize: 64 * KiB})
		return err
	})
	require.NoError(t, sys.WaitSync(ctx, "vg", "l", quick))
	holds := filledWith(t, "/dev/vg/l", 8*MiB)
	r.update(func(tx *Tx) error { // of images like the room, the kernel would note that they hold nothing
		_, err := tx.CreateRAID(RAIDSpec{Name: "small", Type: SegmentRAID5, Size: ExtentCount(2), RegionSize: 64 * KiB, StripeSize: 64 * KiB})
		return err
	})
	require.NoError(t, sys.WaitSync(ctx, "vg", "small", quick))
	r.refused(ErrInvalidSize, func(tx *Tx) error { return tx.ReshapeRAID("small", ReshapeSpec{Stripes: 1, Keep: 4 * MiB}) })
	r.update(func(tx *Tx) error { return tx.RemoveLV("small") })
	t.Cleanup(func() { limitSync(t, 200000) })
	off := func() { t.Helper(); r.update(func(tx *Tx) error { return tx.Deactivate("l") }) }
	on := func() { t.Helper(); r.update(func(tx *Tx) error { return tx.Activate("l") }) }
	const meta, legs = MiB, 4 // of each leg, on its device
	notes := func() (out [][]byte) {
		off()
		for n := range legs {
			out = append(out, readDevice(t, r.dev[n], meta, 512))
		}
		return out
	}
	// older gives some legs the note that they had before.
	older := func(was [][]byte, which ...int) {
		for _, n := range which {
			head := slices.Clone(was[n])
			binary.LittleEndian.PutUint64(head[16:], binary.LittleEndian.Uint64(readDevice(t, r.dev[3], meta+16, 8))-1) // events
			writeDevice(t, r.dev[n], meta, head)
		}
	}
	before := notes()
	on()
	limitSync(t, 100)
	r.update(func(tx *Tx) error { return tx.ReshapeRAID("l", ReshapeSpec{Stripes: 2, Keep: 8 * MiB}) })
	moving := notes()
	r.update(func(tx *Tx) error { // the text as it was until the kernel had noted all
		lv, _ := tx.lookup("l")
		now, body := raidCopy(lv)
		body.DataOffset, body.HasDataOffset = (4 * MiB).Sectors(), true
		image, part := tx.find(body.Legs[3].Image), tx.find(body.Legs[3].Meta)
		return joinErrors(tx.put(tx.indexOf(lv.ID), now), tx.put(tx.indexOf(image.ID), flagged(withoutFlags(image), flagTaken)),
			tx.put(tx.indexOf(part.ID), withoutFlags(part)))
	})
	older(before, 1, 2)
	on()
	limitSync(t, 200000)
	require.NoError(t, sys.WaitSync(ctx, "vg", "l", quick))
	holds()
	r.refused(ErrBusy, func(tx *Tx) error { return tx.EndReshape("l") })
	done, err := sys.Recover(ctx)
	require.NoError(t, err)
	require.True(t, slices.Contains(done.Done, "vg: confirm where the data of its raids are moved"), "%v", done.Done)
	off()
	older(moving, 0, 1, 2)
	on()
	holds()
	r.update(func(tx *Tx) error { return tx.EndReshape("l") })
	holds()
}
