package lvm

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/metadata"
)

// forgePool changes what the text says of the pool and its volumes.
func forgePool(t testing.TB, sys *System, pool func(*metadata.ThinPool), thin func(name string, body *metadata.Thin), gone ...string) {
	t.Helper()
	update(t, sys, "vg0", func(tx *Tx) error {
		if err := tx.own(); err != nil {
			return err
		}
		goes := map[metadata.ID]bool{}
		for _, lv := range tx.vg.LVs {
			goes[lv.ID] = slices.Contains(gone, lv.Name)
		}
		for i, lv := range slices.Clone(tx.vg.LVs) {
			var body metadata.Body
			switch old := lv.Segments[0].Body.(type) {
			case *metadata.ThinPool:
				own := *old
				pool(&own)
				body = &own
			case *metadata.Thin:
				own := *old
				if goes[own.Origin] {
					own.Origin = ID{}
				}
				if thin != nil {
					thin(lv.Name, &own)
				}
				body = &own
			default:
				continue
			}
			if goes[lv.ID] {
				tx.drop(i)
			} else if err := tx.put(i, withBody(lv, body)); err != nil {
				return err
			}
		}
		return nil
	})
}

// The pool of thinVolumes is at transaction 2, and has the devices 1 to 3.
func TestRepairTransactionID(t *testing.T) {
	t.Parallel()
	start := (&alteration{setup: thinVolumes}).start(t, OneArea)
	at := func(id uint64) func(*metadata.ThinPool) {
		return func(p *metadata.ThinPool) { p.TransactionID = id }
	}
	other := func(name string, body *metadata.Thin) {
		if name == "u" {
			body.TransactionID = 1
		}
	}
	for _, c := range []struct {
		name string
		pool func(*metadata.ThinPool)
		thin func(string, *metadata.Thin)
		gone []string
		spec TransactionIDSpec
		want error
		left []string // volumes of the pool
	}{
		{name: "no difference", pool: at(2), left: []string{"s", "t", "u"}},
		{name: "the group is ahead", pool: at(7), left: []string{"s", "t", "u"}},
		{name: "by one", pool: at(3), left: []string{"s", "t", "u"}},
		{name: "the group is behind", pool: at(1), left: []string{"s", "t", "u"}},
		{name: "a device that is not known", pool: at(1), gone: []string{"s"}, want: ErrTransactionID},
		{name: "a device that is to be known", pool: at(1), gone: []string{"t"}, spec: TransactionIDSpec{AdoptUnknown: true},
			left: []string{"pool_dev1", "s", "u"}},
		{name: "a volume that is not there", pool: at(7), thin: func(name string, body *metadata.Thin) {
			if name == "t" {
				body.DeviceID = 9
			}
		}, spec: TransactionIDSpec{AdoptUnknown: true}, want: ErrTransactionID},
		{name: "another one of that number", pool: at(7), thin: other, spec: TransactionIDSpec{AdoptUnknown: true}, want: ErrTransactionID},
		{name: "that goes, and stays", pool: at(7), thin: other, spec: TransactionIDSpec{AdoptUnknown: true, RemoveMissing: true},
			left: []string{"pool_dev2", "s", "t"}},
		{name: "what was never told", pool: func(p *metadata.ThinPool) {
			p.TransactionID, p.Messages = 7, []metadata.ThinMessage{{Delete: 9}}
		}, left: []string{"s", "t", "u"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := newMachine(start.Clone())
			forgePool(t, openDisks(t, m.disks, 3), c.pool, c.thin, c.gone...)
			sys := m.open(t, 2)
			before := recordOf(t, sys, "vg0")
			pool := thinPoolBody(before.LVs[slices.IndexFunc(before.LVs, isThinPool)])
			activate := func(tx *Tx) error { return tx.Activate("pool") }
			if pool.TransactionID != 2 && pool.TransactionID != 3 {
				require.ErrorIs(t, sys.Update(t.Context(), "vg0", activate), ErrTransactionID)
			}
			err := sys.Update(t.Context(), "vg0", func(tx *Tx) error { return tx.RepairTransactionID("pool", c.spec) })
			if c.want != nil {
				require.ErrorIs(t, err, c.want)
				require.Equal(t, before, recordOf(t, sys, "vg0"))
				return
			}
			require.NoError(t, err)
			v, err := sys.VG(t.Context(), "vg0")
			require.NoError(t, err)
			var left []string
			for lv := range v.LVs() {
				if lv.IsThin() {
					left = append(left, lv.Name())
				}
			}
			slices.Sort(left)
			assert.Equal(t, c.left, left)
			lv, err := v.LV("pool")
			require.NoError(t, err)
			found, err := lv.CheckPool(t.Context())
			require.NoError(t, err)
			assert.Empty(t, found)
			update(t, sys, "vg0", activate)
			for _, name := range c.left {
				update(t, sys, "vg0", func(tx *Tx) error { return tx.ActivateWith(name, ActivateOptions{IgnoreSkip: true}) })
			}
			update(t, sys, "vg0", func(tx *Tx) error { return joinErrors(tx.addThinLV("pool", "new", 3), tx.RemoveLV(c.left[0])) })
			require.Empty(t, m.unlike(t))
		})
	}
}

func TestRepairTransactionIDRefusals(t *testing.T) {
	t.Parallel()
	start := (&alteration{setup: thinVolumes}).start(t, OneArea)
	repair := func(tx *Tx) error { return tx.RepairTransactionID("pool", TransactionIDSpec{}) }
	for _, c := range []struct {
		name   string
		active string
		do     func(*Tx) error
		want   error
	}{
		{"no such lv", "", func(tx *Tx) error { return tx.RepairTransactionID("none", TransactionIDSpec{}) }, ErrLVNotFound},
		{"no pool", "", func(tx *Tx) error { return tx.RepairTransactionID("t", TransactionIDSpec{}) }, ErrInvalidSpec},
		{"active", "t", repair, ErrBusy},
		{"in between", "", func(tx *Tx) error { return joinErrors(tx.addThinLV("pool", "new", 2), repair(tx)) }, ErrUnsupported},
		{"renamed", "", func(tx *Tx) error {
			return joinErrors(tx.RenameLV("pool", "p"), tx.RepairTransactionID("p", TransactionIDSpec{}))
		}, ErrUnsupported},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := newMachine(start.Clone())
			sys := m.open(t, 2)
			if c.active != "" {
				update(t, sys, "vg0", func(tx *Tx) error { return tx.Activate(c.active) })
			}
			m.refuses(t, sys, c.want, c.do)
		})
	}
}
