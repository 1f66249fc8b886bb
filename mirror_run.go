package lvm

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/metadata"
)

// ErrConverting: a volume gets legs just now.
var ErrConverting = fmt.Errorf("%w: being converted", ErrBusy)

// MirrorHealth says what happened to a leg or the log of a mirror.
type MirrorHealth = dm.MirrorHealth

// MirrorStatus is the state of a mirror of the old kind.
type MirrorStatus struct {
	Legs []MirrorLegStatus
	// Synced is how much is alike in all legs, of Total.
	Synced, Total Bytes
	// Log is the state of a log on a disk; 0 if there is none.
	Log MirrorHealth
}

// MirrorLegStatus is the state of one leg of a mirror.
type MirrorLegStatus struct {
	Name   string
	Health MirrorHealth
}

// Percent returns how much is in sync, as lvs shows it.
func (s MirrorStatus) Percent() Percent { return share(s.Synced, s.Total) }

// InSync says whether all legs are alike, as far as the kernel knows.
func (s MirrorStatus) InSync() bool { return s.Total > 0 && s.Synced == s.Total }

// Err returns what is wrong with the mirror, nil if all legs are there and in
// sync. The error matches [ErrDegraded], [ErrNotInSync] or both.
func (s MirrorStatus) Err() error {
	var errs []error
	for _, leg := range s.Legs {
		if leg.Health != dm.MirrorAlive {
			errs = append(errs, fault(ErrDegraded, "leg %s has failed (%c)", leg.Name, leg.Health))
		}
	}
	if s.Log != 0 && s.Log != dm.MirrorAlive {
		errs = append(errs, fault(ErrDegraded, "its log has failed (%c)", s.Log))
	}
	if !s.InSync() {
		errs = append(errs, fault(ErrNotInSync, "%s%% of it is in sync", s.Percent()))
	}
	return joinErrors(errs...)
}

// MirrorStatus returns the state of a mirror at this moment, as the kernel says. Of
// a mirror that gets legs it is how far these are.
//
// Returns an error matching [ErrInvalidSpec] if the volume is no mirror,
// [ErrNotActive] if the kernel has no device of it, as in image mode, and
// [ErrUnsupported] if what the kernel says is not understood.
func (l *LogicalVolume) MirrorStatus() (MirrorStatus, error) {
	s, err := l.mirrorStatus()
	return s, l.lookFailed(err)
}

func (l *LogicalVolume) mirrorStatus() (MirrorStatus, error) {
	body, ok := l.body().(*metadata.Mirror)
	if !ok || isMove(l.rec) {
		return MirrorStatus{}, fault(ErrInvalidSpec, "it is no mirror")
	}
	s, err := askStatus(l, dm.Mirror{}.Type(), dm.ParseMirrorStatus)
	if err != nil {
		return MirrorStatus{}, err
	}
	out := MirrorStatus{Log: s.LogHealth, Total: l.Size(), Legs: make([]MirrorLegStatus, len(s.Legs))}
	if out.Synced = min(inBlocks(s.InSync, sectorBytes(body.RegionSize)), out.Total); s.Synced() {
		out.Synced = out.Total
	} else if out.Synced == out.Total {
		out.Synced--
	}
	for i, leg := range s.Legs {
		out.Legs[i].Health = leg.Health
		if i < len(body.Legs) {
			if lv := l.other(body.Legs[i].LV); lv != nil {
				out.Legs[i].Name = lv.Name()
			}
		}
	}
	return out, nil
}

// MirrorRun says how legs are added to a mirror. The zero value does it in silence.
type MirrorRun struct {
	// Progress is told how far the new legs are, with no lock held.
	Progress func(MirrorStatus)
	// Interval is the time between two looks at what the kernel has copied; a second
	// if zero.
	Interval time.Duration
}

// AddMirrorLegs does what [Tx.AddMirrorLegs] does and, once the kernel has copied
// what is on the volume, [Tx.FinishMirrorLegs]. It returns when all legs are alike.
// If it does not come to that, [System.FinishMirrorLegs] goes on with it, or lvm2.
//
// Returns errors as the two do, and that of ctx if that ends before.
func (s *System) AddMirrorLegs(ctx context.Context, vg, lv string, spec MirrorLegsSpec, run MirrorRun) error {
	if err := s.Update(ctx, vg, func(tx *Tx) error { return tx.AddMirrorLegs(lv, spec) }); err != nil {
		return err
	}
	return s.FinishMirrorLegs(ctx, vg, lv, run)
}

// FinishMirrorLegs waits until the legs of a mirror are alike, and finishes the
// adding of legs if it is not.
func (s *System) FinishMirrorLegs(ctx context.Context, vg, lv string, run MirrorRun) error {
	if run.Interval == 0 {
		run.Interval = time.Second
	}
	for wait := min(moveFirstLook, run.Interval); ; wait = min(2*wait, run.Interval) {
		group, err := s.VG(ctx, vg)
		if err != nil {
			return err
		}
		view, err := group.LV(lv)
		if err != nil {
			return err
		}
		status, err := view.MirrorStatus()
		if err != nil {
			return err
		}
		if run.Progress != nil {
			run.Progress(status)
		}
		switch err := status.Err(); {
		case err == nil:
			err := s.Update(ctx, vg, func(tx *Tx) error { return tx.FinishMirrorLegs(lv) })
			if !errors.Is(err, ErrNotInSync) {
				return err
			}
		case errors.Is(err, ErrDegraded):
			return view.lookFailed(err)
		}
		if err := sleep(ctx, wait); err != nil {
			return err
		}
	}
}
