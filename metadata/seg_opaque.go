package metadata

import "github.com/lvm-go/lvm/units"

// Areas returns nil: which areas there are, is not known.
func (*Opaque) Areas() []Area { return nil }

// Parts returns nil, as Areas does.
func (*Opaque) Parts() []ID { return nil }

// Uses returns nil, as Areas does.
func (*Opaque) Uses() []ID { return nil }

func (*Opaque) fits(string) bool { return false }

func (*Opaque) areaLength(*Segment) units.Extents { return 0 }

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

func (b *Opaque) print(w *recordPrinter, _ *Segment) {
	for i := range b.Fields {
		w.entry(&b.Fields[i], "")
	}
}

func (*Opaque) check(*checker, *Segment) {}
