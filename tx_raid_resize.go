package lvm

import (
	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/metadata"
	"github.com/lvm-go/lvm/units"
)

// extend gives each image of a raid more extents.
func (raidType) extend(tx *Tx, old *metadata.LogicalVolume, i int, size Size, spec ExtendSpec) error {
	seg := &old.Segments[0]
	body := seg.Body.(*metadata.RAID)
	if err := tx.resizableRAID(old); err != nil {
		return err
	}
	switch {
	case spec.Type != "" && string(spec.Type) != seg.Type:
		return fault(ErrInvalidSpec, "a %s grows by nothing but the same", seg.Type)
	case spec.Stripes != 0 && spec.Stripes != raidData(seg) && seg.BaseType() != "raid1", seg.BaseType() == "raid1" && spec.Stripes > 1:
		return fault(ErrInvalidSpec, "a %s cannot be extended with another number of stripes", seg.Type)
	case spec.StripeSize != 0 && spec.StripeSize.Sectors() != body.StripeSize:
		return fault(ErrInvalidSpec, "a %s cannot be extended with stripes of another size", seg.Type)
	}
	if _, err := lvPolicy(spec.Allocation); err != nil {
		return err
	}
	pvs, err := tx.selection(spec.PVs)
	if err != nil {
		return err
	}
	have := seg.Count
	context := tx.emap.sizeContext(tx.vg, pvs)
	context.LV, context.Resize = have, true
	want, ok := size.extents(context)
	share, data := size.isShare(), Extents(raidData(seg))
	if ok && spec.By.IsZero() {
		used := have
		if share {
			used = tx.raidExtents(body)
		}
		if want <= used {
			return fault(ErrInvalidSize, "size of %d extents is not more than the present %d", uint64(want), uint64(used))
		}
		want -= used
	}
	if share {
		want /= Extents(raidCopies(seg))
	}
	if ok && share && !SegmentType(seg.Type).isRAID0() {
		want -= want % data
	} else if context.Stripes = int(data); ok {
		want, ok = size.wholeStripes(want, context)
	}
	if !ok || want == 0 || want > units.MaxExtents || have+want > units.MaxExtents {
		return fault(ErrInvalidSize, "%d extents added to %d", uint64(want), uint64(have))
	}
	pieces, err := tx.emap.allocate(tx.vg, allocRequest{
		LV: tx.flatRAID(old), Name: old.Name, Policy: resolvePolicy(tx.vg, old, spec.Allocation), PVs: pvs,
		Stripes: len(body.Legs), Data: int(data), Extents: want,
		Partial: size.isWish(true) || share && spec.By.IsZero(), Owned: tx.raidPVs(body, seg.BaseType()),
	})
	if err != nil {
		return err
	}
	lv, next := raidCopy(old)
	for _, p := range pieces {
		lv.Segments[0].Count += p.Count
	}
	if err := tx.suitRegions(lv, next); err != nil {
		return err
	}
	for n, leg := range next.Legs {
		image := *tx.find(leg.Image)
		image.Segments = imageSegments(image.Segments, pieces, n, int(data))
		if err := tx.put(tx.indexOf(image.ID), &image); err != nil {
			return err
		}
	}
	if lv.Status&metadata.LVNotSynced != 0 && tx.staysActive(lv.ID) {
		tx.onceRAID(lv.ID, func(t *dm.RAID) { t.Sync = dm.RAIDSyncSkip })
	}
	if spec.ResizeFS {
		tx.resizeFS(lv.ID)
	}
	return tx.put(i, lv)
}

// reduce takes extents off the end of each image of a raid.
func (raidType) reduce(tx *Tx, old *metadata.LogicalVolume, i int, size Size, spec ReduceSpec) error {
	seg := &old.Segments[0]
	if err := tx.resizableRAID(old); err != nil {
		return err
	}
	have, data := seg.Count, Extents(raidData(seg))
	context := tx.emap.sizeContext(tx.vg, nil)
	context.LV, context.Resize = have, spec.By.IsZero()
	n, ok := size.extents(context)
	if !ok {
		return fault(ErrInvalidSize, "%s", size)
	}
	// What goes is rounded down to whole extents of each image, what stays up.
	if spec.By.IsZero() {
		n += (data - n%data) % data
	} else {
		if n >= have {
			return fault(ErrInvalidSize, "%d extents are to be taken off %d: one has to stay", uint64(n), uint64(have))
		}
		n = have - n/data*data
	}
	if n == 0 || n >= have {
		return fault(ErrInvalidSize, "size of %d extents, of which each image has the same number, is not less than the present %d, or none", uint64(n), uint64(have))
	}
	if user := tx.userBeyond(old.ID, n); user != nil {
		return fault(ErrBusy, "lv %s lies on what would go", user.Name)
	}
	lv, next := raidCopy(old)
	lv.Segments[0].Count = n
	if err := tx.suitRegions(lv, next); err != nil {
		return err
	}
	for _, leg := range next.Legs {
		image := *tx.find(leg.Image)
		segments, err := cutSegments(&image, n/data)
		if err != nil {
			return err
		}
		image.Segments = segments
		if err := tx.put(tx.indexOf(image.ID), &image); err != nil {
			return err
		}
	}
	if err := tx.put(i, lv); err != nil {
		return err
	}
	w := tx.wishes[lv.ID]
	w.closed = !spec.AllowOpen && !spec.ResizeFS
	tx.want(lv.ID, w)
	tx.noteCut(lv.ID, n)
	if spec.ResizeFS {
		tx.resizeFS(lv.ID)
	}
	return nil
}

// isShare says whether a size is a share of extents of physical volumes.
func (s Size) isShare() bool {
	return s.kind == sizePercentFree || s.kind == sizePercentVG || s.kind == sizePercentPVS
}

// raidExtents returns how many extents of physical volumes a raid uses.
func (tx *Tx) raidExtents(body *metadata.RAID) Extents {
	n := Extents(0)
	for _, leg := range body.Legs {
		for _, part := range []*metadata.LogicalVolume{tx.find(leg.Image), tx.find(leg.Meta)} {
			if part != nil {
				n = satAdd(n, part.Extents())
			}
		}
	}
	return n
}

// raidPVs returns the physical volumes that each image of a raid with something to
// lose is on.
func (tx *Tx) raidPVs(body *metadata.RAID, typ string) []pvSet {
	if SegmentType(typ).isRAID0() {
		return nil
	}
	out := make([]pvSet, len(body.Legs))
	for i, leg := range body.Legs {
		out[i] = pvSet{}
		for _, part := range []*metadata.LogicalVolume{tx.find(leg.Image), tx.find(leg.Meta)} {
			if part == nil {
				continue
			}
			for _, area := range areasOnPVs(part, tx.find) {
				out[i][area.PV] = true
			}
		}
	}
	return out
}

// raidCopy returns copies of the record and body of a raid that may be changed.
func raidCopy(old *metadata.LogicalVolume) (*metadata.LogicalVolume, *metadata.RAID) {
	lv := *old
	body := *old.Segments[0].Body.(*metadata.RAID)
	body.Legs = append([]metadata.RAIDLeg(nil), body.Legs...)
	lv.Segments = []metadata.Segment{old.Segments[0]}
	lv.Segments[0].Body = &body
	return &lv, &body
}

// raidData returns how many images' worth of data a raid has.
func raidData(seg *metadata.Segment) int {
	body := seg.Body.(*metadata.RAID)
	return (len(body.Legs) - metadata.RAIDParity(seg.BaseType())) / body.DataCopies(seg.BaseType())
}

// raidCopies returns how often a raid has its data, parity not counted.
func raidCopies(seg *metadata.Segment) int {
	return seg.Body.(*metadata.RAID).DataCopies(seg.BaseType())
}

// resizableRAID refuses raids whose images cannot be made longer or shorter.
func (tx *Tx) resizableRAID(lv *metadata.LogicalVolume) error {
	if err := tx.plainRAID(lv); err != nil {
		return err
	}
	return tx.plainImages(lv)
}

// plainImages refuses raids whose images are not on physical volumes themselves.
func (tx *Tx) plainImages(lv *metadata.LogicalVolume) error {
	for _, leg := range lv.Segments[0].Body.(*metadata.RAID).Legs {
		for i := range tx.find(leg.Image).Segments {
			if _, ok := tx.find(leg.Image).Segments[i].Body.(*metadata.Striped); !ok {
				return fault(ErrUnsupported, "image %s is of type %s: it cannot be resized", tx.nameOf(leg.Image), tx.find(leg.Image).Segments[i].Type)
			}
		}
	}
	return nil
}

// plainRAID refuses raids that something else is being done with.
func (tx *Tx) plainRAID(lv *metadata.LogicalVolume) error {
	seg := &lv.Segments[0]
	if seg.Type != seg.BaseType() || seg.ReshapeCount != 0 {
		return errReshaped(lv)
	}
	return tx.calmRAID(lv)
}

// calmRAID refuses raids whose parts something else is being done with.
func (tx *Tx) calmRAID(lv *metadata.LogicalVolume) error {
	for _, leg := range lv.Segments[0].Body.(*metadata.RAID).Legs {
		image := tx.find(leg.Image)
		if image == nil {
			return fault(ErrDamaged, "lv %s has an image that is not there", lv.Name)
		}
		if image.Status&metadata.LVVisible != 0 {
			return errTracked(image, lv)
		}
		for _, part := range []metadata.ID{leg.Image, leg.Meta} {
			if part.IsZero() {
				continue
			}
			if rec := tx.find(part); rec != nil {
				if err := notMoving(rec); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// suitRegions makes the regions of a raid larger if it would have too many.
// What the kernel keeps of them has to fit.
func (tx *Tx) suitRegions(lv *metadata.LogicalVolume, body *metadata.RAID) error {
	seg := &lv.Segments[0]
	if body.RegionSize == 0 {
		return nil
	}
	size, ok := seg.Count.Sectors(tx.vg.ExtentSize)
	if !ok {
		return fault(ErrInvalidSize, "%d extents", uint64(seg.Count))
	}
	for size/body.RegionSize > maxRegions {
		body.RegionSize *= 2
	}
	need := metaExtents(size/Sectors(raidData(seg)), body.RegionSize, tx.vg.ExtentSize)
	for _, leg := range body.Legs {
		if meta := tx.find(leg.Meta); meta != nil && meta.Extents() < need {
			return fault(ErrInvalidSize, "%d regions do not fit in the %d extents of %s: larger ones are needed, which ChangeRAID makes",
				uint64(size/body.RegionSize), uint64(meta.Extents()), meta.Name)
		}
	}
	return nil
}

// flatRAID returns a raid as though its images lay on physical volumes themselves:
// what the allocator continues.
func (tx *Tx) flatRAID(lv *metadata.LogicalVolume) *metadata.LogicalVolume {
	seg := &lv.Segments[0]
	body := seg.Body.(*metadata.RAID)
	flat := *lv
	first, last := &metadata.Striped{}, &metadata.Striped{}
	for _, leg := range body.Legs {
		segs := tx.find(leg.Image).Segments
		a, z := areasOf(&segs[0]), areasOf(&segs[len(segs)-1])
		if len(a) != 1 || len(z) != 1 {
			flat.Segments = nil
			return &flat
		}
		// Only where the last extent ends counts.
		end := z[0]
		end.Start += segs[len(segs)-1].AreaLength() - 1
		first.Stripes, last.Stripes = append(first.Stripes, a[0]), append(last.Stripes, end)
	}
	n := Extents(len(body.Legs))
	flat.Segments = []metadata.Segment{{Count: n, Type: "striped", Body: first}, {Start: n, Count: n, Type: "striped", Body: last}}
	return &flat
}
