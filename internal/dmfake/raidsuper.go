package dmfake

import (
	"bytes"
	"encoding/binary"

	"github.com/lvm-go/lvm/internal/raid"
	"github.com/lvm-go/lvm/units"
)

// raidSuper is what the metadata device of a leg says.
//
// Source: Linux, drivers/md/dm-raid.c, drivers/md/md-bitmap.c, and what the
// target was seen to write.
type raidSuper struct {
	legs, position uint32
	events         uint64
	failed         uint64 // legs, a bit each
	recovered      units.Sectors
	resynced       units.Sectors
	level, layout  uint32
	chunk          uint32
	arraySize      units.Sectors
	legSize        units.Sectors
	offset         units.Sectors // of the data
	reshape        *raidReshape  // is under way
}

// raidReshape is what an array is to become.
type raidReshape struct {
	level, layout, chunk uint32
	delta                int32
	offset               units.Sectors
}

const (
	raidSuperSize = 4096
	raidMagic     = "DmRd"
	raidReshapes  = 1 // flag
	// noPosition is that of a leg which a reshape has freed.
	noPosition  = 1<<32 - 1
	bitmapMagic = "bitm"
	// maxBits is how many regions there is room for in the page that the fake
	// writes of the bitmap.
	maxBits = (raidSuperSize - bitmapBits) * 8
	// bitmapBits is where the bits begin.
	bitmapBits = 256
)

// readRaidSuper reads a superblock; ok is false if there is none.
func readRaidSuper(f flow) (s raidSuper, ok bool, err error) {
	b := make([]byte, raidSuperSize)
	if _, err := f.ReadAt(b, 0); err != nil {
		return s, false, err
	}
	if !bytes.HasPrefix(b, []byte(raidMagic)) {
		return s, false, nil
	}
	le := binary.LittleEndian
	s = raidSuper{
		legs: le.Uint32(b[8:]), position: le.Uint32(b[12:]), events: le.Uint64(b[16:]), failed: le.Uint64(b[24:]),
		recovered: units.Sectors(le.Uint64(b[32:])), resynced: units.Sectors(le.Uint64(b[40:])),
		level: le.Uint32(b[48:]), layout: le.Uint32(b[52:]), chunk: le.Uint32(b[56:]),
		arraySize: units.Sectors(le.Uint64(b[88:])), legSize: units.Sectors(le.Uint64(b[112:])),
		offset: units.Sectors(le.Uint64(b[96:])),
	}
	if le.Uint32(b[60:])&raidReshapes != 0 {
		s.reshape = &raidReshape{
			level: le.Uint32(b[72:]), layout: le.Uint32(b[76:]), chunk: le.Uint32(b[80:]),
			delta: int32(le.Uint32(b[84:])), offset: units.Sectors(le.Uint64(b[104:])),
		}
	}
	return s, true, nil
}

// write writes a superblock, and the bitmap behind it.
func (s raidSuper) write(f flow, bitmap []byte) error {
	b := make([]byte, raidSuperSize)
	copy(b, raidMagic)
	le := binary.LittleEndian
	le.PutUint32(b[4:], 1) // it has all fields
	le.PutUint32(b[8:], s.legs)
	le.PutUint32(b[12:], s.position)
	le.PutUint64(b[16:], s.events)
	le.PutUint64(b[24:], s.failed)
	le.PutUint64(b[32:], uint64(s.recovered))
	le.PutUint64(b[40:], uint64(s.resynced))
	le.PutUint32(b[48:], s.level)
	le.PutUint32(b[52:], s.layout)
	le.PutUint32(b[56:], s.chunk)
	next := raidReshape{level: s.level, layout: s.layout, chunk: s.chunk, offset: s.offset}
	le.PutUint64(b[64:], 1<<64-1) // how far: nowhere
	if s.reshape != nil {
		next = *s.reshape
		le.PutUint32(b[60:], raidReshapes)
		le.PutUint64(b[64:], 0)
	}
	le.PutUint32(b[72:], next.level)
	le.PutUint32(b[76:], next.layout)
	le.PutUint32(b[80:], next.chunk)
	le.PutUint32(b[84:], uint32(next.delta))
	le.PutUint64(b[88:], uint64(s.arraySize))
	le.PutUint64(b[96:], uint64(s.offset))
	le.PutUint64(b[104:], uint64(next.offset))
	le.PutUint64(b[112:], uint64(s.legSize))
	if _, err := f.WriteAt(b, 0); err != nil || bitmap == nil {
		return err
	}
	_, err := f.WriteAt(bitmap, raidSuperSize)
	return err
}

// raidBitmap makes a bitmap of which regions may differ: those of size sectors
// from clean on.
func raidBitmap(events uint64, size, clean, region units.Sectors, writeBehind uint32) []byte {
	b := make([]byte, raidSuperSize)
	copy(b, bitmapMagic)
	le := binary.LittleEndian
	le.PutUint32(b[4:], 4)
	le.PutUint64(b[24:], events)
	le.PutUint64(b[32:], events)
	le.PutUint64(b[40:], uint64(size))
	le.PutUint32(b[52:], uint32(inBytes(region)))
	le.PutUint32(b[56:], 5)
	le.PutUint32(b[60:], writeBehind)
	for i := clean / region; i*region < size && clean < size && i < maxBits; i++ {
		b[bitmapBits+i/8] |= 1 << (i % 8)
	}
	return b
}

// raidNumbers are what md has for layouts.
var raidNumbers = map[raid.Layout][2]uint32{
	raid.RAID0: {0, 0}, raid.RAID1: {1, 0}, raid.RAID4: {5, 4},
	raid.RAID5LA: {5, 0}, raid.RAID5RA: {5, 1}, raid.RAID5LS: {5, 2}, raid.RAID5RS: {5, 3}, raid.RAID5N: {5, 5},
	raid.RAID6ZR: {6, 8}, raid.RAID6NR: {6, 9}, raid.RAID6NC: {6, 10},
	raid.RAID6LA6: {6, 16}, raid.RAID6RA6: {6, 17}, raid.RAID6LS6: {6, 18}, raid.RAID6RS6: {6, 19}, raid.RAID6N6: {6, 5},
	raid.RAID10Near: {10, 1 << 8}, raid.RAID10Far: {10, 1 | 1<<18}, raid.RAID10Offset: {10, 1 | 1<<16 | 1<<18},
}

// raidLevel returns the numbers of a geometry. The copies are in the second one,
// those that are near or those that are far.
func raidLevel(g raid.Geometry) (level, layout uint32) {
	n := raidNumbers[g.Layout]
	switch g.Layout {
	case raid.RAID10Near:
		n[1] |= uint32(g.Copies)
	case raid.RAID10Far, raid.RAID10Offset:
		n[1] |= uint32(g.Copies) << 8
	}
	return n[0], n[1]
}

// raidGeometryOf is the reverse.
func raidGeometryOf(level, layout, chunk, legs uint32) raid.Geometry {
	for l := range raidNumbers {
		g := raid.Geometry{Layout: l, Legs: int(legs), Chunk: units.Sectors(chunk)}
		switch l {
		case raid.RAID10Near:
			g.Copies = int(layout & 0xff)
		case raid.RAID10Far, raid.RAID10Offset:
			g.Copies = int(layout >> 8 & 0xff)
		}
		if a, b := raidLevel(g); a == level && b == layout {
			return g
		}
	}
	return raid.Geometry{}
}
