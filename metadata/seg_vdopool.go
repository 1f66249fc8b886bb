package metadata

import "github.com/lvm-go/lvm/units"

// Areas returns the volume with the data.
func (b *VDOPool) Areas() []Area { return areasOn(b.Data) }

// Parts returns nil: there are none.
func (*VDOPool) Parts() []ID { return nil }

// Uses returns nil: there are none.
func (*VDOPool) Uses() []ID { return nil }

func (*VDOPool) fits(typ string) bool { return typ == "vdo-pool" }

func (*VDOPool) areaLength(s *Segment) units.Extents { return s.Count }

// A vdoField is a number that a vdo pool has in its text.
type vdoField struct {
	key   string
	value *uint32
	unit  units.Sectors // what it counts, for the hint; 0: no size
}

// The numbers of a vdo pool, in the order in which LVM2 writes them; those before
// and behind the switch for sparse indexes.
//
// Source: LVM2 vdo-pool segment; checked against lvm2 2.03.16.

func (b *VDOPool) early() [2]vdoField {
	return [...]vdoField{
		{"block_map_cache_size_mb", &b.BlockMapCacheSize, sectorsPerMiB},
		{"block_map_era_length", &b.BlockMapEraLength, 0},
	}
}

func (b *VDOPool) late() [10]vdoField {
	return [...]vdoField{
		{"index_memory_size_mb", &b.IndexMemorySize, sectorsPerMiB},
		{"max_discard", &b.MaxDiscard, 0},
		{"slab_size_mb", &b.SlabSize, sectorsPerMiB},
		{"ack_threads", &b.AckThreads, 0},
		{"bio_threads", &b.BioThreads, 0},
		{"bio_rotation", &b.BioRotation, 0},
		{"cpu_threads", &b.CPUThreads, 0},
		{"hash_zone_threads", &b.HashZoneThreads, 0},
		{"logical_threads", &b.LogicalThreads, 0},
		{"physical_threads", &b.PhysicalThreads, 0},
	}
}

const sectorsPerMiB = units.Sectors(units.MiB / units.SectorSize)

func decodeVDOPool(d *decoder, l list, s *Segment) Body {
	b := &VDOPool{}
	early, late := b.early(), b.late()
	d.require(l, "data", "header_size", "virtual_extents", "minimum_io_size")
	numbers := make(map[string]*uint32, len(early)+len(late))
	for _, f := range append(early[:], late[:]...) {
		d.require(l, f.key)
		numbers[f.key] = f.value
	}
	s.Extra = d.fields(l, func(f item) bool {
		switch f.key {
		case "data":
			b.Data = d.lv(f)
		case "header_size":
			b.HeaderSize = d.sectors(f)
		case "virtual_extents":
			b.VirtualExtents = d.extents(f)
		case "use_compression":
			b.Compression = d.uint32(f) != 0
		case "use_deduplication":
			b.Deduplication = d.uint32(f) != 0
		case "use_metadata_hints":
			b.MetadataHints = d.uint32(f) != 0
		case "use_sparse_index":
			b.SparseIndex = d.uint32(f) != 0
		case "minimum_io_size":
			b.MinimumIOSize = units.Bytes(d.uint32(f))
		case "write_policy":
			b.WritePolicy = d.text(f)
		default:
			value, ok := numbers[f.key]
			if !ok {
				return d.common(f, s)
			}
			*value = d.uint32(f)
		}
		return true
	})
	return b
}

func (b *VDOPool) print(w *recordPrinter, _ *Segment) {
	w.lv("data", b.Data)
	w.size("header_size", uint64(b.HeaderSize), 1)
	w.size("virtual_extents", uint64(b.VirtualExtents), w.vg.ExtentSize)
	w.blank(1)
	w.ifSet("use_compression", b.Compression)
	w.ifSet("use_deduplication", b.Deduplication)
	w.ifSet("use_metadata_hints", b.MetadataHints)
	w.uint("minimum_io_size", uint64(b.MinimumIOSize))
	early, late := b.early(), b.late()
	w.vdoFields(early[:])
	w.ifSet("use_sparse_index", b.SparseIndex)
	w.vdoFields(late[:])
	if b.WritePolicy != "" {
		if !isBareWord(b.WritePolicy) {
			w.fail("write_policy", b.WritePolicy)
		}
		w.begin("write_policy")
		w.b = append(w.b, b.WritePolicy...)
		w.end("")
	}
}

func (w *recordPrinter) vdoFields(fields []vdoField) {
	for _, f := range fields {
		if f.unit == 0 {
			w.uint(f.key, uint64(*f.value))
		} else {
			w.size(f.key, uint64(*f.value), f.unit)
		}
	}
}

// isBareWord reports whether a reader takes s for one string without quotes.
func isBareWord(s string) bool {
	for i := range len(s) {
		if c := s[i]; !isAlphanumeric(c) && c != '-' && c != '_' {
			return false
		}
	}
	return s != "" && !startsNumber(s[0])
}

func (b *VDOPool) check(c *checker, _ *Segment) {
	c.alone(RuleVDO)
	if b.VirtualExtents > units.MaxExtents || b.HeaderSize > maxUint32 || b.MinimumIOSize > maxUint32 {
		c.fail(RuleVDO, number(b.VirtualExtents)+" virtual extents, or a header of "+number(b.HeaderSize)+" sectors, are too many")
	}
	if b.WritePolicy != "" && !isBareWord(b.WritePolicy) {
		c.fail(RuleVDO, "unknown write policy "+show(b.WritePolicy))
	}
}
