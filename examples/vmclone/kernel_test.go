package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

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

// thinFarm returns a program that makes clones in the thin pool vms, of an empty
// group with extents of that size, 0 for the usual.
func thinFarm(t *testing.T, extent lvm.Bytes) (command func(args ...string) (string, error), sys *lvm.System) {
	t.Helper()
	umltest.NeedKernel(t)
	umltest.NeedTool(t, "dmsetup")
	umltest.NeedTool(t, "blkdiscard")
	ctx := context.Background()
	disk, _ := umltest.Loop(t, 256<<20)
	sys, err := open(ctx, true, []string{disk})
	require.NoError(t, err)
	require.NoError(t, sys.Update(ctx, "vg0", func(tx *lvm.Tx) error { return tx.CreateVG(lvm.VGSpec{PVs: []string{disk}, ExtentSize: extent}) }))
	t.Cleanup(func() {
		assert.NoError(t, sys.Update(ctx, "vg0", func(tx *lvm.Tx) error { return tx.DeactivateAll() }))
		assert.Equal(t, "No devices found\n", umltest.Run(t, "dmsetup", "ls"))
		assert.NoError(t, sys.Close())
	})
	return func(args ...string) (string, error) {
		var out strings.Builder
		err := run(ctx, &out, append(append([]string{"-vg", "vg0", "-golden", "debian", "-thin", "vms", "-kernel"}, args...), disk))
		return out.String(), err
	}, sys
}

// newImageFile makes a file of 64 MiB, of which 12 MiB are not zero.
func newImageFile(t *testing.T) (path string, data []byte) {
	t.Helper()
	path, data = filepath.Join(scratch(t), "debian.img"), make([]byte, 64<<20)
	rand.NewChaCha8([32]byte{}).Read(data[4<<20 : 16<<20])
	require.NoError(t, os.WriteFile(path, data, 0o600))
	return path, data
}

func writeTo(t *testing.T, name string, data []byte, off int64) {
	t.Helper()
	f, err := os.OpenFile("/dev/vg0/"+name, os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = f.WriteAt(data, off)
	require.NoError(t, err)
	require.NoError(t, f.Sync())
	require.NoError(t, f.Close())
}

// TestKernelThinClonesTakeWhatTheHeaderShows writes in each clone something else, and
// over what it has from the golden image.
func TestKernelThinClonesTakeWhatTheHeaderShows(t *testing.T) {
	command, _ := thinFarm(t, 0)
	image, golden := newImageFile(t)
	clones := []string{"web1", "web2", "db"}
	_, err := command("-image", image, "-clone", "web1,web2,db", "-limit", "300")
	require.NoError(t, err)
	want := map[string][]byte{"debian": golden}
	for i, size := range []int{1 << 20, 3 << 20, 10 << 20} {
		off := []int{40 << 20, 14 << 20, 5 << 20}[i] // beside, across and in what golden holds
		data := bytes.Repeat([]byte{byte(1 + i)}, size)
		writeTo(t, clones[i], data, int64(off))
		want[clones[i]] = bytes.Clone(golden)
		copy(want[clones[i]][off:], data)
	}
	out, err := command()
	require.NoError(t, err)
	header, err := os.ReadFile("main.go")
	require.NoError(t, err)
	assert.Contains(t, string(header), "\n//\n//\t"+strings.ReplaceAll(strings.TrimSuffix(out, "\n"), "\n", "\n//\t")+"\n//\n")
	for name, want := range want {
		got, err := os.ReadFile("/dev/vg0/" + name)
		require.NoError(t, err)
		assert.True(t, bytes.Equal(want, got), name)
	}
	umltest.Run(t, "blkdiscard", "-o", "1048576", "-l", "16777216", "/dev/vg0/db")
	out, err = command()
	require.NoError(t, err)
	assert.Contains(t, out, "/dev/vg0/db    64 MiB  0 B\n", "it differs, but has nothing")
}

// TestKernelWatchExtendsThePool fills a clone while it is watched.
func TestKernelWatchExtendsThePool(t *testing.T) {
	command, sys := thinFarm(t, 0)
	image, _ := newImageFile(t)
	_, err := command("-image", image, "-clone", "web1", "-space", "1")
	require.NoError(t, err)
	writeTo(t, "web1", make([]byte, 48<<20), 0)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	out := cancelOn{&strings.Builder{}, "vms", cancel}
	f := farm{out: out, sys: sys, vg: "vg0", golden: "debian"}
	require.NoError(t, f.watch(ctx))
	assert.Equal(t, "vms: now 88 MiB, and 4 MiB of metadata\n", out.to.String())
	shown, err := command()
	require.NoError(t, err)
	assert.Contains(t, shown, "debian takes 12 MiB, and 60 MiB of 88 MiB in vms are in use.\n")
	writeTo(t, "web1", make([]byte, 16<<20), 48<<20) // more than there was room for
}

// TestKernelWatchExtendsTheMetadata makes many clones, in a pool that is there, and has
// each of them write here and there.
func TestKernelWatchExtendsTheMetadata(t *testing.T) {
	command, sys := thinFarm(t, lvm.MiB)
	require.NoError(t, sys.Update(context.Background(), "vg0", func(tx *lvm.Tx) error {
		_, err := tx.CreateThinPool(lvm.ThinPoolSpec{Name: "vms", Size: lvm.ExactSize(200 * lvm.MiB), MetadataSize: 2 * lvm.MiB})
		return err
	}))
	image := filepath.Join(scratch(t), "debian.img")
	require.NoError(t, os.WriteFile(image, bytes.Repeat([]byte("full"), 16<<20), 0o600))
	var clones []string
	for i := range 90 {
		clones = append(clones, fmt.Sprint("web", i))
	}
	_, err := command("-image", image, "-clone", strings.Join(clones, ","))
	require.NoError(t, err)
	usage := func() lvm.ThinPoolUsage {
		vg, err := sys.VG(context.Background(), "vg0")
		require.NoError(t, err)
		pool, err := vg.LV("vms")
		require.NoError(t, err)
		u, err := pool.ThinPoolUsage()
		require.NoError(t, err)
		return u
	}
	written := 0
	for usage().MetadataPercent() <= 7600 {
		require.Less(t, written, len(clones))
		for at := int64(0); at < 64<<20; at += 6 << 20 {
			writeTo(t, clones[written], bytes.Repeat([]byte{byte(written)}, 64<<10), at)
		}
		written++
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	out := cancelOn{&strings.Builder{}, "vms", cancel}
	f := farm{out: out, sys: sys, vg: "vg0", golden: "debian"}
	require.NoError(t, f.watch(ctx))
	assert.Equal(t, "vms: now 200 MiB, and 3 MiB of metadata\n", out.to.String())
	assert.Equal(t, 3*lvm.MiB, usage().MetadataTotal)
	assert.Equal(t, 200*lvm.MiB, usage().DataTotal, "that was enough")
	for i, name := range clones[:written] {
		got := make([]byte, 64<<10)
		f, err := os.Open("/dev/vg0/" + name)
		require.NoError(t, err)
		_, err = f.ReadAt(got, 60<<20)
		require.NoError(t, err)
		require.NoError(t, f.Close())
		assert.Equal(t, bytes.Repeat([]byte{byte(i)}, 64<<10), got)
	}
}

// TestKernelThinClonesAreRefusedAheadOfAnything finds neither a pool nor a golden image
// when the clones cannot be made.
func TestKernelThinClonesAreRefusedAheadOfAnything(t *testing.T) {
	command, sys := thinFarm(t, 0)
	image, _ := newImageFile(t)
	volumes := func() (names []string) {
		vg, err := sys.VG(context.Background(), "vg0")
		require.NoError(t, err)
		for lv := range vg.LVs() {
			if !lv.Hidden() {
				names = append(names, lv.Name())
			}
		}
		return names
	}
	_, err := command("-image", image, "-clone", "web1,web2,db", "-limit", "200")
	require.ErrorIs(t, err, lvm.ErrNoSpace)
	_, err = command("-image", image, "-clone", "web1,web1")
	require.ErrorIs(t, err, lvm.ErrExists)
	_, err = command("-clone", "web1")
	require.ErrorIs(t, err, lvm.ErrLVNotFound)
	_, err = command("-image", image+".none")
	require.ErrorIs(t, err, os.ErrNotExist)
	assert.Empty(t, volumes())

	_, err = command("-image", image, "-clone", "web1")
	require.NoError(t, err)
	_, err = command("-image", image, "-clone", "web2")
	require.ErrorIs(t, err, lvm.ErrExists)
	_, err = command("-clone", "web2,web3,web4", "-limit", "300")
	require.ErrorIs(t, err, lvm.ErrNoSpace)
	_, err = command("-clone", "web2", "-thin", "other")
	require.ErrorContains(t, err, "is not in a thin pool other")
	_, err = command("-remove", "vms")
	require.ErrorContains(t, err, "is no clone")
	assert.Equal(t, []string{"vms", "debian", "web1"}, volumes())
}

// TestKernelThinCloneAfterADeath goes on where a run was killed that had written half
// of its golden image.
func TestKernelThinCloneAfterADeath(t *testing.T) {
	command, sys := thinFarm(t, 0)
	image, golden := newImageFile(t)
	f := farm{sys: sys, vg: "vg0", golden: "debian", pool: "vms", space: 20, kernel: true}
	require.NoError(t, sys.Update(context.Background(), "vg0", func(tx *lvm.Tx) error { return f.makeBlank(tx, "debian.new", 64*lvm.MiB, 1) }))
	writeTo(t, "debian.new", bytes.Repeat([]byte{1}, 1<<20), 0)
	_, err := command("-image", image, "-clone", "web1")
	require.NoError(t, err)
	got, err := os.ReadFile("/dev/vg0/web1")
	require.NoError(t, err)
	assert.True(t, bytes.Equal(golden, got))
	assert.NoFileExists(t, "/dev/vg0/debian.new")
}

// TestKernelThinClonesMounted mounts all thin clones of a file system at once.
func TestKernelThinClonesMounted(t *testing.T) {
	command, _ := thinFarm(t, 0)
	for _, tool := range []string{"mkfs.ext4", "e2fsck", "mount", "umount", "sha256sum", "lvm"} {
		umltest.NeedTool(t, tool)
	}
	image := filepath.Join(scratch(t), "debian.img")
	require.NoError(t, os.WriteFile(image, nil, 0o600))
	require.NoError(t, os.Truncate(image, 48<<20))
	umltest.Run(t, "mkfs.ext4", "-q", image)
	dir := mount(t, image)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "hostname"), []byte("golden"), 0o600))
	shared := bytes.Repeat([]byte("shared by all. "), 200_000)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "shared"), shared, 0o600))
	umltest.Run(t, "umount", dir)
	before := umltest.Run(t, "sha256sum", image)[:64]

	clones := []string{"web1", "web2", "db"}
	_, err := command("-image", image, "-clone", strings.Join(clones, ","))
	require.NoError(t, err)
	assert.Equal(t, before, umltest.Run(t, "sha256sum", "/dev/vg0/debian")[:64])
	var mounts []string
	for i, name := range clones {
		dir := mount(t, "/dev/vg0/"+name)
		mounts = append(mounts, dir)
		require.NoError(t, os.WriteFile(filepath.Join(dir, "hostname"), []byte(name), 0o600))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "data"), bytes.Repeat([]byte(name), (1+i)<<18), 0o600))
	}
	umltest.Run(t, "sync")
	_, err = command("-remove", "web1,db")
	require.ErrorIs(t, err, lvm.ErrBusy)
	out, err := command("-clone", "late")
	require.NoError(t, err, "while the others are in use")
	t.Log("\n" + out)
	require.NoError(t, checkNames(append(clones, "golden"), append(mounts, mount(t, "/dev/vg0/late"))))
	for i, dir := range mounts {
		got, err := os.ReadFile(filepath.Join(dir, "data"))
		require.NoError(t, err)
		assert.True(t, bytes.Equal(bytes.Repeat([]byte(clones[i]), (1+i)<<18), got))
		got, err = os.ReadFile(filepath.Join(dir, "shared"))
		require.NoError(t, err)
		assert.True(t, bytes.Equal(shared, got))
		umltest.Run(t, "umount", dir)
	}
	umltest.Run(t, "umount", "/dev/vg0/late")
	_, err = command("-remove", "web2")
	require.NoError(t, err)
	for _, name := range []string{"web1", "db", "late"} {
		umltest.Run(t, "e2fsck", "-fn", "/dev/vg0/"+name)
	}
	assert.Equal(t, before, umltest.Run(t, "sha256sum", "/dev/vg0/debian")[:64])
	umltest.Run(t, "lvm", "vgck", "vg0")
	assert.NotContains(t, umltest.Run(t, "lvm", "lvs", "--noheadings", "-o", "lv_skip_activation", "vg0/web1", "vg0/db", "vg0/late"), "skip")
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
	dir := scratch(t)
	umltest.Run(t, "mount", device, dir)
	return dir
}

// scratch returns an empty folder.
func scratch(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp(os.Getenv(guest.EnvScratch), "vmclone-")
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, os.RemoveAll(dir)) })
	return dir
}
