package main

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/umltest"
	"github.com/lvm-go/lvm/internal/umltest/guest"
)

func TestKernelQuickstart(t *testing.T) {
	umltest.NeedKernel(t)
	umltest.NeedTool(t, "mkfs.ext4")
	umltest.NeedTool(t, "resize2fs")
	dir := scratch(t)
	loops, mounts := glob(t, "/sys/block/loop*/loop"), umltest.Run(t, "cat", "/proc/mounts")

	var out strings.Builder
	require.NoError(t, run(context.Background(), &out, dir, true))
	t.Log("\n" + out.String())
	assert.Contains(t, out.String(), "Mounted it again and read the same back.")

	assert.Equal(t, loops, glob(t, "/sys/block/loop*/loop"), "no loop device stays")
	assert.Equal(t, mounts, umltest.Run(t, "cat", "/proc/mounts"), "nothing stays mounted")
	assert.Equal(t, "No devices found\n", umltest.Run(t, "dmsetup", "ls"))
	assert.NoDirExists(t, "/dev/"+vgName)
}

func TestKernelQuickstartCleansUpAfterAnInterrupt(t *testing.T) {
	umltest.NeedKernel(t)
	umltest.NeedTool(t, "mkfs.ext4")
	loops := glob(t, "/sys/block/loop*/loop")

	// The first line comes when the file system is mounted and written to.
	ctx, cancel := context.WithCancel(context.Background())
	err := run(ctx, cancelWriter(cancel), scratch(t), true)
	require.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, loops, glob(t, "/sys/block/loop*/loop"))
	assert.Equal(t, "No devices found\n", umltest.Run(t, "dmsetup", "ls"))
	assert.NotContains(t, umltest.Run(t, "cat", "/proc/mounts"), "lvm-mount-")
}

// cancelWriter ends a context when somebody writes.
type cancelWriter context.CancelFunc

func (c cancelWriter) Write(p []byte) (int, error) { c(); return len(p), nil }

// scratch returns a folder in the guest's memory.
func scratch(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp(os.Getenv(guest.EnvScratch), "quickstart-")
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, os.RemoveAll(dir)) })
	return dir
}
