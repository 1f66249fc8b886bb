package lvm

import (
	"context"

	"github.com/pkg/errors"

	"github.com/lvm-go/lvm/metadata"
	"github.com/lvm-go/lvm/units"
)

// notOpen refuses to move volumes in image mode that files are open on: these
// keep to the extents that they know.
func (p *movePlan) notOpen(tx *Tx) error {
	if tx.sys.kernel != nil {
		return nil
	}
	for _, user := range p.lvs {
		for _, lv := range tx.upwards(tx.vg.LVs[user.index], true) {
			if tx.sys.opened.isOpen(tx.vg.ID, lv.ID) {
				return fault(ErrBusy, "files are open on lv %s", lv.Name)
			}
		}
	}
	return nil
}

// isOpen says whether there are files on a volume, or on snapshots of it.
func (o *openVolumes) isOpen(vg, lv metadata.ID) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	v := o.byLV[openLV{vg, lv}]
	return v != nil && v.refs > 0 && !v.isGone()
}

// moveChunkSize is how much is copied under one lock in image mode.
const moveChunkSize = 16 * units.MiB

// copy copies some of a segment in image mode, and notes when all of it is
// copied. It ends the move if that was the last segment. The lock is held while
// it copies: nobody else can end the move meanwhile, and use what it writes to.
func (j *moveJob) copy(ctx context.Context) (ended bool, err error) {
	var done Bytes
	var index int
	err = j.sys.Update(ctx, j.vg, func(tx *Tx) error {
		if !tx.Exists() {
			return tx.absent()
		}
		lv, i, before, err := j.look(tx.vg)
		if err != nil {
			return err
		}
		index, done = i, tx.bytes(before)
		if i < len(lv.Segments) {
			seg := &lv.Segments[i]
			if j.segment != seg.Start {
				j.segment, j.copied = seg.Start, 0
			}
			n, err := tx.copyLegs(ctx, seg, j.copied, j.most())
			if err != nil {
				return err
			}
			j.copied += n
			done += j.copied
			if j.copied < tx.bytes(seg.Count) {
				return nil
			}
			if err := tx.advanceMove(j.id.String()); err != nil {
				return err
			}
		}
		if i+1 < len(lv.Segments) {
			return nil
		}
		ended = true
		return tx.endMove(j.id.String(), false)
	})
	if err != nil || ended {
		return ended && err == nil, err
	}
	j.report(done, index+1, false)
	return false, j.hold(ctx, done, index+1)
}

// most returns how much is copied at a time: about what the rate allows in half
// a second.
func (j *moveJob) most() Bytes {
	if rate := j.moveMeter.run.Rate; rate > 0 {
		return min(moveChunkSize, max(64*units.KiB, rate/2/(4*units.KiB)*(4*units.KiB)))
	}
	return moveChunkSize
}

// copyLegs copies a part of a segment of a move from its first leg to its second,
// and waits until it is safe there.
func (tx *Tx) copyLegs(ctx context.Context, seg *metadata.Segment, offset, most Bytes) (Bytes, error) {
	body := seg.Body.(*metadata.Mirror)
	legs := make([]*metadata.LogicalVolume, 2)
	vg := &metadata.VolumeGroup{Name: tx.vg.Name, ExtentSize: tx.vg.ExtentSize, PVs: tx.vg.PVs}
	for i := range legs {
		legs[i] = &metadata.LogicalVolume{Name: "leg of a move", ID: metadata.ID{byte('0' + i)}, Segments: []metadata.Segment{
			{Count: seg.Count, Type: "striped", Body: &metadata.Striped{Stripes: body.Legs[i : i+1]}},
		}}
		vg.LVs = append(vg.LVs, legs[i])
		if image := tx.find(body.Legs[i].LV); image != nil {
			vg.LVs = append(vg.LVs, image)
		}
	}
	emap := NewExtentMap(vg)
	from := newExtentFile(vg, legs[0], emap, tx.members, tx.h)
	to := newExtentFile(vg, legs[1], emap, tx.members, tx.h)
	most = min(most, from.size-offset)
	buf := make([]byte, min(most, units.MiB))
	for n := Bytes(0); n < most; {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		part := buf[:min(Bytes(len(buf)), most-n)]
		if _, err := from.ReadAt(part, int64(offset+n)); err != nil {
			return 0, errors.WithMessage(err, "read")
		}
		if _, err := to.WriteAt(part, int64(offset+n)); err != nil {
			return 0, errors.WithMessage(err, "write")
		}
		n += Bytes(len(part))
	}
	return most, to.Sync()
}
