package lvm

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/lvm-go/lvm/metadata"
)

// FlushOptions says how the flush of a cache is waited for.
type FlushOptions struct {
	// Interval is the longest time between two looks at the kernel's state; 1 s if
	// zero.
	Interval time.Duration
	// Progress, if not nil, is told how far it is: now and then, with no lock held.
	Progress func(FlushProgress)
}

// FlushProgress is how far a cache is written back.
type FlushProgress struct {
	LV string // of which it is the cache
	// Left is how much is not written back yet, in chunks of the cache, Total how
	// much there was when it was first looked at.
	Left, Total Bytes
}

const flushInterval = time.Second

// FlushCache has all that only the cache of a volume has written back, and returns
// when that is done. The volume can be used all the time, and what is written to it
// meanwhile, or later, goes to what is beneath it as well: the cache stays clean.
// So it may change its mode ([Tx.ChangeCache]), which ends that, or be taken off
// ([System.DetachCache]). A cache that is clean while the volume is not active is
// left alone; otherwise such a volume is activated, and deactivated again at the end.
//
// If ctx ends, or the process dies, it goes on in the kernel, or when the volume is
// next activated, and [System.ResumeDetaches] or lvm2 take it from there.
//
// Returns errors as [Tx.StartFlush] does, and those matching [ErrPoolFailed] or
// [ErrReadOnly] if the kernel cannot write the cache back any more. In image mode
// one matching [ErrCacheDirty] tells that there is something to do.
func (s *System) FlushCache(ctx context.Context, vg, lv string, o FlushOptions) error {
	j, err := s.newFlushJob(ctx, vg, lv, o)
	if err == nil {
		err = j.flush(ctx)
	}
	if err == nil {
		err = j.rest(ctx)
	}
	return j.fail("flush cache of lv", vg, lv, err)
}

// DetachCache flushes the cache of a volume ([System.FlushCache]) and takes it off
// ([Tx.DetachCache]), while the volume is in use. lvm2: lvconvert --splitcache,
// --uncache.
//
// If ctx ends, or the process dies, the volume is still cached and nothing is lost;
// see FlushCache. Errors are as with FlushCache and Tx.DetachCache.
func (s *System) DetachCache(ctx context.Context, vg, lv string, spec DetachSpec, o FlushOptions) error {
	j, err := s.newFlushJob(ctx, vg, lv, o)
	if err == nil {
		err = j.detach(ctx, spec)
	}
	return j.fail("detach cache from lv", vg, lv, err)
}

// ResumeDetaches goes on with the flushes of all caches in a group that are under
// way in its metadata, whoever began them, and takes those caches off. What was a
// cache stays as a pool or a volume of its own. It returns the names of the volumes
// that have lost their caches. Errors are as with [System.DetachCache].
func (s *System) ResumeDetaches(ctx context.Context, vg string, o FlushOptions) ([]string, error) {
	var names []string
	err := s.View(ctx, vg, func(v *VolumeGroup) error {
		names = nil
		for _, lv := range v.rec.LVs {
			cache, cached := bodyOf[*metadata.Cache](lv)
			writes, writeCached := bodyOf[*metadata.WriteCache](lv)
			if cached && cache.Cleaner || writeCached && isCleaning(writes) {
				names = append(names, v.userOf(lv).Name)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var done []string
	var errs []error
	for _, name := range names {
		if err := s.DetachCache(ctx, vg, name, DetachSpec{}, o); err != nil {
			errs = append(errs, err)
			continue
		}
		done = append(done, name)
	}
	return done, joinErrors(errs...)
}

// userOf returns the volume that users see a cached one as: a thin pool, if it is
// the data of one.
func (v *VolumeGroup) userOf(lv *metadata.LogicalVolume) *metadata.LogicalVolume {
	for _, other := range v.rec.LVs {
		if pool, ok := bodyOf[*metadata.ThinPool](other); ok && pool.Data == lv.ID {
			return other
		}
	}
	return lv
}

// flushJob is a flush that is waited for. It goes by UUIDs, so that the volume may
// be renamed meanwhile.
type flushJob struct {
	sys     *System
	o       FlushOptions
	vg, lv  metadata.ID
	name    string
	writes  bool // its cache is a writecache
	chunk   Bytes
	total   Bytes // that was not written back when it was first looked at
	resting bool  // the volume was not active
	woken   bool  // ... and was activated for this
}

func (s *System) newFlushJob(ctx context.Context, vg, lv string, o FlushOptions) (*flushJob, error) {
	if o.Interval <= 0 {
		o.Interval = flushInterval
	}
	j := &flushJob{sys: s, o: o}
	err := s.View(ctx, vg, func(v *VolumeGroup) error {
		l, err := v.LV(lv)
		if err != nil {
			return err
		}
		j.vg, j.lv, j.name, j.resting = v.ID(), l.ID(), l.Name(), !l.Active()
		return nil
	})
	return j, err
}

// fail wraps errors that do not say yet what they are about.
func (j *flushJob) fail(op, vg, lv string, err error) error {
	var named *OpError
	if err == nil || errors.As(err, &named) {
		return err
	}
	if j.name != "" {
		lv = j.name
	}
	return &OpError{Op: op, VG: vg, LV: lv, Err: err}
}

func (j *flushJob) update(ctx context.Context, fn func(*Tx) error) error {
	return j.sys.Update(ctx, j.vg.String(), fn)
}

// detach takes the cache off once it is clean. What makes it dirty again before
// that is the end of a flush by somebody else.
func (j *flushJob) detach(ctx context.Context, spec DetachSpec) error {
	for {
		if err := j.lacking(ctx, spec); err != nil {
			return err
		}
		if !spec.WithoutCache {
			if err := j.flush(ctx); err != nil {
				return err
			}
		}
		err := j.update(ctx, func(tx *Tx) error { return tx.DetachCache(j.lv.String(), spec) })
		switch {
		case err == nil:
			return j.rest(ctx)
		case !errors.Is(err, ErrCacheDirty) || spec.WithoutCache || j.sys.kernel == nil:
			return err
		}
		if err := checkpoint(ctx); err != nil {
			return err
		}
	}
}

// lacking refuses at once what cannot end well.
func (j *flushJob) lacking(ctx context.Context, spec DetachSpec) error {
	if err := j.sys.View(ctx, j.vg.String(), func(v *VolumeGroup) error { return nil }); err != nil {
		return err
	}
	return j.look(ctx, func(tx *Tx) error {
		lv, _, err := tx.lvToChange(j.lv.String(), ErrMissingPV)
		if err != nil {
			return err
		}
		top, cache, origin, err := tx.layers(lv)
		if err != nil {
			return err
		}
		_, err = tx.lacksCache(top, cache, origin, spec)
		return err
	})
}

// look runs a function on a transaction that changes nothing.
func (j *flushJob) look(ctx context.Context, fn func(*Tx) error) error {
	_, err := j.sys.Plan(ctx, j.vg.String(), fn)
	return err
}

// stuckAfter is after how many looks that show no less a flush counts as stuck.
const stuckAfter = 3

// flush has the cache written back and waits for that.
//
// The kernel does not write back by itself those blocks of a writecache that are
// written again before it comes to them, so with a busy volume the last few may
// stay for ever. It writes back all there is when the device is suspended.
func (j *flushJob) flush(ctx context.Context) error {
	wait := time.Millisecond * 10
	least, looks := uint64(math.MaxUint64), 0
	for {
		left, begun, err := j.left(ctx)
		if err != nil {
			return err
		}
		if left.blocks == 0 {
			return nil
		}
		if j.sys.kernel == nil {
			return left.err()
		}
		if !begun {
			if err := j.begin(ctx); err != nil {
				return err
			}
			continue
		}
		if looks++; left.blocks < least {
			least, looks = left.blocks, 0
		}
		if looks >= stuckAfter && j.writes {
			looks = 0
			err := j.update(ctx, func(tx *Tx) error { return tx.Refresh(j.lv.String()) })
			if err != nil && !errors.Is(err, ErrNotActive) {
				return err
			}
			continue
		}
		if j.o.Progress != nil {
			j.total = max(j.total, inBlocks(left.blocks, j.chunk))
			j.o.Progress(FlushProgress{LV: j.name, Left: inBlocks(left.blocks, j.chunk), Total: j.total})
		}
		select {
		case <-ctx.Done():
			return checkpoint(ctx)
		case <-time.After(wait):
		}
		wait = min(2*wait, j.o.Interval)
	}
}

// left says what is still to be written back, and whether that goes on already.
// What cannot be said while the volume is not active counts as something.
func (j *flushJob) left(ctx context.Context) (left cacheLeft, begun bool, err error) {
	err = j.look(ctx, func(tx *Tx) error {
		lv, _, err := tx.lvToChange(j.lv.String(), ErrMissingPV)
		if err != nil {
			return err
		}
		top, _, _, err := tx.layers(lv)
		if err != nil {
			return err
		}
		if body, ok := bodyOf[*metadata.WriteCache](top); ok {
			begun, j.writes, j.chunk = isCleaning(body), true, body.BlockSize
		} else if body, ok := bodyOf[*metadata.Cache](top); ok {
			settings, _, err := tx.cacheSettings(top, body)
			if err != nil {
				return err
			}
			begun, j.chunk = body.Cleaner, sectorBytes(settings.ChunkSize)
		}
		m, err := tx.cacheDevice(top.ID)
		if err != nil {
			return err
		}
		if m != nil {
			left, err = tx.sys.cacheLeft(m.uuid)
			return err
		}
		begun = false
		if left, err = tx.leftAtRest(top); errors.Is(err, ErrCacheDirty) && tx.sys.kernel != nil {
			left, err = cacheLeft{blocks: 1, total: 1}, nil
		}
		return err
	})
	return left, begun, err
}

// begin has the kernel write the cache back, for which the volume is activated.
func (j *flushJob) begin(ctx context.Context) error {
	err := j.update(ctx, func(tx *Tx) error {
		if err := tx.StartFlush(j.lv.String()); err != nil || tx.staysActive(j.lv) {
			return err
		}
		return tx.ActivateWith(j.lv.String(), ActivateOptions{IgnoreSkip: true})
	})
	if err == nil {
		j.woken = j.resting
	}
	return err
}

// rest deactivates a volume that was activated for the flush.
func (j *flushJob) rest(ctx context.Context) error {
	if !j.woken {
		return nil
	}
	return j.update(ctx, func(tx *Tx) error { return tx.Deactivate(j.lv.String()) })
}
