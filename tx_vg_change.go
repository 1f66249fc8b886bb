package lvm

import (
	"slices"
	"strings"

	"github.com/lvm-go/lvm/metadata"
	"github.com/lvm-go/lvm/units"
)

// SetVGAllocation sets the allocation policy of the group, which holds for
// logical volumes that have none of their own. lvm2: vgchange --alloc.
func (tx *Tx) SetVGAllocation(policy Allocation) error {
	return tx.fail("change vg", "", tx.changeVG(func() error {
		if policy == metadata.AllocInherit || policy > metadata.AllocAnywhere {
			return fault(ErrInvalidSpec, "%s is no allocation policy of a group", policy)
		}
		now := tx.vg.Allocation
		if now == metadata.AllocInherit {
			now = metadata.AllocNormal
		}
		if now != policy {
			tx.vg.Allocation, tx.changed = policy, true
		}
		return nil
	}))
}

// SetVGLimits limits the numbers of logical and of physical volumes; 0 is no
// limit. lvm2: vgchange -l -p. Returns an error matching [ErrInvalidSpec] if
// there are more, or [ErrReadOnly] if the group is not resizeable.
func (tx *Tx) SetVGLimits(maxLV, maxPV uint32) error {
	return tx.fail("change vg", "", tx.changeVG(func() error {
		if tx.vg.MaxLV == maxLV && tx.vg.MaxPV == maxPV {
			return nil
		}
		if err := tx.resizeable(); err != nil {
			return err
		}
		lvs := 0
		for _, lv := range tx.vg.LVs {
			if lv != nil && tx.isVisible(lv) {
				lvs++
			}
		}
		for _, limit := range []struct {
			max   uint32
			count int
			what  string
		}{{maxLV, lvs, "logical"}, {maxPV, len(tx.vg.PVs), "physical"}} {
			if limit.max != 0 && uint64(limit.max) < uint64(limit.count) {
				return fault(ErrInvalidSpec, "vg %s has %d %s volumes already, more than %d", tx.vg.Name, limit.count, limit.what, limit.max)
			}
		}
		tx.vg.MaxLV, tx.vg.MaxPV, tx.changed = maxLV, maxPV, true
		return nil
	}))
}

// SetResizeable says whether physical volumes may be added and taken out, and
// limits and extent size be changed. lvm2: vgchange -x.
func (tx *Tx) SetResizeable(yes bool) error {
	return tx.fail("change vg", "", tx.changeVG(func() error {
		tx.setVGStatus(metadata.VGResizeable, yes)
		return nil
	}))
}

// SetVGAutoActivation says whether the logical volumes come up by themselves
// when the system starts. lvm2: vgchange --setautoactivation.
func (tx *Tx) SetVGAutoActivation(yes bool) error {
	return tx.fail("change vg", "", tx.changeVG(func() error {
		tx.setVGStatus(metadata.VGNoAutoactivate, !yes)
		return nil
	}))
}

// SetSystemID gives the group to the host with that system ID; empty: to
// anyone. A group of another host can be taken over by a [System] that has that
// host's ID among its ExtraSystemIDs. lvm2: vgchange --systemid.
//
// Returns an error matching [ErrInvalidSpec] if the ID is not valid, or
// [ErrBusy] if the group would become another host's while volumes are active.
func (tx *Tx) SetSystemID(id string) error {
	return tx.fail("change vg", "", tx.changeVG(func() error {
		if id == tx.vg.SystemID {
			return nil
		}
		if err := checkSystemID(id); err != nil {
			return err
		}
		if id != "" && id != tx.sys.cfg.SystemID {
			if err := tx.allInactive(); err != nil {
				return err
			}
		}
		tx.setSystemID(id)
		return nil
	}))
}

// changeVG runs fn on a group that may be changed. Unlike tags, these properties
// are not changed while physical volumes are missing. Source: lvm2 as observed.
func (tx *Tx) changeVG(fn func() error) error {
	if err := tx.own(); err != nil {
		return err
	}
	return fn()
}

func (tx *Tx) setVGStatus(bit metadata.VGStatus, on bool) {
	status := tx.vg.Status &^ bit
	if on {
		status |= bit
	}
	if status != tx.vg.Status {
		tx.vg.Status, tx.changed = status, true
	}
}

func (tx *Tx) resizeable() error {
	if tx.vg.Status&metadata.VGResizeable == 0 {
		return fault(ErrReadOnly, "vg %s is not resizeable", tx.vg.Name)
	}
	return nil
}

// allInactive refuses if a logical volume has a device, or is to get one.
func (tx *Tx) allInactive() error {
	active := tx.activeAfter()
	for _, lv := range tx.vg.LVs {
		if lv != nil && active[lv.ID] {
			return fault(ErrBusy, "lv %s/%s is active", tx.vg.Name, lv.Name)
		}
	}
	return nil
}

// setSystemID also says that things may be written in the way that hides it from
// tools that know no system ID, as lvm2 does.
func (tx *Tx) setSystemID(id string) {
	tx.vg.SystemID, tx.changed = id, true
	const vgBits, lvBits = metadata.VGWrite | metadata.VGWriteLocked, metadata.LVWrite | metadata.LVWriteLocked
	vgBit, lvBit := metadata.VGWrite, metadata.LVWrite
	if id != "" {
		vgBit, lvBit = metadata.VGWriteLocked, metadata.LVWriteLocked
	}
	if tx.vg.Status&vgBits != 0 {
		tx.vg.Status = tx.vg.Status&^vgBits | vgBit
	}
	for i, lv := range tx.vg.LVs {
		if lv != nil && lv.Status&lvBits != 0 {
			out := *lv
			out.Status = lv.Status&^lvBits | lvBit
			tx.exchange(i, &out)
		}
	}
}

// exchange replaces the record at index i by one that changes nothing for the
// devices: neither its name nor what they map.
func (tx *Tx) exchange(i int, lv *metadata.LogicalVolume) {
	tx.vg.LVs[i] = lv
	if tx.byName[lv.Name] != nil {
		tx.byName[lv.Name] = lv
	}
	tx.untouched, tx.links = nil, nil
}

// checkSystemID applies lvm2's rules. Source: lvm2 as observed, lvmsystemid(7).
func checkSystemID(id string) error {
	const most = 128 // characters
	valid := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_.+-", r)
	}
	switch {
	case len(id) > most:
		return fault(ErrInvalidSpec, "system id of %d characters is longer than %d", len(id), most)
	case strings.ContainsFunc(id, func(r rune) bool { return !valid(r) }):
		return fault(ErrInvalidSpec, "system id %q has characters other than letters, digits, and _ . + -", id)
	case id != "" && strings.ContainsAny(id[:1], "_.+-"):
		return fault(ErrInvalidSpec, "system id %q does not begin with a letter or digit", id)
	case strings.HasPrefix(id, "localhost"):
		return fault(ErrInvalidSpec, "system id %q begins like that of any host", id)
	}
	return nil
}

// SetExtentSize changes the length of the group's extents, and with it all
// numbers of extents. Nothing moves: it is refused, naming what is in the way,
// if a physical volume's extents, or a segment of a logical volume, do not begin
// and end at the boundaries of the new extents, or if a stripe would be longer
// than an extent. Volumes may be active. lvm2: vgchange -s.
//
// Returns an error matching [ErrInvalidSpec] then, [ErrReadOnly] if the group is
// not resizeable, or [ErrUnsupported] if the same update has changed logical
// volumes before.
func (tx *Tx) SetExtentSize(size Bytes) error {
	return tx.fail("change vg", "", tx.changeVG(func() error { return tx.setExtentSize(size) }))
}

func (tx *Tx) setExtentSize(size Bytes) error {
	if err := checkExtentSize(size); err != nil {
		return err
	}
	scale := rescale{tx.vg.ExtentSize, size.Sectors()}
	if scale.from == scale.to {
		return nil
	}
	if err := tx.resizeable(); err != nil {
		return err
	}
	if len(tx.order) > 0 {
		// What they gave up must not be allocated, which the new map would not know.
		return fault(ErrUnsupported, "the update has changed logical volumes: change the extent size before that")
	}
	vg := *tx.vg
	vg.ExtentSize = scale.to
	vg.PVs = make([]*metadata.PhysicalVolume, len(tx.vg.PVs))
	for i, old := range tx.vg.PVs {
		if err := tx.checkExtentHoldsBlock(old.ID, size); err != nil {
			return err
		}
		pv := *old
		if err := scale.all(&pv.PECount); err != nil {
			return fault(ErrInvalidSpec, "pv %s: %v", pvName(old), err)
		}
		vg.PVs[i] = &pv
	}
	vg.LVs = make([]*metadata.LogicalVolume, len(tx.vg.LVs))
	for i, old := range tx.vg.LVs {
		lv := *old
		lv.Segments = make([]metadata.Segment, len(old.Segments))
		for s := range old.Segments {
			seg, err := scale.segment(old.Segments[s])
			if err != nil {
				return fault(ErrInvalidSpec, "lv %s/%s segment %d: %v", vg.Name, lv.Name, s+1, err)
			}
			lv.Segments[s] = seg
		}
		vg.LVs[i] = &lv
	}
	if err := vg.Validate(); err != nil {
		return as(ErrInvalidSpec, err)
	}
	*tx.vg = vg
	tx.emap, tx.untouched, tx.links, tx.changed = NewExtentMap(&vg).clone(), nil, nil, true
	return nil
}

// checkExtentHoldsBlock refuses extents that are smaller than a device's logical
// blocks.
func (tx *Tx) checkExtentHoldsBlock(pv metadata.ID, size Bytes) error {
	m := tx.members[pv]
	if m == nil {
		return nil
	}
	block, err := tx.blockSize(m.path)
	if err == nil && size < block {
		err = fault(ErrInvalidSpec, "extents of %s are smaller than the logical blocks of %s, of %s", size, m.path, block)
	}
	return err
}

// rescale converts numbers of extents of one size to those of another.
type rescale struct{ from, to Sectors }

// all converts numbers in place, if they are whole numbers afterwards.
func (r rescale) all(counts ...*Extents) error {
	for _, n := range counts {
		length, ok := n.Sectors(r.from)
		if !ok || length%r.to != 0 {
			return fault(ErrInvalidSpec, "%d extents of %s are no whole number of %s", *n, sectorBytes(r.from), sectorBytes(r.to))
		}
		if *n = Extents(length / r.to); *n > units.MaxExtents {
			return fault(ErrInvalidSpec, "%d extents are more than lvm2 can count", *n)
		}
	}
	return nil
}

func (r rescale) segment(seg metadata.Segment) (metadata.Segment, error) {
	part := seg.AreaLength()
	if err := r.all(&seg.Start, &seg.Count, &seg.ReshapeCount, &part); err != nil {
		return seg, err
	}
	switch old := seg.Body.(type) {
	case *metadata.Virtual, *metadata.Snapshot:
	case *metadata.ThinPool, *metadata.Thin, *metadata.RAID, *metadata.CachePool, *metadata.Cache, *metadata.WriteCache, *metadata.Integrity:
		// Their areas are other volumes from the first extent on.
	case *metadata.Striped:
		if old.StripeSize > r.to {
			return seg, fault(ErrInvalidSpec, "stripes of %s are longer than extents of %s", sectorBytes(old.StripeSize), sectorBytes(r.to))
		}
		stripes, err := r.areas(old.Stripes)
		if err != nil {
			return seg, err
		}
		seg.Body = &metadata.Striped{StripeSize: old.StripeSize, Stripes: stripes}
	case *metadata.Mirror:
		body := *old
		var err error
		if body.Legs, err = r.areas(old.Legs); err == nil {
			err = r.all(&body.Moved)
		}
		if err != nil {
			return seg, err
		}
		seg.Body = &body
	default:
		return seg, fault(ErrUnsupported, "the extent size of type %s cannot be changed", seg.Type)
	}
	return seg, nil
}

func (r rescale) areas(old []metadata.Area) ([]metadata.Area, error) {
	areas := slices.Clone(old)
	for i := range areas {
		if err := r.all(&areas[i].Start); err != nil {
			return nil, err
		}
	}
	return areas, nil
}
