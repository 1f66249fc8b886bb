package lvm

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/pkg/errors"

	"github.com/lvm-go/lvm/metadata"
)

// replay does what c says with this package's allocator, and returns how each
// step differs from what lvm2 did, if it does. Each step starts from what lvm2
// had made of those before.
func (c lvm2Case) replay() []string {
	policies := map[string]metadata.Allocation{
		"": metadata.AllocInherit, "inherit": metadata.AllocInherit, "contiguous": metadata.AllocContiguous,
		"cling": metadata.AllocCling, "normal": metadata.AllocNormal, "anywhere": metadata.AllocAnywhere,
	}
	vg := &metadata.VolumeGroup{Name: "v", ExtentSize: MiB.Sectors(), Allocation: policies[c.Alloc]}
	for i, pv := range c.PVs {
		rec := &metadata.PhysicalVolume{ID: testID("pv", i), Device: strconv.Itoa(i), PECount: Extents(pv.Extents)}
		if !pv.Closed {
			rec.Status = metadata.PVAllocatable
		}
		if pv.Tag != "" {
			rec.Tags = []string{pv.Tag}
		}
		vg.PVs = append(vg.PVs, rec)
	}
	m := NewExtentMap(vg)
	lvs := make(map[string]*metadata.LogicalVolume)
	var differences []string
	for i, s := range c.Steps {
		lv := lvs[s.LV]
		switch {
		case s.Op == "remove":
			if lv != nil {
				m = m.clone()
				m.dropLV(lv.ID)
				m = m.settled()
				delete(lvs, s.LV)
			}
			continue
		case s.Skipped, s.Op == "extend" && lv == nil:
			continue
		case s.Op == "create":
			lv = &metadata.LogicalVolume{Name: s.LV, ID: testID("lv", i), Allocation: policies[s.Alloc]}
		}
		ours := "!\n"
		segs, err := s.try(m.clone(), vg, lv, policies[s.Alloc], c.Cling)
		if err == nil {
			ours = formatSegments(segs)
		}
		theirs := "!\n"
		if !s.Failed {
			theirs = formatSegments(s.segments())
		}
		if ours != theirs {
			differences = append(differences, fmt.Sprintf("vg %d step %d (%s %s %s): lvm2\n%swe (%v)\n%s", c.Seed, i, s.Op, s.LV, s.Size, theirs, err, ours))
		}
		if !s.Failed {
			lv.Segments = s.segments()
			lvs[s.LV] = lv
			m = m.clone()
			if err := m.setLV(lv); err != nil {
				return append(differences, err.Error())
			}
			m = m.settled()
		}
	}
	return differences
}

// try returns the segments that lv has after a step.
func (s lvm2Step) try(m *ExtentMap, vg *metadata.VolumeGroup, lv *metadata.LogicalVolume, policy metadata.Allocation, cling string) ([]metadata.Segment, error) {
	var selections []PVSelection
	for _, text := range s.PVs {
		sel, err := ParsePVSelection(text)
		if err != nil {
			return nil, err
		}
		selections = append(selections, sel)
	}
	pvs, err := resolveSelections(vg, selections, func(name string) (metadata.ID, bool) {
		for _, pv := range vg.PVs {
			if pv.Device == name {
				return pv.ID, true
			}
		}
		return metadata.ID{}, false
	})
	if err != nil {
		return nil, err
	}
	text, _ := strings.CutPrefix(s.Size, "+")
	size, err := ParseSize(text)
	if n, perr := strconv.ParseUint(text, 10, 32); perr == nil {
		size, err = ExtentCount(Extents(n)), nil
	}
	if err != nil {
		return nil, err
	}
	c := m.sizeContext(vg, pvs)
	c.Stripes, c.Resize = s.Stripes, s.Op == "extend"
	for _, seg := range lv.Segments {
		c.LV += seg.Count
	}
	n, err := size.resolve(c)
	if err != nil {
		return nil, err
	}
	r := allocRequest{Name: lv.Name, Policy: policy, Stripes: s.Stripes, Extents: n, Partial: size.isWish(c.Resize), PVs: pvs}
	if len(lv.Segments) > 0 {
		r.LV = lv
	}
	if s.Alloc == "inherit" {
		r.Policy = vg.Allocation
	}
	if cling != "" {
		r.ClingTags = strings.Split(cling, ",")
	}
	pieces, err := m.allocate(vg, r)
	if err != nil {
		return nil, err
	}
	changed := *lv
	changed.Segments = appendSegments(lv, pieces, (Bytes(s.KiB) * KiB).Sectors())
	return changed.Segments, errors.WithMessage(m.setLV(&changed), "result")
}

func (s lvm2Step) segments() []metadata.Segment {
	var segs []metadata.Segment
	start := Extents(0)
	for _, r := range s.Result {
		b := &metadata.Striped{StripeSize: Sectors(r.Sectors)}
		for _, a := range r.Areas {
			b.Stripes = append(b.Stripes, metadata.Area{PV: testID("pv", a.PV), Start: Extents(a.Start)})
		}
		segs = append(segs, metadata.Segment{Start: start, Count: Extents(r.Count), Type: "striped", Body: b})
		start += Extents(r.Count)
	}
	return segs
}

func formatSegments(segs []metadata.Segment) string {
	var b strings.Builder
	for _, seg := range segs {
		body := seg.Body.(*metadata.Striped)
		fmt.Fprintf(&b, "= %d", seg.Count)
		if body.StripeSize > 0 {
			fmt.Fprintf(&b, " %ds", body.StripeSize)
		}
		for _, a := range body.Stripes {
			fmt.Fprintf(&b, " %d:%d", a.PV[2]-'0', a.Start)
		}
		b.WriteString("\n")
	}
	return b.String()
}

// testID makes ids that can be told apart and read.
func testID(kind string, n int) (id metadata.ID) {
	copy(id[:], fmt.Sprintf("%s%d", kind, n))
	return id
}

// parseLVM2Cases reads what [lvm2Case.String] prints.
func parseLVM2Cases(r io.Reader) (cases []lvm2Case, err error) {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		if len(f) == 0 || f[0] == "#" {
			continue
		}
		if f[0] == "vg" {
			c := lvm2Case{Alloc: f[2]}
			if c.Seed, err = strconv.ParseUint(f[1], 10, 64); err != nil {
				return nil, err
			}
			if len(f) > 3 {
				c.Cling = f[3]
			}
			cases = append(cases, c)
			continue
		}
		if len(cases) == 0 {
			return nil, fmt.Errorf("%q before the first vg", lines.Text())
		}
		if err := cases[len(cases)-1].parseLine(f); err != nil {
			return nil, fmt.Errorf("%q: %w", lines.Text(), err)
		}
	}
	return cases, lines.Err()
}

func (c *lvm2Case) parseLine(f []string) (err error) {
	switch f[0] {
	case "pv":
		for _, text := range f[1:] {
			pv := lvm2PV{}
			text, pv.Closed = strings.CutSuffix(text, "!")
			number := strings.TrimRight(text, "xyz")
			pv.Tag = text[len(number):]
			if pv.Extents, err = strconv.ParseUint(number, 10, 32); err != nil {
				return err
			}
			c.PVs = append(c.PVs, pv)
		}
	case "!":
		c.Steps[len(c.Steps)-1].Failed = true
	case "=":
		seg := lvm2Segment{}
		if seg.Count, err = strconv.ParseUint(f[1], 10, 32); err != nil {
			return err
		}
		for _, text := range f[2:] {
			if s, ok := strings.CutSuffix(text, "s"); ok {
				if seg.Sectors, err = strconv.ParseUint(s, 10, 32); err != nil {
					return err
				}
				continue
			}
			area := lvm2Area{}
			if _, err := fmt.Sscanf(text, "%d:%d", &area.PV, &area.Start); err != nil {
				return err
			}
			seg.Areas = append(seg.Areas, area)
		}
		s := &c.Steps[len(c.Steps)-1]
		s.Result = append(s.Result, seg)
	default:
		s := lvm2Step{Op: f[0], LV: f[1]}
		if len(f) > 2 {
			s.Size = f[2]
			stripes, kib, striped := strings.Cut(strings.TrimSuffix(f[3], "k"), "x")
			if s.Stripes, err = strconv.Atoi(stripes); err != nil {
				return err
			}
			if striped {
				if s.KiB, err = strconv.Atoi(kib); err != nil {
					return err
				}
			}
			for _, text := range f[4:] {
				if pv, ok := strings.CutPrefix(text, "@"); ok {
					s.PVs = append(s.PVs, pv)
				} else {
					s.Alloc = text
				}
			}
		}
		c.Steps = append(c.Steps, s)
	}
	return nil
}
