package lvm

import (
	"context"
	"fmt"
	"slices"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/metadata"
)

// bringAgain plans that raids get the tables of the final text, where those until
// then say more: that legs are to be written anew. That must be said once only, or
// it were done again with the next device that fails. They are suspended before the
// tables are loaded: this way what the kernel knows of their legs is on disk when it
// is read. Only then is the final text written: the kernel takes its time to note on
// a new leg that it is one, and without that note, nor a text that says so, it would
// take the raid for damaged after a power cut, and refuse it.
func (b *builder) bringAgain(r *renderer, lv *metadata.LogicalVolume, nodes []node) error {
	if len(b.tx.meanwhile) == 0 {
		return nil
	}
	final := *r
	final.find = b.tx.find
	after, err := final.lv(lv)
	if err != nil {
		return err
	}
	var check, wait, suspend, load, resume, again []Step
	for _, n := range after {
		i := slices.IndexFunc(nodes, func(was node) bool { return was.uuid == n.uuid })
		if i < 0 || nodes[i].table.Equal(n.table) || b.again[n.uuid] {
			continue
		}
		if b.again == nil {
			b.again = map[string]bool{}
		}
		b.again[n.uuid] = true
		ref := deviceRef{Name: n.name, UUID: n.uuid}
		check = append(check, &CheckLoaded{deviceRef: ref, Table: nodes[i].table})
		wait = append(wait, &AwaitRAID{deviceRef: ref})
		suspend = slices.Insert(suspend, 0, Step(&SuspendDevice{deviceRef: ref, hidden: n.hidden}))
		load = append(load, &LoadTable{deviceRef: ref, Table: n.table, ReadOnly: n.readOnly})
		resume = append(resume, &ResumeDevice{deviceRef: ref, hidden: n.hidden})
		again = append(again, &CheckLoaded{deviceRef: ref, Table: n.table})
	}
	b.confirm = slices.Concat(check, wait, suspend, load, resume, again, b.confirm)
	return nil
}

// CheckLoaded makes sure that a device has the table that says what the kernel has
// to do, or the one that comes after it, before the text no longer says so.
type CheckLoaded struct {
	harmless
	final
	deviceRef
	Table dm.Table
}

func (s *CheckLoaded) String() string {
	return fmt.Sprintf("check that the table of %s is live", s.Name)
}

func (s *CheckLoaded) do(r *run) error {
	want, err := r.resolve(s.Table)
	if err == nil {
		var info dm.Info
		var table dm.Table
		if info, table, err = liveTable(r.sys.kernel, r.ref(s.UUID)); err == nil && (!info.LiveTable || info.Suspended || !table.Equal(want)) {
			err = fault(ErrBusy, "device %s did not take its table", s.Name)
		}
	}
	if err != nil {
		r.untold = true
	}
	return err
}

// finishRebuilds confirms that the kernel knows which legs it has to write anew,
// where whoever told it has died before.
func (s *System) finishRebuilds(ctx context.Context, ref string, rec *Recovery) error {
	if s.kernel == nil {
		return nil
	}
	v, err := s.VG(ctx, ref)
	if err != nil || !slices.ContainsFunc(v.rec.LVs, func(lv *metadata.LogicalVolume) bool { return isRebuilt(lv) || isMoved(lv) }) {
		return nil // recoverGroup tells what is wrong with the group
	}
	confirmed, moved := 0, 0
	err = s.Update(ctx, ref, func(tx *Tx) (err error) {
		confirmed, moved = 0, 0
		if tx.vg != nil && tx.own(ErrMissingPV) == nil { // otherwise nobody may change it
			if confirmed, err = tx.confirmRebuilds(); err == nil {
				moved, err = tx.confirmReshapes()
			}
		}
		return err
	})
	if err == nil && confirmed > 0 {
		rec.Done = append(rec.Done, v.Name()+": confirm which legs of its raids are written anew")
	}
	if err == nil && moved > 0 {
		rec.Done = append(rec.Done, v.Name()+": confirm where the data of its raids are moved")
	}
	return err
}

// confirmRebuilds takes the marks off legs of active raids. It returns of how many.
func (tx *Tx) confirmRebuilds() (legs int, err error) {
	for i, old := range tx.vg.LVs {
		if !isRebuilt(old) || !slices.ContainsFunc(tx.ties().above[old.ID], func(id metadata.ID) bool { return tx.raidStaysUp(tx.find(id)) }) {
			continue
		}
		lv := *old
		lv.Status &^= metadata.LVRebuild
		if err := tx.putMeanwhile(i, &lv, old); err != nil {
			return legs, err
		}
		legs++
	}
	return legs, nil
}

// confirmReshapes takes what the kernel is told of moving data off active raids. It
// returns of how many.
func (tx *Tx) confirmReshapes() (raids int, err error) {
	for i, old := range tx.vg.LVs {
		if !isMoved(old) || !tx.staysActive(old.ID) {
			continue
		}
		body := old.Segments[0].Body.(*metadata.RAID)
		for _, leg := range body.Legs {
			image := tx.find(leg.Image)
			for _, id := range []metadata.ID{leg.Image, leg.Meta} {
				part := tx.find(id)
				if part == nil || image == nil {
					continue
				}
				if after := confirmedPart(part, image); after != part {
					if err := tx.putMeanwhile(tx.indexOf(id), after, part); err != nil {
						return raids, err
					}
				}
			}
		}
		if err := tx.putMeanwhile(i, confirmedReshape(old), old); err != nil {
			return raids, err
		}
		raids++
	}
	return raids, nil
}

// confirmedReshape returns a raid as it is once the kernel knows what it is told.
func confirmedReshape(old *metadata.LogicalVolume) *metadata.LogicalVolume {
	lv, body := raidCopy(old)
	if body.DataOffset == 0 { // the room is taken off
		lv.Segments[0].Type = lv.Segments[0].BaseType()
	}
	body.DataOffset, body.HasDataOffset = 0, false
	return lv
}

// confirmedPart returns a part of a leg of a raid as it is once the kernel knows that the
// leg comes, or goes.
func confirmedPart(part, image *metadata.LogicalVolume) *metadata.LogicalVolume {
	switch {
	case image.Segments[0].HasFlag(flagTaken):
		return flagged(withoutFlags(part), flagRemoved)
	case part.Segments[0].HasFlag(flagAdded):
		return withoutFlags(part)
	}
	return part
}

// isMoved says whether a volume is a raid whose data the kernel is told to move, or
// where they begin now.
func isMoved(lv *metadata.LogicalVolume) bool {
	if lv == nil {
		return false
	}
	body, ok := bodyOf[*metadata.RAID](lv)
	return ok && body.HasDataOffset
}

func isRebuilt(lv *metadata.LogicalVolume) bool {
	return lv != nil && lv.Status&metadata.LVRebuild != 0
}
