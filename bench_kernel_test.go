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

// BenchmarkKernelScale reads a group with many volumes, and adds one that stays
// inactive, by this package as a new process would and by lvm2.
func BenchmarkKernelScale(b *testing.B) {
	ctx := context.Background()
	for _, n := range benchSizes {
		sys, devices := kernelSystem(b, 2, 2<<30)
		require.NoError(b, sys.Update(ctx, "vg", func(tx *Tx) error {
			spec := VGSpec{PVs: devices, ExtentSize: 64 * KiB, PV: PVSpec{MetadataSize: 64 * MiB, WipeSignatures: true}}
			if err := tx.CreateVG(spec); err != nil {
				return err
			}
			for i := range n {
				name := fmt.Sprintf("lv%05d", i)
				if _, err := tx.CreateLV(LVSpec{Name: name, Size: ExtentCount(1), SkipZero: true, Inactive: true}); err != nil {
					return err
				}
			}
			for i := range n {
				if err := tx.ExtendLV(fmt.Sprintf("lv%05d", i), ExtendSpec{By: ExtentCount(1)}); err != nil {
					return err
				}
			}
			return nil
		}))
		lvm := umltest.NeedTool(b, "lvm")
		fresh := func(b *testing.B, use func(*System) error) {
			for b.Loop() {
				sys, err := Open(Config{Devices: devices})
				require.NoError(b, err)
				require.NoError(b, use(sys))
				require.NoError(b, sys.Close())
			}
		}
		b.Run(fmt.Sprintf("view/ours/lvs=%d", n), func(b *testing.B) {
			fresh(b, func(sys *System) error { _, err := sys.VG(ctx, "vg"); return err })
		})
		b.Run(fmt.Sprintf("view/vgs/lvs=%d", n), func(b *testing.B) {
			for b.Loop() {
				umltest.Run(b, lvm, "vgs", "vg")
			}
		})
		remove := func(b *testing.B) {
			b.StopTimer()
			require.NoError(b, sys.Update(ctx, "vg", func(tx *Tx) error { return tx.RemoveLV("new") }))
			b.StartTimer()
		}
		b.Run(fmt.Sprintf("create/ours/lvs=%d", n), func(b *testing.B) {
			fresh(b, func(sys *System) error {
				err := sys.Update(ctx, "vg", func(tx *Tx) error {
					_, err := tx.CreateLV(LVSpec{Name: "new", Size: ExtentCount(2), Inactive: true, SkipZero: true})
					return err
				})
				remove(b)
				return err
			})
		})
		b.Run(fmt.Sprintf("create/lvcreate/lvs=%d", n), func(b *testing.B) {
			for b.Loop() {
				umltest.Run(b, lvm, "lvcreate", "-qq", "-an", "-Zn", "-Wn", "-l2", "-n", "new", "vg")
				remove(b)
			}
		})
		require.NoError(b, sys.Update(ctx, "vg", func(tx *Tx) error {
			var names []string
			for lv := range tx.VG().LVs() {
				names = append(names, lv.Name())
			}
			for _, name := range names {
				if err := tx.RemoveLV(name); err != nil {
					return err
				}
			}
			return tx.RemoveVG()
		}))
	}
}
