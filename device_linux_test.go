package lvm

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/lvm-go/lvm/units"
)

// To open a fifo waits for its other end.
func TestOpenFifo(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "fifo")
	require.NoError(t, unix.Mkfifo(path, 0o600))
	done := make(chan error, 2)
	go func() {
		_, err := openFileDevice(path, false)
		done <- err
		_, err = newLocker("").lockImages(t.Context(), []string{path}, false)
		done <- err
	}()
	for range 2 {
		select {
		case err := <-done:
			require.ErrorIs(t, err, ErrUnsupported)
		case <-time.After(10 * time.Second):
			require.Fail(t, "still waiting")
		}
	}
}

// fakeTree makes files of the given texts; one that ends in "->" is a link.
func fakeTree(t *testing.T, files map[string]string) string {
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	return root
}

func link(t *testing.T, root, target, name string) {
	path := filepath.Join(root, name)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.Symlink(target, path))
}

func TestReadTopology(t *testing.T) {
	t.Parallel()
	root := fakeTree(t, map[string]string{
		"devices/pci/sda/queue/minimum_io_size":     "4096\n",
		"devices/pci/sda/queue/optimal_io_size":     "1048576\n",
		"devices/pci/sda/alignment_offset":          "-1\n",
		"devices/pci/sda/sda1/partition":            "1\n",
		"devices/pci/sda/sda1/alignment_offset":     "3584\n",
		"devices/virtual/md0/queue/optimal_io_size": "junk\n",
		"devices/virtual/md0/md/level":              "raid5\n",
		"devices/virtual/md0/md/raid_disks":         "4 (3)\n",
		"devices/virtual/md0/md/chunk_size":         "65536\n",
		"devices/virtual/md0/md0p1/partition":       "1\n",
	})
	link(t, root, "../../devices/pci/sda", "dev/block/8:0")
	link(t, root, "../../devices/pci/sda/sda1", "dev/block/8:1")
	link(t, root, "../../devices/virtual/md0", "dev/block/9:0")
	link(t, root, "../../devices/virtual/md0/md0p1", "dev/block/259:0")
	for number, want := range map[deviceNumber]topology{
		{8, 0}:   {minimumIO: 4096, optimalIO: units.MiB},
		{8, 1}:   {minimumIO: 4096, optimalIO: units.MiB, alignmentOffset: 3584},
		{9, 0}:   {mdStripeWidth: 3 * 64 * units.KiB},
		{259, 0}: {mdStripeWidth: 3 * 64 * units.KiB},
		{7, 7}:   {},
	} {
		assert.Equal(t, want, readTopology(root, number), number)
	}
}

func TestMDStripeWidth(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		level, disks, layout, chunk string
		want                        units.Bytes
	}{
		{"raid0", "3", "0", "65536", 3 << 16},
		{"raid4", "3", "0", "65536", 2 << 16},
		{"raid6", "6", "2", "65536", 4 << 16},
		{"raid10", "4", "258", "65536", 2 << 16}, // two near copies
		{"raid10", "4", "513", "65536", 2 << 16}, // two far ones
		{"raid10", "5", "258", "65536", 2 << 16},
		{"raid10", "4", "0", "65536", 0},
		{"raid1", "2", "0", "65536", 0},
		{"linear", "2", "0", "65536", 0},
		{"raid6", "2", "0", "65536", 0},
		{"raid0", "3", "0", "-65536", 0},
		{"raid0", "9223372036854775807", "0", "65536", 0},
		{"raid0", "2", "0", "9223372036854775807", 0},
		{"raid0", "99999999999999999999", "0", "65536", 0},
	} {
		root := fakeTree(t, map[string]string{
			"md/level": tt.level + "\n", "md/raid_disks": tt.disks + "\n",
			"md/layout": tt.layout + "\n", "md/chunk_size": tt.chunk + "\n",
		})
		assert.Equal(t, tt.want, mdStripeWidth(root), tt)
	}
}

func TestFindUser(t *testing.T) {
	t.Parallel()
	sysfs := fakeTree(t, map[string]string{
		"dev/block/8:0/size": "1", "dev/block/8:1/holders/dm-3/x": "", "dev/block/8:2/size": "1",
	})
	proc := fakeTree(t, map[string]string{
		"self/mountinfo": "22 1 0:21 / /proc rw - proc proc rw\n" +
			"short line\n" +
			`36 35 8:2 / /mnt/a\040b rw,noatime master:1 - ext3 /dev/root rw` + "\n",
		"swaps": "Filename\tType\tSize\tUsed\tPriority\n/dev/none partition 1 0 -2\n",
	})
	for number, want := range map[deviceNumber]string{
		{8, 0}: "", {8, 1}: "held by dm-3", {8, 2}: "mounted at /mnt/a b",
	} {
		got, err := findUser(sysfs, proc, number)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	_, err := findUser(sysfs, proc, deviceNumber{99, 0})
	assert.ErrorIs(t, err, os.ErrNotExist)
	_, err = findUser(sysfs, sysfs, deviceNumber{8, 0})
	assert.ErrorIs(t, err, os.ErrNotExist)
}

func TestDeviceBusyOfFile(t *testing.T) {
	t.Parallel()
	user, err := deviceBusy(testImage(t, 512))
	require.NoError(t, err)
	assert.Empty(t, user)
	_, err = deviceBusy(filepath.Join(t.TempDir(), "none"))
	assert.ErrorIs(t, err, os.ErrNotExist)
}

func TestUnescapeMount(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"": "", "/a": "/a", `/a\040b`: "/a b", `\134`: `\`, `/a\04`: `/a\04`, `/a\999`: `/a\999`, `\\`: `\\`,
	} {
		assert.Equal(t, want, unescapeMount(text))
	}
}
