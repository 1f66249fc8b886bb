package lvm

import (
	"io"
	"io/fs"
	"path"
	"strconv"
	"strings"

	"github.com/lvm-go/lvm/units"
)

// blockSysfs is the directory of a block device in a sysfs, on any system.
// Source: linux Documentation/ABI/stable/sysfs-block.
type blockSysfs struct {
	fsys fs.FS
	dir  string // of the device
	disk string // of the disk that it is a partition of; otherwise dir
}

// openBlockSysfs finds the directory of a device; false if there is none.
func openBlockSysfs(fsys fs.FS, number deviceNumber) (blockSysfs, bool) {
	link := path.Join("dev/block", number.String())
	target, err := fs.ReadLink(fsys, link)
	if err != nil {
		return blockSysfs{}, false
	}
	dir := path.Join(path.Dir(link), target)
	if info, err := fs.Stat(fsys, dir); err != nil || !info.IsDir() {
		return blockSysfs{}, false
	}
	b := blockSysfs{fsys, dir, dir}
	if b.has("partition") {
		b.disk = path.Dir(dir)
	}
	return b, true
}

// name returns what the kernel calls the device: "sda1".
func (b blockSysfs) name() string { return path.Base(b.dir) }

func (b blockSysfs) isPartition() bool { return b.disk != b.dir }

func (b blockSysfs) has(name string) bool {
	_, err := fs.Stat(b.fsys, path.Join(b.dir, name))
	return err == nil
}

// text returns what the file has that is called name in the directory dir; ""
// if there is none.
func (b blockSysfs) text(dir, name string) string {
	f, err := b.fsys.Open(path.Join(dir, name))
	if err != nil {
		return ""
	}
	defer func() { _ = f.Close() }() // nothing was written
	const page = 4096                // all that sysfs shows in a file
	text, err := io.ReadAll(io.LimitReader(f, page))
	if err != nil {
		return ""
	}
	return strings.TrimRight(string(text), "\n")
}

func (b blockSysfs) number(dir, name string) uint64 {
	n, err := strconv.ParseUint(strings.TrimSpace(b.text(dir, name)), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// size returns how long the device is; sysfs counts sectors of 512 bytes.
func (b blockSysfs) size() units.Bytes {
	size, ok := units.Sectors(b.number(b.dir, "size")).Bytes()
	if !ok {
		return 0
	}
	return size
}

// blockSize returns the logical block size, 0 if it is not known.
func (b blockSysfs) blockSize() units.Bytes {
	return units.Bytes(b.number(b.disk, "queue/logical_block_size"))
}

func (b blockSysfs) dmUUID() string { return b.text(b.dir, "dm/uuid") }

func (b blockSysfs) isDM() bool { return b.has("dm") }

func (b blockSysfs) isSuspended() bool { return b.number(b.dir, "dm/suspended") != 0 }

// isMultipathMember reports whether a multipath device holds the disk.
func (b blockSysfs) isMultipathMember() bool {
	holders, err := fs.ReadDir(b.fsys, path.Join(b.disk, "holders"))
	if err != nil {
		return false
	}
	for _, h := range holders {
		if strings.HasPrefix(b.text(path.Join("block", h.Name()), "dm/uuid"), "mpath-") {
			return true
		}
	}
	return false
}

// wwid returns the world-wide identifier of the disk, as it is.
func (b blockSysfs) wwid() string {
	for _, name := range []string{"device/wwid", "wwid"} {
		if id := strings.TrimSpace(b.text(b.disk, name)); id != "" {
			return id
		}
	}
	return ""
}

// serial returns the serial number of the disk.
func (b blockSysfs) serial() string {
	for _, name := range []string{"device/serial", "serial"} {
		if id := strings.TrimSpace(b.text(b.disk, name)); id != "" {
			return id
		}
	}
	return ""
}
