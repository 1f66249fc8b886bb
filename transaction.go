package lvm

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/lvm-go/lvm/metadata"
)

// transaction is an update between its planning and its end.
type transaction struct {
	sys  *System
	hold *hold
	plan *Plan
}

// begin locks, reads, runs fn and plans. It starts again with more locks if fn
// turns out to need them.
func (s *System) begin(ctx context.Context, ref string, fn func(*Tx) error) (*transaction, error) {
	locks := locking{mode: lockExclusive}
	if ref == "" {
		locks.mode = lockGlobal
	}
	for {
		t, again, err := s.try(ctx, ref, locks, fn)
		if again == nil {
			return t, err
		}
		locks = *again
	}
}

// try runs fn once. It returns the locks that fn has to be run again with, nil
// if it has not. Unless it returns a transaction it keeps no lock, also when fn
// panics: a process that goes on would keep itself and others out for ever.
func (s *System) try(ctx context.Context, ref string, locks locking, fn func(*Tx) error) (t *transaction, again *locking, err error) {
	h, tx, err := s.open(ctx, ref, locks)
	if err != nil {
		return nil, nil, &OpError{Op: "update", VG: ref, Err: err}
	}
	defer func() {
		if t == nil {
			h.release()
		}
	}()
	err = fn(tx)
	if tx.again {
		return nil, &tx.need, nil
	}
	if err == nil && tx.broken != nil && !tx.restored {
		err = &OpError{Op: "update", VG: ref, Err: tx.broken}
	}
	if err != nil {
		return nil, nil, err
	}
	plan, err := tx.build()
	if err != nil {
		return nil, nil, err
	}
	return &transaction{sys: s, hold: h, plan: plan}, nil, nil
}

// open locks and reads for a transaction. That the group does not exist is no
// error here.
func (s *System) open(ctx context.Context, ref string, locks locking) (*hold, *Tx, error) {
	var h *hold
	var tx *Tx
	err := s.byName(ctx, ref, func(name string) (err error) {
		if h, err = s.lock(ctx, name, locks.mode, locks.others...); err != nil {
			return err
		}
		if tx, err = s.read(ctx, h, ref, name, locks); err != nil {
			h.release()
		}
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	return h, tx, nil
}

func (s *System) read(ctx context.Context, h *hold, ref, name string, locks locking) (*Tx, error) {
	var st *vgState
	var sc *scan
	var err error
	if locks.mode == lockGlobal {
		if sc, err = s.scanDevices(ctx, h.handles); err != nil {
			return nil, err
		}
		if ref != "" {
			st, err = s.loadFrom(sc, ref)
		}
	} else {
		st, err = s.load(ctx, h.handles, ref)
	}
	var broken error
	switch {
	case errors.Is(err, ErrDamaged) && !errors.Is(err, ErrVGNotFound):
		broken = err
	case err != nil && !errors.Is(err, ErrVGNotFound):
		return nil, err
	}
	if st != nil && st.doc.VG.Name != name {
		return nil, renamed(ref, name, st)
	}
	tx, err := s.newTx(ctx, h.handles, ref, locks, st, sc)
	if err == nil {
		tx.broken = broken
	}
	return tx, err
}

// resume makes a transaction of a plan that was made earlier, if everything is
// as it was then.
func (s *System) resume(ctx context.Context, p *Plan) (*transaction, error) {
	old := p.tx
	if p.sys != s {
		return nil, &OpError{Op: "apply", VG: p.VG, Err: fault(ErrInvalidSpec, "the plan is of another System")}
	}
	h, now, err := s.open(ctx, old.ref, p.tx.held)
	if err != nil {
		return nil, &OpError{Op: "apply", VG: p.VG, Err: err}
	}
	stale := func(why string) (*transaction, error) {
		h.release()
		return nil, &OpError{Op: "apply", VG: p.VG, Err: fault(ErrPlanStale, "%s since the plan was made", why)}
	}
	if !sameState(old.st, now.st) {
		return stale("the metadata changed")
	}
	if !sameDevices(old.scan, now.scan) {
		return stale("a device changed")
	}
	tx := *old
	tx.ctx, tx.h, tx.numbers = ctx, h.handles, nil
	tx.others = nil
	for _, o := range old.others {
		other := *o
		other.ctx, other.h, other.numbers = ctx, h.handles, nil
		tx.others = append(tx.others, &other)
		st, err := s.loadFrom(now.scan, o.ref)
		if err != nil && !errors.Is(err, ErrVGNotFound) {
			h.release()
			return nil, &OpError{Op: "apply", VG: o.ref, Err: err}
		}
		if !sameState(o.st, st) {
			return stale("the metadata of " + o.ref + " changed")
		}
	}
	for _, part := range tx.parts() {
		if vg := cmp.Or(part.vg, part.before()); vg != nil && err == nil {
			part.kern, err = s.kernelState(vg.ID)
		}
	}
	var plan *Plan
	if err == nil {
		plan, err = tx.build()
	}
	if err != nil {
		h.release()
		return nil, err
	}
	if plan.stepText() != p.stepText() {
		return stale("the kernel's devices or a device's contents changed")
	}
	return &transaction{sys: s, hold: h, plan: plan}, nil
}

func sameState(a, b *vgState) bool {
	if a == nil || b == nil {
		return a == b
	}
	same := func(x, y scannedArea) bool {
		return x.path == y.path && x.start == y.start && (x.header == nil) == (y.header == nil) &&
			(x.header == nil || *x.header == *y.header)
	}
	return a.key == b.key && a.doc.VG.ID == b.doc.VG.ID && slices.EqualFunc(a.areas, b.areas, same)
}

// sameDevices compares what the global lock guards: which devices hold which
// physical volumes.
func sameDevices(a, b *scan) bool {
	if a == nil || b == nil {
		return a == b
	}
	return slices.EqualFunc(a.pvs, b.pvs, func(x, y *scannedPV) bool {
		return x.path == y.path && x.label.PVID == y.label.PVID && x.size == y.size &&
			x.label.ExtensionFlags == y.label.ExtensionFlags
	})
}

// apply carries the plan out and notes the new state.
func (t *transaction) apply(ctx context.Context) error {
	p := t.plan
	if p.Empty() {
		return nil
	}
	var kernels []*kernelState
	for _, tx := range p.tx.parts() {
		if tx.kern != nil {
			kernels = append(kernels, tx.kern)
		}
		for _, vg := range []*metadata.VolumeGroup{tx.vg, tx.before()} {
			if vg != nil {
				t.sys.forget(vg.ID)
			}
		}
	}
	if err := t.sys.execute(ctx, t.hold.handles, p, kernels...); err != nil {
		return err
	}
	if len(p.tx.others) > 0 {
		return nil // areas changed hands: they are read anew
	}
	if st := p.tx.outcome(p); st != nil {
		t.sys.remember(st)
	}
	return nil
}

// end gives locks and devices back.
func (t *transaction) end() {
	t.hold.release()
}

// outcome returns the state that a plan has led to, so that it need not be read
// again; nil if that has to be done.
func (tx *Tx) outcome(p *Plan) *vgState {
	if len(tx.pvChanges) > 0 {
		return nil
	}
	if !tx.changed {
		if tx.st != nil {
			return tx.st
		}
		return nil
	}
	if tx.vg == nil || tx.st == nil || len(tx.st.problems)+len(tx.gonePVs)+len(tx.newPVs)+len(tx.newIDs) > 0 || len(tx.st.members) != len(tx.members) {
		return nil
	}
	st := newState(p.after, textKey{})
	st.areas = slices.Clone(tx.st.areas)
	for id, m := range tx.members {
		label := *m.label
		label.ExtensionFlags |= metadata.PVInUse
		label.ExtensionVersion = max(label.ExtensionVersion, 2)
		st.members[id] = &member{path: m.path, label: &label, size: m.size}
	}
	for _, s := range p.Steps {
		commit, ok := s.(*Commit)
		if !ok {
			continue
		}
		for _, w := range commit.areas {
			for i := range st.areas {
				if a := &st.areas[i]; a.path == w.path && a.start == w.start {
					header := w.second
					a.header = &header
					loc := header.Slots[metadata.SlotCommitted]
					st.key = textKey{loc.Size, loc.Checksum}
				}
			}
		}
	}
	st.judge(tx.sys, nil)
	st.extents = sync.OnceValue(tx.emap.settled)
	return st
}
