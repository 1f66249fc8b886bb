package metadata

import (
	"strconv"

	"github.com/lvm-go/lvm/units"
)

// maxLegs is how many legs a mirror can have.
//
// Source: LVM2 DEFAULT_MIRROR_MAX_IMAGES, and the kernel's dm-raid1.
const maxLegs = 8

// Areas returns the legs.
func (b *Mirror) Areas() []Area { return b.Legs }

// Parts returns the log, if there is one.
func (b *Mirror) Parts() []ID { return someOf(b.Log) }

// Uses returns nil: there are none.
func (*Mirror) Uses() []ID { return nil }

func (*Mirror) fits(typ string) bool { return typ == "mirror" }

func (*Mirror) areaLength(s *Segment) units.Extents { return s.Count }

func decodeMirror(d *decoder, l list, s *Segment) Body {
	b := &Mirror{}
	count := uint32(0)
	d.require(l, "mirror_count", "mirrors")
	s.Extra = d.fields(l, func(f item) bool {
		switch f.key {
		case "mirror_count":
			count = d.uint32(f)
		case "extents_moved":
			if !d.moves {
				return false
			}
			b.Moved = d.extents(f)
		case "mirror_log":
			b.Log = d.lv(f)
		case "region_size":
			b.RegionSize = d.sectors32(f)
		case "mirrors":
			b.Legs = d.areaList(f)
		default:
			return d.common(f, s)
		}
		return true
	})
	if count == 0 || uint64(count) != uint64(len(b.Legs)) {
		d.fail("mirror_count", count, len(b.Legs))
	}
	return b
}

func (b *Mirror) print(w *recordPrinter, _ *Segment) {
	w.uint("mirror_count", uint64(len(b.Legs)))
	if w.moves {
		w.size("extents_moved", uint64(b.Moved), w.vg.ExtentSize)
	} else if b.Moved != 0 {
		w.fail("extents_moved", uint64(b.Moved))
	}
	if !b.Log.IsZero() {
		w.lv("mirror_log", b.Log)
	}
	if b.RegionSize != 0 {
		w.uint("region_size", uint64(b.RegionSize))
	}
	w.areaList("mirrors", b.Legs)
}

func (b *Mirror) check(c *checker, s *Segment) {
	lv := c.vg.LVs[c.lv]
	moves := lv.Status&LVPvmove != 0
	if n := len(b.Legs); n == 0 || n > maxLegs || moves && n != 2 {
		c.fail(RuleMirror, "there are "+strconv.Itoa(n)+" legs")
	}
	if size := b.RegionSize; size == 0 || size&(size-1) != 0 || size > maxUint32 {
		c.fail(RuleMirror, "regions of "+number(size)+" sectors are no power of 2")
	}
	if size, ok := c.size[c.lv].Sectors(c.vg.ExtentSize); ok && b.RegionSize > size {
		c.fail(RuleMirror, "regions of "+number(b.RegionSize)+" sectors are longer than the lv")
	}
	if !moves {
		c.alone(RuleMirror)
	}
	switch {
	case !moves && b.Moved != 0:
		c.fail(RuleMirror, "extents were moved, but not by a move")
	case b.Moved > s.Count:
		c.fail(RuleMirror, number(b.Moved)+" of "+number(s.Count)+" extents were moved")
	}
	for i := range b.Legs {
		n, ok := c.lvs.Find(b.Legs[i].LV)
		if !ok || b.Legs[i].LV.IsZero() {
			continue
		}
		if b.Legs[i].Start != 0 || c.size[n] != s.Count {
			c.fail(RuleMirror, "leg "+c.vg.LVs[n].Name+" does not have just the "+number(s.Count)+" extents of the mirror")
		}
	}
}
