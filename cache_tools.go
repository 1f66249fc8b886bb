package lvm

import "github.com/lvm-go/lvm/metadata"

// RepairCachePool writes the metadata of a cache anew, with what cache_repair
// understands of it, into the spare that is kept for that, or a new volume if there
// is none. lv is the cached volume, or a cache pool that no volume has. The damaged metadata
// stays as a volume, lv_meta0, which is returned: remove it once all is there. A new spare
// is made if there is room for it. lvm2: lvconvert --repair.
//
// What a writeback cache had not written back, and is not in what cache_repair
// understands, is lost: the volume then has what was written there before.
//
// Returns an error matching [ErrLVNotFound], [ErrInvalidSpec] if the volume has no cache,
// [ErrBusy] if it is active, [ErrUnsupported] if the cache is a cachevol, which has no place
// to repair it to, in image mode, or where cache_repair is not there; a *[SpaceError] if there is no
// room for the new metadata. When it is applied: a [*ToolError] if cache_repair fails,
// [ErrDamaged] if what it has written is no metadata of this cache. Then all is as it was.
// The volume is activated in another update.
func (tx *Tx) RepairCachePool(lv string, spec RepairPoolSpec) (*LogicalVolume, error) {
	var kept *metadata.LogicalVolume
	err := tx.whole(func() (err error) { kept, err = tx.repairCachePool(lv, spec); return err })
	if err != nil {
		return nil, tx.fail("repair cache pool", lv, err)
	}
	return tx.viewLV(kept), nil
}

func (tx *Tx) repairCachePool(ref string, spec RepairPoolSpec) (*metadata.LogicalVolume, error) {
	lv, i, err := tx.lvToChange(ref)
	if err != nil {
		return nil, err
	}
	if _, ok := bodyOf[*metadata.CachePool](lv); ok {
		return tx.rewriteMetadata(lv, i, lv.Name, lv, spec)
	}
	top, body, err := tx.cachedLV(lv)
	if err != nil {
		return nil, err
	}
	if top.Segments[0].HasFlag(cacheFlag) {
		return nil, fault(ErrUnsupported, "lv %s has its cache in one volume with its metadata: that is repaired by hand", lv.Name)
	}
	pool := tx.find(body.Pool)
	if _, ok := bodyOf[*metadata.CachePool](pool); !ok {
		return nil, fault(ErrDamaged, "the cache pool of lv %s is none", lv.Name)
	}
	return tx.rewriteMetadata(pool, tx.indexOf(pool.ID), lv.Name, lv, spec)
}
