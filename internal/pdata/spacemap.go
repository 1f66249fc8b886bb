package pdata

import (
	"encoding/binary"
)

// bitmapHeader is the length of the header of a bitmap.
//
// Source: Linux disk_bitmap_header: checksum, four bytes that are not used, own
// number. Behind it are two bits for each block, the higher one first.
const bitmapHeader = 16

const (
	bitmapBytes   = int(BlockSize) - bitmapHeader
	bitmapEntries = Block(bitmapBytes) * 4
)

// maxBitmaps is how many bitmaps the index of the space map of a metadata device
// has room for.
const maxBitmaps = 255

// indexHeader is the length of the header of that index: checksum, four bytes
// that are not used, own number. Behind it are entries.
const indexHeader = 16

// indexSize is the length of an entry of an index.
//
// Source: Linux disk_index_entry: block of the bitmap, number of free blocks,
// and a block that none before is free.
const indexSize = 16

// countSize is the length of a count in the tree of those that a bitmap has no
// room for.
const countSize = 4

// many in a bitmap says that the count is in that tree.
const many = 3

// SpaceMap counts the pointers to each block of a device.
type SpaceMap struct {
	Blocks uint64 // of the device that it is of
	Used   uint64
	index  Block // of bitmaps
	counts Block // tree of counts from 3 on
}

// SpaceMapSize is the length of the description of a space map in a superblock.
const SpaceMapSize = 128

// DecodeSpaceMap reads the description of a space map.
//
// Source: Linux disk_sm_root.
func DecodeSpaceMap(b []byte) SpaceMap {
	field := binary.LittleEndian.Uint64
	return SpaceMap{field(b), field(b[8:]), Block(field(b[16:])), Block(field(b[24:]))}
}

// readBitmap returns the two bits of each block that a bitmap is for.
func (d *Device) readBitmap(b Block) ([]byte, error) {
	data, err := d.Read(b, KindBitmap, 8)
	if err != nil {
		return nil, err
	}
	return data[bitmapHeader:], nil
}

// twoBits returns the count that a bitmap has for its block i.
func twoBits(bitmap []byte, i uint64) uint32 {
	two := bitmap[i/4] >> (i % 4 * 2)
	return uint32(two&1<<1 | two>>1&1)
}

func setTwoBits(bitmap []byte, i uint64, n uint32) {
	shift := i % 4 * 2
	bitmap[i/4] = bitmap[i/4]&^(3<<shift) | byte(n>>1&1|n&1<<1)<<shift
}
