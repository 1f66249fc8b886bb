package lvm

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
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

// resizeRun is a volume vg/data with a file system, in a guest.
type resizeRun struct {
	*interopRun
	sums map[string][32]byte
}

const resizeDev = "/dev/vg/data"

// newResizeRun makes the volume. mkfs gets the device as its last argument; with
// none the volume stays blank.
func newResizeRun(t *testing.T, size Bytes, mkfs ...string) *resizeRun {
	t.Helper()
	r := &resizeRun{interopRun: newInteropRun(t, scenario{vg: "vg", sizes: []int64{400 << 20, 400 << 20}})}
	r.update(func(tx *Tx) error {
		if err := tx.CreateVG(VGSpec{PVs: r.dev}); err != nil {
			return err
		}
		_, err := tx.CreateLV(LVSpec{Name: "data", Size: ExactSize(size)})
		return err
	})
	if len(mkfs) > 0 {
		umltest.Run(t, mkfs[0], append(mkfs[1:], resizeDev)...)
	}
	return r
}

// mount mounts the volume until the end of the test, or until unmount.
func (r *resizeRun) mount(options ...string) string {
	r.Helper()
	dir := r.TempDir()
	umltest.Run(r, "mount", append(options, resizeDev, dir)...)
	r.Cleanup(func() {
		if r.Failed() {
			_ = exec.Command("umount", "-l", dir).Run()
		}
	})
	return dir
}

// fill puts files with checksums into a directory.
func (r *resizeRun) fill(dir string, files int) {
	r.Helper()
	r.sums = map[string][32]byte{}
	for i := range files {
		data := make([]byte, 300_000)
		_, _ = rand.NewChaCha8([32]byte{byte(i)}).Read(data)
		name := fmt.Sprint(i)
		require.NoError(r, writeFileSync(filepath.Join(dir, name), data))
		r.sums[name] = sha256.Sum256(data)
	}
}

// verify reads the files again.
func (r *resizeRun) verify(dir string) {
	r.Helper()
	sums := map[string][32]byte{}
	for name, sum := range r.sums {
		sums[filepath.Join(dir, name)] = sum
	}
	verifyFiles(r.T, sums)
}

// filled makes files on the volume while nobody looks, and unmounts it.
func (r *resizeRun) filled(files int) *resizeRun {
	r.Helper()
	dir := r.mount()
	r.fill(dir, files)
	umltest.Run(r, "umount", dir)
	return r
}

// verified mounts the volume, reads the files and unmounts it.
func (r *resizeRun) verified() {
	r.Helper()
	dir := r.mount()
	r.verify(dir)
	umltest.Run(r, "umount", dir)
}

func (r *resizeRun) fs() FileSystem {
	r.Helper()
	fs, err := r.sys.FileSystem(context.Background(), "vg", "data")
	require.NoError(r, err)
	require.NotNil(r, fs)
	return *fs
}

func (r *resizeRun) size() Bytes {
	r.Helper()
	vg, err := r.sys.VG(context.Background(), "vg")
	require.NoError(r, err)
	lv, err := vg.LV("data")
	require.NoError(r, err)
	return lv.Size()
}

func (r *resizeRun) resized(lv, fs Bytes) {
	r.Helper()
	assert.Equal(r, lv, r.size(), "volume")
	assert.Equal(r, fs, r.fs().Size, "file system")
}

func (r *resizeRun) extend(to Bytes) error {
	return r.sys.Update(context.Background(), "vg", func(tx *Tx) error {
		return tx.ExtendLV("data", ExtendSpec{To: ExactSize(to), ResizeFS: true})
	})
}

func (r *resizeRun) reduce(to Bytes) error {
	return r.sys.Update(context.Background(), "vg", func(tx *Tx) error {
		return tx.ReduceLV("data", ReduceSpec{To: ExactSize(to), ResizeFS: true})
	})
}

// refused checks that a refusal changes nothing on disk or in the kernel.
func (r *resizeRun) refused(kind error, do func() error) {
	r.Helper()
	look := func() string {
		head := make([]byte, 1<<20)
		f, err := openFileDevice(resizeDev, false)
		require.NoError(r, err)
		_, err = f.ReadAt(head, 0)
		require.NoError(r, err)
		require.NoError(r, f.Close())
		return fmt.Sprintf("%s %x", r.state(), sha256.Sum256(head))
	}
	before := look()
	err := do()
	require.ErrorIs(r, err, kind)
	var failed *ApplyError
	require.NotErrorAs(r, err, &failed)
	require.Equal(r, before, look())
}

// tools lets the library see only these tools, which are scripts.
func (r *resizeRun) tools(scripts map[string]string) {
	r.Helper()
	dir := r.TempDir()
	for name, script := range scripts {
		require.NoError(r, os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script), 0o755))
	}
	r.sys.fs = realFS{toolDirs: []string{dir}}
}

func TestKernelResizeFS(t *testing.T) {
	umltest.NeedKernel(t)
	for _, tool := range []string{"lvm", "mkfs.ext4", "mkfs.xfs", "mkfs.btrfs", "mkswap"} {
		umltest.NeedTool(t, tool)
	}
	ext := []string{"mkfs.ext4", "-q", "-L", "root fs"}
	xfs := []string{"mkfs.xfs", "-q", "-L", "xlabel"}
	btrfs := []string{"mkfs.btrfs", "-q", "-L", "btrlabel"}
	fsck := func(t *testing.T) { umltest.Run(t, "e2fsck", "-fn", resizeDev) }

	t.Run("ext4 mounted grows under a writer", func(t *testing.T) {
		r := newResizeRun(t, 64*MiB, ext...)
		dir := r.mount()
		w := startWriter(t, filepath.Join(dir, "files"))
		w.wait(10)
		fs := r.fs()
		assert.True(t, fs.Mounted)
		assert.Equal(t, []string{dir}, fs.MountPoints)
		assert.Equal(t, "root fs", fs.Label)
		assert.Equal(t, strings.TrimSpace(umltest.Run(t, "blkid", "-p", "-o", "value", "-s", "UUID", resizeDev)), fs.UUID)
		r.tools(nil)
		require.NoError(t, r.extend(160*MiB))
		w.wait(10)
		require.NoError(t, r.extend(200*MiB))
		w.wait(10)
		w.stop()
		assert.Greater(t, diskSizeOf(t, dir), uint64(170*MiB))
		verifyFiles(t, w.sums())
		r.refused(ErrBusy, func() error { return r.reduce(64 * MiB) })
		umltest.Run(t, "umount", dir)
		fsck(t)
		r.resized(200*MiB, 200*MiB)
		r.ask(true)
	})

	t.Run("ext4 unmounted, both ways", func(t *testing.T) {
		r := newResizeRun(t, 64*MiB, ext...).filled(20)
		require.NoError(t, r.extend(128*MiB))
		r.resized(128*MiB, 128*MiB)
		require.NoError(t, r.reduce(40*MiB))
		r.resized(40*MiB, 40*MiB)
		fsck(t)
		r.refused(ErrInvalidSize, func() error { return r.reduce(8 * MiB) })
		r.verified()
		// Without tools it grows through a mount that nobody sees, and does not shrink.
		real := r.sys.fs
		r.tools(nil)
		r.refused(ErrUnsupported, func() error { return r.reduce(36 * MiB) })
		require.NoError(t, r.extend(80*MiB))
		fsck(t)
		r.resized(80*MiB, 80*MiB)
		r.sys.fs = real

		// One that does not fill its volume grows even when that shrinks.
		umltest.Run(t, "resize2fs", "-f", resizeDev, "40M")
		require.NoError(t, r.reduce(60*MiB))
		r.resized(60*MiB, 60*MiB)
		umltest.Run(t, "resize2fs", "-f", resizeDev, "40M")
		require.NoError(t, r.sys.Update(context.Background(), "vg", func(tx *Tx) error { return tx.GrowFS("data") }))
		r.resized(60*MiB, 60*MiB)
		fsck(t)
		r.verified()
		plan, err := r.sys.Plan(context.Background(), "vg", func(tx *Tx) error { return tx.GrowFS("data") })
		require.NoError(t, err)
		assert.True(t, plan.Empty(), plan)

		// Once more in one update with another name; in the end it is as large as
		// its volume, and was never larger.
		require.NoError(t, r.sys.Update(context.Background(), "vg", func(tx *Tx) error {
			return joinErrors(
				tx.ReduceLV("data", ReduceSpec{To: ExactSize(36 * MiB), ResizeFS: true}),
				tx.RenameLV("data", "new"),
				tx.ExtendLV("new", ExtendSpec{To: ExactSize(100 * MiB), ResizeFS: true}))
		}))
		require.NoError(t, r.sys.Update(context.Background(), "vg", func(tx *Tx) error { return tx.RenameLV("new", "data") }))
		r.resized(100*MiB, 100*MiB)
		fsck(t)
		r.verified()

		r.update(func(tx *Tx) error { return tx.Deactivate("data") })
		err = r.extend(120 * MiB)
		require.ErrorIs(t, err, ErrNotActive)
		r.resized(100*MiB, 100*MiB)
		r.update(func(tx *Tx) error { return tx.Activate("data") })
		r.ask(true)
	})

	t.Run("ext4 whose tools fail", func(t *testing.T) {
		r := newResizeRun(t, 64*MiB, ext...).filled(10)
		before := r.state()
		for _, scripts := range []map[string]string{
			{"e2fsck": "echo broken; exit 4", "resize2fs": "exit 1"},
			{"e2fsck": "exit 1", "resize2fs": `[ "$1" = -P ] && exit 1; exec /usr/sbin/resize2fs "$1" nonsense`},
			{"e2fsck": "kill -9 $$", "resize2fs": "exit 1"},
		} {
			r.tools(scripts)
			var failed *ApplyError
			var tool *ToolError
			err := r.reduce(32 * MiB)
			require.ErrorAs(t, err, &failed)
			require.ErrorAs(t, err, &tool)
			assert.False(t, failed.Committed)
			require.Equal(t, before, r.state())
		}
		r.tools(map[string]string{"e2fsck": "exit 0", "resize2fs": "echo no luck; exit 3"})
		var failed *ApplyError
		err := r.extend(80 * MiB)
		require.ErrorAs(t, err, &failed)
		assert.True(t, failed.Committed)
		r.resized(80*MiB, 64*MiB)
		r.sys.fs = newRealFS()
		require.NoError(t, r.sys.Update(context.Background(), "vg", func(tx *Tx) error { return tx.GrowFS("data") }))
		r.resized(80*MiB, 80*MiB)
		fsck(t)
		r.verified()
	})

	t.Run("ext2 mounted by its own driver", func(t *testing.T) {
		r := newResizeRun(t, 64*MiB, "mkfs.ext2", "-q")
		dir := r.mount("-t", "ext2")
		r.refused(ErrUnsupported, func() error { return r.extend(80 * MiB) })
		umltest.Run(t, "umount", dir)
	})

	t.Run("xfs", func(t *testing.T) {
		r := newResizeRun(t, 304*MiB, xfs...).filled(20)
		require.NoError(t, r.extend(352*MiB))
		r.resized(352*MiB, 352*MiB)
		umltest.Run(t, "xfs_repair", "-n", resizeDev)
		r.refused(ErrUnsupported, func() error { return r.reduce(320 * MiB) })
		dir := r.mount()
		r.refused(ErrUnsupported, func() error { return r.reduce(320 * MiB) })
		// A bind mount with a space in its name, and only that.
		odd := filepath.Join(t.TempDir(), "a b\tc")
		require.NoError(t, os.Mkdir(odd, 0o755))
		umltest.Run(t, "mount", "--bind", dir, odd)
		umltest.Run(t, "umount", dir)
		fs := r.fs()
		assert.Equal(t, []string{odd}, fs.MountPoints)
		assert.Equal(t, "xlabel", fs.Label)
		assert.Equal(t, strings.TrimSpace(umltest.Run(t, "blkid", "-p", "-o", "value", "-s", "UUID", resizeDev)), fs.UUID)
		w := startWriter(t, filepath.Join(odd, "files"))
		w.wait(5)
		require.NoError(t, r.extend(400*MiB))
		w.wait(5)
		require.NoError(t, r.extend(416*MiB))
		w.wait(5)
		w.stop()
		verifyFiles(t, w.sums())
		r.verify(odd)
		umltest.Run(t, "mount", "-o", "remount,ro", odd)
		r.refused(ErrReadOnly, func() error { return r.extend(440 * MiB) })
		umltest.Run(t, "umount", odd)
		r.resized(416*MiB, 416*MiB)
		umltest.Run(t, "xfs_repair", "-n", resizeDev)
		r.verified()
		r.ask(true)
	})

	t.Run("mounted where we do not see it", func(t *testing.T) {
		r := newResizeRun(t, 64*MiB, ext...)
		dir := r.mount()
		r.fill(dir, 10)
		hold := exec.Command("unshare", "-m", "--propagation", "private", "sh", "-c", "echo ready; read x || true")
		in, err := hold.StdinPipe()
		require.NoError(t, err)
		out, err := hold.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, hold.Start())
		_, err = out.Read(make([]byte, 6))
		require.NoError(t, err)
		umltest.Run(t, "umount", dir)
		fs := r.fs()
		assert.True(t, fs.Mounted)
		assert.Empty(t, fs.MountPoints)
		require.NoError(t, r.extend(96*MiB))
		r.refused(ErrBusy, func() error { return r.reduce(64 * MiB) })
		require.NoError(t, in.Close())
		require.NoError(t, hold.Wait())
		r.resized(96*MiB, 96*MiB)
		fsck(t)
		r.verified()

		// Below another mount, and by a single file of it.
		dir = r.mount()
		umltest.Run(t, "mount", "-t", "tmpfs", "none", dir)
		assert.Empty(t, r.fs().MountPoints)
		require.NoError(t, r.extend(100*MiB))
		umltest.Run(t, "umount", dir)
		file := filepath.Join(t.TempDir(), "file")
		require.NoError(t, os.WriteFile(file, nil, 0o644))
		umltest.Run(t, "mount", "--bind", filepath.Join(dir, "0"), file)
		umltest.Run(t, "umount", dir)
		assert.Equal(t, []string{file}, r.fs().MountPoints)
		require.NoError(t, r.extend(104*MiB))
		umltest.Run(t, "umount", file)
		r.resized(104*MiB, 104*MiB)
		fsck(t)
		r.verified()
	})

	t.Run("in use without a mount", func(t *testing.T) {
		r := newResizeRun(t, 64*MiB, ext...)
		f, err := os.Open(resizeDev)
		require.NoError(t, err)
		r.refused(ErrBusy, func() error { return r.extend(80 * MiB) })
		require.NoError(t, f.Close())
		require.NoError(t, r.extend(80*MiB))
	})

	t.Run("btrfs", func(t *testing.T) {
		r := newResizeRun(t, 320*MiB, btrfs...).filled(20)
		require.NoError(t, r.extend(400*MiB))
		r.resized(400*MiB, 400*MiB)
		require.NoError(t, r.reduce(360*MiB))
		r.resized(360*MiB, 360*MiB)
		umltest.Run(t, "btrfs", "check", "--readonly", resizeDev)
		dir := r.mount()
		assert.Equal(t, []string{dir}, r.fs().MountPoints)
		assert.Equal(t, "btrlabel", r.fs().Label)
		w := startWriter(t, filepath.Join(dir, "files"))
		w.wait(5)
		require.NoError(t, r.extend(480*MiB))
		w.wait(5)
		require.NoError(t, r.reduce(320*MiB))
		w.wait(5)
		w.stop()
		verifyFiles(t, w.sums())
		r.refused(ErrInvalidSize, func() error { return r.reduce(200 * MiB) })
		r.verify(dir)
		umltest.Run(t, "umount", dir)
		umltest.Run(t, "btrfs", "check", "--readonly", resizeDev)
		r.resized(320*MiB, 320*MiB)
		r.verified()
		r.ask(true)
	})

	t.Run("swap", func(t *testing.T) {
		r := newResizeRun(t, 64*MiB, "mkswap", "-L", "swapping")
		before := r.fs()
		assert.Equal(t, "swapping", before.Label)
		require.NoError(t, r.extend(128*MiB))
		r.resized(128*MiB, 128*MiB)
		umltest.Run(t, "swapon", resizeDev)
		assert.Contains(t, umltest.Run(t, "cat", "/proc/swaps"), fmt.Sprint(128<<10-4))
		r.refused(ErrBusy, func() error { return r.extend(160 * MiB) })
		r.refused(ErrBusy, func() error { return r.reduce(64 * MiB) })
		umltest.Run(t, "swapoff", resizeDev)
		require.NoError(t, r.reduce(32*MiB))
		r.update(func(tx *Tx) error { return tx.Deactivate("data") })
		require.NoError(t, r.extend(48*MiB)) // active or not
		r.update(func(tx *Tx) error { return tx.Activate("data") })
		r.resized(48*MiB, 48*MiB)
		umltest.Run(t, "swapon", resizeDev)
		assert.Contains(t, umltest.Run(t, "cat", "/proc/swaps"), fmt.Sprint(48<<10-4))
		umltest.Run(t, "swapoff", resizeDev)
		assert.Equal(t, before.UUID, r.fs().UUID)
		assert.Equal(t, before.UUID, strings.TrimSpace(umltest.Run(t, "blkid", "-p", "-o", "value", "-s", "UUID", resizeDev)))
		r.ask(true)
	})

	t.Run("what cannot be resized", func(t *testing.T) {
		r := newResizeRun(t, 64*MiB)
		require.NoError(t, r.extend(68*MiB)) // nothing is on it
		r.refused(ErrUnsupported, func() error { return r.reduce(64 * MiB) })
		put := func(at int64, magic string) {
			umltest.Run(t, "dd", "if=/dev/zero", "of="+resizeDev, "bs=1M", "count=68", "conv=fsync")
			require.NoError(t, os.WriteFile(filepath.Join(os.TempDir(), "magic"), []byte(magic), 0o600))
			umltest.Run(t, "dd", "if="+filepath.Join(os.TempDir(), "magic"), "of="+resizeDev, "bs=1", fmt.Sprint("seek=", at), "conv=fsync,notrunc")
		}
		for typ, place := range map[string]struct {
			at    int64
			magic string
		}{"crypto_LUKS": {0, "LUKS\xba\xbe\x00\x01"}, "reiserfs": {64<<10 + 52, "ReIsEr2Fs"}, "LVM2_member": {512, "LABELONE" + strings.Repeat("\x00", 16) + "LVM2 001"}} {
			put(place.at, place.magic)
			require.Equal(t, FileSystem{Type: typ}, r.fs())
			r.refused(ErrUnsupported, func() error { return r.extend(80 * MiB) })
			r.refused(ErrUnsupported, func() error { return r.reduce(40 * MiB) })
		}
	})

	t.Run("xfs larger than the disk says", func(t *testing.T) {
		umltest.NeedTool(t, "xfs_io")
		r := newResizeRun(t, 304*MiB, xfs...)
		dir := r.mount()
		require.NoError(t, r.extend(400*MiB))
		r.fill(dir, 5)
		hold := exec.Command("unshare", "-m", "--propagation", "private", "sh", "-c", "echo ready; read x || true")
		in, err := hold.StdinPipe()
		require.NoError(t, err)
		out, err := hold.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, hold.Start())
		_, err = out.Read(make([]byte, 6))
		require.NoError(t, err)
		umltest.Run(t, "umount", dir)
		r.refused(ErrUnsupported, func() error { return r.reduce(304 * MiB) })
		umltest.Run(t, "mount", resizeDev, dir)
		require.NoError(t, in.Close())
		require.NoError(t, hold.Wait())
		// The machine dies, with the new size in the journal.
		umltest.Run(t, "xfs_io", "-x", "-c", "shutdown -f", dir)
		umltest.Run(t, "umount", dir)
		assert.Equal(t, 304*MiB, r.fs().Size)
		require.ErrorIs(t, r.reduce(304*MiB), ErrUnsupported)
		r.resized(400*MiB, 400*MiB)
		r.verified()
	})

	t.Run("ext4 in use when its machine died", func(t *testing.T) {
		r := newResizeRun(t, 64*MiB, ext...)
		copyTo := func(from, to string) {
			umltest.Run(t, "dd", "if="+from, "of="+to, "bs=1M", "conv=fsync,notrunc")
		}
		dir := r.mount()
		r.fill(dir, 10)
		image := filepath.Join(t.TempDir(), "image")
		copyTo(resizeDev, image)
		umltest.Run(t, "umount", dir)
		copyTo(image, resizeDev)
		require.NoError(t, r.reduce(40*MiB))
		r.resized(40*MiB, 40*MiB)
		fsck(t)
		r.verified()

		require.NoError(t, r.extend(64*MiB))
		copyTo(image, resizeDev)
		r.tools(nil)
		require.NoError(t, r.extend(80*MiB))
		r.resized(80*MiB, 80*MiB)
		fsck(t)
		r.verified()
	})
}

// The same steps by lvm2 end in the same sizes.
func TestKernelResizeFSAsLVM2(t *testing.T) {
	umltest.NeedKernel(t)
	umltest.NeedTool(t, "lvm")
	for _, c := range []struct {
		name  string
		size  Bytes
		mkfs  []string
		mount bool
		to    []Bytes
	}{
		{"ext4", 64 * MiB, []string{"mkfs.ext4", "-q"}, false, []Bytes{132 * MiB, 44 * MiB}},
		{"ext3 with blocks of 1 KiB", 64 * MiB, []string{"mkfs.ext3", "-q", "-b", "1024"}, false, []Bytes{36 * MiB}},
		{"ext4 mounted", 64 * MiB, []string{"mkfs.ext4", "-q"}, true, []Bytes{132 * MiB}},
		{"xfs", 304 * MiB, []string{"mkfs.xfs", "-q"}, false, []Bytes{320 * MiB}},
		{"xfs mounted", 304 * MiB, []string{"mkfs.xfs", "-q"}, true, []Bytes{320 * MiB}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var sizes [2]string
			for who := range sizes {
				t.Run([]string{"us", "lvm2"}[who], func(t *testing.T) {
					r := newResizeRun(t, c.size, c.mkfs...)
					dir := ""
					if c.mount {
						dir = r.mount()
					}
					for _, to := range c.to {
						grow := to > r.size()
						switch {
						case who == 0 && grow:
							require.NoError(t, r.extend(to))
						case who == 0:
							require.NoError(t, r.reduce(to))
						case grow:
							lvm2(t, "lvextend", "-qq", "-r", "-L", fmt.Sprint(uint64(to), "b"), "vg/data")
						default:
							lvm2(t, "lvreduce", "-qq", "-y", "-r", "-L", fmt.Sprint(uint64(to), "b"), "vg/data")
						}
						blocks := ""
						if c.mount {
							blocks = fmt.Sprint(diskSizeOf(t, dir))
						}
						sizes[who] += fmt.Sprintln(r.size(), blocks, r.fs().Size)
					}
					if c.mount {
						umltest.Run(t, "umount", dir)
					}
					if strings.HasPrefix(c.name, "ext") {
						out := umltest.Run(t, "dumpe2fs", "-h", resizeDev)
						sizes[who] += strings.Join(regexp.MustCompile(`(?m)^(Block count|Reserved block count|Inode count|Free blocks):.*$`).FindAllString(out, -1), "\n")
						umltest.Run(t, "e2fsck", "-fn", resizeDev)
					}
				})
			}
			assert.Equal(t, sizes[1], sizes[0])
		})
	}
}
