package lvm

import "github.com/lvm-go/lvm/metadata"

// segmentFacts is what reports say of a segment, whatever its type.
type segmentFacts struct {
	kind  string // the type without its +FLAG suffixes; "linear" with one stripe; all of a type that is not known
	areas []Area // what the segment maps, in order
	*typeFacts
}

// typeFacts is what only some types have. Volumes are the zero ID if there is
// none.
type typeFacts struct {
	raid  bool
	metas []ID // raid's metadata volumes, one to each area or zero

	pool, poolMeta, log, origin, external ID
	merge                                 ID   // thin: the volume that it is merged into
	cow                                   ID   // snapshot: the volume with the changed chunks
	merging                               bool // snapshot: cow is being merged

	stripeSize, regionSize, chunkSize Sectors
	copies                            uint32 // raid10
	dataOffset                        Sectors
	deviceID                          uint32
	transactionID                     uint64
	zero                              bool
	discards                          string
	cacheMode, cachePolicy            string
	cacheSettings                     []string
	cacheFormat                       uint32
	blockSize                         Bytes   // writecache, integrity
	integrityMode                     string  // journal or bitmap
	metadataLength                    Sectors // of a cache in one volume
	writeBehind, minRate, maxRate     uint32
	vdo                               *metadata.VDOPool
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
		f.typeFacts = &typeFacts{regionSize: body.RegionSize, log: body.Log}
	case *metadata.Snapshot:
		f.typeFacts = &typeFacts{origin: body.Origin, cow: body.COW, merging: body.Merging, chunkSize: body.ChunkSize}
	case *metadata.RAID:
		f.typeFacts = raidFacts(body)
	case *metadata.ThinPool:
		f.typeFacts = &typeFacts{
			pool: body.Data, poolMeta: body.Metadata, transactionID: body.TransactionID, chunkSize: body.ChunkSize,
			discards: body.Discards.String(), zero: body.ZeroNewBlocks,
		}
	case *metadata.Thin:
		f.typeFacts = &typeFacts{
			pool: body.Pool, transactionID: body.TransactionID, deviceID: body.DeviceID,
			external: body.ExternalOrigin, origin: body.Origin, merge: body.Merge,
		}
	case *metadata.CachePool:
		f.typeFacts = cacheFacts(&body.CacheSettings)
		f.pool, f.poolMeta = body.Data, body.Metadata
	case *metadata.Cache:
		f.typeFacts = cacheFacts(&body.CacheSettings)
		f.pool, f.origin, f.metadataLength = body.Pool, body.Origin, body.MetadataLen
	case *metadata.WriteCache:
		f.typeFacts = &typeFacts{pool: body.Cache, origin: body.Origin, blockSize: body.BlockSize, cacheSettings: settingList(body.Settings)}
		if body.OtherKey != "" {
			f.cacheSettings = append(f.cacheSettings, body.OtherKey+"="+body.OtherValue)
		}
	case *metadata.Integrity:
		f.typeFacts = &typeFacts{
			poolMeta: body.Meta, origin: body.Origin, blockSize: body.BlockSize,
			integrityMode: map[string]string{"J": "journal", "B": "bitmap"}[body.Mode],
		}
	case *metadata.VDO:
		f.typeFacts = &typeFacts{pool: body.Pool}
		f.areas = []Area{{LV: body.Pool}}
	case *metadata.VDOPool:
		f.typeFacts = &typeFacts{pool: body.Data, vdo: body}
	case *metadata.Opaque:
		f.kind = seg.Type
	}
	return f
}

func raidFacts(body *metadata.RAID) *typeFacts {
	t := &typeFacts{
		raid: true, stripeSize: body.StripeSize, regionSize: body.RegionSize, copies: body.Copies, dataOffset: body.DataOffset,
		writeBehind: body.WriteBehind, minRate: body.MinRate, maxRate: body.MaxRate,
	}
	if len(body.Parts()) > 0 {
		t.metas = make([]ID, len(body.Legs))
		for i := range body.Legs {
			t.metas[i] = body.Legs[i].Meta
		}
	}
	return t
}

func cacheFacts(c *metadata.CacheSettings) *typeFacts {
	return &typeFacts{
		cacheMode: c.Mode, cachePolicy: c.Policy, cacheFormat: c.MetadataFormat, chunkSize: c.ChunkSize,
		cacheSettings: settingList(c.Settings),
	}
}

func settingList(settings []metadata.Setting) []string {
	var out []string
	for _, s := range settings {
		out = append(out, s.Key+"="+s.Value)
	}
	return out
}

// parity returns how many devices of a raid hold parity alone.
func (f *segmentFacts) parity() int {
	if !f.raid {
		return 0
	}
	return metadata.RAIDParity(f.kind)
}
