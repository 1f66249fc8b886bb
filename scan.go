package lvm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"unsafe"

	"github.com/lvm-go/lvm/metadata"
	"github.com/lvm-go/lvm/units"
)

// Problem is an oddity that was found while reading, and did not keep the rest
// from being read.
type Problem struct {
	Device string
	VG     string // empty if it concerns the device alone
	Err    error
}

func (p Problem) String() string {
	switch {
	case p.Device == "":
		return fmt.Sprintf("vg %s: %v", p.VG, p.Err)
	case p.VG == "":
		return fmt.Sprintf("%s: %v", p.Device, p.Err)
	}
	return fmt.Sprintf("%s: vg %s: %v", p.Device, p.VG, p.Err)
}

// textKey tells whether two locations hold the same text.
type textKey struct {
	size     units.Bytes
	checksum uint32
}

// scannedArea is a metadata area as one reading found it.
type scannedArea struct {
	path   string
	pv     metadata.ID
	start  units.Bytes
	header *metadata.AreaHeader // nil if it cannot be used; see err
	rolled bool                 // the header on the device is older; see scan.rollForward
	err    error
}

// key returns what the committed text is told by; false if there is none.
func (a *scannedArea) key() (textKey, bool) {
	if a.header == nil {
		return textKey{}, false
	}
	loc := a.header.Slots[metadata.SlotCommitted]
	return textKey{loc.Size, loc.Checksum}, loc.InUse() && !loc.Ignored()
}

// scannedPV is a device with a physical volume on it.
type scannedPV struct {
	path  string
	label *metadata.Label
	stale *metadata.Label // the label on the device if that is older; see scan.rollForward
	size  units.Bytes
	areas []scannedArea
}

// scannedText is a distinct committed text.
type scannedText struct {
	key   textKey
	areas []*scannedArea // that hold it
	name  string
	id    metadata.ID
	seqno uint32
	doc   *metadata.Document // nil if it was not decoded yet
	text  []byte
	err   error // why it cannot be read
}

// scan is what one reading of all devices found.
type scan struct {
	pvs      []*scannedPV
	blank    map[string]bool // devices that can be read and have no label
	failed   map[string]error
	texts    []*scannedText
	problems []Problem
	waiting  map[metadata.ID]bool // UUIDs that PVs which were not found may still get; see rollForward
}

// looksAt says whether a scan reads a device.
func (s *System) looksAt(path string) bool { return s.only == nil || s.only[path] }

// scanDevices reads labels, area headers and texts of all devices, each once.
func (s *System) scanDevices(ctx context.Context, h *handles) (*scan, error) {
	found := make([]*scannedPV, len(s.cfg.Devices))
	problems := make([][]error, len(s.cfg.Devices))
	fails := make([]error, len(s.cfg.Devices))
	inParallel(len(s.cfg.Devices), func(i int) {
		if ctx.Err() == nil && s.looksAt(s.cfg.Devices[i]) {
			found[i], problems[i], fails[i] = scanDevice(h, s.cfg.Devices[i])
		}
	})
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	sc := &scan{blank: map[string]bool{}, failed: map[string]error{}}
	for i, path := range s.cfg.Devices {
		for _, err := range problems[i] {
			sc.problems = append(sc.problems, Problem{Device: path, Err: err})
		}
		switch {
		case fails[i] != nil:
			sc.failed[path] = fails[i]
			sc.problems = append(sc.problems, Problem{Device: path, Err: fails[i]})
		case !s.looksAt(path):
		case found[i] == nil:
			sc.blank[path] = true
		default:
			sc.pvs = append(sc.pvs, found[i])
		}
	}
	sc.readTexts(h)
	sc.rollForward(h, s.only != nil)
	return sc, nil
}

// scanDevice reads the label and the area headers of one device. It returns
// neither a PV nor an error if there is no label.
func scanDevice(h *handles, path string) (*scannedPV, []error, error) {
	d, err := h.reader(path)
	if err != nil {
		return nil, nil, err
	}
	size, err := d.Size()
	if err != nil {
		return nil, nil, err
	}
	label, problems, err := metadata.ReadLabel(d)
	if errors.Is(err, metadata.ErrNoLabel) {
		return nil, problems, nil
	}
	if err != nil {
		return nil, problems, err
	}
	pv := &scannedPV{path: path, label: label, size: size}
	for i, area := range label.MetadataAreas {
		a := scannedArea{path: path, pv: label.PVID, start: area.Offset}
		a.header, a.err = readArea(d, label, i, size)
		if a.err != nil {
			problems = append(problems, a.err)
		}
		pv.areas = append(pv.areas, a)
	}
	return pv, problems, nil
}

// readArea reads the header of area number n of a label and checks that the area lies where
// writing to it can do no harm.
func readArea(d Device, label *metadata.Label, n int, size units.Bytes) (*metadata.AreaHeader, error) {
	area := label.MetadataAreas[n]
	end := area.Offset + area.Size
	if end < area.Offset || end > size {
		return nil, fault(ErrDamaged, "metadata area of %d bytes at byte %d ends beyond the device's %d bytes",
			uint64(area.Size), uint64(area.Offset), uint64(size))
	}
	if area.Offset < metadata.LabelScanSize {
		return nil, fault(ErrDamaged, "metadata area at byte %d lies where labels are", uint64(area.Offset))
	}
	for _, boot := range label.BootloaderAreas {
		if area.Offset < boot.Offset+boot.Size && boot.Offset < end {
			return nil, fault(ErrDamaged, "metadata area at byte %d and bootloader area at byte %d overlap",
				uint64(area.Offset), uint64(boot.Offset))
		}
	}
	for _, data := range label.DataAreas {
		if area.Offset < data.Offset && end > data.Offset {
			return nil, fault(ErrDamaged, "metadata area of %d bytes at byte %d reaches into the data at byte %d",
				uint64(area.Size), uint64(area.Offset), uint64(data.Offset))
		}
	}
	for i, other := range label.MetadataAreas {
		if i != n && area.Offset < other.Offset+other.Size && other.Offset < end {
			return nil, fault(ErrDamaged, "metadata areas at bytes %d and %d overlap", uint64(area.Offset), uint64(other.Offset))
		}
	}
	h, err := metadata.ReadAreaHeader(d, area.Offset)
	if err != nil {
		return nil, err
	}
	if h.Size > area.Size {
		return nil, fault(ErrDamaged, "metadata area at byte %d says it has %d bytes, the label %d",
			uint64(area.Offset), uint64(h.Size), uint64(area.Size))
	}
	return h, nil
}

// readTexts reads each distinct committed text once, from the first area that
// gives it whole.
func (sc *scan) readTexts(h *handles) {
	byKey := map[textKey]*scannedText{}
	for _, pv := range sc.pvs {
		for i := range pv.areas {
			a := &pv.areas[i]
			key, ok := a.key()
			if !ok {
				continue
			}
			t := byKey[key]
			if t == nil {
				t = &scannedText{key: key}
				byKey[key] = t
				sc.texts = append(sc.texts, t)
			}
			t.areas = append(t.areas, a)
		}
	}
	for _, t := range sc.texts {
		t.read(h)
		if t.err != nil {
			sc.problems = append(sc.problems, Problem{Device: t.areas[0].path, Err: t.err})
		}
	}
}

func (t *scannedText) read(h *handles) {
	for _, a := range t.areas {
		d, err := h.reader(a.path)
		if err == nil {
			t.text, err = a.header.ReadText(d, a.header.Slots[metadata.SlotCommitted])
		}
		if err == nil {
			t.err = nil
			t.summarize()
			return
		}
		if t.err == nil {
			t.err = err
		}
	}
}

// summarize finds out which group the text is of, without decoding it all if it
// begins as lvm2 writes it.
func (t *scannedText) summarize() {
	var ok bool
	if t.name, t.id, t.seqno, ok = peek(t.text); ok {
		return
	}
	t.decode()
	if t.err == nil {
		t.name, t.id, t.seqno = t.doc.VG.Name, t.doc.VG.ID, t.doc.VG.Seqno
	}
}

func (t *scannedText) decode() (*metadata.Document, error) {
	if t.doc == nil && t.err == nil {
		// Nobody else has the text, so it need not be copied.
		t.doc, t.err = metadata.DecodeDocument(unsafe.String(unsafe.SliceData(t.text), len(t.text)))
		t.text = nil
	}
	return t.doc, t.err
}

// peek reads name, id and seqno of a text that begins with them.
func peek(text []byte) (name string, id metadata.ID, seqno uint32, ok bool) {
	line, rest, _ := bytes.Cut(text, []byte("\n"))
	bare, ok := bytes.CutSuffix(line, []byte(" {"))
	if !ok || bytes.ContainsAny(bare, " \t\"'#={}/") {
		return "", id, 0, false
	}
	line, rest, _ = bytes.Cut(rest, []byte("\n"))
	var quoted string
	if _, err := fmt.Sscanf(string(line), "id = %q", &quoted); err != nil {
		return "", id, 0, false
	}
	id, err := metadata.ParseID(quoted)
	if err != nil {
		return "", id, 0, false
	}
	line, _, _ = bytes.Cut(rest, []byte("\n"))
	if _, err := fmt.Sscanf(string(line), "seqno = %d", &seqno); err != nil {
		return "", id, 0, false
	}
	return string(bare), id, seqno, true
}
