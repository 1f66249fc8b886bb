package lvm

import (
	"slices"

	"github.com/lvm-go/lvm/metadata"
)

// allocateLog chooses the extents of a mirror's log, the same ones that lvm2
// chooses: one area, if that can be on a physical volume without a leg. The legs
// have their extents. Of several physical volumes it is the last.
// Source: lvm2 as observed.
func (m *ExtentMap) allocateLog(vg *metadata.VolumeGroup, r allocRequest, legs []metadata.ID) ([]allocPiece, error) {
	r.Stripes = 1
	for _, apart := range [][]metadata.ID{legs, nil} {
		p := newPicker(m, vg, r)
		var found *candidate
		for i := range p.pvs {
			if slices.Contains(apart, p.pvs[i].id) {
				continue
			}
			for j := 0; j < len(p.pvs[i].areas); {
				if p.pvs[i].areas[j].left() < r.Extents {
					break
				}
				var c candidate
				c, j = p.reserve(i, j)
				found = &c
			}
		}
		if found != nil {
			return []allocPiece{{Count: r.Extents, Areas: []metadata.Area{{PV: p.pvs[found.pv].id, Start: found.start}}}}, nil
		}
	}
	return nil, newPicker(m, vg, r).shortage(vg.Name)
}

// side is a volume of several legs as one whose extents lie side by side on them,
// as the allocator goes on with it: each segment as long as no leg has a seam.
// It is nil if a leg is made of something else than plain areas.
func side(lv *metadata.LogicalVolume, legs []*metadata.LogicalVolume) *metadata.LogicalVolume {
	out := &metadata.LogicalVolume{Name: lv.Name, ID: lv.ID, Allocation: lv.Allocation}
	for at := Extents(0); at < lv.Extents(); {
		end, areas := lv.Extents(), make([]metadata.Area, len(legs))
		for i, leg := range legs {
			seg := segmentAt(leg, at)
			if seg == nil {
				return nil
			}
			body, ok := seg.Body.(*metadata.Striped)
			if !ok || len(body.Stripes) != 1 {
				return nil
			}
			areas[i] = body.Stripes[0]
			areas[i].Start += at - seg.Start
			end = min(end, seg.Start+seg.Count)
		}
		n := Extents(len(legs))
		out.Segments = append(out.Segments, metadata.Segment{
			Start: at * n, Count: (end - at) * n, Type: "striped", Body: &metadata.Striped{Stripes: areas},
		})
		at = end
	}
	return out
}

// segmentAt returns the segment that an extent is in, nil if there is none.
func segmentAt(lv *metadata.LogicalVolume, at Extents) *metadata.Segment {
	for i := range lv.Segments {
		if seg := &lv.Segments[i]; at >= seg.Start && at-seg.Start < seg.Count {
			return seg
		}
	}
	return nil
}

// legPieces returns what one leg gets of pieces for several.
func legPieces(pieces []allocPiece, leg int) []allocPiece {
	out := make([]allocPiece, len(pieces))
	for i, p := range pieces {
		out[i] = allocPiece{Count: p.Count / Extents(len(p.Areas)), Areas: p.Areas[leg : leg+1]}
	}
	return out
}
