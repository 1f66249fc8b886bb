package lvm

import (
	"slices"

	"github.com/lvm-go/lvm/metadata"
)

// trees is what the touched volumes come to: which trees of devices are to be
// there, and which volumes are to have no devices.
type trees struct {
	up   []tree // each once, in the order in which they were touched
	gone []metadata.ID
	off  map[metadata.ID]bool // of gone
}

// stays says whether a volume has its device, or gets it, when all is done.
func (b *builder) stays(t *trees, id metadata.ID) bool {
	w := b.tx.wishes[id]
	return b.tx.find(id) != nil && !t.off[id] && !w.deactivate && (w.activate || b.tx.kern.active(id))
}

// needed says whether active volumes lie on one that they share.
func (b *builder) needed(t *trees, id metadata.ID) bool {
	return slices.ContainsFunc(b.tx.ties().users[id], func(user metadata.ID) bool {
		return slices.ContainsFunc(b.tops(user), func(top metadata.ID) bool { return b.stays(t, top) || b.needed(t, top) })
	})
}

// tree is the devices that stand or fall with that of the volume at their top.
type tree struct {
	lv *metadata.LogicalVolume
	w  wish // of all volumes in it
	// passing: it is there only until the kernel was told of a change.
	passing bool
	// optional: nothing of it changes but that it is to be there, and if it cannot be,
	// the others are all the same.
	optional bool
}

// trees sorts the touched volumes.
func (b *builder) trees() *trees {
	tx := b.tx
	t := &trees{off: map[metadata.ID]bool{}}
	for _, id := range tx.order {
		if tx.find(id) == nil || tx.wishes[id].deactivate {
			b.takeDown(t, id)
		}
	}
	at := map[metadata.ID]int{}
	add := func(id, of metadata.ID, w wish) {
		if t.off[id] {
			return
		}
		i, ok := at[id]
		if !ok {
			passing := false
			if !b.stays(t, id) && !w.activate && !b.needed(t, id) {
				if passing = tx.tells[id]; !passing {
					return
				}
			}
			i = len(t.up)
			at[id] = i
			t.up = append(t.up, tree{lv: tx.find(id), passing: passing, optional: !passing})
		}
		_, changed := tx.index[of]
		t.up[i].optional = t.up[i].optional && w.optional && !changed
		all := &t.up[i].w
		all.activate, all.refresh, all.replace = all.activate || w.activate, all.refresh || w.refresh, all.replace || w.replace
	}
	for _, id := range tx.order {
		if tx.find(id) == nil {
			continue
		}
		tops := b.tops(id)
		// One that users see is in no tree of those, and comes to rest after them.
		alone, seen := !slices.Contains(tops, id) && b.standsAlone(id), tx.isVisible(tx.find(id))
		if alone && seen {
			add(id, id, tx.wishes[id])
		}
		for _, top := range tops {
			w := tx.wishes[id]
			if top != id {
				w.activate = w.activate && !isMove(tx.find(id)) // which copies by itself
			}
			add(top, id, w)
		}
		if alone && !seen {
			add(id, id, tx.wishes[id]) // a part that works by itself
		}
	}
	return t
}

// standsAlone says whether a part of other volumes may have its device without
// them. A snapshot cannot: it comes and goes with its origin.
func (b *builder) standsAlone(id metadata.ID) bool {
	_, cow := b.tx.snapshotBy(id)
	return !cow && snapshotLinkOf(b.tx.find(id)) == nil
}

// takeDown notes that an LV, with what comes and goes with it, is to have no
// devices.
func (b *builder) takeDown(t *trees, id metadata.ID) {
	if t.off[id] || b.needed(t, id) || b.tx.tells[id] && b.tx.find(id) != nil {
		return // at most its own device goes
	}
	t.off[id] = true
	t.gone = append(t.gone, id)
	for _, link := range b.tx.snapshotsOf(id) {
		b.takeDown(t, link.body.COW)
	}
	lv := b.tx.find(id)
	if lv == nil {
		lv = lvRecord(b.tx.st, id)
	}
	for _, below := range lvsBelow(lv) {
		inUse := slices.ContainsFunc(b.tops(below), func(top metadata.ID) bool {
			return !t.off[top] && (b.tx.kern.active(top) || b.tx.wishes[top].activate)
		})
		if !inUse {
			b.takeDown(t, below)
		}
	}
	for _, used := range usedBy(lv) {
		if !slices.ContainsFunc(b.tops(used), func(top metadata.ID) bool { return b.stays(t, top) }) {
			b.takeDown(t, used)
		}
	}
}

// tops returns the LVs whose trees an LV is in: itself, if it is in no other's.
func (b *builder) tops(id metadata.ID) []metadata.ID {
	if known, ok := b.topsOf[id]; ok {
		return known
	}
	out := b.findTops(id)
	if b.topsOf == nil {
		b.topsOf = map[metadata.ID][]metadata.ID{}
	}
	b.topsOf[id] = out
	return out
}

func (b *builder) findTops(id metadata.ID) []metadata.ID {
	if link, ok := b.tx.snapshotBy(id); ok {
		return b.tops(link.body.Origin)
	}
	if body := snapshotLinkOf(b.tx.find(id)); body != nil {
		return b.tops(body.Origin)
	}
	users := b.tx.ties().above[id]
	if len(users) == 0 {
		return []metadata.ID{id}
	}
	var out []metadata.ID
	for _, user := range users {
		for _, top := range b.tops(user) {
			if !slices.Contains(out, top) {
				out = append(out, top)
			}
		}
	}
	return out
}
