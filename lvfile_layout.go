package lvm

import (
	"reflect"
	"sync"

	"github.com/lvm-go/lvm/metadata"
)

// groupLayout is where the volumes of a group lie. It does not change.
type groupLayout struct {
	vg      *metadata.VolumeGroup
	extents func() *ExtentMap
	links   func() *snapshotLinks
	members map[metadata.ID]*member
	written bool // false: of a transaction that creates the group
}

func (st *vgState) layout() *groupLayout {
	return &groupLayout{st.doc.VG, st.extents, st.links, st.members, true}
}

func (l *LogicalVolume) layout() *groupLayout {
	return &groupLayout{l.vg.rec, l.vg.extents, l.vg.links, l.vg.members, !l.vg.fresh}
}

// layout returns what the group is once the plan is carried out, nil if it is
// no more.
func (p *Plan) layout() *groupLayout {
	if p.after == nil || p.after.VG == nil {
		return nil
	}
	vg := p.after.VG
	return &groupLayout{
		vg:      vg,
		extents: sync.OnceValue(func() *ExtentMap { return NewExtentMap(vg) }),
		links:   sync.OnceValue(func() *snapshotLinks { return newSnapshotLinks(vg) }),
		members: p.tx.members,
		written: true,
	}
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

// fixed returns why the extents of a volume cannot be written to, nil if they
// can: of those that are being moved, what is copied already would not change.
func (g *groupLayout) fixed(lv *metadata.LogicalVolume) error {
	switch {
	case lv.Status&metadata.LVLocked != 0:
		return fault(ErrMoving, "lv %s is being moved: it can only be read until that is done", lv.Name)
	case mirrored(g.extents(), lv.ID, map[metadata.ID]bool{}):
		return fault(ErrReadOnly, "lv %s is on a mirror: it can only be read here", lv.Name)
	}
	return nil
}

// mirrored says whether a volume, or one that it lies on, is a mirror: what is
// written to it belongs in several places. Each is looked at once, which seen notes.
func mirrored(m *ExtentMap, id metadata.ID, seen map[metadata.ID]bool) bool {
	i, ok := m.lvIndex[id]
	if !ok || seen[id] {
		return false
	}
	seen[id] = true
	for n := range m.lvs[i].segments {
		seg := &m.lvs[i].segments[n]
		if _, ok := seg.Body.(*metadata.Mirror); ok {
			return true
		}
		for _, area := range areasOf(seg) {
			if !area.LV.IsZero() && mirrored(m, area.LV, seen) {
				return true
			}
		}
	}
	return false
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
