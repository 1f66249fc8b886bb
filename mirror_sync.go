package lvm

import (
	"bytes"
	"errors"
	"slices"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/metadata"
)

// mirrorInSync says whether all legs of a mirror are known to be alike, but those
// at the positions in without: by the kernel or, if it is not active, by its log.
func (tx *Tx) mirrorInSync(lv *metadata.LogicalVolume, body *metadata.Mirror, without ...int) (bool, error) {
	if tx.staysActive(lv.ID) {
		m, err := tx.kern.mirror(lv.ID)
		if err != nil {
			return false, err
		}
		if m != nil {
			err := tx.sys.checkSync(m.uuid, without)
			return err == nil, ignoreNotInSync(err)
		}
	}
	log := tx.find(body.Log)
	regions, ok := mirrorRegions(tx.vg, lv.Extents(), body.RegionSize)
	if log == nil || !ok || regions > maxMirrorRegions {
		return false, nil
	}
	want := newMirrorLog(regions, true)
	got := make([]byte, len(want))
	if _, err := tx.open(log).ReadAt(got, 0); err != nil {
		return false, err
	}
	header := 16
	at := int(sectorBytes(mirrorLogBitmap))
	full := at + int(regions/8)
	if !bytes.Equal(got[:header], want[:header]) || !bytes.Equal(got[at:full], want[at:full]) {
		return false, nil
	}
	return regions%8 == 0 || got[full]&want[full] == want[full], nil
}

// mirror returns the device of an LV that the kernel has as a mirror: beneath the one
// for users, if there are snapshots. If there is no such device it is that one, or nil.
func (k *kernelState) mirror(lv metadata.ID) (*mapped, error) {
	for _, m := range k.byLV[lv] {
		if err := k.look(m); err != nil {
			return nil, err
		}
		if m.info.LiveTable && hasTarget[dm.Mirror](m.table) {
			return m, nil
		}
	}
	return k.top(lv), nil
}

func ignoreNotInSync(err error) error {
	if errors.Is(err, ErrNotInSync) || errors.Is(err, ErrDegraded) {
		return nil
	}
	return err
}

// needSync makes sure that the legs of a mirror are alike, but those at the
// positions in without, which go: now, and once nothing is written to it any more.
func (tx *Tx) needSync(lv *metadata.LogicalVolume, body *metadata.Mirror, without ...int) error {
	inSync, err := tx.mirrorInSync(lv, body, without...)
	if err != nil {
		return err
	}
	if !inSync {
		return fault(ErrNotInSync, "the legs of lv %s are not alike, or not known to be", lv.Name)
	}
	if tx.staysActive(lv.ID) {
		tx.alike = append(tx.alike, alike{lv.ID, without})
	}
	return nil
}

// alike is a mirror whose legs have to be in sync when it changes.
type alike struct {
	id      metadata.ID
	without []int
}

// checkAlike plans the look at such mirrors, and raids, while they are at rest.
func (b *builder) checkAlike() {
	for _, id := range b.tx.intact {
		if m := b.tx.kern.top(id); m != nil {
			rests := func(s Step) bool { suspend, ok := s.(*SuspendDevice); return ok && suspend.UUID == m.uuid }
			if slices.ContainsFunc(b.suspend, rests) {
				b.suspend = append(b.suspend, &CheckLegs{deviceRef: deviceRef{Name: m.name, UUID: m.uuid}})
			}
		}
	}
	for _, a := range b.tx.alike {
		m, err := b.tx.kern.mirror(a.id)
		if err != nil || m == nil {
			continue // it was there when it was found to be in sync
		}
		rests := func(s Step) bool { suspend, ok := s.(*SuspendDevice); return ok && suspend.UUID == m.uuid }
		if slices.ContainsFunc(b.suspend, rests) {
			b.suspend = append(b.suspend, &CheckSync{deviceRef: deviceRef{Name: m.name, UUID: m.uuid}, Without: a.without})
		}
	}
}

// CheckSync makes sure that the legs of a mirror are in sync and that none has
// failed, but those that go.
type CheckSync struct {
	harmless
	final
	deviceRef
	Without []int // positions of legs that do not matter
}

func (s *CheckSync) String() string { return "check that the legs of " + s.Name + " are in sync" }

func (s *CheckSync) do(r *run) error { return r.sys.checkSync(s.UUID, s.Without) }

func (s *System) checkSync(uuid string, without []int) error {
	status, err := s.mirrorStatus(uuid)
	if err != nil {
		return err
	}
	for i, leg := range status.Legs {
		if leg.Health != dm.MirrorAlive && !slices.Contains(without, i) {
			return fault(ErrDegraded, "leg %d on device %s has failed (%c)", i, leg.Device, leg.Health)
		}
	}
	if !status.Synced() {
		return fault(ErrNotInSync, "%d of %d regions are in sync", status.InSync, status.Regions)
	}
	return nil
}

func (s *System) mirrorStatus(uuid string) (dm.MirrorStatus, error) {
	_, lines, err := s.kernel.TargetStatus(dm.ByUUID(uuid), dm.QueryOptions{NoFlush: true})
	if err != nil {
		return dm.MirrorStatus{}, fromKernel(err)
	}
	if len(lines) != 1 || lines[0].Type != (dm.Mirror{}).Type() {
		return dm.MirrorStatus{}, fault(ErrNotActive, "its device is no mirror: Recover makes it one")
	}
	return dm.ParseMirrorStatus(lines[0].Status)
}
