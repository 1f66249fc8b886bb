package metadata

import (
	"slices"

	"github.com/lvm-go/lvm/units"
)

// integritySettings are the parameters in the order in which LVM2 writes them.
//
// Source: LVM2 integrity segment; checked against lvm2 2.03.16, which does not
// have the last.
var integritySettings = []string{
	"journal_sectors", "interleave_sectors", "buffer_sectors", "journal_watermark", "commit_time",
	"bitmap_flush_interval", "sectors_per_bit", "allow_discards",
}

// Areas returns the volume that is protected.
func (b *Integrity) Areas() []Area { return areasOn(b.Origin) }

// Parts returns the volume with the checksums, if there is one.
func (b *Integrity) Parts() []ID { return someOf(b.Meta) }

// Uses returns nil: there are none.
func (*Integrity) Uses() []ID { return nil }

func (*Integrity) fits(typ string) bool { return typ == "integrity" }

func (*Integrity) areaLength(s *Segment) units.Extents { return s.Count }

func decodeIntegrity(d *decoder, l list, s *Segment) Body {
	b := &Integrity{}
	d.require(l, "origin", "data_sectors", "mode", "tag_size", "block_size", "internal_hash")
	s.Extra = d.fields(l, func(f item) bool {
		switch f.key {
		case "origin":
			b.Origin = d.lv(f)
		case "meta_dev":
			b.Meta = d.lv(f)
		case "data_sectors":
			b.DataSectors = d.sectors(f)
		case "mode":
			b.Mode = d.text(f)
		case "tag_size":
			b.TagSize = d.uint32(f)
		case "block_size":
			b.BlockSize = units.Bytes(d.uint32(f))
		case "internal_hash":
			b.InternalHash = d.text(f)
		case "recalculate":
			b.Recalculate = d.uint32(f) != 0
		default:
			if slices.Contains(integritySettings, f.key) {
				b.Settings = append(b.Settings, d.number(f))
				return true
			}
			return d.common(f, s)
		}
		return true
	})
	return b
}

func (b *Integrity) print(w *recordPrinter, _ *Segment) {
	w.lv("origin", b.Origin)
	w.uint("data_sectors", uint64(b.DataSectors))
	w.text("mode", b.Mode)
	w.uint("tag_size", uint64(b.TagSize))
	w.uint("block_size", uint64(b.BlockSize))
	w.text("internal_hash", b.InternalHash)
	w.optionalLV("meta_dev", b.Meta)
	w.ifSet("recalculate", b.Recalculate)
	w.ownSettings(integritySettings, b.Settings)
}

func (b *Integrity) check(c *checker, s *Segment) {
	c.alone(RuleIntegrity)
	if size := b.BlockSize; size < 512 || size > 4096 || size&(size-1) != 0 {
		c.fail(RuleIntegrity, "blocks of "+number(size)+" bytes are not 512 to 4096, or no power of 2")
	}
	if size, ok := s.Count.Sectors(c.vg.ExtentSize); ok && (b.DataSectors == 0 || b.DataSectors > size) {
		c.fail(RuleIntegrity, number(b.DataSectors)+" of "+number(size)+" sectors are protected")
	}
	if b.Mode == "" || b.InternalHash == "" {
		c.fail(RuleIntegrity, "neither mode nor hash may be empty")
	}
	c.ownSettings(RuleIntegrity, integritySettings, b.Settings)
}
