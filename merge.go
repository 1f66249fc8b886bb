package lvm

import (
	"context"
	"errors"
	"time"

	"github.com/lvm-go/lvm/metadata"
)

// MergeOptions says how merges are waited for.
type MergeOptions struct {
	// Interval is how long to wait between two looks at the kernel's state; 1 s if
	// zero.
	Interval time.Duration
	// Progress, if not nil, is told how far a merge is: now and then, with no lock
	// held.
	Progress func(MergeProgress)
}

// MergeProgress is how far a merge is.
type MergeProgress struct {
	Origin, Snapshot string
	// Done is how much was merged of Total, what there was to merge when it was
	// first looked at.
	Done, Total Bytes
}

// MergeResult is what became of a merge.
type MergeResult struct {
	Origin, Snapshot string
	// Deferred says that the merge could not begin, since origin or snapshot are
	// in use or the origin is not active. It does when the origin is next
	// activated, or when [System.ResumeMerges] finds them closed, which has to be
	// called in any case to finish it.
	Deferred bool
}

const mergeInterval = time.Second

// Merge makes an origin what its snapshot is, and removes the snapshot. The
// origin can be used all the time, and shows at once what the snapshot held; see
// [Tx.MergeSnapshot]. If the merge has begun already, Merge waits for its end and
// finishes it. In image mode it does the copying, for which the group is locked for
// a second or so at a time. lvm2: lvconvert --merge.
//
// If ctx ends, or the process dies, the merge goes on in the kernel, and is taken
// up again in image mode, when [System.ResumeMerges] is called, or Merge again, or
// lvm2 looks at it.
//
// Returns errors as [Tx.MergeSnapshot] does, and one matching [ErrMerging] if the
// kernel met an I/O error while it merged.
func (s *System) Merge(ctx context.Context, vg, snapshot string, o MergeOptions) (MergeResult, error) {
	j := &mergeJob{}
	err := s.Update(ctx, vg, func(tx *Tx) error {
		lv, _, err := tx.lvFor(snapshot)
		if err != nil {
			return tx.fail("merge snapshot", snapshot, err)
		}
		if body := thinBody(lv); body != nil && !body.Origin.IsZero() {
			*j = mergeJob{over: true, result: MergeResult{Snapshot: lv.Name, Origin: tx.nameOf(body.Origin)}}
			if err := tx.mergeOrFinishThin(lv); err != nil {
				return err
			}
			j.result.Deferred = tx.thinMerging(body.Origin) != nil
			return nil
		}
		link, ok := tx.snapshotBy(lv.ID)
		if !ok {
			return tx.fail("merge snapshot", snapshot, errNoSnapshot)
		}
		*j = newMergeJob(tx.vg, link)
		if link.body.Merging {
			return nil
		}
		return tx.MergeSnapshot(snapshot)
	})
	if err == nil {
		err = s.merge(ctx, []*mergeJob{j}, o)
	}
	return j.result, err
}

// ResumeMerges waits for the ends of all merges in a group, whoever began them,
// and finishes them: after a crash, or once origins are active whose merges were
// deferred. Those that can begin now, since nobody has origin and snapshot open any
// more, do so. Errors are as with [System.Merge].
func (s *System) ResumeMerges(ctx context.Context, vg string, o MergeOptions) ([]MergeResult, error) {
	var jobs []*mergeJob
	var thin []metadata.ID
	err := s.View(ctx, vg, func(v *VolumeGroup) error {
		for _, lv := range v.rec.LVs {
			if body := snapshotLinkOf(lv); body != nil && body.Merging {
				j := newMergeJob(v.rec, snapshotLink{lv, body})
				jobs = append(jobs, &j)
			}
			if body := thinBody(lv); body != nil && !body.Merge.IsZero() {
				thin = append(thin, lv.ID)
			}
		}
		return nil
	})
	for _, id := range thin {
		if err == nil {
			var j *mergeJob
			j, err = s.resumeThinMerge(ctx, vg, id)
			jobs = append(jobs, j)
		}
	}
	if err == nil {
		err = s.merge(ctx, jobs, o)
	}
	results := make([]MergeResult, len(jobs))
	for i, j := range jobs {
		results[i] = j.result
	}
	return results, err
}

// mergeJob is a merge that is waited for. It goes by UUIDs, so that volumes may be
// renamed meanwhile.
type mergeJob struct {
	vg, origin, cow metadata.ID
	name            string // of the group
	result          MergeResult
	total           Bytes // to merge, when it was first looked at
	begun           bool  // as far as that could be
	over            bool
}

func newMergeJob(vg *metadata.VolumeGroup, link snapshotLink) mergeJob {
	j := mergeJob{vg: vg.ID, name: vg.Name, origin: link.body.Origin, cow: link.body.COW}
	for _, lv := range vg.LVs {
		switch {
		case lv == nil:
		case lv.ID == j.origin:
			j.result.Origin = lv.Name
		case lv.ID == j.cow:
			j.result.Snapshot = lv.Name
		}
	}
	return j
}

// merge waits for the ends of merges.
func (s *System) merge(ctx context.Context, jobs []*mergeJob, o MergeOptions) error {
	if o.Interval <= 0 {
		o.Interval = mergeInterval
	}
	var errs []error
	for {
		busy := false
		for _, j := range jobs {
			if j.over {
				continue
			}
			if err := s.lookAtMerge(ctx, j, o); err != nil {
				j.over = true
				errs = append(errs, &OpError{Op: "merge snapshot", VG: j.name, LV: j.result.Snapshot, Err: err})
			}
			busy = busy || !j.over
		}
		if !busy {
			return joinErrors(errs...)
		}
		select {
		case <-ctx.Done():
			return joinErrors(append(errs, &OpError{Op: "wait for merge", VG: jobs[0].name, Err: checkpoint(ctx)})...)
		case <-time.After(o.Interval):
		}
	}
}

// lookAtMerge takes a merge on as far as that is possible now.
func (s *System) lookAtMerge(ctx context.Context, j *mergeJob, o MergeOptions) error {
	v, err := s.VG(ctx, j.vg.String())
	if err != nil {
		return err
	}
	link, ok := v.links().by(j.cow)
	if !ok { // somebody else has finished it
		j.over = true
		return nil
	}
	if !link.body.Merging {
		return fault(ErrInvalidSpec, "it is no longer being merged")
	}
	if s.kernel == nil {
		return s.mergeInImage(ctx, j, o)
	}
	u, err := v.lvByID(j.cow).snapshotUsage()
	active := topDevice(v.devices[j.origin]) != nil
	switch {
	case err != nil:
		return err
	case u.err() != nil:
		return u.err()
	case u.State == SnapshotMergeFailed:
		return errMergeFailed(j.result.Origin)
	case active && !u.Merging && !j.begun:
		j.begun = true
		if err := s.Update(ctx, j.vg.String(), func(tx *Tx) error { return tx.beginMerge(j.cow) }); err != nil {
			return err
		}
		return s.lookAtMerge(ctx, j, o)
	case active && !u.Merging || !active && !u.Merged():
		j.over, j.result.Deferred = true, true
		return nil
	}
	left := u.Allocated - min(u.Allocated, u.Metadata)
	j.total = max(j.total, left)
	if tell := j.tell(o); tell != nil {
		tell(j.total-left, j.total)
	}
	if !u.Merged() {
		return nil
	}
	return s.finishMerge(ctx, j)
}

// mergeInImage copies all that is left of a merge, and finishes it. Others get the
// lock in between: at first often, so that they, and whoever is told of the
// progress, see that it goes on.
func (s *System) mergeInImage(ctx context.Context, j *mergeJob, o MergeOptions) error {
	for steps := 1; !j.over; steps = min(2*steps, 1<<20) {
		var before, left Bytes
		err := s.Update(ctx, j.vg.String(), func(tx *Tx) (err error) {
			link, ok := tx.snapshotBy(j.cow)
			switch {
			case !ok: // somebody else has finished it
				j.over = true
				return nil
			case !link.body.Merging:
				return fault(ErrInvalidSpec, "it is no longer being merged")
			}
			before, left, err = s.mergeSome(ctx, tx.VG().lvByID(j.origin), steps)
			return err
		})
		if err != nil || j.over {
			return err
		}
		j.total = max(j.total, before)
		if tell := j.tell(o); tell != nil {
			tell(j.total-left, j.total)
		}
		if left == 0 {
			return s.finishMerge(ctx, j)
		}
	}
	return nil
}

// tell returns what is to be told of the progress, nil if that is nothing.
func (j *mergeJob) tell(o MergeOptions) func(done, total Bytes) {
	if o.Progress == nil {
		return nil
	}
	return func(done, total Bytes) {
		o.Progress(MergeProgress{Origin: j.result.Origin, Snapshot: j.result.Snapshot, Done: done, Total: total})
	}
}

// finishMerge ends a merge that is done, unless somebody else was quicker.
func (s *System) finishMerge(ctx context.Context, j *mergeJob) error {
	err := s.Update(ctx, j.vg.String(), func(tx *Tx) error {
		if _, ok := tx.snapshotBy(j.cow); tx.vg != nil && !ok {
			return nil
		}
		return tx.FinishMerge(j.cow.String())
	})
	var applied *ApplyError
	if err == nil || errors.As(err, &applied) && applied.Committed {
		j.over = true
	}
	return err
}

// errMergeFailed is what a merge says that the kernel has stopped.
func errMergeFailed(origin string) error {
	return fault(ErrMerging, "the merge met an i/o error and stopped: once that is mended, deactivate and activate %s, and it goes on", origin)
}
