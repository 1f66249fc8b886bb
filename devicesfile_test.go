package lvm

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/metadata"
)

func letters(c string) (id metadata.ID) {
	copy(id[:], strings.Repeat(c, 32))
	return id
}

// lvm2's own, of a newer version, with more than this package knows.
const devicesText = `# LVM uses devices listed in this file.
# Created by LVM command vgimportdevices pid 926 at Sun Nov 22 07:46:12 2026
# HASH=13917036
HOSTNAME=(none)
REFRESH_UNTIL=12
VERSION=1.1.7
IDTYPE=loop_file IDNAME=/mnt/d0.img DEVNAME=/dev/loop0 PVID=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
IDTYPE=sys_wwid IDNAME=naa.5 DEVNAME=. PVID=. PART=2
IDTYPE=devname IDNAME=/dev/vdb DEVNAME=/dev/vdb PVID=bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb NEW=1

IDTYPE=future IDNAME=x DEVNAME=/dev/q PVID=cccccccccccccccccccccccccccccccc
`

func TestDevicesFileText(t *testing.T) {
	t.Parallel()
	f, err := ParseDevicesFile([]byte(devicesText))
	require.NoError(t, err)
	assert.Equal(t, []string{"HOSTNAME=(none)", "REFRESH_UNTIL=12"}, f.HostLines)
	assert.Equal(t, []DevicesEntry{
		{ID: DeviceID{DeviceLoopFile, "/mnt/d0.img"}, Path: "/dev/loop0", PVID: letters("a")},
		{ID: DeviceID{DeviceWWID, "naa.5"}, Partition: 2},
		{ID: DeviceID{DeviceName, "/dev/vdb"}, Path: "/dev/vdb", PVID: letters("b"), extra: []string{"NEW=1"}},
		{ID: DeviceID{"future", "x"}, Path: "/dev/q", PVID: letters("c")},
	}, f.Entries)
	text, err := f.Text("test", time.Date(2026, 11, 22, 7, 46, 12, 0, time.UTC))
	require.NoError(t, err)
	head, body, found := strings.Cut(string(text), "HOSTNAME")
	require.True(t, found)
	_, want, _ := strings.Cut(strings.ReplaceAll(devicesText, "\n\n", "\n"), "HOSTNAME")
	assert.Equal(t, want, body)
	assert.Equal(t, fmt.Sprintf("# LVM uses devices listed in this file.\n# Created by test pid %d at Sun Nov 22 07:46:12 2026\n# HASH=%d\n",
		os.Getpid(), metadata.Checksum([]byte("HOSTNAME"+body))), head)
}

func TestDevicesFileRefused(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		text string
		want error
	}{
		{"x", ErrInvalidSpec},
		{"VERSION=1.1", ErrInvalidSpec},
		{"VERSION=1.1.1.1", ErrInvalidSpec},
		{"VERSION=a.b.c", ErrInvalidSpec},
		{"VERSION=2.0.1", ErrUnsupported},
		{"IDTYPE=a IDNAME", ErrInvalidSpec},
		{"IDTYPE=a PVID=short", ErrInvalidSpec},
		{"IDTYPE=a PART=-1", ErrInvalidSpec},
		{"IDTYPE=a PART=99999999999", ErrInvalidSpec},
		{strings.Repeat("IDTYPE=a\n", maxDevicesEntries+1), ErrInvalidSpec},
	} {
		f, err := ParseDevicesFile([]byte(test.text))
		assert.ErrorIs(t, err, test.want, test.text[:min(len(test.text), 80)])
		assert.Nil(t, f)
	}
	for _, f := range []DevicesFile{
		{HostLines: []string{"a=b\nc=d"}},
		{HostLines: []string{"ab"}},
		{Entries: []DevicesEntry{{ID: DeviceID{DeviceName, "/dev/a b"}}}},
		{Entries: []DevicesEntry{{ID: DeviceID{DeviceName, "/dev/a\n"}}}},
		{Entries: []DevicesEntry{{ID: DeviceID{DeviceName, "/dev/a"}, Path: "\x7f"}}},
	} {
		_, err := f.Text("", time.Time{})
		assert.ErrorIs(t, err, ErrInvalidSpec, f)
	}
	_, err := ReadDevicesFile(filepath.Join(t.TempDir(), "none"))
	assert.ErrorIs(t, err, ErrNotFound)
	_, err = ReadDevicesFile(t.TempDir())
	assert.ErrorIs(t, err, ErrUnsupported)
}

func named(path, id string, ids ...DeviceID) BlockDevice {
	d := BlockDevice{Path: path, Names: []string{path}, IDs: append(ids, DeviceID{DeviceName, path})}
	if id != "" {
		d.PVID = letters(id)
	}
	return d
}

func TestDevicesFileAdd(t *testing.T) {
	t.Parallel()
	wwid := DeviceID{DeviceWWID, "naa.1"}
	disk, part := named("/dev/sda", "a", wwid), named("/dev/sda1", "b", wwid)
	part.Partition = 1
	f := new(DevicesFile)
	require.NoError(t, f.Add(disk, ""))
	require.NoError(t, f.Add(part, ""))
	require.NoError(t, f.Add(named("/dev/vdb", "c"), ""))
	want := []DevicesEntry{
		{ID: wwid, Path: "/dev/sda", PVID: letters("a")},
		{ID: wwid, Partition: 1, Path: "/dev/sda1", PVID: letters("b")},
		{ID: DeviceID{DeviceName, "/dev/vdb"}, Path: "/dev/vdb", PVID: letters("c")},
	}
	assert.Equal(t, want, f.Entries)
	require.ErrorIs(t, f.Add(disk, DeviceMD), ErrInvalidSpec)
	assert.Equal(t, want, f.Entries)

	// The name has changed, and what is on the disk.
	require.NoError(t, f.Add(named("/dev/vdc", "c"), DeviceName))
	require.NoError(t, f.Add(named("/dev/sdx", "d", wwid), ""))
	want[2] = DevicesEntry{ID: DeviceID{DeviceName, "/dev/vdc"}, Path: "/dev/vdc", PVID: letters("c")}
	want[0].Path, want[0].PVID = "/dev/sdx", letters("d")
	assert.Equal(t, want, f.Entries)

	before := f.Entries
	assert.False(t, f.Remove(named("/dev/none", "")))
	assert.Equal(t, want, f.Entries)
	assert.True(t, f.Remove(part))
	assert.True(t, f.Remove(named("/dev/vdc", "")))
	assert.Equal(t, want[:1], f.Entries)
	assert.Equal(t, want, before, "what others hold stays")
}

func TestDevicesFileMatch(t *testing.T) {
	t.Parallel()
	f, err := ParseDevicesFile([]byte(devicesText))
	require.NoError(t, err)
	for _, test := range []struct {
		name    string
		search  NameSearch
		devices []BlockDevice
		used    []string
		wrong   []string // entries that Check finds, and what it makes of them
	}{
		{"as they were", SearchUnidentified, []BlockDevice{
			named("/dev/loop0", "a", DeviceID{DeviceLoopFile, "/mnt/d0.img"}), named("/dev/vdb", "b"), named("/dev/vdc", "x"),
		}, []string{"/dev/loop0", "/dev/vdb"}, []string{"naa.5 missing", "x missing"}},
		{"moved", SearchUnidentified, []BlockDevice{
			named("/dev/loop1", "a", DeviceID{DeviceLoopFile, "/mnt/d0.img"}), named("/dev/vdb", "x"), named("/dev/vdc", "b"),
		}, []string{"/dev/loop1", "/dev/vdc"}, []string{"/mnt/d0.img /dev/loop1", "naa.5 missing", "/dev/vdb /dev/vdc", "x missing"}},
		{"another backing file", SearchAll, []BlockDevice{
			named("/dev/loop0", "a", DeviceID{DeviceLoopFile, "/mnt/d1.img"}),
		}, nil, []string{"/mnt/d0.img missing", "naa.5 missing", "/dev/vdb missing", "x missing"}},
		{"moved to what is told otherwise", SearchUnidentified, []BlockDevice{
			named("/dev/sda", "b", DeviceID{DeviceSerial, "1"}),
		}, nil, []string{"/mnt/d0.img missing", "naa.5 missing", "/dev/vdb missing", "x missing"}},
		{"searched everywhere", SearchAll, []BlockDevice{
			named("/dev/sda", "b", DeviceID{DeviceSerial, "1"}),
		}, []string{"/dev/sda"}, []string{"/mnt/d0.img missing", "naa.5 missing", "/dev/vdb /dev/sda", "x missing"}},
		{"searched nowhere", SearchNone, []BlockDevice{named("/dev/vdc", "b")}, nil,
			[]string{"/mnt/d0.img missing", "naa.5 missing", "/dev/vdb missing", "x missing"}},
		{"of an unknown type", SearchNone, []BlockDevice{
			named("/dev/sdq", "c", DeviceID{DeviceSerial, "1"}),
		}, []string{"/dev/sdq"}, []string{"/mnt/d0.img missing", "naa.5 missing", "/dev/vdb missing", "x /dev/sdq"}},
		{"a disk for its partition", SearchNone, []BlockDevice{named("/dev/sda", "", DeviceID{DeviceWWID, "naa.5"})}, nil,
			[]string{"/mnt/d0.img missing", "naa.5 missing", "/dev/vdb missing", "x missing"}},
		{"another volume on it", SearchNone, []BlockDevice{
			named("/dev/loop0", "z", DeviceID{DeviceLoopFile, "/mnt/d0.img"}),
		}, []string{"/dev/loop0"}, []string{"/mnt/d0.img /dev/loop0", "naa.5 missing", "/dev/vdb missing", "x missing"}},
	} {
		m := newDeviceMatch(f, test.devices)
		m.byID()
		var used []string
		for k, d := range test.devices {
			if m.has(k) {
				assert.True(t, m.mayBe(k, test.search), test.name)
			}
			assert.True(t, m.mayBe(k, SearchAll) || !m.has(k), d.Path)
		}
		m.byPVID(test.search)
		for k, d := range test.devices {
			if m.has(k) {
				used = append(used, d.Path)
			}
		}
		assert.Equal(t, test.used, used, test.name)
		var wrong []string
		problems := f.Check(test.devices, test.search)
		for _, p := range problems {
			now := p.Now.Path
			if p.Missing() {
				now = "missing"
			}
			wrong = append(wrong, p.Entry.ID.Name+" "+now)
		}
		assert.Equal(t, test.wrong, wrong, test.name)
		fixed := &DevicesFile{Entries: f.Entries}
		fixed.Fix(problems)
		for _, p := range fixed.Check(test.devices, test.search) {
			assert.True(t, p.Missing(), test.name)
		}
	}
	none := newDeviceMatch(nil, []BlockDevice{named("/dev/a", "")})
	assert.True(t, none.mayBe(0, SearchNone))
	assert.True(t, none.has(0))
}

// Which devices are looked at by a devices file; no other is even read.
func TestScanDevicesFile(t *testing.T) {
	t.Parallel()
	f := newFakeDisks(t)
	f.disk("pci/sda", "8:0", "device/wwid", "naa.1")
	f.disk("pci/sdb", "8:16", "device/wwid", "naa.2")
	id := fakePV(t, f.disk("pci/vdb", "252:16"), "b")
	f.disk("fd0", "2:0")
	delete(f.bytes, "/dev/sdb") // reading would fail
	reject, err := ParseDeviceFilter([]string{"r|.*|"})
	require.NoError(t, err)
	f.scan.Filter = reject // does not count
	f.scan.DevicesFile = &DevicesFile{Entries: []DevicesEntry{
		{ID: DeviceID{DeviceWWID, "naa.1"}}, {ID: DeviceID{DeviceName, "/dev/vda"}, PVID: id},
	}}
	for name, want := range map[string]Exclusion{
		"/dev/sda": ExcludedNot, "/dev/sdb": ExcludedNotListed, "/dev/vdb": ExcludedNot, "/dev/fd0": ExcludedType,
	} {
		d := f.mustRun()[name]
		assert.Equal(t, want, d.Excluded, name)
		assert.NoError(t, d.Err)
	}
}

func TestEditDevicesFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path, locks := filepath.Join(dir, "devices", "system.devices"), filepath.Join(dir, "lock")
	ctx := context.Background()
	edit := func(change func(*DevicesFile) error) error { return EditDevicesFile(ctx, path, locks, change) }

	require.NoError(t, edit(func(*DevicesFile) error { return nil }))
	assert.NoFileExists(t, path)
	for i := range maxDevicesBackups + 5 {
		require.NoError(t, edit(func(f *DevicesFile) error {
			require.Len(t, f.Entries, i)
			return f.Add(named(fmt.Sprintf("/dev/vd%d", i), ""), "")
		}))
		f, err := ReadDevicesFile(path)
		require.NoError(t, err)
		assert.Equal(t, [3]uint64{1, 1, uint64(i) + 1}, f.version)
		assert.Equal(t, fmt.Sprintf("1.1.%d", i+1), f.Version())
	}
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	backups, err := os.ReadDir(filepath.Join(dir, "devices", "backup"))
	require.NoError(t, err)
	assert.Len(t, backups, maxDevicesBackups)
	last, err := os.ReadFile(filepath.Join(dir, "devices", "backup", backups[len(backups)-1].Name()))
	require.NoError(t, err)
	assert.Equal(t, text, last)

	// What is refused changes nothing.
	failed := errors.New("no")
	require.ErrorIs(t, edit(func(f *DevicesFile) error { f.Entries = nil; return failed }), failed)
	require.ErrorIs(t, edit(func(f *DevicesFile) error {
		f.Entries = append(f.Entries, DevicesEntry{ID: DeviceID{DeviceName, "a b"}})
		return nil
	}), ErrInvalidSpec)
	require.NoError(t, edit(func(*DevicesFile) error { return nil }))
	now, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, text, now)
	future := []byte("VERSION=2.1.1\n")
	require.NoError(t, os.WriteFile(path, future, 0o600))
	require.ErrorIs(t, edit(func(f *DevicesFile) error { f.Entries = nil; return nil }), ErrUnsupported)
	now, err = os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, future, now)
	entries, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	assert.Len(t, entries, 2, "no temporary file is left")
}

// Editors wait for each other, as long as they are told to.
func TestEditDevicesFileLock(t *testing.T) {
	t.Parallel()
	if !haveFlock {
		return // the lock is between processes, which have none here
	}
	dir := t.TempDir()
	path, locks := filepath.Join(dir, "x.devices"), filepath.Join(dir, "lock")
	const editors = 10
	done := make(chan error, editors)
	for i := range editors {
		go func() {
			done <- EditDevicesFile(context.Background(), path, locks, func(f *DevicesFile) error {
				return f.Add(named(fmt.Sprintf("/dev/vd%d", i), ""), "")
			})
		}()
	}
	for range editors {
		assert.NoError(t, <-done)
	}
	f, err := ReadDevicesFile(path)
	require.NoError(t, err)
	assert.Len(t, f.Entries, editors)
	assert.Equal(t, uint64(editors), f.version[2])

	lock, err := lockDevicesFile(context.Background(), filepath.Join(locks, "D_x.devices"))
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Millisecond)
	defer cancel()
	err = EditDevicesFile(ctx, path, locks, func(*DevicesFile) error { return nil })
	assert.ErrorIs(t, err, ErrLocked)
	assert.ErrorIs(t, err, context.DeadlineExceeded)
	require.NoError(t, lock.unlock())
}

func FuzzDevicesFile(f *testing.F) {
	f.Add([]byte(devicesText))
	f.Add([]byte("VERSION=1.1.1\nIDTYPE=devname IDNAME=/dev/a DEVNAME=. PVID=.\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		file, err := ParseDevicesFile(text)
		require.Equal(t, err == nil, file != nil)
		if err != nil {
			return
		}
		out, err := file.Text("fuzz", time.Time{})
		if err != nil {
			require.ErrorIs(t, err, ErrInvalidSpec)
			return
		}
		again, err := ParseDevicesFile(out)
		require.NoError(t, err)
		require.Equal(t, file.Entries, again.Entries)
		require.Equal(t, file.HostLines, again.HostLines)
	})
}
