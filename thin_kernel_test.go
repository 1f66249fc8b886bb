package lvm

import (
	"bytes"
	"context"
	"testing"

	"github.com/stretchr/testify/require"
)

// A pool that fills up is extended, and what is written meanwhile is there afterwards.
func TestKernelThinPoolsAreExtended(t *testing.T) {
	r, sys := kernelGroup(t, 2, func(tx *Tx) error {
		if err := tx.SetExtentSize(MiB); err != nil {
			return err
		}
		_, err := tx.CreateThinPool(ThinPoolSpec{Name: "pool", Size: ExactSize(4 * MiB), ErrorWhenFull: true})
		return err
	})
	r.update(func(tx *Tx) error { return tx.addThinLV("pool", "t", 20) })
	ctx := context.Background()
	extend := PoolAutoExtend{Data: AutoExtend{Threshold: 70, By: 20}, Metadata: AutoExtend{Threshold: 70, By: 20}}
	got, err := sys.ExtendPools(ctx, "vg", extend)
	require.NoError(t, err)
	require.Empty(t, got, "nothing is full")

	want := bytes.Repeat([]byte("full"), 1<<18)
	d, err := openFileDevice("/dev/vg/t", true)
	require.NoError(t, err)
	for i := range 3 {
		_, err := d.WriteAt(want, int64(i)<<20)
		require.NoError(t, err)
	}
	require.NoError(t, d.Sync())
	got, err = sys.ExtendPools(ctx, "vg", extend)
	require.NoError(t, err)
	require.Len(t, got, 1)
	require.Equal(t, PoolExtension{Pool: "pool", DataBefore: 4 * MiB, DataAfter: 5 * MiB, MetadataBefore: 2 * MiB, MetadataAfter: 2 * MiB}, got[0])
	_, err = d.WriteAt(want, 4<<20)
	require.NoError(t, err)
	require.NoError(t, d.Sync())
	have := make([]byte, len(want))
	for _, at := range []int64{0, 1 << 20, 2 << 20, 4 << 20} {
		_, err := d.ReadAt(have, at)
		require.NoError(t, err)
		require.True(t, bytes.Equal(want, have))
	}

	// The fifth MiB is the last.
	_, err = d.WriteAt(want, 8<<20)
	require.NoError(t, err)
	_, err = d.WriteAt(want, 9<<20)
	if err == nil {
		err = d.Sync()
	}
	require.Error(t, err)
	require.NoError(t, d.Close())
	v, err := sys.VG(ctx, "vg")
	require.NoError(t, err)
	lv, err := v.LV("pool")
	require.NoError(t, err)
	u, err := lv.ThinPoolUsage()
	require.NoError(t, err)
	require.ErrorIs(t, u.Err(), ErrPoolFull)
	var told []PoolEventKind
	mon := &monitor{sys: sys, o: MonitorOptions{VGs: []string{"vg"}, PoolEvent: func(e PoolEvent) { told = append(told, e.Kind) }}}
	mon.init()
	mon.round(ctx)
	require.Equal(t, []PoolEventKind{PoolTrouble, PoolDataFilling}, told)
	mon.o.AutoExtendPools, told = extend, nil
	mon.round(ctx)
	require.Equal(t, []PoolEventKind{PoolExtended, PoolRecovered}, told)
	u, err = lv.ThinPoolUsage()
	require.NoError(t, err)
	require.NoError(t, u.Err())
	c, err := lv.PoolCommitment()
	require.NoError(t, err)
	require.Equal(t, PoolCommitment{Size: 5 * MiB, Virtual: 20 * MiB, Volumes: 1}, c)
	require.EqualValues(t, 400, c.Percent())
	r.refused(ErrNoSpace, func(tx *Tx) error {
		_, err := tx.CreateThin(ThinSpec{Name: "u", Pool: "pool", VirtualSize: ExactSize(20 * MiB), MaxOvercommit: 200})
		return err
	})
	r.refused(ErrInvalidSpec, func(tx *Tx) error {
		_, err := tx.CreateThin(ThinSpec{Name: "u", Pool: "t", VirtualSize: ExactSize(20 * MiB)})
		return err
	})
	r.refused(ErrBusy, func(tx *Tx) error { return tx.RemoveLV("pool") })
	r.refused(ErrUnsupported, func(tx *Tx) error { return tx.ReduceLV("pool", ReduceSpec{By: ExtentCount(1)}) })
	r.refused(ErrBusy, func(tx *Tx) error { return tx.ChangeThinPool("pool", ThinPoolChange{Discards: DiscardsIgnore}) })
	r.refused(ErrInvalidSize, func(tx *Tx) error {
		_, err := tx.CreateThinPool(ThinPoolSpec{Size: ExtentCount(3), ChunkSize: 100 * KiB})
		return err
	})
}
