package writecachemeta

import (
	"fmt"
	"io"
	"math"
	"sort"

	"github.com/lvm-go/lvm/units"
)

// Volume is what a cached device holds. It may be used by several goroutines at
// once.
type Volume struct {
	c      *Cache
	origin io.ReaderAt
	size   int64
}

// NewVolume returns what the cached device holds: size bytes of origin, and what
// the cache has of them.
//
// Returns an error matching [ErrOutOfRange] if the size is none.
func NewVolume(c *Cache, size units.Bytes, origin io.ReaderAt) (*Volume, error) {
	if size > math.MaxInt64 {
		return nil, fmt.Errorf("cached device of %d bytes: %w", uint64(size), ErrOutOfRange)
	}
	return &Volume{c, origin, int64(size)}, nil
}

// Size returns the size that was given.
func (v *Volume) Size() units.Bytes { return units.Bytes(v.size) }

// ReadAt reads as io.ReaderAt has it.
func (v *Volume) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, fmt.Errorf("read at byte %d: %w", off, ErrOutOfRange)
	}
	if off >= v.size {
		return 0, io.EOF
	}
	var end error
	if int64(len(p)) > v.size-off {
		p, end = p[:v.size-off], io.EOF
	}
	at, stop := off, off+int64(len(p))
	used := v.c.used
	i := sort.Search(len(used), func(i int) bool { return used[i].origin > off-v.c.block })
	for ; at < stop && i < len(used) && used[i].origin < stop; i++ {
		first := used[i].origin
		from, to := max(first, at), first+min(v.c.block, stop-first)
		if err := readFull(v.origin, p[at-off:from-off], at); err != nil {
			return int(at - off), err
		}
		if err := readFull(v.c.r, p[from-off:to-off], v.c.at(used[i])+from-first); err != nil {
			return int(from - off), err
		}
		at = to
	}
	if err := readFull(v.origin, p[at-off:], at); err != nil {
		return int(at - off), err
	}
	return len(p), end
}
