package lvm

import (
	"slices"

	"github.com/lvm-go/lvm/metadata"
	"github.com/lvm-go/lvm/units"
)

// mirrorOf returns what is particular to a mirror, a copy, and its legs. Moves are
// none.
func (tx *Tx) mirrorOf(lv *metadata.LogicalVolume) (*metadata.Mirror, []*metadata.LogicalVolume, error) {
	if len(lv.Segments) == 1 && !isMove(lv) {
		if body, ok := lv.Segments[0].Body.(*metadata.Mirror); ok {
			own := *body
			own.Legs = slices.Clone(body.Legs)
			legs := make([]*metadata.LogicalVolume, len(body.Legs))
			for i, area := range body.Legs {
				if legs[i] = tx.find(area.LV); legs[i] == nil {
					return nil, nil, fault(ErrDamaged, "leg %d of mirror %s is no lv", i, lv.Name)
				}
				if err := notMoving(legs[i]); err != nil {
					return nil, nil, err
				}
			}
			return &own, legs, nil
		}
	}
	return nil, nil, fault(ErrUnsupported, "lv %s is no mirror", lv.Name)
}

// extend gives each leg the same number of extents more, and the log room for
// them. What is new is brought in sync, unless the mirror never was.
func (mirrorType) extend(tx *Tx, lv *metadata.LogicalVolume, i int, size Size, spec ExtendSpec) error {
	body, legs, err := tx.mirrorOf(lv)
	if err != nil {
		return err
	}
	if spec.Stripes > 1 || spec.Type != "" {
		return fault(ErrUnsupported, "lv %s is a mirror: its legs are extended as they are", lv.Name)
	}
	policy, pvs, err := tx.place(spec.Allocation, spec.PVs)
	if err != nil {
		return err
	}
	n, err := tx.legGrowth(lv, len(legs), tx.find(body.Log), size, spec.To.IsZero(), pvs)
	if err != nil {
		return err
	}
	together := side(lv, legs)
	if together == nil {
		return fault(ErrUnsupported, "the legs of lv %s are no plain areas: they cannot be extended", lv.Name)
	}
	request := allocRequest{LV: together, Name: lv.Name, Policy: resolvePolicy(tx.vg, lv, policy), Stripes: len(legs),
		Extents: n * Extents(len(legs)), Partial: size.isWish(true), PVs: pvs}
	pieces, err := tx.emap.allocate(tx.vg, request)
	if err != nil {
		return err
	}
	for k, old := range legs {
		leg := *old
		leg.Segments = appendSegments(old, legPieces(pieces, k), 0)
		if err := tx.put(tx.indexOf(leg.ID), &leg); err != nil {
			return err
		}
		n = leg.Extents()
	}
	if err := tx.growLog(body, n); err != nil {
		return err
	}
	if lv.Status&metadata.LVNotSynced != 0 && tx.staysActive(lv.ID) {
		tx.skipSync(lv.ID)
	}
	own := withBody(lv, body)
	own.Segments[0].Count = n
	if spec.ResizeFS {
		tx.resizeFS(lv.ID)
	}
	return tx.put(i, own)
}

// legGrowth returns by how many extents each leg grows. Percentages of the group
// are about all that the volume takes. Source: lvm2 as observed.
func (tx *Tx) legGrowth(lv *metadata.LogicalVolume, legs int, log *metadata.LogicalVolume, size Size, by bool, pvs []allocPV) (Extents, error) {
	have := lv.Extents()
	context := tx.emap.sizeContext(tx.vg, pvs)
	context.LV, context.Resize = have, true
	n, err := size.resolve(context)
	if err != nil {
		return 0, err
	}
	taken, per := have, Extents(1)
	if size.IsPercent() && size.kind != sizePercentLV {
		per = Extents(legs)
		if taken = have * per; log != nil {
			taken += log.Extents()
		}
	}
	if !by {
		if n <= taken {
			return 0, fault(ErrInvalidSize, "size of %d extents is not more than the present %d", n, taken)
		}
		n -= taken
	}
	if n /= per; n == 0 || n > units.MaxExtents/Extents(legs) || n+have > units.MaxExtents {
		return 0, fault(ErrInvalidSize, "%d extents added to %d: from 1 to %d in all are possible", n, have, units.MaxExtents)
	}
	return n, nil
}

// growLog gives the log of a mirror of n extents the room that it takes.
func (tx *Tx) growLog(body *metadata.Mirror, n Extents) error {
	old := tx.find(body.Log)
	if old == nil {
		return nil
	}
	regions, ok := mirrorRegions(tx.vg, n, body.RegionSize)
	if !ok || regions > maxMirrorRegions {
		return fault(ErrInvalidSize, "%d regions of %s are more than %d", regions, sectorBytes(body.RegionSize), maxMirrorRegions)
	}
	have, want := old.Extents(), mirrorLogSize(regions).ExtentsUp(tx.vg.ExtentSize)
	if want <= have {
		return nil
	}
	pieces, err := tx.emap.allocate(tx.vg, allocRequest{LV: old, Name: old.Name, Extents: want - have})
	if err != nil {
		return err
	}
	log := *old
	log.Segments = appendSegments(old, pieces, 0)
	return tx.put(tx.indexOf(log.ID), &log)
}

// reduce cuts the end of each leg off.
func (mirrorType) reduce(tx *Tx, lv *metadata.LogicalVolume, i int, size Size, spec ReduceSpec) error {
	body, legs, err := tx.mirrorOf(lv)
	if err != nil {
		return err
	}
	n, err := tx.reducedSize(lv, size, spec.To.IsZero())
	if err != nil {
		return err
	}
	if length, ok := n.Sectors(tx.vg.ExtentSize); !ok || length < body.RegionSize {
		return fault(ErrUnsupported, "%d extents are less than the region size of %s", n, sectorBytes(body.RegionSize))
	}
	for _, old := range legs {
		leg := *old
		if leg.Segments, err = cutSegments(old, n); err != nil {
			return err
		}
		if leg.Extents() != n {
			return fault(ErrInvalidSize, "leg %s has stripes that %d extents do not fill", leg.Name, n)
		}
		if err := tx.put(tx.indexOf(leg.ID), &leg); err != nil {
			return err
		}
	}
	own := withBody(lv, body)
	own.Segments[0].Count = n
	if err := tx.put(i, own); err != nil {
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

// reducedSize returns what is left of a volume whose size is a number of extents.
func (tx *Tx) reducedSize(lv *metadata.LogicalVolume, size Size, by bool) (Extents, error) {
	have := lv.Extents()
	context := tx.emap.sizeContext(tx.vg, nil)
	context.LV, context.Resize = have, !by
	n, err := size.resolve(context)
	if err != nil {
		return 0, err
	}
	if by {
		if n >= have {
			return 0, fault(ErrInvalidSize, "%d extents are to be taken off %d: one has to stay", n, have)
		}
		n = have - n
	}
	if n >= have {
		return 0, fault(ErrInvalidSize, "size of %d extents is not less than the present %d", n, have)
	}
	return n, nil
}
