package lvm

import (
	"slices"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/metadata"
)

// TrackRAIDLeg takes the last leg of a raid1, or the one on the given physical
// volumes, away for a while: its image becomes a volume that can be read only, and
// shows what the raid1 holds now. The kernel notes what is written to the raid1
// meanwhile, and [Tx.MergeRAIDLeg] brings only that to the leg. Until then the raid1
// is without it, and nothing else can be done with either. lvm2: lvconvert
// --splitmirrors 1 --trackchanges.
//
// Returns errors as [Tx.SplitRAIDLeg] does, and one matching [ErrBusy] if a leg is
// away already.
func (tx *Tx) TrackRAIDLeg(lv string, pvs ...string) (*LogicalVolume, error) {
	var image *metadata.LogicalVolume
	err := tx.whole(func() (err error) {
		image, err = tx.trackRAIDLeg(lv, pvs)
		return err
	})
	if err != nil {
		return nil, tx.fail("track leg of lv", lv, err)
	}
	return tx.viewLV(image), nil
}

func (tx *Tx) trackRAIDLeg(ref string, pvs []string) (*metadata.LogicalVolume, error) {
	old, _, err := tx.lvToChange(ref)
	if err != nil {
		return nil, err
	}
	_, body, err := tx.raid1(old)
	if err != nil {
		return nil, err
	}
	going, err := tx.legsToDrop(tx.images(body), 1, pvs)
	if err != nil {
		return nil, err
	}
	if err := tx.checkSources(old, nil); err != nil {
		return nil, err
	}
	image := *tx.find(body.Legs[positions(going)[0]].Image)
	image.Status = image.Status&^(metadata.LVWrite|metadata.LVWriteLocked) | metadata.LVVisible
	if err := tx.put(tx.indexOf(image.ID), &image); err != nil {
		return nil, err
	}
	tx.showImage(image.ID)
	return &image, nil
}

// MergeRAIDLeg gives a raid1 the leg back that [Tx.TrackRAIDLeg] took away, by the
// name of its image. The kernel writes to it what was written to the others
// meanwhile, which [System.WaitSync] waits for. lvm2: lvconvert --merge; that can
// miss what was written last, since it does not have the raid1 come to rest before
// the kernel looks what there is to write.
//
// Returns errors matching [ErrLVNotFound], [ErrInvalidSpec] if it is no such image,
// [ErrNotActive] if the raid1 is not active, or [ErrBusy] if the image is open.
func (tx *Tx) MergeRAIDLeg(image string) error {
	return tx.fail("merge leg", image, tx.whole(func() error { return tx.mergeRAIDLeg(image) }))
}

func (tx *Tx) mergeRAIDLeg(ref string) error {
	if err := tx.own(); err != nil {
		return err
	}
	old, i, err := tx.lvFor(ref)
	if err != nil {
		return err
	}
	top := tx.tracks(old)
	if top == nil {
		return fault(ErrInvalidSpec, "lv %s is no leg that a raid1 gets back", old.Name)
	}
	if err := tx.notClaimed(old); err != nil {
		return err
	}
	if !tx.staysActive(top.ID) {
		return fault(ErrNotActive, "lv %s has to be active: the kernel writes what it missed", top.Name)
	}
	if m := tx.kern.top(old.ID); m != nil {
		if err := tx.kern.look(m); err != nil {
			return err
		}
		if m.info.OpenCount > 0 {
			return fault(ErrBusy, "its device is open %d times", m.info.OpenCount)
		}
	}
	lv := *old
	lv.Status = lv.Status&^metadata.LVVisible | tx.writable()
	return tx.put(i, &lv)
}

// tracks returns the raid that is without an image for a while; nil if it is none.
func (tx *Tx) tracks(image *metadata.LogicalVolume) *metadata.LogicalVolume {
	if image.Status&metadata.LVVisible == 0 {
		return nil
	}
	for _, id := range tx.ties().above[image.ID] {
		if lv := tx.find(id); lv != nil {
			if _, ok := kindOf(lv).(raidType); ok {
				return lv
			}
		}
	}
	return nil
}

// tracked returns the image that a volume is without for a while; nil if there is
// none.
func (tx *Tx) tracked(lv *metadata.LogicalVolume) *metadata.LogicalVolume {
	body, ok := bodyOf[*metadata.RAID](lv)
	if !ok {
		return nil
	}
	for _, leg := range body.Legs {
		if image := tx.find(leg.Image); image != nil && image.Status&metadata.LVVisible != 0 {
			return image
		}
	}
	return nil
}

func errTracked(image, lv *metadata.LogicalVolume) error {
	return fault(ErrBusy, "image %s is split off lv %s, to be merged again", image.Name, lv.Name)
}

// remove refuses to leave the image alone that a raid is without for a while.
func (raidType) remove(tx *Tx, lv *metadata.LogicalVolume, going map[metadata.ID]bool) error {
	if image := tx.tracked(lv); image != nil && !going[image.ID] {
		return errTracked(image, lv)
	}
	return nil
}

// readsNotes says whether what the kernel notes of the legs of a raid with the table
// old when it suspends counts for the table now, which it reads them for when that
// is loaded: legs come back, or it was told by old which are to be written anew.
func readsNotes(now, old dm.Table) bool {
	for i := range min(len(now), len(old)) {
		a, ok1 := now[i].Target.(dm.RAID)
		b, ok2 := old[i].Target.(dm.RAID)
		if !ok1 || !ok2 {
			continue
		}
		if len(b.Rebuild) > 0 {
			return true
		}
		for n := range min(len(a.Legs), len(b.Legs)) {
			if b.Legs[n].Data == "" && a.Legs[n].Data != "" {
				return true
			}
		}
	}
	return false
}

// lacksLegs says whether a raid works without some of its legs.
func lacksLegs(t dm.Table) bool {
	return slices.ContainsFunc(t, func(l dm.Line) bool {
		raid, ok := l.Target.(dm.RAID)
		return ok && slices.ContainsFunc(raid.Legs, func(leg dm.RAIDLeg) bool { return leg.Data == "" })
	})
}

// noteLegs has the kernel note which legs a raid works without. By itself it does
// that some time after it was written to; a crash before would have a leg that comes
// back taken for one that is in sync.
func (b *builder) noteLegs(n node) {
	if !lacksLegs(n.table) {
		return
	}
	ref := deviceRef{Name: n.name, UUID: n.uuid}
	b.late = append(b.late, &SuspendDevice{deviceRef: ref, hidden: n.hidden}, &ResumeDevice{deviceRef: ref, hidden: n.hidden})
}
