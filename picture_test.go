package lvm_test

import (
	"bytes"
	"context"
	"flag"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm"
)

var writeDocs = flag.Bool("docs", false, "write docs/extents.svg anew")

// The picture in the README is one that the library draws today.
func TestPictureInTheReadmeIsUpToDate(t *testing.T) {
	const path = "docs/extents.svg"
	ctx := context.Background()
	sys := openMemory("sda", "sdb", "sdc", "sdd")
	defer sys.Close()
	createVG(sys, "vg0", "sda", "sdb", "sdc")
	linear := func(tx *lvm.Tx, name string, size lvm.Bytes, pvs ...lvm.PVSelection) error {
		_, err := tx.CreateLV(lvm.LVSpec{Name: name, Size: lvm.ExactSize(size), PVs: pvs})
		return err
	}
	require.NoError(t, sys.Update(ctx, "vg0", func(tx *lvm.Tx) error {
		if err := linear(tx, "root", 20*lvm.MiB); err != nil {
			return err
		}
		if err := linear(tx, "old", 12*lvm.MiB); err != nil {
			return err
		}
		_, err := tx.CreateLV(lvm.LVSpec{Name: "db", Size: lvm.ExactSize(64 * lvm.MiB), Stripes: 2})
		return err
	}))
	require.NoError(t, sys.Update(ctx, "vg0", func(tx *lvm.Tx) error {
		if err := linear(tx, "home", 24*lvm.MiB); err != nil {
			return err
		}
		if err := tx.RemoveLV("old"); err != nil {
			return err
		}
		if err := tx.ExtendVG(lvm.PVSpec{}, "sdd"); err != nil {
			return err
		}
		if err := linear(tx, "log", 28*lvm.MiB, lvm.PVSelection{PV: "sdd"}); err != nil {
			return err
		}
		return tx.ExtendLV("home", lvm.ExtendSpec{To: lvm.ExactSize(60 * lvm.MiB)})
	}))
	vg, err := sys.VG(ctx, "vg0")
	require.NoError(t, err)
	var got bytes.Buffer
	require.NoError(t, vg.ExtentMap().WriteSVG(&got, lvm.DrawOptions{}))
	if *writeDocs {
		require.NoError(t, os.MkdirAll("docs", 0o755))
		require.NoError(t, os.WriteFile(path, got.Bytes(), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(want), got.String(), "go test -run TestPicture . -docs writes it anew")
}
