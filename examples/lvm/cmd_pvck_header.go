package main

import (
	"slices"
	"strings"

	"github.com/lvm-go/lvm/metadata"
	"github.com/lvm-go/lvm/units"
)

// firstAreaAt is where lvm2 has the first metadata area.
const firstAreaAt units.Bytes = 4096

// mendHeader writes the label and the PV header in its sector, from what the metadata
// says of the physical volume, or the settings, and from the metadata areas that there are.
func (m *mending) mendHeader() error {
	whole := m.noticeLabel()
	first, second := areasOf(m.label.Metadata.Areas)
	if !whole {
		first, second = m.findAreas()
	}
	label, err := m.headerOf(whole)
	if err != nil {
		return err
	}
	if label.MetadataAreas, err = m.areasFor(label, whole, first, second); err != nil {
		return err
	}
	sector, raw, err := encoded(label)
	if err != nil {
		return err
	}
	one, two := areasOf(label.MetadataAreas)
	m.show("Writing label_header.crc 0x%08x pv_header uuid %s device_size %d", raw.Sum, string(label.PVID[:]), label.DeviceSize)
	m.show("Writing data_offset %d mda1_offset %d mda1_size %d mda2_offset %d mda2_size %d",
		label.DataAreas[0].Offset, one.Offset, one.Size, two.Offset, two.Size)
	if !m.trial() && !m.ask("Write new LVM header to %s?", m.path) {
		return errTold
	}
	return m.writeLabel(sector, raw)
}

// areasOf returns the two areas of a list that may have fewer.
func areasOf(list []metadata.DiskArea) (first, second metadata.DiskArea) {
	all := append(slices.Clone(list), metadata.DiskArea{}, metadata.DiskArea{})
	return all[0], all[1]
}

// findAreas looks for headers of metadata areas where they usually are: behind the label,
// and at the last whole MiB of the device or somewhat before.
func (m *mending) findAreas() (first, second metadata.DiskArea) {
	at := func(offset units.Bytes) metadata.DiskArea {
		h, err := metadata.InspectAreaHeader(m.disk, offset)
		if err != nil || len(h.Problems(metadata.DiskArea{Offset: offset, Size: h.Size})) > 0 || h.Size > m.size-offset {
			return metadata.DiskArea{}
		}
		return metadata.DiskArea{Offset: offset, Size: h.Size}
	}
	first = at(firstAreaAt)
	for mib := range min(m.size/units.MiB, 64) {
		offset := (m.size/units.MiB - 1 - mib) * units.MiB
		if offset < units.MiB {
			break
		}
		if second = at(offset); second.Size > 0 {
			m.show("Found mda2 header at offset %d size %d", second.Offset, second.Size)
			break
		}
	}
	if first.Size == 0 && second.Size == 0 {
		m.warn("WARNING: no previous metadata areas found on device.")
	}
	return first, second
}

// headerOf returns a label without its metadata areas. The settings say all of it, or it
// is what the file says of the physical volume.
func (m *mending) headerOf(whole bool) (*metadata.Label, error) {
	label := &metadata.Label{Sector: m.sector, PVID: m.pvid, ExtensionVersion: 2, ExtensionFlags: metadata.PVInUse}
	size, sized := m.given["device_size"]
	data, placed := m.given["data_offset"]
	if m.pvid == (metadata.ID{}) || !sized || !placed {
		pv, err := m.recordOf(whole)
		if err != nil {
			return nil, err
		}
		label.PVID = pv.ID
		if !sized {
			size = units.Bytes(pv.DeviceSize) * units.SectorSize
		}
		if !placed {
			data = units.Bytes(pv.PEStart) * units.SectorSize
		}
		if pv.BootloaderSize > 0 {
			label.BootloaderAreas = []metadata.DiskArea{{
				Offset: units.Bytes(pv.BootloaderStart) * units.SectorSize, Size: units.Bytes(pv.BootloaderSize) * units.SectorSize,
			}}
		}
	}
	if size != m.size {
		m.warn("WARNING: device_size setting %d bytes does not match device size %d bytes.", size, m.size)
	}
	if data < firstAreaAt || data > m.size {
		return nil, sentence("The data cannot begin at %d of %d bytes.", data, m.size)
	}
	label.DeviceSize, label.DataAreas = size, []metadata.DiskArea{{Offset: data}}
	return label, m.isElsewhere(label.PVID)
}

// recordOf returns what the file says of the physical volume: of that with the UUID which
// is asked for, or which the label has if that is whole, or that which was at this device.
func (m *mending) recordOf(whole bool) (*metadata.PhysicalVolume, error) {
	if m.doc == nil {
		return nil, sentence("Metadata input file is needed for pv_header info.\n  See pvck --dump to locate and create a metadata file.")
	}
	id, has := m.pvid, "PV UUID "+strings.ReplaceAll(m.pvid.String(), "-", "")
	switch {
	case id != (metadata.ID{}):
	case whole:
		id, has = m.label.PVID, "PV UUID "+string(m.label.PVID[:])
	default:
		has = "PV name " + m.path
	}
	for _, pv := range m.doc.VG.PVs {
		if pv.ID == id || id == (metadata.ID{}) && pv.Device == m.path {
			return pv, nil
		}
	}
	return nil, sentence("%s not found in metadata file.\n  No valid PV UUID, specify a PV UUID from metadata in --settings.", has)
}

// isElsewhere refuses a UUID that another device has. Devices may have changed their names
// since the metadata was written.
func (m *mending) isElsewhere(id metadata.ID) error {
	found, err := m.scan()
	if err != nil {
		return err
	}
	at := ""
	for _, vg := range found.VGs {
		for pv := range vg.PVs() {
			if pv.ID() == id {
				at = pv.Device()
			}
		}
	}
	for _, o := range found.Orphans {
		if o.ID == id {
			at = o.Device
		}
	}
	if at == "" || sameDevice(at, m.path) {
		return nil
	}
	return sentence("PV UUID %s is on %s.  Specify the PV UUID of %s in --settings.", id, at, m.path)
}

// areasFor returns the metadata areas of a label: those that there are, those that the
// settings have, or else one that lies before everything else, unless a whole label has
// none.
func (m *mending) areasFor(label *metadata.Label, whole bool, first, second metadata.DiskArea) ([]metadata.DiskArea, error) {
	end := label.DataAreas[0].Offset
	if len(label.BootloaderAreas) > 0 {
		end = min(end, label.BootloaderAreas[0].Offset)
	}
	if first.Size > end-min(end, firstAreaAt) { // of what was here before
		first = metadata.DiskArea{}
	}
	if second.Offset < m.endOfExtents(label) { // in the data of a volume
		second = metadata.DiskArea{}
	}
	usual := metadata.DiskArea{Offset: firstAreaAt, Size: end - min(end, firstAreaAt)}
	if whole {
		usual = metadata.DiskArea{}
	}
	one, err := m.chosen("mda", first, usual)
	if err != nil {
		return nil, err
	}
	two, err := m.chosen("mda2", second, metadata.DiskArea{})
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc([]metadata.DiskArea{one, two}, func(a metadata.DiskArea) bool { return a.Size == 0 }), nil
}

// endOfExtents returns where the last extent of a physical volume ends, as far as the file
// says that.
func (m *mending) endOfExtents(label *metadata.Label) units.Bytes {
	end := label.DataAreas[0].Offset
	if m.doc == nil {
		return end
	}
	for _, pv := range m.doc.VG.PVs {
		if pv.ID == label.PVID {
			end += units.Bytes(pv.PECount) * units.Bytes(m.doc.VG.ExtentSize) * units.SectorSize
		}
	}
	return end
}

// chosen returns the area that was found, or that the settings have, or the usual one.
func (m *mending) chosen(name string, found, usual metadata.DiskArea) (metadata.DiskArea, error) {
	offset, given := m.given[name+"_offset"]
	size, sized := m.given[name+"_size"]
	area := metadata.DiskArea{Offset: offset, Size: size}
	switch {
	case !given && !sized && found.Size > 0:
		return found, nil
	case !given && !sized:
		return usual, nil
	case found.Size > 0 && given && found.Offset != offset:
		return area, sentence("%s_offset setting %d does not match %s_offset found on disk %d.", name, offset, name, found.Offset)
	case found.Size > 0 && sized && found.Size != size:
		return area, sentence("%s_size setting %d does not match %s_size found on disk %d.", name, size, name, found.Size)
	case found.Size > 0:
		return found, nil
	case area.Size > m.size || area.Offset > m.size-area.Size:
		return area, sentence("%s_offset setting %d and %s_size setting %d are not on the device.", name, offset, name, size)
	}
	return area, nil
}
