package lvm

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/umltest"
)

// BenchmarkKernelThinSnapshots makes snapshots of an active thin volume: by one update,
// and by lvm2 with a command for each.
func BenchmarkKernelThinSnapshots(b *testing.B) {
	umltest.NeedKernel(b)
	const n = 100
	sys, devices := kernelSystem(b, 2, 256<<20)
	ctx := context.Background()
	require.NoError(b, sys.Update(ctx, "vg", func(tx *Tx) error {
		return joinErrors(tx.CreateVG(VGSpec{PVs: devices, ExtentSize: MiB}), func() error {
			_, err := tx.CreateThinPool(ThinPoolSpec{Name: "pool", Size: ExactSize(64 * MiB)})
			return err
		}(), tx.addThinLV("pool", "t", 32))
	}))
	b.Cleanup(func() {
		require.NoError(b, sys.Update(ctx, "vg", func(tx *Tx) error { return tx.DeactivateAll() }))
	})
	for range b.N {
		start := time.Now()
		require.NoError(b, sys.Update(ctx, "vg", func(tx *Tx) error {
			for i := range n {
				if _, err := tx.CreateThinSnapshot("t", ThinSnapshotSpec{Name: fmt.Sprintf("o%d", i)}); err != nil {
					return err
				}
			}
			return nil
		}))
		ours := time.Since(start)
		start = time.Now()
		for i := range n {
			umltest.Run(b, "lvm", "lvcreate", "-qq", "-s", "-n", fmt.Sprintf("l%d", i), "vg/t")
		}
		lvm2 := time.Since(start)
		b.ReportMetric(float64(ours.Milliseconds()), "ours-ms")
		b.ReportMetric(float64(lvm2.Milliseconds()), "lvm2-ms")
		b.ReportMetric(float64(lvm2)/float64(ours), "ratio")
		require.NoError(b, sys.Update(ctx, "vg", func(tx *Tx) error {
			for i := range n {
				if err := joinErrors(tx.RemoveLV(fmt.Sprintf("o%d", i)), tx.RemoveLV(fmt.Sprintf("l%d", i))); err != nil {
					return err
				}
			}
			return nil
		}))
	}
}
