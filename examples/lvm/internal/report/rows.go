package report

import (
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lvm-go/lvm"
)

// row is what the fields of one line are about.
type row struct {
	o       *Options
	vg      *vgRow
	pv      *pvRow
	lv      *lvRow
	seg     *lvm.SegmentReport
	part    lvm.PVSegment
	devtype *lvm.DeviceType

	selected bool
}

// vgRow is a volume group; that of PVs which no group has lacks nearly all.
type vgRow struct {
	lvm.VGReport
	src    *lvm.VolumeGroup
	hidden map[string]bool   // volumes that users do not see
	lvs    map[lvm.ID]*lvRow // of a report of PVs, which comes back to them
}

// pvRow is a physical volume, or a device that is none.
type pvRow struct {
	lvm.PVReport
	src *lvm.PhysicalVolume
}

// lvRow is a logical volume, or what stands for one where there is none.
type lvRow struct {
	lvm.LVReport
	src        *lvm.LogicalVolume
	historical *lvm.HistoricalLV
}

// scanner makes rows of what was found, one at a time: a report of a volume takes some
// hundred times the memory of what is printed of it.
type scanner struct {
	o      *Options
	kernel bool              // it is asked about volumes
	full   bool              // of all that there is about a group
	take   func(*row)        // gets each row, which is good until it returns
	err    error             // of the first volume that the kernel could not be asked about
	row    row               // that take has
	lv     lvRow             // of the row
	none   lvm.SegmentReport // of a row about no segment
}

func (s *scanner) add(r row) {
	r.o = s.o
	s.row = r
	s.take(&s.row)
}

// scan makes the rows of a kind.
func (s *scanner) scan(src *Source, command, kind Kind) {
	for i := range slices.Backward(src.Groups) {
		g := &src.Groups[i]
		if g.VG.Exported() && !s.full && (command == LVs || command == Segments) {
			continue
		}
		vg := newVG(g.VG)
		switch kind {
		case VGs:
			s.add(row{vg: vg})
		case PVs, PVSegments, labels:
			for pv := range g.VG.PVs() {
				if g.PVs == nil || g.PVs(pv) {
					s.pv(vg, pv, kind)
				}
			}
		case LVs, Segments:
			s.volumes(vg, g, kind)
		}
	}
	if command == DevTypes {
		for i := range src.DevTypes {
			s.add(row{devtype: &src.DevTypes[i]})
		}
	}
	if command == PVs || command == PVSegments {
		s.orphans(src, kind)
	}
}

func newVG(src *lvm.VolumeGroup) *vgRow {
	return &vgRow{VGReport: src.Report(), src: src, lvs: map[lvm.ID]*lvRow{}}
}

// orphans makes the rows of physical volumes without a group, and of other devices.
func (s *scanner) orphans(src *Source, kind Kind) {
	add := func(pv lvm.PVReport) {
		none := &vgRow{VGReport: lvm.VGReport{Format: pv.Format, Attr: "r-----", Permissions: "read-only", Autoactivation: true}}
		r := row{vg: none, pv: &pvRow{PVReport: pv}}
		if kind == PVSegments {
			none.Format = "" // as lvm2 has it
			r.lv, r.seg = noVolume(none, ""), &lvm.SegmentReport{Type: "free"}
		}
		s.add(r)
	}
	for _, pv := range src.Orphans {
		add(pv.Report())
	}
	if !s.o.All || kind == labels {
		return
	}
	for _, d := range src.Devices {
		add(lvm.PVReport{Device: d.Path, DeviceSize: d.Size, Major: d.Major, Minor: d.Minor, Attr: "---"})
	}
}

func (s *scanner) pv(vg *vgRow, src *lvm.PhysicalVolume, kind Kind) {
	r := row{vg: vg, pv: &pvRow{src.Report(), src}}
	switch {
	case kind == labels && src.Device() == "":
		return
	case kind != PVSegments:
		s.add(r)
		return
	}
	for _, part := range src.Segments() {
		r.part = part
		if part.Free() {
			r.lv = noVolume(vg, s.o.devDir())
			r.seg = &lvm.SegmentReport{Type: "free", Size: lvm.Bytes(part.Count) * vg.ExtentSize, Extents: part.Count}
		} else if lv, err := vg.src.LV(part.LVUUID.String()); err == nil {
			r.lv = s.known(vg, lv)
			r.seg = &r.lv.Segments[part.Segment]
		}
		s.add(r)
	}
}

// noVolume is what stands in the place of a volume where extents are free.
func noVolume(vg *vgRow, devDir string) *lvRow {
	lv := &lvRow{LVReport: lvm.LVReport{
		FullName: vg.Name + "/", Layout: []string{"unknown"}, Role: []string{"public"}, Autoactivation: true,
		Major: -1, Minor: -1, Permissions: "unknown",
	}}
	if vg.src != nil {
		lv.Path, lv.DMPath = path.Join(devDir, vg.Name)+"/", path.Join(devDir, "mapper", strings.ReplaceAll(vg.Name, "-", "--")+"-")
	}
	return lv
}

// volumes makes the rows of a group's volumes.
func (s *scanner) volumes(vg *vgRow, g *Group, kind Kind) {
	for src := range g.VG.Volumes() {
		if g.LVs != nil && !g.LVs(src) || !s.o.All && g.LVs == nil && src.Hidden() {
			continue
		}
		lv := s.volume(src)
		if kind == LVs {
			s.add(row{vg: vg, lv: lv, seg: &s.none})
			continue
		}
		for i := range lv.Segments {
			s.add(row{vg: vg, lv: lv, seg: &lv.Segments[i]})
		}
	}
	if !s.o.History {
		return
	}
	for src := range g.VG.History() {
		if g.History == nil || g.History(src) {
			s.add(row{vg: vg, lv: removed(vg, src), seg: &lvm.SegmentReport{Type: "historical"}})
		}
	}
}

// known returns a volume with its report, which is made once.
func (s *scanner) known(vg *vgRow, src *lvm.LogicalVolume) *lvRow {
	if lv, ok := vg.lvs[src.ID()]; ok {
		return lv
	}
	lv := new(lvRow)
	*lv = *s.volume(src)
	vg.lvs[src.ID()] = lv
	return lv
}

// volume returns a volume with its report. It is good until the next.
func (s *scanner) volume(src *lvm.LogicalVolume) *lvRow {
	lv := &s.lv
	*lv = lvRow{src: src}
	if s.kernel {
		var err error
		if lv.LVReport, err = src.Report(); err != nil {
			if s.err == nil {
				s.err = err
			}
			lv.LVReport = src.RecordedReport()
			lv.Attr = src.Attr()
		}
	} else {
		lv.LVReport = src.RecordedReport()
	}
	return lv
}

// removed returns what is said of a volume that is remembered only.
func removed(vg *vgRow, src *lvm.HistoricalLV) *lvRow {
	return &lvRow{historical: src, LVReport: lvm.LVReport{
		UUID: src.ID(), Name: src.Name(), FullName: vg.Name + "/-" + src.Name(), Attr: "----h-----",
		Major: -1, Minor: -1, Created: src.CreationTime(),
	}}
}

// id is empty if there is none.
func id(i lvm.ID) value {
	if i.IsZero() {
		return text("")
	}
	return text(i.String())
}

func (lv *lvRow) id() string {
	if lv.UUID.IsZero() {
		return ""
	}
	return lv.UUID.String()
}

func (lv *lvRow) status() *lvm.LVStatusReport {
	if lv.LVStatusReport == nil {
		return &lvm.LVStatusReport{}
	}
	return lv.LVStatusReport
}

func (lv *lvRow) ancestors(full bool) []string {
	switch {
	case lv.src != nil:
		return lv.src.Ancestors(full)
	case lv.historical != nil && full:
		return lv.historical.AllAncestors()
	}
	return nil
}

func (lv *lvRow) descendants(full bool) []string {
	switch {
	case lv.src != nil:
		return lv.src.Descendants(full)
	case lv.historical != nil && full:
		return lv.historical.AllDescendants()
	}
	return nil
}

func (lv *lvRow) allocation() string {
	if lv.src == nil {
		return "unknown"
	}
	return lv.AllocationPolicy.String()
}

func (lv *lvRow) removed() time.Time {
	if lv.historical == nil {
		return time.Time{}
	}
	return lv.historical.RemovalTime()
}

// lvName is the name of a volume: in brackets if users do not see it, with a dash
// if it was removed.
func (r *row) lvName() value {
	switch {
	case r.lv.historical != nil:
		return keyed("-"+r.lv.Name, r.lv.Name)
	case r.lv.Hidden:
		return r.bracketed(r.lv.Name)
	}
	return text(r.lv.Name)
}

func (r *row) bracketed(name string) value {
	if r.o.NoBrackets {
		return text(name)
	}
	return keyed("["+name+"]", name)
}

// other is the name of another volume of the group.
func (r *row) other(name string) value {
	if name != "" && r.vg.hides(name) {
		return r.bracketed(name)
	}
	return text(name)
}

func (v *vgRow) hides(name string) bool {
	if v.src == nil {
		return false
	}
	if v.hidden == nil {
		v.hidden = map[string]bool{}
		for lv := range v.src.LVs() {
			v.hidden[lv.Name()] = lv.Hidden()
		}
	}
	return v.hidden[name]
}

func (v *vgRow) allocation() string {
	if v.src == nil {
		return "unknown"
	}
	return v.AllocationPolicy.String()
}

func (v *vgRow) copies() value {
	if v.MetadataCopies == 0 {
		return missing("unmanaged")
	}
	return number(v.MetadataCopies)
}

func (p *pvRow) name() string {
	if p.Device == "" {
		return "[unknown]"
	}
	return p.Device
}

// number is a device number as lvm2 prints it, also of no device.
func (p *pvRow) number(n int64) string {
	if p.Device == "" {
		return "0"
	}
	return strconv.FormatInt(n, 10)
}

func (p *pvRow) version() value {
	if p.Device == "" || p.Format == "" {
		return missing("")
	}
	return number(p.ExtensionVersion)
}

func (r *row) active(word string) value {
	if !r.lv.Active {
		word = ""
	}
	return text(word)
}

func (r *row) isSelected() value {
	if r.selected {
		return number(1)
	}
	return number(0)
}
