package lvm

import (
	"strings"

	"github.com/lvm-go/lvm/metadata"
)

// segmentFacts is what reports say of a segment, whatever its type.
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
	f := segmentFacts{kind: seg.BaseType(), typeFacts: r.plain}
	if seg.Body == nil {
		return f
	}
	f.areas = seg.Body.Areas()
	switch body := seg.Body.(type) {
	case *metadata.Striped:
		f.kind = "striped"
		if len(body.Stripes) == 1 {
			f.kind = "linear"
		}
		if body.StripeSize != 0 {
			f.typeFacts = &typeFacts{stripeSize: body.StripeSize}
		}
	case *metadata.Mirror:
		f.typeFacts = &typeFacts{regionSize: body.RegionSize, log: r.lvName(body.Log)}
	case *metadata.Snapshot:
		f.typeFacts = &typeFacts{
			origin: r.lvName(body.Origin), cow: r.lvName(body.COW), merging: body.Merging, chunkSize: body.ChunkSize,
		}
	case *metadata.RAID:
		f.typeFacts = &typeFacts{
			regionSize: body.RegionSize, stripeSize: body.StripeSize, copies: uint64(body.Copies),
			writeBehind: uint64(body.WriteBehind), minRate: uint64(body.MinRate), maxRate: uint64(body.MaxRate),
		}
		for _, meta := range body.Parts() {
			f.metas = append(f.metas, r.lvName(meta))
		}
	case *metadata.ThinPool:
		f.typeFacts = &typeFacts{
			pool: r.lvName(body.Data), poolMeta: r.lvName(body.Metadata), chunkSize: body.ChunkSize,
			transactionID: body.TransactionID, zero: body.ZeroNewBlocks, discards: body.Discards.String(),
		}
	case *metadata.Thin:
		f.typeFacts = &typeFacts{
			pool: r.lvName(body.Pool), origin: r.lvName(body.Origin), external: r.lvName(body.ExternalOrigin),
			merge: r.lvName(body.Merge), deviceID: uint64(body.DeviceID), transactionID: body.TransactionID,
		}
	case *metadata.CachePool:
		f.typeFacts = &typeFacts{pool: r.lvName(body.Data), poolMeta: r.lvName(body.Metadata)}
		f.cache(&body.CacheSettings)
	case *metadata.Cache:
		f.typeFacts = &typeFacts{pool: r.lvName(body.Pool), origin: r.lvName(body.Origin), metadataLength: body.MetadataLen}
		f.cache(&body.CacheSettings)
	case *metadata.WriteCache:
		f.typeFacts = &typeFacts{
			pool: r.lvName(body.Cache), origin: r.lvName(body.Origin), blockSize: uint64(body.BlockSize), cacheSettings: settingTexts(body.Settings),
		}
	case *metadata.Integrity:
		f.typeFacts = &typeFacts{
			origin: r.lvName(body.Origin), poolMeta: r.lvName(body.Meta), integrityMode: body.Mode, blockSize: uint64(body.BlockSize),
		}
	case *metadata.VDO:
		f.areas = []Area{{LV: body.Pool}}
		f.typeFacts = &typeFacts{pool: r.lvName(body.Pool)}
	case *metadata.VDOPool:
		f.typeFacts = &typeFacts{pool: r.lvName(body.Data)}
	}
	return f
}

// cache reads the settings of a cache, which are the pool's if it has one.
func (t *typeFacts) cache(s *metadata.CacheSettings) {
	t.chunkSize, t.cacheFormat = s.ChunkSize, uint64(s.MetadataFormat)
	t.cacheMode, t.cachePolicy, t.cacheSettings = s.Mode, s.Policy, settingTexts(s.Settings)
}

func settingTexts(settings []metadata.Setting) []string {
	var texts []string
	for _, s := range settings {
		texts = append(texts, s.Key+"="+s.Value)
	}
	return texts
}

// lvName returns the name of a logical volume, "" if there is none.
func (r *relations) lvName(id metadata.ID) string {
	if i, ok := r.byID[id]; ok && !id.IsZero() {
		return r.nodes[i].rec.Name
	}
	return ""
}

func (f *segmentFacts) isRaid() bool { return strings.HasPrefix(f.kind, "raid") }

// parity returns how many devices of a raid hold parity alone.
func (f *segmentFacts) parity() int { return metadata.RAIDParity(f.kind) }
