package lvm

import (
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
