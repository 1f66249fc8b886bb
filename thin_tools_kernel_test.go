package lvm

import (
	"bytes"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/umltest"
)

// A pool whose metadata is damaged is not activated; repaired, it has all that was in
// it, for us and for lvm2.
func TestKernelRepairThinPool(t *testing.T) {
	umltest.NeedTool(t, "thin_check")
	r, sys := kernelGroup(t, 2, func(tx *Tx) error {
		if err := tx.SetExtentSize(MiB); err != nil {
			return err
		}
		_, err := tx.CreateThinPool(ThinPoolSpec{Name: "pool", Size: ExactSize(8 * MiB)})
		return err
	})
	r.update(func(tx *Tx) error { return joinErrors(tx.addThinLV("pool", "t", 20), tx.addThinLV("pool", "u", 20)) })
	want := bytes.Repeat([]byte("data"), 1<<18)
	require.NoError(t, os.WriteFile("/dev/vg/t", want, 0))
	r.update(func(tx *Tx) error { return tx.addThinSnapshot("t", "s") })
	require.NoError(t, os.WriteFile("/dev/vg/t", bytes.Repeat([]byte{7}, 1<<16), 0))
	umltest.Run(t, "sync")
	r.update((*Tx).DeactivateAll)

	// The space map of the data is broken. Source: the superblock of dm-thin.
	const spaceMapRoot = 80
	lv := findIn(t, sys, "pool")
	meta := lv.layout().file(lvByID(lv.vg.rec, thinPoolBody(lv.rec).Metadata), nil)
	at := func(block Bytes) (Device, int64) {
		for piece, err := range meta.emap.Map(meta.lv, block*4*KiB, 4*KiB) {
			require.NoError(t, err)
			d, err := openFileDevice(lv.vg.members[piece.PV].path, true)
			require.NoError(t, err)
			t.Cleanup(func() { _ = d.Close() })
			return d, int64(piece.Offset)
		}
		return nil, 0
	}
	root := make([]byte, 8)
	d, offset := at(0)
	_, err := d.ReadAt(root, offset+spaceMapRoot)
	require.NoError(t, err)
	d, offset = at(Bytes(le.Uint64(root)))
	_, err = d.WriteAt(bytes.Repeat([]byte("broken!!"), 512), offset)
	require.NoError(t, err)
	err = r.refused(ErrNeedsCheck, (*Tx).ActivateAll)
	var failed *ToolError
	require.ErrorAs(t, err, &failed)
	r.update(func(tx *Tx) error { _, err := tx.RepairThinPool("pool", RepairPoolSpec{}); return err })
	r.update(func(tx *Tx) error { return joinErrors(tx.Activate("t"), tx.Activate("s"), tx.Activate("u")) })
	got, err := os.ReadFile("/dev/vg/s")
	require.NoError(t, err)
	require.True(t, bytes.Equal(want, got[:len(want)]))
	got, err = os.ReadFile("/dev/vg/t")
	require.NoError(t, err)
	require.True(t, bytes.Equal(append(bytes.Repeat([]byte{7}, 1<<16), want[1<<16:]...), got[:len(want)]))
	r.update(func(tx *Tx) error { return joinErrors(tx.addThinSnapshot("t", "s2"), tx.RemoveLV("pool_meta0")) })
	r.update((*Tx).DeactivateAll)
	umltest.Run(t, "vgchange", "-ay", "vg")
	umltest.Run(t, "lvcreate", "-s", "-n", "s3", "vg/s2")
	umltest.Run(t, "vgchange", "-an", "vg")

	// A pool without the program is activated all the same.
	sys.cfg.ThinCheck.Path = "/none"
	r.update(func(tx *Tx) error { return tx.Activate("t") })
}
