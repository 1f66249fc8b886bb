package metadata

import (
	"slices"
	"strings"

	"github.com/lvm-go/lvm/units"
)

// BaseType returns the type without its +FLAG suffixes.
func (s *Segment) BaseType() string {
	base, _, _ := strings.Cut(s.Type, "+")
	return base
}

// HasFlag reports whether the type has a suffix, such as "RESHAPE".
func (s *Segment) HasFlag(word string) bool {
	_, flags, _ := strings.Cut(s.Type, "+")
	for flag := range strings.SplitSeq(flags, "+") {
		if flag == word && word != "" {
			return true
		}
	}
	return false
}

// areasOn returns areas at the beginning of logical volumes.
func areasOn(lvs ...ID) []Area {
	areas := make([]Area, len(lvs))
	for i, id := range lvs {
		areas[i].LV = id
	}
	return areas
}

// someOf returns the ids that are not zero.
func someOf(ids ...ID) []ID {
	return slices.DeleteFunc(ids, ID.IsZero)
}

func (b *ThinPool) Areas() []Area { return areasOn(b.Data) }

func (b *ThinPool) Parts() []ID { return someOf(b.Metadata) }

func (b *ThinPool) Uses() []ID { return nil }

func (*ThinPool) fits(string) bool                       { return false }
func (*ThinPool) areaLength(units.Extents) units.Extents { return 0 }
func (*ThinPool) print(*recordPrinter, *Segment)         {}
func (*ThinPool) check(*checker, *Segment)               {}

func (b *Thin) Areas() []Area { return nil }

func (b *Thin) Parts() []ID { return nil }

func (b *Thin) Uses() []ID { return someOf(b.Pool, b.ExternalOrigin) }

func (*Thin) fits(string) bool                       { return false }
func (*Thin) areaLength(units.Extents) units.Extents { return 0 }
func (*Thin) print(*recordPrinter, *Segment)         {}
func (*Thin) check(*checker, *Segment)               {}

func (b *RAID) Areas() []Area {
	areas := make([]Area, len(b.Legs))
	for i := range b.Legs {
		areas[i].LV = b.Legs[i].Image
	}
	return areas
}

func (b *RAID) Parts() []ID {
	var parts []ID
	for i := range b.Legs {
		if meta := b.Legs[i].Meta; !meta.IsZero() {
			parts = append(parts, meta)
		}
	}
	return parts
}

func (b *RAID) Uses() []ID { return nil }

func (*RAID) fits(string) bool                       { return false }
func (*RAID) areaLength(units.Extents) units.Extents { return 0 }
func (*RAID) print(*recordPrinter, *Segment)         {}
func (*RAID) check(*checker, *Segment)               {}

func (b *CachePool) Areas() []Area { return areasOn(b.Data) }

func (b *CachePool) Parts() []ID { return someOf(b.Metadata) }

func (b *CachePool) Uses() []ID { return nil }

func (*CachePool) fits(string) bool                       { return false }
func (*CachePool) areaLength(units.Extents) units.Extents { return 0 }
func (*CachePool) print(*recordPrinter, *Segment)         {}
func (*CachePool) check(*checker, *Segment)               {}

func (b *Cache) Areas() []Area { return areasOn(b.Origin) }

func (b *Cache) Parts() []ID { return someOf(b.Pool) }

func (b *Cache) Uses() []ID { return nil }

func (*Cache) fits(string) bool                       { return false }
func (*Cache) areaLength(units.Extents) units.Extents { return 0 }
func (*Cache) print(*recordPrinter, *Segment)         {}
func (*Cache) check(*checker, *Segment)               {}

func (b *WriteCache) Areas() []Area { return areasOn(b.Origin) }

func (b *WriteCache) Parts() []ID { return someOf(b.Cache) }

func (b *WriteCache) Uses() []ID { return nil }

func (*WriteCache) fits(string) bool                       { return false }
func (*WriteCache) areaLength(units.Extents) units.Extents { return 0 }
func (*WriteCache) print(*recordPrinter, *Segment)         {}
func (*WriteCache) check(*checker, *Segment)               {}

func (b *Integrity) Areas() []Area { return areasOn(b.Origin) }

func (b *Integrity) Parts() []ID { return someOf(b.Meta) }

func (b *Integrity) Uses() []ID { return nil }

func (*Integrity) fits(string) bool                       { return false }
func (*Integrity) areaLength(units.Extents) units.Extents { return 0 }
func (*Integrity) print(*recordPrinter, *Segment)         {}
func (*Integrity) check(*checker, *Segment)               {}

func (b *VDO) Areas() []Area { return nil }

func (b *VDO) Parts() []ID { return nil }

func (b *VDO) Uses() []ID { return someOf(b.Pool) }

func (*VDO) fits(string) bool                       { return false }
func (*VDO) areaLength(units.Extents) units.Extents { return 0 }
func (*VDO) print(*recordPrinter, *Segment)         {}
func (*VDO) check(*checker, *Segment)               {}

func (b *VDOPool) Areas() []Area { return areasOn(b.Data) }

func (b *VDOPool) Parts() []ID { return nil }

func (b *VDOPool) Uses() []ID { return nil }

func (*VDOPool) fits(string) bool                       { return false }
func (*VDOPool) areaLength(units.Extents) units.Extents { return 0 }
func (*VDOPool) print(*recordPrinter, *Segment)         {}
func (*VDOPool) check(*checker, *Segment)               {}

func (*Striped) Parts() []ID { return nil }

func (*Striped) Uses() []ID { return nil }

func (*Virtual) Parts() []ID { return nil }

func (*Virtual) Uses() []ID { return nil }

func (*Snapshot) Parts() []ID { return nil }

func (*Snapshot) Uses() []ID { return nil }

func (b *Mirror) Parts() []ID { return someOf(b.Log) }

func (*Mirror) Uses() []ID { return nil }

func (*Opaque) Parts() []ID { return nil }

func (*Opaque) Uses() []ID { return nil }
