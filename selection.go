package lvm

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/pkg/errors"

	"github.com/lvm-go/lvm/metadata"
	"github.com/lvm-go/lvm/units"
)

// PVSelection names physical volumes, and the extents of them, that an
// operation may use.
type PVSelection struct {
	PV     string    // path of the device, UUID, or @tag for all with that tag
	Ranges []PERange // none: all extents
}

// PERange is a range of physical extents.
type PERange struct {
	Start Extents
	Count Extents // [ToEnd]: up to the last
}

// ToEnd is a count of extents that reaches the end of any physical volume.
const ToEnd = units.MaxExtents + 1

// String prints p as [ParsePVSelection] reads it.
func (p PVSelection) String() string {
	var b strings.Builder
	b.WriteString(p.PV)
	for _, r := range p.Ranges {
		b.WriteString(":" + r.String())
	}
	return b.String()
}

// String prints r as lvm2 takes it: "0-99", or "100-" for one to the end.
func (r PERange) String() string {
	start := strconv.FormatUint(uint64(r.Start), 10)
	switch end := satAdd(r.Start, r.Count); {
	case r.Count == 0:
		return start + "+0"
	case end >= ToEnd:
		return start + "-"
	default:
		return start + "-" + strconv.FormatUint(uint64(end-1), 10)
	}
}

// ParsePVSelection reads lvm2's notation of physical volumes and ranges of their
// extents: "/dev/sdb", "/dev/sdb:0-99:200-", "@tag". A range is "a", "a-b" with
// both included, "a-" to the end, "-b" from the first, or "a+n" for n extents. A
// tag has no ranges, since it can have a colon in it; a path with one cannot be
// written this way. An error matches [ErrInvalidSelection].
func ParsePVSelection(text string) (PVSelection, error) {
	name, rest, ranged := strings.Cut(text, ":")
	if strings.HasPrefix(text, "@") {
		name, ranged = text, false
	}
	if name == "" || name == "@" {
		return PVSelection{}, errors.WithMessagef(ErrInvalidSelection, "%q: no physical volume", text)
	}
	p := PVSelection{PV: name}
	if !ranged {
		return p, nil
	}
	for part := range strings.SplitSeq(rest, ":") {
		r, ok := parsePERange(part)
		if !ok {
			return PVSelection{}, errors.WithMessagef(ErrInvalidSelection, "%q: range %q", text, part)
		}
		p.Ranges = append(p.Ranges, r)
	}
	if err := checkRanges(p.PV, p.Ranges); err != nil {
		return PVSelection{}, err
	}
	return p, nil
}

func parsePERange(text string) (PERange, bool) {
	number := func(s string, otherwise Extents) (Extents, bool) {
		if s == "" {
			return otherwise, true
		}
		n, err := strconv.ParseUint(s, 10, 32)
		return Extents(n), err == nil
	}
	if from, to, ok := strings.Cut(text, "-"); ok {
		a, oka := number(from, 0)
		b, okb := number(to, ToEnd-1)
		return PERange{a, b - a + 1}, oka && okb && a <= b
	}
	from, count, counted := strings.Cut(text, "+")
	a, oka := number(from, 0)
	if !counted {
		return PERange{a, 1}, oka && from != ""
	}
	n, okn := number(count, 0)
	return PERange{a, n}, oka && okn && n > 0 && a+n <= ToEnd
}

// checkRanges refuses ranges that overlap or hold nothing.
func checkRanges(pv string, ranges []PERange) error {
	sorted := slices.SortedFunc(slices.Values(ranges), func(a, b PERange) int { return cmp.Compare(a.Start, b.Start) })
	for i, r := range sorted {
		if r.Count == 0 {
			return errors.WithMessagef(ErrInvalidSelection, "%s: range of no extents", pv)
		}
		if i > 0 && satAdd(sorted[i-1].Start, sorted[i-1].Count) > r.Start {
			return errors.WithMessagef(ErrInvalidSelection, "%s: ranges %s and %s overlap", pv, sorted[i-1], r)
		}
	}
	return nil
}

// resolveSelections returns the physical volumes that selections stand for, each
// once, in their order. find gives the physical volume of a path or UUID. An error
// matches [ErrInvalidSelection]: something is selected twice or not there.
func resolveSelections(vg *metadata.VolumeGroup, selections []PVSelection, find func(name string) (metadata.ID, bool)) ([]allocPV, error) {
	var pvs []allocPV
	index := make(map[metadata.ID]int)
	add := func(pv *metadata.PhysicalVolume, s PVSelection) error {
		ranges, err := rangesOf(pv, s)
		if err != nil {
			return err
		}
		i, ok := index[pv.ID]
		if !ok {
			i = len(pvs)
			index[pv.ID] = i
			pvs = append(pvs, allocPV{PV: pv.ID})
		}
		pvs[i].Ranges = append(pvs[i].Ranges, ranges...)
		return checkRanges(s.PV, pvs[i].Ranges)
	}
	for _, s := range selections {
		tag, tagged := strings.CutPrefix(s.PV, "@")
		var id metadata.ID
		known := false
		if !tagged {
			id, known = find(s.PV)
		}
		found := false
		for _, pv := range vg.PVs {
			if tagged && slices.Contains(pv.Tags, tag) || known && pv.ID == id {
				found = true
				if err := add(pv, s); err != nil {
					return nil, err
				}
			}
		}
		if !found {
			return nil, errors.WithMessagef(ErrInvalidSelection, "%s: no physical volume of vg %s", s.PV, vg.Name)
		}
	}
	return pvs, nil
}

// rangesOf returns the ranges of a selection, cut to the extents that there are.
func rangesOf(pv *metadata.PhysicalVolume, s PVSelection) ([]PERange, error) {
	if len(s.Ranges) == 0 && pv.PECount > 0 {
		return []PERange{{0, pv.PECount}}, nil
	}
	ranges := slices.Clone(s.Ranges)
	for i, r := range ranges {
		end := satAdd(r.Start, r.Count)
		if r.Start >= pv.PECount || end > pv.PECount && end < ToEnd {
			return nil, errors.WithMessagef(ErrInvalidSelection, "%s: range %s of %d extents", s.PV, r, uint64(pv.PECount))
		}
		ranges[i].Count = min(r.Count, pv.PECount-r.Start)
	}
	return ranges, nil
}
