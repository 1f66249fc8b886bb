package lvm

import "github.com/lvm-go/lvm/metadata"

// Choice is a yes or no that may be left as it is, or as is usual.
type Choice = metadata.Choice

// The choices.
const (
	ChoiceUnset = metadata.ChoiceUnset
	ChoiceNo    = metadata.ChoiceNo
	ChoiceYes   = metadata.ChoiceYes
)

// ThinDiscards is what a thin pool does when a volume no longer needs what is in
// some of its chunks. lvm2: --discards.
type ThinDiscards uint8

const (
	// DiscardsUnset is DiscardsPassdown for a new pool, and otherwise what the pool
	// has.
	DiscardsUnset ThinDiscards = iota
	// DiscardsPassdown frees the chunks, and tells the devices beneath.
	DiscardsPassdown
	// DiscardsNoPassdown frees the chunks.
	DiscardsNoPassdown
	// DiscardsIgnore keeps them.
	DiscardsIgnore
)

// String returns "passdown", "nopassdown" or "ignore".
func (d ThinDiscards) String() string {
	if d == DiscardsUnset {
		return "unset"
	}
	return metadata.Discards(d - DiscardsPassdown).String()
}

// or returns what a pool is to do that did otherwise.
func (d ThinDiscards) or(otherwise metadata.Discards) (metadata.Discards, error) {
	switch {
	case d == DiscardsUnset:
		return otherwise, nil
	case d > DiscardsIgnore:
		return 0, fault(ErrInvalidSpec, "discards %d are unknown", uint8(d))
	}
	return metadata.Discards(d - DiscardsPassdown), nil
}

// PoolCommitment is what a thin pool has promised to its volumes.
type PoolCommitment struct {
	Size    Bytes // of the pool's data
	Virtual Bytes // of all its volumes and snapshots
	Volumes int
}

// Percent returns the share of the pool's size that its volumes could come to
// need. More than 100 is usual, and means that somebody has to see to it that the
// pool does not fill up.
func (c PoolCommitment) Percent() uint64 {
	if c.Size == 0 {
		return 0
	}
	return uint64(float64(c.Virtual) * 100 / float64(c.Size))
}

// PoolCommitment returns what a thin pool has promised to its volumes. It returns an
// error matching [ErrInvalidSpec] if the volume is no thin pool.
func (l *LogicalVolume) PoolCommitment() (PoolCommitment, error) {
	if _, ok := l.body().(*metadata.ThinPool); !ok {
		return PoolCommitment{}, l.lookFailed(fault(ErrInvalidSpec, "it is no thin pool"))
	}
	return commitment(l.vg.rec, l.rec), nil
}

func commitment(vg *metadata.VolumeGroup, pool *metadata.LogicalVolume) PoolCommitment {
	c := PoolCommitment{Size: extentBytes(vg, pool.Extents())}
	for _, lv := range vg.LVs {
		if body := thinBody(lv); body != nil && body.Pool == pool.ID {
			c.Virtual += extentBytes(vg, lv.Extents())
			c.Volumes++
		}
	}
	return c
}

// thinBody returns what is particular to a thin volume, nil for other volumes.
func thinBody(lv *metadata.LogicalVolume) *metadata.Thin {
	if lv == nil || len(lv.Segments) != 1 {
		return nil
	}
	body, _ := lv.Segments[0].Body.(*metadata.Thin)
	return body
}

// thinPoolBody returns what is particular to a thin pool, nil for other volumes.
func thinPoolBody(lv *metadata.LogicalVolume) *metadata.ThinPool {
	if lv == nil || len(lv.Segments) != 1 {
		return nil
	}
	body, _ := lv.Segments[0].Body.(*metadata.ThinPool)
	return body
}
