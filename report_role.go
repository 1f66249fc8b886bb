package lvm

import (
	"slices"
	"strings"

	"github.com/lvm-go/lvm/metadata"
)

// layout returns the words of lv_layout: what the volume is made as.
//
// Source: lvs of lvm2 as recorded in testdata/corpus.
func (f *lvFacts) layout() []string {
	if use := f.usedAs(poolOf); use != nil && f.rec.Status&metadata.LVCacheVol != 0 {
		out := []string{f.rel.nodes[use.by].first().kind, "cachevol"}
		if f.first().raid {
			out = append(f.first().layout(), out...)
		}
		return out
	}
	if f.isVirtualOrigin() {
		return []string{"virtual"}
	}
	var out []string
	for i := range f.segments {
		for _, word := range f.segments[i].layout() {
			if !slices.Contains(out, word) {
				out = append(out, word)
			}
		}
	}
	if slices.Equal(out, []string{"striped", "linear"}) {
		slices.Reverse(out)
	}
	if len(out) == 0 {
		return []string{"unknown"}
	}
	return out
}

// isVirtualOrigin says whether the volume is the origin, without storage, of a
// volume that is all changes.
func (f *lvFacts) isVirtualOrigin() bool {
	return !f.visible() && len(f.snapshots) > 0 && f.isVirtual()
}

func (s *segmentFacts) layout() []string {
	switch kind := s.kind; kind {
	case "linear", "striped", "mirror", "cache", "writecache", "integrity":
		return []string{kind}
	case "thin", "vdo":
		return []string{kind, "sparse"}
	case "thin-pool", "cache-pool", "vdo-pool":
		return []string{strings.TrimSuffix(kind, "-pool"), "pool"}
	case "raid5":
		return []string{"raid", "raid5", "raid5_ls"}
	case "raid6":
		return []string{"raid", "raid6", "raid6_zr"}
	case "raid0_meta":
		return []string{"raid"}
	}
	if !s.raid {
		return nil
	}
	base, _, _ := strings.Cut(s.kind, "_")
	switch s.kind {
	case base, "raid5_n", "raid6_n_6", "raid6_la_6", "raid6_ra_6", "raid6_ls_6", "raid6_rs_6", "raid10_near": // have no word of their own
		return []string{"raid", base}
	}
	return []string{"raid", base, s.kind}
}

// role returns the words of lv_role: what the volume is to others.
//
// Source: lvs of lvm2 as recorded in testdata/corpus.
func (f *lvFacts) role() []string {
	if words := f.privateRole(); words != nil {
		return append([]string{"private"}, words...)
	}
	out := []string{"public"}
	origin := func(n int, word string) {
		if n == 0 {
			return
		}
		if !slices.Contains(out, "origin") {
			out = append(out, "origin")
		}
		out = append(out, word)
		if n > 1 {
			out = append(out, "multi"+word)
		}
	}
	origin(f.count(externalOrigin), "extthinorigin")
	origin(f.count(thinOrigin), "thinorigin")
	origin(len(f.snapshots), "thickorigin")
	if first := f.first(); first.kind == "thin" && !(first.origin.IsZero() && first.external.IsZero()) {
		out = append(out, "snapshot", "thinsnapshot")
	}
	if f.cow != nil {
		out = append(out, "snapshot", "thicksnapshot")
	}
	return out
}

// count returns in how many segments the volume has a part.
func (n *lvNode) count(part lvPart) (count int) {
	for i := range n.uses {
		if n.uses[i].part == part {
			count++
		}
	}
	return count
}

// privateRole returns the role of a volume that is not for users; nil if it is.
// It is empty if there is nothing more to say.
func (f *lvFacts) privateRole() []string {
	use := f.usedAs(areaPart, raidMeta, mirrorLog, poolData, poolMetadata, cacheOrigin, integrityOrigin, integrityMeta)
	var by string
	var raid bool
	if use != nil {
		first := f.rel.nodes[use.by].first()
		by, raid = first.kind, first.raid
	}
	kindOfPool, _, isPool := strings.Cut(by, "-pool")
	switch {
	case f.isSpare():
		return []string{"pool", "spare"}
	case isMove(f.rec):
		return []string{"pvmove"}
	case f.rec.Status&metadata.LVCacheVol != 0 && f.usedAs(poolOf) != nil:
		return []string{}
	case use == nil || use.part == areaPart && !raid && by != "mirror":
		if f.isVirtualOrigin() {
			return []string{"origin", "thickorigin"}
		}
		if kind := f.first().kind; kind != "thin-pool" && kind != "cache-pool" && kind != "vdo-pool" {
			return nil
		}
		return []string{}
	case use.part == areaPart && raid:
		return []string{"raid", "image"}
	case use.part == areaPart:
		return []string{"mirror", "image"}
	case use.part == raidMeta:
		return []string{"raid", "metadata"}
	case use.part == mirrorLog:
		return []string{"mirror", "log"}
	case use.part == poolData && isPool:
		return []string{kindOfPool, "pool", "data"}
	case use.part == poolMetadata && isPool:
		return []string{kindOfPool, "pool", "metadata"}
	case use.part == cacheOrigin:
		return []string{by, "origin", by + "origin"}
	case use.part == integrityOrigin:
		return []string{"integrity", "origin", "integrityorigin"}
	case use.part == integrityMeta:
		return []string{"integrity", "metadata"}
	}
	return []string{}
}

// moduleNames returns the device-mapper modules that volumes of known types may
// need, by name.
func moduleNames() []string {
	return []string{"cache", "error", "integrity", "kvdo", "mirror", "raid", "snapshot", "thin", "thin-pool", "writecache", "zero"}
}

// moduleSet is a set of moduleNames, a bit for each.
type moduleSet uint16

func (m *moduleSet) add(name string) {
	if i, ok := slices.BinarySearch(moduleNames(), name); ok {
		*m |= 1 << i
	}
}

// findModules finds out which modules a volume needs, its parts included. The
// pool of a thin volume counts as one that needs no more; that of a cached one, and the
// metadata of a pool, not at all.
//
// Source: lvs of lvm2 as recorded in testdata/corpus.
func (r *relations) findModules(i int) moduleSet {
	n := &r.nodes[i]
	if n.counted {
		return n.modules
	}
	n.counted = true
	below := true
	var apart []metadata.ID
	for s := range n.segments {
		switch kind := n.segments[s].kind; {
		case kind == "thin":
			n.modules.add("thin")
			n.modules.add("thin-pool")
			below = false
		case n.segments[s].raid:
			n.modules.add("raid")
		case kind == "cache":
			n.modules.add(kind)
			apart = append(apart, n.segments[s].pool)
		case kind == "thin-pool":
			n.modules.add(kind)
			apart = append(apart, n.segments[s].poolMeta)
		case kind == "vdo", kind == "vdo-pool":
			n.modules.add("kvdo")
		default:
			n.modules.add(strings.TrimSuffix(kind, "-pool"))
		}
	}
	if below {
		r.parts(i, func(j int) {
			if !slices.Contains(apart, r.nodes[j].rec.ID) {
				n.modules |= r.findModules(j)
			}
		})
	}
	return n.modules
}

// moduleList returns the names of the modules that the volume needs.
func (n *lvNode) moduleList() []string {
	set := n.modules
	if n.cow != nil || len(n.snapshots) > 0 {
		set.add("snapshot")
	}
	out := []string{}
	for i, name := range moduleNames() {
		if set&(1<<i) != 0 {
			out = append(out, name)
		}
	}
	return out
}

// originOf returns the name of the volume that one is a snapshot of, and whether
// there is one. If full is set, volumes that were removed count, whose names
// begin with a dash.
func (r *relations) originOf(name string, full bool) (string, bool) {
	if removed, ok := strings.CutPrefix(name, "-"); ok {
		if i, ok := r.historic[removed]; ok && r.vg.History[i].Origin != "" {
			return r.vg.History[i].Origin, true
		}
		return "", false
	}
	if i, ok := r.byName.Find(name); ok {
		n := &r.nodes[i]
		if n.cow != nil {
			return r.nodes[n.cow.origin].rec.Name, true
		}
		if f := n.first(); f.kind == "thin" {
			for _, id := range []ID{f.origin, f.external} {
				if origin := r.node(id); origin != nil {
					return origin.rec.Name, true
				}
			}
		}
	}
	if full {
		if i, ok := r.removedOrigin[name]; ok {
			return "-" + r.vg.History[i].Name, true
		}
	}
	return "", false
}

// ancestors returns the origin of a volume, the origin's origin and so on.
func (r *relations) ancestors(name string, full bool) []string {
	var out []string
	seen := map[string]bool{name: true}
	for {
		origin, ok := r.originOf(name, full)
		if !ok || seen[origin] {
			return out
		}
		seen[origin] = true
		out = append(out, origin)
		name = origin
	}
}

// descendants returns the snapshots of a volume, each followed by its own.
func (r *relations) descendants(of string, full bool) []string {
	var out []string
	seen := map[string]bool{of: true}
	var collect func(name string)
	add := func(name string) {
		if !seen[name] && (full || !strings.HasPrefix(name, "-")) {
			seen[name] = true
			out = append(out, name)
			collect(name)
		}
	}
	collect = func(name string) {
		if i, ok := r.byName.Find(name); ok {
			for _, cow := range r.nodes[i].snapshots {
				add(r.nodes[cow].rec.Name)
			}
		}
		for _, child := range r.children[name] {
			add(child)
		}
	}
	collect(of)
	return out
}
