package lvm

import (
	"cmp"
	"maps"
	"slices"

	"github.com/lvm-go/lvm/metadata"
)

// picker chooses the extents for one request. LVM2 chooses in rounds: each gives
// one area per stripe, all of the same length, and goes as far as the shortest.
// Source: what lvm2 was seen to do; testdata/alloc holds it.
type picker struct {
	req    allocRequest
	pvs    []pickPV
	tags   map[metadata.ID][]string // of all physical volumes
	legs   []pvSet                  // per stripe: the physical volumes already used by this request
	owned  []pvSet                  // per stripe: those that no other may use; nil: all may be shared
	need   Extents                  // logical extents still to find, with the share of front
	front  Extents                  // of each stripe, still to be taken
	parts  []allocPart              // of need; the first is that of the next round
	policy metadata.Allocation      // of the round
	pieces []allocPiece
	fronts []metadata.Area

	// behind are the areas right behind the last segment, where not every stripe
	// has one. LVM2 falls back to them once.
	behind []candidate
}

type pvSet map[metadata.ID]bool

// pickPV is a physical volume to choose from.
type pickPV struct {
	id    metadata.ID
	name  string
	tags  []string
	areas areaList
}

// candidate is an area that the round may use.
type candidate struct {
	pv    int
	start Extents // of the area
	size  Extents // what the round can use of it
}

func newPicker(m *ExtentMap, vg *metadata.VolumeGroup, r allocRequest) *picker {
	if r.Data == 0 {
		r.Data = max(r.Stripes, 1)
	}
	p := &picker{req: r, need: r.Extents + r.Front*Extents(r.Data), front: r.Front, parts: slices.Clone(r.Parts), tags: make(map[metadata.ID][]string), legs: make([]pvSet, r.Stripes)}
	for i := range p.legs {
		p.legs[i] = make(pvSet)
	}
	for _, owned := range r.Owned {
		p.owned = append(p.owned, maps.Clone(owned))
	}
	records := make(map[metadata.ID]*metadata.PhysicalVolume, len(vg.PVs))
	for _, pv := range vg.PVs {
		records[pv.ID] = pv
		p.tags[pv.ID] = pv.Tags
	}
	chosen := r.PVs
	if len(chosen) == 0 {
		for _, pv := range vg.PVs {
			chosen = append(chosen, allocPV{PV: pv.ID})
		}
	}
	for _, c := range chosen {
		pv := records[c.PV]
		extents, ok := m.pv(c.PV)
		if pv == nil || !ok || !allocatable(pv) || r.avoids(c.PV) {
			continue
		}
		free := extents.free
		if len(c.Ranges) > 0 {
			free = extents.freeWithin(c.Ranges)
		}
		p.pvs = append(p.pvs, pickPV{id: c.PV, name: extents.name, tags: pv.Tags, areas: newAreaList(free)})
	}
	return p
}

// avoids says whether nothing can be taken from a physical volume, whichever
// part it is for.
func (r *allocRequest) avoids(pv metadata.ID) bool {
	return len(r.Parts) > 0 && r.Policy != metadata.AllocAnywhere &&
		!slices.ContainsFunc(r.Parts, func(part allocPart) bool { return !slices.Contains(part.Apart, pv) })
}

// avoids says whether the round may not use a physical volume, since what is
// parallel lies on it.
func (p *picker) avoids(i int) bool {
	return len(p.parts) > 0 && p.policy != metadata.AllocAnywhere && slices.Contains(p.parts[0].Apart, p.pvs[i].id)
}

// allocatable says whether extents may be taken from a physical volume.
func allocatable(pv *metadata.PhysicalVolume) bool {
	return pv.Status&metadata.PVAllocatable != 0 && pv.Status&(metadata.PVMissing|metadata.PVExported) == 0
}

// run tries the policies from the strictest to the wanted one. Each continues
// where the one before stopped.
func (p *picker) run() {
	most := p.req.Policy
	if most == metadata.AllocCling {
		most = metadata.AllocClingByTags
	}
	for policy := metadata.AllocContiguous; policy <= most && p.need > 0; policy++ {
		p.policy = policy
		switch policy {
		case metadata.AllocContiguous:
			p.contiguous()
		case metadata.AllocCling:
			p.cling(policy)
		case metadata.AllocClingByTags:
			if len(p.req.ClingTags) > 0 {
				p.cling(policy)
			}
		case metadata.AllocNormal:
			p.normal()
		case metadata.AllocAnywhere:
			p.anywhere()
		}
	}
}

// contiguous takes what follows the last segment or, if there is none to
// continue, one area per stripe.
func (p *picker) contiguous() {
	if p.last() != nil {
		p.round(p.following)
		return
	}
	p.round(func() []candidate { return p.best(p.tagged()) })
}

// last returns the segment that the new ones shall continue, if any.
func (p *picker) last() *metadata.Segment {
	if p.req.LV == nil || len(p.req.LV.Segments) == 0 {
		return nil
	}
	last := &p.req.LV.Segments[len(p.req.LV.Segments)-1]
	if len(last.Body.Areas()) != p.req.Stripes {
		return nil
	}
	return last
}

// cling takes areas on physical volumes that are near to those used before: by
// the volume to extend or, if there is none to continue, by this request.
func (p *picker) cling(policy metadata.Allocation) {
	if p.last() == nil {
		for p.need > 0 && p.round(func() []candidate { return p.inPlace(policy, p.legs) }) {
		}
		return
	}
	// LVM2 compares with the first segment, not with the last.
	var legs []pvSet
	for _, a := range p.req.LV.Segments[0].Body.Areas() {
		legs = append(legs, pvSet{a.PV: true})
	}
	used := legs
	if len(p.pieces) > 0 && policy == metadata.AllocCling {
		used = slices.Concat(legs, p.legs)
	}
	for p.need > 0 && p.round(func() []candidate { return p.inPlace(policy, legs) }) {
	}
	for p.need > 0 && p.round(func() []candidate { return p.near(policy, used, false) }) {
	}
}

// normal prefers physical volumes that this request already uses, and at first
// stripes on physical volumes with different tags.
func (p *picker) normal() {
	apart, near := p.tagged(), len(p.pieces) > 0
	for p.need > 0 {
		found := p.round(func() []candidate {
			if near {
				return p.near(metadata.AllocNormal, p.legs, apart)
			}
			return p.best(apart)
		})
		switch {
		case found:
			near = true
		case apart:
			apart = false
		case near:
			near = false
		default:
			return
		}
	}
}

// anywhere takes several areas from a physical volume, and parts of one area for
// several stripes.
func (p *picker) anywhere() {
	apart := p.tagged()
	for p.need > 0 {
		found := p.round(func() []candidate { return p.bestAnywhere(apart) })
		if !found && !apart {
			return
		}
		apart = apart && found
	}
}

// tagged says whether stripes on physical volumes with different tags are
// preferred.
func (p *picker) tagged() bool { return p.req.Stripes > 1 && len(p.req.ClingTags) > 0 }

// want is what one stripe still needs of the part that the round is for.
func (p *picker) want() Extents {
	need := p.need
	if len(p.parts) > 0 {
		need = min(need, p.parts[0].Count+p.front*Extents(p.req.Data))
	}
	return need / Extents(p.req.Data)
}

// round takes the candidates that find returns, one per stripe. It returns false
// if there are none.
func (p *picker) round(find func() []candidate) bool {
	for i := range p.pvs {
		p.pvs[i].areas.reset()
	}
	chosen := p.apart(find())
	if chosen == nil {
		return false
	}
	length := chosen[0].size
	for _, c := range chosen {
		length = min(length, c.size)
	}
	front := p.front
	if front > 0 && length <= front {
		return false // LVM2 has no use for what holds only that
	}
	piece := allocPiece{Count: (length - front) * Extents(p.req.Data)}
	for s, c := range chosen {
		v := &p.pvs[c.pv]
		piece.Areas = append(piece.Areas, metadata.Area{PV: v.id, Start: c.start + front})
		if front > 0 {
			p.fronts = append(p.fronts, metadata.Area{PV: v.id, Start: c.start})
		}
		p.legs[s][v.id] = true
		p.own(s, v.id)
		v.areas.take(c.start, length)
		// Under anywhere, stripes can share an area.
		for i := range chosen[s+1:] {
			if next := &chosen[s+1+i]; next.pv == c.pv && next.start == c.start {
				next.start += length
			}
		}
	}
	p.req.log.pick(p)
	p.pieces = append(p.pieces, piece)
	p.need -= length * Extents(p.req.Data)
	p.front = 0
	if len(p.parts) > 0 {
		if p.parts[0].Count -= piece.Count; p.parts[0].Count == 0 {
			p.parts = p.parts[1:]
		}
	}
	return true
}

// reserve makes a candidate of area j of physical volume i, and returns where the
// walk over its areas goes on. It goes on behind the place that the rest of the
// area has in the order.
func (p *picker) reserve(i, j int) (c candidate, next int) {
	c = p.candidate(i, j)
	return c, p.pvs[i].areas.reserve(j, c.size)
}

// candidate makes a candidate of area j of physical volume i and reserves nothing.
func (p *picker) candidate(i, j int) candidate {
	a := p.pvs[i].areas[j]
	return candidate{i, a.start, min(a.left(), p.want())}
}

// best returns the candidates that can contribute most, one per physical volume.
// Of the areas that are large enough it is the last that the walk comes to.
func (p *picker) best(apart bool) []candidate {
	var all []candidate
	for i := range p.pvs {
		if p.avoids(i) {
			continue
		}
		var c candidate
		areas := p.pvs[i].areas
		for j := 0; j < len(areas); {
			left := areas[j].left()
			if left == 0 {
				j++
				continue
			}
			if left < p.want() && (c.size > 0 || p.req.Policy == metadata.AllocContiguous) {
				break
			}
			c, j = p.reserve(i, j)
		}
		if c.size > 0 {
			all = append(all, c)
		}
	}
	return p.largest(all, apart)
}

// near returns the candidates that can contribute most, one for each physical
// volume near to those of legs. Here the walk goes through all areas of the
// volume, also if they are too small, so that it mostly ends at the smallest.
func (p *picker) near(policy metadata.Allocation, legs []pvSet, apart bool) []candidate {
	var all []candidate
	for i := range p.pvs {
		v := &p.pvs[i]
		if p.avoids(i) || !slices.ContainsFunc(legs, func(leg pvSet) bool { return p.isNear(v, leg, policy) }) {
			continue
		}
		var c candidate
		for j := 0; j < len(v.areas); {
			if v.areas[j].left() == 0 {
				j++
				continue
			}
			c, j = p.reserve(i, j)
		}
		if c.size > 0 {
			all = append(all, c)
		}
	}
	return p.largest(all, apart)
}

// bestAnywhere is best for the policy anywhere: each area is a candidate, and
// again as long as something of it is left.
func (p *picker) bestAnywhere(apart bool) []candidate {
	var all []candidate
	for before := -1; len(all) > before && len(all) < p.req.Stripes; {
		before = len(all)
		for i := range p.pvs {
			if p.avoids(i) {
				continue
			}
			areas := p.pvs[i].areas
			for j := 0; j < len(areas) && len(all) < p.req.Stripes; {
				if left := areas[j].left(); left == 0 || p.front > 0 && left <= p.front {
					j++
					continue
				}
				var c candidate
				c, j = p.reserve(i, j)
				all = append(all, c)
			}
		}
	}
	return p.largest(all, apart)
}

// following returns the areas right behind those of the last segment.
func (p *picker) following() []candidate {
	last := p.last()
	length, _ := areaLength(last)
	chosen := make([]candidate, p.req.Stripes)
	found := 0
	for s, a := range last.Body.Areas() {
		i := slices.IndexFunc(p.pvs, func(v pickPV) bool { return v.id == a.PV })
		if i < 0 {
			continue
		}
		j := slices.IndexFunc(p.pvs[i].areas, func(f pickArea) bool { return f.start == a.Start+length && f.left() > 0 })
		if j < 0 {
			continue
		}
		chosen[s] = p.candidate(i, j)
		found++
	}
	if found < len(chosen) {
		p.behind = chosen
		return nil
	}
	return chosen
}

// inPlace returns areas for the stripes, each the first on a physical volume near
// to those of legs at the same place.
func (p *picker) inPlace(policy metadata.Allocation, legs []pvSet) []candidate {
	chosen := make([]candidate, p.req.Stripes)
	for i := range p.pvs {
		v := &p.pvs[i]
		j := slices.IndexFunc(v.areas, func(a pickArea) bool { return a.left() > 0 })
		if j < 0 || p.avoids(i) {
			continue
		}
		for s := range min(len(chosen), len(legs)) {
			if chosen[s].size == 0 && p.isNear(v, legs[s], policy) {
				chosen[s] = p.candidate(i, j)
				break
			}
		}
	}
	for s := range p.behind {
		if chosen[s].size == 0 {
			chosen[s] = p.behind[s]
		}
	}
	p.behind = nil
	for s, c := range chosen {
		same := func(o candidate) bool { return o.pv == c.pv && o.start == c.start }
		if c.size == 0 || slices.ContainsFunc(chosen[:s], same) {
			return nil
		}
	}
	return chosen
}

// largest returns the candidates for the stripes, those first that can contribute
// most; if they have to be apart, without those whose physical volume is one before,
// or shares a tag with it. It returns nil if there are not enough.
func (p *picker) largest(all []candidate, apart bool) []candidate {
	slices.SortStableFunc(all, func(a, b candidate) int { return cmp.Compare(b.size, a.size) })
	p.req.log.note(all, p.req.Stripes)
	if p.exclusive() {
		return p.toOwners(all, apart)
	}
	var chosen []candidate
	for _, c := range all {
		shares := func(o candidate) bool {
			return o.pv == c.pv || sharesTag(p.pvs[c.pv].tags, p.pvs[o.pv].tags, p.req.ClingTags)
		}
		if apart && slices.ContainsFunc(chosen, shares) {
			continue
		}
		if chosen = append(chosen, c); len(chosen) == p.req.Stripes {
			return chosen
		}
	}
	return nil
}

// isNear says whether v is one of the physical volumes of leg or, by tags, belongs
// to them.
func (p *picker) isNear(v *pickPV, leg pvSet, policy metadata.Allocation) bool {
	if policy != metadata.AllocClingByTags {
		return leg[v.id]
	}
	for id := range leg {
		if sharesTag(v.tags, p.tags[id], p.req.ClingTags) {
			return true
		}
	}
	return false
}

func sharesTag(a, b, list []string) bool {
	for _, t := range a {
		if slices.Contains(b, t) && (slices.Contains(list, "@"+t) || slices.Contains(list, "@*")) {
			return true
		}
	}
	return false
}
