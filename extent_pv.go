package lvm

import (
	"cmp"
	"slices"

	"github.com/lvm-go/lvm/metadata"
)

// pvExtents says what the extents of one physical volume are used for.
type pvExtents struct {
	gen       *mapToken // of the map that may change this in place
	id        metadata.ID
	name      string
	start     Sectors // of extent 0, from the start of the device
	count     Extents
	freeCount Extents
	used      []usedRun  // by position, without overlap; the gaps are free
	free      []freeArea // the gaps, the largest first, equal ones by position
}

// usedRun is the extents of one area of a segment.
type usedRun struct {
	start, count  Extents
	lv            int32 // into the logical volumes of the map, or heldLV
	segment, area int32
}

// heldLV owns extents that were freed in the transaction.
const heldLV = -1

func (r usedRun) end() Extents { return r.start + r.count }

// freeArea is free extents that follow one another.
type freeArea struct {
	start, count Extents
}

func compareFree(a, b freeArea) int {
	return cmp.Or(cmp.Compare(b.count, a.count), cmp.Compare(a.start, b.start))
}

// build sorts the used runs and finds the gaps. It drops runs that do not fit,
// and returns their number.
func (p *pvExtents) build() (dropped int) {
	slices.SortFunc(p.used, func(a, b usedRun) int { return cmp.Compare(a.start, b.start) })
	var end Extents
	n := 0
	for _, r := range p.used {
		if r.count == 0 || r.start < end || r.start >= p.count || r.count > p.count-r.start {
			dropped++
			continue
		}
		end = r.end()
		p.used[n] = r
		n++
	}
	p.used = p.used[:n]
	for i := range n + 1 {
		if start, end := p.gap(i); start < end {
			p.free = append(p.free, freeArea{start, end - start})
			p.freeCount += end - start
		}
	}
	slices.SortFunc(p.free, compareFree)
	return dropped
}

// clone returns a copy that the map of gen may change.
func (p *pvExtents) clone(gen *mapToken) *pvExtents {
	c := *p
	c.gen = gen
	c.used = slices.Clone(p.used)
	c.free = slices.Clone(p.free)
	return &c
}

// search returns the number of used runs that start at pe or before it.
func (p *pvExtents) search(pe Extents) int {
	i, found := slices.BinarySearchFunc(p.used, pe, func(r usedRun, pe Extents) int {
		return cmp.Compare(r.start, pe)
	})
	if found {
		i++
	}
	return i
}

// gap returns the free extents before used run i, or after the last.
func (p *pvExtents) gap(i int) (start, end Extents) {
	end = p.count
	if i > 0 {
		start = p.used[i-1].end()
	}
	if i < len(p.used) {
		end = p.used[i].start
	}
	return start, end
}

func (p *pvExtents) addFree(start, end Extents) {
	if start < end {
		a := freeArea{start, end - start}
		i, _ := slices.BinarySearchFunc(p.free, a, compareFree)
		p.free = slices.Insert(p.free, i, a)
	}
}

func (p *pvExtents) dropFree(start, end Extents) {
	if start < end {
		i, _ := slices.BinarySearchFunc(p.free, freeArea{start, end - start}, compareFree)
		p.free = slices.Delete(p.free, i, i+1)
	}
}

// alloc enters a used run. Its extents must be free or held.
func (p *pvExtents) alloc(r usedRun) bool {
	if r.count == 0 || r.start >= p.count || r.count > p.count-r.start {
		return false
	}
	for i := p.firstOver(r.start); i < len(p.used) && p.used[i].start < r.end(); i++ {
		if p.used[i].lv != heldLV {
			return false
		}
	}
	for i := p.firstOver(r.start); i < len(p.used) && p.used[i].start < r.end(); {
		held := p.used[i]
		p.remove(i)
		if held.start < r.start {
			p.insert(i, usedRun{start: held.start, count: r.start - held.start, lv: heldLV})
			i++
		}
		if held.end() > r.end() {
			p.insert(i, usedRun{start: r.end(), count: held.end() - r.end(), lv: heldLV})
			break
		}
	}
	p.insert(p.search(r.start), r)
	return true
}

// release takes out a used run, if it is there: that of an invalid group may not
// have been entered.
func (p *pvExtents) release(r usedRun) {
	if i := p.search(r.start) - 1; i >= 0 && p.used[i] == r {
		p.remove(i)
	}
}

// firstOver returns the index of the first used run that ends after pe.
func (p *pvExtents) firstOver(pe Extents) int {
	i := p.search(pe)
	if i > 0 && p.used[i-1].end() > pe {
		i--
	}
	return i
}

// insert puts r into the gap before used run i, where it must fit.
func (p *pvExtents) insert(i int, r usedRun) {
	start, end := p.gap(i)
	p.dropFree(start, end)
	p.addFree(start, r.start)
	p.addFree(r.end(), end)
	p.freeCount -= r.count
	p.used = slices.Insert(p.used, i, r)
}

// remove takes out used run i.
func (p *pvExtents) remove(i int) {
	r := p.used[i]
	p.dropFree(p.gap(i))
	p.dropFree(p.gap(i + 1))
	p.freeCount += r.count
	p.used = slices.Delete(p.used, i, i+1)
	p.addFree(p.gap(i))
}

// hold makes those of the extents from start to end held that are free here but
// not in base, the same physical volume before the transaction.
func (p *pvExtents) hold(base *pvExtents, start, end Extents) {
	for i := base.firstOver(start); i < len(base.used) && base.used[i].start < end; i++ {
		from, to := max(start, base.used[i].start), min(end, base.used[i].end())
		for from < to {
			j := p.search(from)
			if j > 0 && p.used[j-1].end() > from {
				from = p.used[j-1].end()
				continue
			}
			_, gapEnd := p.gap(j)
			stop := min(to, gapEnd)
			p.insertHeld(j, from, stop)
			from = stop
		}
	}
}

// insertHeld holds extents of the gap before used run i, in one run with held
// neighbours.
func (p *pvExtents) insertHeld(i int, start, end Extents) {
	if i < len(p.used) && p.used[i].lv == heldLV && p.used[i].start == end {
		end = p.used[i].end()
		p.remove(i)
	}
	if i > 0 && p.used[i-1].lv == heldLV && p.used[i-1].end() == start {
		i--
		start = p.used[i].start
		p.remove(i)
	}
	p.insert(i, usedRun{start: start, count: end - start, lv: heldLV})
}

// settle frees what is held.
func (p *pvExtents) settle() {
	for i := len(p.used) - 1; i >= 0; i-- {
		if p.used[i].lv == heldLV {
			p.remove(i)
		}
	}
}

// held says whether there are held runs.
func (p *pvExtents) held() bool {
	return slices.ContainsFunc(p.used, func(r usedRun) bool { return r.lv == heldLV })
}

// resize changes the number of extents. None beyond count may be in use.
func (p *pvExtents) resize(count Extents) bool {
	last := len(p.used)
	start, end := p.gap(last)
	if count < start {
		return false
	}
	p.dropFree(start, end)
	p.count = count
	p.addFree(start, count)
	p.freeCount = p.freeCount - (end - start) + (count - start)
	return true
}
