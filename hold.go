package lvm

import (
	"context"
	"slices"
)

// lockMode says how a group is locked.
type lockMode int

const (
	lockShared lockMode = iota
	lockExclusive
	lockGlobal // exclusive, and the set of groups and PVs as well
)

// locking is the locks of an update: how its group is locked, and the names of
// the other groups it changes. With others, the global lock is had as well.
type locking struct {
	mode   lockMode
	others []string
}

// hold is the locks and devices of one transaction.
type hold struct {
	locks []*heldLock
	*handles
}

// release gives all back, in the order of locking reversed.
func (h *hold) release() error {
	err := h.close()
	for _, l := range slices.Backward(h.locks) {
		if e := l.unlock(); err == nil {
			err = e
		}
	}
	h.locks = nil
	return err
}

// lock takes the locks for the group called name; with an empty name only the
// global one. Others are locked in the order of the names, as lvm2 does.
func (s *System) lock(ctx context.Context, name string, mode lockMode, others ...string) (*hold, error) {
	h := &hold{handles: s.newHandles()}
	fail := func(err error) (*hold, error) {
		h.release()
		return nil, err
	}
	if s.images {
		l, err := s.locks.lockImages(ctx, s.cfg.Devices, mode != lockShared)
		if err != nil {
			return fail(err)
		}
		h.locks = append(h.locks, l)
		return h, nil
	}
	if mode == lockGlobal {
		l, err := s.locks.lock(ctx, globalLock, true)
		if err != nil {
			return fail(err)
		}
		h.locks = append(h.locks, l)
		if s.kernel != nil {
			l, err := invalidateHints(ctx, s.cfg.RunDir)
			if err != nil {
				return fail(err)
			}
			h.locks = append(h.locks, l)
		}
	}
	names := append([]string{name}, others...)
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		if name == "" {
			continue
		}
		if err := checkVGName(name); err != nil {
			return fail(err)
		}
		l, err := s.locks.lock(ctx, vgLock(name), mode != lockShared)
		if err != nil {
			return fail(err)
		}
		h.locks = append(h.locks, l)
	}
	return h, nil
}
