package lvm

import (
	"bytes"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/umltest"
)

// A number that is given where nobody knows the major number of mapped devices
// is good for lvm2 and for us.
func TestKernelMinorOfImage(t *testing.T) {
	r, _ := kernelGroup(t, 1, create(LVSpec{Name: "a", Size: ExtentCount(1), Inactive: true}))
	image, err := Open(Config{Devices: r.dev, Kernel: KernelNone, LockDir: "/run/lock/lvm"})
	require.NoError(t, err)
	update(t, image, "vg", func(tx *Tx) error { return tx.SetLVPersistentMinor("a", FixedMinor(77)) })
	lvm2(t, "lvchange", "-qq", "-ay", "vg/a")
	theirs := r.state()
	assert.Contains(t, theirs, "254:77")
	lvm2(t, "lvchange", "-qq", "-an", "vg/a")
	r.update(func(tx *Tx) error { return tx.Activate("a") })
	assert.Equal(t, theirs, r.state())
}

// A volume that becomes read-only while a file system on it is mounted loses
// nothing of what was written there.
func TestKernelReadOnlyWhileMounted(t *testing.T) {
	umltest.NeedTool(t, "mkfs.ext4")
	r, _ := kernelGroup(t, 1, create(LVSpec{Name: "a", Size: ExtentCount(8)}))
	umltest.Run(t, "mkfs.ext4", "-q", "/dev/vg/a")
	dir := t.TempDir()
	umltest.Run(t, "mount", "/dev/vg/a", dir)
	content := bytes.Repeat([]byte("dirty"), 100_000)
	require.NoError(t, os.WriteFile(dir+"/file", content, 0o600)) // not on the disk yet
	r.update(func(tx *Tx) error { return tx.SetLVReadOnly("a", true) })
	umltest.Run(t, "umount", dir)
	r.update(func(tx *Tx) error { return tx.SetLVReadOnly("a", false) })
	umltest.Run(t, "mount", "/dev/vg/a", dir)
	got, err := os.ReadFile(dir + "/file")
	umltest.Run(t, "umount", dir)
	require.NoError(t, err)
	assert.True(t, bytes.Equal(content, got))
}
