package lvm

import (
	"slices"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/metadata"
	"github.com/lvm-go/lvm/units"
)

// ReshapeSpec says how the data of a raid are dealt out to its images from now on.
// What is zero stays as it is.
type ReshapeSpec struct {
	// Type is another layout of the same level.
	Type SegmentType
	// Stripes is to how many images' worth the data are dealt out, without parity. The
	// volume becomes larger, or smaller, by as much.
	Stripes int
	// Keep says how much from the start of the volume is needed, where it becomes
	// smaller. It is refused if that is more than what is left.
	Keep Bytes
	// StripeSize is as in [LVSpec].
	StripeSize Bytes
	// PVs and Allocation are as in [ReplaceSpec] for images that are added, and for the
	// room that all need while their data are moved.
	PVs        []PVSelection
	Allocation Allocation
}

// minReshapeRoom is the least room that each image gets. Source: lvm2 as observed.
const minReshapeRoom = units.MiB

// The suffixes of the type of a raid that is or was reshaped.
const (
	flagReshape       = "+RESHAPE"
	flagReshapeOffset = "+RESHAPE_DATA_OFFSET"
)

// Those of the types of images that a reshape adds or takes away.
const (
	flagAdded = "RESHAPE_DELTA_DISKS_PLUS"
	flagTaken = "RESHAPE_DELTA_DISKS_MINUS"
	// That one is taken away already.
	flagRemoved = "REMOVE_AFTER_RESHAPE"
)

// ReshapeRAID gives a raid4, raid5 or raid6 another layout, stripes of another size, or
// more or fewer of them, while it is in use. The kernel moves all data for that, which
// [System.WaitSync] waits for, and goes on where it was if the raid is activated
// again, or the machine crashed. Each image gets room, 1 MiB or two stripes at least, so
// that data are never written over what they are moved from. [Tx.EndReshape] takes that
// off again. Until then the raid can get another layout or stripe size once more, but
// not be resized, or become a part of something else. lvm2: lvconvert --type,
// --stripesize, --stripes.
//
// With more stripes the volume is larger; it fails I/O behind its former end until the
// reshape is done. With fewer it becomes smaller at once: what is behind that is lost,
// so Keep has to say how much is needed. To lose nothing, extend it first, by as many
// times as the stripes become fewer, and wait for that. The legs that are freed stay
// parts of it until EndReshape, and so does its size in the metadata.
//
// If the power fails in the moment in which the kernel notes on the legs that they
// become more or fewer, or that it is done with that, activate the raid here: lvm2 may not
// be able to.
//
// Refused are fewer than three stripes of a raid6, and to reshape a raid10: make a new
// raid, and copy. A raid of two legs, made of a raid1, can get more stripes, and only
// then all else.
//
// Returns an error matching [ErrLVNotFound]; [ErrInvalidSpec] if it is no such raid, or
// all is as asked for, or Keep is missing; [ErrInvalidSize] if less than Keep is left;
// [ErrUnsupported] for types of another level, for volumes with snapshots or checksums,
// and for parts of others that would become smaller; [ErrNotActive]; [ErrNotInSync] and
// [ErrDegraded] if its legs are not all there and in sync; [ErrBusy] if something else is
// being done with it; and a *[SpaceError] if there is no room.
func (tx *Tx) ReshapeRAID(ref string, spec ReshapeSpec) error {
	return tx.fail("reshape raid", ref, tx.whole(func() error {
		lv, i, err := tx.lvToChange(ref)
		if err == nil {
			err = tx.reshape(lv, i, spec)
		}
		return err
	}))
}

// kernelLayout returns the kernel's name of a type of raids.
func kernelLayout(typ SegmentType) string {
	if name, ok := raidLayouts[string(typ)]; ok {
		return name
	}
	return string(typ)
}

func (tx *Tx) reshape(old *metadata.LogicalVolume, i int, spec ReshapeSpec) error {
	if _, ok := kindOf(old).(raidType); !ok {
		return fault(ErrInvalidSpec, "lv %s is no raid", old.Name)
	}
	typ := SegmentType(old.Segments[0].BaseType())
	to, level := spec.Type, raidLevel(typ)
	if to == "" {
		to = typ
	}
	switch {
	case level == "":
		return fault(ErrUnsupported, "a %s is not reshaped: make a new raid, and copy", typ)
	case !reshapedTo(typ, to):
		return errTakeover(typ, to)
	case raidData(&old.Segments[0]) < 2 && spec.Stripes < 2:
		return fault(ErrUnsupported, "lv %s has the data of one leg: give it more stripes first", old.Name)
	}
	lv, body := raidCopy(old)
	if spec.StripeSize != 0 {
		shape, err := tx.shape(raidData(&old.Segments[0]), spec.StripeSize)
		if err != nil {
			return err
		}
		body.StripeSize = shape.size
	}
	was := old.Segments[0].Body.(*metadata.RAID)
	if data := raidData(&old.Segments[0]); spec.Stripes != 0 && spec.Stripes != data {
		if kernelLayout(to) != kernelLayout(typ) || body.StripeSize != was.StripeSize {
			return fault(ErrInvalidSpec, "either the number of stripes is changed, or what else is: one after the other")
		}
		if spec.Stripes < data {
			return tx.fewerStripes(old, i, spec)
		}
		return tx.addStripes(old, i, spec)
	}
	if spec.Keep != 0 {
		return fault(ErrInvalidSpec, "lv %s does not become smaller: all of it is kept", old.Name)
	}
	if kernelLayout(to) == kernelLayout(typ) && body.StripeSize == was.StripeSize {
		return fault(ErrInvalidSpec, "lv %s is dealt out like that already", old.Name)
	}
	if body.StripeSize > body.RegionSize {
		return fault(ErrInvalidSpec, "stripes of %s are larger than the regions of lv %s: ChangeRAID makes those larger", sectorBytes(body.StripeSize), old.Name)
	}
	if _, err := tx.reshapable(old); err != nil {
		return err
	}
	if lv.Segments[0].ReshapeCount == 0 {
		if err := tx.addReshapeRoom(lv, body, max(body.StripeSize, was.StripeSize), spec); err != nil {
			return err
		}
	}
	room, ok := lv.Segments[0].ReshapeCount.Sectors(tx.vg.ExtentSize)
	if !ok || room < 2*max(body.StripeSize, was.StripeSize) {
		return fault(ErrBusy, "lv %s has too little room for such stripes: EndReshape takes it off", old.Name)
	}
	return tx.putReshape(i, lv, body, to, room)
}

// putReshape replaces the record of a raid whose data are moved. What the kernel is to
// begin stands in the text until it has noted that.
func (tx *Tx) putReshape(i int, lv *metadata.LogicalVolume, body *metadata.RAID, to SegmentType, room Sectors) error {
	lv.Segments[0].Type = string(to) + flagReshape + flagReshapeOffset
	now := *lv
	begun := *body
	begun.DataOffset, begun.HasDataOffset = room, true
	now.Segments = slices.Clone(lv.Segments)
	now.Segments[0].Body = &begun
	return tx.putMeanwhile(i, lv, &now)
}

// reshapable refuses raids whose data cannot be moved now. It returns where on the
// images they begin.
func (tx *Tx) reshapable(lv *metadata.LogicalVolume) (Sectors, error) {
	if _, cow := tx.snapshotBy(lv.ID); cow || len(tx.snapshotsOf(lv.ID)) > 0 || len(tx.ties().users[lv.ID]) > 0 {
		return 0, fault(ErrUnsupported, "lv %s has snapshots, is one, or is shared by others: it is not reshaped", lv.Name)
	}
	seg, body := &lv.Segments[0], lv.Segments[0].Body.(*metadata.RAID)
	if body.HasDataOffset {
		return 0, fault(ErrBusy, "lv %s: what the kernel was told of a reshape is not confirmed: Recover does that", lv.Name)
	}
	if err := tx.calmRAID(lv); err != nil {
		return 0, err
	}
	if err := tx.plainImages(lv); err != nil {
		return 0, err
	}
	if !tx.staysActive(lv.ID) {
		return 0, fault(ErrNotActive, "lv %s has to be active: the kernel moves its data", lv.Name)
	}
	check := tx.checkAllLegs
	if tx.isReshapedToFewer(lv) {
		check = tx.checkFreed
	}
	if err := check(lv); err != nil {
		return 0, err
	}
	s, err := tx.raidStatus(lv)
	if err != nil {
		return 0, err
	}
	room, ok := seg.ReshapeCount.Sectors(tx.vg.ExtentSize)
	switch at := s.DataOffset.Sectors(); {
	case s.Action != dm.RAIDIdle:
		return 0, fault(ErrBusy, "the kernel's state of lv %s is %s", lv.Name, string(s.Action))
	case !ok || at != 0 && at != room:
		return 0, fault(ErrUnsupported, "the data of lv %s begin at sector %d of its images, which have room of %d", lv.Name, uint64(at), uint64(room))
	default:
		return at, nil
	}
}

// addReshapeRoom makes each image of a raid longer.
func (tx *Tx) addReshapeRoom(lv *metadata.LogicalVolume, body *metadata.RAID, stripe Sectors, spec ReshapeSpec) error {
	policy, pvs, err := tx.place(spec.Allocation, spec.PVs)
	if err != nil {
		return err
	}
	seg := &lv.Segments[0]
	room := max(minReshapeRoom.Sectors(), 2*stripe).ExtentsUp(tx.vg.ExtentSize)
	data := Extents(raidData(seg))
	pieces, err := tx.emap.allocate(tx.vg, allocRequest{
		LV: tx.flatRAID(lv), Name: lv.Name, Policy: resolvePolicy(tx.vg, lv, policy), PVs: pvs,
		Stripes: len(body.Legs), Data: int(data), Extents: room * data, Owned: tx.raidPVs(body, seg.BaseType()),
	})
	if err != nil {
		return err
	}
	seg.Count, seg.ReshapeCount = seg.Count+room*data, room
	for n, leg := range body.Legs {
		image := *tx.find(leg.Image)
		image.Segments = imageSegments(image.Segments, pieces, n, int(data))
		image.Segments[0].ReshapeCount = room
		if err := tx.put(tx.indexOf(image.ID), &image); err != nil {
			return err
		}
	}
	return nil
}

// EndReshape takes the room off a raid that a reshape has needed, here or in lvm2, once
// the kernel is done with it, and the legs that it has freed. lvm2: lvconvert, with what the raid is like already.
//
// Returns errors as [Tx.ReshapeRAID] does, and one matching [ErrInvalidSpec] if there is
// no such room.
func (tx *Tx) EndReshape(ref string) error {
	return tx.fail("end reshape", ref, tx.whole(func() error {
		old, i, err := tx.lvToChange(ref)
		if err != nil {
			return err
		}
		if _, ok := kindOf(old).(raidType); !ok || old.Segments[0].ReshapeCount == 0 {
			return fault(ErrInvalidSpec, "lv %s has no room for a reshape", old.Name)
		}
		if raidLevel(SegmentType(old.Segments[0].BaseType())) == "" {
			return fault(ErrUnsupported, "lv %s is of type %s: lvm2 has to take its room off", old.Name, old.Segments[0].Type)
		}
		at, err := tx.reshapable(old)
		if err != nil {
			return err
		}
		return tx.endReshape(old, i, at)
	}))
}

func (tx *Tx) endReshape(old *metadata.LogicalVolume, i int, at Sectors) error {
	lv, body := raidCopy(withoutFreed(old, tx.find))
	seg := &lv.Segments[0]
	room, length := seg.ReshapeCount, seg.AreaLength()
	if room >= length {
		return fault(ErrDamaged, "lv %s has images of %d extents, and room of %d in them", lv.Name, uint64(length), uint64(room))
	}
	if len(body.Legs) < len(old.Segments[0].Body.(*metadata.RAID).Legs) && at == 0 {
		return fault(ErrDamaged, "lv %s has fewer legs, but its data were not moved", lv.Name)
	}
	for _, leg := range body.Legs {
		image := *tx.find(leg.Image)
		image.Segments = slices.Clone(image.Segments)
		for s := range image.Segments {
			image.Segments[s].ReshapeCount = 0
		}
		var err error
		if at == 0 {
			image.Segments, err = cutSegments(&image, length-room)
		} else {
			image.Segments, err = segmentsFrom(&image, room)
		}
		if err != nil {
			return err
		}
		if err := tx.put(tx.indexOf(image.ID), &image); err != nil {
			return err
		}
	}
	for _, leg := range old.Segments[0].Body.(*metadata.RAID).Legs[len(body.Legs):] {
		tx.drop(tx.indexOf(leg.Meta))
		tx.drop(tx.indexOf(leg.Image))
	}
	seg.Count, seg.ReshapeCount, seg.Type = shownExtents(seg), 0, seg.BaseType()
	w := tx.wishes[lv.ID]
	w.refresh = true // it is to see its images as they are
	tx.want(lv.ID, w)
	if at == 0 {
		return tx.put(i, lv)
	}
	// The kernel has noted that the data begin behind the room.
	now := *lv
	moved := *body
	moved.DataOffset, moved.HasDataOffset = 0, true
	now.Segments = slices.Clone(lv.Segments)
	now.Segments[0].Type += flagReshapeOffset
	now.Segments[0].Body = &moved
	return tx.putMeanwhile(i, lv, &now)
}

// segmentsFrom returns the segments of an image without its first extents.
func segmentsFrom(image *metadata.LogicalVolume, n Extents) ([]metadata.Segment, error) {
	var out []metadata.Segment
	for _, seg := range image.Segments {
		switch {
		case seg.Start+seg.Count <= n:
			continue
		case seg.Start < n:
			parts, err := cutSegment(seg, []Extents{n - seg.Start})
			if err != nil {
				return nil, err
			}
			seg = parts[1]
		}
		seg.Start -= n
		out = append(out, seg)
	}
	return out, nil
}

// withoutRoom refuses a raid with room for a reshape: others would take that for a part
// of the volume.
func withoutRoom(lv *metadata.LogicalVolume) error {
	if userExtents(lv) != lv.Extents() {
		return errReshaped(lv)
	}
	return nil
}

func errReshaped(lv *metadata.LogicalVolume) error {
	return fault(ErrBusy, "lv %s is being reshaped, or has room for that: once it is done, EndReshape takes that off", lv.Name)
}
