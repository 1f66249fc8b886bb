package metadata

import (
	"strings"

	"github.com/lvm-go/lvm/units"
)

// Areas returns nil: which areas there are, is not known.
func (*Opaque) Areas() []Area { return nil }

func (*Opaque) fits(typ string) bool {
	for _, t := range segmentTypes() {
		if t.name == typ {
			return false
		}
	}
	return typ != ""
}

func (*Opaque) areaLength(units.Extents) units.Extents { return 0 }

// Field returns the first field or section with the given key, nil if there is
// none.
func (b *Opaque) Field(key string) *Entry {
	for i := range b.Fields {
		if b.Fields[i].Key == key {
			return &b.Fields[i]
		}
	}
	return nil
}

func decodeOpaque(d *decoder, l list, s *Segment) Body {
	if s.Type == "" {
		d.fail("type", s.Type, "a name")
	}
	b := &Opaque{}
	for _, x := range d.fields(l, func(f item) bool { return d.common(f, s) }) {
		b.Fields = append(b.Fields, x.Entry)
	}
	if d.renumber {
		d.renumberAreas(b.Fields)
	}
	return b
}

// renumberAreas gives the PVs in area lists the names that they will have when
// the text is written. In a text that LVM2 wrote, they have them already.
func (d *decoder) renumberAreas(fields []Entry) {
	for i := range fields {
		literals := fields[i].literals
		for j := 0; j+1 < len(literals); j++ {
			name, isText := textOf(literals[j])
			_, isInt := intOf(literals[j+1])
			if pv, ok := d.pvs[name]; ok && isText && isInt {
				literals[j] = `"` + pvName(pv.number) + `"`
			}
		}
	}
}

func (b *Opaque) print(w *recordPrinter, s *Segment) {
	for i := range b.Fields {
		hint := ""
		if w.form == BackupForm {
			hint = w.opaqueHint(s.Type, &b.Fields[i])
		}
		w.entry(&b.Fields[i], hint)
	}
}

// opaqueHint returns the hint that LVM2 writes with a field of a type that is
// opaque only here.
func (w *recordPrinter) opaqueHint(typ string, f *Entry) string {
	typ, _, _ = strings.Cut(typ, "+")
	unit := units.Sectors(0)
	switch {
	case typ == "thin-pool" && f.Key == "chunk_size":
		unit = 1
	default:
		return ""
	}
	n, ok := f.Int()
	if !ok || n < 0 {
		return ""
	}
	return sizeHint(float64(n) * float64(unit))
}

func (*Opaque) check(*checker, *Segment) {}
