package metadata

import (
	"strconv"
	"strings"

	"github.com/lvm-go/lvm/units"
)

func (d *decoder) segmentOf(e item) (s Segment) {
	d.segment = e.key
	l := e.entries()
	d.require(l, "start_extent", "extent_count", "type")
	if d.err != nil {
		return s
	}
	s.Type = d.text(d.item(d.find(l, "type")))
	decode := decodeOpaque
	if t := findSegmentType(s.Type); t != nil {
		decode = t.decode
	}
	s.Body = decode(d, l, &s)
	d.segment = ""
	return s
}

// common reads a field that segments of all types have.
func (d *decoder) common(f item, s *Segment) bool {
	switch f.key {
	case "start_extent":
		s.Start = d.extents(f)
	case "extent_count":
		s.Count = d.extents(f)
	case "reshape_count":
		s.ReshapeCount = d.extents(f)
	case "type":
	case "tags":
		s.Tags = d.texts(f)
	default:
		return false
	}
	return true
}

// pushArea appends to the slab of areas, keeping those from number from on
// together, and returns where they now begin.
func (d *decoder) pushArea(from int, a Area) int {
	if len(d.areas) == cap(d.areas) {
		own := d.areas[from:]
		d.areas = make([]Area, 0, max(2*len(own), min(2*cap(d.areas), 512), 8))
		d.areas = append(d.areas, own...)
		from = 0
	}
	d.areas = append(d.areas, a)
	return from
}

// areaList reads pairs of a name and a first extent.
func (d *decoder) areaList(f item) []Area {
	from := len(d.areas)
	items := d.items(f.node)
	for literal, ok := items.next(); ok; literal, ok = items.next() {
		name, isText := textOf(literal)
		second, ok := items.next()
		if !ok || !isText || f.kind != arrayEntry {
			d.failField(f, "pairs of a name and an extent")
			return nil
		}
		start, ok := intOf(second)
		if !ok || start < 0 || units.Extents(start) > units.MaxExtents {
			d.fail(f.key, second, "an extent")
			return nil
		}
		a := Area{Start: units.Extents(start)}
		// As for LVM2, a PV's name goes before an LV's.
		if pv, ok := d.pvs[name]; ok {
			a.PV = pv.id
		} else if lv, ok := d.lvNamed(name); ok {
			a.LV = lv
		} else {
			d.fail(f.key, name, "a PV or an LV of the group")
			return nil
		}
		from = d.pushArea(from, a)
	}
	return d.areas[from:len(d.areas):len(d.areas)]
}

// lvNamed returns the ID of a logical volume of the group.
func (d *decoder) lvNamed(name string) (ID, bool) {
	i, ok := d.lvNames.Find(name)
	if !ok {
		return ID{}, false
	}
	return d.lvs[i].ID, true
}

// lv reads the name of a logical volume of the group.
func (d *decoder) lv(f item) ID {
	name := d.text(f)
	id, ok := d.lvNamed(name)
	if !ok {
		d.fail(f.key, name, "an LV of the group")
	}
	return id
}

func (w *recordPrinter) segment(name string, s *Segment) {
	if !s.fits() {
		w.fail("type", s.Type)
		return
	}
	w.record(name, s.Extra, func() {
		w.uint("start_extent", uint64(s.Start))
		w.size("extent_count", uint64(s.Count), w.vg.ExtentSize)
		w.blank(1)
		if s.ReshapeCount != 0 {
			w.size("reshape_count", uint64(s.ReshapeCount), w.vg.ExtentSize)
		}
		w.text("type", s.Type)
		w.tags(s.Tags)
		s.Body.print(w, s)
	})
}

// areaList writes pairs of a name and a first extent, a line each.
func (w *recordPrinter) areaList(key string, areas []Area) {
	w.blank(1)
	w.begin(key)
	w.b = append(w.b, '[')
	w.level++
	for i := range areas {
		if i != 0 {
			w.b = append(w.b, ',')
		}
		w.b = append(w.b, '\n')
		w.indent()
		w.quote(w.areaName(&areas[i]))
		w.b = append(w.b, ", "...)
		w.number(uint64(areas[i].Start))
	}
	w.level--
	w.b = append(w.b, '\n')
	w.indent()
	w.b = append(w.b, ']')
	w.end("")
}

func (w *recordPrinter) areaName(a *Area) string {
	if a.LV.IsZero() {
		i, ok := w.pvs[a.PV]
		if !ok {
			w.fail("area", a.PV.String())
			return ""
		}
		return w.pvNames[i]
	}
	name, ok := w.lvName(a.LV)
	if !ok || !a.PV.IsZero() || isPVName(name, len(w.pvNames)) {
		w.fail("area", a.LV.String())
	}
	return name
}

// lv writes the name of a logical volume.
func (w *recordPrinter) lv(key string, id ID) {
	name, ok := w.lvName(id)
	if !ok {
		w.fail(key, id.String())
	}
	w.text(key, name)
}

// optionalLV writes the name of a logical volume, if there is one.
func (w *recordPrinter) optionalLV(key string, id ID) {
	if !id.IsZero() {
		w.lv(key, id)
	}
}

func (w *recordPrinter) lvName(id ID) (name string, ok bool) {
	if w.lvNames == nil {
		w.lvNames = make(map[ID]string, len(w.vg.LVs))
		for _, lv := range w.vg.LVs {
			w.lvNames[lv.ID] = lv.Name
		}
	}
	name, ok = w.lvNames[id]
	return name, ok
}

// isPVName reports whether a reader would take name for one of a text's n PVs.
func isPVName(name string, n int) bool {
	digits, found := strings.CutPrefix(name, "pv")
	if !found {
		return false
	}
	i, err := strconv.Atoi(digits)
	return err == nil && i >= 0 && i < n && pvName(i) == name
}
