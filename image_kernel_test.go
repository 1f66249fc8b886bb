package lvm

import (
	"context"
	"io"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Without a kernel nobody knows that a volume is active, so that its extents
// could be given to others while its table still leads there.
func TestKernelImageModeLeavesActiveGroupsAlone(t *testing.T) {
	ctx := context.Background()
	r, _ := kernelGroup(t, 2, create(LVSpec{Name: "a", Size: ExtentCount(1)}))
	image, err := Open(Config{Devices: r.dev, Kernel: KernelNone})
	require.NoError(t, err)
	defer image.Close()
	file := func() *LVFile {
		vg, err := image.VG(ctx, "vg")
		require.NoError(t, err)
		assert.Empty(t, vg.Problems())
		lv, err := vg.LV("a")
		require.NoError(t, err)
		f, err := lv.Open()
		require.NoError(t, err)
		t.Cleanup(func() { f.Close() })
		return f
	}
	before := r.state()
	for name, fn := range map[string]func(*Tx) error{
		"remove": func(tx *Tx) error { return tx.RemoveLV("a") },
		"extend": func(tx *Tx) error { return tx.ExtendLV("a", ExtendSpec{By: ExtentCount(1)}) },
		"tag":    func(tx *Tx) error { return tx.SetTags("x") },
	} {
		require.ErrorIs(t, image.Update(ctx, "vg", fn), ErrBusy, name)
		require.Equal(t, before, r.state(), name)
	}
	_, err = file().WriteAt([]byte("x"), 0)
	require.ErrorIs(t, err, ErrBusy)
	_, err = io.ReadFull(io.NewSectionReader(file(), 0, 512), make([]byte, 512))
	require.NoError(t, err, "reading is free")

	r.update(func(tx *Tx) error { return tx.Deactivate("a") })
	update(t, image, "vg", func(tx *Tx) error { return tx.SetTags("x") })
	_, err = file().WriteAt([]byte("x"), 0)
	require.NoError(t, err)
	assert.NoError(t, file().Sync())
}
