package lvm

import (
	"context"

	"github.com/lvm-go/lvm/metadata"
)

// PoolAutoExtend says when thin pools get more space, and how much. lvm2:
// thin_pool_autoextend_threshold and thin_pool_autoextend_percent, for data and for
// metadata.
type PoolAutoExtend struct {
	Data, Metadata AutoExtend // the zero value extends none
}

func (a PoolAutoExtend) check() error {
	for _, e := range []AutoExtend{a.Data, a.Metadata} {
		if e == (AutoExtend{}) {
			continue
		}
		if err := e.check(); err != nil {
			return err
		}
	}
	if a == (PoolAutoExtend{}) {
		return fault(ErrInvalidSpec, "no threshold given")
	}
	return nil
}

// by returns by how many percent something is to grow that is as full as that.
func (a AutoExtend) by(full Percent) uint {
	if a == (AutoExtend{}) {
		return 0
	}
	return a.growth(full)
}

// wants says whether a pool is to grow. One that has failed cannot, nor one that has to
// be checked.
func (a PoolAutoExtend) wants(u ThinPoolUsage) bool {
	return u.Mode != ThinPoolFailed && u.Mode != ThinPoolUnknown && !u.NeedsCheck && a.Data.by(u.DataPercent())+a.Metadata.by(u.MetadataPercent()) > 0
}

// PoolExtension is what a thin pool got.
type PoolExtension struct {
	Pool                          string
	DataBefore, DataAfter         Bytes
	MetadataBefore, MetadataAfter Bytes
}

// grew says whether the pool got anything.
func (e PoolExtension) grew() bool {
	return e.DataAfter > e.DataBefore || e.MetadataAfter > e.MetadataBefore
}

// ExtendPools gives the active thin pools of a group more space that are too full. The
// spare that is there for their repair grows with the metadata. Pools that have failed,
// or have to be checked, are passed over. lvm2: what dmeventd does, lvextend
// --use-policies.
//
// It tries all, and returns those that it has extended, and errors as [Tx.ExtendLV] does
// for those that it could not. [System.Monitor] does it all the time.
func (s *System) ExtendPools(ctx context.Context, vg string, a PoolAutoExtend) ([]PoolExtension, error) {
	if err := a.check(); err != nil {
		return nil, &OpError{Op: "extend pools", VG: vg, Err: err}
	}
	v, err := s.VG(ctx, vg)
	if err != nil {
		return nil, err
	}
	var out []PoolExtension
	var errs []error
	for lv := range v.LVs() {
		if !lv.IsThinPool() || len(v.devices[lv.rec.ID]) == 0 {
			continue
		}
		u, err := lv.ThinPoolUsage()
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if !a.wants(u) {
			continue
		}
		got, err := s.extendPool(ctx, v.rec.ID, lv.rec.ID, a)
		if err != nil {
			errs = append(errs, err)
		} else if got.grew() {
			out = append(out, got)
		}
	}
	return out, joinErrors(errs...)
}

// extendPool extends a pool if it is still too full.
func (s *System) extendPool(ctx context.Context, vg, id metadata.ID, a PoolAutoExtend) (PoolExtension, error) {
	var out PoolExtension
	err := s.Update(ctx, vg.String(), func(tx *Tx) error {
		out = PoolExtension{}
		pool := tx.find(id)
		body := thinPoolBody(pool)
		if body == nil {
			return nil
		}
		u, err := tx.VG().lvByID(id).ThinPoolUsage()
		if err != nil {
			return err
		}
		meta := tx.find(body.Metadata)
		if meta == nil {
			return tx.fail("extend pools", pool.Name, fault(ErrDamaged, "there is no lv %s", body.Metadata))
		}
		out.Pool, out.DataBefore, out.MetadataBefore = pool.Name, tx.bytes(pool.Extents()), tx.bytes(meta.Extents())
		if by := a.Metadata.by(u.MetadataPercent()); by > 0 {
			if err := tx.ExtendPoolMetadata(pool.Name, ExtendSpec{By: PercentLV(by)}); err != nil {
				return err
			}
		}
		if by := a.Data.by(u.DataPercent()); by > 0 {
			if err := tx.ExtendLV(pool.Name, ExtendSpec{By: PercentLV(by)}); err != nil {
				return err
			}
		}
		out.DataAfter, out.MetadataAfter = tx.bytes(tx.find(id).Extents()), tx.bytes(tx.find(body.Metadata).Extents())
		return nil
	})
	return out, err
}
