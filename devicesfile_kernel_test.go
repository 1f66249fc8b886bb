package lvm

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/umltest"
)

// devicesFileRun is a devices file that lvm2 and we work on.
type devicesFileRun struct {
	*testing.T
	dir, path string
}

func newDevicesFileRun(t *testing.T) *devicesFileRun {
	dir := confDir(t, "devices { use_devicesfile = 1 }")
	conf, err := ReadLVMConf(dir)
	require.NoError(t, err)
	path, err := conf.DevicesFilePath()
	require.NoError(t, err)
	require.NoError(t, os.Mkdir(filepath.Dir(path), 0o755))
	return &devicesFileRun{t, dir, path}
}

func (r *devicesFileRun) lvm2(args ...string) { lvm2In(r.T, r.dir, args...) }

func (r *devicesFileRun) edit(change func(*DevicesFile) error) {
	r.Helper()
	require.NoError(r, EditDevicesFile(context.Background(), r.path, "", change))
}

// scan returns all devices, looked at without a devices file. What is on logical
// volumes is looked at, too.
func (r *devicesFileRun) scan() []BlockDevice {
	r.Helper()
	o := scanOptions(r.T, "/etc/lvm")
	o.LVs = true
	all, err := ScanBlockDevices(context.Background(), o)
	require.NoError(r, err)
	return all
}

func (r *devicesFileRun) device(path string) BlockDevice {
	r.Helper()
	all := r.scan()
	i := slices.IndexFunc(all, func(d BlockDevice) bool { return slices.Contains(d.Names, path) })
	require.GreaterOrEqual(r, i, 0, path)
	return all[i]
}

func (r *devicesFileRun) add(path string) {
	r.Helper()
	d := r.device(path)
	r.edit(func(f *DevicesFile) error { return f.Add(d, "") })
}

// entries returns those of the file. Everybody sees the same devices by it.
func (r *devicesFileRun) entries() []DevicesEntry {
	r.Helper()
	f, err := ReadDevicesFile(r.path)
	require.NoError(r, err)
	assert.Equal(r, devicesOfLVM2(r.T, r.dir), findSorted(r.T, scanOptions(r.T, r.dir)))
	return f.Entries
}

// What lvm2 writes to the devices file we read, what we write it reads, and both
// write the same.
func TestKernelDevicesFile(t *testing.T) {
	umltest.NeedKernel(t)
	loops := newZoo(t)
	umltest.Run(t, "pvcreate", "-qq", "/dev/mapper/zoolin")
	devices := []string{
		loops[0], loops[1], loops[2], loops[4] + "p1", "/dev/md10", "/dev/md11", "/dev/mapper/zoolin", "/dev/mapper/zooleast",
		"/dev/zoo/lv",
	}
	theirs, ours := newDevicesFileRun(t), newDevicesFileRun(t)
	for _, d := range devices {
		theirs.lvm2("lvmdevices", "--adddev", d)
		ours.add(d)
	}
	require.Len(t, ours.entries(), len(devices))
	assert.Equal(t, theirs.entries(), ours.entries())
	assert.Contains(t, fmt.Sprint(ours.entries()), "lvmlv_uuid")
	listed := lvm2In(t, ours.dir, "lvmdevices")
	assert.NotEmpty(t, listed)
	assert.Equal(t, lvm2In(t, theirs.dir, "lvmdevices"), listed)

	// Each changes what the other wrote.
	theirs.edit(func(f *DevicesFile) error {
		assert.True(t, f.Remove(theirs.device(loops[0])))
		return nil
	})
	ours.lvm2("lvmdevices", "--deldev", loops[0])
	assert.Equal(t, theirs.entries(), ours.entries())
	theirs.lvm2("lvmdevices", "--deldev", "/dev/md10")
	ours.edit(func(f *DevicesFile) error {
		assert.True(t, f.Remove(ours.device("/dev/md10")))
		return nil
	})
	theirs.add(loops[0])
	ours.lvm2("lvmdevices", "--adddev", loops[0])
	assert.Equal(t, theirs.entries(), ours.entries())
	theirs.lvm2("pvcreate", "-qq", loops[0])
	ours.edit(func(f *DevicesFile) error { return f.Add(ours.device(loops[0]), "") })
	assert.Equal(t, theirs.entries(), ours.entries())

	// A group is imported.
	sys := openKernel(t, findSorted(t, scanOptions(t, "/etc/lvm")))
	vg, err := sys.VG(context.Background(), "zoo")
	require.NoError(t, err)
	imported := newDevicesFileRun(t)
	imported.edit(func(f *DevicesFile) error { return f.ImportVG(vg, imported.scan()) })
	byThem := newDevicesFileRun(t)
	byThem.lvm2("vgimportdevices", "zoo")
	assert.Equal(t, byThem.entries(), imported.entries())

	// The lock is lvm2's.
	holder := exec.Command("flock", "/run/lock/lvm/D_system.devices", "cat")
	release, err := holder.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, holder.Start())
	require.Eventually(t, func() bool {
		f, err := os.OpenFile("/run/lock/lvm/D_system.devices", os.O_RDWR, 0)
		require.NoError(t, err)
		defer f.Close()
		got, err := tryFlock(f, true)
		return err == nil && !got
	}, lockPatience, 5*time.Millisecond)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	err = EditDevicesFile(ctx, ours.path, "", func(*DevicesFile) error { return nil })
	assert.ErrorIs(t, err, ErrLocked)
	require.NoError(t, release.Close())
	require.NoError(t, holder.Wait())
}

// A physical volume that is only known by the name of its device is found where
// it has gone, by lvm2 and by us.
func TestKernelDevicesMoved(t *testing.T) {
	umltest.NeedKernel(t)
	loop, _ := umltest.Loop(t, 64<<20)
	script := func(s string) { umltest.Run(t, "sh", "-ec", s) }
	t.Cleanup(func() { script("for d in a b c d; do dmsetup remove -f $d || true; done") })
	make := func(name string, at int) string {
		return "dmsetup create " + name + ` --table "0 20000 linear ` + loop + " " + []string{"8", "20008", "40008"}[at] + `"; `
	}
	script(make("a", 0) + make("b", 1) + "pvcreate -qq /dev/mapper/a /dev/mapper/b")
	r := newDevicesFileRun(t)
	r.add("/dev/mapper/a")
	r.lvm2("lvmdevices", "--adddev", "/dev/mapper/b")
	before := r.entries()
	require.Len(t, before, 2)

	// Their names change, and another physical volume takes one of them.
	script("dmsetup remove a; dmsetup remove b; " + make("b", 0) + make("c", 1) + make("a", 2) + "pvcreate -qq /dev/mapper/a")
	f, err := ReadDevicesFile(r.path)
	require.NoError(t, err)
	o := scanOptions(t, r.dir)
	assert.Equal(t, []string{"/dev/mapper/b", "/dev/mapper/c"}, findSorted(t, o))
	all, err := ScanBlockDevices(context.Background(), o)
	require.NoError(t, err)
	problems := f.Check(all, o.SearchNames)
	require.Len(t, problems, 2)
	assert.False(t, problems[0].Missing())

	theirs := newDevicesFileRun(t)
	text, err := os.ReadFile(r.path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(theirs.path, text, 0o600))
	theirs.lvm2("lvmdevices", "--update")
	r.edit(func(f *DevicesFile) error { f.Fix(problems); return nil })
	assert.Equal(t, theirs.entries(), r.entries())
	f, err = ReadDevicesFile(r.path)
	require.NoError(t, err)
	all, err = ScanBlockDevices(context.Background(), scanOptions(t, r.dir))
	require.NoError(t, err)
	assert.Empty(t, f.Check(all, o.SearchNames))
}
