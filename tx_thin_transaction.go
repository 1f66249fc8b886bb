package lvm

import (
	"errors"
	"fmt"
	"strings"

	"github.com/lvm-go/lvm/internal/thinmeta"
	"github.com/lvm-go/lvm/metadata"
	"github.com/lvm-go/lvm/units"
)

// TransactionIDSpec says what is done with volumes that a thin pool and its group do
// not both have. The zero value refuses to do anything with them.
type TransactionIDSpec struct {
	// RemoveMissing takes volumes out of the group that the pool has not, or that
	// have the number of another one there. There is nothing of them in the pool.
	RemoveMissing bool
	// AdoptUnknown makes logical volumes of what the pool has and the group has not:
	// pool_dev7 of device 7, as large as what is known of it, and not activated by
	// itself. Remove those that were to be removed.
	AdoptUnknown bool
}

// RepairTransactionID brings the metadata of the group to the transaction ID that a thin
// pool has in its own. The two differ where one of them was restored from a backup, or
// somebody died or told the pool something past the group; then lvm2 does not activate
// it, since the one may mean other volumes than the other by the same numbers. If the
// two do not differ, nothing is done.
//
// The pool is the one that is believed: what it has is what can be read. A volume is
// taken for the same if it has the same number and was made in the same transaction.
// Each other one stands against the repair, by name, unless the spec says what becomes of
// it; so nothing that is in the pool is ever lost, and no new volume gets the number of
// one that the pool has. Messages that the pool has yet to be told are dropped: what
// they were to make is missing then, and what they were to delete unknown.
//
// If the group was restored from a backup that is too old, restore a newer one instead,
// by [Tx.RestoreVG], as far as there is one: the names are in there.
//
// The pool must not be active ([ErrBusy]). Returns other errors matching
// [ErrLVNotFound], [ErrInvalidSpec] if the volume is no thin pool, [ErrTransactionID] if
// volumes stand against it, and [ErrDamaged] if the metadata of the pool cannot be
// understood: see [Tx.RepairThinPool].
func (tx *Tx) RepairTransactionID(pool string, spec TransactionIDSpec) error {
	return tx.fail("repair transaction id of pool", pool, tx.whole(func() error { return tx.repairTransactionID(pool, spec) }))
}

func (tx *Tx) repairTransactionID(ref string, spec TransactionIDSpec) error {
	pool, i, err := tx.lvToChange(ref)
	if err != nil {
		return err
	}
	if thinPoolBody(pool) == nil {
		return fault(ErrInvalidSpec, "lv %s is no thin pool", pool.Name)
	}
	if tx.st == nil || pool != lvRecord(tx.st, pool.ID) || tx.tells[pool.ID] {
		return fault(ErrUnsupported, "pool %s is changed in this update: that takes one of its own", pool.Name)
	}
	if err := tx.poolUnused(pool); err != nil {
		return err
	}
	p, err := tx.st.layout().pool(pool, tx.h, 0)
	if err != nil {
		return fromFormat(err)
	}
	if err := p.same(); err == nil {
		return nil
	} else if p.meta == nil {
		return err
	}
	missing, unknown, err := p.unlike()
	if err != nil {
		return fromFormat(err)
	}
	if err := refuseUnlike(pool, missing, unknown, spec); err != nil {
		return err
	}
	for _, lv := range missing {
		if err := tx.dropThin(lv); err != nil {
			return err
		}
	}
	body := *p.body
	body.TransactionID, body.Messages = p.meta.TransactionID(), nil
	if err := tx.put(i, withBody(pool, &body)); err != nil {
		return err
	}
	for _, d := range unknown {
		if err := tx.adoptThin(pool, p, d); err != nil {
			return err
		}
	}
	return nil
}

// unlike returns the volumes of the group that are not in the pool, and the devices of
// the pool that are not in the group.
func (p *openPool) unlike() (missing []*metadata.LogicalVolume, unknown []thinmeta.Details, err error) {
	has := map[uint32]thinmeta.Details{}
	var order []uint32
	for d, err := range p.meta.Devices() {
		if err != nil {
			return nil, nil, err
		}
		has[d.ID] = d
		order = append(order, d.ID)
	}
	for _, lv := range p.g.vg.LVs {
		body := thinBody(lv)
		if body == nil || body.Pool != p.lv.ID {
			continue
		}
		if d, ok := has[body.DeviceID]; ok && d.TransactionID == body.TransactionID {
			delete(has, body.DeviceID)
		} else {
			missing = append(missing, lv)
		}
	}
	for _, id := range order {
		if d, ok := has[id]; ok {
			unknown = append(unknown, d)
		}
	}
	return missing, unknown, nil
}

// refuseUnlike names the volumes that stand against a repair.
func refuseUnlike(pool *metadata.LogicalVolume, missing []*metadata.LogicalVolume, unknown []thinmeta.Details, spec TransactionIDSpec) error {
	const most = 10 // in an error
	var what []string
	if len(missing) > 0 && !spec.RemoveMissing {
		var names []string
		for _, lv := range missing[:min(most, len(missing))] {
			names = append(names, lv.Name)
		}
		what = append(what, fmt.Sprintf("of %d volumes of the group it has nothing (%s)", len(missing), strings.Join(names, " ")))
	}
	if len(unknown) > 0 && !spec.AdoptUnknown {
		var ids []string
		for _, d := range unknown[:min(most, len(unknown))] {
			ids = append(ids, fmt.Sprintf("%d", d.ID))
		}
		what = append(what, fmt.Sprintf("it has %d devices that the group does not know (%s)", len(unknown), strings.Join(ids, " ")))
	}
	if len(what) == 0 {
		return nil
	}
	return fault(ErrTransactionID, "pool %s: %s", pool.Name, strings.Join(what, ", and "))
}

// dropThin takes a thin volume out of the group that is not in the pool.
func (tx *Tx) dropThin(old *metadata.LogicalVolume) error {
	lv := tx.find(old.ID)
	t := tx.ties()
	switch body := thinBody(lv); {
	case !tx.isVisible(lv), !body.Merge.IsZero(), tx.thinMerging(lv.ID) != nil:
		return fault(ErrMerging, "lv %s, which the pool has not, is merged with another one, or a part of it", lv.Name)
	case t.isPart(lv.ID), len(t.users[lv.ID]) > 0, len(tx.snapshotsOf(lv.ID)) > 0:
		return fault(ErrBusy, "other volumes need lv %s, which the pool has not: remove them first", lv.Name)
	case tx.staysActive(lv.ID) || tx.sys.opened.isOpen(tx.vg.ID, lv.ID):
		return fault(ErrBusy, "lv %s is in use", lv.Name)
	}
	err := tx.thinSnapshots(lv.ID, func(i int, snapshot *metadata.LogicalVolume, of *metadata.Thin) error {
		own := *of
		own.Origin = metadata.ID{}
		return tx.put(i, withBody(snapshot, &own))
	})
	if err == nil {
		tx.drop(tx.indexOf(lv.ID))
	}
	return err
}

// adoptThin makes a logical volume of a device of a pool. The pool does not know how
// large it was, but where what was written ends.
func (tx *Tx) adoptThin(pool *metadata.LogicalVolume, p *openPool, d thinmeta.Details) error {
	device, err := p.meta.Device(d.ID)
	if err != nil {
		return fromFormat(err)
	}
	end := thinmeta.Block(0)
	for run, err := range device.Mappings(0) {
		if err != nil {
			return fromFormat(err)
		}
		end = run.Virtual + run.Length
	}
	size := inBlocks(uint64(end), sectorBytes(p.body.ChunkSize))
	extents, err := ExactSize(max(size, 1)).resolve(sizeContext{ExtentSize: tx.vg.ExtentSize})
	if err != nil {
		return err
	}
	if extents > units.MaxExtents {
		return fault(ErrDamaged, "device %d of pool %s ends at byte %d", d.ID, pool.Name, uint64(size))
	}
	lv, _, err := tx.newLV(LVSpec{Name: fmt.Sprintf("%s_dev%d", pool.Name, d.ID), ActivationSkip: true})
	if err != nil {
		return err
	}
	body := &metadata.Thin{Pool: pool.ID, DeviceID: d.ID, TransactionID: d.TransactionID}
	lv.Segments = []metadata.Segment{{Count: extents, Type: "thin", Body: body}}
	return tx.put(-1, lv)
}

// usablePool refuses to have the kernel use what it would take for something else: it makes
// a new pool where there is nothing, and its volumes are those of another transaction
// where that is not the one that the group says, or the one before it. false says that it
// is to make a new pool. What else may be wrong shows later. Source: lvm2 as observed,
// which makes a new one in any case.
func (tx *Tx) usablePool(pool *metadata.LogicalVolume) (bool, error) {
	p, err := tx.st.layout().pool(pool, tx.h, 0)
	switch {
	case errors.Is(err, thinmeta.ErrBlank):
		return false, fault(ErrDamaged, "the metadata of pool %s is blank, and the kernel would make a pool without volumes of it", pool.Name)
	case err != nil:
		return true, nil
	case p.meta == nil:
		return false, nil
	}
	if err := p.same(); err != nil && p.meta.TransactionID()+1 != p.body.TransactionID {
		return true, fmt.Errorf("%w: RepairTransactionID sees to it", err)
	}
	return true, nil
}
