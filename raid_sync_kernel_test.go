package lvm

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/umltest"
)

// Nobody waits forever for a raid that a leg fails of meanwhile, be it the one that is
// written, or the one that it is written from, which the kernel does not give up.
func TestKernelWaitSyncOfFailures(t *testing.T) {
	umltest.NeedKernel(t)
	for _, c := range []struct {
		name    string
		typ     SegmentType
		replace bool // the leg on the second physical volume
		fails   int
	}{
		{"the leg that is written", SegmentRAID1, true, 3},
		{"the leg that is read", SegmentRAID1, true, 0},
		{"a leg of a new raid5", SegmentRAID5, false, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newFailingPVs(t, 4, 24<<20)
			t.Cleanup(func() { removeDevices(t) })
			sys := p.open(0, 1, 2, 3)
			update(t, sys, "vg", func(tx *Tx) error {
				raid := RAIDSpec{Name: "r", Type: c.typ, Size: ExtentCount(16), RegionSize: 64 * KiB, NoSync: c.replace, MaxRate: 512}
				for i := range 3 {
					raid.PVs = append(raid.PVs, PVSelection{PV: p.path(i)})
				}
				if err := tx.CreateVG(VGSpec{ExtentSize: MiB, PVs: []string{p.path(0), p.path(1), p.path(2), p.path(3)}}); err != nil {
					return err
				}
				_, err := tx.CreateRAID(raid)
				return err
			})
			if c.replace {
				update(t, sys, "vg", func(tx *Tx) error {
					return tx.ReplaceLegs("r", ReplaceSpec{PVs: []string{p.path(1)}, Onto: []PVSelection{{PV: p.path(3)}}})
				})
			}
			failed := false
			err := sys.WaitSync(t.Context(), "vg", "r", SyncOptions{Interval: 10 * time.Millisecond, patience: 500 * time.Millisecond, Progress: func(RAIDStatus) {
				if !failed {
					p.fail(c.fails)
					failed = true
				}
			}})
			require.ErrorIs(t, err, ErrDegraded)
		})
	}
}
