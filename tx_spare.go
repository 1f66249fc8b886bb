package lvm

import (
	"strings"

	"github.com/lvm-go/lvm/metadata"
)

const (
	// minPoolMetadata and maxPoolMetadata bound the metadata of a pool. The kernel
	// uses no more. Source: lvm2 as observed.
	minPoolMetadata = 2 * MiB
	maxPoolMetadata = 16580608 * KiB
	// spareSuffix ends the name of the volume that is kept for the repair of pools.
	spareSuffix = "_pmspare"
)

// spare returns the volume that is kept for the repair of pools, nil if there is
// none.
func (tx *Tx) spare() *metadata.LogicalVolume {
	for _, lv := range tx.vg.LVs {
		if lv != nil && isSpare(lv) {
			return lv
		}
	}
	return nil
}

func isSpare(lv *metadata.LogicalVolume) bool {
	return lv.Status&metadata.LVVisible == 0 && strings.Contains(lv.Name, spareSuffix)
}

// keepSpare has a spare that is as large as the metadata of every pool, also one
// to come with that many extents: a pool whose metadata is damaged is repaired by
// writing it anew. Source: lvm2 as observed.
func (tx *Tx) keepSpare(extents Extents, pvs []PVSelection) error {
	for _, lv := range tx.vg.LVs {
		if meta := tx.find(poolMetadataOf(lv)); meta != nil {
			extents = max(extents, meta.Extents())
		}
	}
	if most := extentsIn(tx.vg, maxPoolMetadata); most > 0 {
		extents = min(extents, most)
	}
	old := tx.spare()
	if old == nil {
		return tx.makeSpare(extents, pvs)
	}
	if old.Extents() >= extents {
		return nil
	}
	shape, err := tx.shapeLike(old, ExtendSpec{})
	if err != nil {
		return err
	}
	lv := *old
	if err := tx.grow(&lv, ExtentCount(extents), growth{shape: shape, pvs: pvs}); err != nil {
		return err
	}
	return tx.put(tx.indexOf(lv.ID), &lv)
}

func (tx *Tx) makeSpare(extents Extents, pvs []PVSelection) error {
	name, err := tx.nextName("lvol")
	if err != nil {
		return err
	}
	lv, err := tx.newPart(name + spareSuffix)
	if err != nil {
		return err
	}
	if err := tx.grow(lv, ExtentCount(extents), growth{shape: stripeShape{stripes: 1}, pvs: pvs}); err != nil {
		return err
	}
	tx.created = append(tx.created, newLV{id: lv.ID})
	return tx.put(-1, lv)
}

// newPart returns the record of a hidden volume that is to be a part of others,
// still without extents.
func (tx *Tx) newPart(name string) (*metadata.LogicalVolume, error) {
	if err := checkLVName(tx.vg.Name, name); err != nil {
		return nil, err
	}
	if taken, _ := tx.lookup(name); taken != nil && taken.Name == name {
		return nil, fault(ErrExists, "lv %s exists already", name)
	}
	id, err := tx.newID()
	if err != nil {
		return nil, err
	}
	return &metadata.LogicalVolume{
		Name: name, ID: id, Status: metadata.LVRead | tx.writable(),
		CreationTime: tx.time(), CreationHost: tx.sys.cfg.Host,
	}, nil
}

// releaseSpare removes the spare if no pool is left but those that are going.
// Source: lvm2 as observed.
func (tx *Tx) releaseSpare(going map[metadata.ID]bool) {
	for _, lv := range tx.vg.LVs {
		if lv != nil && !going[lv.ID] && !poolMetadataOf(lv).IsZero() {
			return
		}
	}
	if spare := tx.spare(); spare != nil {
		tx.dropAll([]*metadata.LogicalVolume{spare})
	}
}

// poolMetadataOf returns the volume that a pool keeps its metadata in; zero if the
// volume is no pool.
func poolMetadataOf(lv *metadata.LogicalVolume) metadata.ID {
	if lv == nil || len(lv.Segments) != 1 {
		return metadata.ID{}
	}
	switch body := lv.Segments[0].Body.(type) {
	case *metadata.ThinPool:
		return body.Metadata
	case *metadata.CachePool:
		return body.Metadata
	}
	return metadata.ID{}
}

// extentsIn returns how many whole extents that many bytes are.
func extentsIn(vg *metadata.VolumeGroup, b Bytes) Extents {
	return Extents(b.Sectors() / vg.ExtentSize)
}
