package iocheck

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"unsafe"
)

// header is what a block says of itself. The rest of the block is made from it.
type header struct{ seed, block, number uint64 }

// headerSize is the length of a header and its checksum.
const headerSize = 32

const magic = 0x6b636f6c

var errNoBlock = errors.New("not written by a checker, or torn")

// encode fills b with a block.
func encode(b []byte, h header) {
	binary.LittleEndian.PutUint64(b, h.seed)
	binary.LittleEndian.PutUint64(b[8:], h.block)
	binary.LittleEndian.PutUint64(b[16:], h.number)
	binary.LittleEndian.PutUint32(b[24:], magic)
	x := h.seed ^ h.block<<32 ^ h.number | 1
	for i := headerSize; i < len(b); i += 8 {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		binary.LittleEndian.PutUint64(b[i:], x)
	}
	binary.LittleEndian.PutUint32(b[28:], sum(b))
}

// sum is the checksum of a block without its own four bytes.
func sum(b []byte) uint32 {
	return crc32.Update(crc32.ChecksumIEEE(b[:28]), crc32.IEEETable, b[headerSize:])
}

func decode(b []byte) (header, error) {
	if binary.LittleEndian.Uint32(b[24:]) != magic || binary.LittleEndian.Uint32(b[28:]) != sum(b) {
		return header{}, errNoBlock
	}
	return header{binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:]), binary.LittleEndian.Uint64(b[16:])}, nil
}

// alignment is what O_DIRECT wants of memory at most.
const alignment = 4096

// alignedBlock returns size bytes that may be read to and written from without
// the kernel's cache.
func alignedBlock(size int) []byte {
	b := make([]byte, size+alignment)
	off := int(-uintptr(unsafe.Pointer(&b[0])) & (alignment - 1))
	return b[off : off+size : off+size]
}
