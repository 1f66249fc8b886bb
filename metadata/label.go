package metadata

import (
	"bytes"
	"encoding/binary"
	"io"

	"github.com/pkg/errors"

	"github.com/lvm-go/lvm/units"
)

// LabelScanSize is how much of a device's start can hold a label: four sectors.
const LabelScanSize units.Bytes = 2048

// PVInUse is the bit of [Label.ExtensionFlags] that says that the physical
// volume belongs to a group, even if it holds no metadata area to say so.
const PVInUse uint32 = 1

// newestExtension is the last version of the header's extension that is known.
const newestExtension = 2

// DiskArea is a part of a device. As a data area, a Size of 0 means up to the
// end of the device.
type DiskArea struct{ Offset, Size units.Bytes }

// Label is what makes a device a physical volume: one sector that says which,
// and where its metadata areas and its data lie.
type Label struct {
	Sector           uint64 // where on the device this label lies, 0 to 3
	PVID             ID
	DeviceSize       units.Bytes // when the PV was made
	DataAreas        []DiskArea  // LVM2 writes one, of size 0
	MetadataAreas    []DiskArea  // none, one or two
	ExtensionVersion uint32      // 0: no extension, so no flags and no bootloader area
	ExtensionFlags   uint32
	BootloaderAreas  []DiskArea // none or one
}

// labelHeader is the start of a label sector.
//
// Source: LVM2 struct label_header.
type labelHeader struct {
	ID       [8]byte
	Sector   uint64
	Checksum uint32 // of what follows, to the end of the sector
	Offset   uint32 // of the PV header, from the start of the sector
	Type     [8]byte
}

const (
	labelHeaderSize   = 32
	labelChecksumFrom = 20
	pvHeaderFixedSize = 40 // of LVM2 struct pv_header: id and device size
)

const (
	labelMagic = "LABELONE"
	labelType  = "LVM2 001"
)

// InUse reports whether the label says that the PV belongs to a group.
func (l *Label) InUse() bool { return l.ExtensionVersion >= 2 && l.ExtensionFlags&PVInUse != 0 }

// ReadLabel finds the label of a device in its first four sectors: the first
// valid one counts. It reads once. Candidates that are not valid, or not the
// first, are returned as problems. Without a valid label the error matches
// [ErrNoLabel]; a failed read is returned as it is, wrapped.
func ReadLabel(r io.ReaderAt) (l *Label, problems []error, err error) {
	var buf [LabelScanSize]byte
	n, err := r.ReadAt(buf[:], 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, nil, errors.Wrap(err, "read label")
	}
	const size = int(units.SectorSize)
	for i := range n / size {
		sector := buf[i*size : (i+1)*size]
		if string(sector[:len(labelMagic)]) != labelMagic {
			continue
		}
		found, err := DecodeLabel(sector, uint64(i))
		switch {
		case err != nil:
			problems = append(problems, err)
		case l != nil:
			problems = append(problems, &FormatError{Struct: "label", Field: "second label",
				Offset: units.Bytes(i * size), Got: found.PVID.String(), Err: ErrInvalid})
		default:
			l = found
		}
	}
	if l == nil {
		return nil, problems, ErrNoLabel
	}
	return l, problems, nil
}

// DecodeLabel reads the label in the given sector, which is number number of
// its device. The error is a *FormatError that matches ErrTruncated, ErrMagic,
// ErrChecksum or ErrInvalid.
func DecodeLabel(sector []byte, number uint64) (*Label, error) {
	at := labelError{number}
	if len(sector) < int(units.SectorSize) {
		return nil, at.err("", len(sector), units.SectorSize, ErrTruncated)
	}
	sector = sector[:units.SectorSize]
	var h labelHeader
	if _, err := binary.Decode(sector, binary.LittleEndian, &h); err != nil {
		return nil, errors.Wrap(err, "label header")
	}
	if string(h.ID[:]) != labelMagic {
		return nil, at.err("id", h.ID[:], labelMagic, ErrMagic)
	}
	if h.Sector != number {
		return nil, at.err("sector", h.Sector, number, ErrInvalid)
	}
	if sum := Checksum(sector[labelChecksumFrom:]); sum != h.Checksum {
		return nil, at.err("crc", h.Checksum, sum, ErrChecksum)
	}
	if string(h.Type[:]) != labelType {
		return nil, at.err("type", h.Type[:], labelType, ErrMagic)
	}
	if h.Offset < labelHeaderSize || uint64(h.Offset) > uint64(len(sector)-pvHeaderFixedSize) {
		return nil, at.err("offset", h.Offset, labelHeaderSize, ErrInvalid)
	}
	return decodePVHeader(sector[h.Offset:], number)
}

// IsLabel reports whether sector begins as a label does, valid or not.
func IsLabel(sector []byte) bool { return bytes.HasPrefix(sector, []byte(labelMagic)) }

// labelError makes errors about the label in a sector.
type labelError struct{ sector uint64 }

func (e labelError) err(field string, got, want any, err error) error {
	return &FormatError{Struct: "label", Field: field, Offset: units.Bytes(e.sector) * units.SectorSize,
		Got: got, Want: want, Err: err}
}

// decodePVHeader reads LVM2's struct pv_header and struct pv_header_extension.
func decodePVHeader(b []byte, number uint64) (*Label, error) {
	at := labelError{number}
	l := &Label{Sector: number}
	copy(l.PVID[:], b)
	if !l.PVID.valid() {
		return nil, at.err("pv_uuid", l.PVID[:], "32 letters and digits", ErrInvalid)
	}
	l.DeviceSize = units.Bytes(binary.LittleEndian.Uint64(b[len(l.PVID):]))
	b = b[pvHeaderFixedSize:]

	var ok bool
	if l.DataAreas, b, ok = decodeDiskAreas(b); !ok {
		return nil, at.err("data areas", nil, nil, ErrTruncated)
	}
	if l.MetadataAreas, b, ok = decodeDiskAreas(b); !ok {
		return nil, at.err("metadata areas", nil, nil, ErrTruncated)
	}
	// Labels older than the extension may leave no room for one.
	if len(b) < 8 || binary.LittleEndian.Uint32(b) == 0 {
		return l, nil
	}
	l.ExtensionVersion = binary.LittleEndian.Uint32(b)
	l.ExtensionFlags = binary.LittleEndian.Uint32(b[4:])
	if l.BootloaderAreas, _, ok = decodeDiskAreas(b[8:]); !ok {
		return nil, at.err("bootloader areas", nil, nil, ErrTruncated)
	}
	return l, nil
}

const diskAreaSize = 16 // LVM2 struct disk_locn

// decodeDiskAreas reads a list of areas up to the one with offset 0 and returns
// what follows. ok is false if the list does not end.
func decodeDiskAreas(b []byte) (areas []DiskArea, rest []byte, ok bool) {
	for len(b) >= diskAreaSize {
		a := DiskArea{
			Offset: units.Bytes(binary.LittleEndian.Uint64(b)),
			Size:   units.Bytes(binary.LittleEndian.Uint64(b[8:])),
		}
		b = b[diskAreaSize:]
		if a.Offset == 0 {
			return areas, b, true
		}
		areas = append(areas, a)
	}
	return nil, nil, false
}

// Encode returns the sector that holds the label. The error matches ErrInvalid
// if the label cannot be written: it has too many areas, an area at offset 0,
// or no valid PVID. It matches ErrVersion if the extension is of a version whose
// content is not known.
func (l *Label) Encode() ([]byte, error) {
	at := labelError{l.Sector}
	if uint64(LabelScanSize/units.SectorSize) <= l.Sector {
		return nil, at.err("sector", l.Sector, "0 to 3", ErrInvalid)
	}
	if !l.PVID.valid() {
		return nil, at.err("pv_uuid", l.PVID[:], "32 letters and digits", ErrInvalid)
	}
	if l.ExtensionVersion > newestExtension {
		return nil, at.err("extension version", l.ExtensionVersion, newestExtension, ErrVersion)
	}
	if l.ExtensionVersion == 0 && (l.ExtensionFlags != 0 || len(l.BootloaderAreas) != 0) {
		return nil, at.err("extension version", 0, newestExtension, ErrInvalid)
	}

	b := make([]byte, 0, units.SectorSize)
	b, err := binary.Append(b, binary.LittleEndian, labelHeader{
		ID: [8]byte([]byte(labelMagic)), Sector: l.Sector, Offset: labelHeaderSize, Type: [8]byte([]byte(labelType)),
	})
	if err != nil {
		return nil, errors.Wrap(err, "label header")
	}
	b = append(b, l.PVID[:]...)
	b = binary.LittleEndian.AppendUint64(b, uint64(l.DeviceSize))
	for _, list := range [][]DiskArea{l.DataAreas, l.MetadataAreas} {
		if b, err = l.appendAreas(b, list); err != nil {
			return nil, err
		}
	}
	if l.ExtensionVersion != 0 {
		b = binary.LittleEndian.AppendUint32(b, l.ExtensionVersion)
		b = binary.LittleEndian.AppendUint32(b, l.ExtensionFlags)
		if b, err = l.appendAreas(b, l.BootloaderAreas); err != nil {
			return nil, err
		}
	}
	if len(b) > int(units.SectorSize) {
		return nil, at.err("areas", len(b), units.SectorSize, ErrInvalid)
	}
	b = append(b, make([]byte, int(units.SectorSize)-len(b))...)
	binary.LittleEndian.PutUint32(b[16:], Checksum(b[labelChecksumFrom:]))
	return b, nil
}

func (l *Label) appendAreas(b []byte, areas []DiskArea) ([]byte, error) {
	for _, a := range append(areas[:len(areas):len(areas)], DiskArea{}) {
		b = binary.LittleEndian.AppendUint64(b, uint64(a.Offset))
		b = binary.LittleEndian.AppendUint64(b, uint64(a.Size))
	}
	for _, a := range areas {
		if a.Offset == 0 {
			return nil, labelError{l.Sector}.err("areas", 0, "an offset", ErrInvalid)
		}
	}
	return b, nil
}
