package exception

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/lvm-go/lvm/units"
)

// Merge makes the origin what its snapshot s is: it copies the data of the
// exceptions back, the last ones first, and takes these from the store. The
// other snapshots keep their contents. What is left at the end is an empty
// store.
//
// If it is cancelled, or fails, or dies, the origin holds a mixture, and a later
// Merge, or the kernel's snapshot-merge, finishes it. From its start until it is
// done the snapshot, which can be read and written all the time, is what counts;
// [Origin.WriteAt] fails with [ErrMerging], and by other ways the origin must
// not be written.
//
// progress, if not nil, is told how many bytes of exceptions are done, and how
// many there are, with no lock held. Returns an error matching
// [ErrNotItsSnapshot], [ErrInvalid], [ErrReadOnly], [ErrUncertain], or the
// context's.
func (o *Origin) Merge(ctx context.Context, s *Snapshot, progress func(done, total units.Bytes)) error {
	if !slices.Contains(o.snapshots, s) {
		return ErrNotItsSnapshot
	}
	merged := 0
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, left, err := o.mergeSome(s)
		if err != nil {
			return err
		}
		merged += n
		if progress != nil {
			progress(s.store.bytes(merged), s.store.bytes(merged+left))
		}
		if left == 0 {
			return nil
		}
	}
}

func (s *Store) bytes(chunks int) units.Bytes { return units.Bytes(chunks) * units.Bytes(s.chunk) }

// mergeSome merges the last exceptions, those of one sector.
func (o *Origin) mergeSome(s *Snapshot) (merged, left int, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.merging != nil && o.merging != s {
		return 0, 0, fmt.Errorf("another %w", ErrMerging)
	}
	st := s.store
	st.mu.Lock()
	defer st.mu.Unlock()
	if err := st.writable(); err != nil {
		return 0, 0, err
	}
	n := len(st.list)
	if n == 0 {
		o.merging = nil
		return 0, 0, nil
	}
	if err := st.tidy(); err != nil {
		return 0, 0, err
	}
	o.merging = s
	merged = (n-1)%perSector + 1
	some := slices.Clone(st.list[n-merged:])
	slices.SortFunc(some, func(a, b Exception) int { return cmp.Compare(a.Old, b.Old) })
	for len(some) > 0 {
		run := 1
		for run < len(some) && some[run].Old == some[0].Old+Chunk(run) {
			run++
		}
		if err := o.preserve(st.offset(some[0].Old), s.chunkEnd(some[run-1].Old), s); err != nil {
			return 0, 0, err
		}
		for _, e := range some[:run] {
			start := st.offset(e.Old)
			if err := transfer(o.dev, start, st.cow, st.offset(e.New), s.chunkEnd(e.Old)-start); err != nil {
				return 0, 0, err
			}
		}
		some = some[run:]
	}
	// Only what is in the origin for good may go from the store.
	if err := flush(o.dev); err != nil {
		return 0, 0, err
	}
	if err := st.drop(merged); err != nil {
		return 0, 0, err
	}
	if left = len(st.list); left == 0 {
		o.merging = nil
	}
	return merged, left, nil
}
