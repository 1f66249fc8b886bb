package metadata

import (
	"slices"

	"github.com/lvm-go/lvm/units"
)

// The lengths that a chunk of a cache can have, besides that it is a multiple of
// the shortest.
//
// Source: the kernel's dm-cache; checked against lvm2 2.03.16.
const (
	MinCacheChunk units.Sectors = 64
	MaxCacheChunk units.Sectors = 2 << 20
)

// Areas returns the volume with the data.
func (b *CachePool) Areas() []Area { return areasOn(b.Data) }

// Parts returns the volume with the metadata.
func (b *CachePool) Parts() []ID { return someOf(b.Metadata) }

// Uses returns nil: there are none.
func (*CachePool) Uses() []ID { return nil }

func (*CachePool) fits(typ string) bool { return typ == "cache-pool" }

func (*CachePool) areaLength(s *Segment) units.Extents { return s.Count }

func decodeCachePool(d *decoder, l list, s *Segment) Body {
	b := &CachePool{}
	d.require(l, "data", "metadata")
	s.Extra = d.fields(l, func(f item) bool {
		switch f.key {
		case "data":
			b.Data = d.lv(f)
		case "metadata":
			b.Metadata = d.lv(f)
		default:
			return d.cacheSettings(f, &b.CacheSettings) || d.common(f, s)
		}
		return true
	})
	return b
}

// cacheSettings reads a field of what caches with a pool, and those with a
// cachevol, have in common.
func (d *decoder) cacheSettings(f item, b *CacheSettings) bool {
	switch f.key {
	case "metadata_format":
		b.MetadataFormat = d.uint32(f)
	case "chunk_size":
		b.ChunkSize = d.sectors32(f)
	case "cache_mode":
		b.Mode = d.text(f)
	case "policy":
		b.Policy = d.text(f)
	case "policy_settings":
		settings, ok := d.settings(f)
		if !ok || b.Settings != nil {
			return false
		}
		b.Settings = settings
	default:
		return false
	}
	return true
}

func (b *CachePool) print(w *recordPrinter, _ *Segment) {
	w.lv("data", b.Data)
	w.lv("metadata", b.Metadata)
	b.CacheSettings.print(w)
}

func (b *CacheSettings) print(w *recordPrinter) {
	w.nonzero("metadata_format", uint64(b.MetadataFormat))
	w.nonzero("chunk_size", uint64(b.ChunkSize))
	w.optional("cache_mode", b.Mode)
	w.optional("policy", b.Policy)
	w.settings("policy_settings", b.Settings)
}

func (b *CachePool) check(c *checker, _ *Segment) {
	c.alone(RuleCache)
	c.named(RuleCache, "metadata", b.Metadata, "_cmeta")
	b.CacheSettings.check(c)
}

func (b *CacheSettings) check(c *checker) {
	if b.MetadataFormat > 2 {
		c.fail(RuleCache, "metadata has format "+number(uint64(b.MetadataFormat)))
	}
	if size := b.ChunkSize; size < MinCacheChunk || size > MaxCacheChunk || size%MinCacheChunk != 0 {
		c.fail(RuleCache, "chunks of "+number(size)+" sectors are not 32 KiB to 1 GiB, or no multiple of 32 KiB")
	}
	switch b.Mode {
	case "", "writethrough", "writeback", "passthrough":
	default:
		c.fail(RuleCache, "unknown mode "+show(b.Mode))
	}
	c.settings(RuleCache, b.Settings)
}

// settings checks that parameters can be written.
func (c *checker) settings(rule Rule, settings []Setting) {
	for i := range settings {
		if detail := settings[i].fault(); detail != "" {
			c.fail(rule, detail)
		}
	}
}

// ownSettings checks that parameters are among those that have fields of their
// own, and each is there once.
func (c *checker) ownSettings(rule Rule, keys []string, settings []Setting) {
	c.settings(rule, settings)
	for i := range settings {
		s := &settings[i]
		if !slices.Contains(keys, s.Key) || s.IsText || findSetting(settings, s.Key) != s {
			c.fail(rule, "parameter "+show(s.Key)+" has no field, is no number, or is there twice")
		}
	}
}

func (b *CacheSettings) isZero() bool {
	return b.MetadataFormat == 0 && b.ChunkSize == 0 && b.Mode == "" && b.Policy == "" && len(b.Settings) == 0
}
