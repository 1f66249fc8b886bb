package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/umltest"
)

// replaceLVM2 puts this program in the place of lvm2's until the test ends, so that
// whatever somebody calls as lvm, by whatever path, is this.
func replaceLVM2(t *testing.T) (path string) {
	t.Helper()
	theirs, err := filepath.EvalSymlinks(umltest.NeedTool(t, "lvm"))
	require.NoError(t, err)
	self, err := os.Executable()
	require.NoError(t, err)
	umltest.Run(t, "mount", "--bind", self, theirs)
	t.Cleanup(func() { umltest.Run(t, "umount", theirs) })
	require.Contains(t, umltest.Run(t, theirs, "version"), "lvm-go")
	return theirs
}

// sizeOf returns the size of a volume in KiB, as lvs says it.
func sizeOf(t *testing.T, lvm, lv string) string {
	t.Helper()
	return strings.TrimSpace(umltest.Run(t, lvm, "lvs", "--noheadings", "--nosuffix", "--units", "k", "-o", "lv_size", lv))
}

// fsadm of lvm2 grows and shrinks a volume with its file system, which it has this
// program do, and blkdeactivate unmounts it and takes its group down.
func TestKernelProgramsOfLVM2(t *testing.T) {
	umltest.NeedKernel(t)
	fsadm, blkdeactivate := umltest.NeedTool(t, "fsadm"), umltest.NeedTool(t, "blkdeactivate")
	mkfs := umltest.NeedTool(t, "mkfs.ext4")
	device, _ := umltest.Loop(t, 64<<20)
	lvm := replaceLVM2(t)
	umltest.Run(t, lvm, "vgcreate", "vg", device)
	umltest.Run(t, lvm, "lvcreate", "-y", "-L", "16m", "-n", "data", "vg")
	umltest.Run(t, mkfs, "-q", "/dev/vg/data")
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	umltest.Run(t, "mount", "/dev/vg/data", dir)
	t.Cleanup(func() { _ = exec.Command("umount", dir).Run() })
	require.NoError(t, os.WriteFile(file, []byte("kept"), 0o644))

	umltest.Run(t, fsadm, "-l", "resize", "/dev/vg/data", "24M")
	assert.Equal(t, "24576.00", sizeOf(t, lvm, "vg/data"))
	umltest.Run(t, "umount", dir)
	umltest.Run(t, fsadm, "-y", "-l", "resize", "vg/data", "12M")
	assert.Equal(t, "12288.00", sizeOf(t, lvm, "vg/data"))
	umltest.Run(t, fsadm, "-f", "check", "/dev/vg/data")
	umltest.Run(t, "mount", "/dev/vg/data", dir)
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, "kept", string(text))

	umltest.Run(t, blkdeactivate, "-u", "-l", "wholevg", "/dev/vg/data")
	assert.NoFileExists(t, file)
	assert.NotContains(t, umltest.Run(t, "dmsetup", "ls"), "vg-data")
}

// The rules that udev has from the distribution activate a group as its last disk
// appears: here their command lines are run, as udev would, one disk after the other.
func TestKernelUdevRules(t *testing.T) {
	umltest.NeedKernel(t)
	lvm := umltest.NeedTool(t, "lvm")
	rules, err := os.ReadFile("/lib/udev/rules.d/69-lvm.rules")
	require.NoError(t, err, "is in the package of lvm2")
	scan := regexp.MustCompile(`IMPORT\{program\}="\S+/lvm (pvscan [^"]*)"`).FindSubmatch(rules)
	activate := regexp.MustCompile(`RUN\+="\S+/lvm (vgchange [^"]*)"`).FindSubmatch(rules)
	require.NotNil(t, scan)
	require.NotNil(t, activate)
	first, _ := umltest.Loop(t, 32<<20)
	second, file := umltest.Loop(t, 32<<20)
	require.NoError(t, os.RemoveAll("/run/lvm/vgs_online"))
	replaceLVM2(t)
	umltest.Run(t, lvm, "vgcreate", "vg", first, second)
	umltest.Run(t, lvm, "lvcreate", "-an", "-Zn", "-l1", "-n", "data", "vg")
	event := func(device string) string {
		// The guest has no udev, and its lvm.conf says so.
		words := strings.Fields(strings.ReplaceAll(string(scan[1]), "$env{DEVNAME}", device))
		var out, errs bytes.Buffer
		cmd := exec.Command(lvm, append(words, "--config", "global/event_activation=1")...)
		cmd.Stdout, cmd.Stderr = &out, &errs
		require.NoError(t, cmd.Run(), errs.String())
		return out.String()
	}

	umltest.Run(t, "losetup", "-d", second)
	assert.Equal(t, "LVM_VG_NAME_INCOMPLETE='vg'\n", event(first))
	umltest.Run(t, "losetup", second, file)
	assert.Equal(t, "LVM_VG_NAME_COMPLETE='vg'\n", event(second))
	assert.Empty(t, event(first), "who came first activates it")
	words := strings.Fields(strings.ReplaceAll(string(activate[1]), "$env{LVM_VG_NAME_COMPLETE}", "vg"))
	umltest.Run(t, lvm, words...)
	assert.NotContains(t, umltest.Run(t, "dmsetup", "ls"), "vg-data", "the guest's lvm.conf says that events activate nothing")
	umltest.Run(t, lvm, append(words, "--config", "global/event_activation=1")...)
	assert.Contains(t, umltest.Run(t, "dmsetup", "ls"), "vg-data")
	umltest.Run(t, lvm, "vgremove", "-f", "vg")
}
