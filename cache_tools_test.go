package lvm

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Caches are not repaired where that could lose something, or cannot be done; then
// nothing changes.
func TestRepairCachePoolRefusals(t *testing.T) {
	t.Parallel()
	start := (&alteration{setup: then(andCaches, usedCache)}).start(t, OneArea)
	repair := func(tx *Tx) error { return tx.repairCacheOf("striped") }
	refuseRepairs(t, start, []repairRefusal{
		{"no such lv", "", nil, func(tx *Tx) error { return tx.repairCacheOf("none") }, ErrLVNotFound},
		{"no cache", "", nil, func(tx *Tx) error { return tx.repairCacheOf("other") }, ErrInvalidSpec},
		{"a cachevol", "", nil, func(tx *Tx) error { return tx.repairCacheOf("data") }, ErrUnsupported},
		{"active", "striped", nil, repair, ErrBusy},
		{"about to be", "", nil, func(tx *Tx) error { return joinErrors(tx.Activate("striped"), repair(tx)) }, ErrBusy},
		{"activated at once", "", nil, func(tx *Tx) error { return joinErrors(repair(tx), tx.Activate("striped")) }, ErrUnsupported},
		{"twice", "", nil, func(tx *Tx) error { return joinErrors(repair(tx), repair(tx)) }, ErrUnsupported},
		{"image mode", "", func(sys *System) { sys.kernel = nil }, repair, ErrUnsupported},
		{"not to be run", "", func(sys *System) { sys.cfg.CacheRepair.Off = true }, repair, ErrUnsupported},
		{"no such pv", "", nil, func(tx *Tx) error {
			_, err := tx.RepairCachePool("striped", RepairPoolSpec{PVs: []PVSelection{{PV: "x"}}})
			return err
		}, ErrInvalidSelection},
	})
}

// A cache whose metadata is damaged is not activated, of either kind; that of one that
// is repaired is looked at.
func TestDamagedCache(t *testing.T) {
	t.Parallel()
	start := (&alteration{setup: then(andCaches, usedCache)}).start(t, OneArea)
	for _, c := range []struct{ lv, meta, mends string }{
		{"striped", "pool_cpool_cmeta", "RepairCachePool"}, {"data", "fast_cvol", "by hand"},
	} {
		m := newMachine(start.Clone())
		sys := m.open(t, 2)
		update(t, sys, "vg0", (*Tx).ActivateAll)
		update(t, sys, "vg0", (*Tx).DeactivateAll)
		m.spoil(t, sys, c.meta, "not a checksum")
		m.refusesPlan(t, sys, ErrNeedsCheck, func(tx *Tx) error { return tx.Activate(c.lv) })
		err := sys.Update(t.Context(), "vg0", (*Tx).ActivateAll)
		require.ErrorIs(t, err, ErrNeedsCheck)
		require.Contains(t, err.Error(), "not activated: "+c.lv)
		require.Contains(t, err.Error(), c.mends)
		require.Empty(t, m.unlike(t))
		for lv, active := range m.isActive(t, sys) {
			assert.Equal(t, lv != c.lv && !strings.HasPrefix(lv, "fast") && lv != "pool", active, lv)
		}
		update(t, sys, "vg0", (*Tx).DeactivateAll)
		if c.lv == "striped" {
			require.ErrorIs(t, sys.Update(t.Context(), "vg0", func(tx *Tx) error { return tx.repairCacheOf(c.lv) }), ErrDamaged)
			require.Empty(t, m.active())
		}
		sys.cfg.CacheCheck.Off = true
		require.NotErrorIs(t, sys.Update(t.Context(), "vg0", func(tx *Tx) error { return tx.Activate(c.lv) }), ErrNeedsCheck)
	}
}

// badTools are programs that find everything damaged, and note where.
type badTools struct {
	poolTools
	on *[]string
}

func (p badTools) run(_ context.Context, _ bool, _ string, args ...string) (string, int, error) {
	*p.on = append(*p.on, filepath.Base(args[len(args)-1]))
	return "", 1, nil
}

// What is damaged once it is not active any more is told, and inactive all the same.
func TestCheckAfterDeactivation(t *testing.T) {
	t.Parallel()
	start := (&alteration{setup: then(thinVolumes, func(t testing.TB, sys *System, _ MetadataAreas) {
		update(t, sys, "vg0", func(tx *Tx) error { return tx.addLV("fast", 40, 1) })
		inKernel(t, sys, func(tx *Tx) error { return tx.cacheByVol("data", "fast", CacheWritethrough) }, (*Tx).ActivateAll)
	})}).start(t, OneArea)
	for _, c := range []struct {
		lv, meta string
		do       func(*Tx) error
		told     bool
	}{
		{"pool", "vg0-pool_tmeta", (*Tx).DeactivateAll, true},
		{"data", "vg0-fast_cvol-cmeta", func(tx *Tx) error { return tx.Deactivate("data") }, true},
		{"pool", "vg0-pool_tmeta", func(tx *Tx) error { return tx.Deactivate("pool") }, false}, // its volumes are active
		{"pool", "vg0-pool_tmeta", func(tx *Tx) error { return tx.RemoveLVWith("pool", RemoveSpec{Dependents: true}) }, false},
		{"data", "vg0-fast_cvol-cmeta", func(tx *Tx) error { return tx.RemoveLV("data") }, false},
	} {
		m := newMachine(start.Clone())
		sys := m.open(t, 2)
		update(t, sys, "vg0", (*Tx).ActivateAll)
		var on []string
		sys.fs = badTools{poolTools{realFS{}, m}, &on}
		err := sys.Update(t.Context(), "vg0", c.do)
		require.Empty(t, m.unlike(t))
		if !c.told {
			require.NoError(t, err)
			require.Empty(t, on)
			continue
		}
		var applied *ApplyError
		require.ErrorAs(t, err, &applied)
		require.ErrorIs(t, err, ErrNeedsCheck)
		require.True(t, applied.Committed)
		require.Contains(t, on, c.meta)
		require.False(t, m.isActive(t, sys)[c.lv])
	}
}
