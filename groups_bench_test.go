package lvm

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// BenchmarkSplitMerge splits a group and merges it again; half of its volumes
// go and come back.
func BenchmarkSplitMerge(b *testing.B) {
	for _, n := range benchSizes {
		b.Run(fmt.Sprintf("lvs=%d", n), func(b *testing.B) {
			ctx := context.Background()
			var devices []string
			for i := range 2 {
				devices = append(devices, benchImage(b, b.TempDir(), i, Bytes(n)*MiB+GiB))
			}
			sys, err := Open(Config{Devices: devices, Kernel: KernelNone})
			require.NoError(b, err)
			require.NoError(b, sys.Update(ctx, "vg", func(tx *Tx) error {
				if err := tx.CreateVG(VGSpec{PVs: devices, ExtentSize: MiB, PV: PVSpec{MetadataSize: 256 * MiB}}); err != nil {
					return err
				}
				for i := range n {
					spec := LVSpec{Name: fmt.Sprintf("lv%05d", i), Size: ExtentCount(1), SkipZero: true, PVs: []PVSelection{{PV: devices[i%2]}}}
					if _, err := tx.CreateLV(spec); err != nil {
						return err
					}
				}
				return nil
			}))
			for b.Loop() {
				require.NoError(b, sys.Update(ctx, "vg", func(tx *Tx) error { return tx.SplitVG("half", SplitSpec{PVs: devices[1:]}) }))
				require.NoError(b, sys.Update(ctx, "vg", func(tx *Tx) error { return tx.MergeVG("half") }))
			}
		})
	}
}

// BenchmarkScan reads image files with a physical volume on each, as a process
// does that has not seen them before.
func BenchmarkScan(b *testing.B) {
	const images = 200
	ctx := context.Background()
	dir := b.TempDir()
	var devices []string
	for i := range images {
		devices = append(devices, benchImage(b, dir, i, 64*MiB))
	}
	open := func() *System {
		sys, err := Open(Config{Devices: devices, Kernel: KernelNone})
		require.NoError(b, err)
		return sys
	}
	for i := range 10 { // groups of twenty
		require.NoError(b, open().Update(ctx, fmt.Sprintf("vg%d", i), func(tx *Tx) error {
			if err := tx.CreateVG(VGSpec{PVs: devices[i*20 : i*20+20]}); err != nil {
				return err
			}
			for n := range 20 {
				if _, err := tx.CreateLV(LVSpec{Size: ExtentCount(2), Name: fmt.Sprintf("lv%d", n)}); err != nil {
					return err
				}
			}
			return nil
		}))
	}
	for b.Loop() {
		inv, err := open().Scan(ctx)
		require.NoError(b, err)
		require.Len(b, inv.VGs, 10)
		require.Empty(b, inv.Problems)
	}
}

func benchImage(b *testing.B, dir string, i int, size Bytes) string {
	b.Helper()
	path := filepath.Join(dir, fmt.Sprintf("pv%03d", i))
	require.NoError(b, os.WriteFile(path, nil, 0o600))
	require.NoError(b, os.Truncate(path, int64(size)))
	return path
}
