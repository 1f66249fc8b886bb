package lvm

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/umltest"
)

// A physical volume with a leg of each of two active raids, of which one is a thin
// pool, fails and is taken out of the group. All data stay, also when other legs have
// taken the place of those, and the old ones fail.
func TestKernelRemoveMissingRAID(t *testing.T) {
	umltest.NeedKernel(t)
	p := newFailingPVs(t, 3, 32<<20)
	t.Cleanup(func() { removeDevices(t) })
	sys := p.open(0, 1, 2)
	on := []PVSelection{{PV: p.path(0)}, {PV: p.path(1)}}
	update(t, sys, "vg", func(tx *Tx) error {
		err := tx.CreateVG(VGSpec{ExtentSize: MiB, PVs: []string{p.path(0), p.path(1), p.path(2)}})
		for _, name := range []string{"r", "pool"} {
			_, e := tx.CreateRAID(RAIDSpec{Name: name, Size: ExtentCount(6), RegionSize: 64 * KiB, PVs: on})
			err = joinErrors(err, e)
		}
		return err
	})
	awaitRAID(t, sys, "r")
	awaitRAID(t, sys, "pool")
	update(t, sys, "vg", func(tx *Tx) error {
		return tx.Deactivate("pool")
	})
	update(t, sys, "vg", func(tx *Tx) error {
		_, err := tx.ConvertToThinPool("pool", ConvertToThinPoolSpec{NoSpare: true, PVs: []PVSelection{{PV: p.path(1)}}})
		return err
	})
	update(t, sys, "vg", func(tx *Tx) error {
		_, err := tx.CreateThin(ThinSpec{Name: "thin", Pool: "pool", VirtualSize: ExtentCount(4)})
		return err
	})
	want := map[string][]byte{}
	for n, lv := range []string{"r", "thin"} {
		data := make([]byte, 3*MiB)
		_, _ = rand.NewChaCha8([32]byte{byte(n)}).Read(data)
		d, err := openFileDevice("/dev/vg/"+lv, true)
		require.NoError(t, err)
		_, err = d.WriteAt(data, 0)
		require.NoError(t, joinErrors(err, d.Sync(), d.Close()))
		want[lv] = data
	}
	holds := func() {
		t.Helper()
		umltest.Run(t, "sh", "-c", "echo 3 > /proc/sys/vm/drop_caches")
		for lv, data := range want {
			d, err := openFileDevice("/dev/vg/"+lv, false)
			require.NoError(t, err)
			got := make([]byte, len(data))
			_, err = d.ReadAt(got, 0)
			require.NoError(t, joinErrors(err, d.Close()))
			require.True(t, bytes.Equal(data, got), lv)
		}
	}
	require.NoError(t, sys.Close())

	p.fail(0)
	sys = p.open(1, 2)
	update(t, sys, "vg", func(tx *Tx) error { return tx.RemoveMissing(RemoveMissingSpec{Force: true}) })
	holds()
	require.Equal(t, "DA", health(t, sys, "r"))
	update(t, sys, "vg", func(tx *Tx) error { return joinErrors(tx.Deactivate("r"), tx.Activate("r")) })
	holds()
	update(t, sys, "vg", func(tx *Tx) error {
		return joinErrors(tx.RepairRAID("r", RepairSpec{}), tx.RepairRAID("pool_tdata", RepairSpec{}))
	})
	awaitRAID(t, sys, "r")
	awaitRAID(t, sys, "pool_tdata")
	lvm2(t, "vgck", "vg")
	d, err := openFileDevice("/dev/mapper/vg-r_rimage_0", false)
	require.NoError(t, err)
	got := make([]byte, len(want["r"]))
	_, err = d.ReadAt(got, 0)
	require.NoError(t, joinErrors(err, d.Close()))
	require.True(t, bytes.Equal(want["r"], got))
	assert.Empty(t, suspendedDevices(t))
}
