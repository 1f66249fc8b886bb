package lvm

import (
	"github.com/lvm-go/lvm/metadata"
	"github.com/lvm-go/lvm/units"
)

// Layout of a physical volume. Source: lvm2 as observed.
const (
	labelSector     = 1
	labelSectors    = int(metadata.LabelScanSize / units.SectorSize)
	firstAreaStart  = 4 * units.KiB
	minAreaSize     = 32 * units.KiB
	minDeviceSize   = 2 * units.MiB
	defaultPVAlign  = units.MiB
	defaultAreaSize = defaultPVAlign - firstAreaStart
	// wipedAreaStart is how much of a new metadata area is zeroed in front.
	wipedAreaStart = 8 * units.SectorSize
)

// layoutPV decides where a PV's areas and extents lie on a device of some size,
// of which at least as much as said has to be used. If it is restored, the
// extents that are there already are returned as well.
func layoutPV(spec PVSpec, device, least Bytes, facts deviceFacts) (*metadata.Label, metadata.DiskArea, error) {
	none := metadata.DiskArea{}
	size, err := usedSize(spec.Size, device, least)
	if err != nil {
		return nil, none, err
	}
	align, offset := alignment(spec, facts)
	if err := checkPVSizes(spec, size, align, offset); err != nil {
		return nil, none, err
	}
	label := &metadata.Label{Sector: labelSector, PVID: spec.ID, DeviceSize: size, ExtensionVersion: 2}
	if spec.LabelSector != nil {
		label.Sector = uint64(*spec.LabelSector)
	}
	if spec.RestoreFrom != nil {
		extents, err := layoutRestored(spec, label, align)
		return label, extents, err
	}
	data := alignUp(firstAreaStart, align) + offset
	if spec.Areas != NoArea {
		want := spec.MetadataSize
		if want == 0 {
			want = defaultAreaSize
		}
		data = alignUp(firstAreaStart+max(want, minAreaSize), align) + offset
		label.MetadataAreas = append(label.MetadataAreas, metadata.DiskArea{Offset: firstAreaStart, Size: data - firstAreaStart})
	}
	if spec.BootloaderSize != 0 {
		boot := metadata.DiskArea{Offset: data, Size: alignUp(spec.BootloaderSize, align)}
		label.BootloaderAreas = []metadata.DiskArea{boot}
		data += boot.Size
	}
	end := size
	if spec.Areas == TwoAreas {
		want := spec.MetadataSize
		if want == 0 {
			want = defaultAreaSize
		}
		if end, err = layoutLastArea(label, want, align); err != nil {
			return nil, none, err
		}
	}
	if data >= end {
		return nil, none, fault(ErrInvalidSpec, "device of %s has no room for extents behind %s of metadata", size, data)
	}
	label.DataAreas = []metadata.DiskArea{{Offset: data}}
	return label, none, nil
}

// usedSize returns how much of a device is used.
func usedSize(asked, device, least Bytes) (Bytes, error) {
	size := asked
	if size == 0 {
		size = device
	}
	switch {
	case size < least:
		return 0, fault(ErrInvalidSpec, "size of %s is less than the least of %s", size, least)
	case size > device:
		return 0, fault(ErrInvalidSpec, "the device has %s, less than the size of %s", device, size)
	case asked%units.SectorSize != 0:
		return 0, fault(ErrInvalidSpec, "size of %d bytes is not a number of sectors", uint64(asked))
	}
	return size, nil
}

// checkPVSizes refuses sizes that no layout has. What it lets pass can be added
// and rounded without overflow.
func checkPVSizes(spec PVSpec, size, align, offset Bytes) error {
	if spec.LabelSector != nil && (*spec.LabelSector < 0 || *spec.LabelSector >= labelSectors) {
		return fault(ErrInvalidSpec, "label sector %d is none of 0 to %d", *spec.LabelSector, labelSectors-1)
	}
	if spec.Areas < OneArea || spec.Areas > NoArea {
		return fault(ErrInvalidSpec, "number %d of metadata areas is unknown", spec.Areas)
	}
	for _, v := range []struct {
		what string
		size Bytes
	}{
		{"alignment", align}, {"alignment offset", offset}, {"metadata size", spec.MetadataSize}, {"bootloader size", spec.BootloaderSize},
	} {
		if v.size > size {
			return fault(ErrInvalidSpec, "%s of %s does not suit a device of %s", v.what, v.size, size)
		}
	}
	switch {
	case align%units.SectorSize != 0 || offset%units.SectorSize != 0:
		return fault(ErrInvalidSpec, "alignment of %s and offset of %s have to be numbers of sectors", align, offset)
	case offset > align:
		return fault(ErrInvalidSpec, "alignment of %s is less than its offset of %s", align, offset)
	}
	return nil
}

// layoutLastArea puts a metadata area at the end and returns where it begins.
func layoutLastArea(label *metadata.Label, want, align Bytes) (Bytes, error) {
	size := label.DeviceSize
	want = alignUp(max(want, minAreaSize), units.SectorSize)
	whole := size - size%units.SectorSize
	if want >= whole {
		return 0, fault(ErrInvalidSpec, "metadata area of %s does not fit a device of %s", want, size)
	}
	start := (whole - want) / align * align
	label.MetadataAreas = append(label.MetadataAreas, metadata.DiskArea{Offset: start, Size: whole - start})
	return start, nil
}

// alignment returns what the data's position is a multiple of, and what is
// added to that: as asked for, or as the device prefers.
func alignment(spec PVSpec, facts deviceFacts) (align, offset Bytes) {
	if offset = spec.DataAlignmentOffset; offset == 0 {
		offset = facts.topology.alignmentOffset
	}
	if spec.DataAlignment != 0 {
		return spec.DataAlignment, offset
	}
	align = defaultPVAlign
	for _, hint := range []Bytes{facts.topology.mdStripeWidth, facts.topology.minimumIO, facts.topology.optimalIO} {
		if hint%(4*units.KiB) != 0 {
			hint = 4 * units.KiB
		}
		if hint != 0 && align%hint != 0 {
			align = hint
		}
	}
	return align, offset
}

func alignUp(n, to Bytes) Bytes { return (n + to - 1) / to * to }

// newPVRecord returns the record of a PV that joins a group.
func newPVRecord(m *member, extentSize Sectors) (*metadata.PhysicalVolume, error) {
	if len(m.label.DataAreas) == 0 {
		return nil, fault(ErrDamaged, "pv %s has no data area", m.label.PVID)
	}
	size := m.size
	if used := m.label.DeviceSize; used != 0 {
		size = min(size, used)
	}
	rec := &metadata.PhysicalVolume{
		ID: m.label.PVID, Device: m.path, Status: metadata.PVAllocatable,
		DeviceSize: size.Sectors(), PEStart: m.label.DataAreas[0].Offset.Sectors(),
	}
	for _, ba := range m.label.BootloaderAreas {
		rec.BootloaderStart, rec.BootloaderSize = ba.Offset.Sectors(), ba.Size.Sectors()
	}
	rec.PECount = extentsOf(m.label, size, extentSize)
	if rec.PECount == 0 || rec.PECount > units.MaxExtents {
		return nil, fault(ErrInvalidSpec, "device of %s has room for %d extents", size, rec.PECount)
	}
	return rec, nil
}

// extentsOf returns how many extents a labelled device of some size holds.
func extentsOf(label *metadata.Label, size Bytes, extentSize Sectors) Extents {
	data := label.DataAreas[0]
	end := size - size%units.SectorSize
	if data.Size != 0 && data.Offset+data.Size > data.Offset {
		end = min(end, data.Offset+data.Size)
	}
	for _, a := range label.MetadataAreas {
		if a.Offset >= data.Offset {
			end = min(end, a.Offset)
		}
	}
	if end <= data.Offset {
		return 0
	}
	return (end - data.Offset).Sectors().ExtentsDown(extentSize)
}
