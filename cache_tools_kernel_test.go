package lvm

import (
	"bytes"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/umltest"
	"github.com/lvm-go/lvm/metadata"
)

// breakHints breaks the block of a cache's metadata where the policy's hints begin, which
// is what cache_repair can do without. Source: Linux cache_disk_superblock.
func breakHints(t *testing.T, sys *System, lv string, start Bytes) {
	t.Helper()
	const hintRoot = 200
	part := findIn(t, sys, lv)
	breakBlock(t, part, part.rec, start, hintRoot)
}

// breakBlock overwrites the block of metadata whose number the superblock has at a
// place. The metadata begins at start of meta, which is in the group of lv.
func breakBlock(t *testing.T, lv *LogicalVolume, meta *metadata.LogicalVolume, start Bytes, place int64) {
	t.Helper()
	f := lv.layout().file(meta, nil)
	at := func(block Bytes) (Device, int64) {
		for piece, err := range f.emap.Map(f.lv, start+block*4*KiB, 4*KiB) {
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
	_, err := d.ReadAt(root, offset+place)
	require.NoError(t, err)
	d, offset = at(Bytes(le.Uint64(root)))
	_, err = d.WriteAt(bytes.Repeat([]byte("broken!!"), 512), offset)
	require.NoError(t, err)
}

// A cache whose metadata is damaged is not activated, by lvm2 neither; repaired, the
// volume has all that was written, also what only the cache has.
func TestKernelRepairCache(t *testing.T) {
	umltest.NeedTool(t, "cache_check")
	r, sys := kernelGroup(t, 2, func(tx *Tx) error {
		if err := tx.SetExtentSize(MiB); err != nil {
			return err
		}
		_, err := tx.CreateCachePool(CachePoolSpec{Name: "pool", Size: ExtentCount(8), Mode: CacheWriteback})
		return joinErrors(err, create(LVSpec{Name: "o", Size: ExtentCount(8)}, LVSpec{Name: "p", Size: ExtentCount(8)}, LVSpec{Name: "vol", Size: ExtentCount(12)})(tx))
	})
	r.update(func(tx *Tx) error {
		return joinErrors(tx.AttachCache("o", AttachCacheSpec{Pool: "pool"}), tx.AttachCache("p", AttachCacheSpec{CacheVol: "vol"}))
	})
	want := bytes.Repeat([]byte("data"), 1<<20)
	for _, lv := range []string{"o", "p"} {
		require.NoError(t, os.WriteFile("/dev/vg/"+lv, want, 0))
	}
	umltest.Run(t, "sync")
	// All is in order: nothing is told afterwards.
	r.update((*Tx).DeactivateAll)
	cached := findIn(t, sys, "p").rec
	body, ok := bodyOf[*metadata.Cache](cached)
	require.True(t, ok)
	breakHints(t, sys, "pool_cpool_cmeta", 0)
	breakHints(t, sys, "vol_cvol", sectorBytes(body.MetadataStart))
	for _, lv := range []string{"o", "p"} {
		err := r.refused(ErrNeedsCheck, func(tx *Tx) error { return tx.Activate(lv) })
		var failed *ToolError
		require.ErrorAs(t, err, &failed)
		require.Error(t, exec.Command("lvchange", "-ay", "vg/"+lv).Run())
	}
	r.refused(ErrUnsupported, func(tx *Tx) error { return tx.repairCacheOf("p") })
	r.update(func(tx *Tx) error { return tx.repairCacheOf("o") })
	for _, activate := range []func(){
		func() { r.update(func(tx *Tx) error { return tx.Activate("o") }) },
		func() { umltest.Run(t, "lvchange", "-ay", "vg/o") },
	} {
		activate()
		got, err := os.ReadFile("/dev/vg/o")
		require.NoError(t, err)
		require.True(t, bytes.Equal(want, got[:len(want)]))
		r.update((*Tx).DeactivateAll)
	}
	r.update(func(tx *Tx) error { return tx.RemoveLV("o_meta0") })
}
