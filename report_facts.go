package lvm

import (
	"strings"

	"github.com/lvm-go/lvm/metadata"
)

// segmentFacts is what reports say of a segment, whatever its type. The fields
// of types without a codec are read by their names.
//
// Source: LVM2's metadata text as recorded in testdata/corpus.
type segmentFacts struct {
	kind  string // the type without its +FLAG suffixes; "linear" with one stripe
	areas []Area // what the segment maps, in order
	*typeFacts
}

// typeFacts is what only some types have.
type typeFacts struct {
	metas []string // raid's metadata volumes, one to each area

	pool, poolMeta, log, origin, external string // names of logical volumes
	merge                                 string // thin: the volume that it is merged into
	cow                                   string // snapshot: the volume with the changed chunks
	merging                               bool   // snapshot: cow is being merged

	stripeSize, regionSize, chunkSize Sectors
	copies                            uint64 // raid10
	deviceID, transactionID           uint64
	zero                              bool
	discards                          string
	cacheMode, cachePolicy            string
	cacheSettings                     []string
	cacheFormat                       uint64
	blockSize                         uint64 // writecache, integrity: bytes
	integrityMode                     string
	metadataLength                    Sectors // of a cache in one volume
	writeBehind, minRate, maxRate     uint64
}

// segmentFacts reads a segment.
func (r *relations) segmentFacts(seg *metadata.Segment) segmentFacts {
	kind, _, _ := strings.Cut(seg.Type, "+")
	f := segmentFacts{kind: kind, typeFacts: r.plain}
	switch body := seg.Body.(type) {
	case *metadata.Striped:
		f.kind, f.areas = "striped", body.Stripes
		if len(body.Stripes) == 1 {
			f.kind = "linear"
		}
		if body.StripeSize != 0 {
			f.typeFacts = &typeFacts{stripeSize: body.StripeSize}
		}
	case *metadata.Mirror:
		f.areas, f.typeFacts = body.Legs, &typeFacts{regionSize: body.RegionSize, log: r.lvName(body.Log)}
	case *metadata.Snapshot:
		f.typeFacts = &typeFacts{
			origin: r.lvName(body.Origin), cow: r.lvName(body.COW), merging: body.Merging, chunkSize: body.ChunkSize,
		}
	case *metadata.Opaque:
		f.typeFacts = r.opaqueFacts(kind, body, &f)
	}
	return f
}

// opaqueFacts reads the fields of a type that has no codec.
func (r *relations) opaqueFacts(kind string, body *metadata.Opaque, f *segmentFacts) *typeFacts {
	text := func(key string) string {
		if e := body.Field(key); e != nil {
			s, _ := e.Text()
			return s
		}
		return ""
	}
	number := func(key string) uint64 {
		if e := body.Field(key); e != nil {
			if n, ok := e.Int(); ok && n > 0 {
				return uint64(n)
			}
		}
		return 0
	}
	t := &typeFacts{
		origin: text("origin"), external: text("external_origin"), merge: text("merge"),
		regionSize: Sectors(number("region_size")), stripeSize: Sectors(number("stripe_size")), chunkSize: Sectors(number("chunk_size")),
		copies: number("data_copies"), deviceID: number("device_id"), transactionID: number("transaction_id"),
		zero: number("zero_new_blocks") != 0, discards: text("discards"),
		writeBehind: number("writebehind"), minRate: number("min_recovery_rate"), maxRate: number("max_recovery_rate"),
	}
	on := func(name string) {
		if a, ok := r.area(name, 0); ok {
			f.areas = append(f.areas, a)
		}
	}
	switch kind {
	case "raid0":
		if e := body.Field("raid0_lvs"); e != nil {
			for _, name := range e.Values() {
				on(name)
			}
		}
	case "thin-pool":
		t.pool, t.poolMeta = text("pool"), text("metadata")
		on(t.pool)
	case "thin":
		t.pool = text("thin_pool")
	case "cache-pool":
		t.pool, t.poolMeta = text("data"), text("metadata")
		t.cache(body, text, number)
		on(t.pool)
	case "cache":
		t.pool, t.metadataLength = text("cache_pool"), Sectors(number("metadata_len"))
		t.cache(body, text, number)
		on(t.origin)
	case "writecache":
		t.pool, t.blockSize = text("writecache"), number("writecache_block_size")
		for _, key := range []string{"high_watermark", "low_watermark", "writeback_jobs", "autocommit_blocks", "autocommit_time",
			"fua", "nofua", "cleaner", "max_age", "metadata_only", "pause_writeback"} {
			if e := body.Field(key); e != nil {
				t.cacheSettings = append(t.cacheSettings, key+"="+strings.Join(e.Values(), ","))
			}
		}
		on(t.origin)
	case "integrity":
		t.poolMeta, t.integrityMode, t.blockSize = text("meta_dev"), text("mode"), number("block_size")
		on(t.origin)
	case "vdo":
		t.pool = text("vdo_pool")
		on(t.pool)
	case "vdo-pool":
		t.pool = text("data")
		on(t.pool)
	}
	if strings.HasPrefix(kind, "raid") && kind != "raid0" {
		r.raids(body.Field("raids"), f, t)
	}
	return t
}

// cache reads the settings of a cache, which are the pool's if it has one.
func (t *typeFacts) cache(body *metadata.Opaque, text func(string) string, number func(string) uint64) {
	t.cacheMode, t.cachePolicy, t.cacheFormat = text("cache_mode"), text("policy"), number("metadata_format")
	if e := body.Field("policy_settings"); e != nil {
		for _, s := range e.Entries() {
			t.cacheSettings = append(t.cacheSettings, s.Key+"="+strings.Join(s.Values(), ","))
		}
	}
}

// area returns the area that a text calls name: a physical volume or a logical
// one.
func (r *relations) area(name string, start Extents) (Area, bool) {
	if pv, ok := r.pvNames[name]; ok {
		return Area{PV: pv, Start: start}, true
	}
	if i, ok := r.byName[name]; ok {
		return Area{LV: r.nodes[i].rec.ID, Start: start}, true
	}
	return Area{}, false
}

// lvName returns the name of a logical volume, "" if there is none.
func (r *relations) lvName(id metadata.ID) string {
	if i, ok := r.byID[id]; ok && !id.IsZero() {
		return r.nodes[i].rec.Name
	}
	return ""
}

// raids reads a list of metadata volumes, which may be left out, and images.
func (r *relations) raids(e *metadata.Entry, f *segmentFacts, t *typeFacts) {
	if e == nil {
		return
	}
	for _, name := range e.Values() {
		if strings.Contains(name, "_rmeta_") {
			t.metas = append(t.metas, name)
		} else if a, ok := r.area(name, 0); ok {
			f.areas = append(f.areas, a)
		}
	}
}

func (f *segmentFacts) isRaid() bool { return strings.HasPrefix(f.kind, "raid") }

// parity returns how many devices of a raid hold parity alone.
func (f *segmentFacts) parity() int {
	switch {
	case strings.HasPrefix(f.kind, "raid4"), strings.HasPrefix(f.kind, "raid5"):
		return 1
	case strings.HasPrefix(f.kind, "raid6"):
		return 2
	}
	return 0
}
