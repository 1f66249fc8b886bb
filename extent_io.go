package lvm

import (
	"fmt"
	"iter"
	"math"
	"math/bits"
	"strings"

	"github.com/lvm-go/lvm/metadata"
)

// Piece is a byte range of a logical volume that lies in one place.
type Piece struct {
	LVOffset Bytes // from the start of the logical volume
	Length   Bytes
	PV       metadata.ID // zero with Zero and Error
	Offset   Bytes       // from the start of the device that the PV is on
	Zero     bool        // reads as zeroes, writes have no effect
	Error    bool        // every access fails
}

// MapError says why a byte range of a logical volume cannot be mapped. It
// matches its Err: [ErrLVNotFound], [ErrPVNotFound], [ErrOutOfRange],
// [ErrOpaque], [ErrUnsupported], or [metadata.ErrInvalid].
type MapError struct {
	LV     string // name, or the id if there is none of that id
	Offset Bytes  // where the trouble begins
	Err    error
}

func (e *MapError) Error() string {
	return fmt.Sprintf("lv %s: byte %d: %v", e.LV, uint64(e.Offset), e.Err)
}

func (e *MapError) Unwrap() error { return e.Err }

// maxMapDepth bounds the logical volumes that lie on top of each other. A group
// that nests deeper is one whose volumes contain each other.
const maxMapDepth = 64

// Map returns the pieces that a byte range of a logical volume consists of, in
// the order of the range. Pieces that continue each other are one. An error is a
// *[MapError] and ends the sequence.
//
// Of a mirror, they are those of the leg that is read: the first; of a move that
// has been done, the second. What is to be written to a mirror that is no move
// belongs in all its legs, so it cannot be written by what Map says.
func (m *ExtentMap) Map(lv metadata.ID, offset, length Bytes) iter.Seq2[Piece, error] {
	return func(yield func(Piece, error) bool) {
		w := mapWalk{m: m, yield: yield}
		if w.volume(lv, offset, length, 0) {
			w.flush()
		}
	}
}

// mapWalk hands out the pieces of one range. Its methods return false when the
// sequence is over: after an error, or because nobody wants more.
type mapWalk struct {
	m     *ExtentMap
	yield func(Piece, error) bool
	last  Piece // not handed out yet, since the next may continue it
	next  Bytes // where the next piece begins, from the start of the range
}

func (w *mapWalk) flush() bool { return w.last.Length == 0 || w.yield(w.last, nil) }

func (w *mapWalk) fail(lv string, offset Bytes, err error) bool {
	if w.flush() {
		w.yield(Piece{}, &MapError{lv, offset, err})
	}
	return false
}

func (w *mapWalk) emit(p Piece) bool {
	p.LVOffset = w.next
	w.next += p.Length
	if w.last.Length > 0 && w.last.continuedBy(p) {
		w.last.Length += p.Length
		return true
	}
	ok := w.flush()
	w.last = p
	return ok
}

func (p Piece) continuedBy(next Piece) bool {
	if p.Zero || p.Error || next.Zero || next.Error {
		return p.Zero == next.Zero && p.Error == next.Error
	}
	return p.PV == next.PV && p.Offset+p.Length == next.Offset
}

// volume walks a range of a logical volume that lies below depth others.
func (w *mapWalk) volume(id metadata.ID, offset, length Bytes, depth int) bool {
	n, ok := w.m.lvIndex[id]
	if !ok {
		return w.fail(id.String(), offset, ErrLVNotFound)
	}
	lv := &w.m.lvs[n]
	if depth == 0 {
		w.next = offset
	}
	extent, ok := w.m.extentSize.Bytes()
	if !ok || extent == 0 || depth > maxMapDepth {
		return w.fail(lv.name, offset, metadata.ErrInvalid)
	}
	for length > 0 {
		s, ok := findSegment(lv.segments, Extents(offset/extent))
		if !ok {
			return w.fail(lv.name, offset, ErrOutOfRange)
		}
		seg := &lv.segments[s]
		// The segment begins at offset or before, so this cannot overflow.
		from := offset - Bytes(seg.Start)*extent
		part := length
		if size, ok := mulBytes(seg.Count, extent); ok {
			part = min(length, size-from)
		}
		if !w.segment(lv.name, offset, seg, from, part, depth) {
			return false
		}
		offset, length = offset+part, length-part
	}
	return true
}

// segment walks a range of a segment; at is where that is in the logical volume.
func (w *mapWalk) segment(lv string, at Bytes, seg *metadata.Segment, from, length Bytes, depth int) bool {
	switch b := seg.Body.(type) {
	case *metadata.Virtual:
		kind, _, _ := strings.Cut(seg.Type, "+")
		return w.emit(Piece{Length: length, Zero: kind == "zero", Error: kind != "zero"})
	case *metadata.Striped:
		return w.striped(lv, at, b, from, length, depth)
	case *metadata.Mirror:
		leg := readLeg(seg, b)
		if leg >= len(b.Legs) {
			return w.fail(lv, at, metadata.ErrInvalid)
		}
		return w.area(lv, at, b.Legs[leg], from, length, depth)
	case *metadata.Snapshot:
		return w.fail(lv, at, fault(ErrUnsupported, "it ties a snapshot to its origin, and has no data"))
	}
	return w.fail(lv, at, ErrOpaque)
}

func (w *mapWalk) striped(lv string, at Bytes, b *metadata.Striped, from, length Bytes, depth int) bool {
	n := Bytes(len(b.Stripes))
	if n == 1 {
		return w.area(lv, at, b.Stripes[0], from, length, depth)
	}
	chunk, ok := b.StripeSize.Bytes()
	if !ok || chunk == 0 || n == 0 {
		return w.fail(lv, at, metadata.ErrInvalid)
	}
	for length > 0 {
		number, in := from/chunk, from%chunk
		part := min(length, chunk-in)
		if !w.area(lv, at, b.Stripes[number%n], number/n*chunk+in, part, depth) {
			return false
		}
		from, at, length = from+part, at+part, length-part
	}
	return true
}

// area walks a range of an area, which lies on a physical volume or in another
// logical volume.
func (w *mapWalk) area(lv string, at Bytes, a metadata.Area, from, length Bytes, depth int) bool {
	extent, _ := w.m.extentSize.Bytes()
	start, ok := mulBytes(a.Start, extent)
	if !ok || start > math.MaxUint64-from {
		return w.fail(lv, at, metadata.ErrInvalid)
	}
	from += start
	if !a.LV.IsZero() {
		return w.volume(a.LV, from, length, depth+1)
	}
	p, ok := w.m.pv(a.PV)
	if !ok {
		return w.fail(lv, at, ErrPVNotFound)
	}
	data, ok := p.start.Bytes()
	end, fits := mulBytes(p.count, extent)
	if !ok || !fits || from > end || length > end-from || data > math.MaxUint64-end {
		return w.fail(lv, at, metadata.ErrInvalid)
	}
	return w.emit(Piece{Length: length, PV: a.PV, Offset: data + from})
}

// mulBytes returns the length of e extents; ok is false if that overflows.
func mulBytes(e Extents, extent Bytes) (b Bytes, ok bool) {
	hi, lo := bits.Mul64(uint64(e), uint64(extent))
	return Bytes(lo), hi == 0
}
