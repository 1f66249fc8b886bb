package report

import "github.com/lvm-go/lvm"

// Matcher is what --select asks of the objects that a command works on.
type Matcher struct {
	kind Kind
	scan scanner
	text condition
	rows Kind
}

// NewMatcher reads a selection of a command that works on objects of a kind: VGs,
// PVs or LVs. The error is as of [Run].
func NewMatcher(kind Kind, selection string, o Options) (*Matcher, error) {
	m := &Matcher{kind: kind, scan: scanner{o: &o}}
	used := kind.own()
	p := &selectParser{text: selection, kind: kind, o: &o, note: func(f *field) {
		used |= f.section
		m.scan.kernel = m.scan.kernel || f.kernel
	}}
	var err error
	if m.text, err = p.parse(); err != nil {
		return nil, err
	}
	m.rows, err = kind.rows(used)
	return m, err
}

// VG says whether a volume group is selected: one of its parts that the selection
// asks about is enough.
func (m *Matcher) VG(vg *lvm.VolumeGroup) (bool, error) { return m.any(Group{VG: vg}) }

// PV says whether a physical volume of a group is selected.
func (m *Matcher) PV(vg *lvm.VolumeGroup, pv *lvm.PhysicalVolume) (bool, error) {
	return m.any(Group{VG: vg, PVs: func(p *lvm.PhysicalVolume) bool { return p.ID() == pv.ID() }})
}

// LV says whether a logical volume of a group is selected.
func (m *Matcher) LV(vg *lvm.VolumeGroup, lv *lvm.LogicalVolume) (bool, error) {
	return m.any(Group{VG: vg, LVs: func(l *lvm.LogicalVolume) bool { return l.ID() == lv.ID() }})
}

// Orphan says whether a physical volume without a group is selected.
func (m *Matcher) Orphan(pv lvm.OrphanPV) (bool, error) {
	return m.match(&Source{Orphans: []lvm.OrphanPV{pv}})
}

func (m *Matcher) any(g Group) (bool, error) { return m.match(&Source{Groups: []Group{g}}) }

func (m *Matcher) match(src *Source) (bool, error) {
	s := m.scan
	s.full = true
	found := false
	s.take = func(r *row) {
		r.selected = true
		found = found || m.text.holds(r)
	}
	s.scan(src, m.kind, m.rows)
	return found, s.err
}
