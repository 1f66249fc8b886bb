package exception

import (
	"encoding/binary"
	"fmt"
	"math/bits"

	"github.com/lvm-go/lvm/units"
)

// sectorSize is what is written to a device as a whole or not at all.
const sectorSize = int64(units.SectorSize)

// maxChunk is the largest chunk that the kernel accepts, in sectors: one of 2^31
// bytes is "too high".
const maxChunk units.Sectors = 1 << 21

// magic is "SnAp", the last byte first.
const magic = 0x70416e53

// version is the only one there is.
const version = 1

// header is the beginning of the first chunk; the rest of it is not used.
//
// Source: Linux disk_header; checked against what the kernel writes.
type header struct {
	Magic   uint32
	Valid   uint32 // 0: the snapshot was given up
	Version uint32
	Chunk   uint32 // sectors
}

// encode returns the sector of the header.
func (h header) encode() []byte {
	b := make([]byte, 0, sectorSize)
	for _, v := range []uint32{h.Magic, h.Valid, h.Version, h.Chunk} {
		b = binary.LittleEndian.AppendUint32(b, v)
	}
	return b[:sectorSize]
}

// decodeHeader checks all but whether the snapshot was given up.
func decodeHeader(sector []byte) (header, error) {
	field := func(i int) uint32 { return binary.LittleEndian.Uint32(sector[4*i:]) }
	h := header{field(0), field(1), field(2), field(3)}
	switch {
	case h.Magic == 0:
		return h, ErrBlank
	case h.Magic != magic:
		return h, malformed(0, "magic number %#x, want %#x", h.Magic, uint32(magic))
	case h.Version != version:
		return h, fmt.Errorf("version %d: %w", h.Version, ErrVersion)
	case !validChunk(units.Sectors(h.Chunk)):
		return h, malformed(12, "chunks of %d sectors", h.Chunk)
	}
	return h, nil
}

func validChunk(c units.Sectors) bool { return bits.OnesCount64(uint64(c)) == 1 && c <= maxChunk }
