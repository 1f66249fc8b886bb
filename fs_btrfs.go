package lvm

import (
	"io"

	"github.com/lvm-go/lvm/units"
)

// Source: linux include/uapi/linux/btrfs_tree.h, btrfs_super_block and
// btrfs_dev_item; the least size is that of btrfs_ioctl_resize.
const (
	btrfsSuperAt = 64 * units.KiB
	btrfsDevItem = 201
	btrfsLabel   = 299
	btrfsLeast   = 256 * units.MiB
)

// readBtrfs reads the first superblock of btrfs.
func readBtrfs(r io.ReaderAt, _ Signature) (*superblock, error) {
	const typ = "btrfs"
	b, err := readAll(r, btrfsSuperAt, 4096)
	if err != nil {
		return nil, err
	}
	if string(b[64:72]) != "_BHRfS_M" {
		return nil, broken(typ, "only copies of it are there")
	}
	sector := uint64(le.Uint32(b[144:]))
	size, used := le.Uint64(b[btrfsDevItem+8:]), le.Uint64(b[120:])
	if !isBlockSize(sector, 512, 64<<10) || size == 0 || size > uint64(maxFSSize) || used > uint64(maxFSSize) {
		return nil, broken(typ, "%d bytes in blocks of %d bytes, %d bytes used", size, sector, used)
	}
	sb := &superblock{
		FileSystem: FileSystem{UUID: fsUUID(b[32:48]), Label: fsLabel(b[btrfsLabel : btrfsLabel+256]), Size: Bytes(size), BlockSize: Bytes(sector)},
		devid:      le.Uint64(b[btrfsDevItem:]),
		least:      max(btrfsLeast, Bytes(used)),
	}
	if n := le.Uint64(b[136:]); n != 1 {
		sb.refuse = fault(ErrUnsupported, "it lies on %d devices: use btrfs filesystem resize %d:...", n, sb.devid)
	}
	return sb, nil
}
