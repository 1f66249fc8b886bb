package lvm

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/recorder"
	"github.com/lvm-go/lvm/metadata"
)

// withDevicesFile gives a System a devices file of that text, and devices that
// have a serial number: the last letter of their path. It returns a function that
// returns the file's entries.
func withDevicesFile(t *testing.T, sys *System, text string) func() []DevicesEntry {
	t.Helper()
	dir := t.TempDir()
	sys.cfg.LockDir, sys.cfg.DevicesFile = filepath.Join(dir, "lock"), filepath.Join(dir, "system.devices")
	if text != "" {
		require.NoError(t, os.WriteFile(sys.cfg.DevicesFile, []byte(text), 0o600))
	}
	sys.identify = func(_ context.Context, _ string, paths []string) ([]BlockDevice, error) {
		found := make([]BlockDevice, len(paths))
		for i, path := range paths {
			found[i] = named(path, "", DeviceID{DeviceSerial, path[len(path)-1:]})
		}
		return found, nil
	}
	return func() []DevicesEntry {
		t.Helper()
		f, err := ReadDevicesFile(sys.cfg.DevicesFile)
		require.NoError(t, err)
		return f.Entries
	}
}

func pvidOf(t *testing.T, sys *System, device string) (id metadata.ID) {
	t.Helper()
	d, err := sys.cfg.OpenDevice(device, false)
	require.NoError(t, err)
	defer d.Close()
	label, _, err := metadata.ReadLabel(d)
	if errors.Is(err, metadata.ErrNoLabel) {
		return id
	}
	require.NoError(t, err)
	return label.PVID
}

func TestListDevices(t *testing.T) {
	t.Parallel()
	disks := recorder.New(diskSize, "a", "b", "c", "d")
	sys := openDisks(t, disks, 1)
	devices := sys.cfg.Devices
	entries := withDevicesFile(t, sys, "VERSION=1.1.1\nIDTYPE=sys_serial IDNAME=other DEVNAME=/dev/other PVID=.\n")
	other := DevicesEntry{ID: DeviceID{DeviceSerial, "other"}, Path: "/dev/other"}
	want := []DevicesEntry{other}
	check := func(listed ...string) {
		t.Helper()
		want = want[:1]
		for _, path := range listed {
			want = append(want, DevicesEntry{ID: DeviceID{DeviceSerial, path[len(path)-1:]}, Path: path, PVID: pvidOf(t, sys, path)})
		}
		assert.Equal(t, want, entries())
	}

	update(t, sys, "", func(tx *Tx) error { return tx.CreatePV(PVSpec{Device: devices[0]}) })
	check(devices[0])
	update(t, sys, "vg0", func(tx *Tx) error { return tx.CreateVG(VGSpec{PVs: devices[:2], ExtentSize: 64 * KiB}) })
	check(devices[:2]...)
	update(t, sys, "vg0", func(tx *Tx) error { return tx.ExtendVG(PVSpec{}, devices[2]) })
	check(devices[:3]...)
	assert.False(t, entries()[3].PVID.IsZero())
	plan, err := sys.Plan(context.Background(), "vg0", func(tx *Tx) error { return tx.SetTags("x") })
	require.NoError(t, err)
	assert.NotContains(t, plan.String(), "list ")

	// What leaves the group is listed still; what is no PV any more as none.
	update(t, sys, "vg0", func(tx *Tx) error { return tx.ReduceVG(devices[2]) })
	check(devices[:3]...)
	update(t, sys, "", func(tx *Tx) error { return tx.RemovePV(devices[2]) })
	check(devices[:3]...)
	assert.True(t, entries()[3].PVID.IsZero())

	// Without a file, none is made.
	require.NoError(t, os.Remove(sys.cfg.DevicesFile))
	update(t, sys, "", func(tx *Tx) error { return tx.CreatePV(PVSpec{Device: devices[3]}) })
	assert.NoFileExists(t, sys.cfg.DevicesFile)
}

// New UUIDs of physical volumes are entered where they are listed.
func TestListDevicesNewID(t *testing.T) {
	t.Parallel()
	disks := recorder.New(diskSize, "a", "b", "c")
	sys := openDisks(t, disks, 1)
	devices := sys.cfg.Devices
	entries := withDevicesFile(t, sys, "VERSION=1.1.1\n")
	update(t, sys, "vg0", func(tx *Tx) error { return tx.CreateVG(VGSpec{PVs: devices[:2], ExtentSize: 64 * KiB}) })
	update(t, sys, "", func(tx *Tx) error { return tx.CreatePV(PVSpec{Device: devices[2]}) })
	before := entries()
	f, err := ReadDevicesFile(sys.cfg.DevicesFile)
	require.NoError(t, err)
	f.Entries = slices.Delete(slices.Clone(before), 1, 2)
	text, err := f.Text("test", sys.cfg.Clock())
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(sys.cfg.DevicesFile, text, 0o600))
	update(t, sys, "vg0", func(tx *Tx) error {
		return joinErrors(tx.SetPVID(devices[0], ID{}), tx.SetPVID(devices[1], ID{}))
	})
	update(t, sys, "", func(tx *Tx) error { return tx.SetPVID(devices[2], ID{}) })
	after := entries()
	require.Len(t, after, 2)
	for i, path := range []string{devices[0], devices[2]} {
		assert.Equal(t, path, after[i].Path)
		assert.Equal(t, pvidOf(t, sys, path), after[i].PVID)
		assert.NotEqual(t, before[i*2].PVID, after[i].PVID)
	}
}

// A failure leaves the file as it was, and one that cannot be changed keeps the
// device from being made.
func TestListDevicesUndone(t *testing.T) {
	t.Parallel()
	disks := recorder.New(diskSize, "a", "b")
	sys := openDisks(t, disks, 1)
	devices := sys.cfg.Devices
	entries := withDevicesFile(t, sys, devicesText)
	before := entries()
	ctx, cancel := context.WithCancel(context.Background())
	sys.before = func(s Step) {
		if _, ok := s.(*OverwriteRange); ok {
			assert.Len(t, entries(), len(before)+1)
			cancel()
		}
	}
	make := func() error {
		return sys.Update(ctx, "", func(tx *Tx) error { return tx.CreatePV(PVSpec{Device: devices[0]}) })
	}
	require.ErrorIs(t, make(), context.Canceled)
	assert.Equal(t, before, entries())
	assert.True(t, pvidOf(t, sys, devices[0]).IsZero())

	ctx, sys.before = context.Background(), func(Step) {}
	newer := []byte("VERSION=2.0.1\n")
	require.NoError(t, os.WriteFile(sys.cfg.DevicesFile, newer, 0o600))
	require.ErrorIs(t, make(), ErrUnsupported)
	text, err := os.ReadFile(sys.cfg.DevicesFile)
	require.NoError(t, err)
	assert.True(t, bytes.Equal(newer, text))
	assert.True(t, pvidOf(t, sys, devices[0]).IsZero())

	failed := errors.New("no sysfs")
	sys.identify = func(context.Context, string, []string) ([]BlockDevice, error) { return nil, failed }
	require.ErrorIs(t, make(), failed)
	sys.cfg.DevicesFile = "a\x00"
	require.Error(t, make())
	assert.True(t, pvidOf(t, sys, devices[0]).IsZero())
}

func TestPutBack(t *testing.T) {
	t.Parallel()
	entry := func(name string, id string) DevicesEntry {
		return DevicesEntry{ID: DeviceID{DeviceSerial, name}, PVID: letters(id)}
	}
	old := []DevicesEntry{entry("1", "a"), entry("2", "b"), entry("3", "c")}
	now := []DevicesEntry{entry("1", "a"), entry("2", "x"), entry("4", "d")}
	assert.Equal(t, old, putBack(now, old, now))
	// Others have removed 1 and added 5 and 3 meanwhile.
	got := putBack([]DevicesEntry{entry("2", "x"), entry("3", "c"), entry("4", "d"), entry("5", "e")}, old, now)
	assert.Equal(t, []DevicesEntry{entry("3", "c"), entry("5", "e"), entry("2", "b")}, got)
}
