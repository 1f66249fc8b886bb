package lvm

import (
	"errors"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/metadata"
)

// integrityType renders volumes with a checksum for each block: images of raids.
type integrityType struct{}

func (integrityType) handles(b metadata.Body) bool { _, ok := b.(*metadata.Integrity); return ok }

func (integrityType) target(r *renderer, seg *metadata.Segment) (dm.Target, error) {
	body := seg.Body.(*metadata.Integrity)
	if lost, err := r.lostIntegrity(body); lost || err != nil {
		return dm.ErrorTarget{}, err
	}
	t := dm.Integrity{
		TagSize: body.TagSize, InternalHash: body.InternalHash,
		BlockSize: body.BlockSize, Recalculate: body.Recalculate, FixPadding: true,
	}
	if body.Mode != "" {
		t.Mode = dm.IntegrityMode(body.Mode[0])
	}
	for _, s := range body.Settings {
		t.Settings = append(t.Settings, dm.Setting{Key: s.Key, Value: s.Value})
	}
	err := r.beneath(func() (err error) {
		if t.Device, err = r.part(body.Origin); err == nil && !body.Meta.IsZero() {
			t.MetaDevice, err = r.part(body.Meta)
		}
		return err
	})
	return t, err
}

// lostIntegrity says whether errors stand in for a volume as a whole since it lies on
// missing physical volumes: the kernel does not begin to work with checksums that it
// cannot read. What works already is left alone.
func (r *renderer) lostIntegrity(body *metadata.Integrity) (bool, error) {
	if r.standIns == nil {
		return false, nil
	}
	lost := false
	for _, id := range []metadata.ID{body.Origin, body.Meta} {
		if id.IsZero() {
			continue
		}
		part, err := r.volume(id)
		if err != nil {
			return false, err
		}
		for _, a := range areasOnPVs(part, r.find) {
			_, err := r.device(a.PV)
			lost = lost || errors.Is(err, ErrMissingPV)
		}
	}
	m := r.standIns.kern.byUUID[r.uuid(r.at.lv.ID, r.at.layer)]
	if !lost || m == nil || r.standIns.replace {
		return lost, nil
	}
	if err := r.standIns.kern.look(m); err != nil {
		return false, err
	}
	return !hasTarget[dm.Integrity](m.table), nil
}
