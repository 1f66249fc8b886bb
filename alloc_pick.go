package lvm

import (
	"cmp"
	"slices"
	"sort"

	"github.com/lvm-go/lvm/metadata"
)

// picker chooses the extents for one request. LVM2 chooses in rounds: each gives
// one area per stripe, all of the same length, and goes as far as the shortest.
// Source: lvm2's behaviour, compared run by run; see testdata/alloc.
type picker struct {
	req    allocRequest
	pvs    []pickPV
	legs   []pvSet // per stripe: the physical volumes already used by this request
	need   Extents // logical extents still to find
	pieces []allocPiece
	tags   map[metadata.ID][]string // of all physical volumes

	// touched are the areas that the round considered. LVM2 puts them behind
	// those of the same size before the next round. Where all of one size were
	// considered, that changes nothing, and they are left out.
	touched []candidate
}

type pvSet map[metadata.ID]bool

// pickPV is a physical volume to choose from.
type pickPV struct {
	id    metadata.ID
	name  string
	tags  []string
	all   *pvExtents
	free  []freeArea // what is left, the largest first
	owned bool       // free is not shared with the map
}

// candidate is an area that the round may use.
type candidate struct {
	pv   int
	area freeArea
	size Extents // what the round can use of it
}

func newPicker(m *ExtentMap, vg *metadata.VolumeGroup, r allocRequest) *picker {
	p := &picker{req: r, need: r.Extents, legs: make([]pvSet, r.Stripes), tags: make(map[metadata.ID][]string)}
	for i := range p.legs {
		p.legs[i] = make(pvSet)
	}
	records := make(map[metadata.ID]*metadata.PhysicalVolume, len(vg.PVs))
	for _, pv := range vg.PVs {
		records[pv.ID] = pv
		if len(pv.Tags) > 0 && len(r.ClingTags) > 0 {
			p.tags[pv.ID] = pv.Tags
		}
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
		if pv == nil || !ok || !allocatable(pv) {
			continue
		}
		if slices.Contains(r.Apart, c.PV) && r.Policy != metadata.AllocAnywhere {
			continue
		}
		pick := pickPV{id: c.PV, name: extents.name, tags: pv.Tags, all: extents, free: extents.free}
		if len(c.Ranges) > 0 {
			pick.free, pick.owned = extents.freeWithin(c.Ranges), true
		}
		p.pvs = append(p.pvs, pick)
	}
	return p
}

// allocatable says whether extents may be taken from a physical volume.
func allocatable(pv *metadata.PhysicalVolume) bool {
	return pv.Status&metadata.PVAllocatable != 0 && pv.Status&(metadata.PVMissing|metadata.PVExported) == 0
}

// freeWithin returns the free areas cut to ranges, the largest first.
func (p *pvExtents) freeWithin(ranges []PERange) []freeArea {
	var free []freeArea
	for _, r := range ranges {
		end := min(p.count, satAdd(r.Start, r.Count))
		for i := p.firstOver(r.Start); i <= len(p.used); i++ {
			from, to := p.gap(i)
			if from >= end {
				break
			}
			if from, to = max(from, r.Start), min(to, end); from < to {
				free = append(free, freeArea{from, to - from})
			}
		}
	}
	slices.SortStableFunc(free, func(a, b freeArea) int { return cmp.Compare(b.count, a.count) })
	return free
}

// satAdd adds without overflow.
func satAdd(a, b Extents) Extents {
	if s := a + b; s >= a {
		return s
	}
	return ^Extents(0)
}

// run tries the policies from the strictest to the wanted one. Each continues
// where the one before stopped.
func (p *picker) run() {
	most := p.req.Policy
	if most == metadata.AllocCling {
		most = metadata.AllocClingByTags
	}
	for policy := metadata.AllocContiguous; policy <= most && p.need > 0; policy++ {
		switch policy {
		case metadata.AllocContiguous:
			if p.last() != nil {
				p.round(p.following)
			} else {
				p.round(func() []candidate { return p.best(p.tagged()) })
			}
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

// normal prefers physical volumes that this request already uses.
func (p *picker) normal() {
	apart, near := p.tagged(), len(p.pieces) > 0
	for p.need > 0 {
		found := p.round(func() []candidate {
			if near {
				return p.clinging(metadata.AllocNormal, p.legs, apart)
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

// anywhere takes whatever there is.
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
		for p.need > 0 && p.round(func() []candidate { return p.clingingInPlace(policy, p.legs) }) {
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
	for p.need > 0 && p.round(func() []candidate { return p.clingingInPlace(policy, legs) }) {
	}
	for p.need > 0 && p.round(func() []candidate { return p.clinging(policy, used, false) }) {
	}
}

// want is what one stripe still needs.
func (p *picker) want() Extents { return p.need / Extents(p.req.Stripes) }

// round takes the candidates that find returns, one per stripe. It returns false
// if there are none.
func (p *picker) round(find func() []candidate) bool {
	for _, c := range p.touched {
		p.pvs[c.pv].moveBack(c.area)
	}
	p.touched = p.touched[:0]
	chosen := find()
	if chosen == nil {
		return false
	}
	p.take(chosen)
	return true
}

// best returns the candidates that can contribute most, one per physical volume.
func (p *picker) best(apart bool) []candidate {
	var all []candidate
	for i := range p.pvs {
		if c, ok := p.choose(i); ok {
			all = append(all, c)
		}
	}
	return p.largest(all, apart)
}

// largest returns the candidates for the stripes, those first that can contribute
// most; if they have to be apart, without those whose physical volume is one before,
// or shares a tag with it. It returns nil if there are not enough.
func (p *picker) largest(all []candidate, apart bool) []candidate {
	slices.SortStableFunc(all, func(a, b candidate) int { return cmp.Compare(b.size, a.size) })
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

// choose returns the area that lvm2 would use of physical volume i. It goes
// through the areas from the largest. One that is large enough replaces the one
// before, and the walk goes on behind the place that the rest of it would have in
// the order.
func (p *picker) choose(i int) (c candidate, ok bool) {
	v, want := &p.pvs[i], p.want()
	for j := 0; j < len(v.free); {
		size := v.free[j].count
		if size < want && (ok || p.req.Policy == metadata.AllocContiguous) {
			break
		}
		if size == want {
			// The walk goes through all that fit exactly.
			return candidate{i, v.free[v.firstBelow(want)-1], want}, true
		}
		c, ok = candidate{i, v.free[j], min(size, want)}, true
		p.touched = append(p.touched, c)
		j = v.after(j, size-c.size)
	}
	return c, ok
}

// after returns where a walk over the areas goes on that left rest of area i.
func (v *pickPV) after(i int, rest Extents) int {
	i++
	if rest == 0 {
		return i
	}
	return max(i, v.firstBelow(rest))
}

// following returns the areas right behind those of the last segment.
func (p *picker) following() []candidate {
	last := p.last()
	length, _ := areaLength(last)
	chosen := make([]candidate, 0, p.req.Stripes)
	for _, a := range last.Body.Areas() {
		c, ok := p.at(a.PV, a.Start+length)
		if !ok {
			return nil
		}
		c.size = min(c.size, p.want())
		p.touched = append(p.touched, c)
		chosen = append(chosen, c)
	}
	return chosen
}

// at returns the free area that begins at an extent.
func (p *picker) at(pv metadata.ID, pe Extents) (candidate, bool) {
	for i := range p.pvs {
		if p.pvs[i].id != pv {
			continue
		}
		if a, ok := p.pvs[i].at(pe); ok {
			return candidate{i, a, a.count}, true
		}
	}
	return candidate{}, false
}

func (v *pickPV) at(pe Extents) (freeArea, bool) {
	if !v.owned {
		start, end := v.all.gap(v.all.search(pe))
		return freeArea{start, end - start}, start == pe && start < end
	}
	for _, a := range v.free {
		if a.start == pe {
			return a, true
		}
	}
	return freeArea{}, false
}

// clingingInPlace returns areas for the stripes, each on a physical volume near
// to those of legs at the same place.
func (p *picker) clingingInPlace(policy metadata.Allocation, legs []pvSet) []candidate {
	chosen := make([]candidate, p.req.Stripes)
	found := 0
	for i := range p.pvs {
		v := &p.pvs[i]
		if len(v.free) == 0 {
			continue
		}
		for s := range min(len(chosen), len(legs)) {
			if chosen[s].size == 0 && p.isNear(v, legs[s], policy) {
				chosen[s] = candidate{i, v.free[0], min(v.free[0].count, p.want())}
				p.touched = append(p.touched, chosen[s])
				found++
				break
			}
		}
	}
	if found < len(chosen) {
		return nil
	}
	return chosen
}

// clinging returns the candidates that can contribute most, one for each physical
// volume near to those of legs. Here LVM2 goes through all areas of the volume,
// also if they are too small, so that it ends at the smallest unless one before
// it leaves a rest that is smaller still.
func (p *picker) clinging(policy metadata.Allocation, legs []pvSet, apart bool) []candidate {
	var all []candidate
	want := p.want()
	for i := range p.pvs {
		v := &p.pvs[i]
		if len(v.free) == 0 || !slices.ContainsFunc(legs, func(leg pvSet) bool { return p.isNear(v, leg, policy) }) {
			continue
		}
		var c candidate
		for j := 0; j < len(v.free); {
			if v.free[j].count <= want {
				last := v.free[len(v.free)-1]
				c = candidate{i, last, last.count}
				break
			}
			c = candidate{i, v.free[j], want}
			p.touched = append(p.touched, c)
			j = v.after(j, v.free[j].count-want)
		}
		all = append(all, c)
	}
	return p.largest(all, apart)
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

// take makes a piece of the candidates.
func (p *picker) take(chosen []candidate) {
	length := chosen[0].size
	for _, c := range chosen {
		length = min(length, c.size)
	}
	piece := allocPiece{Count: length * Extents(len(chosen))}
	for s, c := range chosen {
		v := &p.pvs[c.pv]
		piece.Areas = append(piece.Areas, metadata.Area{PV: v.id, Start: c.area.start})
		p.legs[s][v.id] = true
		rest := v.cut(c.area, length)
		// Under anywhere, stripes can share an area.
		for i := range chosen[s+1:] {
			if next := &chosen[s+1+i]; next.pv == c.pv && next.area == c.area {
				next.area = rest
			}
		}
	}
	p.pieces = append(p.pieces, piece)
	p.need -= piece.Count
}

// cut takes extents from the start of an area, and puts the rest in its place in
// the order and returns it.
func (v *pickPV) cut(area freeArea, n Extents) (rest freeArea) {
	if !v.owned {
		v.free, v.owned = slices.Clone(v.free), true
	}
	i := v.firstBelow(area.count + 1)
	for v.free[i] != area {
		i++
	}
	v.free = slices.Delete(v.free, i, i+1)
	rest = freeArea{area.start + n, area.count - n}
	if rest.count > 0 {
		v.free = slices.Insert(v.free, v.firstBelow(rest.count), rest)
	}
	return rest
}

// firstBelow returns the index of the first area with less than count extents.
func (v *pickPV) firstBelow(count Extents) int {
	return sort.Search(len(v.free), func(i int) bool { return v.free[i].count < count })
}

// moveBack puts an area behind all others of the same size.
func (v *pickPV) moveBack(area freeArea) {
	end := v.firstBelow(area.count)
	i := v.firstBelow(area.count + 1)
	for i < end && v.free[i] != area {
		i++
	}
	if i+1 >= end {
		return
	}
	if !v.owned {
		v.free, v.owned = slices.Clone(v.free), true
	}
	copy(v.free[i:end], v.free[i+1:end])
	v.free[end-1] = area
}
