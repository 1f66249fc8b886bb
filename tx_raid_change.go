package lvm

import (
	"context"

	"github.com/lvm-go/lvm/metadata"
)

// RAIDChange is what changes of a raid. What is nil or zero stays as it is.
type RAIDChange struct {
	// MinRate and MaxRate are as in [RAIDSpec].
	MinRate, MaxRate *uint32
	// WriteMostly says of legs of a raid1, by a physical volume that they lie on, whether
	// they are read only if no other one can be. One has to be read.
	WriteMostly map[string]bool
	// WriteBehind is how many writes to such legs of a raid1 may lag behind; 0 is none,
	// 32767 the most. The kernel goes by what it noted when the legs' metadata was new.
	WriteBehind *uint32
	// RegionSize is as in [RAIDSpec]; what the kernel notes of the regions has to fit
	// in the metadata of the legs.
	RegionSize Bytes
}

// maxWriteBehind is what the kernel takes. Source: linux drivers/md/dm-raid.c.
const maxWriteBehind = 1<<15 - 1

// ChangeRAID changes how the kernel works with a raid, while it is in use. lvm2:
// lvchange --minrecoveryrate, --maxrecoveryrate, --writemostly, --writebehind;
// lvconvert --regionsize.
//
// Returns errors matching [ErrLVNotFound], [ErrInvalidSpec], [ErrPVNotFound],
// [ErrInvalidSize] if there were too many regions for the metadata of the legs,
// and for another size of regions [ErrNotActive] if the raid is not active, since
// the kernel writes down anew what it notes of them, or [ErrNotInSync] or
// [ErrDegraded] if its legs are not in order.
func (tx *Tx) ChangeRAID(ref string, change RAIDChange) error {
	return tx.fail("change raid", ref, tx.whole(func() error {
		old, i, err := tx.lvToChange(ref)
		if err != nil {
			return err
		}
		if _, ok := kindOf(old).(raidType); !ok {
			return fault(ErrInvalidSpec, "lv %s is no raid", old.Name)
		}
		if err := tx.plainRAID(old); err != nil {
			return err
		}
		if SegmentType(old.Segments[0].BaseType()).isRAID0() {
			return fault(ErrInvalidSpec, "a %s has nothing to bring in sync", old.Segments[0].BaseType())
		}
		lv, body := raidCopy(old)
		for _, step := range []func() error{
			func() error { return change.setRates(body) },
			func() error { return change.setWriteBehind(lv, body) },
			func() error { return tx.setRegionSize(lv, body, change.RegionSize) },
			func() error { return tx.setWriteMostly(lv, change.WriteMostly) },
		} {
			if err := step(); err != nil {
				return err
			}
		}
		was := old.Segments[0].Body.(*metadata.RAID)
		if body.MinRate == was.MinRate && body.MaxRate == was.MaxRate && body.WriteBehind == was.WriteBehind && body.RegionSize == was.RegionSize {
			return nil
		}
		return tx.put(i, lv)
	}))
}

func (change *RAIDChange) setRates(body *metadata.RAID) error {
	if change.MinRate != nil {
		body.MinRate = *change.MinRate
	}
	if change.MaxRate != nil {
		body.MaxRate = *change.MaxRate
	}
	return checkRates(body.MinRate, body.MaxRate)
}

func (change *RAIDChange) setWriteBehind(lv *metadata.LogicalVolume, body *metadata.RAID) error {
	switch {
	case change.WriteBehind == nil:
		return nil
	case lv.Segments[0].BaseType() != string(SegmentRAID1):
		return fault(ErrInvalidSpec, "only a raid1 has writes that may lag behind")
	case *change.WriteBehind > maxWriteBehind:
		return fault(ErrInvalidSpec, "%d writes that may lag behind: %d are the most", *change.WriteBehind, maxWriteBehind)
	}
	body.WriteBehind = *change.WriteBehind
	return nil
}

// setRegionSize changes the size of regions. The kernel carries over which of them
// may differ.
func (tx *Tx) setRegionSize(lv *metadata.LogicalVolume, body *metadata.RAID, size Bytes) error {
	if size == 0 {
		return nil
	}
	if err := checkRegionSize(size); err != nil {
		return err
	}
	region := size.Sectors()
	length, ok := lv.Segments[0].Count.Sectors(tx.vg.ExtentSize)
	switch {
	case region == body.RegionSize:
		return nil
	case !ok || region > length:
		return fault(ErrInvalidSpec, "regions of %s are larger than lv %s", size, lv.Name)
	case region < body.StripeSize:
		return fault(ErrInvalidSpec, "regions of %s are smaller than a stripe", size)
	case length/region > maxRegions:
		return fault(ErrInvalidSpec, "regions of %s would be more than %d", size, maxRegions)
	case !tx.staysActive(lv.ID):
		return fault(ErrNotActive, "lv %s has to be active: the kernel notes which regions differ", lv.Name)
	}
	if err := tx.checkAllLegs(lv); err != nil {
		return err
	}
	body.RegionSize = region
	return tx.suitRegions(lv, body)
}

func (tx *Tx) setWriteMostly(lv *metadata.LogicalVolume, legs map[string]bool) error {
	if len(legs) == 0 {
		return nil
	}
	seg := &lv.Segments[0]
	body := seg.Body.(*metadata.RAID)
	if seg.BaseType() != string(SegmentRAID1) {
		return fault(ErrInvalidSpec, "only a raid1 has legs that are not read")
	}
	last := make([]bool, len(body.Legs))
	for n, leg := range body.Legs {
		last[n] = tx.find(leg.Image).Status&metadata.LVWriteMostly != 0
	}
	said := make([]bool, len(body.Legs))
	for ref, on := range legs {
		pv, ok := findPV(tx.vg, tx.members, ref)
		if !ok {
			return &OpError{Op: "change leg", PV: ref, Err: ErrPVNotFound}
		}
		lies, found := tx.missingLegs(seg, map[metadata.ID]bool{pv: true}), false
		for n := range body.Legs {
			if !lies(n) {
				continue
			}
			if said[n] && last[n] != on {
				return fault(ErrInvalidSpec, "leg %s is to be read, and is not", tx.nameOf(body.Legs[n].Image))
			}
			last[n], said[n], found = on, true, true
		}
		if !found {
			return fault(ErrInvalidSpec, "no leg lies on %s", ref)
		}
	}
	if len(positions(last)) == len(last) {
		return fault(ErrInvalidSpec, "no leg of lv %s were left to be read", lv.Name)
	}
	for n, leg := range body.Legs {
		image := *tx.find(leg.Image)
		before := image.Status
		if image.Status = withFlag(before, metadata.LVWriteMostly, last[n]); image.Status == before {
			continue
		}
		if err := tx.put(tx.indexOf(image.ID), &image); err != nil {
			return err
		}
	}
	return nil
}

// ResyncRAID has the kernel bring all legs of a raid in sync from the start, also
// of one that was made with NoSync, which it then no longer counts as. It is a
// [System.Scrub] with Repair, while the raid is in use; lvm2 makes the kernel forget
// which legs are in sync, for which nobody may use the raid, and which a crash can
// leave half done. lvm2: lvchange --resync.
//
// Returns errors as [System.Scrub] does.
func (s *System) ResyncRAID(ctx context.Context, vg, lv string, o SyncOptions) error {
	w, _, err := s.scrub(ctx, vg, lv, ScrubOptions{Repair: true, SyncOptions: o})
	if err == nil {
		err = s.Update(ctx, w.vg.String(), func(tx *Tx) error {
			old, i, err := tx.lvToChange(w.lv.String())
			if err != nil || old.Status&metadata.LVNotSynced == 0 {
				return err
			}
			synced := *old
			synced.Status &^= metadata.LVNotSynced
			return tx.put(i, &synced)
		})
	}
	return w.failed("bring raid in sync", vg, lv, err)
}
