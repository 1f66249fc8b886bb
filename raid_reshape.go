package lvm

import (
	"slices"

	"github.com/lvm-go/lvm/metadata"
	"github.com/lvm-go/lvm/units"
)

// addStripes gives a raid more legs, to which its data are dealt out, too. The room
// that is needed for that comes before the data: it is free once they were moved.
func (tx *Tx) addStripes(old *metadata.LogicalVolume, i int, spec ReshapeSpec) error {
	data := raidData(&old.Segments[0])
	more := spec.Stripes - data
	switch {
	case spec.Keep != 0:
		return fault(ErrInvalidSpec, "lv %s becomes larger: all of it is kept", old.Name)
	case more > metadata.MaxRAIDLegs-len(old.Segments[0].Body.Areas()):
		return fault(ErrUnsupported, "a raid has at most %d legs", metadata.MaxRAIDLegs)
	}
	if _, err := tx.reshapable(old); err != nil {
		return err
	}
	if old.Segments[0].ReshapeCount != 0 {
		return errReshaped(old)
	}
	lv, body := raidCopy(old)
	seg := &lv.Segments[0]
	length := seg.AreaLength()
	if Extents(spec.Stripes) > units.MaxExtents/length {
		return fault(ErrInvalidSize, "%d stripes of %d extents", spec.Stripes, uint64(length))
	}
	places, fronts, meta, err := tx.placeLegs(old, more, spec.PVs, spec.Allocation)
	if err != nil {
		return err
	}
	for n := range more {
		leg, err := tx.addedLeg(lv, len(body.Legs), linearSegment(fronts[n], 0, meta), imageSegments(nil, places, n, more))
		if err != nil {
			return err
		}
		body.Legs = append(body.Legs, leg)
	}
	seg.Count = length * Extents(spec.Stripes)
	region := body.RegionSize
	if err := tx.suitRegions(lv, body); err != nil {
		return err
	}
	if body.RegionSize != region {
		return fault(ErrInvalidSize, "lv %s would have too many regions: larger ones are needed, which ChangeRAID makes", old.Name)
	}
	if err := tx.addReshapeRoom(lv, body, body.StripeSize, spec); err != nil {
		return err
	}
	room, ok := seg.ReshapeCount.Sectors(tx.vg.ExtentSize)
	if !ok {
		return fault(ErrInvalidSize, "lv %s is too large", old.Name)
	}
	for n, leg := range body.Legs {
		image := *tx.find(leg.Image)
		if image.Segments, err = roomInFront(&image, length); err != nil {
			return err
		}
		if n < len(body.Legs)-more {
			err = tx.put(tx.indexOf(image.ID), &image)
		} else {
			err = tx.putMeanwhile(tx.indexOf(image.ID), &image, flagged(&image, flagAdded))
		}
		if err != nil {
			return err
		}
	}
	return tx.putReshape(i, lv, body, SegmentType(seg.Type), room)
}

// addedLeg adds a leg that a reshape gives data.
func (tx *Tx) addedLeg(lv *metadata.LogicalVolume, n int, front metadata.Segment, segments []metadata.Segment) (metadata.RAIDLeg, error) {
	leg, image, err := tx.legParts(lv, n, front, segments)
	if err != nil {
		return leg, err
	}
	return leg, tx.put(-1, image)
}

// roomInFront returns the segments of an image with what is behind its first extents
// put before them.
func roomInFront(image *metadata.LogicalVolume, length Extents) ([]metadata.Segment, error) {
	flat := *image
	flat.Segments = slices.Clone(image.Segments)
	for s := range flat.Segments {
		flat.Segments[s].ReshapeCount = 0
	}
	data, err := cutSegments(&flat, length)
	if err != nil {
		return nil, err
	}
	out, err := segmentsFrom(&flat, length)
	if err != nil {
		return nil, err
	}
	room := flat.Extents() - length
	for _, seg := range data {
		seg.Start += room
		out = append(out, seg)
	}
	out[0].ReshapeCount = room
	return out, nil
}

// flagged returns an image with a flag on each of its segments.
func flagged(image *metadata.LogicalVolume, flag string) *metadata.LogicalVolume {
	out := *image
	out.Segments = slices.Clone(image.Segments)
	for s := range out.Segments {
		out.Segments[s].Type += "+" + flag
	}
	return &out
}

// withoutFlags returns an image without any.
func withoutFlags(image *metadata.LogicalVolume) *metadata.LogicalVolume {
	out := *image
	out.Segments = slices.Clone(image.Segments)
	for s := range out.Segments {
		out.Segments[s].Type = out.Segments[s].BaseType()
	}
	return &out
}
