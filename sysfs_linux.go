package lvm

import (
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/pkg/errors"
	"golang.org/x/sys/unix"

	"github.com/lvm-go/lvm/units"
)

// Where the kernel shows what it knows.
const (
	sysfsRoot = "/sys"
	procRoot  = "/proc"
)

// readTopology reads the topology of the block device from the sysfs at root.
// What is not there, or makes no sense, is not known.
// Source: linux Documentation/ABI/stable/sysfs-block.
func readTopology(root string, number deviceNumber) topology {
	dir, err := blockDir(root, number)
	if err != nil {
		return topology{}
	}
	disk := dir
	if _, err := os.Stat(filepath.Join(dir, "partition")); err == nil {
		disk = filepath.Dir(dir) // partitions have no queue of their own
	}
	return topology{
		minimumIO:       readBytes(disk, "queue/minimum_io_size"),
		optimalIO:       readBytes(disk, "queue/optimal_io_size"),
		alignmentOffset: readBytes(dir, "alignment_offset"),
		mdStripeWidth:   mdStripeWidth(disk),
	}
}

// blockDir returns the directory of the block device in the sysfs at root.
func blockDir(root string, number deviceNumber) (string, error) {
	return filepath.EvalSymlinks(filepath.Join(root, "dev/block", number.String()))
}

// mdStripeWidth returns how much data one stripe of the MD array holds whose
// sysfs directory is dir; 0 for other devices and levels without stripes.
// Source: linux Documentation/admin-guide/md.rst.
func mdStripeWidth(dir string) units.Bytes {
	level, err := readLine(dir, "md/level")
	if err != nil {
		return 0
	}
	disks := readNumber(dir, "md/raid_disks")
	redundant := int64(0)
	switch level {
	case "raid0":
	case "raid4", "raid5":
		redundant = 1
	case "raid6":
		redundant = 2
	case "raid10":
		// Near copies are in the lowest byte of the layout, far ones in the next.
		layout := readNumber(dir, "md/layout")
		copies := (layout & 0xff) * (layout >> 8 & 0xff)
		if copies < 1 {
			return 0
		}
		redundant = disks - disks/copies
	default:
		return 0
	}
	chunk := readNumber(dir, "md/chunk_size")
	if chunk < 1 || chunk > 1<<40 || disks > 1<<20 || disks-redundant < 1 {
		return 0
	}
	return units.Bytes(chunk * (disks - redundant))
}

func readBytes(dir, name string) units.Bytes { return units.Bytes(max(readNumber(dir, name), 0)) }

// readNumber returns the number in a file, and 0 where there is none.
func readNumber(dir, name string) int64 {
	line, err := readLine(dir, name)
	if err != nil {
		return 0
	}
	// An MD attribute that is being changed shows the old value in brackets.
	line, _, _ = strings.Cut(line, " ")
	n, err := strconv.ParseInt(line, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

func readLine(dir, name string) (string, error) {
	text, err := os.ReadFile(filepath.Join(dir, name))
	return strings.TrimSpace(string(text)), err
}

// findUser returns who uses the block device, according to the sysfs and the
// procfs given; "" if nobody does.
func findUser(sysfs, proc string, number deviceNumber) (string, error) {
	dir, err := blockDir(sysfs, number)
	if err != nil {
		return "", errors.Wrapf(err, "find device %s", number)
	}
	holders, err := os.ReadDir(filepath.Join(dir, "holders"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", errors.Wrapf(err, "list holders of device %s", number)
	}
	if len(holders) > 0 {
		return "held by " + holders[0].Name(), nil
	}
	mounts, err := os.ReadFile(filepath.Join(proc, "self/mountinfo"))
	if err != nil {
		return "", errors.Wrap(err, "list mounts")
	}
	for line := range strings.Lines(string(mounts)) {
		if where := mountPoint(line, number); where != "" {
			return "mounted at " + where, nil
		}
	}
	swaps, err := os.ReadFile(filepath.Join(proc, "swaps"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", errors.Wrap(err, "list swap areas")
	}
	for line := range strings.Lines(string(swaps)) {
		path, _, _ := strings.Cut(line, " ")
		if isDevNode(unescapeMount(path), number) {
			return "swap", nil
		}
	}
	return "", nil
}

// mountPoint returns where the line of mountinfo has the device mounted, or "".
// File systems on several devices show one of their own number there; their
// source then is the path of one device.
// Source: linux Documentation/filesystems/proc.rst, 3.5.
func mountPoint(line string, number deviceNumber) string {
	mount, source, found := strings.Cut(line, " - ")
	fields, origin := strings.Fields(mount), strings.Fields(source)
	if !found || len(fields) < 5 || len(origin) < 2 {
		return ""
	}
	if fields[2] == number.String() || isDevNode(unescapeMount(origin[1]), number) {
		return unescapeMount(fields[4])
	}
	return ""
}

// isDevNode reports whether path is a node of the block device. Paths outside
// /dev are not looked at: those of network file systems may never answer.
func isDevNode(path string, number deviceNumber) bool {
	if !strings.HasPrefix(path, "/dev/") {
		return false
	}
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFBLK {
		return false
	}
	return number == deviceNumber{unix.Major(uint64(st.Rdev)), unix.Minor(uint64(st.Rdev))}
}

// unescapeMount undoes the octal escapes of procfs: "\040" is a space.
func unescapeMount(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if c, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(c))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
