package lvm

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/pkg/errors"

	"github.com/lvm-go/lvm/dm"
)

// run is one execution of a plan.
type run struct {
	ctx context.Context
	sys *System
	*handles
	devs   map[string]dm.Dev // numbers of mapped devices, by uuid
	cookie *dm.Cookie        // nil without udev

	loaded      []*LoadTable  // that are not undone
	suspendedAt time.Time     // when the first device was; zero if none was yet
	frozen      []FreezeHooks // whose Freeze was called, but not yet Thaw
	calling     bool          // one of them; that stays if it panics

	settled   bool // the cookie was waited for, which ends it
	committed bool // the new metadata is valid
	forward   bool // nothing is undone any more
	undoing   bool
	// ahead: a label keeps the new UUID, or another group its new text, since
	// writing the old one failed.
	ahead bool
	// untold: the kernel could not be told what the metadata says that it has yet
	// to be told.
	untold bool

	setbacks []setback
	without  map[string]bool // uuids of the devices of trees that were given up
}

// setback is a failure that the rest of the plan goes on after.
type setback struct {
	at  int // of the step
	err error
}

// execute does the steps of a plan. A failure before the commit undoes the
// steps in reverse. After it the remaining steps are still done, so that no
// device stays suspended, and the first failure is reported.
func (s *System) execute(ctx context.Context, h *handles, plan *Plan, kernels ...*kernelState) error {
	r := &run{ctx: ctx, sys: s, handles: h, devs: map[string]dm.Dev{}}
	for _, k := range kernels {
		for uuid, m := range k.byUUID {
			r.devs[uuid] = m.dev
		}
	}
	fail := &ApplyError{VG: plan.VG}
	for _, path := range plan.writes() {
		if _, err := r.writer(path); err != nil {
			fail.Step, fail.Err = "open for writing", err
			return fail
		}
	}
	if plan.announces() && s.kernel != nil && s.host.udevRuns() {
		cookie, err := dm.NewCookie()
		if err != nil {
			fail.Step, fail.Err = "make a udev cookie", err
			return fail
		}
		r.cookie = cookie
		defer func() { r.cookie.Close() }() // there may be another one by then
	}
	window, err := s.guardWindow(plan)
	if err != nil {
		fail.Step, fail.Err = "lock memory", err
		return fail
	}
	defer window()

	at, known := 0, false
	defer func() {
		switch {
		case !r.calling || r.undoing: // no hook panicked, or undo has seen to it
		case r.past():
			for _, step := range plan.Steps[at+1:] {
				_ = step.do(r)
			}
		default:
			_ = r.undo(plan.Steps[:at+1])
		}
	}()
	for i, step := range plan.Steps {
		if r.without[deviceOf(step).UUID] {
			continue
		}
		at = i
		s.before(step)
		var err error
		if !r.past() {
			err = checkpoint(ctx)
		} else {
			r.ctx = context.WithoutCancel(ctx)
		}
		if err == nil {
			err = step.do(r)
		}
		if r.committed && !known {
			known = true
			s.learnPlan(plan)
		}
		if err == nil || fail.Err != nil || r.goesOn(plan, i, err) {
			continue
		}
		fail.Step, fail.Done, fail.Err, fail.finish = step.String(), i, fromKernel(err), finisher(step)
		if !r.past() {
			fail.Undo = r.undo(plan.Steps[:i+1])
			break
		}
	}
	s.logSteps(plan, fail, r)
	if len(r.setbacks) > 0 {
		first := r.setbacks[0].at
		errs := []error{fail.Err}
		for _, b := range r.setbacks {
			errs = append(errs, b.err)
		}
		if fail.Err == nil {
			fail.Step, fail.Done, fail.partly = plan.Steps[first].String(), first, true
		}
		fail.Err = joinErrors(errs...)
	}
	if fail.Err == nil {
		return nil
	}
	fail.Committed = fail.partly || r.past()
	return fail
}

// goesOn says whether the rest of a plan is done although a step of it failed: it only tells
// of something, or what it was for is optional, and undone then.
func (r *run) goesOn(plan *Plan, at int, err error) bool {
	var failed *ToolError
	if s, ok := plan.Steps[at].(*RunMetadataCheck); ok && s.after && errors.As(err, &failed) {
		r.setbacks = append(r.setbacks, setback{at, err})
		return true
	}
	if r.past() || r.ctx.Err() != nil {
		return false
	}
	lost, names := plan.dependents(deviceOf(plan.Steps[at]).UUID)
	if lost == nil {
		return false
	}
	for _, step := range slices.Backward(plan.Steps[:at+1]) {
		if lost[deviceOf(step).UUID] && step.undo(r) != nil {
			return false // the undoing of all tries it again
		}
	}
	r.loaded = slices.DeleteFunc(r.loaded, func(s *LoadTable) bool { return lost[s.UUID] })
	if r.without == nil {
		r.without = map[string]bool{}
	}
	for uuid := range lost {
		r.without[uuid] = true
		delete(r.devs, uuid)
	}
	r.setbacks = append(r.setbacks, setback{at, errors.WithMessagef(fromKernel(err), "not activated: %s", strings.Join(names, ", "))})
	return true
}

// dependents returns the devices that nobody needs but those volumes that cannot do
// without one of them, and the names of these volumes; nil if one of them is not
// optional, or has a device that was there before.
func (p *Plan) dependents(failed string) (lost map[string]bool, names []string) {
	if failed == "" {
		return nil, nil
	}
	kept := map[string]bool{}
	for _, t := range p.trees {
		switch {
		case !slices.Contains(t.devices, failed):
			for _, uuid := range t.devices {
				kept[uuid] = true
			}
		case !t.optional:
			return nil, nil
		default:
			names = append(names, t.lv)
		}
	}
	created := map[string]bool{}
	for _, step := range p.Steps {
		if s, ok := step.(*CreateDevice); ok {
			created[s.UUID] = true
		}
	}
	for _, t := range p.trees {
		if !slices.Contains(t.devices, failed) {
			continue
		}
		for _, uuid := range t.devices {
			if kept[uuid] {
				continue
			}
			if !created[uuid] {
				return nil, nil
			}
			if lost == nil {
				lost = map[string]bool{}
			}
			lost[uuid] = true
		}
	}
	return lost, names
}

// finisher returns what makes up for a step that failed after the commit, if
// that is not Recover.
func finisher(step Step) string {
	switch step.(type) {
	case *WriteBackup:
		return "Backup"
	case *ListDevices:
		return "EditDevicesFile"
	case *ResizeFileSystem, *ResizeSwap:
		return "GrowFS"
	}
	return ""
}

// past says whether the plan can only go forward.
func (r *run) past() bool { return r.committed || r.forward }

// undo undoes steps, the last one first, and goes on when one cannot be undone.
func (r *run) undo(steps []Step) []error {
	r.undoing, r.ctx = true, context.WithoutCancel(r.ctx)
	var errs []error
	if r.settled && r.cookie != nil {
		var err error
		if r.cookie, err = dm.NewCookie(); err != nil {
			errs = append(errs, err) // udev is told to stay away then
		}
	}
	errs = append(errs, r.undoEach(steps)...)
	if err := r.cookie.Wait(r.ctx); err != nil {
		errs = append(errs, err)
	}
	return errs
}

func (r *run) undoEach(steps []Step) (errs []error) {
	left := len(steps)
	defer func() {
		if left > 0 { // a hook panicked
			r.undoEach(steps[:left])
		}
	}()
	for left > 0 {
		left--
		if err := steps[left].undo(r); err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}

// logSteps logs the steps once no device is suspended any more.
func (s *System) logSteps(plan *Plan, fail *ApplyError, r *run) {
	if s.cfg.Logger == nil {
		return
	}
	setbacks := map[int]error{}
	for _, b := range r.setbacks {
		setbacks[b.at] = b.err
	}
	for i, step := range plan.Steps {
		if err := setbacks[i]; err != nil {
			s.cfg.Logger.Debug("step failed, the rest goes on", "vg", plan.VG, "step", step.String(), "error", err)
			continue
		}
		if fail.Err != nil && i == fail.Done {
			s.cfg.Logger.Debug("step failed", "vg", plan.VG, "step", step.String(), "error", fail.Err)
			return
		}
		s.cfg.Logger.Debug("step", "vg", plan.VG, "step", step.String())
	}
}

// writes returns the devices that the plan writes to.
func (p *Plan) writes() []string {
	var out []string
	seen := map[string]bool{}
	add := func(path string) {
		if !seen[path] {
			seen[path] = true
			out = append(out, path)
		}
	}
	for _, step := range p.Steps {
		switch s := step.(type) {
		case *OverwriteRange:
			add(s.Device)
		case *SyncDevice:
			add(s.Device)
		case *ResizeSwap:
			add(s.Device)
		case *WriteLabel:
			add(s.Device)
		case *WriteText:
			for _, a := range s.areas {
				add(a.path)
			}
		case *Precommit:
			for _, a := range s.areas {
				add(a.path)
			}
		case *RepairAreas:
			for _, a := range s.areas {
				add(a.path)
			}
		case *EraseMetadata:
			for _, a := range s.areas {
				add(a.path)
			}
		case *ConfirmText:
			for _, a := range s.areas {
				add(a.path)
			}
		}
	}
	return out
}

// announces says whether the kernel will tell udev of a step.
func (p *Plan) announces() bool {
	for _, step := range p.Steps {
		switch step.(type) {
		case *CreateDevice, *RemoveDevice, *ResumeDevice, *RenameDevice:
			return true
		}
	}
	return false
}

// suspends says whether the plan suspends a device.
func (p *Plan) suspends() bool {
	for _, step := range p.Steps {
		if _, ok := step.(*SuspendDevice); ok {
			return true
		}
	}
	return false
}
