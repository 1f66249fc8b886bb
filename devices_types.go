package lvm

import (
	"strconv"
	"strings"
)

// deviceTypes are the drivers whose devices may be physical volumes, by how
// their names in /proc/devices begin, and how many minor numbers a disk of
// theirs has, its partitions included. Source: lvm2's type filter as observed.
var deviceTypes = [...]driverType{
	{"aoe", 16}, {"ataraid", 16}, {"bcache", 1}, {"blkext", 1}, {"cciss", 16},
	{"dac960", 8}, {"dasd", 4}, {"device-mapper", 1}, {"drbd", 16}, {"emcpower", 16},
	{"fio", 16}, {"gnbd", 1}, {"i2o_block", 16}, {"ida", 16}, {"ide", 64},
	{"iseries/vd", 8}, {"loop", 1}, {"md", 1}, {"mdp", 1}, {"mmc", 16},
	{"mtip32xx", 16}, {"nbd", 16}, {"nvme", 64}, {"power2", 16}, {"ps3disk", 16},
	{"ramdisk", 1}, {"rbd", 16}, {"scm", 8}, {"sd", 16}, {"skd", 16},
	{"ubd", 16}, {"vdisk", 8}, {"virtblk", 8}, {"vtms", 16}, {"VxDMP", 16},
	{"xvd", 16}, {"zram", 1}, {"zvol", 16},
}

// driverType is how the names of drivers begin, and the minors of their disks.
type driverType struct {
	name   string
	minors int
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
	var best driverType
	consider := func(t driverType) {
		if strings.HasPrefix(driver, t.name) && len(t.name) >= len(best.name) {
			best = t
		}
	}
	for _, t := range deviceTypes {
		consider(t)
	}
	for name, n := range more {
		consider(driverType{name, n})
	}
	return best.minors
}
