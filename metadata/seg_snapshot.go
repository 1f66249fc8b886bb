package metadata

import "github.com/lvm-go/lvm/units"

// Areas returns nil: a snapshot maps nothing by itself.
func (*Snapshot) Areas() []Area { return nil }

// Parts returns nil: origin and COW store are volumes in their own right.
func (*Snapshot) Parts() []ID { return nil }

// Uses returns nil, as Parts does.
func (*Snapshot) Uses() []ID { return nil }

func (*Snapshot) fits(typ string) bool { return typ == "snapshot" }

func (*Snapshot) areaLength(*Segment) units.Extents { return 0 }

func decodeSnapshot(d *decoder, l list, s *Segment) Body {
	b := &Snapshot{}
	d.require(l, "chunk_size", "origin")
	if d.has(l, "cow_store") == d.has(l, "merging_store") {
		d.fail("cow_store, merging_store", nil, "one of them")
	}
	s.Extra = d.fields(l, func(f item) bool {
		switch f.key {
		case "chunk_size":
			b.ChunkSize = d.sectors32(f)
		case "origin":
			b.Origin = d.lv(f)
		case "cow_store":
			b.COW = d.lv(f)
		case "merging_store":
			b.COW, b.Merging = d.lv(f), true
		default:
			return d.common(f, s)
		}
		return true
	})
	return b
}

func (b *Snapshot) print(w *recordPrinter, _ *Segment) {
	w.uint("chunk_size", uint64(b.ChunkSize))
	w.lv("origin", b.Origin)
	if b.Merging {
		w.lv("merging_store", b.COW)
	} else {
		w.lv("cow_store", b.COW)
	}
}

func (b *Snapshot) check(c *checker, _ *Segment) {
	if b.ChunkSize == 0 || b.ChunkSize&(b.ChunkSize-1) != 0 || b.ChunkSize > maxUint32 {
		c.fail(RuleSnapshot, "chunks of "+number(b.ChunkSize)+" sectors are no power of 2")
	}
	c.alone(RuleSnapshot)
	origin, hasOrigin := c.lvs.Find(b.Origin)
	cow, hasCOW := c.lvs.Find(b.COW)
	if !hasOrigin || !hasCOW {
		c.fail(RuleSnapshot, "no lv "+b.Origin.String()+" as origin, or "+b.COW.String()+" as cow store")
		return
	}
	switch first, isCOW := c.cows[b.Origin]; {
	case origin == cow:
		c.fail(RuleSnapshot, "lv "+c.vg.LVs[cow].Name+" is both origin and cow store")
	case isCOW:
		c.fail(RuleSnapshot, "its origin "+c.vg.LVs[origin].Name+" is the cow store of "+c.vg.LVs[first].Name)
	}
	if first := c.cows[b.COW]; first != c.lv {
		c.fail(RuleSnapshot, "cow store "+c.vg.LVs[cow].Name+" is that of "+c.vg.LVs[first].Name+" too")
	}
	for _, lv := range [...]*LogicalVolume{c.vg.LVs[origin], c.vg.LVs[cow]} {
		if lv.snapshot() != nil {
			c.fail(RuleSnapshot, "lv "+lv.Name+" has no extents of its own")
		}
	}
	if b.Merging {
		if first, twice := c.merging[b.Origin]; twice {
			c.fail(RuleSnapshot, c.vg.LVs[first].Name+" is being merged into "+c.vg.LVs[origin].Name+" too")
		}
		c.merging[b.Origin] = c.lv
	}
}

// noteSnapshot notes what the LV with number i says of a snapshot.
func (c *checker) noteSnapshot(i int, lv *LogicalVolume) {
	b := lv.snapshot()
	if b == nil {
		return
	}
	if c.cows == nil {
		c.cows, c.stores, c.merging = map[ID]int{}, map[ID][]ID{}, map[ID]int{}
	}
	if _, twice := c.cows[b.COW]; !twice {
		c.cows[b.COW] = i
	}
	c.stores[b.Origin] = append(c.stores[b.Origin], b.COW)
}

// snapshot returns what an LV says of a snapshot, nil if it is an ordinary one.
func (lv *LogicalVolume) snapshot() *Snapshot {
	b, _ := lv.body().(*Snapshot)
	return b
}
