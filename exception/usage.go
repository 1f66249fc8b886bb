package exception

import (
	"fmt"
	"io"
	"math"

	"github.com/lvm-go/lvm/units"
)

// Check reads the header of the store on a device of that size, whose first
// sectors decide whether the kernel takes it at all. It returns nil, or an error
// matching [ErrBlank] or [ErrInvalid], both of which the kernel takes, [ErrFormat],
// [ErrVersion] or [ErrOutOfRange].
func Check(cow io.ReaderAt, size units.Bytes) error {
	_, err := readLayout(cow, size)
	return err
}

// ReadChunkSize returns the size of the chunks of the store in the first size bytes of
// cow. It returns the errors of [Check].
func ReadChunkSize(cow io.ReaderAt, size units.Bytes) (units.Sectors, error) {
	l, err := readLayout(cow, size)
	if err != nil {
		return 0, err
	}
	return units.Bytes(l.chunk).Sectors(), nil
}

// ReadUsage returns how full the store in the first size bytes of cow is, as
// [Store.Usage] does, without keeping its exceptions in memory. That all of them
// make sense is not checked. Returns an error matching [ErrBlank], [ErrInvalid],
// [ErrVersion] or [ErrFormat].
func ReadUsage(cow io.ReaderAt, size units.Bytes) (Usage, error) {
	l, err := readLayout(cow, size)
	if err != nil {
		return Usage{}, err
	}
	next := Chunk(2)
	buf := make([]byte, min(l.chunk, bufferSize))
	for area := 0; ; area++ {
		c := l.areaChunk(area)
		if c >= l.chunks {
			return Usage{}, malformed(l.offset(l.areaChunk(area-1)), "the list of exceptions has no end")
		}
		for at := l.offset(c); at < l.offset(c+1); at += int64(len(buf)) {
			if err := read(cow, buf, at); err != nil {
				return Usage{}, err
			}
			for i := 0; i < len(buf); i += entrySize {
				e := decodeEntry(buf[i:])
				switch {
				case e.New == 0:
					return l.usage(next, Chunk(area)+1), nil
				case e.New >= l.chunks || l.isArea(e.New):
					return Usage{}, malformed(at+int64(i), "exception for chunk %d points to chunk %d, which is none for data", e.Old, e.New)
				}
				next = max(next, l.dataChunk(e.New+1))
			}
		}
	}
}

// readLayout reads the header of a store that was not given up.
func readLayout(cow io.ReaderAt, size units.Bytes) (layout, error) {
	if size > math.MaxInt64 {
		return layout{}, fmt.Errorf("exception store of %d bytes: %w", uint64(size), ErrOutOfRange)
	}
	if int64(size) < sectorSize {
		return layout{}, malformed(0, "%d bytes cannot hold a header", uint64(size))
	}
	sector := make([]byte, sectorSize)
	if err := read(cow, sector, 0); err != nil {
		return layout{}, err
	}
	h, err := decodeHeader(sector)
	if err != nil {
		return layout{}, err
	}
	l := newLayout(int64(size), units.Sectors(h.Chunk))
	if l.chunks < 2 {
		return layout{}, malformed(12, "chunks of %d sectors in a store of %d bytes", h.Chunk, uint64(size))
	}
	if h.Valid == 0 {
		return layout{}, ErrInvalid
	}
	return l, nil
}

// usage returns that of a store whose next data chunk is next.
func (l layout) usage(next, areas Chunk) Usage {
	sectors := func(bytes int64) units.Sectors { return units.Bytes(bytes).Sectors() }
	return Usage{sectors(l.offset(next)), sectors(l.size), sectors(l.offset(1 + areas))}
}
