package lvm

import (
	"github.com/lvm-go/lvm/metadata"
	"github.com/lvm-go/lvm/units"
)

// extend makes a thin volume seem larger.
func (thinType) extend(tx *Tx, old *metadata.LogicalVolume, i int, size Size, spec ExtendSpec) error {
	if spec.Type != "" || spec.Stripes != 0 || spec.StripeSize != 0 || len(spec.PVs) > 0 {
		return fault(ErrInvalidSpec, "a thin volume lies where its pool does: types, stripes and physical volumes cannot be chosen")
	}
	if err := tx.thinAtRest(old); err != nil {
		return err
	}
	n, err := tx.thinSize(old, size, spec.By.IsZero(), true)
	if err != nil {
		return err
	}
	if n <= old.Extents() {
		return fault(ErrInvalidSize, "size of %d extents is not more than the present %d", n, old.Extents())
	}
	if n > units.MaxExtents {
		return fault(ErrInvalidSize, "%d extents: up to %d are possible", n, units.MaxExtents)
	}
	if spec.ResizeFS {
		tx.resizeFS(old.ID)
	}
	return tx.put(i, withCount(old, n))
}

// reduce makes a thin volume seem smaller. The chunks behind its end stay with the
// pool until they are discarded, or it is removed. Source: lvm2 as observed.
func (thinType) reduce(tx *Tx, old *metadata.LogicalVolume, i int, size Size, spec ReduceSpec) error {
	if err := tx.thinAtRest(old); err != nil {
		return err
	}
	n, err := tx.thinSize(old, size, spec.By.IsZero(), false)
	if err != nil {
		return err
	}
	if n == 0 || n >= old.Extents() {
		return fault(ErrInvalidSize, "size of %d extents is not less than the present %d, or none", n, old.Extents())
	}
	if err := tx.put(i, withCount(old, n)); err != nil {
		return err
	}
	w := tx.wishes[old.ID]
	w.closed = !spec.AllowOpen && !spec.ResizeFS
	tx.want(old.ID, w)
	tx.noteCut(old.ID, n)
	if spec.ResizeFS {
		tx.resizeFS(old.ID)
	}
	return nil
}

// thinAtRest refuses to change the size of what others show, or are about to.
func (tx *Tx) thinAtRest(lv *metadata.LogicalVolume) error {
	if users := tx.ties().users[lv.ID]; len(users) > 0 {
		return fault(ErrBusy, "lv %s shows what is on it", tx.nameOf(users[0]))
	}
	if merging := tx.thinMerging(lv.ID); merging != nil {
		return fault(ErrMerging, "lv %s is being merged into it", merging.Name)
	}
	if merge := thinBody(lv).Merge; !merge.IsZero() {
		return fault(ErrMerging, "it is being merged into lv %s", tx.nameOf(merge))
	}
	return nil
}

// thinSize returns the size that a volume is to have.
func (tx *Tx) thinSize(lv *metadata.LogicalVolume, size Size, total, grows bool) (Extents, error) {
	have := lv.Extents()
	context := tx.emap.sizeContext(tx.vg, nil)
	context.LV, context.Resize = have, total || grows
	n, err := size.resolve(context)
	switch {
	case err != nil || total:
		return n, err
	case grows:
		return satAdd(have, n), nil
	case n >= have:
		return 0, fault(ErrInvalidSize, "%d extents are to be taken off %d: one has to stay", n, have)
	}
	return have - n, nil
}

// withCount returns a copy of an LV of one segment, with another size.
func withCount(lv *metadata.LogicalVolume, n Extents) *metadata.LogicalVolume {
	own := withBody(lv, lv.Segments[0].Body)
	own.Segments[0].Count = n
	return own
}

// extend gives a thin pool more space for data, and for metadata if that is less than
// a pool of that size gets. Source: lvm2 as observed.
func (thinPoolType) extend(tx *Tx, old *metadata.LogicalVolume, _ int, size Size, spec ExtendSpec) error {
	if spec.ResizeFS {
		return fault(ErrInvalidSpec, "there is no file system on a pool")
	}
	body := thinPoolBody(old)
	// The metadata grows first, as with lvm2, which decides what lies where.
	n, err := tx.thinSize(old, size, spec.By.IsZero(), true)
	if err != nil {
		return err
	}
	if n > old.Extents() {
		least, err := tx.poolMetadataExtents(poolMetadataFor(extentBytes(tx.vg, n), sectorBytes(body.ChunkSize)), 0)
		if err != nil {
			return err
		}
		if meta := tx.find(body.Metadata); meta != nil && meta.Extents() < least {
			if err := tx.growPoolMetadata(old, ExtendSpec{To: ExtentCount(least), PVs: spec.PVs}); err != nil {
				return err
			}
		}
	}
	if err := tx.growPart(body.Data, spec); err != nil {
		return err
	}
	now := tx.find(old.ID)
	return tx.put(tx.indexOf(old.ID), withCount(now, tx.find(body.Data).Extents()))
}

// growPart makes a hidden part of a volume larger, in the way of its type.
func (tx *Tx) growPart(id metadata.ID, spec ExtendSpec) error {
	old, i := tx.find(id), tx.indexOf(id)
	if old == nil {
		return fault(ErrDamaged, "there is no lv %s", id)
	}
	size, err := oneOf(spec.To, spec.By)
	if err != nil {
		return err
	}
	if err := notMoving(old); err != nil {
		return err
	}
	if r, err := resizerOf(old); err != nil {
		return err
	} else if r != nil {
		return r.extend(tx, old, i, size, spec)
	}
	if spec.Type.virtual() {
		return fault(ErrInvalidSpec, "extents of type %s keep nothing: they are of no use in a pool", string(spec.Type))
	}
	if err := spec.Type.check(spec.Stripes, spec.StripeSize, spec.PVs); err != nil {
		return err
	}
	if _, err := lvPolicy(spec.Allocation); err != nil {
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
	if err := tx.grow(&lv, size, growth{typ: spec.Type, shape: shape, pvs: spec.PVs, policy: spec.Allocation, by: spec.To.IsZero()}); err != nil {
		return err
	}
	return tx.put(i, &lv)
}

// reduce refuses: the kernel makes no pool smaller.
func (thinPoolType) reduce(_ *Tx, lv *metadata.LogicalVolume, _ int, _ Size, _ ReduceSpec) error {
	return fault(ErrUnsupported, "thin pool %s cannot be reduced", lv.Name)
}

// ExtendPoolMetadata gives a thin pool more space for metadata, and the spare that
// is there for its repair as much. The pool may be in use. lvm2: lvextend
// --poolmetadatasize.
//
// Returns errors as [Tx.ExtendLV] does, and one matching [ErrInvalidSpec] if the
// volume is no thin pool.
func (tx *Tx) ExtendPoolMetadata(pool string, spec ExtendSpec) error {
	return tx.fail("extend pool metadata", pool, tx.whole(func() error {
		lv, _, err := tx.lvToChange(pool)
		if err != nil {
			return err
		}
		return tx.growPoolMetadata(lv, spec)
	}))
}

func (tx *Tx) growPoolMetadata(pool *metadata.LogicalVolume, spec ExtendSpec) error {
	body := thinPoolBody(pool)
	if body == nil {
		return fault(ErrInvalidSpec, "lv %s is no thin pool", pool.Name)
	}
	if spec.ResizeFS {
		return fault(ErrInvalidSpec, "there is no file system on a pool")
	}
	meta := tx.find(body.Metadata)
	if meta == nil {
		return fault(ErrDamaged, "there is no lv %s", body.Metadata)
	}
	size, err := oneOf(spec.To, spec.By)
	if err != nil {
		return err
	}
	n, err := tx.thinSize(meta, size, spec.By.IsZero(), true)
	if err != nil {
		return err
	}
	if most := extentsIn(tx.vg, maxPoolMetadata); n > most {
		if n = most; n <= meta.Extents() {
			return fault(ErrInvalidSize, "the kernel uses %d extents of metadata and no more", most)
		}
		spec.To, spec.By = ExtentCount(n), Size{}
	}
	if err := tx.growPart(meta.ID, spec); err != nil {
		return err
	}
	if tx.spare() != nil {
		if err := tx.keepSpare(0, spec.PVs); err != nil {
			return err
		}
	}
	tx.want(pool.ID, wish{})
	return nil
}

// ThinPoolChange says what of a thin pool is to be changed.
type ThinPoolChange struct {
	// Discards can be ignored, or no longer, only while the pool is not active
	// ([ErrBusy]).
	Discards ThinDiscards
	// Zeroing is whether chunks are zeroed before a volume gets them; see
	// [ThinPoolSpec].NoZeroing.
	Zeroing Choice
	// ErrorWhenFull is as in [ThinPoolSpec].
	ErrorWhenFull Choice
}

// ChangeThinPool changes how a thin pool works, if it is active while it is in use.
// lvm2: lvchange --discards, --zero, --errorwhenfull.
//
// Returns errors matching [ErrLVNotFound], [ErrInvalidSpec] if the volume is no thin
// pool, or [ErrBusy].
func (tx *Tx) ChangeThinPool(pool string, change ThinPoolChange) error {
	return tx.fail("change thin pool", pool, tx.changeThinPool(pool, change))
}

func (tx *Tx) changeThinPool(ref string, change ThinPoolChange) error {
	old, i, err := tx.lvToChange(ref)
	if err != nil {
		return err
	}
	was := thinPoolBody(old)
	if was == nil {
		return fault(ErrInvalidSpec, "lv %s is no thin pool", old.Name)
	}
	body := *was
	if body.Discards, err = change.Discards.or(was.Discards); err != nil {
		return err
	}
	ignores := body.Discards == metadata.DiscardsIgnore
	if ignores != (was.Discards == metadata.DiscardsIgnore) && tx.poolWorks(old.ID) {
		return fault(ErrBusy, "discards are ignored, or no longer, only from when pool %s is activated: deactivate it and its volumes first", old.Name)
	}
	for _, c := range []Choice{change.Zeroing, change.ErrorWhenFull} {
		if c > ChoiceYes {
			return fault(ErrInvalidSpec, "choice %d is unknown", uint8(c))
		}
	}
	if change.Zeroing != ChoiceUnset {
		body.ZeroNewBlocks = change.Zeroing == ChoiceYes
	}
	lv := withBody(old, &body)
	if change.ErrorWhenFull != ChoiceUnset {
		lv.Status = withFlag(lv.Status, metadata.LVErrorWhenFull, change.ErrorWhenFull == ChoiceYes)
	}
	if lv.Status == old.Status && body.Discards == was.Discards && body.ZeroNewBlocks == was.ZeroNewBlocks {
		return nil
	}
	return tx.put(i, lv)
}

// poolWorks says whether a pool has a device, for itself or its volumes.
func (tx *Tx) poolWorks(pool metadata.ID) bool {
	return tx.kern != nil && len(tx.kern.byLV[pool]) > 0
}
