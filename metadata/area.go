package metadata

import (
	"encoding/binary"
	"io"

	"github.com/pkg/errors"

	"github.com/lvm-go/lvm/units"
)

// AreaHeaderSize is the length of a metadata area's header. The texts lie
// behind it.
const AreaHeaderSize units.Bytes = 512

// The slots of a metadata area's header.
const (
	SlotCommitted    = 0 // the text that counts
	SlotPrecommitted = 1 // a text on its way; readers take no notice of it
)

// RawIgnored is the bit of [RawLocation.Flags] that says that the metadata area
// is not in use. It only means something in the committed slot.
const RawIgnored uint32 = 1

// RawLocation says where a text lies in a metadata area.
//
// Source: LVM2 struct raw_locn.
type RawLocation struct {
	Offset   units.Bytes // from the start of the area; 0: the slot is empty
	Size     units.Bytes // of the text, with its trailing NUL
	Checksum uint32      // of these Size bytes
	Flags    uint32
}

// InUse reports whether there is a text.
func (l RawLocation) InUse() bool { return l.Offset != 0 }

// Ignored reports whether the area is marked as not to be read.
func (l RawLocation) Ignored() bool { return l.Flags&RawIgnored != 0 }

// AreaHeader is the header of a metadata area. It names the text in force, and
// while a group is being written, the next one.
type AreaHeader struct {
	Start units.Bytes // of the header, from the start of the device
	Size  units.Bytes // of the area, with the header
	Slots [2]RawLocation
}

// areaHeader is an area header on disk, without what is always zero.
//
// Source: LVM2 struct mda_header.
type areaHeader struct {
	Checksum uint32 // of all bytes behind this field
	Magic    [16]byte
	Version  uint32
	Start    uint64 // bytes
	Size     uint64 // bytes
	Slots    [2]struct {
		Offset   uint64 // bytes
		Size     uint64 // bytes
		Checksum uint32
		Flags    uint32
	}
}

const (
	areaMagic        = " LVM2 x[5A%r0N*>"
	areaVersion      = 1
	areaChecksumFrom = 4
)

// DecodeAreaHeader reads the header of the metadata area that begins at start.
// The error is a *FormatError that matches ErrTruncated, ErrChecksum, ErrMagic,
// ErrVersion or ErrInvalid, and it is the first of them that applies.
func DecodeAreaHeader(b []byte, start units.Bytes) (*AreaHeader, error) {
	fail := func(field string, got, want any, err error) (*AreaHeader, error) {
		return nil, &FormatError{Struct: "mda_header", Field: field, Offset: start, Got: got, Want: want, Err: err}
	}
	if len(b) < int(AreaHeaderSize) {
		return fail("", len(b), AreaHeaderSize, ErrTruncated)
	}
	b = b[:AreaHeaderSize]
	var d areaHeader
	if _, err := binary.Decode(b, binary.LittleEndian, &d); err != nil {
		return nil, errors.Wrap(err, "mda_header")
	}
	if sum := Checksum(b[areaChecksumFrom:]); sum != d.Checksum {
		return fail("checksum", d.Checksum, sum, ErrChecksum)
	}
	if string(d.Magic[:]) != areaMagic {
		return fail("magic", d.Magic[:], areaMagic, ErrMagic)
	}
	if d.Version != areaVersion {
		return fail("version", d.Version, areaVersion, ErrVersion)
	}
	if d.Start != uint64(start) {
		return fail("start", d.Start, uint64(start), ErrInvalid)
	}
	if d.Size < uint64(AreaHeaderSize) || d.Start+d.Size < d.Start {
		return fail("size", d.Size, nil, ErrInvalid)
	}
	h := &AreaHeader{Start: start, Size: units.Bytes(d.Size)}
	for i, s := range d.Slots {
		h.Slots[i] = RawLocation{units.Bytes(s.Offset), units.Bytes(s.Size), s.Checksum, s.Flags}
	}
	return h, nil
}

// ReadAreaHeader reads the header of the metadata area that begins at start.
// The error is one of [DecodeAreaHeader], or that of r, wrapped.
func ReadAreaHeader(r io.ReaderAt, start units.Bytes) (*AreaHeader, error) {
	var b [AreaHeaderSize]byte
	n, err := readAt(r, b[:], start)
	if err != nil {
		return nil, errors.WithMessagef(err, "mda_header at byte %d", uint64(start))
	}
	return DecodeAreaHeader(b[:n], start)
}

// readAt reads until b is full or r ends. A position that no reader can have
// counts as being behind the end.
func readAt(r io.ReaderAt, b []byte, at units.Bytes) (int, error) {
	const last = units.Bytes(1<<63 - 1)
	if at > last-units.Bytes(len(b)) {
		return 0, nil
	}
	n, err := r.ReadAt(b, int64(at))
	if err != nil && !errors.Is(err, io.EOF) {
		return n, errors.Wrap(err, "read")
	}
	return n, nil
}

// Encode returns the header as it lies on disk, [AreaHeaderSize] bytes.
func (h *AreaHeader) Encode() []byte {
	d := areaHeader{
		Magic:   [16]byte([]byte(areaMagic)),
		Version: areaVersion,
		Start:   uint64(h.Start),
		Size:    uint64(h.Size),
	}
	for i, s := range h.Slots {
		d.Slots[i].Offset = uint64(s.Offset)
		d.Slots[i].Size = uint64(s.Size)
		d.Slots[i].Checksum = s.Checksum
		d.Slots[i].Flags = s.Flags
	}
	b := make([]byte, AreaHeaderSize)
	if _, err := binary.Encode(b, binary.LittleEndian, &d); err != nil {
		panic("metadata: areaHeader has no fixed size") // only a change of this file could cause it
	}
	binary.LittleEndian.PutUint32(b, Checksum(b[areaChecksumFrom:]))
	return b
}
