package lvm

import "github.com/lvm-go/lvm/metadata"

// extend grows what is beneath the cache, which takes in the rest as well.
func (cacheType) extend(tx *Tx, lv *metadata.LogicalVolume, i int, size Size, spec ExtendSpec) error {
	body, _ := bodyOf[*metadata.Cache](lv)
	return tx.extendBeneath(lv, i, body.Origin, size, spec)
}

func (cacheType) reduce(_ *Tx, lv *metadata.LogicalVolume, _ int, _ Size, _ ReduceSpec) error {
	return errCachedReduce(lv)
}

func (writeCacheType) extend(tx *Tx, lv *metadata.LogicalVolume, i int, size Size, spec ExtendSpec) error {
	body, _ := bodyOf[*metadata.WriteCache](lv)
	return tx.extendBeneath(lv, i, body.Origin, size, spec)
}

func (writeCacheType) reduce(_ *Tx, lv *metadata.LogicalVolume, _ int, _ Size, _ ReduceSpec) error {
	return errCachedReduce(lv)
}

// errCachedReduce refuses to cut what a cache may still have to write back.
func errCachedReduce(lv *metadata.LogicalVolume) error {
	return fault(ErrUnsupported, "lv %s is cached, and the cache may have what lies beyond its new end: detach it first", lv.Name)
}

// extendBeneath grows what is beneath a cache, and the volume with it.
func (tx *Tx) extendBeneath(lv *metadata.LogicalVolume, i int, below metadata.ID, size Size, spec ExtendSpec) error {
	if spec.ResizeFS {
		return fault(ErrUnsupported, "lv %s is cached: its file system is resized with its own tools", lv.Name)
	}
	origin := tx.find(below)
	if origin == nil {
		return fault(ErrDamaged, "there is no lv %s", below)
	}
	if r, err := resizerOf(origin); err != nil {
		return err
	} else if r != nil {
		if err := r.extend(tx, origin, tx.indexOf(below), size, spec); err != nil {
			return err
		}
	} else if err := tx.extendPlain(origin, size, spec); err != nil {
		return err
	}
	top := *withBody(lv, lv.Segments[0].Body)
	top.Segments[0].Count = tx.find(below).Extents()
	return tx.put(i, &top)
}

// extendPlain grows a linear or striped part.
func (tx *Tx) extendPlain(old *metadata.LogicalVolume, size Size, spec ExtendSpec) error {
	if spec.Type.virtual() {
		return fault(ErrUnsupported, "extents of type %s have no storage: they cannot be cached", string(spec.Type))
	}
	if err := spec.Type.check(spec.Stripes, spec.StripeSize, spec.PVs); err != nil {
		return err
	}
	policy, err := lvPolicy(spec.Allocation)
	if err != nil {
		return err
	}
	if spec.Type == SegmentLinear {
		spec.Stripes = 1
	}
	shape, err := tx.shapeLike(old, spec)
	if err != nil {
		return err
	}
	lv := *old
	if err := tx.grow(&lv, size, growth{typ: spec.Type, shape: shape, pvs: spec.PVs, policy: policy, by: spec.To.IsZero()}); err != nil {
		return err
	}
	return tx.put(tx.indexOf(lv.ID), &lv)
}
