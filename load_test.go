package lvm

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/recorder"
)

// A physical volume without metadata area is looked for, too, although there is
// nothing on it that changes: another disk may have its path by now.
func TestAnotherDiskInPlaceOfPVWithoutArea(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	for _, path := range []string{a, b} {
		require.NoError(t, os.WriteFile(path, make([]byte, 8<<20), 0o600))
	}
	sys, err := Open(Config{Devices: []string{a, b}, Kernel: KernelNone})
	require.NoError(t, err)
	defer sys.Close()
	update(t, sys, "vg0", func(tx *Tx) error {
		if err := tx.CreateVG(VGSpec{PVs: []string{a}, ExtentSize: 4 * KiB}); err != nil {
			return err
		}
		return tx.ExtendVG(PVSpec{Areas: NoArea}, b)
	})
	_ = recordOf(t, sys, "vg0")

	foreign := pattern(ID{1}, 8*MiB)
	require.NoError(t, os.Rename(b, b+".unplugged"))
	require.NoError(t, os.WriteFile(b, foreign, 0o600))
	err = sys.Update(ctx, "vg0", func(tx *Tx) error {
		_, err := tx.CreateLV(LVSpec{Size: ExtentCount(1), PVs: []PVSelection{{PV: b}}})
		return err
	})
	assert.Error(t, err)
	now, err := os.ReadFile(b)
	require.NoError(t, err)
	assert.True(t, string(foreign) == string(now), "the other disk is as it was")
	vg, err := sys.VG(ctx, "vg0")
	require.NoError(t, err)
	assert.True(t, vg.Partial())
}

// What a device has gained since the group was last read counts.
func TestDeviceThatGrewMeanwhile(t *testing.T) {
	t.Parallel()
	path := testImage(t, 8<<20)
	sys, err := Open(Config{Devices: []string{path}, Kernel: KernelNone})
	require.NoError(t, err)
	defer sys.Close()
	update(t, sys, "vg0", func(tx *Tx) error { return tx.CreateVG(VGSpec{PVs: []string{path}, ExtentSize: MiB}) })
	growth := func() Extents {
		pv, err := onlyGroup(t, sys).PV(path)
		require.NoError(t, err)
		vg, err := sys.VG(context.Background(), "vg0")
		require.NoError(t, err)
		again, err := vg.PV(path)
		require.NoError(t, err)
		assert.Equal(t, pv.Growth(), again.Growth())
		return again.Growth()
	}
	assert.Zero(t, growth())
	require.NoError(t, os.Truncate(path, 16<<20))
	assert.Equal(t, Extents(8), growth())
	update(t, sys, "vg0", func(tx *Tx) error { return tx.ResizePV(path, 0) })
	assert.Zero(t, growth())
}

// A group that is known by its UUID is found although somebody else has renamed
// it since.
func TestRenamedMeanwhile(t *testing.T) {
	t.Parallel()
	disks := recorder.New(diskSize, "a", "b")
	sys, other := openDisks(t, disks, 1), openDisks(t, disks, 2)
	makeOrigin(t, sys)
	vg, err := sys.VG(context.Background(), "vg0")
	require.NoError(t, err)
	id := vg.ID().String()
	require.NoError(t, other.Update(context.Background(), "vg0", func(tx *Tx) error { return tx.RenameVG("one") }))
	require.NoError(t, sys.Update(context.Background(), id, func(tx *Tx) error { return tx.RenameLV("other", "o2") }))
	require.NoError(t, other.Update(context.Background(), "one", func(tx *Tx) error { return tx.RenameVG("two") }))
	vg, err = sys.VG(context.Background(), id)
	require.NoError(t, err)
	require.Equal(t, "two", vg.Name())
	_, err = vg.LV("o2")
	require.NoError(t, err)
	_, err = sys.VG(context.Background(), "vg0")
	require.ErrorIs(t, err, ErrVGNotFound)
}
