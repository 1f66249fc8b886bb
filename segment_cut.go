package lvm

import (
	"slices"

	"github.com/lvm-go/lvm/metadata"
)

// cutSegment returns a striped segment in parts: cut after the given numbers of
// extents of each of its areas, which need not be in order. What is not within
// the areas cuts nothing.
func cutSegment(seg metadata.Segment, at []Extents) ([]metadata.Segment, error) {
	length := seg.AreaLength()
	at = slices.DeleteFunc(slices.Clone(at), func(n Extents) bool { return n == 0 || n >= length })
	if len(at) == 0 {
		return []metadata.Segment{seg}, nil
	}
	body, ok := seg.Body.(*metadata.Striped)
	if !ok || len(seg.Extra) > 0 || seg.ReshapeCount > 0 {
		return nil, fault(ErrUnsupported, "segment of type %s cannot be cut here", seg.Type)
	}
	slices.Sort(at)
	at = append(slices.Compact(at), length)
	parts := make([]metadata.Segment, len(at))
	from := Extents(0)
	for i, to := range at {
		stripes := slices.Clone(body.Stripes)
		for s := range stripes {
			stripes[s].Start += from
		}
		n := Extents(len(stripes))
		parts[i] = seg
		parts[i].Start, parts[i].Count = seg.Start+from*n, (to-from)*n
		parts[i].Body = &metadata.Striped{StripeSize: body.StripeSize, Stripes: stripes}
		from = to
	}
	return parts, nil
}

// joinSegments makes one of striped segments where one continues the other, as
// lvm2 does. segs is not changed.
func joinSegments(segs []metadata.Segment) []metadata.Segment {
	out := make([]metadata.Segment, 0, len(segs))
	for _, seg := range segs {
		if body, ok := seg.Body.(*metadata.Striped); ok && len(out) > 0 && seg.Type == "striped" &&
			len(seg.Tags) == 0 && len(seg.Extra) == 0 && seg.ReshapeCount == 0 && continues(&out[len(out)-1], body) {
			out[len(out)-1].Count += seg.Count
			continue
		}
		out = append(out, seg)
	}
	return out
}
