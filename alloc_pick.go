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

// nearness restricts a round to certain areas.
type nearness uint8

const (
	nearAny       nearness = iota
	nearLast               // right after the last segment of the logical volume
	nearVolume             // physical volumes that the logical volume uses
	nearAllocated          // physical volumes that this request already uses
)

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
				p.round(nearLast, policy)
			} else {
				p.round(nearAny, policy)
			}
		case metadata.AllocCling, metadata.AllocClingByTags:
			if policy == metadata.AllocClingByTags && len(p.req.ClingTags) == 0 {
				continue
			}
			near := nearAllocated
			if p.last() != nil {
				near = nearVolume
			}
			for p.need > 0 && p.round(near, policy) {
			}
		default:
			for p.need > 0 && (p.round(nearAllocated, policy) || p.round(nearAny, policy)) {
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

// round finds one area per stripe and takes them. It returns false, and takes
// nothing, if there are not enough.
func (p *picker) round(near nearness, policy metadata.Allocation) bool {
	want := p.need / Extents(p.req.Stripes)
	var chosen []candidate
	switch near {
	case nearAny:
		chosen = p.best(want, policy)
	case nearLast:
		chosen = p.following(want)
	default:
		chosen = p.clinging(want, near, policy)
	}
	if chosen == nil {
		return false
	}
	p.take(chosen)
	return true
}

// best returns the candidates that can contribute most.
func (p *picker) best(want Extents, policy metadata.Allocation) []candidate {
	var all []candidate
	for i := range p.pvs {
		if c, ok := p.pvs[i].choose(want, p.req.Policy != metadata.AllocContiguous); ok {
			c.pv = i
			all = append(all, c)
		}
	}
	if len(all) < p.req.Stripes {
		return nil
	}
	slices.SortStableFunc(all, func(a, b candidate) int { return cmp.Compare(b.size, a.size) })
	return all[:p.req.Stripes]
}

// choose returns the area of a physical volume that lvm2 would use for want
// extents. It goes through the areas from the largest. One that is large enough
// replaces the one before, and the walk goes on behind the place that the rest of
// it would have in the order.
func (v *pickPV) choose(want Extents, split bool) (c candidate, ok bool) {
	for i := 0; i < len(v.free); {
		size := v.free[i].count
		if size < want {
			if !ok && split {
				return candidate{area: v.free[i], size: size}, true
			}
			break
		}
		c, ok = candidate{area: v.free[i], size: want}, true
		i = v.after(i, size-want)
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
func (p *picker) following(want Extents) []candidate {
	last := p.last()
	length, _ := areaLength(last)
	chosen := make([]candidate, 0, p.req.Stripes)
	for _, a := range last.Body.Areas() {
		c, ok := p.at(a.PV, a.Start+length)
		if !ok || c.size < want && p.req.Policy == metadata.AllocContiguous {
			return nil
		}
		c.size = min(c.size, want)
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

// clinging returns areas on physical volumes that are near to those that the
// stripe already uses.
func (p *picker) clinging(want Extents, near nearness, policy metadata.Allocation) []candidate {
	chosen := make([]candidate, p.req.Stripes)
	found := 0
	for i := range p.pvs {
		v := &p.pvs[i]
		for j := 0; j < len(v.free) && found < len(chosen); {
			s := p.clingingStripe(chosen, v, near, policy)
			if s < 0 {
				break
			}
			size := min(v.free[j].count, want)
			chosen[s] = candidate{i, v.free[j], size}
			found++
			j = v.after(j, v.free[j].count-size)
		}
	}
	if found < len(chosen) {
		return nil
	}
	return chosen
}

// clingingStripe returns the first stripe without an area that v is near to,
// or -1.
func (p *picker) clingingStripe(chosen []candidate, v *pickPV, near nearness, policy metadata.Allocation) int {
	open := func(s int) bool { return s < len(chosen) && chosen[s].size == 0 }
	if near == nearVolume {
		for i := range p.req.LV.Segments {
			for s, a := range p.req.LV.Segments[i].Body.Areas() {
				if open(s) && p.isNear(v, a.PV, policy) {
					return s
				}
			}
		}
		return -1
	}
	for s, used := range p.legs {
		if open(s) && slices.ContainsFunc(used, func(id metadata.ID) bool { return p.isNear(v, id, policy) }) {
			return s
		}
	}
	return -1
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
	}
	for _, c := range chosen {
		p.pvs[c.pv].cut(c.area, length)
	}
	p.pieces = append(p.pieces, piece)
	p.need -= piece.Count
}

// cut takes extents from the start of an area and puts the rest in its place in
// the order.
func (v *pickPV) cut(area freeArea, n Extents) {
	if !v.owned {
		v.free, v.owned = slices.Clone(v.free), true
	}
	i := v.firstBelow(area.count + 1)
	for v.free[i] != area {
		i++
	}
	v.free = slices.Delete(v.free, i, i+1)
	if rest := area.count - n; rest > 0 {
		v.free = slices.Insert(v.free, v.firstBelow(rest), freeArea{area.start + n, rest})
	}
}

// firstBelow returns the index of the first area with less than count extents.
func (v *pickPV) firstBelow(count Extents) int {
	return sort.Search(len(v.free), func(i int) bool { return v.free[i].count < count })
}
