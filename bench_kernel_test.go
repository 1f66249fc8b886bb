package lvm

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/umltest"
)

// BenchmarkKernelCreate creates and activates one volume, and a hundred, by
// this package and by lvm2 on the same devices. Removal is not counted. A new
// System per round is what a new process would have.
func BenchmarkKernelCreate(b *testing.B) {
	sys, devices := kernelSystem(b, 2, 1<<30)
	ctx := context.Background()
	require.NoError(b, sys.Update(ctx, "vg", func(tx *Tx) error { return tx.CreateVG(VGSpec{PVs: devices}) }))
	lvm := umltest.NeedTool(b, "lvm")

	create := func(sys *System, n int) error {
		return sys.Update(ctx, "vg", func(tx *Tx) error {
			for i := range n {
				if _, err := tx.CreateLV(LVSpec{Name: fmt.Sprintf("b%d", i), Size: ExtentCount(2)}); err != nil {
					return err
				}
			}
			return nil
		})
	}
	clean := func(n int) {
		require.NoError(b, sys.Update(ctx, "vg", func(tx *Tx) error {
			for i := range n {
				if err := tx.RemoveLV(fmt.Sprintf("b%d", i)); err != nil {
					return err
				}
			}
			return nil
		}))
	}
	for _, n := range []int{1, 100} {
		b.Run(fmt.Sprintf("ours/lvs=%d", n), func(b *testing.B) {
			for b.Loop() {
				fresh, err := Open(Config{Devices: devices})
				require.NoError(b, err)
				require.NoError(b, create(fresh, n))
				b.StopTimer()
				require.NoError(b, fresh.Close())
				clean(n)
				b.StartTimer()
			}
		})
		b.Run(fmt.Sprintf("lvcreate/lvs=%d", n), func(b *testing.B) {
			for b.Loop() {
				for i := range n {
					umltest.Run(b, lvm, "lvcreate", "-qq", "-y", "-n", fmt.Sprintf("b%d", i), "-l2", "vg")
				}
				b.StopTimer()
				clean(n)
				b.StartTimer()
			}
		})
	}
}
