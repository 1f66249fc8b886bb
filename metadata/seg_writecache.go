package metadata

import (
	"slices"

	"github.com/lvm-go/lvm/units"
)

// writeCacheSettings are the parameters that have fields of their own, in the
// order in which LVM2 writes them. One more has a field for its name.
//
// Source: LVM2 writecache segment; checked against lvm2 2.03.16, which reads
// the last two and does not write them.
var writeCacheSettings = []string{
	"high_watermark", "low_watermark", "writeback_jobs", "autocommit_blocks", "autocommit_time",
	"fua", "nofua", "cleaner", "max_age", "metadata_only", "pause_writeback",
}

// Areas returns the volume whose writes are cached.
func (b *WriteCache) Areas() []Area { return areasOn(b.Origin) }

// Parts returns the cache.
func (b *WriteCache) Parts() []ID { return someOf(b.Cache) }

// Uses returns nil: there are none.
func (*WriteCache) Uses() []ID { return nil }

func (*WriteCache) fits(typ string) bool { return typ == "writecache" }

func (*WriteCache) areaLength(s *Segment) units.Extents { return s.Count }

func decodeWriteCache(d *decoder, l list, s *Segment) Body {
	b := &WriteCache{}
	d.require(l, "writecache", "origin", "writecache_block_size")
	if d.has(l, "writecache_setting_key") != d.has(l, "writecache_setting_val") {
		d.fail("writecache_setting_key, writecache_setting_val", "one", "both or none")
	}
	s.Extra = d.fields(l, func(f item) bool {
		switch f.key {
		case "writecache":
			b.Cache = d.lv(f)
		case "origin":
			b.Origin = d.lv(f)
		case "writecache_block_size":
			b.BlockSize = units.Bytes(d.uint32(f))
		case "writecache_setting_key":
			b.OtherKey = d.text(f)
		case "writecache_setting_val":
			b.OtherValue = d.text(f)
		default:
			if slices.Contains(writeCacheSettings, f.key) {
				b.Settings = append(b.Settings, d.number(f))
				return true
			}
			return d.common(f, s)
		}
		return true
	})
	return b
}

func (b *WriteCache) print(w *recordPrinter, _ *Segment) {
	w.lv("writecache", b.Cache)
	w.lv("origin", b.Origin)
	w.uint("writecache_block_size", uint64(b.BlockSize))
	w.ownSettings(writeCacheSettings, b.Settings)
	if b.OtherKey != "" {
		w.text("writecache_setting_key", b.OtherKey)
		w.text("writecache_setting_val", b.OtherValue)
	}
}

// ownSettings writes the parameters that have fields of their own, in the order
// of keys.
func (w *recordPrinter) ownSettings(keys []string, settings []Setting) {
	for _, key := range keys {
		if s := findSetting(settings, key); s != nil {
			w.setting(s)
		}
	}
}

func (b *WriteCache) check(c *checker, _ *Segment) {
	c.alone(RuleWriteCache)
	c.refer(RuleWriteCache, "cache", b.Cache)
	if size := b.BlockSize; size < 512 || size&(size-1) != 0 || size > maxUint32 {
		c.fail(RuleWriteCache, "blocks of "+number(size)+" bytes are less than 512, or no power of 2")
	}
	c.ownSettings(RuleWriteCache, writeCacheSettings, b.Settings)
}
