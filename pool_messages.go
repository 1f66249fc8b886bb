package lvm

import (
	"slices"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/metadata"
)

// tell has the kernel told of changes to the volumes of a thin pool, in the order
// of the messages. All changes of a transaction raise the pool's transaction ID
// once: with it the text names the messages, until the kernel has them all.
// Source: lvm2 as observed.
func (tx *Tx) tell(pool metadata.ID, messages ...metadata.ThinMessage) error {
	lv, body, err := tx.poolBody(pool)
	if err != nil {
		return err
	}
	// In image mode nobody was told yet of what waits there.
	waiting := tx.sys.kernel == nil && len(body.Messages) > 0
	if !tx.tells[pool] && !waiting {
		body.TransactionID++
	}
	queue := tx.queue(pool)
	final, between := withBody(lv, body), *body
	final.Segments[0].Body.(*metadata.ThinPool).Messages = nil
	between.Messages = slices.Concat(queue, messages)
	if err := tx.putMeanwhile(tx.indexOf(pool), final, withBody(lv, &between)); err != nil {
		return err
	}
	if tx.tells == nil {
		tx.tells = map[metadata.ID]bool{}
	}
	tx.tells[pool] = true
	return nil
}

// queue returns what the kernel of a pool is to be told by this transaction; in image
// mode, all that it has yet to be told.
func (tx *Tx) queue(pool metadata.ID) []metadata.ThinMessage {
	lv := tx.meanwhile[pool]
	if tx.sys.kernel == nil {
		lv = tx.find(pool)
	}
	if body := thinPoolBody(lv); body != nil {
		return body.Messages
	}
	return nil
}

// untell takes the creation of a thin volume out of what the kernel of its pool is
// to be told.
func (tx *Tx) untell(pool, thin metadata.ID) error {
	_, body, err := tx.poolBody(pool)
	if err != nil {
		return err
	}
	left := slices.DeleteFunc(slices.Clone(tx.queue(pool)), func(m metadata.ThinMessage) bool { return m.Create == thin })
	if between := tx.meanwhile[pool]; between != nil {
		own := *thinPoolBody(between)
		own.Messages = left
		tx.meanwhile[pool] = withBody(between, &own)
		return nil
	}
	if body.Messages = left; len(left) == 0 {
		body.TransactionID--
		delete(tx.tells, pool)
	}
	return tx.put(tx.indexOf(pool), withBody(tx.find(pool), body))
}

// keepQueue has what a pool's kernel is to be told go on to the record that takes
// the place of another one.
func (tx *Tx) keepQueue(lv *metadata.LogicalVolume) {
	between := thinPoolBody(tx.meanwhile[lv.ID])
	if between == nil || thinPoolBody(lv) == nil {
		return
	}
	body := *thinPoolBody(lv)
	body.Messages = between.Messages
	tx.meanwhile[lv.ID] = withBody(lv, &body)
}

// poolBody returns a thin pool as the final text has it, with a copy of what is
// particular to it.
func (tx *Tx) poolBody(pool metadata.ID) (*metadata.LogicalVolume, *metadata.ThinPool, error) {
	lv := tx.find(pool)
	if lv != nil && len(lv.Segments) == 1 {
		if body, ok := lv.Segments[0].Body.(*metadata.ThinPool); ok {
			own := *body
			return lv, &own, nil
		}
	}
	return nil, nil, fault(ErrDamaged, "lv %s is no thin pool", pool)
}

// withBody returns a copy of an LV of one segment, with another body.
func withBody(lv *metadata.LogicalVolume, body metadata.Body) *metadata.LogicalVolume {
	own := *lv
	own.Segments = slices.Clone(lv.Segments)
	own.Segments[0].Body = body
	return &own
}

// tellPool plans what the kernel is told once the device of a pool works: before
// the commit what it may have missed, and after it what is new.
func (b *builder) tellPool(n node) error {
	tx := b.tx
	if n.tells.IsZero() || !tx.tells[n.tells] {
		return nil
	}
	ref := deviceRef{Name: n.name, UUID: n.uuid}
	was := &metadata.ThinPool{}
	if body := thinPoolBody(lvRecord(tx.st, n.tells)); body != nil {
		was = body
	}
	now := thinPoolBody(tx.findNow(n.tells))
	again := was.TransactionID == now.TransactionID // and nothing is new
	if !again {
		if err := b.tellMissed(ref, was); err != nil {
			return err
		}
	}
	var made, gone []metadata.ThinMessage
	for _, m := range now.Messages {
		if m.Create.IsZero() {
			gone = append(gone, m)
		} else {
			made = append(made, m)
		}
	}
	texts, err := b.messages(made, tx.find)
	if err != nil {
		return err
	}
	// What is made, is while origins are at rest. What goes may be held until devices
	// have their new tables.
	if len(texts) > 0 {
		b.resume = append(b.resume, &TellPool{deviceRef: ref, ID: now.TransactionID, Messages: texts, after: true, again: again, more: true})
	}
	if texts, err = b.messages(gone, tx.find); err != nil {
		return err
	}
	b.confirm = slices.Insert(b.confirm, 0, Step(&TellPool{deviceRef: ref, ID: now.TransactionID, Messages: texts, after: true, again: again}))
	return nil
}

// tellMissed plans that the kernel is told, before anything new, what it was to be
// told when somebody died.
func (b *builder) tellMissed(pool deviceRef, was *metadata.ThinPool) error {
	tx := b.tx
	texts, err := b.messages(was.Messages, func(id metadata.ID) *metadata.LogicalVolume { return lvRecord(tx.st, id) })
	if err != nil {
		return err
	}
	var held []deviceRef
	for _, m := range was.Messages {
		body := thinBody(lvRecord(tx.st, m.Create))
		if body == nil || body.Origin.IsZero() {
			continue
		}
		for _, layer := range []string{"", realLayer} {
			origin := tx.kern.byUUID[dmUUID(b.plan.ID, body.Origin, layer)]
			if origin == nil {
				continue
			}
			if err := tx.kern.look(origin); err != nil {
				return err
			}
			ref := deviceRef{Name: origin.name, UUID: origin.uuid}
			if origin.info.LiveTable && !origin.info.Suspended && !slices.Contains(held, ref) {
				held = append(held, ref)
			}
		}
	}
	for _, ref := range held {
		b.load = append(b.load, &SuspendDevice{deviceRef: ref, FreezeFS: true})
	}
	b.load = append(b.load, &TellPool{deviceRef: pool, ID: was.TransactionID, Messages: texts, again: true})
	for _, ref := range slices.Backward(held) {
		b.load = append(b.load, &ResumeDevice{deviceRef: ref, early: true})
	}
	return nil
}

// messages returns what the kernel is told. One of a volume that is no more is
// left out.
func (b *builder) messages(list []metadata.ThinMessage, find func(metadata.ID) *metadata.LogicalVolume) ([]string, error) {
	var texts []string
	for _, m := range list {
		if m.Create.IsZero() {
			texts = append(texts, dm.ThinDelete(m.Delete))
			continue
		}
		lv := find(m.Create)
		if lv == nil || len(lv.Segments) != 1 {
			continue
		}
		body, ok := lv.Segments[0].Body.(*metadata.Thin)
		if !ok {
			return nil, fault(ErrDamaged, "lv %s is no thin volume, and to be made in a pool", lv.Name)
		}
		origin := find(body.Origin)
		if body.Origin.IsZero() || origin == nil {
			texts = append(texts, dm.ThinCreate(body.DeviceID))
			continue
		}
		from, ok := origin.Segments[0].Body.(*metadata.Thin)
		if !ok {
			return nil, fault(ErrDamaged, "lv %s is no thin volume, and origin of %s", origin.Name, lv.Name)
		}
		texts = append(texts, dm.ThinSnap(body.DeviceID, from.DeviceID))
	}
	return texts, nil
}
