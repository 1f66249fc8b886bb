package lvm

import (
	"slices"

	"github.com/lvm-go/lvm/metadata"
)

// allocateWithLog is allocate for a new volume, with an area of log extents beside
// it: the log of a mirror, or the metadata of a pool.
func (m *ExtentMap) allocateWithLog(vg *metadata.VolumeGroup, r allocRequest, log Extents) ([]allocPiece, metadata.Area, error) {
	p := &logPicker{length: log}
	r.log = p
	pieces, err := m.allocate(vg, r)
	if err == nil && p.area == nil {
		err = &SpaceError{VG: vg.Name, LV: r.Name, Policy: resolvePolicy(vg, r.LV, r.Policy), Stripes: 1, Need: log}
	}
	if err != nil {
		return nil, metadata.Area{}, err
	}
	return pieces, *p.area, nil
}

// logPicker chooses the area of a log in the first round of a request. LVM2 takes
// the last, and so the smallest, of the candidates that the round leaves and that
// are large enough; if there is none, of those of a second such round.
// Source: what lvm2 was seen to do.
type logPicker struct {
	length Extents
	sorted []candidate // of the round
	used   int         // of them, by the stripes
	area   *metadata.Area
}

// note takes note of the candidates of a round, the first of which are used.
func (l *logPicker) note(sorted []candidate, used int) {
	if l != nil {
		l.sorted, l.used = slices.Clone(sorted), min(used, len(sorted))
	}
}

// pick takes the area, once the stripes of a round have theirs.
func (l *logPicker) pick(p *picker) {
	if l == nil || l.area != nil || l.last(p, l.sorted[l.used:]) {
		return
	}
	for i := range p.pvs {
		p.pvs[i].areas.reset()
	}
	p.best(false)
	l.last(p, l.sorted)
}

// last takes the area from the last candidate that is large enough.
func (l *logPicker) last(p *picker, sorted []candidate) bool {
	for _, c := range slices.Backward(sorted) {
		if l.take(p, c.pv, func(a pickArea) bool { return a.start == c.start }) {
			return true
		}
	}
	return false
}

// take takes the front of the first area of a physical volume that is right, and
// large enough.
func (l *logPicker) take(p *picker, pv int, right func(pickArea) bool) bool {
	v := &p.pvs[pv]
	i := slices.IndexFunc(v.areas, func(a pickArea) bool { return a.count >= l.length && right(a) })
	if i < 0 {
		return false
	}
	l.area = &metadata.Area{PV: v.id, Start: v.areas[i].start}
	v.areas.take(l.area.Start, l.length)
	return true
}
