package lvm

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/umltest"
)

// kernelSnapshot makes a group with the origin o, which holds ones, and its
// snapshot s, which holds twos in its first 4 MiB.
func kernelSnapshot(t *testing.T) *interopRun {
	umltest.NeedTool(t, "lvm")
	r, _ := kernelGroup(t, 2, func(tx *Tx) error {
		_, err := tx.CreateLV(LVSpec{Name: "o", Size: ExactSize(12 * MiB)})
		return err
	})
	write(t, "/dev/vg/o", 1, 12*MiB)
	r.update(func(tx *Tx) error {
		_, err := tx.CreateSnapshot("o", SnapshotSpec{Name: "s", Size: PercentOrigin(100)})
		return err
	})
	write(t, "/dev/vg/s", 2, 4*MiB)
	return r
}

func write(t *testing.T, path string, b byte, n Bytes) {
	t.Helper()
	d, err := openFileDevice(path, true)
	require.NoError(t, err)
	_, err = d.WriteAt(bytes.Repeat([]byte{b}, int(n)), 0)
	require.NoError(t, err)
	require.NoError(t, d.Sync())
	require.NoError(t, d.Close())
}

// holdsSnapshot checks that a device holds what kernelSnapshot made of s.
func holdsSnapshot(t *testing.T, path string) {
	t.Helper()
	d, err := openFileDevice(path, false)
	require.NoError(t, err)
	got := make([]byte, 12*MiB)
	_, err = d.ReadAt(got, 0)
	require.NoError(t, err)
	require.NoError(t, d.Close())
	assert.Equal(t, int(4*MiB), bytes.Count(got, []byte{2}))
	assert.Equal(t, int(8*MiB), bytes.Count(got, []byte{1}))
}

// TestKernelMergesGoOn: whoever begins a merge, lvm2, the kernel by us, or we in
// image mode, somebody else can go on with it and finish it.
func TestKernelMergesGoOn(t *testing.T) {
	ctx := context.Background()
	kernelMode := func(t *testing.T, r *interopRun) {
		results, err := r.sys.ResumeMerges(ctx, "vg", MergeOptions{Interval: soon})
		require.NoError(t, err)
		require.Equal(t, []MergeResult{{Origin: "o", Snapshot: "s"}}, results)
	}
	inactive := func(r *interopRun) { r.update(func(tx *Tx) error { return tx.DeactivateAll() }) }
	open := func(t *testing.T) *os.File {
		f, err := os.Open("/dev/vg/s")
		require.NoError(t, err)
		return f
	}
	for _, tt := range []struct {
		name   string
		begin  func(*testing.T, *interopRun)
		finish func(*testing.T, *interopRun)
	}{
		{"lvm2 begins, the origin was open", func(t *testing.T, r *interopRun) {
			f := open(t)
			umltest.Run(t, "lvm", "lvconvert", "--merge", "vg/s")
			require.NoError(t, f.Close())
		}, kernelMode},
		{"lvm2 begins, and the next start activates", func(t *testing.T, r *interopRun) {
			inactive(r)
			umltest.Run(t, "lvm", "lvconvert", "--merge", "vg/s")
			umltest.Run(t, "lvm", "vgchange", "-ay", "--poll", "n", "vg")
		}, kernelMode},
		{"we begin, lvm2 finishes", func(t *testing.T, r *interopRun) {
			r.update(func(tx *Tx) error { return tx.MergeSnapshot("s") })
			require.Equal(t, "snapshot-merge", liveTarget(t, "vg-o"))
		}, func(t *testing.T, r *interopRun) {
			umltest.Run(t, "sh", "-c", "lvm vgchange --poll y vg; for i in $(seq 100); do lvm lvs vg/s 2>/dev/null || break; sleep 0.1; done")
		}},
		{"we begin in image mode, the kernel goes on", func(t *testing.T, r *interopRun) {
			inactive(r)
			image, err := Open(Config{Devices: r.dev, Kernel: KernelNone})
			require.NoError(t, err)
			stop, cancel := context.WithCancel(ctx)
			_, err = image.Merge(stop, "vg", "s", MergeOptions{Progress: func(p MergeProgress) {
				if p.Done > p.Total/2 {
					cancel()
				}
			}})
			require.ErrorIs(t, err, context.Canceled)
			require.NoError(t, image.Close())
			r.update(func(tx *Tx) error { return tx.ActivateAll() })
			holdsSnapshot(t, "/dev/vg/o")
		}, kernelMode},
		{"the kernel begins, we go on in image mode", func(t *testing.T, r *interopRun) {
			r.update(func(tx *Tx) error { return tx.MergeSnapshot("s") })
			inactive(r)
		}, func(t *testing.T, r *interopRun) {
			image, err := Open(Config{Devices: r.dev, Kernel: KernelNone})
			require.NoError(t, err)
			_, err = image.ResumeMerges(ctx, "vg", MergeOptions{})
			require.NoError(t, err)
			require.NoError(t, image.Close())
			r.update(func(tx *Tx) error { return tx.ActivateAll() })
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := kernelSnapshot(t)
			tt.begin(t, r)
			tt.finish(t, r)
			holdsSnapshot(t, "/dev/vg/o")
			assert.Equal(t, []string{"vg-o"}, deviceNames(t))
			assert.Equal(t, "linear", liveTarget(t, "vg-o"))
			assert.Empty(t, suspendedDevices(t))
			umltest.Run(t, "lvm", "vgck", "vg")
			assert.Equal(t, []string{"o"}, lvNames(view(t, openKernel(t, r.dev), "vg")))
		})
	}
}

// TestKernelSnapshotsAreExtended: as it fills, a snapshot grows, and is never
// lost. What we say of its usage is what lvm2 says.
func TestKernelSnapshotsAreExtended(t *testing.T) {
	umltest.NeedTool(t, "lvm")
	r, sys := kernelGroup(t, 2, func(tx *Tx) error {
		_, err := tx.CreateLV(LVSpec{Name: "o", Size: ExactSize(32 * MiB)})
		return err
	})
	r.update(func(tx *Tx) error {
		_, err := tx.CreateSnapshot("o", SnapshotSpec{Name: "s", Size: ExactSize(4 * MiB)})
		return err
	})
	ctx, cancel := context.WithCancel(context.Background())
	var events []SnapshotEvent
	ended := make(chan error)
	go func() {
		ended <- sys.Monitor(ctx, MonitorOptions{
			VGs: []string{"vg"}, Interval: soon, AutoExtend: AutoExtend{Threshold: 50, By: 100},
			Event: func(e SnapshotEvent) { events = append(events, e) },
		})
	}()
	d, err := openFileDevice("/dev/vg/o", true)
	require.NoError(t, err)
	for at := Bytes(0); at < 24*MiB; at += 64 * KiB {
		_, err = d.WriteAt(bytes.Repeat([]byte{3}, int(64*KiB)), int64(at))
		require.NoError(t, err)
		for { // as fast as the monitor
			u, err := lvView(t, view(t, sys, "vg"), "s").SnapshotUsage()
			require.NoError(t, err)
			if u.Percent() < 8000 {
				break
			}
		}
	}
	require.NoError(t, d.Close())
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
	extended := 0
	for _, e := range events {
		switch e.Kind {
		case SnapshotExtended:
			extended++
		case SnapshotLost, MonitorFailed:
			t.Errorf("%s: %v", e.Kind, e.Err)
		}
	}
	assert.Positive(t, extended)
	s := lvView(t, view(t, sys, "vg"), "s")
	assert.Equal(t, 36*MiB, s.Size(), "as large as is of use")
	u, err := s.SnapshotUsage()
	require.NoError(t, err)
	out, err := exec.Command("lvm", "lvs", "--noheadings", "-o", "data_percent", "vg/s").Output()
	require.NoError(t, err)
	assert.Equal(t, strings.TrimSpace(string(out)), u.Percent().String())
	r.update(func(tx *Tx) error { return tx.DeactivateAll() })
	stored, err := lvView(t, view(t, sys, "vg"), "s").SnapshotUsage()
	require.NoError(t, err)
	assert.Equal(t, u, stored, "the store says the same as the kernel did")
}
