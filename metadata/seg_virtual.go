package metadata

import "github.com/lvm-go/lvm/units"

// Areas returns nil: there is no storage.
func (*Virtual) Areas() []Area { return nil }

// Parts returns nil: there are none.
func (*Virtual) Parts() []ID { return nil }

// Uses returns nil: there are none.
func (*Virtual) Uses() []ID { return nil }

func (*Virtual) fits(typ string) bool { return typ == "error" || typ == "zero" }

func (*Virtual) areaLength(*Segment) units.Extents { return 0 }

func decodeVirtual(d *decoder, l list, s *Segment) Body {
	s.Extra = d.fields(l, func(f item) bool { return d.common(f, s) })
	return &Virtual{}
}

func (*Virtual) print(*recordPrinter, *Segment) {}

func (*Virtual) check(*checker, *Segment) {}
