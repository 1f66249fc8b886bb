package thinmeta

import (
	"encoding/binary"
	"fmt"

	"github.com/lvm-go/lvm/internal/pdata"
	"github.com/lvm-go/lvm/units"
)

// kindSuperblock is what the checksum of a superblock is combined with.
const kindSuperblock pdata.Kind = 160774

// magic of a superblock.
const magic = 27022010

// Versions of the format. Nothing that is read here differs between them.
const (
	minVersion = 1
	maxVersion = 2
)

// flagNeedsCheck: the kernel wants the metadata to be checked.
const flagNeedsCheck = 1

// Limits of the block size of a pool, which is a multiple of the smaller one.
const (
	minBlockSize units.Sectors = 128
	maxBlockSize units.Sectors = 1 << 21
)

// superblock is what block 0 says, and the copy of it that is a metadata
// snapshot.
//
// Source: Linux thin_disk_superblock; checked against what the kernel writes.
type superblock struct {
	flags       uint32
	time        uint32
	transaction uint64
	held        pdata.Block // superblock of the metadata snapshot; 0: none
	data        pdata.SpaceMap
	metadata    pdata.SpaceMap
	mapping     pdata.Block // tree of trees
	details     pdata.Block // tree
	blockSize   units.Sectors
}

func decodeSuperblock(at pdata.Block, b []byte) (superblock, error) {
	u32 := func(at int) uint32 { return binary.LittleEndian.Uint32(b[at:]) }
	u64 := func(at int) uint64 { return binary.LittleEndian.Uint64(b[at:]) }
	s := superblock{
		flags:       u32(4),
		time:        u32(44),
		transaction: u64(48),
		held:        pdata.Block(u64(56)),
		data:        pdata.DecodeSpaceMap(b[64:]),
		metadata:    pdata.DecodeSpaceMap(b[64+pdata.SpaceMapSize:]),
		mapping:     pdata.Block(u64(320)),
		details:     pdata.Block(u64(328)),
		blockSize:   units.Sectors(u32(336)),
	}
	switch version, incompatible := u32(40), u32(360); {
	case u64(32) != magic:
		return s, pdata.Damaged(at, "magic number %d, want %d", u64(32), magic)
	case version < minVersion || version > maxVersion:
		return s, fmt.Errorf("version %d: %w", version, ErrVersion)
	case incompatible != 0:
		return s, fmt.Errorf("incompatible features %#x: %w", incompatible, ErrVersion)
	case s.blockSize < minBlockSize || s.blockSize > maxBlockSize || s.blockSize%minBlockSize != 0:
		return s, pdata.Damaged(at, "data blocks of %d sectors", uint64(s.blockSize))
	case u32(340) != uint32(pdata.BlockSize.Sectors()):
		return s, pdata.Damaged(at, "metadata blocks of %d sectors", u32(340))
	}
	return s, nil
}
