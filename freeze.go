package lvm

import (
	"context"
	"time"
)

// FreezeHooks are called around the window of an update, in which devices are
// suspended and the metadata is committed. A program that wants snapshots of one
// piece, such as a database, brings its data in order in Freeze, holds its own
// lock, and lets it go in Thaw.
type FreezeHooks struct {
	// Freeze is called when all is prepared, before the first device is suspended,
	// so the volumes can be written to and flushed. An error ends the update with
	// nothing changed; it is what [System.Update] then returns, wrapped.
	Freeze func(context.Context) error
	// Thaw is called once for each Freeze that was called, also if that failed or
	// the update did: as soon as the last device is resumed. window is the time
	// since the first one was suspended; zero if none was. committed says whether
	// the change holds.
	Thaw func(window time.Duration, committed bool)
}

// OnFreeze adds hooks to the update. Those that are added first are frozen first
// and thawed last. They are called also if no device has to be suspended, but not
// if there is nothing to do.
//
// Neither may use the same group: the update has its lock.
func (tx *Tx) OnFreeze(h FreezeHooks) {
	root := tx
	if tx.root != nil {
		root = tx.root
	}
	root.hooks = append(root.hooks, h)
}

// addHooks plans the calls of the hooks, next to the window.
func (b *builder) addHooks(hooks []FreezeHooks) {
	if len(hooks) == 0 || len(b.steps()) == 0 {
		return
	}
	b.suspend = append([]Step{&CallFreeze{hooks: hooks}}, b.suspend...)
	b.resume = append(b.resume, &CallThaw{})
}

// CallFreeze calls the caller's [FreezeHooks.Freeze].
type CallFreeze struct {
	harmless
	hooks []FreezeHooks
}

func (s *CallFreeze) String() string { return "call the caller's freeze hooks" }

func (s *CallFreeze) do(r *run) error {
	for _, h := range s.hooks {
		r.frozen = append(r.frozen, h)
		if h.Freeze == nil {
			continue
		}
		r.calling = true
		err := h.Freeze(r.ctx)
		r.calling = false
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *CallFreeze) undo(r *run) error {
	r.thaw()
	return nil
}

// CallThaw calls the caller's [FreezeHooks.Thaw].
type CallThaw struct {
	harmless
	final
}

func (s *CallThaw) String() string { return "call the caller's thaw hooks" }

func (s *CallThaw) do(r *run) error {
	r.thaw()
	return nil
}

// thaw calls the hooks whose Freeze was called, the last one first. If one
// panics, the others are called all the same.
func (r *run) thaw() {
	last := len(r.frozen) - 1
	if last < 0 {
		return
	}
	h := r.frozen[last]
	r.frozen = r.frozen[:last]
	defer r.thaw()
	if h.Thaw == nil {
		return
	}
	var window time.Duration
	if !r.suspendedAt.IsZero() {
		window = time.Since(r.suspendedAt)
	}
	before := r.calling
	r.calling = true
	h.Thaw(window, r.committed)
	r.calling = before
}
