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

// PERange is a range of physical extents. One that goes on beyond the last
// extent of a physical volume ends there.
type PERange struct {
	Start, Count Extents
}

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
	case end > units.MaxExtents:
		return start + "-"
	default:
		return start + "-" + strconv.FormatUint(uint64(end-1), 10)
	}
}

// ParsePVSelection reads lvm2's notation of physical volumes and ranges of their
// extents: "/dev/sdb", "/dev/sdb:0-99:200-", "@tag". A range is "a", "a-b" with
// both included, "a-" to the end, "-b" from the first, or "a+n" for n extents. A
// path with a colon in it cannot be written this way. An error matches
// [ErrInvalidSelection].
func ParsePVSelection(text string) (PVSelection, error) {
	name, rest, ranged := strings.Cut(text, ":")
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
	return p, checkRanges(p)
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
		b, okb := number(to, units.MaxExtents)
		return PERange{a, b - a + 1}, oka && okb && a <= b
	}
	from, count, counted := strings.Cut(text, "+")
	a, oka := number(from, 0)
	if !counted {
		return PERange{a, 1}, oka && from != ""
	}
	n, okn := number(count, 0)
	return PERange{a, n}, oka && okn && n > 0
}

// checkRanges refuses ranges that overlap or hold nothing.
func checkRanges(p PVSelection) error {
	sorted := slices.SortedFunc(slices.Values(p.Ranges), func(a, b PERange) int { return cmp.Compare(a.Start, b.Start) })
	for i, r := range sorted {
		if r.Count == 0 {
			return errors.WithMessagef(ErrInvalidSelection, "%s: range of no extents", p)
		}
		if i > 0 && satAdd(sorted[i-1].Start, sorted[i-1].Count) > r.Start {
			return errors.WithMessagef(ErrInvalidSelection, "%s: ranges %s and %s overlap", p, sorted[i-1], r)
		}
	}
	return nil
}

// resolveSelections returns the physical volumes that selections stand for, in
// their order. find gives the physical volume of a path or UUID. An error
// matches [ErrInvalidSelection].
func resolveSelections(vg *metadata.VolumeGroup, selections []PVSelection, find func(name string) (metadata.ID, bool)) ([]allocPV, error) {
	var pvs []allocPV
	add := func(pv *metadata.PhysicalVolume, s PVSelection) {
		i := slices.IndexFunc(pvs, func(a allocPV) bool { return a.PV == pv.ID })
		if i < 0 {
			pvs = append(pvs, allocPV{pv.ID, slices.Clone(s.Ranges)})
			return
		}
		pvs[i].Ranges = append(pvs[i].Ranges, s.Ranges...)
	}
	for _, s := range selections {
		if err := checkRanges(s); err != nil {
			return nil, err
		}
		found := false
		tag, tagged := strings.CutPrefix(s.PV, "@")
		id, _ := metadata.ID{}, false
		if !tagged {
			id, _ = find(s.PV)
		}
		for _, pv := range vg.PVs {
			if tagged && slices.Contains(pv.Tags, tag) || !tagged && pv.ID == id {
				found = true
				add(pv, s)
			}
		}
		if !found {
			return nil, errors.WithMessagef(ErrInvalidSelection, "%s: no physical volume of vg %s", s.PV, vg.Name)
		}
	}
	return pvs, nil
}
