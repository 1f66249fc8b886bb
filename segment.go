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
func (s Segment) AreaExtents() Extents { return s.rec.AreaLength() }

// StripeSize returns how much is put on one stripe, or image of a raid, before
// the next one's turn; 0 if there is one stripe, or the images are alike.
func (s Segment) StripeSize() Bytes {
	switch body := s.rec.Body.(type) {
	case *metadata.Striped:
		return sectorBytes(body.StripeSize)
	case *metadata.RAID:
		return sectorBytes(body.StripeSize)
	}
	return 0
}

// RegionSize returns how much of a mirror or raid is brought in sync again where
// it may differ after a crash; 0 if the segment is neither.
func (s Segment) RegionSize() Bytes {
	switch body := s.rec.Body.(type) {
	case *metadata.Mirror:
		return sectorBytes(body.RegionSize)
	case *metadata.RAID:
		return sectorBytes(body.RegionSize)
	}
	return 0
}

// ChunkSize returns how much a thin pool or a cache deals with at a time; 0 if the
// segment is of neither. That of a volume with a cache pool is the pool's, that of
// a snapshot [LogicalVolume.ChunkSize].
func (s Segment) ChunkSize() Bytes {
	switch body := s.rec.Body.(type) {
	case *metadata.ThinPool:
		return sectorBytes(body.ChunkSize)
	case *metadata.CachePool:
		return sectorBytes(body.ChunkSize)
	case *metadata.Cache:
		return sectorBytes(body.ChunkSize)
	}
	return 0
}
