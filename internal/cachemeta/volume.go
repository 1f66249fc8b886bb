package cachemeta

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"sort"

	"github.com/lvm-go/lvm/internal/pdata"
	"github.com/lvm-go/lvm/units"
)

// Volume is what a cached device holds. It may be used by several goroutines at
// once. It takes 16 bytes for each block that is in the cache.
type Volume struct {
	origin, data io.ReaderAt
	size         int64
	block        int64     // bytes
	cached       []mapping // in the order of the origin
	dirty        uint64
}

type mapping struct{ origin, cache Block }

// NewVolume returns what the cached device holds: size bytes of origin, and what
// data, the data device of the cache, has of them. Without data, which is nil
// then, the origin is all that is read.
//
// Returns an error matching [ErrDirty] if there is no data, but a block that is
// dirty, [ErrOutOfRange] if the size is none, or [ErrDamaged].
func NewVolume(c *Cache, size units.Bytes, origin, data io.ReaderAt) (*Volume, error) {
	if size > math.MaxInt64 {
		return nil, fmt.Errorf("cached device of %d bytes: %w", uint64(size), ErrOutOfRange)
	}
	block, _ := c.blockSize.Bytes()
	v := &Volume{origin: origin, data: data, size: int64(size), block: int64(block)}
	for m, err := range c.Mappings() {
		if err != nil {
			return nil, err
		}
		if m.Dirty {
			v.dirty++
		}
		if data != nil {
			v.cached = append(v.cached, mapping{m.Origin, m.Cache})
		}
	}
	if data == nil && v.dirty > 0 {
		return nil, fmt.Errorf("%d blocks: %w", v.dirty, ErrDirty)
	}
	slices.SortFunc(v.cached, func(a, b mapping) int { return cmp.Compare(a.origin, b.origin) })
	for i := 1; i < len(v.cached); i++ {
		if v.cached[i-1].origin == v.cached[i].origin {
			return nil, pdata.Damaged(c.mapping, "block %d of the origin is in the cache twice", uint64(v.cached[i].origin))
		}
	}
	return v, nil
}

// Size returns the size that was given.
func (v *Volume) Size() units.Bytes { return units.Bytes(v.size) }

// Dirty returns how many blocks are dirty.
func (v *Volume) Dirty() uint64 { return v.dirty }

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
	i := sort.Search(len(v.cached), func(i int) bool { return v.cached[i].origin >= Block(off/v.block) })
	for ; at < stop && i < len(v.cached) && v.cached[i].origin <= Block((stop-1)/v.block); i++ {
		m := v.cached[i]
		first := int64(m.origin) * v.block
		from, to := max(first, at), first+min(v.block, stop-first)
		if err := pdata.ReadFull(v.origin, p[at-off:from-off], at); err != nil {
			return int(at - off), err
		}
		if err := pdata.ReadFull(v.data, p[from-off:to-off], int64(m.cache)*v.block+from-first); err != nil {
			return int(from - off), err
		}
		at = to
	}
	if err := pdata.ReadFull(v.origin, p[at-off:], at); err != nil {
		return int(at - off), err
	}
	return len(p), end
}
