package lvm

import (
	"sync"

	"github.com/lvm-go/lvm/metadata"
)

// openVolumes are the volumes that files of a System are open on, in image mode.
type openVolumes struct {
	mu     sync.Mutex // guards what follows; locked ahead of that of a volume
	byLV   map[openLV]*openVolume
	latest map[metadata.ID]*groupLayout // of each group as last read or written; nil: it is no more
}

type openLV struct{ vg, lv metadata.ID }

// learn takes note of what a group is now, nil if it is no more. When it returns,
// nobody reads or writes any more what the group was.
func (o *openVolumes) learn(vg metadata.ID, now *groupLayout) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.note(vg, now)
}

func (o *openVolumes) note(vg metadata.ID, now *groupLayout) {
	if o.latest == nil {
		o.latest, o.byLV = map[metadata.ID]*groupLayout{}, map[openLV]*openVolume{}
	}
	o.latest[vg] = now
	// All at one moment: snapshots of several volumes have to be of one piece.
	for id, v := range o.byLV {
		if id.vg == vg {
			v.mu.Lock()
			defer v.mu.Unlock()
		}
	}
	for id, v := range o.byLV {
		if id.vg == vg {
			v.follow(now)
		}
	}
}

// learnPlan takes note of what a plan makes of its groups, right after the
// commit: before the caller's hooks let writers go on.
func (s *System) learnPlan(p *Plan) {
	if s.kernel != nil {
		return
	}
	for _, g := range append([]*Plan{p}, p.others...) {
		now := g.layout()
		if g.before != nil && g.Seqno != g.BaseSeqno && (now == nil || now.vg.ID != g.before.VG.ID) {
			s.opened.learn(g.before.VG.ID, nil)
		}
		if now != nil {
			s.opened.learn(now.vg.ID, now)
		}
	}
}

// learnState takes note of a group that was read.
func (s *System) learnState(st *vgState) {
	if s.kernel == nil {
		s.opened.learn(st.doc.VG.ID, st.layout())
	}
}

// openVolume opens a volume for one more file. For a snapshot, it is the origin
// that is opened, and cow tells the snapshot.
func (s *System) openVolume(g *groupLayout, id metadata.ID) (v *openVolume, cow metadata.ID, err error) {
	o := &s.opened
	o.mu.Lock()
	defer o.mu.Unlock()
	vg := g.vg.ID
	switch known, ok := o.latest[vg]; {
	case ok && known == nil:
		return nil, cow, fault(ErrVGNotFound, "vg %s is no more", g.vg.Name)
	case ok && known.vg.Seqno >= g.vg.Seqno:
		g = known
	case !g.written:
		return nil, cow, fault(ErrUnsupported, "vg %s is not there before the transaction is committed", g.vg.Name)
	default:
		o.note(vg, g)
	}
	lv, cow, err := g.shown(id)
	if err != nil {
		return nil, cow, err
	}
	key := openLV{vg, lv.ID}
	if v = o.byLV[key]; v == nil || v.isGone() {
		v = &openVolume{sys: s, key: key}
		v.set(g, lv)
		o.byLV[key] = v
	}
	v.refs++
	return v, cow, nil
}
