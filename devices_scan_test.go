package lvm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/metadata"
	"github.com/lvm-go/lvm/units"
)

const procDevices = `Character devices:
  1 mem
  8 sdnot

Block devices:
  1 ramdisk
  2 fd
  7 loop
  8 sd
  9 md
 11 sr
252 virtblk
253 device-mapper
259 blkext
nonsense
`

// fakeDisks is a system of block devices: a sysfs, names, and contents.
type fakeDisks struct {
	t     *testing.T
	sysfs fstest.MapFS
	nodes []deviceNode
	bytes map[string][]byte // of devices by name; others cannot be opened
	links map[string]bool
	dmBad map[deviceNumber]string
	scan  ScanOptions
	wwids string
}

func newFakeDisks(t *testing.T) *fakeDisks {
	return &fakeDisks{
		t: t, sysfs: fstest.MapFS{}, bytes: map[string][]byte{}, links: map[string]bool{},
		dmBad: map[deviceNumber]string{}, scan: ScanOptions{DevDir: "/dev", MinSize: minPVSize},
	}
}

// file makes a file of sysfs.
func (f *fakeDisks) file(name, text string) {
	f.sysfs[name] = &fstest.MapFile{Data: []byte(text + "\n"), Mode: 0o444}
}

// disk makes a device of 4 MiB at a place in sysfs, whose last part is its name.
// attributes are pairs of a file and its text.
func (f *fakeDisks) disk(place, number string, attributes ...string) []byte {
	f.t.Helper()
	dir := path.Join("devices", place)
	f.file(dir+"/size", "8192")
	f.sysfs["dev/block/"+number] = &fstest.MapFile{Data: []byte("../../" + dir), Mode: fs.ModeSymlink | 0o777}
	f.sysfs["block/"+path.Base(place)] = &fstest.MapFile{Data: []byte("../" + dir), Mode: fs.ModeSymlink | 0o777}
	for i := 0; i < len(attributes); i += 2 {
		f.file(dir+"/"+attributes[i], attributes[i+1])
	}
	name := "/dev/" + path.Base(place)
	f.name(number, name)
	f.bytes[name] = make([]byte, 4*mib)
	return f.bytes[name]
}

// name gives a device more names.
func (f *fakeDisks) name(number string, names ...string) {
	f.t.Helper()
	var n deviceNumber
	_, err := fmt.Sscanf(number, "%d:%d", &n.major, &n.minor)
	require.NoError(f.t, err)
	for _, name := range names {
		f.nodes = append(f.nodes, deviceNode{name, n})
	}
}

// run returns what is found, by the name that it is called by.
func (f *fakeDisks) run(ctx context.Context) (map[string]BlockDevice, error) {
	scan := &deviceScan{
		options: f.scan, sysfs: f.sysfs, majors: parseMajors(procDevices, f.scan.Types),
		wwids: parseWWIDs(f.wwids), isLink: func(p string) bool { return f.links[p] },
		open: func(name string) (Device, error) {
			for _, n := range f.nodes {
				for _, same := range f.nodes {
					if n.path == name && n.number == same.number && f.bytes[same.path] != nil {
						return &fakeBlock{f.bytes[same.path]}, nil
					}
				}
			}
			return nil, errFakeOpen
		},
		mapped: func(n deviceNumber) (string, error) { return f.dmBad[n], nil },
	}
	devices, err := scan.run(ctx, f.nodes)
	byName := map[string]BlockDevice{}
	for _, d := range devices {
		byName[d.Path] = d
	}
	return byName, err
}

func (f *fakeDisks) mustRun() map[string]BlockDevice {
	f.t.Helper()
	devices, err := f.run(context.Background())
	require.NoError(f.t, err)
	return devices
}

var errFakeOpen = errors.New("cannot be opened")

// fakeBlock is a device in memory that is only read.
type fakeBlock struct{ data []byte }

func (d *fakeBlock) ReadAt(p []byte, off int64) (int, error) {
	return bytes.NewReader(d.data).ReadAt(p, off)
}
func (d *fakeBlock) WriteAt([]byte, int64) (int, error) { return 0, errors.ErrUnsupported }
func (d *fakeBlock) Sync() error                        { return errors.ErrUnsupported }
func (d *fakeBlock) Size() (units.Bytes, error)         { return units.Bytes(len(d.data)), nil }
func (d *fakeBlock) Close() error                       { return nil }

// fakePV puts the label of a physical volume on a device. Its UUID is a letter,
// many times.
func fakePV(t *testing.T, data []byte, id string) metadata.ID {
	t.Helper()
	var pvid metadata.ID
	copy(pvid[:], strings.Repeat(id, 32))
	label := metadata.Label{Sector: 1, PVID: pvid, DeviceSize: units.Bytes(len(data)), DataAreas: []metadata.DiskArea{{Offset: units.MiB}}}
	sector, err := label.Encode()
	require.NoError(t, err)
	copy(data[512:], sector)
	return pvid
}

func TestScanExcludes(t *testing.T) {
	t.Parallel()
	f := newFakeDisks(t)
	f.disk("pci/sda", "8:0")
	f.disk("pci/sda/sda1", "8:1", "partition", "1")
	f.disk("fd0", "2:0")
	f.disk("sr0", "11:0")
	f.name("8:160", "/dev/gone")
	f.disk("pci/sdb", "8:16", "size", "4095")
	f.disk("pci/sdc", "8:32", "size", "4096")
	f.disk("pci/sdd", "8:48", "queue/logical_block_size", "4096")
	f.disk("pci/sde", "8:64", "queue/logical_block_size", "131072")
	f.disk("pci/sdf", "8:80", "holders/dm-9/dev", "253:9")
	f.disk("pci/sdf/sdf1", "8:81", "partition", "1")
	f.disk("virtual/dm-9", "253:9", "dm/uuid", "mpath-3600", "dm/suspended", "0")
	f.disk("virtual/dm-1", "253:1", "dm/uuid", "LVM-"+strings.Repeat("x", 64))
	f.disk("virtual/dm-2", "253:2", "dm/uuid", "LVM-"+strings.Repeat("x", 64)+"-real")
	f.disk("virtual/dm-3", "253:3", "dm/uuid", "CRYPT-LUKS2-x")
	f.disk("virtual/dm-4", "253:4", "dm/uuid", "CRYPT-TEMP-x")
	f.disk("virtual/dm-5", "253:5", "dm/uuid", "CRYPT-SUBDEV-x")
	f.disk("virtual/dm-6", "253:6", "dm/uuid", "stratis-1-x")
	f.disk("virtual/dm-7", "253:7", "dm/name", "bad")
	f.dmBad[deviceNumber{253, 7}] = "no table with data"
	f.disk("virtual/dm-8", "253:8", "dm/name", "off", "dm/suspended", "1")
	f.disk("virtual/zram0", "254:0")
	f.disk("pci/sdg", "8:96", "device/wwid", "naa.5000")
	f.disk("pci/sdh", "8:112", "device/wwid", "t10.ATA     DISK  1")
	f.wwids = "# Multipath wwids, Version : 1.0\n/35000/\n/1ATA_____DISK__1/\n//\nx\n"
	f.scan.SkipSuspended = true
	copy(f.disk("pci/sdi", "8:128"), "HM\x01\x00")
	f.disk("virtual/loop0", "7:0")
	delete(f.bytes, "/dev/loop0")
	for place, at := range map[string]int{"virtual/loop1": 0, "virtual/loop2": 4 * kib, "virtual/loop3": 4*mib - 8*kib} {
		copy(f.disk(place, "7:"+place[len(place)-1:])[at:], "\xfc\x4e\x2b\xa9\x01\x00\x00\x00")
	}
	copy(f.disk("virtual/loop4", "7:4")[4*mib-64*kib:], "\xa9\x2b\x4e\xfc\x00\x00\x00\x00")
	copy(f.disk("virtual/loop5", "7:5")[4*mib-1024:], "Intel Raid ISM Cfg Sig. ")
	copy(f.disk("virtual/loop6", "7:6")[4*mib-512:], "\xde\x11\xde\x11")
	copy(f.disk("virtual/loop7", "7:7")[4*mib-512:], "$XIDE$")
	id := fakePV(t, f.disk("virtual/loop8", "7:8"), "a")

	want := map[string]Exclusion{
		"/dev/sda": ExcludedNot, "/dev/sda1": ExcludedNot, "/dev/fd0": ExcludedType, "/dev/sr0": ExcludedType,
		"/dev/gone": ExcludedUnknown, "/dev/sdb": ExcludedTooSmall, "/dev/sdc": ExcludedNot, "/dev/sdd": ExcludedNot,
		"/dev/sde": ExcludedBlockSize, "/dev/sdf": ExcludedMultipath, "/dev/sdf1": ExcludedMultipath,
		"/dev/dm-9": ExcludedNot, "/dev/dm-1": ExcludedLV, "/dev/dm-2": ExcludedLV, "/dev/dm-3": ExcludedNot,
		"/dev/dm-4": ExcludedMapped, "/dev/dm-5": ExcludedMapped, "/dev/dm-6": ExcludedMapped, "/dev/dm-7": ExcludedMapped,
		"/dev/dm-8": ExcludedSuspended, "/dev/zram0": ExcludedType, "/dev/sdg": ExcludedMultipath, "/dev/sdh": ExcludedMultipath,
		"/dev/sdi": ExcludedLVM1, "/dev/loop0": ExcludedUnreadable, "/dev/loop1": ExcludedMD, "/dev/loop2": ExcludedMD,
		"/dev/loop3": ExcludedMD, "/dev/loop4": ExcludedMD, "/dev/loop5": ExcludedMD, "/dev/loop6": ExcludedMD,
		"/dev/loop7": ExcludedNot, "/dev/loop8": ExcludedNot,
	}
	exclusions := func(changed map[string]Exclusion) {
		t.Helper()
		got, all := map[string]Exclusion{}, f.mustRun()
		for name, d := range all {
			got[name] = d.Excluded
			assert.Equal(t, d.Excluded == ExcludedUnreadable, d.Err != nil, name)
		}
		assert.ErrorIs(t, all["/dev/loop0"].Err, errFakeOpen)
		assert.Equal(t, id, all["/dev/loop8"].PVID)
		assert.Zero(t, all["/dev/loop7"].PVID)
		for name, e := range want {
			if c, ok := changed[name]; ok {
				e = c
			}
			assert.Equal(t, e, got[name], name)
		}
		assert.Len(t, got, len(want))
	}
	exclusions(nil)
	f.scan.LVs, f.scan.MDMembers, f.scan.MultipathMembers, f.scan.FirmwareRAID = true, true, true, true
	f.scan.Types = map[string]int{"fd": 1}
	f.scan.MinSize = 4096 * 512 * 2
	exclusions(map[string]Exclusion{
		"/dev/dm-1": ExcludedNot, "/dev/sdf": ExcludedNot, "/dev/sdf1": ExcludedNot, "/dev/sdg": ExcludedNot, "/dev/sdh": ExcludedNot,
		"/dev/loop1": ExcludedNot, "/dev/loop2": ExcludedNot, "/dev/loop3": ExcludedNot, "/dev/loop4": ExcludedNot,
		"/dev/loop5": ExcludedFirmwareRAID, "/dev/loop6": ExcludedFirmwareRAID, "/dev/loop7": ExcludedFirmwareRAID,
		"/dev/fd0": ExcludedNot, "/dev/sdc": ExcludedTooSmall,
	})
}

func TestScanPartitioned(t *testing.T) {
	t.Parallel()
	table := func(active, kind byte) []byte {
		b := make([]byte, 4*mib)
		b[bootTable+16], b[bootTable+16+4] = active, kind
		b[510], b[511] = 0x55, 0xaa
		return b
	}
	withGPT := func(b []byte, at int) []byte {
		copy(b[at:], "EFI PART")
		return b
	}
	for _, test := range []struct {
		name string
		data []byte
		want bool
	}{
		{"nothing", make([]byte, 4*mib), false},
		{"empty table", table(0, 0), false},
		{"partition", table(0, 0x83), true},
		{"active", table(0x80, 0x83), true},
		{"code", table(0x81, 0x83), false},
		{"protected, but nothing there", table(0, 0xee), false},
		{"protected", withGPT(table(0, 0xee), 512), true},
		{"gpt alone", withGPT(make([]byte, 4*mib), 512), true},
		{"gpt and code", withGPT(table(0x81, 0x83), 512), true},
		{"gpt elsewhere", withGPT(make([]byte, 4*mib), 4096), false},
	} {
		f := newFakeDisks(t)
		for place, number := range map[string]string{
			"pci/sda": "8:0", "pci/nvme0n1": "259:0", "virtual/dm-0": "253:0", "virtual/md0": "9:0", "virtual/loop1": "7:1",
		} {
			copy(f.disk(place, number), test.data)
		}
		for _, place := range []string{"pci/sda/sda1", "pci/nvme0n1/nvme0n1p1"} {
			copy(f.disk(place, map[bool]string{true: "8:1", false: "259:1"}[place == "pci/sda/sda1"], "partition", "1"), test.data)
		}
		copy(f.disk("virtual/loop0", "7:0"), test.data)
		f.file("devices/virtual/dm-0/dm/name", "x")
		f.file("devices/virtual/md0/md/level", "raid1")
		f.file("devices/virtual/loop0/loop/partscan", "0")
		f.file("devices/virtual/loop1/loop/partscan", "1")
		for name, d := range f.mustRun() {
			want := ExcludedNot
			switch name {
			case "/dev/sda", "/dev/nvme0n1", "/dev/dm-0", "/dev/md0", "/dev/loop1":
				if test.want {
					want = ExcludedPartitioned
				}
			}
			assert.Equal(t, want, d.Excluded, "%s on %s", test.name, name)
		}
	}
	f := newFakeDisks(t)
	copy(f.disk("pci/sda", "8:0", "queue/logical_block_size", "4096")[4096:], "EFI PART")
	assert.Equal(t, ExcludedPartitioned, f.mustRun()["/dev/sda"].Excluded)
}

func TestScanSuspended(t *testing.T) {
	t.Parallel()
	f := newFakeDisks(t)
	f.disk("virtual/dm-0", "253:0", "dm/name", "x", "dm/suspended", "1")
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Millisecond)
	defer cancel()
	_, err := f.run(ctx)
	assert.ErrorIs(t, err, ErrBusy)
	canceled, cancel := context.WithCancel(context.Background())
	cancel()
	f.file("devices/virtual/dm-0/dm/suspended", "0")
	_, err = f.run(canceled)
	assert.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, ExcludedNot, f.mustRun()["/dev/dm-0"].Excluded)
}

func TestScanNames(t *testing.T) {
	t.Parallel()
	filter := func(patterns ...string) *DeviceFilter {
		f, err := ParseDeviceFilter(patterns)
		require.NoError(t, err)
		return f
	}
	for _, test := range []struct {
		names     []string
		links     []string
		preferred []string
		filter    *DeviceFilter
		want      string
	}{
		{names: []string{"/dev/sda"}, want: "/dev/sda"},
		{names: []string{"/dev/block/8:0", "/dev/disk/by-id/x", "/dev/sda"}, want: "/dev/sda"},
		{names: []string{"/dev/dm-0", "/dev/mapper/a"}, want: "/dev/mapper/a"},
		{names: []string{"/dev/dm-0", "/dev/disk/by-id/x"}, want: "/dev/disk/by-id/x"},
		{names: []string{"/dev/dm-0", "/dev/mapper/a", "/dev/vg/a"}, want: "/dev/vg/a"},
		{names: []string{"/dev/z/a/b", "/dev/z/b"}, want: "/dev/z/b"},
		{names: []string{"/dev/b", "/dev/a"}, want: "/dev/a"},
		{names: []string{"/dev/b", "/dev/a"}, links: []string{"/dev/b"}, want: "/dev/b"},
		{names: []string{"/dev/b", "/dev/a"}, links: []string{"/dev/a"}, want: "/dev/a"},
		{names: []string{"/dev/b", "/dev/a"}, links: []string{"/dev/a", "/dev/b"}, want: "/dev/a"},
		{names: []string{"/dev/dm-0", "/dev/vg/a"}, preferred: []string{"nothing", "^/dev/dm-"}, want: "/dev/dm-0"},
		{names: []string{"/dev/a", "/dev/b"}, filter: filter("a|b$|", "r|.*|"), want: "/dev/b"},
		{names: []string{"/dev/a", "/dev/b"}, filter: filter("r|x|"), want: "/dev/a"},
	} {
		f := newFakeDisks(t)
		f.disk("pci/sdx", "8:0")
		f.nodes = nil
		f.name("8:0", test.names...)
		f.name("8:0", test.names...) // found twice
		for _, l := range test.links {
			f.links[l] = true
		}
		f.scan.PreferredNames, f.scan.Filter = test.preferred, test.filter
		devices := f.mustRun()
		require.Contains(t, devices, test.want)
		assert.ElementsMatch(t, test.names, devices[test.want].Names)
		assert.Equal(t, test.want, devices[test.want].Names[0])
	}
	f := newFakeDisks(t)
	f.disk("pci/sda", "8:0")
	f.scan.PreferredNames = []string{"("}
	_, err := f.run(context.Background())
	assert.ErrorIs(t, err, ErrInvalidSpec)
	f.scan.PreferredNames, f.scan.GlobalFilter = nil, filter("r|sda|")
	assert.Equal(t, ExcludedByFilter, f.mustRun()["/dev/sda"].Excluded)
}

func TestDeviceIDs(t *testing.T) {
	t.Parallel()
	f := newFakeDisks(t)
	f.disk("pci/sda", "8:0", "device/wwid", "naa.5000", "device/serial", "S 1")
	f.disk("pci/sda/sda2", "8:2", "partition", "2")
	f.disk("pci/sdb", "8:16", "device/wwid", "t10.ATA     QEMU HARDDISK   QM1", "device/serial", "QM1")
	f.disk("pci/sdc", "8:32", "device/wwid", "t10.ATA   X")
	f.disk("pci/nvme0n1", "259:0", "wwid", "eui.0025")
	f.disk("pci/vda", "252:0", "serial", "v1")
	f.disk("virtual/md0", "9:0", "md/uuid", "1-2")
	f.disk("virtual/loop0", "7:0", "loop/backing_file", "/a b\x01c")
	f.disk("virtual/dm-0", "253:0", "dm/uuid", "mpath-1")
	f.disk("virtual/dm-1", "253:1", "dm/uuid", "CRYPT-LUKS-1")
	f.disk("virtual/dm-2", "253:2", "dm/uuid", "x")
	devices := f.mustRun()
	for name, want := range map[string][]DeviceID{
		"/dev/sda":     {{DeviceWWID, "naa.5000"}, {DeviceNAA, "naa.5000"}, {DeviceSerial, "S_1"}, {DeviceName, "/dev/sda"}},
		"/dev/sda2":    {{DeviceWWID, "naa.5000"}, {DeviceNAA, "naa.5000"}, {DeviceSerial, "S_1"}, {DeviceName, "/dev/sda2"}},
		"/dev/sdb":     {{DeviceSerial, "QM1"}, {DeviceName, "/dev/sdb"}},
		"/dev/sdc":     {{DeviceWWID, "t10.ATA___X"}, {DeviceWWID, "t10.ATA_X"}, {DeviceT10, "t10.ATA___X"}, {DeviceName, "/dev/sdc"}},
		"/dev/nvme0n1": {{DeviceWWID, "eui.0025"}, {DeviceEUI, "eui.0025"}, {DeviceName, "/dev/nvme0n1"}},
		"/dev/vda":     {{DeviceSerial, "v1"}, {DeviceName, "/dev/vda"}},
		"/dev/md0":     {{DeviceMD, "1-2"}, {DeviceName, "/dev/md0"}},
		"/dev/loop0":   {{DeviceLoopFile, "/a_bc"}, {DeviceName, "/dev/loop0"}},
		"/dev/dm-0":    {{DeviceMultipath, "mpath-1"}, {DeviceName, "/dev/dm-0"}},
		"/dev/dm-1":    {{DeviceCrypt, "CRYPT-LUKS-1"}, {DeviceName, "/dev/dm-1"}},
		"/dev/dm-2":    {{DeviceName, "/dev/dm-2"}},
	} {
		assert.Equal(t, want, devices[name].IDs, name)
	}
	assert.Equal(t, 2, devices["/dev/sda2"].Partition)
	assert.Zero(t, devices["/dev/sda"].Partition)
}

func TestFindDevicesElsewhere(t *testing.T) {
	t.Parallel()
	_, err := FindDevices(context.Background(), ScanOptions{ProcDir: t.TempDir()})
	var op *OpError
	require.ErrorAs(t, err, &op)
	assert.True(t, errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrUnsupported))
}

func TestParseMajors(t *testing.T) {
	t.Parallel()
	assert.Equal(t, map[uint32]majorType{
		1: {"ramdisk", 1}, 7: {"loop", 1}, 8: {"sd", 16}, 9: {"md", 1}, 252: {"virtblk", 8},
		253: {"device-mapper", 1}, 259: {"blkext", 1}, 11: {"sr", 4},
	}, parseMajors(procDevices, map[string]int{"s": 4}))
	assert.Empty(t, parseMajors("", nil))
	DeviceTypes()[0].Minors = 0
	assert.Equal(t, DeviceType{"sd", 16, "SCSI disk"}, DeviceTypes()[0])
}
