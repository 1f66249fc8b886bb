package lvm

import (
	"cmp"
	"slices"
)

// areaList is the free areas of a physical volume that a request may use, in the
// order in which LVM2 considers them: the largest first, equal ones by position,
// apart from what the rounds of a request did to it. That is worth following,
// since it decides which of several areas is taken.
type areaList []pickArea

// pickArea is a free area in the course of a request.
type pickArea struct {
	freeArea
	reserved Extents // for candidates of the round
}

func (a pickArea) left() Extents { return a.count - a.reserved }

// newAreaList returns the list for areas that are sorted, the largest first.
func newAreaList(free []freeArea) areaList {
	l := make(areaList, len(free))
	for i, a := range free {
		l[i].freeArea = a
	}
	return l
}

// move puts area i in front of the first one that has less than size extents, and
// returns its new index.
func (l areaList) move(i int, size Extents) int {
	a := l[i]
	k := 0
	for k < len(l) && (k == i || l[k].count >= size) {
		k++
	}
	if k > i {
		k--
		copy(l[i:], l[i+1:k+1])
	} else {
		copy(l[k+1:], l[k:i])
	}
	l[k] = a
	return k
}

// reserve sets extents of area i aside for a candidate, moves the area to where
// the rest of it belongs, and returns where a walk over the list goes on.
func (l areaList) reserve(i int, n Extents) (next int) {
	l[i].reserved += n
	if rest := l[i].left(); rest > 0 {
		i = l.move(i, rest)
	}
	return i + 1
}

// reset ends the reservations of a round. An area goes behind all others of its
// size, and LVM2's walk goes on from there: it passes over those between, which
// stay reserved for one round more.
func (l areaList) reset() {
	for i := 0; i < len(l); i++ {
		if l[i].reserved > 0 {
			l[i].reserved = 0
			i = l.move(i, l[i].count)
		}
	}
}

// take cuts extents from the start of the area that begins at start, and moves
// the rest to where it belongs.
func (l *areaList) take(start, n Extents) {
	i := slices.IndexFunc(*l, func(a pickArea) bool { return a.start == start })
	a := &(*l)[i]
	if a.count == n {
		*l = slices.Delete(*l, i, i+1)
		return
	}
	a.start, a.count, a.reserved = a.start+n, a.count-n, 0
	l.move(i, a.count)
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
