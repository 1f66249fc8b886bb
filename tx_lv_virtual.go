package lvm

import (
	"slices"

	"github.com/lvm-go/lvm/metadata"
	"github.com/lvm-go/lvm/units"
)

// SegmentType is how the extents of a logical volume, or of a part of it, are
// mapped. The zero value is what is usual: linear or striped for a new volume,
// by the number of its stripes, and for one that grows what its end is.
type SegmentType string

// The types of segments that can be created here, under lvm2's names.
const (
	SegmentLinear  SegmentType = "linear"
	SegmentStriped SegmentType = "striped"
	// SegmentError has no storage: all access fails.
	SegmentError SegmentType = "error"
	// SegmentZero has no storage: it reads as zeroes, and what is written is lost.
	SegmentZero SegmentType = "zero"
)

// virtual says whether segments of the type have no storage.
func (t SegmentType) virtual() bool { return t == SegmentError || t == SegmentZero }

// check refuses what does not go with the type of new extents.
func (t SegmentType) check(stripes int, size Bytes, pvs []PVSelection) error {
	switch {
	case stripes < 0:
		return fault(ErrInvalidSpec, "%d stripes", stripes)
	case t == "" || t == SegmentStriped:
		return nil
	case t == SegmentLinear && stripes > 1:
		return fault(ErrInvalidSpec, "%d stripes of type linear", stripes)
	case t == SegmentLinear:
		return nil
	case !t.virtual():
		return fault(ErrUnsupported, "segments of type %s cannot be created here", string(t))
	case stripes > 1 || size != 0 || len(pvs) > 0:
		return fault(ErrInvalidSpec, "segments of type %s lie nowhere: stripes and physical volumes cannot be chosen", string(t))
	}
	return nil
}

// endType returns the type that more extents of a volume have by themselves:
// that of its last segment.
func endType(lv *metadata.LogicalVolume) SegmentType {
	if len(lv.Segments) > 0 {
		last := &lv.Segments[len(lv.Segments)-1]
		if _, ok := last.Body.(*metadata.Virtual); ok {
			return SegmentType(last.Type)
		}
	}
	return ""
}

// appendVirtual returns the segments of lv with extents without storage behind
// them.
func appendVirtual(lv *metadata.LogicalVolume, typ SegmentType, count Extents) []metadata.Segment {
	segs := slices.Clone(lv.Segments)
	next := metadata.Segment{Count: count, Type: string(typ), Body: &metadata.Virtual{}}
	if len(segs) > 0 {
		last := &segs[len(segs)-1]
		if last.Type == next.Type && len(last.Tags) == 0 && len(last.Extra) == 0 && last.ReshapeCount == 0 {
			last.Count += count
			return segs
		}
		next.Start = last.Start + last.Count
	}
	return append(segs, next)
}

// growVirtual gives lv, a record of the transaction's own, extents without
// storage. If they have their type from the end of a striped volume, there are
// whole stripes of them. Source: lvm2 as observed.
func (tx *Tx) growVirtual(lv *metadata.LogicalVolume, want Extents, g growth) error {
	have := lv.Extents()
	n := Extents(g.shape.stripes)
	if rest := want % n; rest != 0 {
		want += n - rest
	}
	if want == 0 || want > units.MaxExtents || want+have > units.MaxExtents {
		return fault(ErrInvalidSize, "%d extents added to %d: from 1 to %d in all are possible", want, have, units.MaxExtents)
	}
	lv.Segments = appendVirtual(lv, g.typ, want)
	return nil
}
