package lvm

import (
	"slices"

	"github.com/lvm-go/lvm/dm"
	"github.com/pkg/errors"
)

// loadRemoval plans the removal of a device behind what else is done before the
// commit, so that it is not removed in vain, unless a new one gets its name.
func (b *builder) loadRemoval(s *RemoveDevice) {
	takes := func(other Step) bool {
		c, ok := other.(*CreateDevice)
		return ok && c.Name == s.Name
	}
	if i := slices.IndexFunc(b.load, takes); i >= 0 {
		b.load = slices.Insert(b.load, i, Step(s))
		return
	}
	b.load = append(b.load, s)
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
		if r, ok := s.(*RemoveDevice); ok && r.Name == name {
			return nil
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
