package lvm

import (
	"os"
	"strconv"
	"strings"

	"github.com/lvm-go/lvm/dm"
	"golang.org/x/sys/unix"
)

// blockDeviceNumber returns the major:minor of the block device at path; false
// if there is none.
func blockDeviceNumber(path string) (string, bool) {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFBLK {
		return "", false
	}
	rdev := uint64(st.Rdev)
	return dm.MakeDev(unix.Major(rdev), unix.Minor(rdev)).String(), true
}

// mappedMajor returns the major number of mapped devices; 0 if that is not known.
// Source: proc(5), /proc/devices.
func mappedMajor() uint32 {
	list, err := os.ReadFile("/proc/devices")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(list)) {
		if f := strings.Fields(line); len(f) == 2 && f[1] == "device-mapper" {
			if major, err := strconv.ParseUint(f[0], 10, 12); err == nil && major > 0 {
				return uint32(major)
			}
		}
	}
	return 0
}
