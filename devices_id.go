package lvm

import (
	"fmt"
	"strings"
)

// DeviceIDType says what a device is told by in lvm2's devices file.
type DeviceIDType string

// The types of identifiers that are found in sysfs, and the one that is used
// where there is none. Source: lvmdevices(8).
const (
	DeviceWWID      DeviceIDType = "sys_wwid"
	DeviceNAA       DeviceIDType = "wwid_naa"
	DeviceEUI       DeviceIDType = "wwid_eui"
	DeviceT10       DeviceIDType = "wwid_t10"
	DeviceSerial    DeviceIDType = "sys_serial"
	DeviceMultipath DeviceIDType = "mpath_uuid"
	DeviceCrypt     DeviceIDType = "crypt_uuid"
	DeviceLV        DeviceIDType = "lvmlv_uuid"
	DeviceMD        DeviceIDType = "md_uuid"
	DeviceLoopFile  DeviceIDType = "loop_file"
	DeviceName      DeviceIDType = "devname"
)

// DeviceID is something that tells a device from others for good; but for
// [DeviceName], which may stand for another device after the next start.
type DeviceID struct {
	Type DeviceIDType
	Name string
}

// String returns the identifier as the devices file has it.
func (id DeviceID) String() string { return fmt.Sprintf("IDTYPE=%s IDNAME=%s", id.Type, id.Name) }

// deviceIDs returns the identifiers of a device called name, the one to use
// first. Those of a partition are those of its disk, for which sysfs has them.
// Source: lvm2's devices file as observed.
func deviceIDs(b blockSysfs, name string) []DeviceID {
	var ids []DeviceID
	add := func(typ DeviceIDType, name string) {
		if name = idName(name); name != "" {
			ids = append(ids, DeviceID{typ, name})
		}
	}
	if uuid := b.dmUUID(); uuid != "" {
		for _, known := range []struct {
			prefix string
			typ    DeviceIDType
		}{{"mpath-", DeviceMultipath}, {"CRYPT-", DeviceCrypt}, {"LVM-", DeviceLV}} {
			if strings.HasPrefix(uuid, known.prefix) {
				add(known.typ, uuid)
			}
		}
	}
	if !b.isPartition() {
		add(DeviceMD, b.text(b.dir, "md/uuid"))
		add(DeviceLoopFile, b.text(b.dir, "loop/backing_file"))
	}
	if !b.isDM() {
		addWWID(add, b.wwid())
		add(DeviceSerial, b.serial())
	}
	add(DeviceName, name)
	return ids
}

// addWWID adds what the world-wide identifier gives, unless it is one that
// emulated disks have in common.
func addWWID(add func(DeviceIDType, string), wwid string) {
	if strings.Contains(wwid, "QEMU HARDDISK") || strings.Contains(wwid, "scsi_debug") {
		return
	}
	add(DeviceWWID, wwid)
	if short := strings.Join(strings.Fields(wwid), "_"); short != idName(wwid) {
		add(DeviceWWID, short) // as newer lvm2 writes it
	}
	for _, known := range []struct {
		prefix string
		typ    DeviceIDType
	}{{"naa.", DeviceNAA}, {"eui.", DeviceEUI}, {"t10.", DeviceT10}} {
		if strings.HasPrefix(wwid, known.prefix) {
			add(known.typ, wwid)
		}
	}
}

// idName returns an identifier as it can stand in the devices file.
func idName(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ' || r >= '\t' && r <= '\r':
			return '_'
		case r < ' ' || r == 0x7f:
			return -1
		}
		return r
	}, strings.TrimSpace(s))
}
