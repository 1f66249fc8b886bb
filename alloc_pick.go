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
	legs   [][]metadata.ID // per stripe: the physical volumes already used by this request
	need   Extents         // logical extents still to find
	pieces []allocPiece

	// touched are the areas that the round considered. LVM2 puts them behind
	// those of the same size before the next.
	touched []candidate
}

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
	p := &picker{req: r, need: r.Extents, legs: make([][]metadata.ID, r.Stripes)}
	records := make(map[metadata.ID]*metadata.PhysicalVolume, len(vg.PVs))
	for _, pv := range vg.PVs {
		records[pv.ID] = pv
	}
	chosen := r.PVs
	if len(chosen) == 0 {
		for _, pv := range vg.PVs {
			chosen = append(chosen, allocPV{PV: pv.ID})
		}
	}
	for _, c := range chosen {
		pv, extents := records[c.PV], (*pvExtents)(nil)
		if x, ok := m.pv(c.PV); ok {
			extents = x
		}
		if pv == nil || extents == nil || !allocatable(pv) {
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
	for policy := metadata.AllocContiguous; policy <= p.req.Policy; policy++ {
		switch policy {
		case metadata.AllocContiguous:
			if p.last() != nil {
				p.round(p.following)
			} else {
				p.round(p.best)
			}
		case metadata.AllocCling, metadata.AllocClingByTags:
			if policy == metadata.AllocClingByTags && len(p.req.ClingTags) == 0 {
				continue
			}
			p.cling(policy)
		case metadata.AllocNormal:
			for p.need > 0 && (p.round(func() []candidate { return p.clinging(policy, p.legs) }) || p.round(p.best)) {
			}
		case metadata.AllocAnywhere:
			for p.need > 0 && p.round(p.bestAnywhere) {
			}
		}
		if p.need == 0 {
			return
		}
	}
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
		for p.need > 0 && p.round(func() []candidate { return p.clingingInPlace(policy, p.legs) }) {
		}
		return
	}
	// LVM2 compares with the first segment, not with the last.
	var legs [][]metadata.ID
	for _, a := range p.req.LV.Segments[0].Body.Areas() {
		legs = append(legs, []metadata.ID{a.PV})
	}
	for p.need > 0 && p.round(func() []candidate { return p.clingingInPlace(policy, legs) }) {
	}
	for p.need > 0 && p.round(func() []candidate { return p.clinging(policy, legs) }) {
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
func (p *picker) best() []candidate {
	var all []candidate
	for i := range p.pvs {
		if c, ok := p.choose(i); ok {
			all = append(all, c)
		}
	}
	return p.largest(all)
}

// largest returns the candidates for the stripes, those first that can contribute
// most; nil if there are not enough.
func (p *picker) largest(all []candidate) []candidate {
	if len(all) < p.req.Stripes {
		return nil
	}
	slices.SortStableFunc(all, func(a, b candidate) int { return cmp.Compare(b.size, a.size) })
	return all[:p.req.Stripes]
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
func (p *picker) clingingInPlace(policy metadata.Allocation, legs [][]metadata.ID) []candidate {
	chosen := make([]candidate, p.req.Stripes)
	found := 0
	want := p.want()
	for i := range p.pvs {
		v := &p.pvs[i]
		for j := 0; j < len(v.free) && found < len(chosen); {
			s := 0
			for s < len(chosen) && (chosen[s].size > 0 || s >= len(legs) || !p.isNearAny(v, legs[s], policy)) {
				s++
			}
			if s == len(chosen) {
				break
			}
			size := min(v.free[j].count, want)
			chosen[s] = candidate{i, v.free[j], size}
			p.touched = append(p.touched, chosen[s])
			found++
			j++
		}
	}
	if found < len(chosen) {
		return nil
	}
	return chosen
}

// clinging returns the candidates that can contribute most, one for each physical
// volume near to those of legs. Here LVM2 goes through all areas of the volume,
// also if they are too small, so that it ends at a small one.
func (p *picker) clinging(policy metadata.Allocation, legs [][]metadata.ID) []candidate {
	var all []candidate
	near, want := slices.Concat(legs...), p.want()
	for i := range p.pvs {
		v := &p.pvs[i]
		if !p.isNearAny(v, near, policy) {
			continue
		}
		var c candidate
		for j := 0; j < len(v.free); {
			size := min(v.free[j].count, want)
			c = candidate{i, v.free[j], size}
			p.touched = append(p.touched, c)
			j = v.after(j, v.free[j].count-size)
		}
		if c.size > 0 {
			all = append(all, c)
		}
	}
	return p.largest(all)
}

func (p *picker) isNearAny(v *pickPV, used []metadata.ID, policy metadata.Allocation) bool {
	return slices.ContainsFunc(used, func(id metadata.ID) bool { return p.isNear(v, id, policy) })
}

// isNear says whether v is the physical volume id or, by tags, belongs to it.
func (p *picker) isNear(v *pickPV, id metadata.ID, policy metadata.Allocation) bool {
	if v.id == id {
		return true
	}
	if policy != metadata.AllocClingByTags {
		return false
	}
	for i := range p.pvs {
		if p.pvs[i].id == id && sharesTag(v.tags, p.pvs[i].tags, p.req.ClingTags) {
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
		p.legs[s] = append(p.legs[s], v.id)
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
