package lvm

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// benchSystem returns a System in image mode with a group of n logical volumes
// of two segments each.
func benchSystem(b *testing.B, n int, extentSize Bytes) *System {
	b.Helper()
	ctx := context.Background()
	var devices []string
	need := (Bytes(n)*4+64)*extentSize + 512*MiB
	for i := range 2 {
		devices = append(devices, benchImage(b, b.TempDir(), i, need))
	}
	sys, err := Open(Config{Devices: devices, Kernel: KernelNone})
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, sys.Close()) })
	require.NoError(b, sys.Update(ctx, "vg", func(tx *Tx) error {
		spec := VGSpec{PVs: devices, ExtentSize: extentSize, PV: PVSpec{MetadataSize: 256 * MiB}}
		if err := tx.CreateVG(spec); err != nil {
			return err
		}
		for i := range n {
			name := fmt.Sprintf("lv%05d", i)
			if _, err := tx.CreateLV(LVSpec{Name: name, Size: ExtentCount(1), SkipZero: true}); err != nil {
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
	return sys
}

var benchSizes = []int{1_000, 10_000}

// BenchmarkViewUnchanged reads a group that did not change since the last time.
func BenchmarkViewUnchanged(b *testing.B) {
	for _, n := range benchSizes {
		b.Run(fmt.Sprintf("lvs=%d", n), func(b *testing.B) {
			sys := benchSystem(b, n, MiB)
			_, err := sys.VG(context.Background(), "vg")
			require.NoError(b, err)
			for b.Loop() {
				_, err := sys.VG(context.Background(), "vg")
				require.NoError(b, err)
			}
		})
	}
}

// BenchmarkViewFresh reads a group as a new process does: what vgs does.
func BenchmarkViewFresh(b *testing.B) {
	for _, n := range benchSizes {
		b.Run(fmt.Sprintf("lvs=%d", n), func(b *testing.B) {
			sys := benchSystem(b, n, MiB)
			for b.Loop() {
				fresh, err := Open(sys.cfg)
				require.NoError(b, err)
				_, err = fresh.VG(context.Background(), "vg")
				require.NoError(b, err)
			}
		})
	}
}

// BenchmarkUpdate creates and removes a volume, in a process that goes on and,
// what lvcreate does, in a new one. The cost must not depend on the extent size.
func BenchmarkUpdate(b *testing.B) {
	for _, n := range benchSizes {
		for _, extent := range []Bytes{128 * KiB, 32 * MiB} {
			for _, fresh := range []bool{false, true} {
				b.Run(fmt.Sprintf("lvs=%d/extent=%s/fresh=%t", n, extent, fresh), func(b *testing.B) {
					sys := benchSystem(b, n, extent)
					cfg := sys.cfg
					update := func(fn func(*Tx) error) {
						if fresh {
							var err error
							sys, err = Open(cfg)
							require.NoError(b, err)
						}
						require.NoError(b, sys.Update(context.Background(), "vg", fn))
					}
					for b.Loop() {
						update(func(tx *Tx) error {
							_, err := tx.CreateLV(LVSpec{Name: "new", Size: ExtentCount(2)})
							return err
						})
						update(func(tx *Tx) error { return tx.RemoveLV("new") })
					}
				})
			}
		}
	}
}

// BenchmarkPlanMany plans many volumes in one update.
func BenchmarkPlanMany(b *testing.B) {
	for _, n := range benchSizes {
		b.Run(fmt.Sprintf("lvs=%d", n), func(b *testing.B) {
			sys := benchSystem(b, 1, MiB)
			big := filepath.Join(b.TempDir(), "more")
			require.NoError(b, os.WriteFile(big, nil, 0o600))
			require.NoError(b, os.Truncate(big, int64(Bytes(n+800)*MiB)))
			cfg := sys.cfg
			cfg.Devices = append(cfg.Devices, big)
			for b.Loop() {
				sys, err := Open(cfg)
				require.NoError(b, err)
				plan, err := sys.Plan(context.Background(), "vg", func(tx *Tx) error {
					if err := tx.ExtendVG(PVSpec{MetadataSize: 256 * MiB}, big); err != nil {
						return err
					}
					for i := range n {
						if _, err := tx.CreateLV(LVSpec{Name: fmt.Sprintf("new%d", i), Size: ExtentCount(1), SkipZero: true}); err != nil {
							return err
						}
					}
					return nil
				})
				require.NoError(b, err)
				require.False(b, plan.Empty())
			}
		})
	}
}
