package lvm

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/umltest"
	"github.com/lvm-go/lvm/units"
)

// guestLoop sets up a loop device with options of losetup.
func guestLoop(t *testing.T, size int, options ...string) (device, file string) {
	t.Helper()
	file = testImage(t, size)
	device = strings.TrimSpace(umltest.Run(t, "losetup", append(options, "-f", "--show", file)...))
	t.Cleanup(func() { umltest.Run(t, "losetup", "-d", device) })
	return device, file
}

func TestKernelBlockDevice(t *testing.T) {
	umltest.NeedKernel(t)
	for _, blockSize := range []int{512, 4096} {
		t.Run(fmt.Sprint(blockSize), func(t *testing.T) {
			const size = 4 << 20
			path, file := guestLoop(t, size, "-b", fmt.Sprint(blockSize))
			d, err := openFileDevice(path, true)
			require.NoError(t, err)
			defer d.Close()
			require.NotNil(t, d.(*blockDevice).direct, "not opened with O_DIRECT")
			facts := factsOf(d)
			assert.True(t, facts.block)
			assert.False(t, facts.readOnly)
			assert.EqualValues(t, blockSize, facts.blockSize)
			assert.EqualValues(t, 7, facts.number.major)
			assert.GreaterOrEqual(t, facts.topology.minimumIO, units.Bytes(blockSize))
			length, err := d.Size()
			require.NoError(t, err)
			assert.EqualValues(t, size, length)

			want := bytes.Repeat([]byte{7}, size)
			for _, r := range []struct{ off, length int }{
				{0, 1}, {511, 2}, {4096, 4096}, {5000, 3}, {8191, 4098}, {100, 2<<20 + 77}, {size - 1, 1}, {size, 0},
			} {
				data := bytes.Repeat([]byte{byte(r.off + r.length)}, r.length)
				n, err := d.WriteAt(data, int64(r.off))
				require.NoError(t, err)
				require.Equal(t, r.length, n)
				copy(want[r.off:], data)
			}
			require.NoError(t, d.Sync())
			got := make([]byte, size-3)
			_, err = d.ReadAt(got, 3)
			require.NoError(t, err)
			assert.True(t, bytes.Equal(want[3:], got))
			n, err := d.ReadAt(got[:10], size-4)
			assert.Equal(t, io.EOF, err)
			assert.Equal(t, 4, n)
			_, err = d.ReadAt(got[:1], -1)
			assert.ErrorIs(t, err, os.ErrInvalid)
			_, err = d.WriteAt([]byte{1, 2}, size-1)
			assert.ErrorIs(t, err, io.ErrShortWrite)
			onDisk, err := os.ReadFile(file)
			require.NoError(t, err)
			assert.True(t, bytes.Equal(want, onDisk))
		})
	}
}

// The page cache keeps what it has; what is on the device is what counts.
func TestKernelBlockDeviceSeesOthersWrites(t *testing.T) {
	umltest.NeedKernel(t)
	path, _ := guestLoop(t, 1<<20)
	ours, err := openFileDevice(path, true)
	require.NoError(t, err)
	defer ours.Close()
	theirs, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	defer theirs.Close()
	p := make([]byte, 3)
	for i := range 3 {
		mark := fmt.Appendf(nil, "%03d", i)
		_, err = theirs.WriteAt(mark, 700)
		require.NoError(t, err)
		_, err = ours.ReadAt(p, 700)
		require.NoError(t, err)
		assert.Equal(t, mark, p)
		mark[0] = 'x'
		_, err = ours.WriteAt(mark, 700)
		require.NoError(t, err)
		_, err = theirs.ReadAt(p, 700)
		require.NoError(t, err)
		assert.Equal(t, mark, p)
	}
}

func TestKernelReadOnlyDevice(t *testing.T) {
	umltest.NeedKernel(t)
	path, _ := guestLoop(t, 1<<20, "-r")
	d, err := openFileDevice(path, false)
	require.NoError(t, err)
	defer d.Close()
	assert.True(t, factsOf(d).readOnly)
	if w, err := openFileDevice(path, true); err == nil {
		defer w.Close()
		assert.True(t, factsOf(w).readOnly)
		_, err = w.WriteAt([]byte{1}, 0)
		assert.Error(t, err)
	}
}

func TestKernelDeviceInUse(t *testing.T) {
	umltest.NeedKernel(t)
	dir := t.TempDir()
	for _, tt := range []struct {
		name  string
		begin func(path string)
		end   func(path string)
		user  string
	}{
		{
			"mounted", func(path string) {
				umltest.Run(t, "mkfs.ext4", "-q", path)
				umltest.Run(t, "mount", path, dir)
			},
			func(string) { umltest.Run(t, "umount", dir) }, "mounted at " + dir,
		},
		{
			"held", func(path string) {
				umltest.Run(t, "dmsetup", "create", "edgeheld", "--table", "0 8 linear "+path+" 0")
			},
			func(string) { umltest.Run(t, "dmsetup", "remove", "--retry", "edgeheld") }, "held by dm-",
		},
		{
			"swap", func(path string) {
				umltest.Run(t, "mkswap", path)
				umltest.Run(t, "swapon", path)
			},
			func(path string) { umltest.Run(t, "swapoff", path) }, "swap",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path, _ := guestLoop(t, 8<<20)
			free := func() {
				user, err := deviceBusy(path)
				require.NoError(t, err)
				assert.Empty(t, user)
				d, err := openDevice(path, openMode{write: true, exclusive: true})
				require.NoError(t, err)
				require.NoError(t, d.Close())
			}
			free()
			tt.begin(path)
			user, err := deviceBusy(path)
			assert.NoError(t, err)
			assert.Contains(t, user, tt.user)
			_, err = openDevice(path, openMode{write: true, exclusive: true})
			assert.ErrorIs(t, err, ErrBusy)
			var failed *DeviceError
			assert.ErrorAs(t, err, &failed)
			tt.end(path)
			free()
		})
	}
}

func TestKernelPartition(t *testing.T) {
	umltest.NeedKernel(t)
	path, _ := guestLoop(t, 8<<20, "-P")
	cmd := umltest.Run(t, "sh", "-c", "echo 2048,2048 | sfdisk -q "+path+" && cat /sys/block/"+strings.TrimPrefix(path, "/dev/")+"/"+strings.TrimPrefix(path, "/dev/")+"p1/dev")
	var number deviceNumber
	_, err := fmt.Sscanf(cmd, "%d:%d", &number.major, &number.minor)
	require.NoError(t, err)
	assert.EqualValues(t, 512, readTopology(sysfsRoot, number).minimumIO)

	// The disk is not taken while it has partitions, whatever is to be wiped.
	names, err := devicePartitions(path)
	require.NoError(t, err)
	assert.Len(t, names, 1)
	sys := openKernel(t, []string{path})
	create := func(tx *Tx) error { return tx.CreatePV(PVSpec{Device: path, WipeSignatures: true, Force: true}) }
	head := make([]byte, 4096)
	read := func() string {
		d, err := openFileDevice(path, false)
		require.NoError(t, err)
		_, err = d.ReadAt(head, 0)
		require.NoError(t, err)
		require.NoError(t, d.Close())
		return string(head)
	}
	before := read()
	require.ErrorIs(t, sys.Update(context.Background(), "", create), ErrBusy)
	require.Equal(t, before, read())
	umltest.Run(t, "partx", "-d", path)
	require.NoError(t, sys.Update(context.Background(), "", create))
}
