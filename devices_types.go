package lvm

import (
	"slices"
	"strconv"
	"strings"
)

// DeviceType is a kind of block devices that may be physical volumes.
type DeviceType struct {
	// Name is how the names of its drivers in /proc/devices begin.
	Name string
	// Minors is how many minor numbers a disk has, its partitions included: with 1,
	// the numbers do not tell partitions from disks.
	Minors int
	// Description is as lvm2 has it.
	Description string
}

// DeviceTypes returns the kinds of devices that are looked at without being listed in
// [ScanOptions.Types], in lvm2's order. lvm2: lvm devtypes.
func DeviceTypes() []DeviceType { return slices.Clone(deviceTypes[:]) }

// Source: lvm devtypes as observed.
var deviceTypes = [...]DeviceType{
	{"sd", 16, "SCSI disk"},
	{"ide", 64, "IDE disk"},
	{"md", 1, "Multiple Disk (MD/SoftRAID)"},
	{"loop", 1, "Loop device"},
	{"ramdisk", 1, "RAM disk"},
	{"device-mapper", 1, "Mapped device"},
	{"mdp", 1, "Partitionable MD"},
	{"dasd", 4, "DASD disk (IBM S/390, zSeries)"},
	{"dac960", 8, "DAC960"},
	{"nbd", 16, "Network Block Device"},
	{"ida", 16, "Compaq SMART2"},
	{"cciss", 16, "Compaq CCISS array"},
	{"ubd", 16, "User-mode virtual block device"},
	{"ataraid", 16, "ATA Raid"},
	{"drbd", 16, "Distributed Replicated Block Device (DRBD)"},
	{"rbd", 16, "Ceph rados object as a Linux block device"},
	{"emcpower", 16, "EMC Powerpath"},
	{"power2", 16, "EMC Powerpath"},
	{"i2o_block", 16, "i2o Block Disk"},
	{"iseries/vd", 8, "iSeries disks"},
	{"gnbd", 1, "Network block device"},
	{"aoe", 16, "ATA over Ethernet"},
	{"xvd", 16, "Xen virtual block device"},
	{"vdisk", 8, "SUN's LDOM virtual block device"},
	{"ps3disk", 16, "PlayStation 3 internal disk"},
	{"virtblk", 8, "VirtIO disk"},
	{"mmc", 16, "MMC block device"},
	{"blkext", 1, "Extended device partitions"},
	{"fio", 16, "Fusion IO"},
	{"mtip32xx", 16, "Micron PCIe SSD"},
	{"vtms", 16, "Violin Memory"},
	{"skd", 16, "STEC"},
	{"scm", 8, "Storage Class Memory (IBM S/390)"},
	{"bcache", 1, "bcache block device cache"},
	{"nvme", 64, "NVM Express"},
	{"zvol", 16, "ZFS Zvols"},
	{"VxDMP", 16, "Veritas Dynamic Multipathing"},
}

// majorType is what the major number of a device says.
type majorType struct {
	name   string // of the driver
	minors int    // that a disk has
}

// parseMajors reads /proc/devices: the block drivers that this kernel has, as
// far as their names begin with one of those in deviceTypes or more. Of several
// the longest counts.
func parseMajors(text string, more map[string]int) map[uint32]majorType {
	majors := map[uint32]majorType{}
	block := false
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		switch {
		case len(fields) == 2 && fields[1] == "devices:":
			block = fields[0] == "Block"
		case block && len(fields) == 2:
			major, err := strconv.ParseUint(fields[0], 10, 32)
			if err != nil {
				continue
			}
			if minors := minorsOf(fields[1], more); minors > 0 {
				majors[uint32(major)] = majorType{fields[1], minors}
			}
		}
	}
	return majors
}

// minorsOf returns how many minors a disk of the driver has; 0 if its devices
// are not looked at.
func minorsOf(driver string, more map[string]int) int {
	var best DeviceType
	consider := func(t DeviceType) {
		if strings.HasPrefix(driver, t.Name) && len(t.Name) >= len(best.Name) {
			best = t
		}
	}
	for _, t := range deviceTypes {
		consider(t)
	}
	for name, n := range more {
		consider(DeviceType{Name: name, Minors: n})
	}
	return best.Minors
}
