package exception

import (
	"encoding/binary"
	"math"

	"github.com/lvm-go/lvm/units"
)

// Chunk is the number of a chunk of an origin, or of one of a store.
type Chunk uint64

// Exception says that a chunk of the origin is found in the store.
type Exception struct {
	Old Chunk // of the origin
	New Chunk // of the store
}

// entrySize is the length of an exception on the device: two 64-bit numbers.
//
// Source: Linux disk_exception.
const entrySize = 16

// perSector is how many exceptions are written at once.
const perSector = int(sectorSize / entrySize)

// layout says where in a store things are.
type layout struct {
	size   int64 // bytes of the store
	chunk  int64 // bytes of a chunk
	chunks Chunk // whole ones in the store; what is behind is not used
	area   int   // exceptions in an area
}

func newLayout(size int64, chunk units.Sectors) layout {
	bytes := int64(chunk) * sectorSize
	return layout{size: size, chunk: bytes, chunks: Chunk(size / bytes), area: int(bytes / entrySize)}
}

// offset returns where chunk c of the store, or of an origin, begins.
func (l layout) offset(c Chunk) int64 { return int64(c) * l.chunk }

// stride is the distance of two areas in chunks.
func (l layout) stride() Chunk { return Chunk(l.area) + 1 }

// areaChunk returns the chunk of an area. It may be beyond the end.
func (l layout) areaChunk(area int) Chunk { return 1 + Chunk(area)*l.stride() }

func (l layout) isArea(c Chunk) bool { return c > 0 && (c-1)%l.stride() == 0 }

// dataChunk returns c, or if that holds an area the chunk behind it.
func (l layout) dataChunk(c Chunk) Chunk {
	if l.isArea(c) {
		return c + 1
	}
	return c
}

// areasBefore counts the areas in front of chunk c, from 2 on.
func (l layout) areasBefore(c Chunk) Chunk { return (c-2)/l.stride() + 1 }

// entryOffset returns where exception i is, in an area that the store has.
func (l layout) entryOffset(i int) int64 {
	return l.offset(l.areaChunk(i/l.area)) + int64(i%l.area)*entrySize
}

// room returns how many exceptions fit behind the first n if the next data chunk
// is next. The last entry of an area can be used only if there is another area,
// since the list must have an end.
func (l layout) room(n int, next Chunk) int {
	if next >= l.chunks {
		return 0
	}
	areas := l.areasBefore(l.chunks)
	data := l.chunks - next - (areas - l.areasBefore(next))
	entries := areas*Chunk(l.area) - 1
	if Chunk(n) >= entries {
		return 0
	}
	return int(min(data, entries-Chunk(n), math.MaxInt))
}

func appendEntry(b []byte, e Exception) []byte {
	b = binary.LittleEndian.AppendUint64(b, uint64(e.Old))
	return binary.LittleEndian.AppendUint64(b, uint64(e.New))
}

func decodeEntry(b []byte) Exception {
	return Exception{Chunk(binary.LittleEndian.Uint64(b)), Chunk(binary.LittleEndian.Uint64(b[8:]))}
}
