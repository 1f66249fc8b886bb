package lvm

import (
	"slices"
	"strings"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/metadata"
	"github.com/pkg/errors"
)

// loadRemovals plans removals, in their order, behind what else is done before the
// commit, so that nothing is removed in vain, but those that new devices get the
// names of.
func (b *builder) loadRemovals(removals []Step) {
	created := map[string]int{}
	for i, s := range slices.Backward(b.load) {
		if c, ok := s.(*CreateDevice); ok {
			created[c.Name] = i
		}
	}
	early, at := 0, len(b.load)
	for n, s := range removals {
		if i, taken := created[deviceOf(s).Name]; taken {
			early, at = n+1, min(at, i)
		}
	}
	b.load = append(slices.Insert(b.load, at, removals[:early]...), removals[early:]...)
}

// checkLayers refuses new names that leave no room for those of the devices beneath
// an origin or a snapshot: it could not be activated.
func (b *builder) checkLayers() error {
	tx := b.tx
	if !tx.changed || tx.vg == nil {
		return nil
	}
	check := func(id metadata.ID, layer string) error {
		lv := tx.find(id)
		if lv == nil || layer == cowLayer && b.hadName(lv) || layer == realLayer && b.hadName(lv) && len(tx.st.links().of(id)) > 0 {
			return nil
		}
		_, err := dmName(tx.vg.Name, lv.Name, layer)
		return err
	}
	for origin, links := range tx.snapshotLinks().all() {
		if err := check(origin, realLayer); err != nil {
			return err
		}
		for _, link := range links {
			if err := check(link.body.COW, cowLayer); err != nil {
				return err
			}
		}
	}
	return nil
}

// hadName says whether an LV, and the group, have the names that they had.
func (b *builder) hadName(lv *metadata.LogicalVolume) bool {
	st := b.tx.st
	if st == nil || st.doc.VG.Name != b.tx.vg.Name {
		return false
	}
	i, ok := st.lvIndex().Find(lv.Name)
	return ok && st.doc.VG.LVs[i].ID == lv.ID
}

// clearNames plans the removal of what a dead process had half made and whose
// name a new device is to have.
func (b *builder) clearNames() error {
	created := map[string]bool{}
	for _, s := range b.load {
		if c, ok := s.(*CreateDevice); ok {
			created[c.Name] = true
		}
	}
	if len(created) == 0 {
		return nil
	}
	var stale []*mapped
	for _, m := range b.tx.kern.byUUID {
		if !created[m.name] || b.leaving[m.uuid] || b.tx.find(m.lv) != nil || lvRecord(b.tx.st, m.lv) != nil {
			continue
		}
		for _, also := range b.tx.kern.byLV[m.lv] {
			if err := b.tx.kern.look(also); err != nil {
				return err
			}
			if !b.leftOver(also, nil) {
				return fault(ErrExists, "there is a device called %s already, of an lv that the metadata does not have", m.name)
			}
			if !slices.Contains(stale, also) {
				stale = append(stale, also)
			}
		}
	}
	slices.SortFunc(stale, func(x, y *mapped) int { return strings.Compare(x.name, y.name) })
	return b.plannedRemoval().plan(stale)
}

// goneSuffix ends the name of a device that waits for its removal, where another
// gets its name.
const goneSuffix = "-gone"

// makeWay plans that a device which is removed late gives its name to the one that
// is to have it: a new one, or one that is renamed.
func (b *builder) makeWay(s *RemoveDevice) error {
	i := slices.IndexFunc(b.load, func(other Step) bool {
		c, ok := other.(*CreateDevice)
		return ok && c.Name == s.Name
	})
	if i < 0 && slices.ContainsFunc(b.resume, func(other Step) bool {
		r, ok := other.(*RenameDevice)
		return ok && r.NewName == s.Name
	}) {
		i = len(b.load)
	}
	if i < 0 {
		return nil
	}
	away := &RenameDevice{deviceRef: s.deviceRef, NewName: s.Name + goneSuffix, hidden: true, early: true}
	if len(away.NewName) > maxDMNameLen {
		return fault(ErrInvalidName, "a new lv gets the name of one that is removed, and %s is too long for the time being: do one after the other", away.NewName)
	}
	if err := b.nameIsFree(away.NewName); err != nil {
		return err
	}
	b.load = slices.Insert(b.load, i, Step(away))
	s.Name = away.NewName
	return nil
}

// orderRenames puts a rename behind the one that frees its new name. Names that
// are exchanged in a ring cannot be ordered.
func (b *builder) orderRenames() error {
	holder := map[string]*RenameDevice{}
	for _, s := range b.resume {
		if r, ok := s.(*RenameDevice); ok {
			holder[r.Name] = r
		}
	}
	for _, s := range b.load {
		if c, ok := s.(*CreateDevice); ok && holder[c.Name] != nil {
			return fault(ErrUnsupported, "a new lv gets the name of an active one that is renamed (%s): do one after the other", c.Name)
		}
	}
	var renames []Step
	state := map[*RenameDevice]int{}
	var visit func(*RenameDevice) error
	visit = func(r *RenameDevice) error {
		switch state[r] {
		case 1:
			return fault(ErrUnsupported, "active lvs exchange their names (%s): use a third name in between", r.Name)
		case 2:
			return nil
		}
		state[r] = 1
		if first := holder[r.NewName]; first != nil {
			if err := visit(first); err != nil {
				return err
			}
		} else if err := b.nameIsFree(r.NewName); err != nil {
			return err
		}
		state[r] = 2
		renames = append(renames, r)
		return nil
	}
	var rest []Step
	for _, s := range b.resume {
		r, ok := s.(*RenameDevice)
		if !ok {
			rest = append(rest, s)
			continue
		}
		if err := visit(r); err != nil {
			return err
		}
	}
	b.resume = append(renames, rest...)
	return nil
}

// nameIsFree refuses a new name that a device has: after the commit, when
// devices are renamed, it would be too late.
func (b *builder) nameIsFree(name string) error {
	for _, s := range b.load {
		switch s := s.(type) {
		case *RemoveDevice:
			if s.Name == name {
				return nil
			}
		case *RenameDevice:
			if s.Name == name {
				return nil
			}
		}
	}
	_, _, err := b.tx.sys.kernel.Table(dm.ByName(name), dm.QueryOptions{NoFlush: true})
	switch {
	case err == nil:
		return fault(ErrExists, "there is a device called %s already", name)
	case errors.Is(err, dm.ErrNotFound):
		return nil
	}
	return err
}
