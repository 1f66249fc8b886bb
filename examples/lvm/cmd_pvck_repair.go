package main

import (
	"errors"
	"os"
	"slices"
	"syscall"

	"github.com/lvm-go/lvm"
	"github.com/lvm-go/lvm/metadata"
	"github.com/lvm-go/lvm/units"
)

// mending writes the headers and the metadata of one device anew, as it is told and by
// itself: the rest of the group is not asked. What vgcfgrestore can do is better done
// with that.
type mending struct {
	inspection
	path string
	file *os.File
	doc  *metadata.Document // of --file, nil without
	text []byte             // of doc, as an area holds it
}

func runPVRepair(c *call) (err error) {
	kind := c.opt.Text("repairtype")
	switch {
	case c.opt.Has("dump") && kind != "":
		return c.misuseWord("option", "--repairtype "+kind)
	case c.opt.Has("repair") && (c.opt.HasAny("dump", "repairtype") || !c.opt.Has("file")):
		return c.misuseWord("option", "--repair")
	}
	m := mending{inspection: inspection{call: c, sector: 1, which: 1}, path: c.args[0]}
	if err := m.settings(); err != nil {
		return err
	}
	if m.trial() {
		c.warn("TEST MODE: Metadata will NOT be updated and volumes will not be (de)activated.")
	}
	if err := m.readFile(); err != nil {
		return err
	}
	if err := m.open(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.file.Close()) }()
	switch kind {
	case "label_header":
		return m.mendLabel()
	case "metadata":
		return m.mendTexts()
	case "pv_header":
		return m.mendHeader()
	}
	if err := m.mendHeader(); err != nil {
		return err
	}
	return m.mendTexts()
}

// trial says that nothing is to be written.
func (m *mending) trial() bool { return m.planning || m.opt.Has("test") }

// readFile reads the metadata that the user has: a backup, or a text that was dumped.
func (m *mending) readFile() error {
	if !m.opt.Has("file") {
		return nil
	}
	text, err := os.ReadFile(m.opt.Text("file"))
	if err != nil {
		return sentence("Cannot open file: %s", m.opt.Text("file"))
	}
	if m.doc, err = metadata.DecodeDocument(text); err == nil {
		err = m.doc.VG.Validate()
	}
	if err == nil {
		m.text, err = m.doc.EncodeArea()
	}
	if err != nil {
		return sentence("Invalid raw text metadata in file.  %v", err)
	}
	return nil
}

// open opens the device so that nobody else uses it: what an active volume lies on must
// not change beneath it.
func (m *mending) open() error {
	all, err := m.blockDevices()
	if err != nil {
		return err
	}
	if i := indexOfDevice(all, m.path); i >= 0 {
		switch why := all[i].Excluded; why {
		case lvm.ExcludedNot, lvm.ExcludedNotListed:
		default:
			return sentence("Device %s is excluded: %s.", m.path, why)
		}
	}
	how := os.O_RDWR
	if m.trial() {
		how = os.O_RDONLY
	}
	m.file, err = os.OpenFile(m.path, how|os.O_EXCL, 0)
	switch {
	case errors.Is(err, syscall.EBUSY):
		return sentence("Can't open %s exclusively: it is in use.  Deactivate the volumes on it first: vgchange -an.", m.path)
	case err != nil:
		return sentence("Cannot access device %s.", m.path)
	}
	if err := m.read(m.file); err != nil {
		return errors.Join(err, m.file.Close())
	}
	return nil
}

// noticeLabel tells what is wrong with the label, and whether it is whole.
func (m *mending) noticeLabel() (whole bool) {
	problems := m.label.Problems(m.sector)
	m.checkLabel(problems)
	if len(problems) > 0 {
		m.warn("WARNING: No LVM label found on %s.  It may not be an LVM device.", m.path)
	}
	return len(problems) == 0
}

// mendLabel writes what precedes the PV header. If that makes no sense, the sector may
// hold something else, such as a partition table.
func (m *mending) mendLabel() error {
	m.noticeLabel()
	label, err := m.label.Label(m.sector)
	if err != nil {
		return sentence("The PV header of %s is damaged as well: %v\n  See --repairtype pv_header.", m.path, err)
	}
	if !m.trial() && !m.ask("Write LVM header to device?") {
		return errTold
	}
	sector, raw, err := encoded(label)
	if err != nil {
		return err
	}
	m.show("Writing label_header.crc 0x%08x", raw.Sum)
	return m.writeLabel(sector, raw)
}

// encoded returns the sector of a label, and how that reads.
func encoded(l *metadata.Label) ([]byte, *metadata.RawLabel, error) {
	sector, err := l.Encode()
	if err != nil {
		return nil, nil, err
	}
	raw, err := metadata.InspectLabel(sector)
	return sector, raw, err
}

// writeLabel writes the label. It is what follows goes by, also if that is only tried.
func (m *mending) writeLabel(sector []byte, raw *metadata.RawLabel) error {
	m.label = raw
	return m.write(sector, units.Bytes(m.sector)*units.SectorSize)
}

// write writes to the device, and returns when it is on the disk.
func (m *mending) write(b []byte, at units.Bytes) error {
	if m.trial() {
		m.warn("Skip writing in test mode.")
		return nil
	}
	if _, err := m.file.WriteAt(b, int64(at)); err != nil {
		return err
	}
	return m.file.Sync()
}

// mendTexts writes the metadata to the areas that the label has: first the text, and
// when that is on the disk, the header that says where it lies.
func (m *mending) mendTexts() error {
	if problems := m.label.Problems(m.sector); len(problems) > 0 {
		m.checkLabel(problems)
		return sentence("No lvm label found on device.\n  See --repairtype pv_header to repair headers.")
	}
	if m.doc == nil {
		return sentence("Metadata input file is required.")
	}
	if len(m.label.Metadata.Areas) == 0 {
		return sentence("No metadata areas found on device.\n  See --repairtype pv_header to repair headers.")
	}
	id := metadata.ID(m.label.PVID)
	if !slices.ContainsFunc(m.doc.VG.PVs, func(pv *metadata.PhysicalVolume) bool { return pv.ID == id }) {
		return sentence("Volume group %q in the file has no physical volume %s, which %s is.", m.doc.VG.Name, id, m.path)
	}
	const textAt = metadata.AreaHeaderSize // from the start of an area
	var areas []*metadata.AreaHeader
	for i, area := range m.label.Metadata.Areas {
		if _, one := m.given["mda_num"]; one && i+1 != m.which {
			continue
		}
		h := &metadata.AreaHeader{Start: area.Offset, Size: area.Size}
		if area.Size < textAt || area.Size > m.size || area.Offset > m.size-area.Size || units.Bytes(len(m.text)) > h.MaxTextSize() {
			return sentence("Metadata of %d bytes does not fit into the area at %d size %d.", len(m.text), area.Offset, area.Size)
		}
		h.Slots[metadata.SlotCommitted] = metadata.RawLocation{Offset: textAt, Size: units.Bytes(len(m.text)), Checksum: metadata.Checksum(m.text)}
		m.show("Writing metadata at %d length %d crc 0x%08x mda%d", area.Offset+textAt, len(m.text), metadata.Checksum(m.text), i+1)
		m.show("Writing mda_header at %d mda%d", area.Offset, i+1)
		areas = append(areas, h)
	}
	if !m.trial() && !m.ask("Write new LVM metadata to %s?", m.path) {
		return errTold
	}
	for _, h := range areas {
		if err := m.write(m.text, h.Start+textAt); err != nil {
			return err
		}
		if err := m.write(h.Encode(), h.Start); err != nil {
			return err
		}
	}
	return nil
}
