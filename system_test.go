package lvm

import (
	"bytes"
	"context"
	"crypto/rand"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSmoke(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	var devs []string
	for _, n := range []string{"a", "b", "c"} {
		p := filepath.Join(dir, n)
		require.NoError(t, os.WriteFile(p, nil, 0o600))
		require.NoError(t, os.Truncate(p, 64<<20))
		devs = append(devs, p)
	}
	sys, err := Open(Config{Devices: devs, Kernel: KernelNone})
	require.NoError(t, err)
	defer sys.Close()
	plan, err := sys.Plan(ctx, "vg0", func(tx *Tx) error {
		if err := tx.CreateVG(VGSpec{PVs: devs[:2]}); err != nil {
			return err
		}
		_, err := tx.CreateLV(LVSpec{Name: "data", Size: ExactSize(20 * MiB), Stripes: 2})
		return err
	})
	require.NoError(t, err)
	t.Log(plan)
	require.NoError(t, sys.Apply(ctx, plan))
	require.ErrorIs(t, sys.Apply(ctx, plan), ErrPlanStale)
	require.NoError(t, sys.Update(ctx, "vg0", func(tx *Tx) error {
		if err := tx.ExtendVG(PVSpec{}, devs[2]); err != nil {
			return err
		}
		return tx.ExtendLV("data", ExtendSpec{By: ExactSize(50 * MiB)})
	}))
	vg, err := sys.VG(ctx, "vg0")
	require.NoError(t, err)
	require.Empty(t, vg.Problems())
	lv, err := vg.LV("data")
	require.NoError(t, err)
	table, err := lv.Table()
	require.NoError(t, err)
	t.Log(table)
	f, err := lv.Open()
	require.NoError(t, err)
	b := make([]byte, lv.Size())
	rand.Read(b)
	_, err = f.WriteAt(b, 0)
	require.NoError(t, err)
	c := make([]byte, lv.Size())
	_, err = f.ReadAt(c, 0)
	require.NoError(t, err)
	require.True(t, bytes.Equal(b, c))
	require.NoError(t, f.Close())
	var buf bytes.Buffer
	require.NoError(t, vg.ExtentMap().WriteText(&buf, DrawOptions{}))
	t.Log("\n" + buf.String())
	require.NoError(t, sys.Update(ctx, "vg0", func(tx *Tx) error {
		if err := tx.RemoveLV("data"); err != nil {
			return err
		}
		return tx.RemoveVG()
	}))
	_, err = sys.VG(ctx, "vg0")
	require.ErrorIs(t, err, ErrVGNotFound)
}
