package metadata

import (
	"bytes"
	"encoding/binary"
	"io"
	"iter"
	"slices"

	"github.com/pkg/errors"

	"github.com/lvm-go/lvm/units"
)

// RawLabel is a sector taken for a label, whatever it holds: for those who want to know
// what is wrong with one.
type RawLabel struct {
	ID, Type [8]byte
	Sector   uint64
	Checksum uint32
	Offset   uint32 // of the PV header; here that is taken to be where LVM2 puts it
	// Sum is what Checksum is to be.
	Sum uint32

	PVID       [32]byte
	DeviceSize units.Bytes
	// The lists of areas, in the order in which they follow each other.
	Data, Metadata, Bootloader RawAreas
	ExtensionAt                int // where in the sector the extension lies; 0: no room
	ExtensionVersion           uint32
	ExtensionFlags             uint32
}

// RawAreas is a list of areas in a label.
type RawAreas struct {
	At    int // where in the sector it begins; 0: no room
	Areas []DiskArea
	Ended bool // the list has an end
}

// InspectLabel reads a sector as a label. Of what is wrong with it tells
// [RawLabel.Problems]; the error is that there is no whole sector.
func InspectLabel(sector []byte) (*RawLabel, error) {
	if len(sector) < int(units.SectorSize) {
		return nil, labelError{}.err("", len(sector), units.SectorSize, ErrTruncated)
	}
	sector = sector[:units.SectorSize]
	var h labelHeader
	if _, err := binary.Decode(sector, binary.LittleEndian, &h); err != nil {
		return nil, errors.Wrap(err, "label header")
	}
	l := &RawLabel{
		ID: h.ID, Type: h.Type, Sector: h.Sector, Checksum: h.Checksum, Offset: h.Offset, Sum: Checksum(sector[labelChecksumFrom:]),
		DeviceSize: units.Bytes(binary.LittleEndian.Uint64(sector[labelHeaderSize+len(ID{}):])),
	}
	copy(l.PVID[:], sector[labelHeaderSize:])
	rest := sector[labelHeaderSize+pvHeaderFixedSize:]
	l.Data, rest = inspectAreas(rest)
	l.Metadata, rest = inspectAreas(rest)
	if len(rest) < 8 {
		return l, nil
	}
	l.ExtensionAt = len(sector) - len(rest)
	l.ExtensionVersion, l.ExtensionFlags = binary.LittleEndian.Uint32(rest), binary.LittleEndian.Uint32(rest[4:])
	l.Bootloader, _ = inspectAreas(rest[8:])
	return l, nil
}

// inspectAreas reads a list at the start of what is left of a sector, and returns what
// is left behind it.
func inspectAreas(b []byte) (RawAreas, []byte) {
	if len(b) < diskAreaSize {
		return RawAreas{}, nil
	}
	areas, rest, ok := decodeDiskAreas(b)
	return RawAreas{At: int(units.SectorSize) - len(b), Areas: areas, Ended: ok}, rest
}

// Problems returns all that is wrong with the label, as it lies in the sector of that
// number.
func (l *RawLabel) Problems(number uint64) []*FormatError {
	var out []*FormatError
	check := func(ok bool, field string, got, want any, err error) {
		if !ok {
			out = append(out, &FormatError{Struct: "label_header", Field: field, Offset: units.Bytes(number) * units.SectorSize, Got: got, Want: want, Err: err})
		}
	}
	check(string(l.ID[:]) == labelMagic, "id", l.ID[:], labelMagic, ErrMagic)
	check(l.Sector == number, "sector", l.Sector, number, ErrInvalid)
	check(l.Checksum == l.Sum, "crc", l.Checksum, l.Sum, ErrChecksum)
	check(l.Offset == labelHeaderSize, "offset", l.Offset, uint32(labelHeaderSize), ErrInvalid)
	check(string(l.Type[:]) == labelType, "type", l.Type[:], labelType, ErrMagic)
	if id := ID(l.PVID); !id.valid() {
		out = append(out, &FormatError{Struct: "pv_header", Field: "pv_uuid", Offset: units.Bytes(number)*units.SectorSize + labelHeaderSize, Got: l.PVID[:], Err: ErrInvalid})
	}
	return out
}

// Label returns the label with the PV header that is in the sector of that number, and
// everything before that as it should be. The error is a [*FormatError] that matches
// ErrInvalid: the PV header makes no sense either.
func (l *RawLabel) Label(number uint64) (*Label, error) {
	out := &Label{
		Sector: number, PVID: l.PVID, DeviceSize: l.DeviceSize, DataAreas: l.Data.Areas, MetadataAreas: l.Metadata.Areas, ExtensionVersion: l.ExtensionVersion,
	}
	wrong := func(field string, got any) error {
		return &FormatError{Struct: "pv_header", Field: field, Offset: units.Bytes(number)*units.SectorSize + labelHeaderSize, Got: got, Err: ErrInvalid}
	}
	switch {
	case !out.PVID.valid():
		return nil, wrong("pv_uuid", l.PVID[:])
	case !l.Data.Ended || !l.Metadata.Ended || l.ExtensionVersion > 0 && !l.Bootloader.Ended:
		return nil, wrong("disk_locn", "no end")
	}
	if l.ExtensionVersion > 0 {
		out.ExtensionFlags, out.BootloaderAreas = l.ExtensionFlags, l.Bootloader.Areas
	}
	return out, nil
}

// RawAreaHeader is the header of a metadata area, whatever it holds.
type RawAreaHeader struct {
	Checksum uint32
	Magic    [16]byte
	Version  uint32
	Start    units.Bytes
	Size     units.Bytes
	Slots    [2]RawLocation
	// Sum is what Checksum is to be.
	Sum uint32
}

// InspectAreaHeader reads the header of a metadata area at start. Of what is wrong with it
// tells [RawAreaHeader.Problems]; the error is that of r, wrapped, or that it ends before.
func InspectAreaHeader(r io.ReaderAt, start units.Bytes) (*RawAreaHeader, error) {
	var b [AreaHeaderSize]byte
	n, err := readAt(r, b[:], start)
	if err != nil {
		return nil, errors.WithMessagef(err, "mda_header at byte %d", uint64(start))
	}
	var d areaHeader
	if _, err := binary.Decode(b[:], binary.LittleEndian, &d); err != nil || n < len(b) {
		return nil, &FormatError{Struct: "mda_header", Offset: start, Got: n, Want: AreaHeaderSize, Err: ErrTruncated}
	}
	h := &RawAreaHeader{
		Checksum: d.Checksum, Magic: d.Magic, Version: d.Version, Start: units.Bytes(d.Start), Size: units.Bytes(d.Size), Sum: Checksum(b[areaChecksumFrom:]),
	}
	for i, s := range d.Slots {
		h.Slots[i] = RawLocation{units.Bytes(s.Offset), units.Bytes(s.Size), s.Checksum, s.Flags}
	}
	return h, nil
}

// Problems returns all that is wrong with the header of the area that a label has.
func (h *RawAreaHeader) Problems(of DiskArea) []*FormatError {
	var out []*FormatError
	check := func(ok bool, field string, got, want any, err error) {
		if !ok {
			out = append(out, &FormatError{Struct: "mda_header", Field: field, Offset: of.Offset, Got: got, Want: want, Err: err})
		}
	}
	check(h.Checksum == h.Sum, "checksum", h.Checksum, h.Sum, ErrChecksum)
	check(string(h.Magic[:]) == areaMagic, "magic", h.Magic[:], []byte(areaMagic), ErrMagic)
	check(h.Version == areaVersion, "version", h.Version, uint32(areaVersion), ErrVersion)
	check(h.Start == of.Offset, "start", uint64(h.Start), uint64(of.Offset), ErrInvalid)
	check(h.Size == of.Size, "size", uint64(h.Size), uint64(of.Size), ErrInvalid)
	return out
}

// FoundText is a metadata text that lies on a device, in use or from former times.
type FoundText struct {
	Offset units.Bytes // from the start of the device
	Text   []byte      // with its NUL; in two pieces on the device if it runs over the end of the area
	// Document is what it says; nil, and Err why, if that makes no sense: the text may
	// have been written over in part.
	Document *Document
	Err      error
}

// FindTexts looks for all texts in a metadata area, whether or not its header is whole or
// knows of them, in the order in which they lie there. An area that is larger than two of
// the longest texts is read up to there. The error is that of r, wrapped; it is the last.
func FindTexts(r io.ReaderAt, area DiskArea) iter.Seq2[FoundText, error] {
	return func(yield func(FoundText, error) bool) {
		ring, err := readRing(r, area)
		if err != nil {
			yield(FoundText{}, errors.Wrapf(err, "metadata area at byte %d", uint64(area.Offset)))
			return
		}
		begins := textBegins(ring)
		for i, at := range begins {
			// What follows another beginning is not of this text any more.
			var pieces [][]byte
			if i+1 < len(begins) {
				pieces = [][]byte{ring[at:begins[i+1]]}
			} else {
				pieces = [][]byte{ring[at:], ring[:begins[0]]}
			}
			f := FoundText{Offset: area.Offset + AreaHeaderSize + units.Bytes(at)}
			f.Text, f.Err = untilNUL(pieces)
			if f.Err == nil {
				f.Document, f.Err = DecodeDocument(f.Text)
			}
			if !yield(f, nil) {
				return
			}
		}
	}
}

// readRing reads the ring of an area, as far as there is one.
func readRing(r io.ReaderAt, area DiskArea) ([]byte, error) {
	const most = units.Bytes(1<<63 - 1)
	if area.Size < AreaHeaderSize || area.Offset > most-AreaHeaderSize {
		return nil, nil
	}
	size := min(area.Size-AreaHeaderSize, 2*textLimit, most-area.Offset-AreaHeaderSize)
	return io.ReadAll(io.NewSectionReader(r, int64(area.Offset+AreaHeaderSize), int64(size)))
}

// textBegins returns where texts begin, as LVM2 writes them.
func textBegins(ring []byte) []int {
	var out []int
	for at := 0; at+int(ringAlign) <= len(ring); at += int(ringAlign) {
		name, rest, _ := bytes.Cut(ring[at:at+int(ringAlign)], []byte(" {\n"))
		if bytes.HasPrefix(rest, []byte("id = \"")) && CheckName(string(name)) == nil {
			out = append(out, at)
		}
	}
	return out
}

// untilNUL returns the pieces up to their first NUL, or that there is none.
func untilNUL(pieces [][]byte) ([]byte, error) {
	text := slices.Concat(pieces...)
	if n := bytes.IndexByte(text, 0); n >= 0 {
		return text[:n+1], nil
	}
	return text, &FormatError{Struct: "metadata text", Field: "end", Want: "NUL", Err: ErrTruncated}
}
