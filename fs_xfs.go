package lvm

import "io"

// readXFS reads the first superblock of xfs. It does not tell whether the journal
// is clean; growing is written to that alone at first.
// Source: XFS Algorithms & Data Structures, sb.
func readXFS(r io.ReaderAt, _ Signature) (*superblock, error) {
	const typ = "xfs"
	b, err := readAll(r, 0, 512)
	if err != nil {
		return nil, err
	}
	block, blocks := uint64(be.Uint32(b[4:])), be.Uint64(b[8:])
	if !isBlockSize(block, 512, 64<<10) {
		return nil, broken(typ, "blocks of %d bytes", block)
	}
	size, ok := blocksToBytes(blocks, Bytes(block))
	if !ok || size == 0 {
		return nil, broken(typ, "%d blocks of %d bytes", blocks, block)
	}
	sb := &superblock{FileSystem: FileSystem{UUID: fsUUID(b[32:48]), Label: fsLabel(b[108:120]), Size: size, BlockSize: Bytes(block)}, replay: true}
	if b[126] != 0 {
		sb.refuse = fault(ErrUnsupported, "mkfs.xfs has not finished")
	}
	return sb, nil
}
