package lvm

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/metadata"
)

// SyncOptions says how the work of the kernel on a raid is waited for.
type SyncOptions struct {
	// Interval is how long to wait between two looks at the kernel's state; 1 s if
	// zero.
	Interval time.Duration
	// Progress, if not nil, is told the state of the raid: now and then, with no lock
	// held.
	Progress func(RAIDStatus)

	patience time.Duration // other than syncPatience
}

const syncInterval = time.Second

// WaitSync waits until the legs of a raid that there are hold the same: after it
// was made or extended, or got or lost a leg, also if the machine crashed meanwhile.
// A repair it waits for, too, as the kernel gives what it does after an extension that
// name. A raid0 has nothing to wait for. Where a raid that was in sync was being
// written to when the power failed, its legs may differ, and the kernel does nothing
// about it: with dm-raid [System.Scrub] has to repair it.
// Whether legs were missing before, it does not look at: that says [RAIDStatus].
//
// Returns errors matching [ErrLVNotFound], [ErrInvalidSpec] if it is no raid,
// [ErrNotActive], [ErrDegraded] if a leg fails meanwhile, or the kernel gives up since
// it cannot read what it is to write to a leg, or [ErrNotInSync] if it was told not to
// go on, and that of ctx if that ends.
func (s *System) WaitSync(ctx context.Context, vg, lv string, o SyncOptions) error {
	w := &raidWatch{sys: s, o: o}
	err := w.find(ctx, vg, lv, nil)
	if err == nil && w.raid0 {
		return nil
	}
	if err == nil {
		err = w.wait(ctx, w.untilSync())
	}
	return w.failed("wait for raid", vg, lv, err)
}

// syncPatience is how long the kernel may do nothing about a leg that is not in sync.
// It begins within moments, if nothing else keeps the machine busy.
const syncPatience = 15 * time.Second

// untilSync returns what says of each state whether there is nothing to wait for any
// more. Source: Linux 6.1 as observed: where a leg that is read gives errors, the kernel
// ends the recovery, and shows the raid as idle with a leg that is not in sync; so it
// is, for a moment, before it begins.
func (w *raidWatch) untilSync() func(RAIDStatus) (bool, error) {
	var before []string // legs that it was without when this began
	first, idle := true, time.Time{}
	patience := w.o.patience
	if patience == 0 {
		patience = syncPatience
	}
	return func(now RAIDStatus) (bool, error) {
		if first {
			before, first = now.Missing(), false
		}
		failed := slices.DeleteFunc(now.Missing(), func(leg string) bool { return slices.Contains(before, leg) })
		switch {
		case now.InSync() && len(failed) > 0:
			return false, fault(ErrDegraded, "%s failed meanwhile", strings.Join(failed, ", "))
		case now.InSync():
			return true, nil
		case now.Action == RAIDFrozen:
			return false, fault(ErrNotInSync, "the kernel was told not to go on")
		case now.Action != RAIDIdle:
			idle = time.Time{}
		case idle.IsZero():
			idle = time.Now()
		case time.Since(idle) >= patience:
			return false, fault(ErrDegraded, "the kernel does not go on, as where it cannot read what is to be written to a leg")
		}
		return false, nil
	}
}

// ScrubOptions says how a raid is checked.
type ScrubOptions struct {
	// Repair makes alike what differs: the copies like the first, parity as the data
	// say. Which of them is right, nobody knows.
	Repair bool
	// Begin returns as soon as the kernel is at work, as lvm2 does: its report is
	// [RAIDStatus] then. The result says nothing.
	Begin bool
	SyncOptions
}

// ScrubResult is what a check found.
type ScrubResult struct {
	// Mismatches is how many sectors differed; 0 of a repair, of which the kernel does
	// not tell.
	Mismatches uint64
}

// Scrub has the kernel read all legs of a raid, and compare them. The raid can be
// used meanwhile. If ctx ends, it is ended. lvm2: lvchange --syncaction check,
// repair.
//
// Returns errors matching [ErrLVNotFound], [ErrInvalidSpec] if there is nothing to
// compare, [ErrNotActive], [ErrNotInSync] or [ErrDegraded] if the legs are not in
// order, or [ErrBusy] if the kernel is busy with the raid.
func (s *System) Scrub(ctx context.Context, vg, lv string, o ScrubOptions) (ScrubResult, error) {
	w, result, err := s.scrub(ctx, vg, lv, o)
	return result, w.failed("scrub raid", vg, lv, err)
}

func (s *System) scrub(ctx context.Context, vg, lv string, o ScrubOptions) (*raidWatch, ScrubResult, error) {
	w := &raidWatch{sys: s, o: o.SyncOptions}
	action := RAIDCheck
	if o.Repair {
		action = RAIDRepair
	}
	err := w.find(ctx, vg, lv, func(now RAIDStatus) error {
		switch {
		case w.raid0:
			return fault(ErrInvalidSpec, "a raid0 has nothing to compare")
		case now.Action == RAIDCheck || now.Action == RAIDRepair:
			return fault(ErrBusy, "a %s of it is under way", string(now.Action))
		case now.Err() != nil:
			return now.Err()
		case now.Action != RAIDIdle && now.Action != "":
			return fault(ErrBusy, "the kernel's state of it is %s", string(now.Action))
		}
		// A thread that has just ended may still be there: before somebody has looked
		// after it, the kernel forgets what it is told.
		return joinErrors(w.tell(RAIDIdle), w.tell(action))
	})
	if err != nil || o.Begin {
		return w, ScrubResult{}, err
	}
	var last RAIDStatus
	err = w.wait(ctx, func(now RAIDStatus) (bool, error) {
		last = now
		return now.Action != action, nil
	})
	if err != nil && ctx.Err() != nil {
		err = joinErrors(err, w.tell(RAIDIdle))
	}
	return w, ScrubResult{Mismatches: last.Mismatches}, err
}

// raidWatch looks at a raid again and again. It goes by UUIDs, so that it may be
// renamed meanwhile.
type raidWatch struct {
	sys    *System
	o      SyncOptions
	vg, lv metadata.ID
	uuid   string // of the device
	raid0  bool
}

// find finds the raid, and has do look at its state while nobody changes the group.
func (w *raidWatch) find(ctx context.Context, vg, ref string, do func(RAIDStatus) error) error {
	return w.sys.View(ctx, vg, func(v *VolumeGroup) error {
		lv, err := v.LV(ref)
		if err != nil {
			return err
		}
		now, err := lv.raidStatus()
		if err != nil {
			return err
		}
		w.vg, w.lv = v.ID(), lv.ID()
		w.raid0 = SegmentType(lv.rec.Segments[0].BaseType()).isRAID0()
		for _, m := range v.devices[lv.rec.ID] {
			if m.layer == realLayer || w.uuid == "" {
				w.uuid = m.uuid
			}
		}
		if do == nil {
			return nil
		}
		return do(now)
	})
}

// tell sends the kernel a message.
func (w *raidWatch) tell(action RAIDAction) error {
	_, _, err := w.sys.kernel.Message(dm.ByUUID(w.uuid), 0, string(action))
	return fromKernel(err)
}

// wait looks at the raid until it is done.
func (w *raidWatch) wait(ctx context.Context, done func(RAIDStatus) (bool, error)) error {
	interval := w.o.Interval
	if interval <= 0 {
		interval = syncInterval
	}
	for {
		v, err := w.sys.VG(ctx, w.vg.String())
		if err != nil {
			return err
		}
		lv, err := v.LV(w.lv.String())
		if err != nil {
			return err
		}
		now, err := lv.raidStatus()
		if err != nil {
			return err
		}
		if w.o.Progress != nil {
			w.o.Progress(now)
		}
		if over, err := done(now); over || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(interval):
		}
	}
}

func (w *raidWatch) failed(op, vg, lv string, err error) error {
	if err == nil {
		return nil
	}
	return &OpError{Op: op, VG: vg, LV: lv, Err: err}
}
