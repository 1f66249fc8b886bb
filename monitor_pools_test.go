package lvm

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What fills up is told and extended, what is in trouble is told once, until it is over.
func TestMonitorPools(t *testing.T) {
	t.Parallel()
	m := newMachine((&alteration{setup: thinVolumes}).start(t, OneArea))
	sys := m.open(t, 2)
	var told []string
	mon := &monitor{sys: sys, o: MonitorOptions{VGs: []string{"vg0", "vg9"}, PoolEvent: func(e PoolEvent) {
		text := fmt.Sprintf("%s %s/%s %s %s", e.Kind, e.VG, e.Pool, e.Usage.DataPercent(), e.Usage.MetadataPercent())
		if e.Kind == PoolExtended {
			text += fmt.Sprintf(" %s->%s %s->%s", e.Extension.DataBefore, e.Extension.DataAfter, e.Extension.MetadataBefore, e.Extension.MetadataAfter)
		}
		if e.Err != nil {
			text += ": " + e.Err.Error()
		}
		told = append(told, text)
	}}}
	mon.init()
	round := func(where string, want ...string) {
		t.Helper()
		told = nil
		mon.round(t.Context())
		assert.Equal(t, want, told, where)
	}
	status := func(text string) { require.True(t, m.kernel.SetStatus("vg0-pool-tpool", text)) }
	const rw = "rw discard_passdown queue_if_no_space - 1024"
	round("nothing is active", "failed vg9/ 0.00 0.00: view vg9: volume group not found")
	update(t, sys, "vg0", func(tx *Tx) error { return tx.Activate("t") })
	round("empty")
	status("2 55/64 79/100 - " + rw)
	round("metadata", "metadata filling vg0/pool 79.00 85.94")
	status("2 55/64 81/100 - " + rw)
	round("data", "data filling vg0/pool 81.00 85.94")
	round("told")
	status("2 55/64 86/100 - " + rw)
	round("more data", "data filling vg0/pool 86.00 85.94")
	status("2 10/64 100/100 - out_of_data_space discard_passdown queue_if_no_space - 1024")
	round("full", "trouble vg0/pool 100.00 15.62: thin pool is full", "data filling vg0/pool 100.00 15.62")
	round("still full")
	status("2 10/64 10/100 - ro discard_passdown queue_if_no_space needs_check 1024")
	round("read-only", "trouble vg0/pool 10.00 15.62: thin pool: not changeable\nmetadata needs a check")
	status("2 10/64 10/100 - " + rw)
	round("mended", "recovered vg0/pool 10.00 15.62")
	status("Fail")
	round("failed", "trouble vg0/pool 0.00 0.00: pool has failed")

	status("2 10/64 5/6 - " + rw)
	mon.o.AutoExtendPools = PoolAutoExtend{Data: AutoExtend{Threshold: 70, By: 50}}
	round("to be extended", "extended vg0/pool 0.00 28.12 384 KiB->576 KiB 256 KiB->256 KiB", "recovered vg0/pool 0.00 28.12")
	status("2 10/64 8/9 - " + rw)
	mon.o.AutoExtendPools = PoolAutoExtend{Data: AutoExtend{Threshold: 70, By: 5000}}
	told = nil
	mon.round(t.Context())
	require.Len(t, told, 2)
	assert.Contains(t, told[0], "failed vg0/pool")
	assert.Contains(t, told[0], "need 7200 extents")
	assert.Equal(t, "data filling vg0/pool 88.89 15.62", told[1])
	round("told once")
	update(t, sys, "vg0", func(tx *Tx) error { return tx.DeactivateAll() })
	round("inactive")
	assert.Empty(t, mon.pools.data)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, sys.Monitor(ctx, MonitorOptions{AutoExtendPools: PoolAutoExtend{Data: AutoExtend{By: 1}}}), ErrInvalidSpec)
	require.ErrorIs(t, sys.Monitor(ctx, MonitorOptions{AutoExtendPools: PoolAutoExtend{Data: AutoExtend{Threshold: 50, By: 1}}}), context.Canceled)
}
