package raid

import (
	"encoding/binary"
	"fmt"

	"github.com/lvm-go/lvm/units"
)

// NewMeta returns what the metadata device of a leg begins with in a new array, as
// the kernel writes it: superblock, and bitmap but for raid0. leg is the size of
// the legs, region what a bit stands for. inSync: the copies are alike, and the
// parity fits; else the kernel makes them so.
//
// The kernel writes that itself where it finds nothing on any leg, but on one leg
// and then on another: an array with something on some of them only it refuses.
//
// The errors match [ErrGeometry].
func NewMeta(g Geometry, position int, leg, region units.Sectors, inSync bool) ([]byte, error) {
	if err := g.Validate(); err != nil {
		return nil, err
	}
	array, ok := g.ArraySize(leg)
	if !ok || position < 0 || position >= g.Legs {
		return nil, fmt.Errorf("%w: leg %d of %d sectors", ErrGeometry, position, uint64(leg))
	}
	level, layout := g.mdNumbers()
	d := diskSuperblock{
		Magic: superblockMagic, CompatFeatures: featureV190, NumDevices: uint32(g.Legs), ArrayPosition: uint32(position),
		Events: 1, DiskRecoveryOffset: uint64(Whole), ArrayResyncOffset: uint64(Whole),
		Level: level, Layout: layout, StripeSectors: uint32(g.Chunk), ReshapePosition: uint64(Whole),
		NewLevel: level, NewLayout: layout, NewStripeSectors: uint32(g.Chunk), ArraySectors: uint64(array), Sectors: uint64(leg),
	}
	if g.Layout == RAID0 {
		return d.append(nil)
	}
	size := leg
	if g.isRAID10() {
		size = array
	}
	chunk, ok := region.Bytes()
	if !ok || chunk == 0 || chunk&(chunk-1) != 0 || chunk >= 1<<32 || ceil(uint64(size), uint64(region)) > maxRegions {
		return nil, fmt.Errorf("%w: regions of %d sectors", ErrGeometry, uint64(region))
	}
	bits := make([]byte, ceil(ceil(uint64(size), uint64(region)), 8))
	if !inSync {
		d.ArrayResyncOffset = 0
		for i := range bits {
			bits[i] = 0xff
		}
	}
	out, err := d.append(nil)
	if err != nil {
		return nil, err
	}
	head, err := binary.Append(nil, binary.LittleEndian, &diskBitmap{
		Magic: bitmapMagic, Version: 4, Events: d.Events, EventsCleared: d.Events, SyncSize: uint64(size), ChunkSize: uint32(chunk), DaemonSleep: 5,
	})
	out = append(out, head...)
	out = append(out, make([]byte, bitsOffset-len(out))...)
	return append(out, bits...), err
}

// append appends the superblock, and zeroes up to its end.
func (d *diskSuperblock) append(b []byte) ([]byte, error) {
	b, err := binary.Append(b, binary.LittleEndian, d)
	return append(b, make([]byte, superblockSize-binary.Size(d))...), err
}

// mdNumbers returns the numbers that md has for the layout.
func (g Geometry) mdNumbers() (level, layout uint32) {
	copies := uint32(g.Copies)
	switch g.Layout {
	case RAID10Near:
		return md10, 1<<8 | copies
	case RAID10Far:
		return md10, md10Sets | copies<<8 | 1
	case RAID10Offset:
		return md10, md10Sets | md10Offset | copies<<8 | 1
	}
	n := mdLayouts[g.Layout]
	return n.level, n.layout
}
