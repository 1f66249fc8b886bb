package report

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm"
	"github.com/lvm-go/lvm/examples/lvm/internal/sizes"
)

// image returns a source with a group of n volumes in a file.
func image(t testing.TB, n int) *Source {
	t.Helper()
	path := filepath.Join(t.TempDir(), "disk")
	f, err := os.Create(path)
	require.NoError(t, err)
	require.NoError(t, f.Truncate(int64(n)<<20+512<<20))
	require.NoError(t, f.Close())
	ctx := context.Background()
	sys, err := lvm.Open(lvm.Config{Devices: []string{path}, Kernel: lvm.KernelNone})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, sys.Close()) })
	require.NoError(t, sys.Update(ctx, "vg", func(tx *lvm.Tx) error {
		if err := tx.CreateVG(lvm.VGSpec{PVs: []string{path}, ExtentSize: lvm.MiB, PV: lvm.PVSpec{MetadataSize: 128 * lvm.MiB}}); err != nil {
			return err
		}
		for i := range n {
			if _, err := tx.CreateLV(lvm.LVSpec{Name: fmt.Sprintf("lv%d", i), Size: lvm.ExactSize(lvm.MiB)}); err != nil {
				return err
			}
		}
		return nil
	}))
	inv, err := sys.Scan(ctx)
	require.NoError(t, err)
	return &Source{Groups: []Group{{VG: inv.VGs[0]}}}
}

// BenchmarkLVs reports volumes with the default columns.
func BenchmarkLVs(b *testing.B) {
	for _, n := range []int{10, 1000, 10000} {
		b.Run(fmt.Sprintf("lvs=%d", n), func(b *testing.B) {
			src := image(b, n)
			for b.Loop() {
				require.NoError(b, Run(io.Discard, src, Report{Kind: LVs}, Options{Units: sizes.Default()}))
			}
		})
	}
}
