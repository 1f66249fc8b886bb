package lvm

import (
	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/metadata"
)

// stripedType renders striped segments, of which linear is the case of one
// stripe.
type stripedType struct{}

func (stripedType) handles(b metadata.Body) bool { _, ok := b.(*metadata.Striped); return ok }

func (stripedType) target(r *renderer, seg *metadata.Segment) (dm.Target, error) {
	body := seg.Body.(*metadata.Striped)
	if len(body.Stripes) == 1 {
		device, offset, err := r.place(seg, 0)
		return dm.Linear{Device: device, Offset: offset}, err
	}
	t := dm.Striped{ChunkSize: body.StripeSize, Stripes: make([]dm.StripeArea, len(body.Stripes))}
	for i := range body.Stripes {
		device, offset, err := r.place(seg, i)
		if err != nil {
			return nil, err
		}
		t.Stripes[i] = dm.StripeArea{Device: device, Offset: offset}
	}
	return t, nil
}
