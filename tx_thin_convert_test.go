package lvm

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func (tx *Tx) toPool(lv string, spec ConvertToThinPoolSpec) error {
	if spec.Metadata == "" && spec.MetadataSize == 0 {
		spec.MetadataSize = 256 * KiB
	}
	_, err := tx.convertToThinPool(lv, spec, 64*KiB)
	return tx.fail("convert to thin pool", lv, err)
}

// poolParts makes vg0 with thin volumes, the volume meta that is large enough for metadata,
// and d for data, neither of which is active.
func poolParts(t testing.TB, sys *System, areas MetadataAreas) {
	thinVolumes(t, sys, areas)
	update(t, sys, "vg0", func(tx *Tx) error {
		for name, extents := range map[string]Extents{"meta": 64, "d": 48} {
			if _, err := tx.CreateLV(LVSpec{Name: name, Size: ExtentCount(extents), Inactive: true}); err != nil {
				return err
			}
		}
		return nil
	})
	v, err := sys.VG(t.Context(), "vg0")
	require.NoError(t, err)
	lv, err := v.LV("d")
	require.NoError(t, err)
	f, err := lv.Open()
	require.NoError(t, err)
	_, err = f.WriteAt(pattern(lv.ID(), lv.Size()), 0)
	require.NoError(t, err)
	require.NoError(t, f.Close())
}

// What cannot be a pool, or a part of one, stays as it is.
func TestThinConversionRefusals(t *testing.T) {
	t.Parallel()
	start := (&alteration{setup: poolParts}).start(t, OneArea)
	swap := func(pool, lv string) func(*Tx) error {
		return func(tx *Tx) error { return tx.SwapPoolMetadata(pool, lv) }
	}
	toPool := func(lv string, spec ConvertToThinPoolSpec) func(*Tx) error {
		return func(tx *Tx) error { return tx.toPool(lv, spec) }
	}
	toThin := func(lv, pool string) func(*Tx) error {
		return func(tx *Tx) error { _, err := tx.ConvertToThin(lv, ConvertToThinSpec{Pool: pool}); return err }
	}
	first := func(first, then func(*Tx) error) func(*Tx) error {
		return func(tx *Tx) error { return joinErrors(first(tx), then(tx)) }
	}
	readOnly := func(lv string) func(*Tx) error {
		return func(tx *Tx) error { return tx.SetLVReadOnly(lv, true) }
	}
	for _, c := range []struct {
		name, active string
		do           func(*Tx) error
		want         error
	}{
		{"no such lv", "", toPool("none", ConvertToThinPoolSpec{}), ErrLVNotFound},
		{"a pool", "", toPool("pool", ConvertToThinPoolSpec{}), ErrUnsupported},
		{"a thin volume", "", toPool("t", ConvertToThinPoolSpec{}), ErrUnsupported},
		{"open", "d (open)", toPool("d", ConvertToThinPoolSpec{}), ErrBusy},
		{"active before", "d", first(func(tx *Tx) error { return tx.Deactivate("d") }, toPool("d", ConvertToThinPoolSpec{})), ErrBusy},
		{"activated", "", first(func(tx *Tx) error { return tx.Activate("d") }, toPool("d", ConvertToThinPoolSpec{})), ErrBusy},
		{"read-only", "", first(readOnly("d"), toPool("d", ConvertToThinPoolSpec{})), ErrReadOnly},
		{"with a snapshot", "", first(func(tx *Tx) error { return tx.addSnapshot("d", "snap", 3) }, toPool("d", ConvertToThinPoolSpec{})), ErrBusy},
		{"chunks of 96 KiB", "", toPool("d", ConvertToThinPoolSpec{ChunkSize: 96 * KiB}), ErrInvalidSize},
		{"smaller than a chunk", "", toPool("d", ConvertToThinPoolSpec{ChunkSize: MiB}), ErrInvalidSize},
		{"no such metadata", "", toPool("d", ConvertToThinPoolSpec{Metadata: "none"}), ErrLVNotFound},
		{"itself", "", toPool("d", ConvertToThinPoolSpec{Metadata: "d"}), ErrLVNotFound},
		{"metadata that is active", "meta", toPool("d", ConvertToThinPoolSpec{Metadata: "meta"}), ErrBusy},
		{"metadata that is thin", "", toPool("d", ConvertToThinPoolSpec{Metadata: "t"}), ErrUnsupported},
		{"metadata that is too small", "", toPool("d", ConvertToThinPoolSpec{Metadata: "other"}), ErrInvalidSize},
		{"metadata of two sizes", "", toPool("d", ConvertToThinPoolSpec{Metadata: "meta", MetadataSize: MiB}), ErrInvalidSpec},
		{"metadata that is new", "", first(func(tx *Tx) error { return tx.addLV("new", 64, 1) }, toPool("d", ConvertToThinPoolSpec{Metadata: "new"})), ErrBusy},
		{"no room", "", toPool("d", ConvertToThinPoolSpec{MetadataSize: 8 * MiB}), ErrNoSpace},
		{"thin: no pool", "", toThin("d", ""), ErrInvalidSpec},
		{"thin: no such pool", "", toThin("d", "none"), ErrLVNotFound},
		{"thin: in what is none", "", toThin("d", "t"), ErrInvalidSpec},
		{"thin: in its own pool, with a snapshot", "", toThin("t", "pool"), ErrBusy},
		{"thin: in its own pool, and active", "u", toThin("u", "pool"), ErrBusy},
		{"thin: elsewhere, with a snapshot", "", first(func(tx *Tx) error { return tx.toPool("d", ConvertToThinPoolSpec{}) }, toThin("t", "d")), ErrBusy},
		{"thin: elsewhere, and new", "", first(func(tx *Tx) error {
			return joinErrors(tx.toPool("d", ConvertToThinPoolSpec{}), tx.addThinLV("pool", "new", 2))
		}, toThin("u", "d")), ErrBusy},
		{"thin: elsewhere, and active", "u", first(func(tx *Tx) error { return tx.toPool("d", ConvertToThinPoolSpec{}) }, toThin("u", "d")), ErrBusy},
		{"thin: a pool", "", toThin("pool", "pool"), ErrUnsupported},
		{"thin: activated", "", first(func(tx *Tx) error { return tx.Activate("d") }, toThin("d", "pool")), ErrBusy},
		{"thin: with a snapshot", "", first(func(tx *Tx) error { return tx.addSnapshot("d", "snap", 3) }, toThin("d", "pool")), ErrBusy},
		{"thin: new", "", first(func(tx *Tx) error {
			_, err := tx.CreateLV(LVSpec{Name: "new", Size: ExtentCount(2), Inactive: true})
			return err
		}, toThin("new", "pool")), ErrUnsupported},
		{"thin: a name that is taken", "", func(tx *Tx) error {
			_, err := tx.ConvertToThin("d", ConvertToThinSpec{Pool: "pool", OriginName: "meta"})
			return err
		}, ErrExists},
		{"thin: too much", "", func(tx *Tx) error {
			_, err := tx.ConvertToThin("d", ConvertToThinSpec{Pool: "pool", MaxOvercommit: 100})
			return err
		}, ErrNoSpace},
		{"swap of no pool", "", swap("d", "meta"), ErrInvalidSpec},
		{"swap with nothing", "", swap("pool", "none"), ErrLVNotFound},
		{"swap while active", "t", swap("pool", "meta"), ErrBusy},
		{"swap with what is active", "meta", swap("pool", "meta"), ErrBusy},
		{"swap with a part", "", swap("pool", "pool_tdata"), ErrUnsupported},
		{"swap with a thin volume", "", swap("pool", "t"), ErrUnsupported},
		{"swap and activate", "", first(swap("pool", "meta"), func(tx *Tx) error { return tx.Activate("t") }), ErrUnsupported},
		{"swap in between", "", first(func(tx *Tx) error { return tx.RemoveLV("s") }, swap("pool", "meta")), ErrUnsupported},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := newMachine(start.Clone())
			sys := m.open(t, 2)
			if lv, _, open := strings.Cut(c.active, " "); lv != "" {
				update(t, sys, "vg0", func(tx *Tx) error { return tx.Activate(lv) })
				require.True(t, !open || m.kernel.OpenDevice("vg0-"+lv))
			}
			m.refuses(t, sys, c.want, c.do)
		})
	}
}

// Metadata can be written to another volume, and be swapped in; a pool whose metadata was
// swapped for nothing is not activated, and gets its own back.
func TestSwapPoolMetadata(t *testing.T) {
	t.Parallel()
	m := newMachine((&alteration{setup: poolParts}).start(t, OneArea))
	sys := m.open(t, 2)
	swap := func(tx *Tx) error { return tx.SwapPoolMetadata("pool", "meta") }
	activate := func(tx *Tx) error { return tx.Activate("t") }
	before := recordOf(t, sys, "vg0")
	update(t, sys, "vg0", swap)
	require.ErrorIs(t, sys.Update(t.Context(), "vg0", activate), ErrDamaged)
	update(t, sys, "vg0", swap)
	after := recordOf(t, sys, "vg0")
	for _, old := range before.LVs {
		require.Equal(t, old, lvByID(after, old.ID))
	}
	update(t, sys, "vg0", activate)
	require.Empty(t, m.unlike(t))
}
