package lvm

import (
	"context"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/recorder"
)

// What a process that died had half made does not keep the next one from making
// it, before anybody calls Recover.
func TestHalfMadeDevicesAreReplaced(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	made := false
	for n := 1; ; n++ {
		m := newMachine(recorder.New(diskSize, "a", "b", "c"))
		volumes(t, openDisks(t, m.disks, 1), OneArea)
		sys := m.open(t, 2)
		require.NoError(t, sys.Update(ctx, "vg0", func(tx *Tx) error { return tx.ActivateAll() }))
		before := m.record(t).Seqno
		m.fuse.set(anyCall, 0, 0, syscall.EIO)
		m.fuse.kill(n)
		err := sys.Update(ctx, "vg0", func(tx *Tx) error { return tx.addSnapshot("data", "snap", 6) })
		m.fuse.off()
		if err == nil {
			assert.True(t, made)
			return
		}
		if vg := m.record(t); vg.Seqno > before || len(m.kernel.Suspended()) > 0 {
			continue // committed, or for Recover
		}
		for _, d := range m.kernel.State() {
			made = made || d.Name == "vg0-snap-cow"
		}
		require.NoError(t, m.open(t, 3).Update(ctx, "vg0", func(tx *Tx) error { return tx.addSnapshot("data", "snap", 6) }), "dead at call %d", n)
		_, err = m.open(t, 4).Recover(ctx)
		require.NoError(t, err)
		require.Empty(t, m.unlike(t), "dead at call %d", n)
	}
}
