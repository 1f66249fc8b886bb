package lvm

import (
	"bytes"
	"context"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/internal/umltest"
	"github.com/lvm-go/lvm/metadata"
)

// TestKernelImportClones clones disks whose volumes are in use, and compares what
// lvm2 makes of the clones with what we do.
func TestKernelImportClones(t *testing.T) {
	umltest.NeedKernel(t)
	umltest.NeedTool(t, "lvm")
	ctx := context.Background()
	sys, devices := kernelSystem(t, 2, 32<<20)
	lvm2(t, "vgcreate", "orig", devices[0], devices[1])
	defer lvm2(t, "vgremove", "-ff", "-y", "orig")
	lvm2(t, "lvcreate", "-an", "-l2", "-n", "idle", "orig")
	lvm2(t, "lvcreate", "-ay", "-l3", "-n", "data", "orig")
	lvm2(t, "lvcreate", "-ay", "-l2", "-i2", "-n", "striped", "orig")
	before := recordOf(t, sys, "orig")
	for _, name := range []string{"data", "striped"} {
		require.NoError(t, os.WriteFile("/dev/orig/"+name, bytes.Repeat([]byte(name+" "), 1000), 0o600))
	}
	open, err := os.Open("/dev/orig/data")
	require.NoError(t, err)
	defer open.Close()
	tables := activeTables(t, sys)

	var made []*metadata.VolumeGroup
	for _, by := range []string{"lvm2", "us"} {
		var clones []string
		for _, device := range devices {
			clone, _ := umltest.Loop(t, 32<<20)
			umltest.Run(t, "dd", "if="+device, "of="+clone, "bs=1M", "status=none")
			clones = append(clones, clone)
		}
		all := openKernel(t, append(clones, devices...))
		name := "orig1"
		if by == "lvm2" {
			lvm2(t, append([]string{"vgimportclone"}, clones...)...)
		} else {
			vg, err := all.ImportClones(ctx, clones, CloneSpec{})
			require.NoError(t, err)
			require.Equal(t, name, vg.Name())
			assert.False(t, vg.Exported())
		}
		got := recordOf(t, all, name)
		lvm2(t, "vgck", name)
		lvm2(t, "vgck", "orig")
		lvm2(t, "vgchange", "-ay", name)
		for _, lv := range []string{"data", "striped"} {
			data, err := os.ReadFile("/dev/" + name + "/" + lv)
			require.NoError(t, err)
			assert.True(t, bytes.HasPrefix(data, bytes.Repeat([]byte(lv+" "), 1000)), "%s of %s", lv, by)
		}
		// In use, they are no clones to be imported.
		_, err := all.ImportClones(ctx, clones, CloneSpec{})
		require.ErrorIs(t, err, ErrBusy)
		lvm2(t, "vgremove", "-ff", "-y", name)

		assert.NotEqual(t, before.ID, got.ID)
		for i, pv := range got.PVs {
			assert.Nil(t, pvRecord(before, pv.ID))
			pv.ID, pv.Device = before.PVs[i].ID, ""
		}
		made = append(made, withoutPVs(got))
	}
	assert.Equal(t, made[0], made[1], "what lvm2 and we make of the same clones")
	assert.Equal(t, before, recordOf(t, sys, "orig"))
	assert.Equal(t, tables, activeTables(t, sys))
}

// withoutPVs makes a group what is common to clones of it.
func withoutPVs(vg *metadata.VolumeGroup) *metadata.VolumeGroup {
	vg.ID = metadata.ID{}
	for _, lv := range vg.LVs {
		for i := range lv.Segments {
			areas := lv.Segments[i].Body.Areas()
			for k := range areas {
				areas[k].PV = metadata.ID{}
			}
		}
	}
	return vg
}

// Groups with volumes of all types are cloned as others are, also in the middle of
// a move, and hold what they held.
func TestKernelImportClonesOfStacks(t *testing.T) {
	r := stackGroup(t)
	ctx := context.Background()
	r.update(func(tx *Tx) error {
		_, err := tx.StartMove(MoveOptions{From: PVSelection{PV: r.dev[0]}})
		return joinErrors(err, tx.DeactivateAll())
	})
	before := recordOf(t, r.sys, "vg")
	var made []*metadata.VolumeGroup
	var tables []map[string]dm.Table
	for _, by := range []string{"lvm2", "us"} {
		var clones []string
		for _, device := range r.dev {
			clone, _ := umltest.Loop(t, 128<<20)
			umltest.Run(t, "dd", "if="+device, "of="+clone, "bs=1M", "conv=sparse", "status=none")
			clones = append(clones, clone)
		}
		all := openKernel(t, append(clones, r.dev...))
		if by == "lvm2" {
			lvm2(t, append([]string{"vgimportclone"}, clones...)...)
		} else {
			_, err := all.ImportClones(ctx, clones, CloneSpec{})
			require.NoError(t, err)
		}
		lvm2(t, "vgck", "vg1")
		got := recordOf(t, openKernel(t, append(clones, r.dev...)), "vg1") // of its own, as it is changed
		id := got.ID
		for i, pv := range got.PVs {
			assert.Nil(t, pvRecord(before, pv.ID))
			pv.ID, pv.Device = before.PVs[i].ID, ""
		}
		made = append(made, withoutPVs(got))
		require.NoError(t, all.Update(ctx, "vg1", func(tx *Tx) error { return tx.ActivateAll() }))
		for lv, mark := range stackOrigins {
			data := make([]byte, stackMark)
			f, err := os.Open("/dev/vg1/" + lv)
			require.NoError(t, err)
			_, err = f.ReadAt(data, 0)
			require.NoError(t, err)
			require.NoError(t, f.Close())
			assert.True(t, bytes.Equal(bytes.Repeat([]byte{mark}, len(data)), data), "%s of %s", lv, by)
		}
		named := map[string]dm.Table{}
		for name, table := range tablesNow(t) {
			for i, device := range clones { // by the numbers of the originals
				was, ok := all.host.number(r.dev[i])
				require.True(t, ok)
				is, ok := all.host.number(device)
				require.True(t, ok)
				var err error
				table, err = table.MapDevices(func(d string) (string, error) {
					if d == is {
						return was, nil
					}
					return d, nil
				})
				require.NoError(t, err)
			}
			named[strings.ReplaceAll(name, id.Compact(), "")] = table
		}
		tables = append(tables, named)
		require.NoError(t, all.Update(ctx, "vg1", func(tx *Tx) error { return tx.DeactivateAll() }))
		for _, clone := range clones {
			umltest.Run(t, "dd", "if=/dev/zero", "of="+clone, "bs=1M", "count=1", "status=none")
		}
	}
	assert.Equal(t, made[0], made[1], "what lvm2 and we make of the same clones")
	requireTables(t, tables[0], tables[1])
	assert.Equal(t, before, recordOf(t, r.sys, "vg"))
}
