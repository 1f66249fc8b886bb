package lvm

import (
	"iter"
	"slices"

	"github.com/lvm-go/lvm/metadata"
)

// body returns what is particular to the volume's segment type, if it has one
// segment, as all volumes but linear and striped ones do.
func (l *LogicalVolume) body() metadata.Body {
	if len(l.rec.Segments) != 1 {
		return nil
	}
	return l.rec.Segments[0].Body
}

// other returns another volume of the group, nil if there is none.
func (l *LogicalVolume) other(id ID) *LogicalVolume {
	if n := l.vg.related().node(id); n != nil {
		return &LogicalVolume{vg: l.vg, rec: n.rec}
	}
	return nil
}

// others returns the volumes that have this one as a part of theirs.
func (l *LogicalVolume) others(part lvPart) iter.Seq[*LogicalVolume] {
	return func(yield func(*LogicalVolume) bool) {
		rel := l.vg.related()
		n := rel.node(l.rec.ID)
		if n == nil {
			return
		}
		for _, u := range n.uses {
			if u.part == part && !yield(&LogicalVolume{vg: l.vg, rec: rel.nodes[u.by].rec}) {
				return
			}
		}
	}
}

// Parts returns the volumes that belong to this one and that users do not see:
// images of a raid or mirror and their metadata or log, data and metadata of a
// pool, the origin of a cached volume and its cache. They may have parts
// themselves. What is shared with others, such as the pool of a thin volume, is
// no part.
func (l *LogicalVolume) Parts() iter.Seq[*LogicalVolume] {
	return func(yield func(*LogicalVolume) bool) {
		var seen []ID
		part := func(id ID) bool {
			p := l.other(id)
			if p == nil || p.rec.Status&metadata.LVPvmove != 0 || slices.Contains(seen, id) {
				return true
			}
			seen = append(seen, id)
			return yield(p)
		}
		for i := range l.rec.Segments {
			seg := &l.rec.Segments[i]
			if seg.Body == nil {
				continue
			}
			for _, a := range areasOf(seg) {
				if !part(a.LV) {
					return
				}
			}
			for _, id := range seg.Body.Parts() {
				if !part(id) {
					return
				}
			}
		}
	}
}

// PartOf returns the volume that this one is a part of, nil if it is none. See
// [LogicalVolume.Parts].
func (l *LogicalVolume) PartOf() *LogicalVolume {
	rel := l.vg.related()
	n := rel.node(l.rec.ID)
	if n == nil || n.rec.Status&metadata.LVPvmove != 0 {
		return nil
	}
	for _, u := range n.uses {
		by := &rel.nodes[u.by]
		switch u.part {
		case thinOrigin, thinMerged, externalOrigin:
			continue
		case poolOf:
			if kind := by.first().kind; kind == "thin" || kind == "vdo" {
				continue
			}
		}
		return &LogicalVolume{vg: l.vg, rec: by.rec}
	}
	return nil
}

// IsThinPool says whether the volume is a thin pool, which thin volumes get their
// space from.
func (l *LogicalVolume) IsThinPool() bool {
	_, ok := l.body().(*metadata.ThinPool)
	return ok
}

// IsThin says whether the volume is in a thin pool: a thin volume, or a thin
// snapshot, which is one as well.
func (l *LogicalVolume) IsThin() bool {
	_, ok := l.body().(*metadata.Thin)
	return ok
}

// Pool returns the pool that a thin or VDO volume gets its space from, nil if the
// volume is neither. See [LogicalVolume.CachePool] for what caches a volume.
func (l *LogicalVolume) Pool() *LogicalVolume {
	switch body := l.body().(type) {
	case *metadata.Thin:
		return l.other(body.Pool)
	case *metadata.VDO:
		return l.other(body.Pool)
	}
	return nil
}

// ThinVolumes returns the thin volumes of a pool, snapshots included, in the
// order of the group.
func (l *LogicalVolume) ThinVolumes() iter.Seq[*LogicalVolume] {
	if !l.IsThinPool() {
		return func(func(*LogicalVolume) bool) {}
	}
	return l.others(poolOf)
}

// ThinOrigin returns the thin volume that this one was a snapshot of when it was
// made, nil if it was of none or if that one was removed. Unlike the snapshots
// that [LogicalVolume.Origin] is about, a thin snapshot does not depend on it.
func (l *LogicalVolume) ThinOrigin() *LogicalVolume {
	if body, ok := l.body().(*metadata.Thin); ok {
		return l.other(body.Origin)
	}
	return nil
}

// ThinSnapshots returns the thin snapshots of the volume that there still are, in
// the order of the group.
func (l *LogicalVolume) ThinSnapshots() iter.Seq[*LogicalVolume] { return l.others(thinOrigin) }

// ExternalOrigin returns the volume, outside of the pool, that has what was never
// written to a thin volume; nil if there is none.
func (l *LogicalVolume) ExternalOrigin() *LogicalVolume {
	if body, ok := l.body().(*metadata.Thin); ok {
		return l.other(body.ExternalOrigin)
	}
	return nil
}

// DeviceID returns the number by which the pool and the kernel know a thin
// volume; ok is false if it is none.
func (l *LogicalVolume) DeviceID() (id uint32, ok bool) {
	if body, ok := l.body().(*metadata.Thin); ok {
		return body.DeviceID, true
	}
	return 0, false
}

// TransactionID returns the number that a thin pool raises with each change to
// the set of its volumes, and the number that it had when a thin volume was made;
// ok is false if the volume is neither. That of a pool is to be the kernel's, see
// [LogicalVolume.ThinPoolUsage].
func (l *LogicalVolume) TransactionID() (id uint64, ok bool) {
	switch body := l.body().(type) {
	case *metadata.ThinPool:
		return body.TransactionID, true
	case *metadata.Thin:
		return body.TransactionID, true
	}
	return 0, false
}

// PoolData returns the part of a thin, cache or VDO pool that has its data, nil if
// the volume is no pool.
func (l *LogicalVolume) PoolData() *LogicalVolume {
	switch body := l.body().(type) {
	case *metadata.ThinPool:
		return l.other(body.Data)
	case *metadata.CachePool:
		return l.other(body.Data)
	case *metadata.VDOPool:
		return l.other(body.Data)
	}
	return nil
}

// PoolMetadata returns the part of a thin or cache pool that has its metadata,
// nil if the volume is neither.
func (l *LogicalVolume) PoolMetadata() *LogicalVolume {
	switch body := l.body().(type) {
	case *metadata.ThinPool:
		return l.other(body.Metadata)
	case *metadata.CachePool:
		return l.other(body.Metadata)
	}
	return nil
}

// RAIDLeg is one image of a raid and the volume that says how far it is in sync.
// Both are hidden parts of the raid, except while an image is split off with its
// changes tracked.
type RAIDLeg struct {
	Meta  *LogicalVolume // nil: there is none
	Image *LogicalVolume
	// WriteMostly: it is read only if no other one can be.
	WriteMostly bool
}

// IsRAID says whether the volume is a raid of any level. A mirror of the old kind
// is none.
func (l *LogicalVolume) IsRAID() bool {
	_, ok := l.body().(*metadata.RAID)
	return ok
}

// RAIDLegs returns the images of a raid in their order, those for parity
// included; nil if the volume is no raid. [LogicalVolume.RAIDStatus] has them in
// the same order.
func (l *LogicalVolume) RAIDLegs() []RAIDLeg {
	body, ok := l.body().(*metadata.RAID)
	if !ok {
		return nil
	}
	legs := make([]RAIDLeg, len(body.Legs))
	for i := range body.Legs {
		image := l.other(body.Legs[i].Image)
		legs[i] = RAIDLeg{
			Meta: l.other(body.Legs[i].Meta), Image: image,
			WriteMostly: image != nil && image.rec.Status&metadata.LVWriteMostly != 0,
		}
	}
	return legs
}

// CachePool returns what a cached volume is cached by: a cache pool, or the volume
// that is cache and metadata in one. It is the same for a volume with a
// writecache. It is nil if the volume is not cached.
func (l *LogicalVolume) CachePool() *LogicalVolume {
	switch body := l.body().(type) {
	case *metadata.Cache:
		return l.other(body.Pool)
	case *metadata.WriteCache:
		return l.other(body.Cache)
	}
	return nil
}

// CacheOrigin returns the hidden part of a cached volume that has its data, the
// blocks excepted that are in the cache only. It is nil if the volume is not
// cached.
func (l *LogicalVolume) CacheOrigin() *LogicalVolume {
	switch body := l.body().(type) {
	case *metadata.Cache:
		return l.other(body.Origin)
	case *metadata.WriteCache:
		return l.other(body.Origin)
	}
	return nil
}
