package metadata

import (
	"bytes"
	"io"

	"github.com/pkg/errors"

	"github.com/lvm-go/lvm/units"
)

// Texts lie in a ring: the area without its header. A text starts on a boundary
// of 512 bytes and may run over the end of the area to the ring's beginning.
// The ring takes two texts of the largest size, so that the one in force is
// never written over.
//
// Source: LVM2 format_text; checked against testdata/corpus/ring-*.

// ringAlign is what the beginnings of texts, counted from the start of the
// area, are multiples of.
const ringAlign = units.SectorSize

// textLimit is the longest text that is read or written, however large the
// area is, so that an area's own word for the size of its text cannot make the
// reader take all memory. It is enough for 200 000 logical volumes.
const textLimit units.Bytes = 128 * units.MiB

// Write is something to be written at an offset from the start of a device.
type Write struct {
	Offset units.Bytes
	Data   []byte
}

// ring returns the length of the ring.
func (h *AreaHeader) ring() units.Bytes {
	if h.Size < AreaHeaderSize {
		return 0
	}
	return h.Size - AreaHeaderSize
}

// MaxTextSize returns how long a text can be in this area, its NUL included.
func (h *AreaHeader) MaxTextSize() units.Bytes {
	half := h.ring() / 2
	if half < ringAlign {
		return 0
	}
	return min(half-ringAlign, textLimit)
}

// NextLocation returns where text, which ends with its NUL, is to be written:
// behind the committed text, at a place where it leaves that text alone. The
// error is an *AreaFullError if text is too long, or a *FormatError that
// matches ErrInvalid if the committed slot makes no sense.
func (h *AreaHeader) NextLocation(text []byte) (RawLocation, error) {
	size := units.Bytes(len(text))
	if size == 0 || text[len(text)-1] != 0 {
		return RawLocation{}, &FormatError{Struct: "metadata text", Field: "end", Want: "NUL", Err: ErrInvalid}
	}
	if limit := h.MaxTextSize(); size > limit {
		return RawLocation{}, &AreaFullError{Start: h.Start, Need: size, Max: limit}
	}
	loc := RawLocation{Offset: AreaHeaderSize, Size: size, Checksum: Checksum(text)}
	old := h.Slots[SlotCommitted]
	if !old.InUse() || old.Ignored() {
		return loc, nil
	}
	if err := h.checkLocation(old); err != nil {
		return RawLocation{}, err
	}
	loc.Offset = h.after(old)
	if h.overlap(loc, old) {
		return RawLocation{}, &AreaFullError{Start: h.Start, Need: size, Max: h.ring() - old.Size}
	}
	return loc, nil
}

// after returns the first place for a text behind old.
func (h *AreaHeader) after(old RawLocation) units.Bytes {
	last := old.Offset + old.Size - 1
	if last >= h.Size {
		last -= h.ring()
	}
	if h.Size-last < ringAlign {
		return AreaHeaderSize
	}
	next := (last + ringAlign) / ringAlign * ringAlign // last + 1, rounded up
	if next > h.Size-ringAlign {
		return AreaHeaderSize
	}
	return next
}

// checkLocation reports whether loc lies in the ring.
func (h *AreaHeader) checkLocation(loc RawLocation) error {
	switch {
	case loc.Offset < AreaHeaderSize || loc.Offset >= h.Size:
		return &FormatError{Struct: "raw_locn", Field: "offset", Offset: h.Start,
			Got: uint64(loc.Offset), Err: ErrInvalid}
	case loc.Size == 0 || loc.Size > h.ring() || loc.Size > textLimit:
		return &FormatError{Struct: "raw_locn", Field: "size", Offset: h.Start,
			Got: uint64(loc.Size), Err: ErrInvalid}
	}
	return nil
}

// pieces cuts loc where the ring ends. The second piece may be empty.
func (h *AreaHeader) pieces(loc RawLocation) (first, second DiskArea) {
	room := h.Size - loc.Offset
	if loc.Size <= room {
		return DiskArea{loc.Offset, loc.Size}, DiskArea{AreaHeaderSize, 0}
	}
	return DiskArea{loc.Offset, room}, DiskArea{AreaHeaderSize, loc.Size - room}
}

// overlap reports whether a and b share bytes, counting a up to the end of its
// last sector.
func (h *AreaHeader) overlap(a, b RawLocation) bool {
	a.Size += h.padding(a)
	if a.Size > h.ring() {
		return true
	}
	a1, a2 := h.pieces(a)
	b1, b2 := h.pieces(b)
	for _, x := range [...]DiskArea{a1, a2} {
		for _, y := range [...]DiskArea{b1, b2} {
			if x.Size != 0 && y.Size != 0 && x.Offset < y.Offset+y.Size && y.Offset < x.Offset+x.Size {
				return true
			}
		}
	}
	return false
}

// padding returns how many zero bytes follow the text at loc: up to the end of
// its last sector, or of the area.
func (h *AreaHeader) padding(loc RawLocation) units.Bytes {
	first, second := h.pieces(loc)
	end := first.Offset + first.Size
	if second.Size != 0 {
		end = second.Offset + second.Size
	}
	pad := (ringAlign - end%ringAlign) % ringAlign
	return min(pad, h.Size-end)
}

// TextWrites returns the writes, one or two, that put text at loc, which
// [AreaHeader.NextLocation] gave for it. The last sector is filled with zeros. The writes may share memory with
// text and what lies behind it, which must not be changed before they are made.
func (h *AreaHeader) TextWrites(loc RawLocation, text []byte) []Write {
	if h.checkLocation(loc) != nil || loc.Size != units.Bytes(len(text)) {
		panic("metadata: the location was not made for this text") // to write nothing would lose the group
	}
	first, second := h.pieces(loc)
	padded := withZeros(text, int(h.padding(loc)))
	if second.Size == 0 {
		return []Write{{h.Start + first.Offset, padded}}
	}
	cut := int(first.Size) // less than len(text)
	return []Write{
		{h.Start + first.Offset, padded[:cut:cut]},
		{h.Start + second.Offset, padded[cut:]},
	}
}

// withZeros returns text with n zeros behind it. It copies the text, which may be long,
// only if there are none in memory already, as behind what was just encoded.
func withZeros(text []byte, n int) []byte {
	if n <= cap(text)-len(text) {
		padded := text[: len(text)+n : len(text)+n]
		if len(bytes.Trim(padded[len(text):], "\x00")) == 0 {
			return padded
		}
	}
	return append(text[:len(text):len(text)], make([]byte, n)...)
}

// ReadText reads the text at loc and checks it. The error matches ErrInvalid if
// loc does not lie in the area, ErrTruncated if r ends before the text does,
// ErrChecksum if the text is not what it was; or it is that of r, wrapped.
func (h *AreaHeader) ReadText(r io.ReaderAt, loc RawLocation) ([]byte, error) {
	if err := h.checkLocation(loc); err != nil {
		return nil, err
	}
	var text []byte
	first, second := h.pieces(loc)
	for _, p := range [...]DiskArea{first, second} {
		var err error
		if text, err = appendFrom(text, r, h.Start+p.Offset, p.Size, loc.Size); err != nil {
			return nil, errors.WithMessagef(err, "metadata text at byte %d", uint64(h.Start+loc.Offset))
		}
	}
	if sum := Checksum(text); sum != loc.Checksum {
		return nil, &FormatError{Struct: "metadata text", Field: "checksum", Offset: h.Start + loc.Offset,
			Got: sum, Want: loc.Checksum, Err: ErrChecksum}
	}
	return text, nil
}

// appendFrom appends size bytes of r, from offset at on, to b, which will have total
// bytes. It believes in that only as far as r gives bytes: memory is at most eight
// times what was read.
func appendFrom(b []byte, r io.ReaderAt, at, size, total units.Bytes) ([]byte, error) {
	const first = 512 * units.KiB
	for size > 0 {
		from := len(b)
		if from == cap(b) {
			b = append(make([]byte, 0, min(total, max(first, 8*units.Bytes(from)))), b...)
		}
		step := min(size, units.Bytes(cap(b)-from))
		b = b[:from+int(step)]
		n, err := readAt(r, b[from:], at)
		if err != nil {
			return nil, err
		}
		if n < int(step) {
			return nil, &FormatError{Struct: "metadata text", Offset: at, Got: n, Want: uint64(step), Err: ErrTruncated}
		}
		at += step // no overflow: a reader has no bytes beyond 2^63
		size -= step
	}
	return b, nil
}
