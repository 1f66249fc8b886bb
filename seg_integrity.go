package lvm

import (
	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/metadata"
)

// integrityType renders volumes with a checksum for each block: images of raids.
type integrityType struct{}

func (integrityType) handles(b metadata.Body) bool { _, ok := b.(*metadata.Integrity); return ok }

func (integrityType) target(r *renderer, seg *metadata.Segment) (dm.Target, error) {
	body := seg.Body.(*metadata.Integrity)
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
