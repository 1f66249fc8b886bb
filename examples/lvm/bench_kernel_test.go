package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm"
	"github.com/lvm-go/lvm/internal/umltest"
)

// BenchmarkKernelCommands runs commands as whole processes, lvm2's and those of this
// program, one after the other on the same group. It reports the medians in
// milliseconds, and how many times the one takes what the other does. The program is
// that of the tests under its name, a little slower to start than a stripped one: the
// guest has no room for a compiler.
func BenchmarkKernelCommands(b *testing.B) {
	umltest.NeedKernel(b)
	theirs := umltest.NeedTool(b, "lvm")
	ours := filepath.Join(b.TempDir(), "lvm")
	self, err := os.Executable()
	require.NoError(b, err)
	require.NoError(b, os.Symlink(self, ours))
	device, _ := umltest.Loop(b, 2<<30)
	ctx := context.Background()
	sys, err := lvm.Open(lvm.Config{Devices: []string{device}})
	require.NoError(b, err)
	defer func() { require.NoError(b, sys.Close()) }()
	update := func(fn func(tx *lvm.Tx) error) { require.NoError(b, sys.Update(ctx, "vg", fn)) }
	update(func(tx *lvm.Tx) error {
		return tx.CreateVG(lvm.VGSpec{PVs: []string{device}, ExtentSize: 64 * lvm.KiB, PV: lvm.PVSpec{MetadataSize: 64 * lvm.MiB}})
	})
	made := 0
	for _, n := range []int{10, 1_000, 10_000} {
		update(func(tx *lvm.Tx) error {
			for ; made < n; made++ {
				spec := lvm.LVSpec{Name: fmt.Sprintf("lv%05d", made), Size: lvm.ExtentCount(1), SkipZero: true, Inactive: true}
				if _, err := tx.CreateLV(spec); err != nil {
					return err
				}
			}
			return nil
		})
		clean := func() {
			update(func(tx *lvm.Tx) error {
				if _, err := tx.VG().LV("new"); err == nil {
					return tx.RemoveLV("new")
				}
				return nil
			})
		}
		for _, words := range [][]string{
			{"version"}, {"vgs"}, {"pvs"}, {"lvs"}, {"lvcreate", "-qq", "-y", "-l2", "-n", "new", "vg"},
		} {
			b.Run(fmt.Sprintf("%s/lvs=%d", words[0], n), func(b *testing.B) {
				var took [2][]time.Duration
				for b.Loop() {
					for i, program := range []string{theirs, ours} {
						b.StopTimer()
						clean()
						b.StartTimer()
						began := time.Now()
						umltest.Run(b, program, words...)
						took[i] = append(took[i], time.Since(began))
					}
				}
				clean()
				median := func(i int) float64 {
					slices.Sort(took[i])
					return float64(took[i][len(took[i])/2]) / float64(time.Millisecond)
				}
				b.ReportMetric(0, "ns/op")
				b.ReportMetric(median(0), "lvm2-ms")
				b.ReportMetric(median(1), "ours-ms")
				b.ReportMetric(median(0)/median(1), "times")
			})
		}
	}
}
