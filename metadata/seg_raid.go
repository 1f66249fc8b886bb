package metadata

import (
	"strconv"
	"strings"

	"github.com/lvm-go/lvm/units"
)

// MaxRAIDLegs is how many images a raid can have.
//
// Source: LVM2 DEFAULT_RAID_MAX_IMAGES; the kernel's dm-raid has 253.
const MaxRAIDLegs = 64

// raidMetaName is what the names of metadata volumes of a raid contain. A reader
// tells them from images by that.
const raidMetaName = "_rmeta_"

// Areas returns the images.
func (b *RAID) Areas() []Area {
	areas := make([]Area, len(b.Legs))
	for i := range b.Legs {
		areas[i].LV = b.Legs[i].Image
	}
	return areas
}

// Parts returns the volumes with the metadata of the legs.
func (b *RAID) Parts() []ID {
	parts := make([]ID, 0, len(b.Legs))
	for i := range b.Legs {
		if meta := b.Legs[i].Meta; !meta.IsZero() {
			parts = append(parts, meta)
		}
	}
	return parts
}

// Uses returns nil: there are none.
func (*RAID) Uses() []ID { return nil }

// RAIDParity returns how many images of a raid segment of the given type, without
// +FLAG suffixes, hold nothing but parity: 0 to 2.
func RAIDParity(typ string) int {
	switch {
	case strings.HasPrefix(typ, "raid4"), strings.HasPrefix(typ, "raid5"):
		return 1
	case strings.HasPrefix(typ, "raid6"):
		return 2
	}
	return 0
}

func isRAID0(typ string) bool  { return strings.HasPrefix(typ, "raid0") }
func isRAID1(typ string) bool  { return typ == "raid1" }
func isRAID10(typ string) bool { return strings.HasPrefix(typ, "raid10") }

// DataCopies returns how often a segment of the given type, without +FLAG
// suffixes, has each block of data: each leg of raid1 has all, raid10 has two
// copies, also where the text says one, as LVM2 writes it while it reshapes.
func (b *RAID) DataCopies(typ string) int {
	switch {
	case isRAID1(typ):
		return len(b.Legs)
	case isRAID10(typ) && b.Copies < 2:
		return 2
	case isRAID10(typ):
		return int(b.Copies)
	}
	return 1
}

func (*RAID) fits(typ string) bool { return strings.HasPrefix(typ, "raid") }

// RoomShares returns in how many images a segment of the given type, without +FLAG
// suffixes, counts the room for a reshape, which all of them have, as its own extents: in
// those without parity, and once for raid1; but in each of raid10.
//
// Source: LVM2 as observed.
func (b *RAID) RoomShares(typ string) int {
	switch {
	case isRAID10(typ):
		return len(b.Legs)
	case isRAID1(typ):
		return 1
	}
	return max(0, len(b.Legs)-RAIDParity(typ))
}

// areaLength returns the length of an image that holds its share, rounded up.
func (b *RAID) areaLength(s *Segment) units.Extents {
	typ := s.BaseType()
	if len(b.Legs) <= RAIDParity(typ) {
		return 0
	}
	if room := s.ReshapeCount; room > 0 && isRAID10(typ) {
		flat := *s
		flat.ReshapeCount = 0
		if flat.Count = s.Count / units.Extents(len(b.Legs)); room > flat.Count {
			return flat.Count
		}
		flat.Count = s.Count - room*units.Extents(len(b.Legs))
		return b.areaLength(&flat) + room
	}
	data := units.Extents(len(b.Legs) - RAIDParity(typ))
	copies := min(units.Extents(b.DataCopies(typ)), data)
	rest := s.Count % data * copies
	length := s.Count / data * copies
	return length + (rest+data-1)/data
}

func decodeRAID(d *decoder, l list, s *Segment) Body {
	b := &RAID{}
	list := "raids"
	if s.BaseType() == "raid0" {
		list = "raid0_lvs"
	}
	d.require(l, list)
	if d.has(l, "device_count") == d.has(l, "stripe_count") {
		d.fail("device_count, stripe_count", nil, "one of them")
	}
	count := uint32(0)
	s.Extra = d.fields(l, func(f item) bool {
		switch f.key {
		case "device_count", "stripe_count":
			count = d.uint32(f)
		case "data_copies":
			b.Copies = d.uint32(f)
		case "region_size":
			b.RegionSize = d.sectors32(f)
		case "stripe_size":
			b.StripeSize = d.sectors32(f)
		case "writebehind":
			b.WriteBehind = d.uint32(f)
		case "min_recovery_rate":
			b.MinRate = d.uint32(f)
		case "max_recovery_rate":
			b.MaxRate = d.uint32(f)
		case "data_offset":
			b.DataOffset, b.HasDataOffset = d.sectors32(f), true
		case list:
			b.Legs = d.raidLegs(f)
		default:
			return d.common(f, s)
		}
		return true
	})
	if b.Copies == 0 && isRAID10(s.BaseType()) {
		b.Copies = 2 // as for LVM2
	}
	if count == 0 || uint64(count) != uint64(len(b.Legs)) {
		d.fail("device_count", count, len(b.Legs))
	}
	return b
}

// raidLegs reads names of images, each after that of its metadata if it has any.
func (d *decoder) raidLegs(f item) (legs []RAIDLeg) {
	var leg RAIDLeg
	d.eachText(f, func(name string) {
		id, ok := d.lvNamed(name)
		isMeta := strings.Contains(name, raidMetaName)
		switch {
		case !ok:
			d.fail(f.key, name, "an LV of the group")
		case isMeta && !leg.Meta.IsZero():
			d.fail(f.key, name, "an image")
		case isMeta:
			leg.Meta = id
		default:
			leg.Image = id
			legs = append(legs, leg)
			leg = RAIDLeg{}
		}
	})
	if !leg.Meta.IsZero() {
		d.failField(f, "an image with each metadata volume")
	}
	return legs
}

func (b *RAID) print(w *recordPrinter, s *Segment) {
	typ := s.BaseType()
	list := "raids"
	if isRAID0(typ) {
		w.uint("stripe_count", uint64(len(b.Legs)))
		if typ == "raid0" {
			list = "raid0_lvs"
		}
	} else {
		w.uint("device_count", uint64(len(b.Legs)))
	}
	w.nonzero("data_copies", uint64(b.Copies))
	w.nonzero("region_size", uint64(b.RegionSize))
	w.nonzero("stripe_size", uint64(b.StripeSize))
	w.nonzero("writebehind", uint64(b.WriteBehind))
	w.nonzero("min_recovery_rate", uint64(b.MinRate))
	w.nonzero("max_recovery_rate", uint64(b.MaxRate))
	switch {
	case b.HasDataOffset:
		w.uint("data_offset", uint64(b.DataOffset))
	case b.DataOffset != 0:
		w.fail("data_offset", uint64(b.DataOffset))
	}
	w.raidLegs(list, b.Legs)
}

func (w *recordPrinter) raidLegs(key string, legs []RAIDLeg) {
	w.blank(1)
	w.begin(key)
	w.b = append(w.b, '[')
	w.level++
	for i := range legs {
		if i != 0 {
			w.b = append(w.b, ',')
		}
		w.b = append(w.b, '\n')
		w.indent()
		if !legs[i].Meta.IsZero() {
			w.raidName(legs[i].Meta, true)
			w.b = append(w.b, ", "...)
		}
		w.raidName(legs[i].Image, false)
	}
	w.level--
	w.b = append(w.b, '\n')
	w.indent()
	w.b = append(w.b, ']')
	w.end("")
}

// raidName writes the name of a volume, which has to say whether it is metadata.
func (w *recordPrinter) raidName(id ID, isMeta bool) {
	name, ok := w.lvName(id)
	if !ok || strings.Contains(name, raidMetaName) != isMeta {
		w.fail("raids", name)
	}
	w.quote(name)
}

func (b *RAID) check(c *checker, s *Segment) {
	typ := s.BaseType()
	c.alone(RuleRAID)
	b.checkLegs(c, typ)
	if data := len(b.Legs) - RAIDParity(typ); data > 0 && !isRAID1(typ) && !isRAID10(typ) && s.Count%units.Extents(data) != 0 {
		c.fail(RuleRAID, number(s.Count)+" extents do not divide into "+strconv.Itoa(data)+" images")
	}
	if isRAID0(typ) {
		if b.RegionSize != 0 || b.MinRate != 0 || b.MaxRate != 0 || b.WriteBehind != 0 {
			c.fail(RuleRAID, "raid0 has regions, rates, or write-behind, but nothing to synchronise")
		}
	} else if !isPowerOf2(b.RegionSize) {
		c.fail(RuleRAID, "regions of "+number(b.RegionSize)+" sectors are no power of 2")
	}
	if isRAID1(typ) {
		if b.StripeSize != 0 {
			c.fail(RuleRAID, "raid1 has no stripes")
		}
	} else if !isPowerOf2(b.StripeSize) {
		c.fail(RuleRAID, "stripe size of "+number(b.StripeSize)+" sectors is no power of 2")
	}
	if shares := units.Extents(b.RoomShares(typ)); shares > 0 && s.ReshapeCount > s.Count/shares {
		c.fail(RuleRAID, "room of "+number(s.ReshapeCount)+" extents in each image is more than there is")
	}
	if b.MaxRate != 0 && b.MinRate > b.MaxRate {
		c.fail(RuleRAID, "the lowest rate of synchronisation is more than the highest")
	}
	if b.DataOffset != 0 {
		if !b.HasDataOffset || !s.HasFlag("RESHAPE_DATA_OFFSET") || b.DataOffset > maxUint32 {
			c.fail(RuleRAID, "data from sector "+number(b.DataOffset)+" on, without a reshape")
		} else if size := c.vg.ExtentSize; size != 0 && b.DataOffset%size != 0 {
			c.fail(RuleRAID, "data from sector "+number(b.DataOffset)+" on, which is no boundary of extents")
		}
	}
}

// checkLegs checks the number of the images, and what they are.
func (b *RAID) checkLegs(c *checker, typ string) {
	n, least := len(b.Legs), 1
	switch {
	case isRAID10(typ):
		least = 4
	case RAIDParity(typ) == 1:
		least = 2
	case RAIDParity(typ) == 2:
		least = 5
	}
	if n < least || n > MaxRAIDLegs {
		c.fail(RuleRAID, "there are "+strconv.Itoa(n)+" images, not "+strconv.Itoa(least)+" to 64")
	}
	if copies := b.DataCopies(typ); isRAID10(typ) && (copies < 2 || copies > n) {
		c.fail(RuleRAID, "there are "+strconv.Itoa(copies)+" copies of the data in "+strconv.Itoa(n)+" images")
	}
	// LVM2 zeroes new metadata volumes while they can be seen, and has the raid
	// skipped by activation until that is done.
	visible := LVVisible
	if c.vg.LVs[c.lv].Status&LVActivationSkip != 0 {
		visible = 0
	}
	var image, meta legLength
	for i := range b.Legs {
		leg := &b.Legs[i]
		if n, ok := c.lvs.Find(leg.Image); ok {
			lv := c.vg.LVs[n]
			if strings.Contains(lv.Name, raidMetaName) {
				c.fail(RuleRAID, "image "+lv.Name+" is named as metadata are")
			}
			if lv.Status&visible != 0 && lv.Status&LVWrite != 0 {
				c.fail(RuleRAID, "image "+lv.Name+" is not hidden, and can be written")
			}
			image.add(c, "image", n)
		}
		if leg.Meta.IsZero() != (typ == "raid0") {
			c.fail(RuleRAID, "leg "+strconv.Itoa(i)+" has no metadata, or raid0 has some")
		}
		if leg.Meta.IsZero() {
			continue
		}
		if n, ok := c.lvs.Find(leg.Meta); ok {
			lv := c.vg.LVs[n]
			if !strings.Contains(lv.Name, raidMetaName) {
				c.fail(RuleRAID, "metadata "+lv.Name+" is not named "+raidMetaName)
			}
			if lv.Status&visible != 0 {
				c.fail(RuleRAID, "metadata "+lv.Name+" is not hidden")
			}
			meta.add(c, "metadata", n)
		}
	}
}

// A legLength is the length that all volumes of a kind have.
type legLength struct {
	length units.Extents
	seen   bool
}

func (l *legLength) add(c *checker, what string, n int) {
	if l.seen && c.size[n] != l.length {
		c.fail(RuleRAID, what+" "+c.vg.LVs[n].Name+" has "+number(c.size[n])+" extents, the first "+number(l.length))
	}
	if !l.seen {
		l.length, l.seen = c.size[n], true
	}
}

func isPowerOf2(n units.Sectors) bool { return n != 0 && n&(n-1) == 0 && n <= maxUint32 }
