package lvm

import (
	"slices"

	"github.com/lvm-go/lvm/metadata"
)

// asRAID0 makes a raid0 of a volume with stripes: each of these becomes an image.
func (tx *Tx) asRAID0(old *metadata.LogicalVolume, i int) error {
	if err := tx.mayBeLeg(old); err != nil {
		return err
	}
	first := old.Segments[0].Body.(*metadata.Striped)
	n := len(first.Stripes)
	if n < 2 || n > metadata.MaxRAIDLegs || first.StripeSize < minRegionSize.Sectors() {
		return fault(ErrUnsupported, "lv %s has %d stripes: a raid0 has 2 to %d", old.Name, n, metadata.MaxRAIDLegs)
	}
	images := make([]*metadata.LogicalVolume, n)
	body := &metadata.RAID{StripeSize: first.StripeSize}
	for k := range images {
		image, err := tx.raidPart(old, "rimage", k)
		if err != nil {
			return err
		}
		images[k] = image
		body.Legs = append(body.Legs, metadata.RAIDLeg{Image: image.ID})
	}
	for s := range old.Segments {
		seg := &old.Segments[s]
		striped := seg.Body.(*metadata.Striped)
		if len(striped.Stripes) != n || striped.StripeSize != first.StripeSize || len(seg.Extra) > 0 || len(seg.Tags) > 0 {
			return fault(ErrUnsupported, "the segments of lv %s do not have all the same stripes", old.Name)
		}
		for k, area := range striped.Stripes {
			images[k].Segments = append(images[k].Segments, linearSegment(area, seg.Start/Extents(n), seg.Count/Extents(n)))
		}
	}
	lv := *old
	lv.Segments = []metadata.Segment{{Count: old.Extents(), Type: string(SegmentRAID0), Body: body}}
	if err := tx.put(i, &lv); err != nil {
		return err
	}
	for _, image := range images {
		image.Segments = joinSegments(image.Segments)
		if err := tx.put(-1, image); err != nil {
			return err
		}
	}
	return nil
}

// withMetas makes a raid0 a raid0_meta. The metadata of each leg comes to lie on a
// physical volume that it is on.
func (tx *Tx) withMetas(old *metadata.LogicalVolume, i int) error {
	lv, body := raidCopy(old)
	lv.Segments[0].Type = string(SegmentRAID0Meta)
	size, ok := old.Segments[0].AreaLength().Sectors(tx.vg.ExtentSize)
	if !ok {
		return fault(ErrInvalidSize, "lv %s is too large", old.Name)
	}
	front := metaExtents(size, 0, tx.vg.ExtentSize)
	for n := range body.Legs {
		meta, err := tx.metaBeside(old, n, tx.find(body.Legs[n].Image), front, tx.emap)
		if err != nil {
			return err
		}
		body.Legs[n].Meta = meta.ID
		if err := tx.put(-1, meta); err != nil {
			return err
		}
	}
	if err := tx.put(i, lv); err != nil {
		return err
	}
	tx.makeMetas(lv, true, tx.staysActive(lv.ID))
	return nil
}

// dataLegs returns the legs of a raid that hold all its data, in their order;
// nil if there are none that do.
func dataLegs(seg *metadata.Segment) []int {
	body := seg.Body.(*metadata.RAID)
	n, step := len(body.Legs), 1
	switch typ := SegmentType(seg.BaseType()); {
	case typ.isRAID0():
	case typ == SegmentRAID5N || typ == SegmentRAID6N6:
		n -= metadata.RAIDParity(string(typ))
	case typ == SegmentRAID10 && body.DataCopies(string(typ)) == 2 && n%2 == 0:
		step = 2
	default:
		return nil
	}
	var out []int
	for leg := 0; leg < n; leg += step {
		out = append(out, leg)
	}
	return out
}

// onlyData makes a raid0 of a raid: the legs that hold the data stay, without
// metadata.
func (tx *Tx) onlyData(old *metadata.LogicalVolume, i int) error {
	return tx.dropCopies(old, i, SegmentRAID0)
}

// dropCopies makes a raid0, or a raid0_meta, of a raid: the legs that hold the data stay.
func (tx *Tx) dropCopies(old *metadata.LogicalVolume, i int, to SegmentType) error {
	if err := tx.plainImages(old); err != nil {
		return err
	}
	lv, body := raidCopy(old)
	stay := dataLegs(&old.Segments[0])
	if len(stay) < 2 {
		return fault(ErrUnsupported, "lv %s has the data of %d legs: a raid0 has 2", old.Name, len(stay))
	}
	lv.Segments[0].Type = string(to)
	lv.Status &^= metadata.LVNotSynced
	*body = metadata.RAID{StripeSize: body.StripeSize}
	var gone []*metadata.LogicalVolume
	for n, leg := range old.Segments[0].Body.(*metadata.RAID).Legs {
		stays := slices.Contains(stay, n)
		if !leg.Meta.IsZero() && (!stays || to == SegmentRAID0) {
			gone = append(gone, tx.find(leg.Meta))
			leg.Meta = metadata.ID{}
		}
		if stays {
			body.Legs = append(body.Legs, leg)
		} else {
			gone = append(gone, tx.find(leg.Image))
		}
	}
	tx.dropAll(gone)
	for _, leg := range body.Legs {
		image := *tx.find(leg.Image)
		image.Status &^= metadata.LVRebuild
		if err := tx.put(tx.indexOf(leg.Image), &image); err != nil {
			return err
		}
	}
	if err := tx.renumberLegs(lv, body.Legs); err != nil {
		return err
	}
	return tx.put(i, lv)
}

// asStriped makes a volume with stripes of a raid0.
func (tx *Tx) asStriped(old *metadata.LogicalVolume, i int) error {
	body := old.Segments[0].Body.(*metadata.RAID)
	n := Extents(len(body.Legs))
	images := tx.images(body)
	var cuts []Extents
	for _, image := range images {
		for s := range image.Segments {
			seg := &image.Segments[s]
			if striped, ok := seg.Body.(*metadata.Striped); !ok || len(striped.Stripes) != 1 {
				return fault(ErrUnsupported, "image %s has a segment of type %s with other than one stripe", image.Name, seg.Type)
			}
			cuts = append(cuts, seg.Start+seg.Count)
		}
	}
	slices.Sort(cuts)
	lv, from := *old, Extents(0)
	lv.Segments = nil
	for _, to := range slices.Compact(cuts) {
		striped := &metadata.Striped{StripeSize: body.StripeSize}
		for _, image := range images {
			seg := segmentAt(image, from)
			if seg == nil {
				return fault(ErrDamaged, "the images of lv %s differ in length", old.Name)
			}
			area := seg.Body.(*metadata.Striped).Stripes[0]
			area.Start += from - seg.Start
			striped.Stripes = append(striped.Stripes, area)
		}
		lv.Segments = append(lv.Segments, metadata.Segment{Start: from * n, Count: (to - from) * n, Type: "striped", Body: striped})
		from = to
	}
	lv.Segments = joinSegments(lv.Segments)
	tx.dropAll(images)
	return tx.put(i, &lv)
}
