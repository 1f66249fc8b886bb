package lvm

import (
	"cmp"
	"slices"

	"github.com/lvm-go/lvm/internal/index"
	"github.com/lvm-go/lvm/metadata"
)

// relations says which volumes of a group are parts of which, and what all of
// them occupy. It is made in one pass over the group when first asked for.
type relations struct {
	vg            *metadata.VolumeGroup
	plain         *typeFacts                // of segments without fields of their own
	nodes         []lvNode                  // in the order of the group
	byName        *index.Index[string]      // into nodes
	byID          *index.Index[metadata.ID] // into nodes
	used          map[metadata.ID][]pvPart  // by position
	missing       map[metadata.ID]bool      // physical volumes
	removedOrigin map[string]int            // into vg.History, by the name of a volume whose origin was removed
	historic      map[string]int            // into vg.History
	children      map[string][]string       // names of thin volumes by that of their origin, historical ones with their dash
}

// pvPart is extents of a physical volume that an area occupies.
type pvPart struct {
	start, count Extents
	lv, segment  int
}

// lvNode is a logical volume and what it has to do with others.
type lvNode struct {
	rec       *metadata.LogicalVolume
	segments  []segmentFacts
	uses      []lvUse   // by the volumes that it is a part of
	snapshots []int     // nodes of the volumes that hold the changed chunks of its snapshots
	cow       *lvCow    // of such a volume
	partial   bool      // has extents on a physical volume that cannot be used
	looked    bool      // for partial
	modules   moduleSet // that it needs, its parts included
	counted   bool      // for modules
	inGroup   bool      // false for the record that only ties a snapshot together
}

// lvCow is what a record of a snapshot says of the volume with the chunks.
type lvCow struct {
	origin  int     // node
	size    Extents // of the origin when the snapshot was made
	chunk   Sectors
	merging bool
}

// lvUse is a volume's part in another one.
type lvUse struct {
	by     int // node
	part   lvPart
	number int // of the area
}

// lvPart is what one volume can be to another.
type lvPart uint8

const (
	areaPart       lvPart = iota // image of a raid or mirror, or something that is mapped
	raidMeta                     // metadata of a raid image
	mirrorLog                    //
	poolData                     // of a thin, cache or vdo pool
	poolMetadata                 //
	poolOf                       // the pool of a thin volume, the cache of a cached one
	cacheOrigin                  // what a cache or writecache caches
	thinOrigin                   // what a thin volume was a snapshot of
	thinMerged                   // what a thin snapshot is to be merged into
	externalOrigin               // what a thin volume outside of its pool falls back to
	integrityOrigin
	integrityMeta
)

// newRelations looks at a group. missing tells of the physical volumes that
// cannot be used.
func newRelations(vg *metadata.VolumeGroup, missing func(*metadata.PhysicalVolume) bool) *relations {
	r := &relations{
		vg: vg, plain: &typeFacts{},
		used: make(map[metadata.ID][]pvPart, len(vg.PVs)), missing: map[metadata.ID]bool{}, historic: map[string]int{},
		removedOrigin: map[string]int{}, children: map[string][]string{},
	}
	for _, pv := range vg.PVs {
		if missing(pv) {
			r.missing[pv.ID] = true
		}
	}
	r.nodes = make([]lvNode, 0, len(vg.LVs))
	r.byName = index.New(len(vg.LVs), func(i int) string { return r.nodes[i].rec.Name })
	r.byID = index.New(len(vg.LVs), func(i int) metadata.ID { return r.nodes[i].rec.ID })
	for _, lv := range vg.LVs {
		if lv == nil {
			continue
		}
		r.nodes = append(r.nodes, lvNode{rec: lv, inGroup: true})
		r.byName.Add(len(r.nodes) - 1)
		r.byID.Add(len(r.nodes) - 1)
	}
	for i := range r.nodes {
		r.relate(i)
	}
	for i, h := range vg.History {
		r.historic[h.Name] = i
		if h.Origin != "" {
			r.children[h.Origin] = append(r.children[h.Origin], "-"+h.Name)
		}
		for _, d := range h.Descendants {
			r.children["-"+h.Name] = append(r.children["-"+h.Name], d)
			r.removedOrigin[d] = i
		}
	}
	for i := range r.nodes {
		r.findModules(i)
		if len(r.missing) > 0 {
			r.findPartial(i)
		}
	}
	for pv := range r.used {
		slices.SortFunc(r.used[pv], func(a, b pvPart) int { return cmp.Compare(a.start, b.start) })
	}
	return r
}

// relate enters what the segments of a volume refer to.
func (r *relations) relate(i int) {
	n := &r.nodes[i]
	n.segments = make([]segmentFacts, len(n.rec.Segments))
	for s := range n.rec.Segments {
		f := r.segmentFacts(&n.rec.Segments[s])
		n.segments[s] = f
		for number, a := range f.areas {
			if !a.PV.IsZero() {
				r.used[a.PV] = append(r.used[a.PV], pvPart{a.Start, n.rec.Segments[s].AreaLength(), i, s})
				continue
			}
			part := areaPart
			switch f.kind {
			case "thin-pool", "cache-pool", "vdo-pool":
				part = poolData
			case "cache", "writecache":
				part = cacheOrigin
			case "integrity":
				part = integrityOrigin
			case "vdo":
				part = poolOf
			}
			r.use(a.LV, lvUse{i, part, number})
		}
		for number, meta := range f.metas {
			r.use(meta, lvUse{i, raidMeta, number})
		}
		r.use(f.log, lvUse{i, mirrorLog, 0})
		r.use(f.external, lvUse{i, externalOrigin, 0})
		switch f.kind {
		case "thin":
			r.use(f.pool, lvUse{i, poolOf, 0})
			r.use(f.origin, lvUse{i, thinOrigin, 0})
			r.use(f.merge, lvUse{i, thinMerged, 0})
			for _, origin := range []ID{f.origin, f.external} {
				if o := r.node(origin); o != nil {
					r.children[o.rec.Name] = append(r.children[o.rec.Name], n.rec.Name)
				}
			}
		case "cache", "writecache":
			r.use(f.pool, lvUse{i, poolOf, 0})
		case "thin-pool", "cache-pool":
			r.use(f.poolMeta, lvUse{i, poolMetadata, 0})
		case "integrity":
			r.use(f.poolMeta, lvUse{i, integrityMeta, 0})
		case "snapshot":
			r.snapshot(n, &f)
		}
	}
}

// snapshot enters the record that ties a snapshot together, which is no volume.
func (r *relations) snapshot(n *lvNode, f *segmentFacts) {
	n.inGroup = false
	origin, hasOrigin := r.byID.Find(f.origin)
	cow, hasCow := r.byID.Find(f.cow)
	if hasOrigin && hasCow {
		r.nodes[origin].snapshots = append(r.nodes[origin].snapshots, cow)
		r.nodes[cow].cow = &lvCow{origin: origin, size: n.rec.Extents(), chunk: f.chunkSize, merging: f.merging}
	}
}

func (r *relations) use(id metadata.ID, u lvUse) {
	if n := r.node(id); n != nil {
		n.uses = append(n.uses, u)
	}
}

// node returns the volume with that UUID, nil if there is none.
func (r *relations) node(id metadata.ID) *lvNode {
	if i, ok := r.byID.Find(id); ok && !id.IsZero() {
		return &r.nodes[i]
	}
	return nil
}

// first returns the facts of the first segment, which tells the type of a volume
// that is not linear or striped.
func (n *lvNode) first() *segmentFacts {
	if len(n.segments) == 0 {
		return &segmentFacts{typeFacts: &typeFacts{}}
	}
	return &n.segments[0]
}

// usedAs returns the first use as one of the given parts, nil if there is none.
func (n *lvNode) usedAs(parts ...lvPart) *lvUse {
	for i := range n.uses {
		if slices.Contains(parts, n.uses[i].part) {
			return &n.uses[i]
		}
	}
	return nil
}

// visible says whether people see the volume. Of a snapshot, that is the volume
// with the chunks, unless it is being merged.
func (n *lvNode) visible() bool {
	if n.cow != nil {
		return !n.cow.merging
	}
	return n.inGroup && n.rec.Status&metadata.LVVisible != 0
}

// parts calls fn with the volumes that node i consists of.
func (r *relations) parts(i int, fn func(int)) {
	each := func(ids []metadata.ID) {
		for _, id := range ids {
			if j, ok := r.byID.Find(id); ok {
				fn(j)
			}
		}
	}
	n := &r.nodes[i]
	for s := range n.segments {
		for _, a := range n.segments[s].areas {
			if j, ok := r.byID.Find(a.LV); ok && !a.LV.IsZero() {
				fn(j)
			}
		}
		if body := n.rec.Segments[s].Body; body != nil {
			each(body.Parts())
			each(body.Uses())
		}
	}
}

// findPartial finds out whether a volume has extents on a physical volume that
// cannot be used, itself or in its parts.
func (r *relations) findPartial(i int) bool {
	n := &r.nodes[i]
	if n.looked {
		return n.partial
	}
	n.looked = true
	for s := range n.segments {
		for _, a := range n.segments[s].areas {
			n.partial = n.partial || r.missing[a.PV]
		}
	}
	r.parts(i, func(j int) { n.partial = r.findPartial(j) || n.partial })
	return n.partial
}
