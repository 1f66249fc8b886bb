package lvm

import (
	"iter"
	"maps"
	"slices"

	"github.com/lvm-go/lvm/metadata"
)

// ExtentMap is the map between the logical extents of a volume group's logical
// volumes and the physical extents of its physical volumes, in both directions.
// It is made of runs: memory and time follow their number, never that of the
// extents.
//
// The map of a group as it was read does not change, and is safe for concurrent
// use. The map of a transaction follows its changes.
type ExtentMap struct {
	extentSize Sectors
	pvs        []*pvExtents        // in the order of the group
	pvIndex    map[metadata.ID]int // into pvs
	lvs        []lvExtents         // a removed one leaves a hole, so that numbers stay
	lvIndex    map[metadata.ID]int // into lvs
	opaque     int                 // segments of a type that is not known
	conflicts  int                 // areas that could not be entered: the group is not valid

	base *ExtentMap // of a transaction's map: the map as it was before
	gen  *mapToken  // marks what belongs to this map alone and may be changed in place
}

// mapToken is compared by address, so it must not have size zero.
type mapToken struct{ _ byte }

// lvExtents is what the map knows of a logical volume.
type lvExtents struct {
	id       metadata.ID // zero: a hole
	name     string
	segments []metadata.Segment // never changed, only replaced
}

// Run is a number of physical extents in sequence that are free, or that one
// area of one segment occupies.
type Run struct {
	PV      metadata.ID
	Start   Extents // first physical extent
	Count   Extents
	LV      metadata.ID // zero: no logical volume's
	LVName  string
	Segment int     // index in the segments of the logical volume
	Area    int     // index in the areas of the segment
	FirstLE Extents // first logical extent that has data in the run
	Held    bool    // freed by the transaction in progress, so not allocatable before its end
}

// Free says whether the extents of the run can be allocated.
func (r Run) Free() bool { return r.LV.IsZero() && !r.Held }

// Location is where a logical extent lies.
type Location struct {
	Segment int // index in the segments of the logical volume
	Type    string

	// Areas are the extents that hold the logical extent: one if it is linear;
	// if it is striped, one of each stripe; if it is mirrored or being moved, one
	// of each leg; none if its segment has no storage.
	Areas []metadata.Area

	// Leg is the index in Areas of the leg that is read, if there are legs: of a
	// move, where the data is.
	Leg int
}

// NewExtentMap makes the map of a group. The group must be valid, see
// [metadata.VolumeGroup.Validate]; the map of one that is not is incomplete.
func NewExtentMap(vg *metadata.VolumeGroup) *ExtentMap {
	m := &ExtentMap{
		extentSize: vg.ExtentSize,
		pvIndex:    make(map[metadata.ID]int, len(vg.PVs)),
		lvIndex:    make(map[metadata.ID]int, len(vg.LVs)),
		gen:        new(mapToken),
	}
	for _, pv := range vg.PVs {
		if _, ok := m.pvIndex[pv.ID]; ok {
			m.conflicts++
			continue
		}
		m.pvIndex[pv.ID] = len(m.pvs)
		m.pvs = append(m.pvs, &pvExtents{gen: m.gen, id: pv.ID, name: pvName(pv), start: pv.PEStart, count: pv.PECount})
	}
	// Sorting once is cheaper than entering each area at its place.
	m.lvs = make([]lvExtents, 0, len(vg.LVs))
	m.makeRoom(vg)
	for _, lv := range vg.LVs {
		if _, ok := m.lvIndex[lv.ID]; ok || lv.ID.IsZero() {
			m.conflicts++
			continue
		}
		n := len(m.lvs)
		m.lvIndex[lv.ID] = n
		m.lvs = append(m.lvs, lvExtents{lv.ID, lv.Name, lv.Segments})
		for s := range lv.Segments {
			m.countOpaque(&lv.Segments[s], 1)
			for r := range areaRuns(n, s, &lv.Segments[s]) {
				if pv, ok := m.pvIndex[r.pv]; ok {
					m.pvs[pv].used = append(m.pvs[pv].used, r.usedRun)
				} else {
					m.conflicts++
				}
			}
		}
	}
	for _, p := range m.pvs {
		m.conflicts += p.build()
	}
	return m
}

// makeRoom takes the memory for all areas at once.
func (m *ExtentMap) makeRoom(vg *metadata.VolumeGroup) {
	runs := make([]int, len(m.pvs))
	for _, lv := range vg.LVs {
		for s := range lv.Segments {
			for r := range areaRuns(0, s, &lv.Segments[s]) {
				if pv, ok := m.pvIndex[r.pv]; ok {
					runs[pv]++
				}
			}
		}
	}
	for i, p := range m.pvs {
		p.used = make([]usedRun, 0, runs[i])
	}
}

func pvName(pv *metadata.PhysicalVolume) string {
	if pv.Device != "" {
		return pv.Device
	}
	return pv.ID.String()
}

// Incomplete says whether there are extents that nobody knows the use of, since
// a segment's type has no codec here. Extents of such a map that seem to be
// free may be in use.
func (m *ExtentMap) Incomplete() bool { return m.opaque > 0 || m.conflicts > 0 }

// Locate returns where logical extent le of a logical volume lies; false if
// there is no such extent or the type of its segment is not known.
func (m *ExtentMap) Locate(lv metadata.ID, le Extents) (Location, bool) {
	n, ok := m.lvIndex[lv]
	if !ok {
		return Location{}, false
	}
	s, ok := findSegment(m.lvs[n].segments, le)
	if !ok {
		return Location{}, false
	}
	seg := &m.lvs[n].segments[s]
	if _, ok := areaLength(seg); !ok {
		return Location{}, false
	}
	loc := Location{Segment: s, Type: seg.Type, Areas: slices.Clone(seg.Body.Areas())}
	at := le - seg.Start
	if b, ok := seg.Body.(*metadata.Mirror); ok {
		loc.Leg = readLeg(seg, b)
	} else if len(loc.Areas) > 0 {
		at /= Extents(len(loc.Areas))
	}
	for i := range loc.Areas {
		loc.Areas[i].Start += at
	}
	return loc, true
}

// findSegment returns the index of the segment that holds le.
func findSegment(segs []metadata.Segment, le Extents) (int, bool) {
	i, exact := slices.BinarySearchFunc(segs, le, func(s metadata.Segment, le Extents) int {
		switch {
		case s.Start > le:
			return 1
		case s.Start < le:
			return -1
		}
		return 0
	})
	if !exact {
		i--
	}
	return i, i >= 0 && le-segs[i].Start < segs[i].Count
}

// Owner returns the run that holds extent pe of a physical volume, which may be
// a free one; false if there is no such extent.
func (m *ExtentMap) Owner(pv metadata.ID, pe Extents) (Run, bool) {
	p, ok := m.pv(pv)
	if !ok || pe >= p.count {
		return Run{}, false
	}
	i := p.search(pe)
	if i > 0 && pe < p.used[i-1].end() {
		return m.run(p, p.used[i-1]), true
	}
	start, end := p.gap(i)
	return Run{PV: pv, Start: start, Count: end - start}, true
}

// Runs returns the runs of a physical volume in the order of its extents. They
// cover it without gap or overlap, and of two that meet not both are free. Changes
// of a transaction do not show in a sequence that has begun.
func (m *ExtentMap) Runs(pv metadata.ID) iter.Seq[Run] {
	return func(yield func(Run) bool) {
		p, ok := m.pv(pv)
		if !ok {
			return
		}
		p = p.clone(nil)
		for i := range len(p.used) + 1 {
			if start, end := p.gap(i); start < end && !yield(Run{PV: pv, Start: start, Count: end - start}) {
				return
			}
			if i < len(p.used) && !yield(m.run(p, p.used[i])) {
				return
			}
		}
	}
}

// FreeRuns returns the free runs of a physical volume in the order of its
// extents.
func (m *ExtentMap) FreeRuns(pv metadata.ID) iter.Seq[Run] {
	return func(yield func(Run) bool) {
		for r := range m.Runs(pv) {
			if r.Free() && !yield(r) {
				return
			}
		}
	}
}

// Free returns how many extents of a physical volume are free.
func (m *ExtentMap) Free(pv metadata.ID) Extents {
	if p, ok := m.pv(pv); ok {
		return p.freeCount
	}
	return 0
}

// Used returns how many extents of a physical volume are not free.
func (m *ExtentMap) Used(pv metadata.ID) Extents {
	if p, ok := m.pv(pv); ok {
		return p.count - p.freeCount
	}
	return 0
}

// FreeTotal returns how many extents of the group are free.
func (m *ExtentMap) FreeTotal() Extents {
	var n Extents
	for _, p := range m.pvs {
		n += p.freeCount
	}
	return n
}

func (m *ExtentMap) pv(id metadata.ID) (*pvExtents, bool) {
	i, ok := m.pvIndex[id]
	if !ok {
		return nil, false
	}
	return m.pvs[i], true
}

func (m *ExtentMap) run(p *pvExtents, u usedRun) Run {
	r := Run{PV: p.id, Start: u.start, Count: u.count}
	if u.lv == heldLV {
		r.Held = true
		return r
	}
	lv := &m.lvs[u.lv]
	r.LV, r.LVName = lv.id, lv.name
	r.Segment, r.Area = int(u.segment), int(u.area)
	if r.Segment >= len(lv.segments) {
		// The transaction has changed it since the run was found.
		return r
	}
	seg := &lv.segments[u.segment]
	r.FirstLE = seg.Start
	if b, ok := seg.Body.(*metadata.Striped); ok && m.extentSize > 0 {
		r.FirstLE += (Sectors(u.area) * b.StripeSize).ExtentsDown(m.extentSize)
	}
	return r
}

// clone returns a copy for a transaction. Extents that the copy frees and m does
// not have free are held: they keep the data that a reader of the committed
// metadata expects, so they cannot be allocated from the copy.
func (m *ExtentMap) clone() *ExtentMap {
	c := *m
	c.pvs = slices.Clone(m.pvs)
	c.pvIndex = maps.Clone(m.pvIndex)
	c.lvs = slices.Clone(m.lvs)
	c.lvIndex = maps.Clone(m.lvIndex)
	c.base = m
	c.gen = new(mapToken)
	return &c
}
