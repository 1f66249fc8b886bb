package lvm

import (
	"iter"
	"slices"

	"github.com/pkg/errors"

	"github.com/lvm-go/lvm/metadata"
)

// pvRun is a used run and the physical volume that it is on.
type pvRun struct {
	pv metadata.ID
	usedRun
}

// areaLength returns how many extents each area of a segment has; false if the
// type of the segment is not known.
func areaLength(seg *metadata.Segment) (Extents, bool) {
	if seg.Body == nil || seg.IsOpaque() {
		return 0, false
	}
	return seg.AreaLength(), true
}

// areaRuns returns the physical extents that segment s of logical volume number
// lv occupies.
func areaRuns(lv, s int, seg *metadata.Segment) iter.Seq[pvRun] {
	return func(yield func(pvRun) bool) {
		n, ok := areaLength(seg)
		if !ok || n == 0 {
			return
		}
		for i, a := range seg.Body.Areas() {
			if a.PV.IsZero() {
				continue
			}
			r := pvRun{a.PV, usedRun{start: a.Start, count: n, lv: int32(lv), segment: int32(s), area: int32(i)}}
			if !yield(r) {
				return
			}
		}
	}
}

func (m *ExtentMap) countOpaque(seg *metadata.Segment, by int) {
	if _, ok := areaLength(seg); !ok {
		m.opaque += by
	}
}

// own returns a physical volume's extents for a change in place.
func (m *ExtentMap) own(id metadata.ID) (*pvExtents, bool) {
	i, ok := m.pvIndex[id]
	if !ok {
		return nil, false
	}
	if m.pvs[i].gen != m.gen {
		m.pvs[i] = m.pvs[i].clone(m.gen)
	}
	return m.pvs[i], true
}

// setLV adds a logical volume, or takes over the new name and segments of one.
// Its slice of segments must not be changed after that. The cost follows the
// number of segments from the first that is not as before. An error matches
// [metadata.ErrInvalid] and leaves the map as it was: extents are used twice or
// do not exist.
func (m *ExtentMap) setLV(lv *metadata.LogicalVolume) error {
	n, ok := m.lvIndex[lv.ID]
	if !ok {
		if lv.ID.IsZero() {
			return errors.WithMessagef(metadata.ErrInvalid, "extent map: lv %s: no id", lv.Name)
		}
		n = len(m.lvs)
		m.lvs = append(m.lvs, lvExtents{id: lv.ID})
		m.lvIndex[lv.ID] = n
	}
	if err := m.replace(n, lv.Segments); err != nil {
		if !ok {
			m.lvs = m.lvs[:n]
			delete(m.lvIndex, lv.ID)
		}
		return errors.WithMessagef(err, "extent map: lv %s", lv.Name)
	}
	m.lvs[n].name = lv.Name
	return nil
}

// dropLV takes out a logical volume and frees its extents.
func (m *ExtentMap) dropLV(id metadata.ID) {
	n, ok := m.lvIndex[id]
	if !ok {
		return
	}
	segs := m.lvs[n].segments
	m.releaseAll(n, segs, 0)
	m.forget(n, segs, 0)
	m.lvs[n] = lvExtents{}
	delete(m.lvIndex, id)
}

// replace exchanges the segments of logical volume number n.
func (m *ExtentMap) replace(n int, segs []metadata.Segment) error {
	old := m.lvs[n].segments
	same := 0
	for same < len(old) && same < len(segs) && samePlace(&old[same], &segs[same]) {
		same++
	}
	m.releaseAll(n, old, same)
	for s := same; s < len(segs); s++ {
		for r := range areaRuns(n, s, &segs[s]) {
			p, ok := m.own(r.pv)
			if ok && p.alloc(r.usedRun) {
				continue
			}
			m.releaseUpTo(n, segs, same, r)
			m.restore(n, old, same)
			return errors.WithMessagef(metadata.ErrInvalid, "segment %d area %d: %d extents from %d of pv %s are not free",
				s, r.area, uint64(r.count), uint64(r.start), r.pv)
		}
	}
	m.forget(n, old, same)
	for s := same; s < len(segs); s++ {
		m.countOpaque(&segs[s], 1)
	}
	m.lvs[n].segments = segs
	return nil
}

// samePlace says whether two segments occupy the same extents for the same
// logical ones.
func samePlace(a, b *metadata.Segment) bool {
	la, oka := areaLength(a)
	lb, okb := areaLength(b)
	return oka && okb && a.Start == b.Start && a.Count == b.Count && la == lb &&
		slices.Equal(a.Body.Areas(), b.Body.Areas())
}

func (m *ExtentMap) releaseAll(n int, segs []metadata.Segment, from int) {
	for s := from; s < len(segs); s++ {
		for r := range areaRuns(n, s, &segs[s]) {
			if p, ok := m.own(r.pv); ok {
				p.release(r.usedRun)
			}
		}
	}
}

// forget does what is left to do for released segments.
func (m *ExtentMap) forget(n int, segs []metadata.Segment, from int) {
	for s := from; s < len(segs); s++ {
		m.countOpaque(&segs[s], -1)
		for r := range areaRuns(n, s, &segs[s]) {
			m.hold(r)
		}
	}
}

// releaseUpTo takes out the runs of segs that come before last.
func (m *ExtentMap) releaseUpTo(n int, segs []metadata.Segment, from int, last pvRun) {
	for s := from; s <= int(last.segment); s++ {
		for r := range areaRuns(n, s, &segs[s]) {
			if r == last {
				return
			}
			if p, ok := m.own(r.pv); ok {
				p.release(r.usedRun)
				m.hold(r)
			}
		}
	}
}

// restore enters the runs of the segments that were there before.
func (m *ExtentMap) restore(n int, old []metadata.Segment, from int) {
	for s := from; s < len(old); s++ {
		for r := range areaRuns(n, s, &old[s]) {
			if p, ok := m.own(r.pv); ok {
				p.alloc(r.usedRun)
			}
		}
	}
}

// hold keeps released extents from being allocated, if they were in use before
// the transaction.
func (m *ExtentMap) hold(r pvRun) {
	if m.base == nil {
		return
	}
	before, ok := m.base.pv(r.pv)
	if !ok {
		return
	}
	if p, ok := m.own(r.pv); ok {
		p.hold(before, r.start, r.end())
	}
}

// setPV adds a physical volume at the end, or takes over the new name and number
// of extents of one. An error matches [ErrBusy]: extents to be cut off are in
// use, or hold data up to the end of the transaction.
func (m *ExtentMap) setPV(pv *metadata.PhysicalVolume) error {
	if _, ok := m.pvIndex[pv.ID]; !ok {
		m.pvIndex[pv.ID] = len(m.pvs)
		m.pvs = append(m.pvs, &pvExtents{gen: m.gen, id: pv.ID})
	}
	p, _ := m.own(pv.ID)
	before := p.count
	if !p.resize(pv.PECount) {
		return errors.WithMessagef(ErrBusy, "extent map: pv %s: extents from %d on", p.name, uint64(pv.PECount))
	}
	p.name, p.start = pvName(pv), pv.PEStart
	if before < p.count {
		// The physical volume may have been taken out earlier in the transaction.
		m.hold(pvRun{pv.ID, usedRun{start: before, count: p.count - before}})
	}
	return nil
}

// dropPV takes out a physical volume. An error matches [ErrBusy]: extents are in
// use. Held ones do not count: their data stays as long as the device does.
func (m *ExtentMap) dropPV(id metadata.ID) error {
	n, ok := m.pvIndex[id]
	if !ok {
		return nil
	}
	p := m.pvs[n]
	for _, r := range p.used {
		if r.lv != heldLV {
			return errors.WithMessagef(ErrBusy, "extent map: pv %s: %d extents", p.name, uint64(p.count-p.freeCount))
		}
	}
	m.pvs = slices.Delete(m.pvs, n, n+1)
	delete(m.pvIndex, id)
	for i, p := range m.pvs[n:] {
		m.pvIndex[p.id] = n + i
	}
	return nil
}

// settled returns the map as it is after the transaction: what was held is free.
func (m *ExtentMap) settled() *ExtentMap {
	c := m.clone()
	c.base = nil
	for i, p := range c.pvs {
		if p.held() {
			p = p.clone(c.gen)
			p.settle()
			c.pvs[i] = p
		}
	}
	return c
}
