package lvm

import (
	"context"
	"slices"

	"github.com/lvm-go/lvm/metadata"
)

// redeliver tells the kernel of the thin pools of a group what it was not told,
// since who was about to died.
func (s *System) redeliver(ctx context.Context, ref string, rec *Recovery) error {
	if s.kernel == nil {
		return nil
	}
	v, err := s.VG(ctx, ref)
	if err != nil || !slices.ContainsFunc(v.rec.LVs, missesMessages) {
		return nil // recoverGroup tells what is wrong with the group
	}
	told := 0
	err = s.Update(ctx, ref, func(tx *Tx) (err error) {
		told = 0
		if tx.vg != nil && tx.own() == nil { // otherwise nobody may change it
			told, err = tx.redeliver()
		}
		return err
	})
	if err == nil && told > 0 {
		rec.Done = append(rec.Done, v.Name()+": tell the kernel what its thin pools have missed")
	}
	return err
}

// missesMessages says whether an LV is a thin pool whose kernel has yet to be told
// something.
func missesMessages(lv *metadata.LogicalVolume) bool {
	body := thinPoolBody(lv)
	return body != nil && len(body.Messages) > 0
}

// redeliver has the kernel told what waits in the metadata. It returns of how many
// pools.
func (tx *Tx) redeliver() (pools int, err error) {
	for i, lv := range tx.vg.LVs {
		if !missesMessages(lv) {
			continue
		}
		old := thinPoolBody(lv)
		body := *old
		body.Messages = nil
		if err := tx.putMeanwhile(i, withBody(lv, &body), lv); err != nil {
			return pools, err
		}
		if tx.tells == nil {
			tx.tells = map[metadata.ID]bool{}
		}
		tx.tells[lv.ID] = true
		for _, m := range old.Messages {
			if of := thinBody(tx.find(m.Create)); of != nil {
				tx.noteFresh(m.Create)
				tx.want(m.Create, wish{}) // it may show what it was before
				if !of.Origin.IsZero() {
					tx.want(of.Origin, wish{})
				}
			}
		}
		pools++
	}
	return pools, nil
}
