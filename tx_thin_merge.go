package lvm

import (
	"context"
	"errors"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/metadata"
)

// mergeThin makes an origin what a thin snapshot of it is: it takes the snapshot's
// device id, and what was the origin's goes. If one of the two is open, that is left
// to the next activation of the origin. Source: lvm2 as observed.
func (tx *Tx) mergeThin(snapshot *metadata.LogicalVolume) error {
	body := thinBody(snapshot)
	origin := tx.find(body.Origin)
	switch {
	case origin == nil:
		return fault(ErrInvalidSpec, "it is no snapshot of a volume that is there")
	case tx.thinMerging(origin.ID) != nil:
		return fault(ErrMerging, "lv %s is being merged into its origin %s", tx.thinMerging(origin.ID).Name, origin.Name)
	case origin.Status&(metadata.LVWrite|metadata.LVWriteLocked) == 0 || tx.sys.cfg.VolumeLists.forcesReadOnly(tx.vg, origin):
		return fault(ErrReadOnly, "its origin %s is read-only", origin.Name)
	case len(tx.snapshotsOf(origin.ID))+len(tx.snapshotsOf(snapshot.ID)) > 0:
		return fault(ErrBusy, "it, or its origin %s, has snapshots with cow stores", origin.Name)
	case len(tx.ties().users[origin.ID])+len(tx.ties().users[snapshot.ID]) > 0:
		return fault(ErrBusy, "it, or its origin %s, is an external origin", origin.Name)
	}
	if tx.fresh[snapshot.ID] || tx.fresh[origin.ID] {
		return fault(ErrBusy, "the kernel has yet to be told of it: that takes an update of its own")
	}
	closed, err := tx.thinsClosed(origin.ID, snapshot.ID)
	if err != nil {
		return err
	}
	if closed {
		return tx.takeThin(origin, snapshot)
	}
	own := *body
	own.Merge = origin.ID
	lv := withBody(snapshot, &own)
	lv.Status &^= metadata.LVVisible
	return tx.put(tx.indexOf(snapshot.ID), lv)
}

// thinsClosed says whether nobody has a thin volume open, nor a snapshot of it that is
// to be merged into it, or the kernel shows the snapshot in its place already.
func (tx *Tx) thinsClosed(origin, snapshot metadata.ID) (bool, error) {
	for _, id := range []metadata.ID{origin, snapshot} {
		if tx.sys.opened.isOpen(tx.vg.ID, id) {
			return false, nil
		}
		if tx.kern == nil {
			continue
		}
		m := tx.kern.top(id)
		if m == nil {
			continue
		}
		if err := tx.kern.look(m); err != nil {
			return false, err
		}
		if m.info.OpenCount > 0 && (id != origin || !tx.showsThin(m, snapshot)) {
			return false, nil
		}
	}
	return true, nil
}

// showsThin says whether a device, which was looked at, shows a thin volume.
func (tx *Tx) showsThin(m *mapped, thin metadata.ID) bool {
	body := thinBody(tx.find(thin))
	if body == nil || len(m.table) != 1 {
		return false
	}
	shown, ok := m.table[0].Target.(dm.Thin)
	return ok && shown.ID == body.DeviceID
}

// thinShown returns the snapshot that lvm2 has had the kernel show in the place of its
// origin when that was activated, and has yet to say so in the metadata.
func (tx *Tx) thinShown(origin metadata.ID) (*metadata.Thin, error) {
	snapshot, m := tx.thinMerging(origin), tx.kern.top(origin)
	if snapshot == nil || m == nil {
		return nil, nil
	}
	if err := tx.kern.look(m); err != nil || !tx.showsThin(m, snapshot.ID) {
		return nil, err
	}
	return thinBody(snapshot), nil
}

// takeThin gives an origin the device id and the size of its snapshot, which is
// removed; the kernel is told to forget what the origin had.
func (tx *Tx) takeThin(origin, snapshot *metadata.LogicalVolume) error {
	was := thinBody(origin)
	body := *thinBody(snapshot)
	body.Origin, body.Merge = metadata.ID{}, metadata.ID{}
	for i, lv := range tx.vg.LVs {
		of := thinBody(lv)
		if of == nil || lv.ID == snapshot.ID || of.Origin != origin.ID && of.Origin != snapshot.ID {
			continue
		}
		own := *of
		if own.Origin == origin.ID {
			own.Origin = metadata.ID{}
		} else {
			own.Origin = origin.ID
		}
		if err := tx.put(i, withBody(lv, &own)); err != nil {
			return err
		}
	}
	wanted, at := tx.wishes[origin.ID], tx.indexOf(snapshot.ID)
	tx.drop(tx.indexOf(origin.ID))
	lv := *origin
	lv.Segments = []metadata.Segment{{Count: snapshot.Extents(), Type: "thin", Body: &body}}
	lv.Segments[0].Tags = snapshot.Segments[0].Tags
	lv.Segments[0].Extra = snapshot.Segments[0].Extra
	if err := tx.put(at, &lv); err != nil {
		return err
	}
	delete(tx.index, snapshot.ID)
	delete(tx.untouched, snapshot.ID)
	tx.want(snapshot.ID, wish{deactivate: true})
	tx.wishes[origin.ID] = wanted
	return tx.tell(body.Pool, metadata.ThinMessage{Delete: was.DeviceID})
}

// finishThinMerge makes a merge that was put off, if nobody has its volumes open. It
// returns whether lv is the origin or the snapshot of such a merge.
func (tx *Tx) finishThinMerge(lv *metadata.LogicalVolume) (found bool, err error) {
	origin, snapshot := lv, tx.thinMerging(lv.ID)
	if body := thinBody(lv); body != nil && !body.Merge.IsZero() {
		origin, snapshot = tx.find(body.Merge), lv
	}
	if origin == nil || snapshot == nil || thinBody(origin) == nil {
		return false, nil
	}
	closed, err := tx.thinsClosed(origin.ID, snapshot.ID)
	if err == nil && !closed {
		err = fault(ErrMerging, "it waits until nobody has lv %s and lv %s open, or lv %s is next activated", origin.Name, snapshot.Name, origin.Name)
	}
	if err != nil {
		return true, err
	}
	return true, tx.whole(func() error { return tx.takeThin(origin, snapshot) })
}

// mergeAtActivation makes a merge that waits for the origin to be activated: what is
// written to it from then on must not be lost.
func (tx *Tx) mergeAtActivation(lv *metadata.LogicalVolume, w wish) (*metadata.LogicalVolume, error) {
	snapshot := tx.thinMerging(lv.ID)
	switch {
	case snapshot == nil:
		return lv, nil
	case w.deactivate:
		tx.want(snapshot.ID, wish{deactivate: true})
		return lv, nil
	case !w.activate || tx.kern.active(lv.ID):
		return lv, nil
	}
	if err := tx.own(); err != nil {
		return nil, err
	}
	if _, err := tx.finishThinMerge(lv); err != nil {
		return nil, err
	}
	return tx.find(lv.ID), nil
}

// mergeOrFinishThin merges a thin snapshot whose merge may have been put off before.
func (tx *Tx) mergeOrFinishThin(snapshot *metadata.LogicalVolume) error {
	if thinBody(snapshot).Merge.IsZero() {
		return tx.MergeSnapshot(snapshot.Name)
	}
	if err := tx.FinishMerge(snapshot.Name); !errors.Is(err, ErrMerging) {
		return err
	}
	return nil
}

// resumeThinMerge makes a merge that was put off, if that can be.
func (s *System) resumeThinMerge(ctx context.Context, vg string, snapshot metadata.ID) (*mergeJob, error) {
	j := &mergeJob{over: true}
	err := s.Update(ctx, vg, func(tx *Tx) error {
		lv, _, err := tx.lvFor(snapshot.String())
		if errors.Is(err, ErrLVNotFound) || err == nil && thinBody(lv).Merge.IsZero() {
			return nil // somebody else was quicker
		}
		if err != nil {
			return err
		}
		origin := thinBody(lv).Merge
		j.result = MergeResult{Snapshot: lv.Name, Origin: tx.nameOf(origin)}
		if err := tx.mergeOrFinishThin(lv); err != nil {
			return err
		}
		j.result.Deferred = tx.thinMerging(origin) != nil
		return nil
	})
	return j, err
}
