package raid

import (
	"encoding/binary"
	"fmt"
	"io"
	"slices"

	"github.com/lvm-go/lvm/units"
)

// writable is a metadata device that can be written.
type writable interface {
	io.ReaderAt
	io.WriterAt
}

// metaLog keeps the log in the superblocks and bitmaps, where the kernel reads it:
// it makes copies and parity fit where bits are set, and rebuilds the legs that
// are named as failed.
type metaLog struct {
	devices []writable // nil: not written, since the leg does not count
	supers  [][]byte
	heads   [][]byte
	bits    []byte // the same on all
	even    bool   // they are the same on all
	ours    []uint64
	region  units.Sectors
	regions uint64
	events  uint64
	whole   bool   // all legs get all writes
	before  uint64 // how far the array was in sync before
	resync  uint64 // what the superblocks say now
}

// freshLog is the log of an array that the kernel has not had yet. It makes all
// of it fit then, so there is nothing to note but what cannot be noted.
type freshLog struct{}

func (freshLog) Dirty(_, _ units.Sectors) error { return nil }

func (freshLog) Behind(legs []int) error {
	return fmt.Errorf("%w: no superblock to name legs %v in", ErrReadOnly, legs)
}

func (freshLog) Clean() error { return nil }

// newMetaLog returns the log of an array. It needs the metadata of all legs that
// count to be good: else the kernel has to put them in order first.
func newMetaLog(s *State, metas []*Meta, devices []io.ReaderAt) (Log, error) {
	l := &metaLog{events: s.Events, whole: true, before: uint64(s.DirtyFrom), resync: uint64(s.DirtyFrom)}
	for i, leg := range s.Legs {
		l.devices = append(l.devices, nil)
		l.supers, l.heads = append(l.supers, nil), append(l.heads, nil)
		counts := leg.Condition == InSync || leg.Condition == Missed || leg.Condition == Rebuilding
		l.whole = l.whole && counts && leg.InSync == Whole
		if devices[i] == nil || !counts {
			continue
		}
		w, ok := devices[i].(writable)
		switch b := goodBitmap(metas[i]); {
		case !ok:
			return nil, fmt.Errorf("leg %d: metadata: %w", i, ErrReadOnly)
		case b == nil && leg.InSync != Whole:
			continue // the kernel writes it anew
		case b == nil:
			return nil, fmt.Errorf("leg %d: %w: no good bitmap", i, ErrReadOnly)
		case l.region == 0:
			l.region, l.regions = b.Region, b.regions()
		case l.region != b.Region || l.regions != b.regions():
			return nil, fmt.Errorf("leg %d: %w: another bitmap than the others", i, ErrReadOnly)
		}
		if err := l.add(i, w); err != nil {
			return nil, fmt.Errorf("leg %d: metadata: %w", i, err)
		}
	}
	if l.region == 0 {
		return nil, fmt.Errorf("%w: no leg counts", ErrReadOnly)
	}
	return l, nil
}

// add takes a device. Bits that one has are set on all.
func (l *metaLog) add(leg int, w writable) error {
	super, head := make([]byte, superblockSize), make([]byte, bitsOffset-bitmapOffset)
	bits := make([]byte, ceil(l.regions, 8))
	for _, part := range []struct {
		b   []byte
		off int64
	}{{super, 0}, {head, bitmapOffset}, {bits, bitsOffset}} {
		if err := readFull(w, part.b, part.off); err != nil {
			return err
		}
	}
	l.devices[leg], l.supers[leg], l.heads[leg] = w, super, head
	if l.bits == nil {
		l.bits, l.even = bits, true
		return nil
	}
	l.even = l.even && slices.Equal(l.bits, bits)
	for i := range bits {
		l.bits[i] |= bits[i]
	}
	return nil
}

// each does something to all devices, and flushes them. All must succeed.
func (l *metaLog) each(do func(leg int, w writable) error) error {
	for leg, w := range l.devices {
		if w == nil {
			continue
		}
		err := do(leg, w)
		if s, ok := w.(interface{ Sync() error }); ok && err == nil {
			err = s.Sync()
		}
		if err != nil {
			return fmt.Errorf("leg %d: write RAID metadata: %w", leg, err)
		}
	}
	return nil
}

func (l *metaLog) Dirty(sector, length units.Sectors) error {
	if length == 0 {
		return nil
	}
	from, to := uint64(sector/l.region), uint64((sector+length-1)/l.region)
	if to >= l.regions {
		return fmt.Errorf("%w: sector %d is beyond the bitmap", ErrReadOnly, uint64(sector+length-1))
	}
	if !l.even {
		// First those that some have: what they tell must not change its meaning with
		// the mark.
		if err := l.writeBits(0, l.regions-1); err != nil {
			return err
		}
		l.even = true
	}
	var set []uint64
	for n := from; n <= to; n++ {
		if l.bits[n/8]>>(n%8)&1 == 0 {
			l.bits[n/8] |= 1 << (n % 8)
			set = append(set, n)
		}
	}
	if len(set) == 0 {
		return nil
	}
	err := l.mark(min(l.resync, uint64(units.Sectors(from)*l.region)))
	if err == nil {
		err = l.writeBits(from, to)
	}
	if err != nil {
		for _, n := range set {
			l.bits[n/8] &^= 1 << (n % 8)
		}
		l.even = false
		return err
	}
	l.ours = append(l.ours, set...)
	return nil
}

// writeBits writes the sectors with the bits of regions.
func (l *metaLog) writeBits(from, to uint64) error {
	const head = bitsOffset - bitmapOffset
	first := (head + int64(from/8)) / sectorSize * sectorSize
	end := min((head+int64(to/8))/sectorSize*sectorSize+sectorSize, head+int64(len(l.bits)))
	return l.each(func(leg int, w writable) error {
		b := append(slices.Clone(l.heads[leg]), l.bits...)
		_, err := w.WriteAt(b[first:end], bitmapOffset+first)
		return err
	})
}

// mark has the superblocks say how far the array is in sync. The kernel looks at
// no bits in front of that. In an array that is degraded it looks at all, and would
// not start one at all that is not in sync.
//
// All of them say so while bits are set on some legs and not yet on others: that
// tells this from a leg that was not there.
func (l *metaLog) mark(resync uint64) error {
	if !l.whole || resync == l.resync {
		return nil
	}
	err := l.each(func(leg int, w writable) error {
		return l.writeSuper(leg, w, func(d *diskSuperblock) { d.ArrayResyncOffset = resync })
	})
	if err == nil {
		l.resync = resync
	}
	return err
}

// writeSuper changes a superblock.
func (l *metaLog) writeSuper(leg int, w writable, change func(*diskSuperblock)) error {
	var d diskSuperblock
	if _, err := binary.Decode(l.supers[leg], binary.LittleEndian, &d); err != nil {
		return err
	}
	change(&d)
	if _, err := binary.Encode(l.supers[leg], binary.LittleEndian, &d); err != nil {
		return err
	}
	_, err := w.WriteAt(l.supers[leg], 0)
	return err
}

// Clean takes the bits away, unless a leg needs them: when it is back, the kernel
// copies to it what has its bit set, and nothing else.
func (l *metaLog) Clean() error {
	if len(l.ours) == 0 || !l.whole {
		return nil
	}
	for _, n := range l.ours {
		l.bits[n/8] &^= 1 << (n % 8)
	}
	if err := l.writeBits(slices.Min(l.ours), slices.Max(l.ours)); err != nil {
		l.even = false // some may have lost the bits, others not: both is true
		return err
	}
	l.ours = nil
	return l.mark(l.before)
}

// Behind names legs as failed on the others. The number of events goes up by one,
// as the kernel has it: if this ends halfway, legs that are one apart count as
// equal, and those that are named do not.
func (l *metaLog) Behind(legs []int) error {
	l.whole = false
	for _, leg := range legs {
		l.devices[leg] = nil
	}
	if !slices.ContainsFunc(l.devices, func(w writable) bool { return w != nil }) {
		return fmt.Errorf("%w: no leg is left", ErrLost)
	}
	l.events++
	l.resync = l.before
	// The bitmaps first: one that is older than its superblock counts as stale.
	if err := l.each(l.writeHead); err != nil {
		return err
	}
	return l.each(func(leg int, w writable) error {
		return l.writeSuper(leg, w, func(d *diskSuperblock) {
			d.Events, d.ArrayResyncOffset = l.events, l.before
			for _, failed := range legs {
				d.fail(failed)
			}
		})
	})
}

// writeHead writes the head of the bitmap, and leaves the bits that are in its
// sector as they are: they may differ from those of the others.
func (l *metaLog) writeHead(leg int, w writable) error {
	var d diskBitmap
	if _, err := binary.Decode(l.heads[leg], binary.LittleEndian, &d); err != nil {
		return err
	}
	d.Events = l.events
	if _, err := binary.Encode(l.heads[leg], binary.LittleEndian, &d); err != nil {
		return err
	}
	sector := make([]byte, sectorSize)
	if err := readFull(w, sector, bitmapOffset); err != nil {
		return err
	}
	copy(sector, l.heads[leg])
	_, err := w.WriteAt(sector, bitmapOffset)
	return err
}
