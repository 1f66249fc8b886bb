package lvm

import (
	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/metadata"
)

// thinType renders thin volumes.
type thinType struct{}

func (thinType) handles(b metadata.Body) bool { _, ok := b.(*metadata.Thin); return ok }

func (thinType) target(r *renderer, seg *metadata.Segment) (dm.Target, error) {
	body := seg.Body.(*metadata.Thin)
	var err error
	if r.shows != nil {
		if shown, err := r.shows(r.at.lv.ID); err != nil {
			return nil, err
		} else if shown != nil {
			body = shown
		}
	}
	t := dm.Thin{ID: body.DeviceID}
	if t.Pool, err = r.part(body.Pool); err != nil || body.ExternalOrigin.IsZero() {
		return t, err
	}
	t.ExternalOrigin, err = r.part(body.ExternalOrigin)
	return t, err
}

// externalOrigin renders a volume that thin volumes read what they do not have
// from. It may not change while they do:
//
//	origin-real  what its segments say, read-only
//	origin       linear origin-real, read-only, if the origin itself is active
//
// Source: lvm2 as observed.
func (r *renderer) externalOrigin(lv *metadata.LogicalVolume) (string, error) {
	real, err := r.plain(lv, realLayer)
	if err != nil {
		return "", err
	}
	r.nodes[len(r.nodes)-1].readOnly = true
	if r.shown == nil || r.shown(lv.ID) {
		top, err := r.node(lv, "")
		if err != nil {
			return "", err
		}
		length, ok := lv.Extents().Sectors(r.vg.ExtentSize)
		if !ok {
			return "", fault(ErrInvalidSize, "lv %s is too large", lv.Name)
		}
		top.readOnly, top.table = true, dm.Table{{Length: length, Target: dm.Linear{Device: real}}}
		r.put(top)
	}
	r.done[lv.ID] = real
	return real, nil
}
