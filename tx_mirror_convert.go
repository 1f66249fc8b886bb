package lvm

import (
	"slices"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/metadata"
)

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
	tx.makeMetas(&lv, alike)
	if log := tx.find(mirror.Log); log != nil {
		tx.dropAll([]*metadata.LogicalVolume{log})
	}
	return nil
}
