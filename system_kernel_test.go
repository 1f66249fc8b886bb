package lvm

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/umltest"
)

// kernelSystem returns a System on n loop devices.
func kernelSystem(t testing.TB, n int, size int64) (*System, []string) {
	umltest.NeedKernel(t)
	var devices []string
	for range n {
		dev, _ := umltest.Loop(t, size)
		devices = append(devices, dev)
	}
	sys, err := Open(Config{Devices: devices})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, sys.Close()) })
	return sys, devices
}

// lvm2 runs a command of the real tools.
func lvm2(t testing.TB, args ...string) string {
	t.Helper()
	return umltest.Run(t, umltest.NeedTool(t, "lvm"), args...)
}

func TestKernelLifeOfAVolume(t *testing.T) {
	ctx := context.Background()
	sys, devices := kernelSystem(t, 3, 64<<20)
	require.NoError(t, sys.Update(ctx, "vg-0", func(tx *Tx) error {
		if err := tx.CreateVG(VGSpec{PVs: devices[:2]}); err != nil {
			return err
		}
		_, err := tx.CreateLV(LVSpec{Name: "da-ta", Size: ExactSize(20 * MiB), Stripes: 2})
		return err
	}))
	lvm2(t, "vgck", "-v", "vg-0")
	t.Log(lvm2(t, "lvs", "-o+devices,seg_pe_ranges,lv_active"))
	t.Log(umltest.Run(t, "dmsetup", "table"))
	t.Log(umltest.Run(t, "dmsetup", "info", "-c"))
	require.FileExists(t, "/dev/vg-0/da-ta")
	mkfs := umltest.NeedTool(t, "mkfs.ext4")
	umltest.Run(t, mkfs, "-q", "/dev/vg-0/da-ta")
	mnt := t.TempDir()
	umltest.Run(t, "mount", "/dev/vg-0/da-ta", mnt)
	require.NoError(t, os.WriteFile(mnt+"/x", []byte(strings.Repeat("hello", 1000)), 0o600))
	require.NoError(t, sys.Update(ctx, "vg-0", func(tx *Tx) error {
		if err := tx.ExtendVG(PVSpec{}, devices[2]); err != nil {
			return err
		}
		return tx.ExtendLV("da-ta", ExtendSpec{To: ExactSize(60 * MiB)})
	}))
	umltest.Run(t, "resize2fs", "/dev/vg-0/da-ta")
	err := sys.Update(ctx, "vg-0", func(tx *Tx) error { return tx.Deactivate("da-ta") })
	require.ErrorIs(t, err, ErrBusy)
	require.NoError(t, sys.Update(ctx, "vg-0", func(tx *Tx) error { return tx.RenameLV("da-ta", "neu") }))
	require.FileExists(t, "/dev/vg-0/neu")
	require.NoFileExists(t, "/dev/vg-0/da-ta")
	umltest.Run(t, "umount", mnt)
	umltest.Run(t, "e2fsck", "-fn", "/dev/vg-0/neu")
	lvm2(t, "vgck", "vg-0")
	lvm2(t, "lvextend", "-l+1", "vg-0/neu")
	lvm2(t, "lvcreate", "-n", "theirs", "-l2", "vg-0")
	vg, err := sys.VG(ctx, "vg-0")
	require.NoError(t, err)
	require.Empty(t, vg.Problems())
	t.Log(lvm2(t, "pvs", "-o+pv_used,vg_mda_used_count,pv_in_use"))
	require.NoError(t, sys.Update(ctx, "vg-0", func(tx *Tx) error {
		for _, lv := range []string{"neu", "theirs"} {
			if err := tx.RemoveLV(lv); err != nil {
				return err
			}
		}
		return tx.RemoveVG()
	}))
	t.Log(lvm2(t, "pvs", "-a", "-o+pv_in_use"))
	require.Equal(t, "No devices found", strings.TrimSpace(umltest.Run(t, "dmsetup", "ls")))
	require.NoDirExists(t, "/dev/vg-0")
}
