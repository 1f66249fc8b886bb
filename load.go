package lvm

import (
	"context"
	"errors"

	"github.com/lvm-go/lvm/metadata"
)

// lockAndLoad locks the group called ref, or with that UUID, and reads it.
func (s *System) lockAndLoad(ctx context.Context, ref string, mode lockMode) (h *hold, st *vgState, err error) {
	err = s.byName(ctx, ref, func(name string) error {
		if h, err = s.lock(ctx, name, mode); err != nil {
			return err
		}
		st, err = s.load(ctx, h.handles, ref)
		if err == nil && st.doc.VG.Name != name {
			err = renamed(ref, name, st)
		}
		if err != nil {
			h.release()
		}
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	return h, st, nil
}

// maxRenames is how often a group may get another name while it is locked by the
// one that it had before.
const maxRenames = 4

// byName calls do with the name to lock for a reference. If do finds that a group
// given by its UUID was renamed meanwhile, it is called again with the new name.
func (s *System) byName(ctx context.Context, ref string, do func(name string) error) error {
	for try := 0; ; try++ {
		name, err := s.nameOf(ctx, ref)
		if err != nil {
			return err
		}
		if err = do(name); !errors.Is(err, ErrVGNotFound) || try == maxRenames {
			return err
		}
		if now, unknown := s.nameOf(ctx, ref); unknown != nil || now == name {
			return err
		}
	}
}

func renamed(ref, from string, st *vgState) error {
	return fault(ErrVGNotFound, "vg %s was renamed from %s to %s meanwhile", ref, from, st.doc.VG.Name)
}

// nameOf returns the name to lock for a reference: itself, or the name of the
// group with that UUID.
func (s *System) nameOf(ctx context.Context, ref string) (string, error) {
	id, err := metadata.ParseID(ref)
	if err != nil {
		return ref, nil
	}
	s.mu.Lock()
	st := s.cache[id]
	s.mu.Unlock()
	if st != nil {
		return st.doc.VG.Name, nil
	}
	h := s.newHandles()
	defer h.close()
	sc, err := s.scanDevices(ctx, h)
	if err != nil {
		return "", err
	}
	c, err := sc.find(ref)
	if err != nil {
		return "", err
	}
	return c.name, nil
}

// load returns the group of that name or UUID. If this process read or wrote it
// before and no area changed since, that takes one header read per area.
func (s *System) load(ctx context.Context, h *handles, ref string) (*vgState, error) {
	if st := s.cached(ref); st != nil && st.unchanged(h) {
		return st, nil
	}
	sc, err := s.scanDevices(ctx, h)
	if err != nil {
		return nil, err
	}
	return s.loadFrom(sc, ref)
}

func (s *System) loadFrom(sc *scan, ref string) (*vgState, error) {
	c, err := sc.find(ref)
	if err != nil {
		return nil, err
	}
	st, err := s.state(sc, c)
	if err != nil {
		return nil, err
	}
	s.remember(st)
	return st, nil
}

func (s *System) cached(ref string) *vgState {
	id, err := metadata.ParseID(ref)
	s.mu.Lock()
	defer s.mu.Unlock()
	var found *vgState
	for _, st := range s.cache {
		if st.doc.VG.Name == ref || err == nil && st.doc.VG.ID == id {
			if found != nil {
				return nil
			}
			found = st
		}
	}
	return found
}

func (s *System) remember(st *vgState) {
	s.mu.Lock()
	s.cache[st.doc.VG.ID] = st
	s.mu.Unlock()
	s.learnState(st)
}

func (s *System) forget(id metadata.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.cache, id)
}

// unchanged reads the header of each area, and the label of each PV that has
// none, and compares them with what they were, and the sizes of the devices.
func (st *vgState) unchanged(h *handles) bool {
	if len(st.members) != len(st.doc.VG.PVs) {
		return false // a missing or duplicate PV may have changed meanwhile
	}
	told := make(map[string]bool, len(st.members)) // by an area
	for i := range st.areas {
		a := &st.areas[i]
		if a.header == nil {
			return false
		}
		d, err := h.reader(a.path)
		if err != nil {
			return false
		}
		now, err := metadata.ReadAreaHeader(d, a.start)
		if err != nil || *now != *a.header {
			return false
		}
		told[a.path] = true
	}
	for id, m := range st.members {
		d, err := h.reader(m.path)
		if err != nil {
			return false
		}
		if size, err := d.Size(); err != nil || size != m.size {
			return false
		}
		if told[m.path] {
			continue
		}
		// Another disk may have the path by now.
		label, _, err := metadata.ReadLabel(d)
		if err != nil || label == nil || label.PVID != id {
			return false
		}
	}
	return true
}
