package lvm

import (
	"errors"
	"math/bits"

	"github.com/lvm-go/lvm/dm"
)

// askStatus asks the kernel for the status of the target of a type that a volume
// is made of. Under an origin, and under a thin pool in use, that is not the one
// of the device that users see.
//
// Returns an error matching [ErrNotActive] if there is none, and [ErrUnsupported]
// if it is not understood.
func askStatus[S any](l *LogicalVolume, typ string, parse func(string) (S, error)) (s S, err error) {
	sys := l.vg.sys
	if err := sys.checkOpen(); err != nil {
		return s, err
	}
	for _, m := range l.vg.devices[l.rec.ID] {
		_, lines, err := sys.kernel.TargetStatus(dm.ByUUID(m.uuid), dm.QueryOptions{NoFlush: true})
		if errors.Is(err, dm.ErrNotFound) {
			continue // it went meanwhile
		}
		if err != nil {
			return s, fromKernel(err)
		}
		if len(lines) == 1 && lines[0].Type == typ {
			s, err = parse(lines[0].Status)
			return s, as(ErrUnsupported, err)
		}
	}
	return s, fault(ErrNotActive, "the kernel has no %s target of it", typ)
}

// lookFailed says of which volume something could not be said.
func (l *LogicalVolume) lookFailed(err error) error {
	if err == nil {
		return nil
	}
	return &OpError{Op: "look at lv", VG: l.vg.rec.Name, LV: l.rec.Name, Err: err}
}

// inBlocks returns the size of n blocks; all that there can be if it is more.
func inBlocks(n uint64, size Bytes) Bytes {
	high, low := bits.Mul64(n, uint64(size))
	if high != 0 {
		return ^Bytes(0)
	}
	return Bytes(low)
}

// share returns a part of something, as lvs shows it; 0 if nothing is known.
func share(part, whole Bytes) Percent {
	if whole == 0 {
		return 0
	}
	return dm.PercentOf(uint64(part), uint64(whole))
}
