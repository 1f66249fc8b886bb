package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm"
	"github.com/lvm-go/lvm/internal/umltest"
	"github.com/lvm-go/lvm/internal/umltest/guest"
)

// TestKernelVMClone mounts all clones of a file system at once.
func TestKernelVMClone(t *testing.T) {
	umltest.NeedKernel(t)
	for _, tool := range []string{"mkfs.ext4", "e2fsck", "mount", "umount", "dmsetup", "sha256sum", "lvm"} {
		umltest.NeedTool(t, tool)
	}
	ctx := context.Background()
	disk, _ := umltest.Loop(t, 256<<20)
	sys, err := open(ctx, true, []string{disk})
	require.NoError(t, err)
	defer sys.Close()
	update := func(fn func(*lvm.Tx) error) error { return sys.Update(ctx, "vg0", fn) }
	require.NoError(t, update(func(tx *lvm.Tx) error {
		if err := tx.CreateVG(lvm.VGSpec{PVs: []string{disk}}); err != nil {
			return err
		}
		_, err := tx.CreateLV(lvm.LVSpec{Name: "golden", Size: lvm.ExactSize(32 * lvm.MiB)})
		return err
	}))
	umltest.Run(t, "mkfs.ext4", "-q", "/dev/vg0/golden")
	dir := mount(t, "/dev/vg0/golden")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "hostname"), []byte("golden"), 0o600))

	var out strings.Builder
	command := func(args ...string) error {
		return run(ctx, &out, append([]string{"-kernel", "-vg", "vg0", "-golden", "golden"}, append(args, disk)...))
	}
	clones := []string{"web1", "web2", "db"}
	require.ErrorIs(t, command("-clone", strings.Join(clones, ",")), lvm.ErrBusy, "it is mounted")
	umltest.Run(t, "umount", dir)
	before := umltest.Run(t, "sha256sum", "/dev/vg0/golden")
	require.NoError(t, update(func(tx *lvm.Tx) error { return tx.Deactivate("golden") }))

	require.NoError(t, command("-clone", strings.Join(clones, ",")))
	var mounts []string
	for i, name := range clones {
		dir := mount(t, "/dev/vg0/"+name)
		mounts = append(mounts, dir)
		for n := range 1 + i {
			require.NoError(t, os.WriteFile(filepath.Join(dir, fmt.Sprint("data", n)), make([]byte, 1<<20), 0o600))
		}
		require.NoError(t, os.WriteFile(filepath.Join(dir, "hostname"), []byte(name), 0o600))
	}
	umltest.Run(t, "sync")
	require.NoError(t, command())
	t.Log("\n" + out.String())
	require.ErrorIs(t, command("-remove", "web1,db"), lvm.ErrBusy)
	require.NoError(t, checkNames(clones, mounts))
	umltest.Run(t, "umount", mounts[1])
	require.NoError(t, command("-remove", "web2"), "while the others are in use")
	umltest.Run(t, "umount", mounts[0])
	umltest.Run(t, "umount", mounts[2])
	for _, name := range []string{"web1", "db"} {
		umltest.Run(t, "e2fsck", "-fn", "/dev/vg0/"+name)
	}
	assert.Equal(t, before, umltest.Run(t, "sha256sum", "/dev/vg0/golden"))
	umltest.Run(t, "lvm", "vgck", "vg0")
	require.NoError(t, update(func(tx *lvm.Tx) error { return tx.DeactivateAll() }))
	assert.Equal(t, "No devices found\n", umltest.Run(t, "dmsetup", "ls"))
}

// checkNames checks that each clone has its own name.
func checkNames(clones, mounts []string) error {
	for i, dir := range mounts {
		name, err := os.ReadFile(filepath.Join(dir, "hostname"))
		if err != nil {
			return err
		}
		if string(name) != clones[i] {
			return fmt.Errorf("%s is called %s", clones[i], name)
		}
	}
	return nil
}

// mount mounts a device.
func mount(t *testing.T, device string) string {
	t.Helper()
	dir, err := os.MkdirTemp(os.Getenv(guest.EnvScratch), "vmclone-")
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, os.Remove(dir)) })
	umltest.Run(t, "mount", device, dir)
	return dir
}
