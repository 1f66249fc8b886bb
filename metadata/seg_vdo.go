package metadata

import "github.com/lvm-go/lvm/units"

// Areas returns nil: a vdo volume has blocks of its pool.
func (*VDO) Areas() []Area { return nil }

// Parts returns nil: there are none.
func (*VDO) Parts() []ID { return nil }

// Uses returns the pool.
func (b *VDO) Uses() []ID { return someOf(b.Pool) }

func (*VDO) fits(typ string) bool { return typ == "vdo" }

func (*VDO) areaLength(*Segment) units.Extents { return 0 }

func decodeVDO(d *decoder, l list, s *Segment) Body {
	b := &VDO{}
	d.require(l, "vdo_pool", "vdo_offset")
	s.Extra = d.fields(l, func(f item) bool {
		switch f.key {
		case "vdo_pool":
			b.Pool = d.lv(f)
		case "vdo_offset":
			b.Offset = d.extents(f)
		default:
			return d.common(f, s)
		}
		return true
	})
	return b
}

func (b *VDO) print(w *recordPrinter, _ *Segment) {
	w.lv("vdo_pool", b.Pool)
	w.uint("vdo_offset", uint64(b.Offset))
}

func (b *VDO) check(c *checker, _ *Segment) {
	c.alone(RuleVDO)
	if b.Offset > units.MaxExtents {
		c.fail(RuleVDO, "begins with extent "+number(b.Offset))
	}
	pool := c.refer(RuleVDO, "pool", b.Pool)
	if pool == nil || pool.IsOpaque() {
		return
	}
	if _, ok := pool.body().(*VDOPool); !ok {
		c.fail(RuleVDO, "lv "+pool.Name+" is no vdo pool")
	}
}
