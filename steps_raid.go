package lvm

import (
	"slices"
	"time"

	"github.com/lvm-go/lvm/dm"
)

// awaitRAID plans to wait for the kernel before a device is suspended or removed, if
// it is a raid.
func (b *builder) awaitRAID(ref deviceRef, table dm.Table) {
	if hasTarget[dm.RAID](table) {
		b.flush = append(b.flush, &AwaitRAID{deviceRef: ref})
	}
}

// AwaitRAID waits, not for long, until the kernel is at work on a raid that it has to
// bring in sync, or has nothing to do. Source: Linux 6.1 as observed: a raid that is
// suspended in the moment in which its thread starts waits for that forever, and the
// thread for it.
type AwaitRAID struct {
	harmless
	final
	deviceRef
}

func (s *AwaitRAID) String() string { return "let the kernel start its work on " + s.Name }

// How often the state of a raid is looked at until it comes on, and the time in
// between. The thread starts within milliseconds, if nothing else keeps the machine
// busy; of a large raid, progress shows much later.
const (
	raidLooks = 25
	raidPause = 10 * time.Millisecond
)

// do fails for nothing: whether the raid is in order, others ask.
func (s *AwaitRAID) do(r *run) error {
	was := s.look(r)
	for range raidLooks {
		if was == nil || rests(*was) || r.ctx.Err() != nil {
			return nil
		}
		r.sys.host.pause(raidPause)
		now := s.look(r)
		if now != nil && now.Action == was.Action && now.InSync != was.InSync {
			return nil
		}
		was = now
	}
	return nil
}

// rests says whether the kernel has nothing to do to a raid. That it is idle is not
// enough: it is, too, before it has seen that there is something.
func rests(s dm.RAIDStatus) bool {
	switch s.Action {
	case "", dm.RAIDFrozen:
		return true
	case dm.RAIDIdle:
		return !slices.Contains(s.Legs, dm.RAIDOutOfSync)
	}
	return false
}

// look returns the state of the raid; nil if the kernel does not tell.
func (s *AwaitRAID) look(r *run) *dm.RAIDStatus {
	_, lines, err := r.sys.kernel.TargetStatus(r.ref(s.UUID), dm.QueryOptions{NoFlush: true})
	if err != nil || len(lines) != 1 {
		return nil
	}
	status, err := dm.ParseRAIDStatus(lines[0].Status)
	if err != nil {
		return nil
	}
	return &status
}

// CheckLegs makes sure that all legs of a raid are there and in sync, when it is at
// rest and becomes something that takes them for that.
type CheckLegs struct {
	harmless
	final
	deviceRef
}

func (s *CheckLegs) String() string { return "check that all legs of " + s.Name + " are in sync" }

func (s *CheckLegs) do(r *run) error {
	_, lines, err := r.sys.kernel.TargetStatus(r.ref(s.UUID), dm.QueryOptions{NoFlush: true})
	if err != nil {
		return fromKernel(err)
	}
	if len(lines) != 1 {
		return fault(ErrBusy, "device %s is no raid any more", s.Name)
	}
	status, err := dm.ParseRAIDStatus(lines[0].Status)
	if err != nil {
		return as(ErrUnsupported, err)
	}
	if slices.ContainsFunc(status.Legs, func(h dm.RAIDHealth) bool { return h != dm.RAIDInSync }) {
		return fault(ErrNotInSync, "a leg of %s has failed, or is not in sync", s.Name)
	}
	return nil
}
