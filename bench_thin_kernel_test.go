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
// and by lvm2 with a command for each. A new System per round is what a new process
// would have.
func BenchmarkKernelThinSnapshots(b *testing.B) {
	umltest.NeedKernel(b)
	for _, c := range []struct {
		name     string
		n        int
		activate bool
		keep     string // of lvm2: whether activation is skipped
	}{
		{"one, activated", 1, true, "-kn"},
		{"a hundred, activated", 100, true, "-kn"},
		{"a hundred", 100, false, "-ky"},
	} {
		b.Run(c.name, func(b *testing.B) {
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
			var ours, lvm2 time.Duration
			for range b.N {
				start := time.Now()
				fresh, err := Open(Config{Devices: devices})
				require.NoError(b, err)
				require.NoError(b, fresh.Update(ctx, "vg", func(tx *Tx) error {
					for i := range c.n {
						if _, err := tx.CreateThinSnapshot("t", ThinSnapshotSpec{Name: fmt.Sprintf("o%d", i), Activate: c.activate}); err != nil {
							return err
						}
					}
					return nil
				}))
				require.NoError(b, fresh.Close())
				ours += time.Since(start)
				start = time.Now()
				for i := range c.n {
					umltest.Run(b, "lvm", "lvcreate", "-qq", "-s", c.keep, "-n", fmt.Sprintf("l%d", i), "vg/t")
				}
				lvm2 += time.Since(start)
				require.NoError(b, sys.Update(ctx, "vg", func(tx *Tx) error {
					for i := range c.n {
						if err := joinErrors(tx.RemoveLV(fmt.Sprintf("o%d", i)), tx.RemoveLV(fmt.Sprintf("l%d", i))); err != nil {
							return err
						}
					}
					return nil
				}))
			}
			b.ReportMetric(float64(ours.Microseconds())/1000/float64(b.N), "ours-ms")
			b.ReportMetric(float64(lvm2.Microseconds())/1000/float64(b.N), "lvm2-ms")
			b.ReportMetric(float64(lvm2)/float64(ours), "ratio")
		})
	}
}
