package lvm

import (
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pkg/errors"

	"github.com/lvm-go/lvm/metadata"
)

// Bounds of a devices file, far above what any has.
const (
	maxDevicesText    = 16 << 20
	maxDevicesEntries = 100_000
)

// devicesMajor is the version of the devices file's format.
const devicesMajor = 1

// DevicesFile is lvm2's list of the devices that it looks at,
// /etc/lvm/devices/system.devices. A device that is not in it does not exist for
// lvm2, so who makes a physical volume beside an lvm2 that uses the file has to
// add it: see [EditDevicesFile]. Source: lvmdevices(8), and lvm2 as observed.
type DevicesFile struct {
	// HostLines tell which host the file is for, in lvm2's words: SYSTEMID=,
	// HOSTNAME=, PRODUCT_UUID=. They are kept as they are, and so is what a newer
	// lvm2 may have to say in lines of its own.
	HostLines []string

	Entries []DevicesEntry

	version [3]uint64 // major, minor, and how often it was written
}

// Version returns the version of the file: of its format, major and minor, and how often
// it was written.
func (f *DevicesFile) Version() string {
	return fmt.Sprintf("%d.%d.%d", f.version[0], f.version[1], f.version[2])
}

// DevicesEntry is a device in a [DevicesFile].
type DevicesEntry struct {
	// ID tells the device, together with Partition, which is 0 for a whole one.
	ID        DeviceID
	Partition int
	// Path is the name that the device had when the entry was written, and PVID
	// the UUID of the physical volume on it, zero if there was none. For an ID
	// that is a name itself, the PVID is what tells the device.
	Path string
	PVID metadata.ID

	extra []string // fields that a newer lvm2 has
}

// ReadDevicesFile reads the devices file at path. Who wants to change it uses
// [EditDevicesFile]. The error matches [ErrNotFound] if there is none, and
// [ErrInvalidSpec] if it is not one.
func ReadDevicesFile(path string) (*DevicesFile, error) {
	text, err := readSmallFile(path, maxDevicesText)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault(ErrNotFound, "devices file %s: not found", path)
	}
	if err != nil {
		return nil, err
	}
	f, err := ParseDevicesFile(text)
	if err != nil {
		return nil, errors.WithMessage(err, "devices file "+path)
	}
	return f, nil
}

// ParseDevicesFile reads the text of a devices file. The error matches
// [ErrInvalidSpec], or [ErrUnsupported] for a format that is not known.
func ParseDevicesFile(text []byte) (*DevicesFile, error) {
	f := new(DevicesFile)
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		line = strings.TrimSpace(line)
		key, value, found := strings.Cut(line, "=")
		switch {
		case line == "" || line[0] == '#':
		case !found:
			return nil, fault(ErrInvalidSpec, "line %d: %q is not a setting", n, line)
		case key == "VERSION":
			v, err := parseDevicesVersion(value)
			if err != nil {
				return nil, errors.WithMessagef(err, "line %d", n)
			}
			f.version = v
		case key == "IDTYPE":
			if len(f.Entries) == maxDevicesEntries {
				return nil, fault(ErrInvalidSpec, "more than %d entries", maxDevicesEntries)
			}
			e, err := parseDevicesEntry(line)
			if err != nil {
				return nil, errors.WithMessagef(err, "line %d", n)
			}
			f.Entries = append(f.Entries, e)
		default:
			f.HostLines = append(f.HostLines, line)
		}
	}
	if f.version[0] > devicesMajor {
		return nil, fault(ErrUnsupported, "format %d of devices files is not known", f.version[0])
	}
	return f, nil
}

func parseDevicesVersion(s string) (v [3]uint64, err error) {
	parts := strings.Split(s, ".")
	for i, part := range parts {
		if i < len(v) {
			v[i], err = strconv.ParseUint(part, 10, 64)
		}
		if err != nil {
			break
		}
	}
	if err != nil || len(parts) != len(v) {
		return v, fault(ErrInvalidSpec, "%q is not a version", s)
	}
	return v, nil
}

// parseDevicesEntry reads a line of fields. Those that are not known stand for
// nothing: lvm2 writes a point for what it does not know.
func parseDevicesEntry(line string) (DevicesEntry, error) {
	var e DevicesEntry
	for _, field := range strings.Fields(line) {
		key, value, found := strings.Cut(field, "=")
		if !found {
			return e, fault(ErrInvalidSpec, "%q is not a field", field)
		}
		if value == "." {
			value = ""
		}
		switch key {
		case "IDTYPE":
			e.ID.Type = DeviceIDType(value)
		case "IDNAME":
			e.ID.Name = value
		case "DEVNAME":
			e.Path = value
		case "PVID":
			if value == "" {
				continue
			}
			id, err := metadata.ParseID(value)
			if err != nil {
				return e, as(ErrInvalidSpec, err)
			}
			e.PVID = id
		case "PART":
			part, err := strconv.ParseUint(value, 10, 31)
			if err != nil {
				return e, fault(ErrInvalidSpec, "%q is not a partition", value)
			}
			e.Partition = int(part)
		default:
			e.extra = append(e.extra, field)
		}
	}
	return e, nil
}

// Text returns the text of the file: the number in its VERSION counts how often
// it was written. Returns an error matching [ErrInvalidSpec] if an entry cannot
// be written.
func (f *DevicesFile) Text(program string, now time.Time) ([]byte, error) {
	var body strings.Builder
	for _, line := range f.HostLines {
		if strings.ContainsAny(line, "\r\n") || !strings.Contains(line, "=") {
			return nil, fault(ErrInvalidSpec, "%q cannot be a line of a devices file", line)
		}
		body.WriteString(line + "\n")
	}
	v := f.version
	if v[0] == 0 {
		v = [3]uint64{devicesMajor, 1, 1}
	}
	fmt.Fprintf(&body, "VERSION=%d.%d.%d\n", v[0], v[1], v[2])
	for _, e := range f.Entries {
		line, err := e.line()
		if err != nil {
			return nil, err
		}
		body.WriteString(line + "\n")
	}
	head := fmt.Sprintf("# LVM uses devices listed in this file.\n# Created by %s pid %d at %s\n# HASH=%d\n",
		program, os.Getpid(), now.Format(time.ANSIC), metadata.Checksum([]byte(body.String())))
	return []byte(head + body.String()), nil
}

func (e DevicesEntry) line() (string, error) {
	pvid := "."
	if e.PVID != (metadata.ID{}) {
		pvid = string(e.PVID[:])
	}
	fields := []struct{ key, value string }{
		{"IDTYPE", string(e.ID.Type)}, {"IDNAME", e.ID.Name}, {"DEVNAME", e.Path}, {"PVID", pvid},
	}
	var line []string
	for _, field := range fields {
		if field.value == "" {
			field.value = "."
		}
		if strings.ContainsFunc(field.value, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
			return "", fault(ErrInvalidSpec, "%s=%q cannot be written to a devices file", field.key, field.value)
		}
		line = append(line, field.key+"="+field.value)
	}
	if e.Partition > 0 {
		line = append(line, "PART="+strconv.Itoa(e.Partition))
	}
	return strings.Join(append(line, e.extra...), " "), nil
}

// Add adds a device, as [ScanBlockDevices] returns it, by the best of its IDs, or
// by the first that is of the type given. An entry that the device has already is
// brought up to date. Returns an error matching [ErrInvalidSpec] if the device
// has no such ID.
func (f *DevicesFile) Add(d BlockDevice, typ DeviceIDType) error {
	i := slices.IndexFunc(d.IDs, func(id DeviceID) bool { return typ == "" || id.Type == typ })
	if i < 0 {
		return fault(ErrInvalidSpec, "device %s has no id of type %q", d.Path, typ)
	}
	f.put(DevicesEntry{ID: d.IDs[i], Partition: d.Partition, Path: d.Path, PVID: d.PVID})
	return nil
}

// put adds an entry in place of those of the same device, and of those that knew
// the same physical volume by another name.
func (f *DevicesFile) put(e DevicesEntry) {
	replaces := func(old DevicesEntry) bool {
		return old.ID == e.ID && old.Partition == e.Partition ||
			old.ID.Type == DeviceName && old.PVID == e.PVID && e.PVID != metadata.ID{}
	}
	entries := slices.Clone(f.Entries)
	if i := slices.IndexFunc(entries, replaces); i >= 0 {
		entries[i] = e
		rest := slices.DeleteFunc(entries[i+1:], replaces)
		f.Entries = entries[:i+1+len(rest)]
		return
	}
	f.Entries = append(entries, e)
}

// Remove removes the entries of a device, and reports whether there were any.
func (f *DevicesFile) Remove(d BlockDevice) bool {
	n := len(f.Entries)
	f.Entries = slices.DeleteFunc(slices.Clone(f.Entries), func(e DevicesEntry) bool { return e.matches(d) })
	return len(f.Entries) < n
}

// ImportVG adds the devices of all physical volumes of a group, as [System.VG]
// returns it, out of those that [ScanBlockDevices] returns. Returns an error
// matching [ErrMissingPV], and adds nothing, if one is not there: an incomplete
// list would hide the rest of the group from lvm2. It corresponds to
// vgimportdevices.
func (f *DevicesFile) ImportVG(vg *VolumeGroup, devices []BlockDevice) error {
	var found []BlockDevice
	for pv := range vg.PVs() {
		i := slices.IndexFunc(devices, func(d BlockDevice) bool {
			return pv.Device() != "" && slices.Contains(d.Names, pv.Device())
		})
		if i < 0 {
			return fault(ErrMissingPV, "vg %s: physical volume %s has no device among those found", vg.Name(), pv.ID())
		}
		d := devices[i]
		d.PVID = pv.ID()
		found = append(found, d)
	}
	for _, d := range found {
		if err := f.Add(d, ""); err != nil {
			return err
		}
	}
	return nil
}
