package lvm

import (
	"reflect"
	"slices"
	"sync"

	"github.com/lvm-go/lvm/metadata"
)

// groupLayout is where the volumes of a group lie. It does not change.
type groupLayout struct {
	vg      *metadata.VolumeGroup
	extents func() *ExtentMap
	links   func() *snapshotLinks
	ties    func() *ties
	members map[metadata.ID]*member
	written bool // false: of a transaction that creates the group
}

func (st *vgState) layout() *groupLayout {
	return newLayout(groupLayout{vg: st.doc.VG, extents: st.extents, links: st.links, members: st.members, written: true})
}

func (l *LogicalVolume) layout() *groupLayout {
	return newLayout(groupLayout{vg: l.vg.rec, extents: l.vg.extents, links: l.vg.links, members: l.vg.members, written: !l.vg.fresh})
}

// newLayout completes a layout.
func newLayout(g groupLayout) *groupLayout {
	vg := g.vg
	if g.extents == nil {
		g.extents = sync.OnceValue(func() *ExtentMap { return NewExtentMap(vg) })
	}
	if g.links == nil {
		g.links = sync.OnceValue(func() *snapshotLinks { return newSnapshotLinks(vg) })
	}
	g.ties = sync.OnceValue(func() *ties { return newTies(vg) })
	return &g
}

// layout returns what the group is once the plan is carried out, nil if it is
// no more.
func (p *Plan) layout() *groupLayout {
	if p.after == nil || p.after.VG == nil {
		return nil
	}
	return newLayout(groupLayout{vg: p.after.VG, members: p.tx.members, written: true})
}

// find returns a volume, nil if there is none.
func (g *groupLayout) find(id metadata.ID) *metadata.LogicalVolume {
	return lvByID(g.vg, id)
}

// file returns the extents of a volume.
func (g *groupLayout) file(lv *metadata.LogicalVolume, h *handles) *extentFile {
	return newExtentFile(g.vg, lv, g.extents(), g.members, h)
}

// keeps says whether a volume has in another layout all extents that it has
// here, or, if it is shorter there, the first of them. A volume that it lies on
// counts with it.
func (g *groupLayout) keeps(other *groupLayout, id metadata.ID) bool {
	return keepsExtents(g.extents(), other.extents(), id, map[metadata.ID]bool{})
}

// keepsExtents looks at each volume once, which it notes in seen.
func keepsExtents(a, b *ExtentMap, id metadata.ID, seen map[metadata.ID]bool) bool {
	if seen[id] {
		return true
	}
	seen[id] = true
	i, ok := a.lvIndex[id]
	j, there := b.lvIndex[id]
	if !ok || !there {
		return false
	}
	was, is := a.lvs[i].segments, b.lvs[j].segments
	for n := range min(len(was), len(is)) {
		// Only the last one can have grown, or been cut.
		s, t := &was[n], &is[n]
		last := n == min(len(was), len(is))-1
		if s.Start != t.Start || s.Type != t.Type || s.Count != t.Count && !last || !reflect.DeepEqual(s.Body, t.Body) {
			return false
		}
		for _, area := range areasOf(s) {
			if !area.LV.IsZero() && !keepsExtents(a, b, area.LV, seen) {
				return false
			}
		}
	}
	return true
}

// fixed returns why a volume cannot be written to, nil if it can: of what is being
// moved, what is copied already would not change; and of mirrors, raids, pools and
// caches, and all that they consist of, the kernel keeps account when they are
// written.
func (g *groupLayout) fixed(id metadata.ID) error {
	lv := g.find(id)
	switch {
	case lv == nil:
		return nil
	case lv.Status&metadata.LVLocked != 0:
		return fault(ErrMoving, "lv %s is being moved: it can only be read until that is done", lv.Name)
	}
	if by := g.keptBy(id); by != nil {
		return fault(ErrReadOnly, "lv %s belongs with %s, of type %s: it can only be read without a kernel", lv.Name, by.Name, by.Segments[0].Type)
	}
	return nil
}

// keptBy returns a volume that is of a type whose writes the kernel keeps account
// of, and that a volume is, consists of, lies on, or is a part of; nil if there is
// none.
func (g *groupLayout) keptBy(id metadata.ID) *metadata.LogicalVolume {
	ties := g.ties()
	search := func(next func(lv *metadata.LogicalVolume) []metadata.ID) *metadata.LogicalVolume {
		seen := map[metadata.ID]bool{id: true}
		for queue := []metadata.ID{id}; len(queue) > 0; queue = queue[1:] {
			lv := g.find(queue[0])
			if lv == nil {
				continue
			}
			if isMade(lv) || kindOf(lv) != nil && !isMove(lv) {
				return lv
			}
			for _, id := range next(lv) {
				if !seen[id] {
					seen[id] = true
					queue = append(queue, id)
				}
			}
		}
		return nil
	}
	if lv := search(func(lv *metadata.LogicalVolume) []metadata.ID { return slices.Concat(lvsBelow(lv), usedBy(lv)) }); lv != nil {
		return lv
	}
	return search(func(lv *metadata.LogicalVolume) []metadata.ID {
		return slices.Concat(ties.above[lv.ID], ties.users[lv.ID])
	})
}

// shown returns the volume that shows the bytes of one, which is the volume
// itself or, of a snapshot, its origin; cow tells the snapshot then.
func (g *groupLayout) shown(id metadata.ID) (lv *metadata.LogicalVolume, cow metadata.ID, err error) {
	lv = g.find(id)
	if lv == nil {
		return nil, cow, fault(ErrLVNotFound, "there is no such volume, or not yet or any more")
	}
	if snapshotLinkOf(lv) != nil {
		return nil, cow, fault(ErrUnsupported, "it ties a snapshot to its origin and holds nothing")
	}
	link, ok := g.links().by(id)
	switch {
	case !ok:
		return lv, cow, nil
	case link.body.Merging:
		return nil, cow, fault(ErrMerging, "it is being merged into its origin, which shows it")
	}
	if lv = g.find(link.body.Origin); lv == nil {
		return nil, cow, fault(ErrDamaged, "its origin %s is not there", link.body.Origin)
	}
	return lv, id, nil
}
