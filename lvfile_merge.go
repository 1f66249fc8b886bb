package lvm

import (
	"context"
	"fmt"

	"github.com/lvm-go/lvm/exception"
	"github.com/lvm-go/lvm/metadata"
)

// mergeFiles copies, in image mode, what is left to merge into an origin; the
// group must say already that a snapshot is being merged into it. Files may be
// open on the origin and its other snapshots all the time. If it is interrupted,
// it is to be called again; when it is done, [Tx.FinishMerge] is what remains.
//
// progress, if not nil, is told how many bytes are done, of those that there were
// at the beginning.
func (s *System) mergeFiles(ctx context.Context, origin *LogicalVolume, progress func(done, total Bytes)) error {
	v, _, err := s.openVolume(origin.layout(), origin.rec.ID)
	if err != nil {
		return err
	}
	err = v.merge(ctx, progress)
	if closed := v.close(); err == nil {
		err = closed
	}
	return fromException(err)
}

func (v *openVolume) merge(ctx context.Context, progress func(done, total Bytes)) error {
	total := Bytes(0)
	for step := 0; ; step++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		before, left, err := v.mergeStep()
		if err != nil {
			return err
		}
		if step == 0 {
			total = before
		}
		if progress != nil {
			progress(total-min(left, total), total)
		}
		if left == 0 {
			return nil
		}
	}
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
