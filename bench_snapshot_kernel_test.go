package lvm

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/internal/umltest"
)

// benchGroup makes vg with n active volumes v0, v1, ... of the given size.
func benchGroup(b *testing.B, n int, size Bytes, disk int64) (*System, []string) {
	sys, devices := kernelSystem(b, 2, disk)
	require.NoError(b, sys.Update(context.Background(), "vg", func(tx *Tx) error {
		if err := tx.CreateVG(VGSpec{PVs: devices, ExtentSize: MiB}); err != nil {
			return err
		}
		for i := range n {
			spec := LVSpec{Name: fmt.Sprintf("v%d", i), Size: ExactSize(size), PVs: []PVSelection{{PV: devices[0]}}}
			if _, err := tx.CreateLV(spec); err != nil {
				return err
			}
		}
		return nil
	}))
	b.Cleanup(func() {
		require.NoError(b, sys.Update(context.Background(), "vg", func(tx *Tx) error { return tx.DeactivateAll() }))
	})
	return sys, devices
}

func benchSnapshots(n int) func(*Tx) error {
	return func(tx *Tx) error {
		for i := range n {
			spec := SnapshotSpec{Name: fmt.Sprintf("s%d", i), Size: ExactSize(4 * MiB)}
			if _, err := tx.CreateSnapshot(fmt.Sprintf("v%d", i), spec); err != nil {
				return err
			}
		}
		return nil
	}
}

func benchDrop(n int) func(*Tx) error {
	return func(tx *Tx) error {
		for i := range n {
			if err := tx.RemoveLV(fmt.Sprintf("s%d", i)); err != nil {
				return err
			}
		}
		return nil
	}
}

// BenchmarkKernelSnapshot makes a snapshot of an active volume, and removes it,
// by this package and by lvm2 on the same devices. A new System per round is what
// a new process would have.
func BenchmarkKernelSnapshot(b *testing.B) {
	sys, devices := benchGroup(b, 1, 64*MiB, 256<<20)
	lvm := umltest.NeedTool(b, "lvm")
	ctx := context.Background()
	fresh := func(b *testing.B, fn func(*Tx) error) {
		s, err := Open(Config{Devices: devices})
		require.NoError(b, err)
		require.NoError(b, s.Update(ctx, "vg", fn))
		require.NoError(b, s.Close())
	}
	for _, who := range []struct {
		name         string
		make, remove func(*testing.B)
	}{
		{"ours", func(b *testing.B) { fresh(b, benchSnapshots(1)) }, func(b *testing.B) { fresh(b, benchDrop(1)) }},
		{
			"lvm2",
			func(b *testing.B) { umltest.Run(b, lvm, "lvcreate", "-qq", "-y", "-s", "-n", "s0", "-L4M", "vg/v0") },
			func(b *testing.B) { umltest.Run(b, lvm, "lvremove", "-qq", "-y", "vg/s0") },
		},
	} {
		undo := func(b *testing.B, fn func(*Tx) error) {
			b.StopTimer()
			require.NoError(b, sys.Update(ctx, "vg", fn))
			b.StartTimer()
		}
		b.Run("create/"+who.name, func(b *testing.B) {
			for b.Loop() {
				who.make(b)
				undo(b, benchDrop(1))
			}
		})
		b.Run("remove/"+who.name, func(b *testing.B) {
			for b.Loop() {
				undo(b, benchSnapshots(1))
				who.remove(b)
			}
		})
	}
}

// BenchmarkKernelWindow measures how long the origins are suspended, from the
// first suspend to the last resume, when all get a snapshot in one update. In it
// is the commit, with a sync of both devices.
func BenchmarkKernelWindow(b *testing.B) {
	for _, n := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("origins=%d", n), func(b *testing.B) {
			sys, _ := benchGroup(b, n, 4*MiB, 1<<30)
			var windows, longest time.Duration
			rounds := 0
			for b.Loop() {
				require.NoError(b, sys.Update(context.Background(), "vg", func(tx *Tx) error {
					tx.OnFreeze(FreezeHooks{Thaw: func(window time.Duration, _ bool) {
						windows, longest, rounds = windows+window, max(longest, window), rounds+1
					}})
					return benchSnapshots(n)(tx)
				}))
				b.StopTimer()
				require.NoError(b, sys.Update(context.Background(), "vg", benchDrop(n)))
				b.StartTimer()
			}
			b.ReportMetric(float64(windows.Microseconds())/float64(rounds), "window-µs/op")
			b.ReportMetric(float64(longest.Microseconds()), "longest-window-µs")
		})
	}
}

// BenchmarkKernelMove moves a volume to the other device and back: by this
// package, by lvm2 that looks as often as it can, and by the kernel's mirror
// alone, which is the copying that both need.
func BenchmarkKernelMove(b *testing.B) {
	const size = 64 * MiB
	sys, devices := benchGroup(b, 1, size, 256<<20)
	lvm := umltest.NeedTool(b, "lvm")
	ctx := context.Background()
	from := 0
	b.Run("ours", func(b *testing.B) {
		b.SetBytes(int64(size))
		for b.Loop() {
			s, err := Open(Config{Devices: devices})
			require.NoError(b, err)
			_, err = s.Move(ctx, "vg", MoveOptions{From: PVSelection{PV: devices[from]}, Run: MoveRun{Interval: 10 * time.Millisecond}})
			require.NoError(b, err)
			require.NoError(b, s.Close())
			from = 1 - from
		}
	})
	b.Run("pvmove", func(b *testing.B) {
		b.SetBytes(int64(size))
		for b.Loop() {
			umltest.Run(b, lvm, "pvmove", "-qq", "-i0", devices[from])
			from = 1 - from
		}
	})
	require.NoError(b, sys.Update(ctx, "vg", func(tx *Tx) error { return tx.DeactivateAll() }))
	b.Run("mirror", func(b *testing.B) {
		b.SetBytes(int64(size))
		control, err := dm.Open()
		require.NoError(b, err)
		defer control.Close()
		var legs []dm.MirrorLeg
		for _, d := range devices {
			number, ok := blockDeviceNumber(d)
			require.True(b, ok)
			legs = append(legs, dm.MirrorLeg{Device: number, Offset: 2048})
		}
		name := dm.ByName("bench")
		for b.Loop() {
			_, err := control.Create("bench", "", dm.CreateOptions{})
			require.NoError(b, err)
			table := dm.Table{{Length: size.Sectors(), Target: dm.Mirror{RegionSize: moveRegionSize.Sectors(), Legs: legs}}}
			_, err = control.Load(name, table, dm.LoadOptions{})
			require.NoError(b, err)
			_, err = control.Resume(name, dm.ResumeOptions{})
			require.NoError(b, err)
			for synced := false; !synced; time.Sleep(time.Millisecond) {
				_, lines, err := control.TargetStatus(name, dm.QueryOptions{})
				require.NoError(b, err)
				s, err := dm.ParseMirrorStatus(lines[0].Status)
				require.NoError(b, err)
				synced = s.Synced()
			}
			_, err = control.Remove(name, dm.RemoveOptions{})
			require.NoError(b, err)
		}
	})
}
