package metadata

import (
	"strconv"

	"github.com/lvm-go/lvm/units"
)

// The limits of a striped segment.
//
// Source: LVM2 striped segment; STRIPE_SIZE_MIN and MAX_STRIPES.
const (
	maxStripes = 128
	// Where extents are smaller than the stripe size that was asked for, lvm2 takes that of
	// the extents. Source: lvm2 as observed.
	minStripeSize = units.Sectors(2)
)

// Areas returns the stripes.
func (b *Striped) Areas() []Area { return b.Stripes }

// Parts returns nil: there are none.
func (*Striped) Parts() []ID { return nil }

// Uses returns nil: there are none.
func (*Striped) Uses() []ID { return nil }

func (b *Striped) fits(typ string) bool { return typ == "striped" || typ == "linear" }

func (b *Striped) areaLength(s *Segment) units.Extents {
	if len(b.Stripes) == 0 {
		return 0
	}
	return s.Count / units.Extents(len(b.Stripes))
}

func decodeStriped(d *decoder, l list, s *Segment) Body {
	if len(d.striped) == cap(d.striped) {
		d.striped = make([]Striped, 0, max(min(2*cap(d.striped), 256), 8))
	}
	d.striped = append(d.striped, Striped{})
	b := &d.striped[len(d.striped)-1]
	count := uint32(0)
	d.require(l, "stripe_count", "stripes")
	s.Extra = d.fields(l, func(f item) bool {
		switch f.key {
		case "stripe_count":
			count = d.uint32(f)
		case "stripe_size":
			b.StripeSize = d.sectors32(f)
		case "stripes":
			b.Stripes = d.areaList(f)
		default:
			return d.common(f, s)
		}
		return true
	})
	if count == 0 || uint64(count) != uint64(len(b.Stripes)) {
		d.fail("stripe_count", count, len(b.Stripes))
	}
	if count == 1 {
		b.StripeSize = 0 // it says nothing
	}
	return b
}

func (b *Striped) print(w *recordPrinter, _ *Segment) {
	n := uint64(len(b.Stripes))
	if n == 1 {
		w.hinted("stripe_count", n, "linear")
	} else {
		w.uint("stripe_count", n)
		w.size("stripe_size", uint64(b.StripeSize), 1)
	}
	w.areaList("stripes", b.Stripes)
}

func (b *Striped) check(c *checker, s *Segment) {
	n := len(b.Stripes)
	switch {
	case n == 0 || n > maxStripes:
		c.fail(RuleStripes, "there are "+strconv.Itoa(n)+" stripes, not 1 to 128")
		return
	case s.Count%units.Extents(n) != 0:
		c.fail(RuleStripes, number(s.Count)+" extents do not divide into "+strconv.Itoa(n)+" stripes")
	}
	size := b.StripeSize
	if n > 1 && (size < minStripeSize || size&(size-1) != 0 || size > maxUint32) {
		c.fail(RuleStripes, "stripe size of "+number(size)+" sectors is not a power of 2 from 2 on")
	}
	if n == 1 && size != 0 {
		c.fail(RuleStripes, "one stripe has no stripe size")
	}
}
