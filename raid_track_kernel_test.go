package lvm

import (
	"bytes"
	"context"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/umltest"
)

// A leg that was away for a while gets what it missed and nothing else, also what was
// written at the last moment before it came back.
func TestKernelTrackRAIDLeg(t *testing.T) {
	const size, region = 8 * MiB, 64 * KiB
	ctx := context.Background()
	r, sys := kernelGroup(t, 3, func(tx *Tx) error {
		_, err := tx.CreateRAID(RAIDSpec{Name: "r", Size: ExtentCount(2), RegionSize: region})
		return err
	})
	quick := SyncOptions{Interval: 10 * time.Millisecond}
	require.NoError(t, sys.WaitSync(ctx, "vg", "r", quick))
	random := rand.NewChaCha8([32]byte{})
	data := make([]byte, size)
	write := func(offset, length Bytes) {
		t.Helper()
		_, _ = random.Read(data[offset : offset+length])
		d, err := openFileDevice("/dev/vg/r", true)
		require.NoError(t, err)
		_, err = d.WriteAt(data[offset:offset+length], int64(offset))
		require.NoError(t, joinErrors(err, d.Sync(), d.Close()))
	}
	// leg returns what is on the second leg, read from its physical volume behind one
	// extent with metadata.
	leg := func() []byte {
		t.Helper()
		umltest.Run(t, "sh", "-c", "echo 3 > /proc/sys/vm/drop_caches")
		f, err := os.Open(r.dev[1])
		require.NoError(t, err)
		out := make([]byte, size)
		_, err = f.ReadAt(out, int64(1*MiB+4*MiB))
		require.NoError(t, joinErrors(err, f.Close()))
		return out
	}
	write(0, size)
	require.True(t, bytes.Equal(data, leg()))
	for round, wait := range []time.Duration{0, 1500 * time.Millisecond} {
		r.update(func(tx *Tx) error {
			lv, err := tx.TrackRAIDLeg("r", r.dev[1])
			if err == nil {
				assert.Equal(t, "r_rimage_1", lv.Name())
			}
			return err
		})
		then := bytes.Clone(data)
		require.Equal(t, "1", strings.TrimSpace(umltest.Run(t, "blockdev", "--getro", "/dev/vg/r_rimage_1")))
		held, err := os.Open("/dev/vg/r_rimage_1")
		require.NoError(t, err)
		time.Sleep(wait) // long enough for the kernel to count the raid as clean
		at := Bytes(round+1) * MiB
		write(at, 3*region)
		write(5*MiB, 4*KiB)
		require.True(t, bytes.Equal(then, leg()), "what was written is not to come to the leg")
		r.refused(ErrBusy, func(tx *Tx) error { return tx.MergeRAIDLeg("r_rimage_1") })
		require.NoError(t, held.Close())

		// Where nothing was written, nothing is to be brought to the leg.
		scar := []byte("what the leg alone holds")
		f, err := os.OpenFile(r.dev[1], os.O_WRONLY, 0)
		require.NoError(t, err)
		_, err = f.WriteAt(scar, int64(1*MiB+4*MiB+7*MiB))
		require.NoError(t, joinErrors(err, f.Sync(), f.Close()))
		write(at+8*KiB, 512)
		r.update(func(tx *Tx) error { return tx.MergeRAIDLeg("r_rimage_1") })
		require.NoFileExists(t, "/dev/vg/r_rimage_1")
		require.NoError(t, sys.WaitSync(ctx, "vg", "r", quick))
		require.Equal(t, "AA", health(t, sys, "r"))
		want := bytes.Clone(data)
		copy(want[7*MiB:], scar)
		got := leg()
		for at := 0; at < len(got); at += int(region) {
			require.True(t, bytes.Equal(want[at:at+int(region)], got[at:at+int(region)]), "round %d: region at %d", round, at)
		}
		write(7*MiB, region)
		require.True(t, bytes.Equal(data, leg()))
	}
	assert.Empty(t, suspendedDevices(t))
}

// A leg whose physical volume was missing gets what it missed when it comes back, also
// what was written at the last moment.
func TestKernelAbsentLegComesBack(t *testing.T) {
	p := newFailingPVs(t, 2, 24<<20)
	sys := p.open(0, 1)
	t.Cleanup(func() { removeDevices(t) })
	update(t, sys, "vg", func(tx *Tx) error {
		if err := tx.CreateVG(VGSpec{ExtentSize: MiB, PVs: []string{p.path(0), p.path(1)}}); err != nil {
			return err
		}
		_, err := tx.CreateRAID(RAIDSpec{Name: "r", Size: ExtentCount(4), RegionSize: 64 * KiB})
		return err
	})
	awaitRAID(t, sys, "r")
	update(t, sys, "vg", func(tx *Tx) error { return tx.Deactivate("r") })
	require.NoError(t, sys.Close())
	sys = p.open(0)
	update(t, sys, "vg", func(tx *Tx) error { return tx.ActivateWith("r", ActivateOptions{Mode: ActivateDegraded}) })
	require.NoError(t, sys.Close())
	sys = p.open(0, 1)
	want := bytes.Repeat([]byte("late "), 1000)
	d, err := openFileDevice("/dev/vg/r", true)
	require.NoError(t, err)
	_, err = d.WriteAt(want[:4096], 0)
	require.NoError(t, joinErrors(err, d.Sync(), d.Close()))
	update(t, sys, "vg", func(tx *Tx) error { return tx.Refresh("r") })
	awaitRAID(t, sys, "r")
	require.Equal(t, "AA", health(t, sys, "r"))
	p.fail(0) // now the leg that was away has to have it
	umltest.Run(t, "sh", "-c", "echo 3 > /proc/sys/vm/drop_caches")
	got := make([]byte, 4096)
	d, err = openFileDevice("/dev/vg/r", false)
	require.NoError(t, err)
	_, err = d.ReadAt(got, 0)
	require.NoError(t, joinErrors(err, d.Close()))
	assert.True(t, bytes.Equal(want[:4096], got))
}
