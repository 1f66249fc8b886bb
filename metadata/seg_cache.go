package metadata

import (
	"math/bits"

	"github.com/lvm-go/lvm/units"
)

// Areas returns the volume that is cached.
func (b *Cache) Areas() []Area { return areasOn(b.Origin) }

// Parts returns the cache pool, or the cachevol.
func (b *Cache) Parts() []ID { return someOf(b.Pool) }

// Uses returns nil: there are none.
func (*Cache) Uses() []ID { return nil }

func (*Cache) fits(typ string) bool { return typ == "cache" }

func (*Cache) areaLength(s *Segment) units.Extents { return s.Count }

func decodeCache(d *decoder, l list, s *Segment) Body {
	b := &Cache{}
	vol := s.HasFlag(flagCachevol)
	d.require(l, "cache_pool", "origin")
	if vol {
		d.require(l, "metadata_start", "metadata_len", "data_start", "data_len")
	}
	s.Extra = d.fields(l, func(f item) bool {
		switch f.key {
		case "cache_pool":
			b.Pool = d.lv(f)
		case "origin":
			b.Origin = d.lv(f)
		case "cleaner":
			b.Cleaner = d.uint32(f) != 0
		default:
			return vol && d.cachevol(f, b) || d.common(f, s)
		}
		return true
	})
	return b
}

// cachevol reads a field that caches with a cachevol have.
func (d *decoder) cachevol(f item, b *Cache) bool {
	switch f.key {
	case "metadata_start":
		b.MetadataStart = d.sectors(f)
	case "metadata_len":
		b.MetadataLen = d.sectors(f)
	case "data_start":
		b.DataStart = d.sectors(f)
	case "data_len":
		b.DataLen = d.sectors(f)
	case "metadata_id":
		b.MetadataID = d.id(f)
	case "data_id":
		b.DataID = d.id(f)
	default:
		return d.cacheSettings(f, &b.CacheSettings)
	}
	return true
}

func (b *Cache) print(w *recordPrinter, s *Segment) {
	w.lv("cache_pool", b.Pool)
	w.lv("origin", b.Origin)
	w.ifSet("cleaner", b.Cleaner)
	if !s.HasFlag(flagCachevol) {
		if b.hasCachevol() {
			w.fail("cache_pool", "settings of a cachevol")
		}
		return
	}
	b.CacheSettings.print(w)
	w.uint("metadata_start", uint64(b.MetadataStart))
	w.uint("metadata_len", uint64(b.MetadataLen))
	w.uint("data_start", uint64(b.DataStart))
	w.uint("data_len", uint64(b.DataLen))
	if !b.MetadataID.IsZero() {
		w.id("metadata_id", &b.MetadataID)
	}
	if !b.DataID.IsZero() {
		w.id("data_id", &b.DataID)
	}
}

// hasCachevol reports whether there is anything that only caches with a cachevol
// have.
func (b *Cache) hasCachevol() bool {
	return !b.CacheSettings.isZero() || b.MetadataStart|b.MetadataLen|b.DataStart|b.DataLen != 0 ||
		!b.MetadataID.IsZero() || !b.DataID.IsZero()
}

func (b *Cache) check(c *checker, s *Segment) {
	c.alone(RuleCache)
	pool := c.refer(RuleCache, "cache pool", b.Pool)
	if s.HasFlag(flagCachevol) {
		b.CacheSettings.check(c)
		b.checkCachevol(c)
		return
	}
	if b.hasCachevol() {
		c.fail(RuleCache, "settings of a cachevol, but there is none")
	}
	if pool == nil || pool.IsOpaque() {
		return
	}
	if _, ok := pool.body().(*CachePool); !ok {
		c.fail(RuleCache, "lv "+pool.Name+" is no cache pool")
	}
}

// checkCachevol checks how a cachevol is divided. Data and metadata may overlap:
// so they do for a moment while LVM2 takes a cachevol off.
func (b *Cache) checkCachevol(c *checker) {
	n, ok := c.lvs.Find(b.Pool)
	if !ok {
		return
	}
	size, ok := c.size[n].Sectors(c.vg.ExtentSize)
	if !ok {
		return // there is a violation of it already
	}
	metadataEnd, carry := bits.Add64(uint64(b.MetadataStart), uint64(b.MetadataLen), 0)
	dataEnd, carry2 := bits.Add64(uint64(b.DataStart), uint64(b.DataLen), 0)
	if b.MetadataFormat == 0 {
		c.fail(RuleCache, "the format of the metadata is not recorded")
	}
	switch {
	case b.MetadataLen == 0 || b.DataLen == 0:
		c.fail(RuleCache, "no room for metadata, or for data")
	case carry|carry2 != 0 || max(metadataEnd, dataEnd) > uint64(size):
		c.fail(RuleCache, "metadata or data are beyond the end of lv "+c.vg.LVs[n].Name+", which has "+number(size)+" sectors")
	}
}
