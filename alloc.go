package lvm

import (
	"slices"

	"github.com/pkg/errors"

	"github.com/lvm-go/lvm/metadata"
	"github.com/lvm-go/lvm/units"
)

// allocRequest asks for extents for a new logical volume or for more of them
// for an old one.
type allocRequest struct {
	LV      *metadata.LogicalVolume // to extend; nil for a new one
	Name    string                  // of the logical volume, for errors
	Policy  metadata.Allocation     // AllocInherit: the volume's, else the group's
	Stripes int                     // areas per segment; 0 is 1
	Data    int                     // how many of them share the logical extents; 0: all
	Front   Extents                 // what is taken off the front of the first area of each stripe, beside the logical ones
	Extents Extents                 // logical; a multiple of Data
	Partial bool                    // take what there is if there is less, but something
	PVs     []allocPV               // in the order of preference; empty: all in the order of the group

	// Owned, unless nil, has the physical volumes that each stripe is on. Under a
	// policy stricter than anywhere no other stripe gets anything there, neither
	// from those that the request adds: or one failure would take several. LVM2 does
	// not look at that beyond what it allocates at once.
	Owned []pvSet

	// ClingTags make physical volumes near to each other for the policies
	// cling and above: "@tag", or "@*" for any tag. Empty: none.
	// Source: lvm.conf allocation/cling_tag_list.
	ClingTags []string

	// Parts say what the extents are parallel to, one part after the other. No
	// piece belongs to two of them. Empty: to nothing.
	Parts []allocPart

	log *logPicker // nil: there is none
}

// allocPart is a number of extents of a request that are parallel to others.
type allocPart struct {
	Count Extents // logical
	// Apart are physical volumes that nothing is taken from under a policy
	// stricter than anywhere: the others are on them.
	Apart []metadata.ID
}

// allocPV is a physical volume that may be allocated from.
type allocPV struct {
	PV     metadata.ID
	Ranges []PERange // empty: all extents
}

// allocPiece is a segment to be.
type allocPiece struct {
	Count Extents // logical extents; each area has its share of them
	Areas []metadata.Area
}

// allocate chooses the extents for a request, the same ones that lvm2 chooses.
// The map stays as it is: the caller makes segments of the pieces and hands them
// to setLV. Returns a *[SpaceError] if there is not enough, an error matching
// [ErrInvalidSize] if the number of extents is none or no multiple of the
// stripes, and one matching [ErrOpaque] if the map is incomplete.
func (m *ExtentMap) allocate(vg *metadata.VolumeGroup, r allocRequest) ([]allocPiece, error) {
	pieces, _, err := m.allocateBehind(vg, r)
	return pieces, err
}

// allocateBehind is allocate for a request with Front, and also returns where
// that lies for each stripe.
func (m *ExtentMap) allocateBehind(vg *metadata.VolumeGroup, r allocRequest) (pieces []allocPiece, fronts []metadata.Area, err error) {
	r.Stripes = max(r.Stripes, 1)
	if r.Data == 0 {
		r.Data = r.Stripes
	}
	r.Policy = resolvePolicy(vg, r.LV, r.Policy)
	if m.Incomplete() {
		return nil, nil, errors.WithMessagef(ErrOpaque, "vg %s: which extents are free cannot be said", vg.Name)
	}
	if r.Extents == 0 || r.Extents > units.MaxExtents || r.Extents%Extents(r.Data) != 0 {
		return nil, nil, errors.WithMessagef(ErrInvalidSize, "allocate %d extents in %d stripes", uint64(r.Extents), r.Stripes)
	}
	var parts Extents
	for _, part := range r.Parts {
		parts = satAdd(parts, part.Count)
	}
	if len(r.Parts) > 0 && parts != r.Extents {
		return nil, nil, errors.WithMessagef(ErrInvalidSize, "allocate %d extents in parts of %d", uint64(r.Extents), uint64(parts))
	}
	p := newPicker(m, vg, r)
	p.run()
	if p.need > 0 && (!r.Partial || len(p.pieces) == 0) {
		return nil, nil, newPicker(m, vg, r).shortage(vg.Name)
	}
	return p.pieces, p.fronts, nil
}

// resolvePolicy replaces inherit by what is inherited.
func resolvePolicy(vg *metadata.VolumeGroup, lv *metadata.LogicalVolume, policy metadata.Allocation) metadata.Allocation {
	if policy == metadata.AllocInherit && lv != nil {
		policy = lv.Allocation
	}
	if policy == metadata.AllocInherit {
		policy = vg.Allocation
	}
	if policy == metadata.AllocInherit {
		policy = metadata.AllocNormal
	}
	return policy
}

// appendSegments returns the segments of lv with pieces added at the end. Pieces
// that continue the segment before them become part of it, as in lvm2. What lv
// has is not changed, nor is the slice shared.
func appendSegments(lv *metadata.LogicalVolume, pieces []allocPiece, stripeSize Sectors) []metadata.Segment {
	segs := slices.Clone(lv.Segments)
	for _, piece := range pieces {
		next := metadata.Segment{Count: piece.Count, Type: "striped"}
		body := &metadata.Striped{Stripes: piece.Areas}
		if len(piece.Areas) > 1 {
			body.StripeSize = stripeSize
		}
		next.Body = body
		if len(segs) > 0 {
			last := &segs[len(segs)-1]
			next.Start = last.Start + last.Count
			if continues(last, body) {
				last.Count += next.Count
				continue
			}
		}
		segs = append(segs, next)
	}
	return segs
}

// continues says whether a new segment with this body is a continuation of last.
func continues(last *metadata.Segment, next *metadata.Striped) bool {
	b, ok := last.Body.(*metadata.Striped)
	if !ok || last.Type != "striped" || len(last.Tags) > 0 || len(last.Extra) > 0 || last.ReshapeCount > 0 ||
		len(b.Stripes) != len(next.Stripes) || b.StripeSize != next.StripeSize {
		return false
	}
	n := last.Count / Extents(len(b.Stripes))
	for i, a := range b.Stripes {
		if a.PV != next.Stripes[i].PV || a.LV != next.Stripes[i].LV || a.Start+n != next.Stripes[i].Start {
			return false
		}
	}
	return true
}

// sizeContext returns what sizes are resolved against if pvs are selected.
func (m *ExtentMap) sizeContext(vg *metadata.VolumeGroup, pvs []allocPV) sizeContext {
	c := sizeContext{ExtentSize: vg.ExtentSize, Free: m.FreeTotal(), Selected: len(pvs) > 0}
	for _, p := range m.pvs {
		c.VG += p.count
	}
	if !c.Selected {
		return c
	}
	for _, v := range newPicker(m, vg, allocRequest{PVs: pvs, Data: 1}).pvs {
		for _, a := range v.areas {
			c.Selection += a.count
		}
	}
	return c
}
