package lvm

import (
	"slices"
	"strconv"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/metadata"
)

// SegmentMirror is the type of mirrors of the old kind.
const SegmentMirror SegmentType = "mirror"

// raidToMirror makes a mirror, with a log on a disk, of a raid1 that is in sync. Its
// images become the legs. Source: lvm2 as observed.
func (tx *Tx) raidToMirror(old *metadata.LogicalVolume, i int) error {
	_, body, err := tx.raid1(old)
	if err != nil {
		return err
	}
	if err := tx.checkAllLegs(old); err != nil {
		return err
	}
	if len(body.Legs) > maxMirrorLegs {
		return fault(ErrUnsupported, "lv %s has %d legs: a mirror has up to %d", old.Name, len(body.Legs), maxMirrorLegs)
	}
	mirror := &metadata.Mirror{RegionSize: body.RegionSize}
	var metas []*metadata.LogicalVolume
	for k, leg := range body.Legs {
		image := *tx.find(leg.Image)
		if slices.ContainsFunc(image.Segments, func(s metadata.Segment) bool { return !isStriped(&s) }) {
			return fault(ErrUnsupported, "image %s has extents of type %s: repair lv %s before", image.Name, image.Segments[0].Type, old.Name)
		}
		image.Name = old.Name + legSuffix + strconv.Itoa(k)
		if taken, _ := tx.lookup(image.Name); taken != nil {
			return fault(ErrExists, "lv %s exists already", image.Name)
		}
		image.Status &^= metadata.LVWriteMostly
		if err := tx.put(tx.indexOf(image.ID), &image); err != nil {
			return err
		}
		mirror.Legs = append(mirror.Legs, metadata.Area{LV: image.ID})
		metas = append(metas, tx.find(leg.Meta))
	}
	request := allocRequest{Name: old.Name, Policy: resolvePolicy(tx.vg, old, metadata.AllocInherit)}
	if mirror.Log, err = tx.newLog(old, old.Extents(), mirror, true, request, tx.emap, tx.find); err != nil {
		return err
	}
	if log := *tx.find(mirror.Log); log.Allocation == metadata.AllocInherit {
		log.Allocation = metadata.AllocNormal // as lvm2 has it here
		if err := tx.put(tx.indexOf(log.ID), &log); err != nil {
			return err
		}
	}
	lv := *old
	lv.Segments = []metadata.Segment{{Count: old.Extents(), Type: string(SegmentMirror), Body: mirror}}
	if err := tx.put(i, &lv); err != nil {
		return err
	}
	tx.dropAll(metas)
	tx.intact = append(tx.intact, old.ID)
	return nil
}

// mirrorToRAID makes a raid1 of a mirror. Its legs become the images, each with room
// for the raid's metadata on physical volumes that the leg is on. If they are alike
// when the mirror comes to rest, the kernel is told so; otherwise, and whenever it is
// not known, it brings them in sync from the first, as it does with the mirror.
// Source: lvm2 as observed.
func (tx *Tx) mirrorToRAID(old *metadata.LogicalVolume, i int) error {
	mirror, legs, err := tx.mirrorOf(old)
	if err != nil {
		return err
	}
	if tx.layerOf(mirror) != nil {
		return fault(ErrConverting, "lv %s gets legs", old.Name)
	}
	lost, logLost, err := tx.lostOfMirror(old, mirror)
	if err != nil {
		return err
	}
	if logLost || slices.Contains(lost, true) {
		return fault(ErrDegraded, "lv %s is without a leg, or its log: repair it before", old.Name)
	}
	size, ok := old.Extents().Sectors(tx.vg.ExtentSize)
	if !ok {
		return fault(ErrInvalidSize, "lv %s is too large", old.Name)
	}
	alike, err := tx.mirrorInSync(old, mirror)
	if err != nil {
		return err
	}
	if alike = alike && tx.staysActive(old.ID); alike {
		if err := tx.needSync(old, mirror); err != nil {
			return err
		}
		tx.onceRAID(old.ID, func(t *dm.RAID) { t.Sync = dm.RAIDSyncSkip })
	}
	body := &metadata.RAID{RegionSize: regionsFor(mirror.RegionSize, size)}
	front := metaExtents(size, body.RegionSize, tx.vg.ExtentSize)
	with := tx.emap.clone() // the map once the metadata has its extents
	var metas, images []*metadata.LogicalVolume
	for k, leg := range legs {
		for s := range leg.Segments {
			if areas := areasOf(&leg.Segments[s]); len(areas) != 1 || !isStriped(&leg.Segments[s]) {
				return fault(ErrUnsupported, "leg %s is not linear: a raid1 cannot have it", leg.Name)
			}
		}
		meta, err := tx.metaBeside(old, k, leg, front, with)
		if err != nil {
			return err
		}
		if err := with.setLV(meta); err != nil {
			return err
		}
		image := *leg
		image.Name = raidPartName(old, "rimage", k)
		if taken, _ := tx.lookup(image.Name); taken != nil {
			return fault(ErrExists, "lv %s exists already", image.Name)
		}
		metas, images = append(metas, meta), append(images, &image)
		body.Legs = append(body.Legs, metadata.RAIDLeg{Meta: meta.ID, Image: image.ID})
	}
	lv := *old
	lv.Segments = []metadata.Segment{{Count: old.Extents(), Type: string(SegmentRAID1), Body: body}}
	if err := tx.put(i, &lv); err != nil {
		return err
	}
	for k, image := range images {
		if err := joinErrors(tx.put(tx.indexOf(image.ID), image), tx.put(-1, metas[k])); err != nil {
			return err
		}
	}
	tx.makeMetas(&lv, alike, tx.staysActive(lv.ID))
	if log := tx.find(mirror.Log); log != nil {
		tx.dropAll([]*metadata.LogicalVolume{log})
	}
	return nil
}
