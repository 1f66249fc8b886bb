package lvm

import "io"

// Source: linux Documentation/filesystems/ext4/super.rst.
const (
	extSuperAt = 1024

	extValid   = 0x1 // states
	extErrors  = 0x2
	extRecover = 0x4 // incompatible features: its journal holds changes
	extJournal = 0x8 // it is a journal only
	ext64Bit   = 0x80
	extSparse2 = 0x200 // compatible
)

// readExt reads the superblock of ext2, ext3 and ext4.
func readExt(r io.ReaderAt, _ Signature) (*superblock, error) {
	const typ = "ext"
	b, err := readAll(r, extSuperAt, 1024)
	if err != nil {
		return nil, err
	}
	logBlock := le.Uint32(b[0x18:])
	if logBlock > 6 {
		return nil, broken(typ, "blocks of 2^%d KiB", logBlock)
	}
	block := Bytes(1024) << logBlock
	blocks, free := uint64(le.Uint32(b[0x4:])), uint64(le.Uint32(b[0xc:]))
	compat, incompat := le.Uint32(b[0x5c:]), le.Uint32(b[0x60:])
	if incompat&ext64Bit != 0 {
		blocks |= uint64(le.Uint32(b[0x150:])) << 32
		free |= uint64(le.Uint32(b[0x158:])) << 32
	}
	size, ok := blocksToBytes(blocks, block)
	if !ok || blocks == 0 || free > blocks {
		return nil, broken(typ, "%d blocks of %s, %d of them free", blocks, block, free)
	}
	sb := &superblock{FileSystem: FileSystem{UUID: fsUUID(b[0x68:0x78]), Label: fsLabel(b[0x78:0x88]), Size: size, BlockSize: block}}
	sb.least = Bytes(max(blocks-free, 1)) * block
	if incompat&ext64Bit == 0 {
		sb.most = (1<<32 - 1) * block
	}
	state := le.Uint16(b[0x3a:])
	sb.errors = state&extErrors != 0
	sb.replay = incompat&extRecover != 0
	sb.unclean = state&extValid == 0 && incompat&extRecover == 0
	if compat&extSparse2 != 0 {
		sb.offlineOnly = "of its feature sparse_super2"
	}
	if incompat&extJournal != 0 {
		sb.refuse = fault(ErrUnsupported, "it is the journal of another file system")
	}
	return sb, nil
}
