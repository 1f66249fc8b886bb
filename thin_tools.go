package lvm

import (
	"github.com/lvm-go/lvm/metadata"
)

// RepairThinPool writes the metadata of a thin pool anew, with what thin_repair
// understands of it, into the spare that is kept for that, or a new volume if there
// is none. The damaged metadata stays as a volume, pool_meta0, which is returned:
// remove it once all that was in the pool is there. A new spare is made if there is
// room for it. lvm2: lvconvert --repair.
//
// Where a mapping was lost, a volume reads as zeroes, or it cannot be activated any
// more: [LogicalVolume.CheckPool] says which are not in the pool.
//
// Returns an error matching [ErrLVNotFound], [ErrInvalidSpec] if the volume is no thin
// pool, [ErrBusy] if it or one of its volumes is active, [ErrUnsupported] in image mode,
// or where thin_repair is not there; a *[SpaceError] if there is no room for the new
// metadata. When it is applied: a [*ToolError] if thin_repair fails, [ErrDamaged] if what
// it has written is no metadata of this pool. Then all is as it was. The pool is activated in another
// update.
func (tx *Tx) RepairThinPool(pool string, spec RepairPoolSpec) (*LogicalVolume, error) {
	var kept *metadata.LogicalVolume
	err := tx.whole(func() (err error) { kept, err = tx.repairThinPool(pool, spec); return err })
	if err != nil {
		return nil, tx.fail("repair thin pool", pool, err)
	}
	return tx.viewLV(kept), nil
}

func (tx *Tx) repairThinPool(ref string, spec RepairPoolSpec) (*metadata.LogicalVolume, error) {
	pool, i, err := tx.lvToChange(ref)
	if err != nil {
		return nil, err
	}
	if thinPoolBody(pool) == nil {
		return nil, fault(ErrInvalidSpec, "lv %s is no thin pool", pool.Name)
	}
	return tx.rewriteMetadata(pool, i, pool.Name, pool, spec)
}
