package metadata

import "github.com/lvm-go/lvm/units"

// MaxThinDeviceID is the largest device id of a thin volume.
//
// Source: the kernel's dm-thin, whose metadata has 24 bits for it.
const MaxThinDeviceID = 1<<24 - 1

// Areas returns nil: a thin volume has chunks of its pool.
func (*Thin) Areas() []Area { return nil }

// Parts returns nil: there are none.
func (*Thin) Parts() []ID { return nil }

// Uses returns the pool and the external origin.
func (b *Thin) Uses() []ID { return someOf(b.Pool, b.ExternalOrigin) }

func (*Thin) fits(typ string) bool { return typ == "thin" }

func (*Thin) areaLength(*Segment) units.Extents { return 0 }

func decodeThin(d *decoder, l list, s *Segment) Body {
	b := &Thin{}
	d.require(l, "thin_pool", "transaction_id", "device_id")
	s.Extra = d.fields(l, func(f item) bool {
		switch f.key {
		case "thin_pool":
			b.Pool = d.lv(f)
		case "transaction_id":
			b.TransactionID = d.uint64(f)
		case "device_id":
			b.DeviceID = d.uint32(f)
		case "external_origin":
			b.ExternalOrigin = d.lv(f)
		case "origin":
			b.Origin = d.lv(f)
		case "merge":
			b.Merge = d.lv(f)
		default:
			return d.common(f, s)
		}
		return true
	})
	return b
}

func (b *Thin) print(w *recordPrinter, _ *Segment) {
	w.lv("thin_pool", b.Pool)
	w.uint("transaction_id", b.TransactionID)
	w.uint("device_id", uint64(b.DeviceID))
	w.optionalLV("external_origin", b.ExternalOrigin)
	w.optionalLV("origin", b.Origin)
	w.optionalLV("merge", b.Merge)
}

func (b *Thin) check(c *checker, _ *Segment) {
	c.alone(RuleThin)
	c.transaction(b.TransactionID)
	if b.DeviceID > MaxThinDeviceID {
		c.fail(RuleThin, "device id "+number(uint64(b.DeviceID))+" has more than 24 bits")
	}
	if pool := c.refer(RuleThin, "pool", b.Pool); pool != nil {
		if _, ok := pool.body().(*ThinPool); !ok && !pool.IsOpaque() {
			c.fail(RuleThin, "lv "+pool.Name+" is no thin pool")
		}
		key := thinDevice{b.Pool, b.DeviceID}
		if first, twice := c.thins[key]; twice {
			c.fail(RuleThin, "lv "+c.vg.LVs[first].Name+" has device id "+number(uint64(b.DeviceID))+" too")
		} else {
			if c.thins == nil {
				c.thins = map[thinDevice]int{}
			}
			c.thins[key] = c.lv
		}
	}
	if !b.ExternalOrigin.IsZero() {
		origin := c.refer(RuleThin, "external origin", b.ExternalOrigin)
		if origin != nil && origin.Status&(LVWrite|LVWriteLocked) != 0 {
			c.fail(RuleThin, "external origin "+origin.Name+" may be written")
		}
	}
	if !b.Origin.IsZero() {
		c.refer(RuleThin, "origin", b.Origin)
	}
	if !b.Merge.IsZero() {
		c.refer(RuleThin, "lv to merge into", b.Merge)
	}
}

// thinDevice is what a pool knows a thin volume by.
type thinDevice struct {
	pool ID
	id   uint32
}

// transaction checks a transaction id, which has to fit into the text.
func (c *checker) transaction(id uint64) {
	if id > maxInt64 {
		c.fail(RuleThin, "transaction id "+number(id)+" has more than 63 bits")
	}
}
