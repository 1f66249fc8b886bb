package lvm

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/umltest"
)

// A raid is activated while physical volumes are missing: all is read right. Then it
// is repaired onto others, and can do without as many more.
func TestKernelActivateDegradedRAID(t *testing.T) {
	umltest.NeedKernel(t)
	for _, c := range []struct {
		typ        SegmentType
		legs       int
		gone, next []int // missing, and afterwards failing
	}{
		{SegmentRAID1, 2, []int{0}, []int{1}},
		{SegmentRAID5, 3, []int{1}, []int{0}},
		{SegmentRAID6, 5, []int{0, 3}, []int{1, 2}},
	} {
		t.Run(string(c.typ), func(t *testing.T) {
			p := newFailingPVs(t, c.legs+len(c.gone), 24<<20)
			t.Cleanup(func() { removeDevices(t) })
			var all, there []int
			spec := VGSpec{ExtentSize: MiB}
			raid := RAIDSpec{Name: "r", Type: c.typ, Size: ExtentCount(6), RegionSize: 64 * KiB}
			for i := range p.names {
				all, spec.PVs = append(all, i), append(spec.PVs, p.path(i))
				if !contains(c.gone, i) {
					there = append(there, i)
				}
				if i < c.legs {
					raid.PVs = append(raid.PVs, PVSelection{PV: p.path(i)})
				}
			}
			sys := p.open(all...)
			update(t, sys, "vg", func(tx *Tx) error {
				if err := tx.CreateVG(spec); err != nil {
					return err
				}
				_, err := tx.CreateRAID(raid)
				return err
			})
			awaitRAID(t, sys, "r")
			data := make([]byte, 6*MiB)
			_, _ = rand.NewChaCha8([32]byte{}).Read(data)
			d, err := openFileDevice("/dev/vg/r", true)
			require.NoError(t, err)
			_, err = d.WriteAt(data, 0)
			require.NoError(t, joinErrors(err, d.Sync(), d.Close()))
			holds := func() {
				t.Helper()
				umltest.Run(t, "sh", "-c", "echo 3 > /proc/sys/vm/drop_caches")
				d, err := openFileDevice("/dev/vg/r", false)
				require.NoError(t, err)
				got := make([]byte, len(data))
				_, err = d.ReadAt(got, 0)
				require.NoError(t, joinErrors(err, d.Close()))
				require.True(t, bytes.Equal(data, got))
			}
			update(t, sys, "vg", func(tx *Tx) error { return tx.Deactivate("r") })
			require.NoError(t, sys.Close())

			for _, i := range c.gone {
				p.fail(i)
			}
			sys = p.open(there...)
			require.ErrorIs(t, sys.Update(t.Context(), "vg", func(tx *Tx) error {
				return tx.ActivateWith("r", ActivateOptions{Mode: ActivateComplete})
			}), ErrMissingPV)
			update(t, sys, "vg", func(tx *Tx) error { return tx.ActivateWith("r", ActivateOptions{Mode: ActivateDegraded}) })
			require.ErrorIs(t, statusOfRAID(t, sys, "r").Err(), ErrDegraded)
			require.Len(t, statusOfRAID(t, sys, "r").Missing(), len(c.gone))
			holds()
			update(t, sys, "vg", func(tx *Tx) error { return tx.RepairRAID("r", RepairSpec{}) })
			update(t, sys, "vg", func(tx *Tx) error { return tx.RemoveMissing(RemoveMissingSpec{}) })
			awaitRAID(t, sys, "r")
			for _, i := range c.next {
				p.fail(i)
			}
			holds()
			assert.Empty(t, suspendedDevices(t))
		})
	}
}
