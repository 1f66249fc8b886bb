package dmfake

import (
	"bytes"
	"encoding/binary"

	"github.com/lvm-go/lvm/dm"
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
}

const (
	raidSuperSize = 4096
	raidMagic     = "DmRd"
	bitmapMagic   = "bitm"
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
	return raidSuper{
		legs: le.Uint32(b[8:]), position: le.Uint32(b[12:]), events: le.Uint64(b[16:]), failed: le.Uint64(b[24:]),
		recovered: units.Sectors(le.Uint64(b[32:])), resynced: units.Sectors(le.Uint64(b[40:])),
		level: le.Uint32(b[48:]), layout: le.Uint32(b[52:]), chunk: le.Uint32(b[56:]),
		arraySize: units.Sectors(le.Uint64(b[88:])), legSize: units.Sectors(le.Uint64(b[112:])),
	}, true, nil
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
	le.PutUint64(b[64:], 1<<64-1) // is not reshaped
	le.PutUint32(b[72:], s.level)
	le.PutUint32(b[76:], s.layout)
	le.PutUint32(b[80:], s.chunk)
	le.PutUint64(b[88:], uint64(s.arraySize))
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

// raidLevel returns the numbers that md has for a layout.
func raidLevel(t dm.RAID) (level, layout uint32) {
	numbers := map[string][2]uint32{
		"raid0": {0, 0}, "raid1": {1, 0}, "raid4": {5, 4},
		"raid5_la": {5, 0}, "raid5_ra": {5, 1}, "raid5_ls": {5, 2}, "raid5_rs": {5, 3}, "raid5_n": {5, 5},
		"raid6_zr": {6, 8}, "raid6_nr": {6, 9}, "raid6_nc": {6, 10},
		"raid6_la_6": {6, 16}, "raid6_ra_6": {6, 17}, "raid6_ls_6": {6, 18}, "raid6_rs_6": {6, 19}, "raid6_n_6": {6, 5},
	}
	if n, ok := numbers[t.Layout]; ok {
		return n[0], n[1]
	}
	copies := uint32(t.Copies)
	if copies == 0 {
		copies = 2
	}
	switch {
	case t.Format == "far", t.Layout == "raid10_far":
		return 10, 1 | copies<<8 | 1<<18
	case t.Format == "offset", t.Layout == "raid10_offset":
		return 10, 1 | copies<<8 | 1<<16 | 1<<18
	}
	return 10, 1<<8 | copies
}
