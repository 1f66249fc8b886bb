package lvm

import (
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/umltest"
)

// A raid that was made in image mode, and given another size there, has superblocks and
// bitmaps of another one when the kernel gets it first. All of it is brought in sync.
func TestKernelRAIDResizedBeforeItsFirstUse(t *testing.T) {
	umltest.NeedKernel(t)
	quick := SyncOptions{Interval: 10 * time.Millisecond}
	var devices []string
	for n := range 3 {
		device, file := umltest.Loop(t, 24<<20)
		fillFile(t, file, 24<<20, byte(n))
		devices = append(devices, device)
	}
	image, err := Open(Config{Devices: devices, Kernel: KernelNone})
	require.NoError(t, err)
	update(t, image, "vg", func(tx *Tx) error {
		err := tx.CreateVG(VGSpec{ExtentSize: 64 * KiB, PVs: devices})
		for _, typ := range []SegmentType{SegmentRAID1, SegmentRAID5, SegmentRAID10} {
			for _, name := range []string{"grows", "shrinks"} {
				spec := RAIDSpec{Name: name + string(typ), Type: typ, Size: ExtentCount(24), RegionSize: 64 * KiB}
				if typ == SegmentRAID10 {
					spec.Allocation = AllocAnywhere
				}
				_, e := tx.CreateRAID(spec)
				err = joinErrors(err, e)
			}
		}
		return err
	})
	var names []string
	update(t, image, "vg", func(tx *Tx) error {
		var err error
		for _, typ := range []SegmentType{SegmentRAID1, SegmentRAID5, SegmentRAID10} {
			grows, shrinks := "grows"+string(typ), "shrinks"+string(typ)
			names = append(names, grows, shrinks)
			err = joinErrors(err, tx.ExtendLV(grows, ExtendSpec{By: ExtentCount(24), Allocation: AllocAnywhere}), tx.ReduceLV(shrinks, ReduceSpec{To: ExtentCount(12)}))
		}
		return err
	})
	require.NoError(t, image.Close())

	sys := openKernel(t, devices)
	t.Cleanup(func() { removeDevices(t) })
	update(t, sys, "vg", (*Tx).ActivateAll)
	for _, name := range names {
		require.NoError(t, sys.WaitSync(t.Context(), "vg", name, quick), name)
		found, err := sys.Scrub(t.Context(), "vg", name, ScrubOptions{SyncOptions: quick})
		require.NoError(t, err, name)
		require.Zero(t, found.Mismatches, name)
	}
}

// fillFile fills a file with what differs from that of other seeds.
func fillFile(t *testing.T, path string, size int, seed byte) {
	t.Helper()
	p := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{seed}).Read(p)
	require.NoError(t, os.WriteFile(path, p, 0o600))
}
