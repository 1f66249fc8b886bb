package lvm

import (
	"slices"
	"strings"

	"github.com/lvm-go/lvm/metadata"
)

// Names of the volumes of a move. Source: lvm2 as observed.
const (
	movePrefix     = "pvmove"
	moveImageInfix = "_mimage_"
)

// landing is where extents of a move are once it has ended.
type landing struct {
	start, count Extents // of the move
	area         metadata.Area
}

// landings returns where the extents of a move are when it ends, in order. Where
// it is not aborted, all of it must be copied.
func (tx *Tx) landings(move *metadata.LogicalVolume, abort bool) ([]landing, error) {
	var out []landing
	for i := range move.Segments {
		seg := &move.Segments[i]
		area := metadata.Area{}
		switch body := seg.Body.(type) {
		case *metadata.Mirror:
			leg := readLeg(seg, body)
			if leg == 0 && !abort {
				return nil, fault(ErrInvalidSpec, "%d extents from %d on are not copied yet: AdvanceMove notes that they are", seg.Count, seg.Start)
			}
			if len(body.Legs) != 2 {
				return nil, fault(ErrUnsupported, "lv %s has %d legs, a move has 2", move.Name, len(body.Legs))
			}
			if area = body.Legs[leg]; abort && !area.LV.IsZero() {
				area = body.Legs[0]
			}
		case *metadata.Striped: // lvm2 is in the course of ending it
			if len(body.Stripes) != 1 {
				return nil, fault(ErrUnsupported, "lv %s is striped, a move is not", move.Name)
			}
			area = body.Stripes[0]
		default:
			return nil, fault(ErrUnsupported, "lv %s has a segment of type %s, a move has not", move.Name, seg.Type)
		}
		if area.LV.IsZero() {
			out = append(out, landing{seg.Start, seg.Count, area})
			continue
		}
		within, err := tx.landingsIn(area, seg)
		if err != nil {
			return nil, err
		}
		out = append(out, within...)
	}
	slices.SortFunc(out, func(a, b landing) int {
		if a.start < b.start {
			return -1
		}
		return 1
	})
	return out, nil
}

// landingsIn resolves a segment whose data is in a volume that gathers what an
// atomic move takes along.
func (tx *Tx) landingsIn(in metadata.Area, seg *metadata.Segment) ([]landing, error) {
	image := tx.find(in.LV)
	if image == nil {
		return nil, fault(ErrDamaged, "area in unknown lv %s", in.LV)
	}
	var out []landing
	for i := range image.Segments {
		part := &image.Segments[i]
		body, ok := part.Body.(*metadata.Striped)
		if !ok || len(body.Stripes) != 1 || !body.Stripes[0].LV.IsZero() {
			return nil, fault(ErrUnsupported, "lv %s has a segment of type %s, a leg of a move has not", image.Name, part.Type)
		}
		from := max(part.Start, in.Start)
		to := min(satAdd(part.Start, part.Count), satAdd(in.Start, seg.Count))
		if from >= to {
			continue
		}
		area := body.Stripes[0]
		area.Start += from - part.Start
		out = append(out, landing{seg.Start + from - in.Start, to - from, area})
	}
	return out, nil
}

// settle returns a volume with what it has in a move where that ends.
func settle(old *metadata.LogicalVolume, move metadata.ID, landings []landing) (*metadata.LogicalVolume, error) {
	lv := *old
	lv.Status &^= metadata.LVLocked
	lv.Segments = nil
	for _, seg := range old.Segments {
		var at []Extents
		for _, a := range areasOf(&seg) {
			if a.LV == move {
				for i := firstLanding(landings, a.Start); i < len(landings) && landings[i].start < a.Start+seg.AreaLength(); i++ {
					if landings[i].start > a.Start {
						at = append(at, landings[i].start-a.Start)
					}
				}
			}
		}
		parts, err := cutSegment(seg, at)
		if err != nil {
			return nil, err
		}
		for _, part := range parts {
			if part, err = settleSegment(part, move, landings); err != nil {
				return nil, err
			}
			lv.Segments = append(lv.Segments, part)
		}
	}
	lv.Segments = joinSegments(lv.Segments)
	return &lv, nil
}

// settleSegment does so for a segment each area of which is in one landing.
func settleSegment(seg metadata.Segment, move metadata.ID, landings []landing) (metadata.Segment, error) {
	inMove := func(a metadata.Area) bool { return a.LV == move }
	if !slices.ContainsFunc(areasOf(&seg), inMove) {
		return seg, nil
	}
	body, ok := seg.Body.(*metadata.Striped)
	if !ok {
		return seg, fault(ErrUnsupported, "segment of type %s in a move", seg.Type)
	}
	stripes := slices.Clone(body.Stripes)
	for i, a := range stripes {
		if !inMove(a) {
			continue
		}
		n := firstLanding(landings, a.Start)
		if n == len(landings) || landings[n].start > a.Start || a.Start-landings[n].start+seg.AreaLength() > landings[n].count {
			return seg, fault(ErrDamaged, "%d extents from %d on are not in the move", seg.AreaLength(), a.Start)
		}
		stripes[i] = landings[n].area
		stripes[i].Start += a.Start - landings[n].start
	}
	seg.Body = &metadata.Striped{StripeSize: body.StripeSize, Stripes: stripes}
	return seg, nil
}

// firstLanding returns the index of the first landing that ends behind le.
func firstLanding(landings []landing, le Extents) int {
	i, _ := slices.BinarySearchFunc(landings, le, func(l landing, le Extents) int {
		if l.start+l.count <= le {
			return -1
		}
		return 1
	})
	return i
}

// moveRemains says whether an LV is what lvm2 leaves of a move if it dies when
// the volumes are where they shall be, and only the move is to go: an error
// segment of its name that nobody uses.
func (tx *Tx) moveRemains(lv *metadata.LogicalVolume) bool {
	digits, ok := strings.CutPrefix(lv.Name, movePrefix)
	if !ok || digits == "" || strings.Trim(digits, "0123456789") != "" || lv.Status&(metadata.LVPvmove|metadata.LVVisible) != 0 {
		return false
	}
	for i := range lv.Segments {
		if lv.Segments[i].Type != "error" {
			return false
		}
	}
	return !slices.ContainsFunc(tx.vg.LVs, func(other *metadata.LogicalVolume) bool { return other != nil && usesLV(other, lv.ID) })
}

// dropRemains takes a move out, with the volumes that gather what it takes along
// if it is atomic.
func (tx *Tx) dropRemains(move *metadata.LogicalVolume) error {
	for i, lv := range tx.vg.LVs {
		if lv == nil {
			continue
		}
		if lv.ID == move.ID {
			tx.drop(i)
			continue
		}
		number, ok := strings.CutPrefix(lv.Name, move.Name+moveImageInfix)
		if !ok || strings.Trim(number, "0123456789") != "" {
			continue
		}
		for _, other := range tx.vg.LVs {
			if other != nil && other.ID != move.ID && usesLV(other, lv.ID) {
				return fault(ErrBusy, "lv %s lies on %s", other.Name, lv.Name)
			}
		}
		tx.drop(i)
	}
	return nil
}
