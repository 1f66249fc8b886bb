package lvm

import (
	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/metadata"
)

// What the uuids of the devices of a thin pool and of its parts end with.
// Source: lvm2 as observed.
const (
	thinPoolLayer = "tpool" // the pool, which the thin volumes lie on
	thinDataLayer = "tdata"
	thinMetaLayer = "tmeta"
	poolTopLayer  = "pool" // what users see of a pool that is in use
)

// thinPoolType renders thin pools:
//
//	pool_tmeta, pool_tdata
//	pool-tpool   thin-pool pool_tmeta pool_tdata
//	pool         linear    pool-tpool, read-only, if the pool itself is active
//
// A pool that never had a volume has one device in place of the last two.
// Source: lvm2 as observed.
type thinPoolType struct{}

func (thinPoolType) handles(b metadata.Body) bool { _, ok := b.(*metadata.ThinPool); return ok }

func (thinPoolType) mark(b metadata.Body, set func(metadata.ID, string)) {
	pool := b.(*metadata.ThinPool)
	set(pool.Data, thinDataLayer)
	set(pool.Metadata, thinMetaLayer)
}

func (thinPoolType) target(r *renderer, seg *metadata.Segment) (dm.Target, error) {
	body := seg.Body.(*metadata.ThinPool)
	t := dm.ThinPool{
		BlockSize: body.ChunkSize, SkipZeroing: !body.ZeroNewBlocks,
		ErrorIfNoSpace: r.at.lv.Status&metadata.LVErrorWhenFull != 0,
	}
	switch body.Discards {
	case metadata.DiscardsNoPassdown:
		t.Discard = dm.ThinDiscardNoPassdown
	case metadata.DiscardsIgnore:
		t.Discard = dm.ThinDiscardIgnore
	}
	err := r.beneath(func() (err error) {
		if t.Metadata, err = r.part(body.Metadata); err == nil {
			t.Data, err = r.part(body.Data)
		}
		return err
	})
	return t, err
}

func (thinPoolType) volume(r *renderer, lv *metadata.LogicalVolume) (string, error) {
	body := lv.Segments[0].Body.(*metadata.ThinPool)
	layer, used := "", body.TransactionID > 0 || len(r.ties.users[lv.ID]) > 0
	if used {
		layer = thinPoolLayer
	}
	n, err := r.node(lv, layer)
	if err != nil {
		return "", err
	}
	n.uuid, n.readOnly = dmUUID(r.vg.ID, lv.ID, thinPoolLayer), false
	n.early, n.queues, n.rereads, n.tells = true, true, true, lv.ID
	if n.table, err = r.table(lv, layer); err != nil {
		return "", err
	}
	pool := r.put(n)
	if used && (r.shown == nil || r.shown(lv.ID)) {
		top, err := r.node(lv, "")
		if err != nil {
			return "", err
		}
		top.uuid, top.readOnly, top.hidden, top.late, top.queues = dmUUID(r.vg.ID, lv.ID, poolTopLayer), true, true, true, true
		top.table = dm.Table{{Length: n.table.Length(), Target: dm.Linear{Device: pool}}}
		r.put(top)
	}
	r.done[lv.ID] = pool
	return pool, nil
}
