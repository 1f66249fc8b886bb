package lvm

import (
	"context"
	"errors"
	"time"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/metadata"
)

// MoveResult is what became of a move.
type MoveResult struct {
	Name    string // of the hidden volume that did it: pvmove0
	From    string // as in [Move]
	LVs     []string
	Size    Bytes         // all that moved
	Copied  Bytes         // of it in this call
	Elapsed time.Duration // without pauses
}

// Move moves extents to other physical volumes, while their volumes are in use,
// and returns when they are there. lvm2: pvmove.
//
// With a kernel, it mirrors them one segment after the other. In image mode it
// copies them itself, and refuses to as long as files are open on the volumes
// ([LogicalVolume.Open]); only what is open for reading may be opened until it is
// done. Groups are locked for each step only, so other changes go on; the volumes
// that move cannot be changed.
//
// If ctx ends, or anything fails, or the process dies, the move stays in the
// metadata as it is, and with a kernel the present segment stays mirrored:
// [System.ResumeMoves] goes on with it and [System.AbortMove] ends it, and so does
// lvm2. Errors are as with [Tx.StartMove], and those of [System.Update]; one that
// matches [ErrDamaged] tells that a physical volume failed while it was copied.
func (s *System) Move(ctx context.Context, vg string, o MoveOptions) (*MoveResult, error) {
	const op = "move"
	if err := s.checkOpen(); err != nil {
		return nil, &OpError{Op: op, VG: vg, Err: err}
	}
	job := &moveJob{sys: s}
	o.cut = true
	err := s.Update(ctx, vg, func(tx *Tx) error {
		if err := tx.clearRemains(); err != nil {
			return err
		}
		move, err := tx.StartMove(o)
		if err != nil {
			return err
		}
		job.vg, job.name, job.id, job.move = tx.vg.ID.String(), tx.vg.Name, move.ID, *move
		return nil
	})
	if err != nil {
		return nil, err
	}
	return job.run(ctx, o.Run)
}

// ResumeMoves takes up all moves of a group that are under way in its metadata,
// by this package or lvm2, and returns when they are done. After a crash or a
// reboot that is how they go on; segments that were copied are not copied again.
// If somebody works on them at the same time, here or in another process, they
// do so together. lvm2: pvmove without arguments.
//
// It returns what became of those that ended, also if one fails. Errors are as
// with [System.Move]; one matching [ErrLVNotFound] tells that somebody else ended
// a move.
func (s *System) ResumeMoves(ctx context.Context, vg string, run MoveRun) ([]MoveResult, error) {
	const op = "resume moves"
	if err := s.checkOpen(); err != nil {
		return nil, &OpError{Op: op, VG: vg, Err: err}
	}
	var jobs []*moveJob
	err := s.Update(ctx, vg, func(tx *Tx) error {
		jobs = nil
		if !tx.Exists() {
			return tx.fail(op, "", tx.absent())
		}
		if err := tx.clearRemains(); err != nil {
			return tx.fail(op, "", err)
		}
		for _, move := range tx.VG().Moves() {
			tx.want(move.ID, wish{activate: tx.sys.kernel != nil})
			jobs = append(jobs, &moveJob{sys: s, vg: tx.vg.ID.String(), name: tx.vg.Name, id: move.ID, move: move})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var done []MoveResult
	var errs []error
	for _, job := range jobs {
		result, err := job.run(ctx, run)
		if err != nil {
			errs = append(errs, err)
		} else {
			done = append(done, *result)
		}
	}
	return done, joinErrors(errs...)
}

// AbortMove ends the moves off a physical volume, by device or UUID, or all moves
// of the group if pv is empty. What is copied stays where it was moved to, the
// rest where it was; see [Tx.AbortMove]. That there is none is no error. A call of
// [System.Move] that is under way returns an error matching [ErrLVNotFound]. lvm2:
// pvmove --abort.
//
// Returns an error matching [ErrPVNotFound], or those of [System.Update].
func (s *System) AbortMove(ctx context.Context, vg, pv string) error {
	const op = "abort moves"
	return s.Update(ctx, vg, func(tx *Tx) error {
		if !tx.Exists() {
			return tx.fail(op, "", tx.absent())
		}
		var from metadata.ID
		if pv != "" {
			var ok bool
			if from, ok = findPV(tx.vg, tx.members, pv); !ok {
				return &OpError{Op: op, VG: tx.vg.Name, PV: pv, Err: ErrPVNotFound}
			}
		}
		if err := tx.clearRemains(); err != nil {
			return tx.fail(op, "", err)
		}
		for _, move := range tx.VG().Moves() {
			if pv == "" || move.from == from {
				if err := tx.AbortMove(move.ID.String()); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// clearRemains takes out what lvm2 left of moves whose volumes are where they
// shall be.
func (tx *Tx) clearRemains() error {
	if tx.vg == nil {
		return nil
	}
	for _, lv := range tx.vg.LVs {
		if lv == nil || !tx.moveRemains(lv) {
			continue
		}
		if err := tx.own(ErrMissingPV); err != nil {
			return err
		}
		if err := tx.dropRemains(lv); err != nil {
			return err
		}
	}
	return nil
}

// moveJob carries one move out.
type moveJob struct {
	sys  *System
	vg   string // UUID: the group may get another name
	name string // of the group, for errors
	id   metadata.ID
	move Move
	moveMeter

	// Where the copying is, in image mode.
	segment Extents
	copied  Bytes
}

func (j *moveJob) fail(err error) error {
	return &OpError{Op: "move", VG: j.name, LV: j.move.Name, Err: err}
}

// run goes on with the move to its end.
func (j *moveJob) run(ctx context.Context, run MoveRun) (*MoveResult, error) {
	j.moveMeter = moveMeter{run: run, move: j.move, began: time.Now()}
	j.report(j.move.Moved, j.move.finished+1, false)
	step := j.mirror
	if j.sys.kernel == nil {
		step = j.copy
	}
	for {
		ended, err := step(ctx)
		if err != nil {
			return nil, j.fail(err)
		}
		if ended {
			break
		}
	}
	j.report(j.move.Size, j.move.Segments+1, false)
	return &MoveResult{
		Name: j.move.Name, From: j.move.From, LVs: j.move.LVs, Size: j.move.Size, Copied: j.moveMeter.copied(j.move.Size), Elapsed: time.Since(j.began),
	}, nil
}

// look returns the move as the metadata has it. The index of its segment that is
// being copied is len(Segments) if all are.
func (j *moveJob) look(vg *metadata.VolumeGroup) (lv *metadata.LogicalVolume, index int, done Extents, err error) {
	lv = lvByID(vg, j.id)
	if lv == nil || !isMove(lv) {
		return nil, 0, 0, fault(ErrLVNotFound, "the move is no more: somebody else ended it")
	}
	index = len(lv.Segments)
	for i := range lv.Segments {
		body, ok := lv.Segments[i].Body.(*metadata.Mirror)
		switch {
		case !ok: // lvm2 is in the course of ending it
			done += lv.Segments[i].Count
		case body.Moved < lv.Segments[i].Count:
			index = min(index, i)
		default:
			done += body.Moved
		}
	}
	return lv, index, done, nil
}

// mirror waits until the kernel has copied a segment, and notes that. It ends the
// move if that was the last one.
func (j *moveJob) mirror(ctx context.Context) (ended bool, err error) {
	var uuid string
	var base, length Bytes
	var index, count int
	// The device is brought to what the metadata says: after a crash, or a
	// deactivation, it is not there.
	err = j.sys.Update(ctx, j.vg, func(tx *Tx) error {
		if !tx.Exists() {
			return tx.absent()
		}
		lv, i, done, err := j.look(tx.vg)
		if err != nil {
			return err
		}
		tx.want(j.id, wish{activate: true})
		uuid, index, count = tx.moveUUID(j.id), i, len(lv.Segments)
		base = tx.bytes(done)
		if i < count {
			length = tx.bytes(lv.Segments[i].Count)
		}
		return nil
	})
	if err != nil {
		return false, err
	}
	if index < count {
		if err := j.await(ctx, uuid, base, length, index); err != nil {
			return false, err
		}
	}
	if index+1 < count {
		if err := j.hold(ctx, base+length, index+1); err != nil {
			return false, err
		}
	}
	err = j.sys.Update(ctx, j.vg, func(tx *Tx) error {
		ended = false
		if !tx.Exists() {
			return tx.absent()
		}
		lv, i, _, err := j.look(tx.vg)
		if err != nil {
			return err
		}
		if i != index || len(lv.Segments) != count {
			return nil // somebody else was faster
		}
		if i < count {
			if synced, _, err := tx.sys.mirrored(tx.moveUUID(j.id)); err != nil || !synced {
				return err
			}
			if err := tx.advanceMove(j.id.String()); err != nil {
				return err
			}
		}
		if i+1 < count {
			return nil
		}
		ended = true
		return tx.endMove(j.id.String(), false)
	})
	return ended && err == nil, err
}

// moveUUID returns the UUID of the device of a move: newer versions of lvm2 give
// it a suffix.
func (tx *Tx) moveUUID(move metadata.ID) string {
	return tx.kern.known(node{uuid: dmUUID(tx.vg.ID, move, ""), hidden: true})
}

// bytes returns the length of extents.
func (tx *Tx) bytes(n Extents) Bytes { return extentBytes(tx.vg, n) }

// await looks at the kernel's mirror until it is in sync. It also ends when there
// is none, so that the metadata has to be read again.
func (j *moveJob) await(ctx context.Context, uuid string, base, length Bytes, index int) error {
	most := j.moveMeter.run.Interval
	if most <= 0 {
		most = moveInterval
	}
	for pause := moveFirstLook; ; pause = min(2*pause, most) {
		synced, share, err := j.sys.mirrored(uuid)
		if err != nil {
			return err
		}
		if share < 0 {
			return ctx.Err()
		}
		j.report(base+Bytes(float64(length)*share), index+1, false)
		if synced {
			return ctx.Err()
		}
		if err := sleep(ctx, pause); err != nil {
			return err
		}
	}
}

// mirrored asks the kernel how much of the mirror of a device is in sync. The
// share is negative if there is no mirror, or no device. The error matches
// [ErrDamaged] if one of the legs has failed, which the volume itself does not
// notice: what was written to it since is on the other only.
func (s *System) mirrored(uuid string) (synced bool, share float64, err error) {
	_, lines, err := s.kernel.TargetStatus(dm.ByUUID(uuid), dm.QueryOptions{NoFlush: true})
	switch {
	case errors.Is(err, dm.ErrNotFound): // somebody else has ended the move, or deactivated it
		return false, -1, nil
	case err != nil:
		return false, 0, fromKernel(err)
	}
	for _, line := range lines {
		if line.Type != "mirror" {
			continue
		}
		status, err := dm.ParseMirrorStatus(line.Status)
		if err != nil {
			return false, 0, err
		}
		for _, leg := range status.Legs {
			if leg.Health != dm.MirrorAlive {
				return false, 0, fault(ErrDamaged, "the kernel could not copy to or from device %s (%c): abort the move", leg.Device, leg.Health)
			}
		}
		if status.Regions > 0 {
			share = float64(status.InSync) / float64(status.Regions)
		}
		return status.Synced(), share, nil
	}
	return false, -1, nil
}
