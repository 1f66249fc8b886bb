package lvm

import (
	"slices"
	"strconv"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/metadata"
	"github.com/lvm-go/lvm/units"
)

// RAIDSpec says what a new raid is like. Only Size is required.
type RAIDSpec struct {
	// Name is lvol0, lvol1, ... if empty.
	Name string
	// Size is that of the data, rounded up to whole extents on each image; a
	// percentage is rounded down, and takes what there is if there is less. That of
	// a raid1 or raid10 is a share of the extents that all copies use.
	Size Size
	// Type is raid1 if empty.
	Type SegmentType
	// Mirrors is how many copies a raid1 has beside the first; 1 if zero. That of a
	// raid10 is 1.
	Mirrors int
	// Stripes is to how many images' worth the data is dealt out, without parity and
	// copies; if zero it is the least there can be: 2, or 3 of raid6.
	Stripes int
	// StripeSize is as in [LVSpec].
	StripeSize Bytes
	// RegionSize is how much is brought in sync again where a write may have come to
	// some images only: a power of two, at least 4 KiB and a stripe. It is 2 MiB if
	// zero, less for a smaller volume, and more if there were more than 2²¹ regions.
	RegionSize Bytes
	// NoSync takes the images for alike, which they are not until they are written.
	// What was not written reads differently each time, and cannot be worked out from
	// parity. It is meant for what is written in full before it is read.
	NoSync bool
	// MinRate and MaxRate limit how much of each image is brought in sync, in KiB/s;
	// 0 leaves that to the kernel.
	MinRate, MaxRate uint32
	// The others are as in [LVSpec].
	PVs                      []PVSelection
	Allocation               Allocation
	Tags                     []string
	ReadOnly                 bool
	ReadAhead                ReadAhead
	Minor                    Minor
	Inactive                 bool
	ActivationSkip           bool
	NoAutoActivation         bool
	SkipZero, KeepSignatures bool
	ID                       ID
}

// CreateRAID makes a raid and, with a kernel, activates it, as [Tx.CreateLV] does.
// The kernel then brings its images in sync, which [System.WaitSync] waits for; it
// can be used meanwhile. lvm2: lvcreate --type raid1, ...
//
// Each image is on physical volumes of its own, unless the policy is anywhere, and
// has what the kernel notes of it in front, in an LV of its own, but for raid0.
//
// One that is made inactive, or in image mode, gets these notes from the kernel when it
// is activated first. If the power fails while it makes them on one image after the
// other, it refuses the raid from then on. Nothing was written to it yet: remove it, and
// make it again.
//
// Errors are those of [Tx.CreateLV].
func (tx *Tx) CreateRAID(spec RAIDSpec) (*LogicalVolume, error) {
	var lv *metadata.LogicalVolume
	err := tx.whole(func() (err error) {
		lv, err = tx.createRAID(spec)
		return err
	})
	if err != nil {
		return nil, tx.fail("create raid", spec.Name, err)
	}
	return tx.viewLV(lv), nil
}

func (tx *Tx) createRAID(spec RAIDSpec) (*metadata.LogicalVolume, error) {
	if err := tx.own(); err != nil {
		return nil, err
	}
	active := !spec.Inactive && !spec.ActivationSkip
	if active && tx.st != nil && tx.st.noActivate != nil {
		return nil, tx.st.noActivate
	}
	shape, err := tx.raidShape(spec)
	if err != nil {
		return nil, err
	}
	lv, _, err := tx.newLV(LVSpec{
		Name: spec.Name, Allocation: spec.Allocation, Tags: spec.Tags, ReadOnly: spec.ReadOnly, ReadAhead: spec.ReadAhead, Minor: spec.Minor,
		ActivationSkip: spec.ActivationSkip, NoAutoActivation: spec.NoAutoActivation, ID: spec.ID,
	})
	if err != nil {
		return nil, err
	}
	count, partial, pvs, err := tx.raidSize(spec, shape)
	if err != nil {
		return nil, err
	}
	size, ok := count.Sectors(tx.vg.ExtentSize)
	if !ok {
		return nil, fault(ErrInvalidSize, "%d extents", uint64(count))
	}
	front := Extents(0)
	if shape.region > 0 {
		shape.region = regionsFor(shape.region, size)
	}
	if shape.typ != SegmentRAID0 {
		front = metaExtents(size/Sectors(shape.data), shape.region, tx.vg.ExtentSize)
	}
	pieces, fronts, err := tx.emap.allocateBehind(tx.vg, allocRequest{
		Name: lv.Name, Policy: resolvePolicy(tx.vg, lv, lv.Allocation), Stripes: shape.images, Data: shape.data,
		Front: front, Extents: count, Partial: partial, PVs: pvs, Owned: shape.owned(),
	})
	if err != nil {
		return nil, err
	}
	return lv, tx.putRAID(lv, shape, pieces, fronts, front, spec)
}

// raidSize returns how many extents of data a new raid is to have, and whether
// fewer will do. Source: lvm2 as observed.
func (tx *Tx) raidSize(spec RAIDSpec, shape raidShape) (count Extents, partial bool, pvs []allocPV, err error) {
	if spec.Size.IsZero() {
		return 0, false, nil, fault(ErrInvalidSize, "no size given")
	}
	if pvs, err = tx.selection(spec.PVs); err != nil {
		return 0, false, nil, err
	}
	context := tx.emap.sizeContext(tx.vg, pvs)
	context.Stripes = shape.data
	n, ok := spec.Size.extents(context)
	if ok && spec.Size.IsPercent() && shape.typ == SegmentRAID1 {
		n /= Extents(shape.images)
	}
	if ok && spec.Size.IsPercent() && shape.typ == SegmentRAID10 {
		n /= 2
	}
	if ok {
		n, ok = spec.Size.wholeStripes(n, context)
	}
	if !ok || n == 0 || n > units.MaxExtents {
		return 0, false, nil, fault(ErrInvalidSize, "%s comes to %d extents of data", spec.Size, uint64(n))
	}
	return n, spec.Size.isWish(false), pvs, nil
}

// putRAID adds a new raid with its images.
func (tx *Tx) putRAID(lv *metadata.LogicalVolume, shape raidShape, pieces []allocPiece, fronts []metadata.Area, front Extents, spec RAIDSpec) error {
	body := &metadata.RAID{StripeSize: shape.size, RegionSize: shape.region, MinRate: spec.MinRate, MaxRate: spec.MaxRate}
	if shape.typ == SegmentRAID10 {
		body.Copies = 2
	}
	count := Extents(0)
	for _, p := range pieces {
		count += p.Count
	}
	var parts []*metadata.LogicalVolume
	for i := range shape.images {
		leg := metadata.RAIDLeg{}
		image, err := tx.raidPart(lv, "rimage", i)
		if err != nil {
			return err
		}
		image.Segments = imageSegments(nil, pieces, i, shape.data)
		leg.Image = image.ID
		parts = append(parts, image)
		if front > 0 {
			meta, err := tx.raidPart(lv, "rmeta", i)
			if err != nil {
				return err
			}
			meta.Tags = lv.Tags // as lvm2 does
			meta.Segments = []metadata.Segment{linearSegment(fronts[i], 0, front)}
			leg.Meta = meta.ID
			parts = append(parts, meta)
		}
		body.Legs = append(body.Legs, leg)
	}
	lv.Segments = []metadata.Segment{{Count: count, Type: string(shape.typ), Body: body}}
	lv.Status = withFlag(lv.Status, metadata.LVNotSynced, spec.NoSync)
	for _, part := range append([]*metadata.LogicalVolume{lv}, parts...) {
		if err := tx.put(-1, part); err != nil {
			return err
		}
	}
	active := !spec.Inactive && !spec.ActivationSkip && tx.mayActivate(lv)
	tx.makeMetas(lv, spec.NoSync || shape.typ.isRAID0(), active)
	tx.created = append(tx.created, newLV{
		id: lv.ID, keepHead: spec.SkipZero || spec.ReadOnly, keepSignatures: spec.KeepSignatures || spec.SkipZero || spec.ReadOnly,
	})
	if spec.NoSync {
		tx.onceRAID(lv.ID, func(t *dm.RAID) { t.Sync = dm.RAIDSyncSkip })
	}
	tx.want(lv.ID, wish{activate: active})
	return nil
}

// onceRAID has the kernel told something when the table of a raid is loaded.
func (tx *Tx) onceRAID(id metadata.ID, change func(*dm.RAID)) {
	if tx.once == nil {
		tx.once = map[metadata.ID]func(dm.Target) dm.Target{}
	}
	before := tx.once[id]
	tx.once[id] = func(t dm.Target) dm.Target {
		if before != nil {
			t = before(t)
		}
		if raid, ok := t.(dm.RAID); ok {
			change(&raid)
			return raid
		}
		return t
	}
}

// raidPart returns the record of a new hidden part of a raid, still without
// extents.
func (tx *Tx) raidPart(lv *metadata.LogicalVolume, kind string, n int) (*metadata.LogicalVolume, error) {
	return tx.newPart(raidPartName(lv, kind, n))
}

func raidPartName(lv *metadata.LogicalVolume, kind string, n int) string {
	return lv.Name + "_" + kind + "_" + strconv.Itoa(n)
}

func linearSegment(area metadata.Area, start, count Extents) metadata.Segment {
	return metadata.Segment{Start: start, Count: count, Type: "striped", Body: &metadata.Striped{Stripes: []metadata.Area{area}}}
}

// imageSegments returns the segments of image number i with its share of pieces
// behind them. segs is not changed.
func imageSegments(segs []metadata.Segment, pieces []allocPiece, i, data int) []metadata.Segment {
	segs = slices.Clone(segs)
	for _, p := range pieces {
		start := Extents(0)
		if len(segs) > 0 {
			start = segs[len(segs)-1].Start + segs[len(segs)-1].Count
		}
		segs = append(segs, linearSegment(p.Areas[i], start, p.Count/Extents(data)))
	}
	return joinSegments(segs)
}
