package lvm

import (
	"github.com/lvm-go/lvm/metadata"
)

// snapshotLink ties a COW store to the origin whose chunks it keeps. It is what
// a record called snapshotN says, which is no volume in itself: the snapshot is
// known by the name of its COW store.
type snapshotLink struct {
	lv   *metadata.LogicalVolume // snapshotN
	body *metadata.Snapshot
}

// extents returns the size of the snapshot: that of its origin when it was made.
// Source: lvm2 as observed.
func (l snapshotLink) extents() Extents { return l.lv.Extents() }

// snapshotLinkOf returns what a record says that is a link, nil if it is a
// volume.
func snapshotLinkOf(lv *metadata.LogicalVolume) *metadata.Snapshot {
	if lv == nil || len(lv.Segments) != 1 {
		return nil
	}
	body, _ := lv.Segments[0].Body.(*metadata.Snapshot)
	return body
}

// snapshotLinks finds the links of a group. A nil one has none.
type snapshotLinks struct {
	byOrigin map[metadata.ID][]snapshotLink // in the order of the group
	byCOW    map[metadata.ID]snapshotLink
}

func newSnapshotLinks(vg *metadata.VolumeGroup) *snapshotLinks {
	links := &snapshotLinks{}
	for _, lv := range vg.LVs {
		links.add(lv)
	}
	return links
}

// add enters a record behind the others, if it is a link.
func (l *snapshotLinks) add(lv *metadata.LogicalVolume) {
	body := snapshotLinkOf(lv)
	if body == nil {
		return
	}
	if l.byCOW == nil {
		l.byOrigin, l.byCOW = map[metadata.ID][]snapshotLink{}, map[metadata.ID]snapshotLink{}
	}
	link := snapshotLink{lv, body}
	l.byOrigin[body.Origin] = append(l.byOrigin[body.Origin], link)
	l.byCOW[body.COW] = link
}

// of returns the snapshots of an origin.
func (l *snapshotLinks) of(origin metadata.ID) []snapshotLink {
	if l == nil {
		return nil
	}
	return l.byOrigin[origin]
}

// all returns the snapshots by origin.
func (l *snapshotLinks) all() map[metadata.ID][]snapshotLink {
	if l == nil {
		return nil
	}
	return l.byOrigin
}

// by returns the link of a COW store.
func (l *snapshotLinks) by(cow metadata.ID) (snapshotLink, bool) {
	if l == nil {
		return snapshotLink{}, false
	}
	link, ok := l.byCOW[cow]
	return link, ok
}

// merging returns the snapshot that is being merged into an origin.
func (l *snapshotLinks) merging(origin metadata.ID) (snapshotLink, bool) {
	for _, link := range l.of(origin) {
		if link.body.Merging {
			return link, true
		}
	}
	return snapshotLink{}, false
}

// visible says whether users see a volume. The marks of a snapshot's records say
// the opposite: the COW store is what they see, unless it is being merged.
// Source: lvm2 as observed.
func (l *snapshotLinks) visible(lv *metadata.LogicalVolume) bool {
	if link, ok := l.by(lv.ID); ok {
		return !link.body.Merging
	}
	return lv.Status&metadata.LVVisible != 0 && snapshotLinkOf(lv) == nil
}

// snapshotLinks returns the links of the group as the transaction has it.
func (tx *Tx) snapshotLinks() *snapshotLinks {
	if tx.links == nil && tx.vg != nil {
		tx.links = newSnapshotLinks(tx.vg)
	}
	return tx.links
}

// snapshotsOf returns the snapshots of an origin, in the order of the group.
func (tx *Tx) snapshotsOf(origin metadata.ID) []snapshotLink { return tx.snapshotLinks().of(origin) }

// snapshotBy returns the link of a COW store, ok is false if it is none.
func (tx *Tx) snapshotBy(cow metadata.ID) (link snapshotLink, ok bool) {
	return tx.snapshotLinks().by(cow)
}

// isVisible says whether users see a volume.
func (tx *Tx) isVisible(lv *metadata.LogicalVolume) bool { return tx.snapshotLinks().visible(lv) }

// relink takes note of a link that comes, as lv, is replaced by it, or goes, as
// old: the devices of the origin follow.
func (tx *Tx) relink(old, lv *metadata.LogicalVolume) {
	was, is := snapshotLinkOf(old), snapshotLinkOf(lv)
	if is != nil {
		tx.want(is.Origin, wish{})
	}
	switch {
	case was != nil:
		tx.want(was.Origin, wish{})
		tx.links = nil
	case is != nil && tx.links != nil:
		tx.links.add(lv)
	}
}

// withSnapshots returns an LV and the COW stores of its snapshots.
func (tx *Tx) withSnapshots(lv *metadata.LogicalVolume) []*metadata.LogicalVolume {
	out := []*metadata.LogicalVolume{lv}
	for _, link := range tx.snapshotsOf(lv.ID) {
		if cow := tx.find(link.body.COW); cow != nil {
			out = append(out, cow)
		}
	}
	return out
}
