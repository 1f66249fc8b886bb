package lvm

import (
	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/metadata"
)

// virtualType renders segments without storage: error and zero.
type virtualType struct{}

func (virtualType) handles(b metadata.Body) bool { _, ok := b.(*metadata.Virtual); return ok }

func (virtualType) target(_ *renderer, seg *metadata.Segment) (dm.Target, error) {
	if seg.Type == "zero" {
		return dm.Zero{}, nil
	}
	return dm.ErrorTarget{}, nil
}
