package lvm

import (
	"context"
	"fmt"
	"time"

	"github.com/lvm-go/lvm/exception"
	"github.com/lvm-go/lvm/metadata"
)

// mergeSome copies, in image mode, some of what is left to merge into an origin;
// the group must say already that a snapshot is being merged into it, and be
// locked: two processes that merge know nothing of each other's steps. Files may
// be open on the origin and its other snapshots all the time. It returns how many
// bytes there were before, and are left; when that is none, [Tx.FinishMerge] is
// what remains.
func (s *System) mergeSome(ctx context.Context, origin *LogicalVolume, steps int) (before, left Bytes, err error) {
	v, _, err := s.openVolume(origin.layout(), origin.rec.ID)
	if err != nil {
		return 0, 0, err
	}
	before, left, err = v.merge(ctx, steps)
	if closed := v.close(); err == nil {
		err = closed
	}
	return before, left, fromException(err)
}

// mergeTime is for about how long the group is locked for merging at a time.
const mergeTime = time.Second

func (v *openVolume) merge(ctx context.Context, steps int) (before, left Bytes, err error) {
	began := time.Now()
	for step := 0; step == 0 || step < steps && left > 0 && time.Since(began) < mergeTime; step++ {
		if err := ctx.Err(); err != nil {
			return 0, 0, err
		}
		n, rest, err := v.mergeStep()
		if err != nil {
			return 0, 0, err
		}
		if step == 0 {
			before = n
		}
		left = rest
	}
	return before, left, nil
}

// mergeStep merges a few exceptions. It returns how many bytes of them there
// were before, and are left.
func (v *openVolume) mergeStep() (before, left Bytes, err error) {
	at, err := v.begin(metadata.ID{}, true)
	if err != nil {
		return 0, 0, err
	}
	defer v.end()
	if m, ok := at.(*exception.Merging); ok {
		return m.Step()
	}
	switch s := v.merging(); {
	case s == nil:
		return 0, 0, fault(ErrInvalidSpec, "no snapshot is being merged into it")
	case s.state == storeInvalid:
		return 0, 0, fmt.Errorf("snapshot %s: %w", s.name, errGivenUp)
	}
	return 0, 0, nil // its store was never written
}
