package lvm

import (
	"slices"

	"github.com/lvm-go/lvm/metadata"
)

// Segment is a number of logical extents in sequence that are mapped in one way.
type Segment struct {
	lv  *LogicalVolume
	rec *metadata.Segment
}

// Start returns the first logical extent.
func (s Segment) Start() Extents { return s.rec.Start }

// Extents returns the length in logical extents.
func (s Segment) Extents() Extents { return s.rec.Count }

// Type returns the segment type as the metadata names it; a linear segment's is
// "striped" with one stripe.
func (s Segment) Type() string { return s.rec.Type }

// Tags returns the tags of the segment.
func (s Segment) Tags() []string { return slices.Clone(s.rec.Tags) }

// Areas returns where the stripes lie, in their order. It is empty if the
// segment has no storage, or a type that is not known here.
func (s Segment) Areas() []Area {
	return slices.Clone(areasOf(s.rec))
}

// AreaExtents returns how many extents of the segment each area holds; 0 if
// there are no areas.
func (s Segment) AreaExtents() Extents {
	if body, ok := s.rec.Body.(*metadata.Striped); ok {
		return s.rec.Count / Extents(len(body.Stripes))
	}
	return 0
}

// StripeSize returns how much is put on one stripe before the next one's turn;
// 0 if there is one stripe.
func (s Segment) StripeSize() Bytes {
	if body, ok := s.rec.Body.(*metadata.Striped); ok {
		return sectorBytes(body.StripeSize)
	}
	return 0
}
