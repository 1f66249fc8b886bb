package lvm

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/internal/umltest"
)

// udevHost is a host with udev, whose rules make no nodes.
type udevHost struct{ *fakeHost }

func (udevHost) udevRuns() bool { return true }

// udevKernel is a kernel whose announcements are heard at once, but for resumes if it is
// deaf.
type udevKernel struct {
	kernel
	deaf bool
}

func heard(info dm.Info, err error) (dm.Info, error) {
	info.UeventGenerated = false
	return info, err
}

func (k udevKernel) Resume(r dm.Ref, o dm.ResumeOptions) (dm.Info, error) {
	if k.deaf {
		return k.kernel.Resume(r, o)
	}
	return heard(k.kernel.Resume(r, o))
}

func (k udevKernel) Remove(r dm.Ref, o dm.RemoveOptions) (dm.Info, error) {
	return heard(k.kernel.Remove(r, o))
}

// The programs find the devices that they are given where udev makes no nodes of what is
// hidden from users; and if udev never ends, all can be undone.
func TestKernelToolsWithUdev(t *testing.T) {
	umltest.NeedKernel(t) // for its semaphores
	start := (&alteration{setup: then(thinVolumes, func(t testing.TB, sys *System, _ MetadataAreas) {
		update(t, sys, "vg0", func(tx *Tx) error { return tx.addLV("fast", 40, 1) })
		inKernel(t, sys, func(tx *Tx) error { return tx.cacheByVol("data", "fast", CacheWritethrough) }, (*Tx).ActivateAll)
	})}).start(t, OneArea)
	m := newMachine(start.Clone())
	sys := m.open(t, 2)
	real := sys.kernel
	sys.host, sys.kernel = udevHost{m.host}, udevKernel{kernel: real}
	for _, do := range []func(*Tx) error{
		(*Tx).ActivateAll, (*Tx).DeactivateAll,
		func(tx *Tx) error { _, err := tx.RepairThinPool("pool", RepairPoolSpec{}); return err },
		(*Tx).ActivateAll,
		func(tx *Tx) error { return tx.RemoveLV("pool_meta0") },
		(*Tx).DeactivateAll,
	} {
		update(t, sys, "vg0", do)
		require.Empty(t, m.unlike(t))
	}

	m.spoil(t, sys, "pool_tmeta", "not a checksum")
	require.ErrorIs(t, sys.Update(t.Context(), "vg0", (*Tx).ActivateAll), ErrNeedsCheck)
	require.Empty(t, m.unlike(t))
	update(t, sys, "vg0", (*Tx).DeactivateAll)

	sys.kernel = udevKernel{real, true}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	err := sys.Update(ctx, "vg0", func(tx *Tx) error { return tx.Activate("u") })
	require.ErrorIs(t, err, context.DeadlineExceeded)
	var applied *ApplyError
	require.ErrorAs(t, err, &applied)
	require.Empty(t, applied.Undo)
	require.Empty(t, m.active())
	require.Empty(t, m.unlike(t))
}
