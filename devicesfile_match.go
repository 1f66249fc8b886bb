package lvm

import (
	"slices"

	"github.com/lvm-go/lvm/metadata"
)

// matches reports whether the entry's ID is one of the device's. That of a name
// means something only together with the PVID.
func (e DevicesEntry) matches(d BlockDevice) bool {
	if e.ID.Type == DeviceName {
		return slices.Contains(d.Names, e.ID.Name)
	}
	return e.Partition == d.Partition && slices.Contains(d.IDs, e.ID)
}

// isSure reports whether the entry's ID alone tells its device.
func (e DevicesEntry) isSure() bool { return e.ID.Type != DeviceName && isKnownID(e.ID.Type) }

func isKnownID(t DeviceIDType) bool {
	switch t {
	case DeviceWWID, DeviceNAA, DeviceEUI, DeviceT10, DeviceSerial, DeviceMultipath, DeviceCrypt,
		DeviceLV, DeviceMD, DeviceLoopFile, DeviceName:
		return true
	}
	return false
}

// deviceMatch finds out which device each entry of a devices file is. Without a
// file every device is one that is looked at.
type deviceMatch struct {
	file    *DevicesFile
	devices []BlockDevice
	device  []int        // of each entry; -1: none
	taken   map[int]bool // devices that have an entry
}

func newDeviceMatch(f *DevicesFile, devices []BlockDevice) *deviceMatch {
	m := &deviceMatch{file: f, devices: devices, taken: map[int]bool{}}
	if f != nil {
		m.device = slices.Repeat([]int{-1}, len(f.Entries))
	}
	return m
}

// byID gives the entries their devices whose IDs are sure.
func (m *deviceMatch) byID() {
	for i := range m.device {
		if e := m.file.Entries[i]; e.isSure() {
			m.assign(i, e.matches)
		}
	}
}

// assign gives entry i the first device that nobody has and that is fit.
func (m *deviceMatch) assign(i int, fit func(BlockDevice) bool) {
	for k, d := range m.devices {
		if !m.taken[k] && m.device[i] < 0 && fit(d) {
			m.device[i], m.taken[k] = k, true
		}
	}
}

// mayBe reports whether device k has an entry, or may have one, depending on the
// physical volume on it.
func (m *deviceMatch) mayBe(k int, search NameSearch) bool {
	if m.file == nil || m.taken[k] {
		return true
	}
	for i, e := range m.file.Entries {
		if m.device[i] < 0 && (e.matches(m.devices[k]) || m.isSearched(e, m.devices[k], search)) {
			return true
		}
	}
	return false
}

// byPVID gives the other entries their devices, after the physical volumes on
// them are known. The name counts if it leads to the right one; otherwise that is
// looked for elsewhere.
func (m *deviceMatch) byPVID(search NameSearch) {
	for i := range m.device {
		if e := m.file.Entries[i]; m.device[i] < 0 && !e.isSure() {
			m.assign(i, func(d BlockDevice) bool {
				return e.matches(d) && (e.PVID == metadata.ID{} || e.PVID == d.PVID)
			})
		}
	}
	for i := range m.device {
		if e := m.file.Entries[i]; m.device[i] < 0 {
			m.assign(i, func(d BlockDevice) bool { return m.isSearched(e, d, search) && e.PVID == d.PVID })
		}
	}
}

// isSearched reports whether the physical volume of the entry is looked for on
// the device. What a newer lvm2 tells devices by can be found in no other way.
func (m *deviceMatch) isSearched(e DevicesEntry, d BlockDevice, search NameSearch) bool {
	switch {
	case e.isSure() || e.PVID == metadata.ID{}:
		return false
	case !isKnownID(e.ID.Type) || search == SearchAll:
		return true
	}
	return search == SearchUnidentified && len(d.IDs) > 0 && d.IDs[0].Type == DeviceName
}

// has reports whether device k is looked at.
func (m *deviceMatch) has(k int) bool { return m.file == nil || m.taken[k] }

// DevicesProblem is an entry of a devices file that is not as things are.
type DevicesProblem struct {
	Entry DevicesEntry
	// Now is what the entry would say if it was right; its ID has no type if the
	// device is not there.
	Now DevicesEntry
}

// Missing reports whether the entry's device was not found.
func (p DevicesProblem) Missing() bool { return p.Now.ID.Type == "" }

// Check compares the file with devices that were scanned with it as
// [ScanOptions].DevicesFile, and returns the entries that are not right: whose
// device is not there, has another name, or another physical volume. It
// corresponds to lvmdevices --check.
func (f *DevicesFile) Check(devices []BlockDevice, search NameSearch) []DevicesProblem {
	m := newDeviceMatch(f, devices)
	m.byID()
	m.byPVID(search)
	var problems []DevicesProblem
	for i, e := range f.Entries {
		if m.device[i] < 0 {
			problems = append(problems, DevicesProblem{Entry: e})
			continue
		}
		d := devices[m.device[i]]
		now := e
		now.Path = d.Path
		if e.ID.Type == DeviceName {
			now.ID.Name, now.Partition = d.Path, d.Partition
		}
		if d.Excluded == ExcludedNot { // otherwise nobody looked
			now.PVID = d.PVID
		}
		if now.Path != e.Path || now.ID != e.ID || now.Partition != e.Partition || now.PVID != e.PVID {
			problems = append(problems, DevicesProblem{Entry: e, Now: now})
		}
	}
	return problems
}

// Fix makes the entries right that [DevicesFile.Check] found wrong. Those whose
// device is missing stay: it may come back. It corresponds to lvmdevices
// --update.
func (f *DevicesFile) Fix(problems []DevicesProblem) {
	fixed := slices.Clone(f.Entries)
	for _, p := range problems {
		for i, e := range f.Entries {
			if !p.Missing() && e.ID == p.Entry.ID && e.Partition == p.Entry.Partition && e.PVID == p.Entry.PVID {
				fixed[i] = p.Now
			}
		}
	}
	f.Entries = fixed
}
