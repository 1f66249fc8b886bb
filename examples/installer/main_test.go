package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm"
	"github.com/lvm-go/lvm/internal/exampletest"
	"github.com/lvm-go/lvm/internal/umltest"
)

func TestMain(m *testing.M) { os.Exit(umltest.Main(m)) }

func TestInstallerPrintsWhatItsHeaderShows(t *testing.T) {
	assert.Equal(t, exampletest.Shown(t), exampletest.Output(t, run))
}

func layoutOn(disk string) Layout {
	return Layout{Disk: disk, Size: 300 * lvm.MiB, Group: "system", Volumes: []Volume{
		{"root", 100 * lvm.MiB, Ext4}, {"swap", 32 * lvm.MiB, Swap},
	}}
}

func TestInstallAgainChangesNothing(t *testing.T) {
	ctx, disk := context.Background(), filepath.Join(t.TempDir(), "disk.img")
	var out strings.Builder
	require.NoError(t, install(ctx, &out, layoutOn(disk)))
	before, err := os.ReadFile(disk)
	require.NoError(t, err)

	require.NoError(t, install(ctx, &out, layoutOn(disk)))
	less := layoutOn(disk)
	less.Size, less.Volumes[0].Size = 200*lvm.MiB, 8*lvm.MiB
	require.NoError(t, install(ctx, &out, less))
	after, err := os.ReadFile(disk)
	require.NoError(t, err)
	assert.True(t, bytes.Equal(before, after))
	assert.Contains(t, out.String(), "kept    root of 100 MiB")
}

func TestInstallRefuses(t *testing.T) {
	ctx := context.Background()
	t.Run("a disk with something else", func(t *testing.T) {
		disk := filepath.Join(t.TempDir(), "disk.img")
		data := make([]byte, 64<<20)
		copy(data[4096-10:], swapMagic)
		require.NoError(t, os.WriteFile(disk, data, 0o600))
		require.ErrorContains(t, install(ctx, &strings.Builder{}, layoutOn(disk)), "holds swap")
		now, err := os.ReadFile(disk)
		require.NoError(t, err)
		assert.True(t, bytes.Equal(data, now[:len(data)]))
	})
	t.Run("a volume with something else", func(t *testing.T) {
		layout := layoutOn(filepath.Join(t.TempDir(), "disk.img"))
		require.NoError(t, install(ctx, &strings.Builder{}, layout))
		layout.Volumes[0].Use, layout.Volumes[1].Use = Swap, Ext4
		require.ErrorContains(t, install(ctx, &strings.Builder{}, layout), "it holds ext4, not swap")
	})
	t.Run("more than there is room for", func(t *testing.T) {
		layout := layoutOn(filepath.Join(t.TempDir(), "disk.img"))
		require.NoError(t, install(ctx, &strings.Builder{}, layout))
		layout.Volumes[0].Size = lvm.GiB
		require.ErrorIs(t, install(ctx, &strings.Builder{}, layout), lvm.ErrNoSpace)
	})
	t.Run("a disk that is too small", func(t *testing.T) {
		layout := layoutOn(filepath.Join(t.TempDir(), "disk.img"))
		layout.Size = 32 * lvm.MiB
		require.ErrorContains(t, install(ctx, &strings.Builder{}, layout), "no room")
	})
}

// TestKernelInstalledDisk lets the system's own tools look at the disk.
func TestKernelInstalledDisk(t *testing.T) {
	umltest.NeedKernel(t)
	for _, tool := range []string{"sfdisk", "lvm", "e2fsck", "blkid", "losetup"} {
		umltest.NeedTool(t, tool)
	}
	ctx, disk := context.Background(), filepath.Join(t.TempDir(), "disk.img")
	var out strings.Builder
	for _, root := range []lvm.Bytes{100 * lvm.MiB, 200 * lvm.MiB} {
		layout := layoutOn(disk)
		layout.Size += root
		layout.Volumes[0].Size = root
		require.NoError(t, install(ctx, &out, layout))

		assert.Contains(t, umltest.Run(t, "sfdisk", "--verify", disk), "No errors detected")
		loop := strings.TrimSpace(umltest.Run(t, "losetup", "--find", "--show", "--offset", "68157440", disk))
		umltest.Run(t, "lvm", "vgck", "system")
		umltest.Run(t, "lvm", "vgchange", "-ay", "system")
		assert.Contains(t, umltest.Run(t, "blkid", "-p", "/dev/system/root"), `TYPE="ext4"`)
		assert.Contains(t, umltest.Run(t, "blkid", "-p", "/dev/system/swap"), `TYPE="swap"`)
		umltest.Run(t, "e2fsck", "-fn", "/dev/system/root")
		umltest.Run(t, "lvm", "vgchange", "-an", "system")
		umltest.Run(t, "losetup", "-d", loop)
	}
}
