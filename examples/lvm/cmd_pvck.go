package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/lvm-go/lvm/metadata"
	"github.com/lvm-go/lvm/units"
)

func checkCommands() []*command {
	return []*command{{
		name: "pvck", summary: "Check the metadata on physical volumes", run: runPVCheck,
		forms: []string{"PV ...", "--dump headers|metadata|metadata_all|metadata_search PV",
			"--repairtype pv_header|metadata|label_header PV", "--repair -f|--file String PV"},
		options: "dump file settings pvmetadatacopies labelsector repair repairtype",
	}}
}

// inspection is of the label and the metadata areas of one device, read as they are.
type inspection struct {
	*call
	disk   io.ReaderAt
	size   units.Bytes
	sector uint64
	label  *metadata.RawLabel
	// which of the areas is asked for, 1 or 2, and where it is said to be.
	which int
	area  metadata.DiskArea
	// what --settings has, in bytes, and the UUID among it.
	given map[string]units.Bytes
	pvid  metadata.ID
	bad   bool
}

func runPVCheck(c *call) error {
	switch {
	case len(c.args) == 0:
		return c.syntax()
	case c.opt.HasAny("dump", "repair", "repairtype") && len(c.args) > 1:
		return c.misuseWord("argument", c.args[1])
	case c.opt.HasAny("repair", "repairtype"):
		return runPVRepair(c)
	}
	in := inspection{call: c, sector: 1, which: 1}
	if err := in.settings(); err != nil {
		return err
	}
	for _, path := range c.args {
		c.fail(in.inspect(path))
	}
	return nil
}

// inspect looks at one device.
func (in inspection) inspect(path string) error {
	what := in.opt.Text("dump")
	device := "device "
	if what != "" {
		device = ""
	}
	f, err := os.Open(path)
	if err != nil {
		return sentence("Cannot access %s%s.", device, path)
	}
	defer f.Close() //nolint:errcheck // it was only read
	if err := in.read(f); err != nil {
		return err
	}
	switch what {
	case "":
		return in.check(path)
	case "headers":
		in.dumpLabel()
	default:
		in.checkLabel(in.label.Problems(in.sector))
	}
	if what == "metadata_search" {
		return in.search()
	}
	return in.dumpAreas(what)
}

// read reads the label of an open device.
func (in *inspection) read(f *os.File) error {
	in.disk = f
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	in.size = units.Bytes(end)
	sector := make([]byte, units.SectorSize)
	if _, err := f.ReadAt(sector, int64(in.sector)*int64(len(sector))); err != nil {
		return err
	}
	in.label, err = metadata.InspectLabel(sector)
	return err
}

// settings reads what is to be taken instead of what the headers say.
func (in *inspection) settings() error {
	if in.opt.Has("labelsector") {
		in.sector = in.opt.Number("labelsector")
	}
	if in.opt.Number("pvmetadatacopies") == 2 {
		in.which = 2
	}
	in.given = map[string]units.Bytes{}
	for word := range strings.FieldsSeq(in.opt.Text("settings")) {
		key, value, _ := strings.Cut(word, "=")
		if key == "pv_uuid" {
			var err error
			if in.pvid, err = metadata.ParseID(value); err != nil {
				return sentence("Invalid setting: %s: %v", key, err)
			}
			continue
		}
		n, err := strconv.ParseUint(value, 10, 62)
		if err != nil || !isOneOf(key, "mda_num", "mda_offset", "mda_size", "mda2_offset", "mda2_size", "metadata_offset", "data_offset", "device_size") {
			return sentence("Invalid setting: %s", key)
		}
		in.given[key] = units.Bytes(n)
	}
	if n, given := in.given["mda_num"]; given {
		in.which = int(min(n, 3))
	}
	in.area = metadata.DiskArea{Offset: in.given["mda_offset"], Size: in.given["mda_size"]}
	return nil
}

// wrong tells what is wrong with a header that has that name.
func (in *inspection) wrong(name string, p *metadata.FormatError) {
	switch want := p.Want.(type) {
	case nil:
		in.show("CHECK: %s.%s invalid format", name, p.Field)
	case uint32:
		if p.Field == "crc" || p.Field == "checksum" {
			in.show("CHECK: %s.%s expected 0x%x", name, p.Field, want)
			return
		}
		in.show("CHECK: %s.%s expected %d", name, p.Field, want)
	case []byte:
		in.show("CHECK: %s.%s expected 0x%x", name, p.Field, want)
	default:
		in.show("CHECK: %s.%s expected %v", name, p.Field, want)
	}
}

func (in *inspection) checkLabel(problems []*metadata.FormatError) {
	for _, p := range problems {
		in.wrong(p.Struct, p)
	}
}

// words returns bytes that should be characters.
func words(b []byte) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, string(b))
}

func (in *inspection) dumpLabel() {
	l, at := in.label, int(in.sector)*int(units.SectorSize)
	in.show("label_header at %d", at)
	in.show("label_header.id %s", words(l.ID[:]))
	in.show("label_header.sector %d", l.Sector)
	in.show("label_header.crc 0x%x", l.Checksum)
	in.show("label_header.offset %d", l.Offset)
	in.show("label_header.type %s", words(l.Type[:]))
	var ofLabel, ofPV []*metadata.FormatError
	for _, p := range l.Problems(in.sector) {
		if p.Struct == "pv_header" {
			ofPV = append(ofPV, p)
		} else {
			ofLabel = append(ofLabel, p)
		}
	}
	in.checkLabel(ofLabel)
	in.show("pv_header at %d", at+32)
	in.show("pv_header.pv_uuid %s", words(l.PVID[:]))
	in.show("pv_header.device_size %d", l.DeviceSize)
	in.checkLabel(ofPV)
	n := in.dumpList("pv_header", "data", l.Data, at, 0)
	in.dumpList("pv_header", "metadata", l.Metadata, at, n)
	if l.ExtensionAt == 0 {
		return
	}
	in.show("pv_header_extension at %d", at+l.ExtensionAt)
	in.show("pv_header_extension.version %d", l.ExtensionVersion)
	in.show("pv_header_extension.flags %d", l.ExtensionFlags)
	in.dumpList("pv_header_extension", "bootloader", l.Bootloader, at, 0)
}

// dumpList prints a list of areas, whose first has number n, and returns the number of
// what follows.
func (in *inspection) dumpList(name, kind string, list metadata.RawAreas, at, n int) int {
	if list.At == 0 {
		return n
	}
	at += list.At
	one := func(what string, area metadata.DiskArea) {
		in.show("%s.disk_locn[%d] at %d # location %s", name, n, at, what)
		in.show("%s.disk_locn[%d].offset %d", name, n, area.Offset)
		in.show("%s.disk_locn[%d].size %d", name, n, area.Size)
		n++
		at += 16
	}
	for _, area := range list.Areas {
		one("of "+kind+" area", area)
	}
	if list.Ended {
		one("list end", metadata.DiskArea{})
	}
	return n
}

// dumpAreas prints what is asked for of the metadata areas.
func (in *inspection) dumpAreas(what string) error {
	areas := in.label.Metadata.Areas
	if len(areas) == 0 {
		in.show("zero metadata copies")
		return nil
	}
	for i, area := range areas {
		if what != "headers" && i+1 != in.which {
			continue
		}
		if err := in.dumpArea(what, fmt.Sprintf("mda_header_%d", i+1), area); err != nil {
			return err
		}
	}
	if in.bad {
		return sentence("Found bad header or metadata values.")
	}
	return nil
}

func (in *inspection) dumpArea(what, name string, area metadata.DiskArea) error {
	h, err := metadata.InspectAreaHeader(in.disk, area.Offset)
	if err != nil {
		return err
	}
	if what == "headers" {
		in.dumpAreaHeader(name, h, area)
	}
	for _, p := range h.Problems(area) {
		in.bad = true
		in.wrong(name, p)
	}
	if what == "headers" {
		in.dumpSlots(name, h, area)
	}
	switch what {
	case "metadata_all":
		return in.dumpTexts(area)
	case "metadata_area":
		return in.copyArea(area)
	}
	text, doc, err := in.text(name, h, area)
	if doc == nil || err != nil {
		return err
	}
	slot := h.Slots[metadata.SlotCommitted]
	if slot.Ignored() && what == "headers" {
		return nil
	}
	in.show("metadata text at %d crc 0x%x # vgname %s seqno %d", area.Offset+slot.Offset, slot.Checksum, doc.VG.Name, doc.VG.Seqno)
	if what == "headers" {
		return nil
	}
	return in.print(bytes.TrimRight(text, "\x00"))
}

// text returns the text that an area has in use, nothing if there is none or it is
// damaged, of which it tells.
func (in *inspection) text(name string, h *metadata.RawAreaHeader, area metadata.DiskArea) ([]byte, *metadata.Document, error) {
	slot := h.Slots[metadata.SlotCommitted]
	if !slot.InUse() {
		return nil, nil, nil
	}
	known := metadata.AreaHeader{Start: area.Offset, Size: area.Size, Slots: h.Slots}
	text, err := known.ReadText(in.disk, slot)
	var format *metadata.FormatError
	switch {
	case errors.Is(err, metadata.ErrChecksum):
		in.show("CHECK: metadata text at %d crc does not match %s.raw_locn[0].checksum", area.Offset+slot.Offset, name)
	case errors.As(err, &format):
		in.show("CHECK: metadata text at %d: %v", area.Offset+slot.Offset, err)
	case err != nil:
		return nil, nil, err
	default:
		doc, err := metadata.DecodeDocument(text)
		if err == nil {
			return text, doc, nil
		}
		in.show("CHECK: failed to parse metadata text at %d size %d", area.Offset+slot.Offset, slot.Size)
		in.fault("%v", err)
	}
	in.bad = true
	return nil, nil, nil
}

func (in *inspection) dumpAreaHeader(name string, h *metadata.RawAreaHeader, area metadata.DiskArea) {
	in.show("%s at %d # metadata area", name, area.Offset)
	in.show("%s.checksum 0x%x", name, h.Checksum)
	in.show("%s.magic 0x%x", name, h.Magic)
	in.show("%s.version %d", name, h.Version)
	in.show("%s.start %d", name, h.Start)
	in.show("%s.size %d", name, h.Size)
}

func (in *inspection) dumpSlots(name string, h *metadata.RawAreaHeader, area metadata.DiskArea) {
	for i, use := range []string{"commit", "precommit"} {
		slot := fmt.Sprintf("%s.raw_locn[%d]", name, i)
		in.show("%s at %d # %s", slot, area.Offset+40+24*units.Bytes(i), use)
		in.show("%s.offset %d", slot, h.Slots[i].Offset)
		in.show("%s.size %d", slot, h.Slots[i].Size)
		in.show("%s.checksum 0x%x", slot, h.Slots[i].Checksum)
		if h.Slots[i].Ignored() {
			in.show("%s.flags 0x%x # RAW_LOCN_IGNORED", slot, h.Slots[i].Flags)
		} else {
			in.show("%s.flags 0x%x", slot, h.Slots[i].Flags)
		}
	}
}

// print prints a text, or writes it to the file that --file names.
func (in *inspection) print(text []byte) error {
	if in.opt.Has("file") {
		return os.WriteFile(in.opt.Text("file"), text, 0o600)
	}
	in.show("---")
	if _, err := fmt.Fprintf(in.stdout, "%s\n", text); err != nil {
		return err
	}
	in.show("---")
	return nil
}

// copyArea writes a whole metadata area to a file, as it is.
func (in *inspection) copyArea(area metadata.DiskArea) (err error) {
	if !in.opt.Has("file") {
		return in.misuse("A whole metadata area goes to a file: --file.")
	}
	f, err := os.OpenFile(in.opt.Text("file"), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	_, err = io.Copy(f, io.NewSectionReader(in.disk, int64(area.Offset), int64(area.Size)))
	return err
}

// search looks for texts where a metadata area is, or usually would be.
func (in *inspection) search() error {
	area := in.area
	if area == (metadata.DiskArea{}) && len(in.label.Metadata.Areas) >= in.which {
		area = in.label.Metadata.Areas[in.which-1]
	}
	if area == (metadata.DiskArea{}) {
		kind, number := "common defaults", "first"
		area = metadata.DiskArea{Offset: 4096, Size: units.MiB - 4096}
		if in.which == 2 {
			kind, number = "defaults", "second"
			area = metadata.DiskArea{Offset: (in.size/units.MiB - 1) * units.MiB, Size: units.MiB}
		}
		in.show("Using %s for %s mda: offset %d size %d.", kind, number, area.Offset, area.Size)
		in.show(`Override defaults with --settings "mda_offset=<bytes> mda_size=<bytes>"`)
	}
	in.show("Searching for metadata at offset %d size %d", area.Offset, area.Size)
	return in.dumpTexts(area)
}

// dumpTexts lists all texts of an area.
func (in *inspection) dumpTexts(area metadata.DiskArea) error {
	var all []byte
	for f, err := range metadata.FindTexts(in.disk, area) {
		if err != nil {
			return err
		}
		if at, one := in.given["metadata_offset"]; one && f.Offset != at {
			continue
		}
		if f.Err != nil {
			in.show("CHECK: metadata at %d: %v", f.Offset, f.Err)
			continue
		}
		vg := f.Document.VG
		in.show("metadata at %d length %d crc %08x vg %s seqno %d id %s", f.Offset, len(f.Text), metadata.Checksum(f.Text), vg.Name, vg.Seqno, vg.ID)
		all = append(append(all, bytes.TrimRight(f.Text, "\x00")...), '\n')
	}
	if !in.opt.Has("file") || in.bad {
		return nil
	}
	return os.WriteFile(in.opt.Text("file"), all, 0o600)
}

// check tells whether a device is a physical volume, and whether its areas are in order.
func (in *inspection) check(path string) error {
	problems := in.label.Problems(in.sector)
	in.checkLabel(problems)
	if len(problems) > 0 {
		return sentence("Could not find LVM label on %s", path)
	}
	var good []metadata.DiskArea
	for i, area := range in.label.Metadata.Areas {
		name := fmt.Sprintf("mda_header_%d", i+1)
		h, err := metadata.InspectAreaHeader(in.disk, area.Offset)
		if err != nil {
			return err
		}
		wrong := h.Problems(area)
		for _, p := range wrong {
			in.wrong(name, p)
		}
		if len(wrong) > 0 {
			in.bad = true
			continue
		}
		good = append(good, area)
		if _, _, err := in.text(name, h, area); err != nil {
			return err
		}
	}
	in.show("Found label on %s, sector %d, type=%s", path, in.sector, words(in.label.Type[:]))
	for _, area := range good {
		in.show("Found text metadata area: offset=%d, size=%d", area.Offset, area.Size)
	}
	in.failed = in.failed || in.bad
	return nil
}
