package raid

import (
	"encoding/binary"

	"github.com/lvm-go/lvm/units"
)

const (
	superblockMagic = 0x64526d44 // "DmRd"
	// superblockSize is what belongs to the superblock; the kernel writes a logical
	// block of it. All that is known of it lies in a sector.
	superblockSize = 4096
	// flagReshape: the array is on its way to another geometry.
	flagReshape = 1
	// featureV190: the fields behind the stripe size are there.
	featureV190 = 1
)

// PositionOffset is where in a superblock the number of its leg is: 32 bits, the low
// byte first. InSyncOffset is where it says how far the leg is in sync: 64 bits.
const (
	PositionOffset = 12
	InSyncOffset   = 32
)

// noPosition is the number of a leg that a reshape has freed.
//
// Source: Linux 6.1 as observed.
const noPosition = 1<<32 - 1

// diskSuperblock is the superblock as it is on disk.
//
// Source: struct dm_raid_superblock of the raid target; checked against what the
// kernel was seen to write.
type diskSuperblock struct {
	Magic              uint32
	CompatFeatures     uint32
	NumDevices         uint32
	ArrayPosition      uint32
	Events             uint64
	FailedDevices      uint64 // those from 64 on are in ExtendedFailed
	DiskRecoveryOffset uint64 // sectors of the leg; all ones: in sync
	ArrayResyncOffset  uint64 // sectors, as the bitmap counts; all ones: in sync
	Level              uint32
	Layout             uint32
	StripeSectors      uint32
	// From here on only with the feature.
	Flags            uint32
	ReshapePosition  uint64 // sectors of the array
	NewLevel         uint32
	NewLayout        uint32
	NewStripeSectors uint32
	DeltaDisks       int32
	ArraySectors     uint64
	DataOffset       uint64 // sectors of the leg
	NewDataOffset    uint64
	Sectors          uint64 // of a leg
	ExtendedFailed   [3]uint64
	IncompatFeatures uint32
}

// Superblock is what the kernel keeps about the array on each leg's metadata
// device.
type Superblock struct {
	Geometry Geometry      // Legs and Copies included
	Position int           // of this leg; -1: the array goes on without it, after a reshape to fewer
	Events   uint64        // goes up with each change of state: the superblock with the most is the newest
	Failed   []int         // legs that had failed, or were not there
	InSync   units.Sectors // of this leg, from its start; Whole for all
	// Resynced is how far copies and parity of the array were made to fit after it
	// was created: sectors as the bitmap counts them; Whole for all.
	Resynced units.Sectors
	// Reshaping: the array is between two geometries.
	Reshaping  bool
	DataOffset units.Sectors // where the data of this leg begin on its device
	LegSize    units.Sectors // 0: not said
	ArraySize  units.Sectors // 0: not said
}

// DecodeSuperblock reads a superblock, of which it needs a sector. blank is true
// if there is none: the kernel makes one then. The errors match [ErrFormat].
func DecodeSuperblock(b []byte) (s *Superblock, blank bool, err error) {
	var d diskSuperblock
	if len(b) < binary.Size(d) {
		return nil, false, malformed(0, "%d bytes are no superblock", len(b))
	}
	if _, err := binary.Decode(b, binary.LittleEndian, &d); err != nil {
		return nil, false, malformed(0, "%v", err)
	}
	switch d.Magic {
	case superblockMagic:
	case 0:
		return nil, true, nil
	default:
		return nil, false, malformed(0, "magic number %#x", d.Magic)
	}
	if d.CompatFeatures&^featureV190 != 0 {
		return nil, false, malformed(4, "unknown features %#x", d.CompatFeatures)
	}
	if d.CompatFeatures&featureV190 == 0 {
		// What is behind was not written by the kernel of that time.
		d.Flags, d.DeltaDisks, d.ArraySectors, d.DataOffset, d.NewDataOffset, d.Sectors = 0, 0, 0, 0, 0, 0
		d.ExtendedFailed, d.IncompatFeatures = [3]uint64{}, 0
	}
	if d.IncompatFeatures != 0 {
		return nil, false, malformed(144, "unknown features %#x", d.IncompatFeatures)
	}
	g, ok := geometryOf(&d)
	if !ok {
		return nil, false, malformed(48, "level %d, layout %#x, chunks of %d sectors, %d legs", d.Level, d.Layout, d.StripeSectors, d.NumDevices)
	}
	legs := int64(d.NumDevices) + max(int64(d.DeltaDisks), -int64(d.DeltaDisks)) // with those that a reshape adds, or takes away
	if legs > 2*maxLegs || int64(d.ArrayPosition) >= legs && d.ArrayPosition != noPosition {
		return nil, false, malformed(12, "leg %d of %d", d.ArrayPosition, d.NumDevices)
	}
	for i, sectors := range []uint64{d.ArraySectors, d.DataOffset, d.Sectors} {
		if sectors > uint64(maxSectors) {
			return nil, false, malformed([]int{88, 96, 112}[i], "%d sectors", sectors)
		}
	}
	s = &Superblock{Geometry: g, Position: int(int32(d.ArrayPosition)), Events: d.Events, Failed: d.failed(),
		InSync: units.Sectors(d.DiskRecoveryOffset), Resynced: units.Sectors(d.ArrayResyncOffset),
		Reshaping: d.Flags&flagReshape != 0 || d.DeltaDisks != 0, DataOffset: units.Sectors(d.DataOffset),
		LegSize: units.Sectors(d.Sectors), ArraySize: units.Sectors(d.ArraySectors)}
	return s, false, nil
}

// failed returns the legs whose bit is set.
func (d *diskSuperblock) failed() []int {
	var legs []int
	for leg := range int(d.NumDevices) {
		word := d.FailedDevices
		if leg >= 64 {
			word = d.ExtendedFailed[leg/64-1]
		}
		if word>>(leg%64)&1 != 0 {
			legs = append(legs, leg)
		}
	}
	return legs
}

// fail sets the bit of a leg.
func (d *diskSuperblock) fail(leg int) {
	if leg < 64 {
		d.FailedDevices |= 1 << leg
	} else if leg < maxLegs {
		d.ExtendedFailed[leg/64-1] |= 1 << (leg % 64)
	}
}

// The numbers that md has for layouts.
var mdLayouts = map[Layout]struct{ level, layout uint32 }{
	RAID0: {0, 0}, RAID1: {1, 0},
	RAID4: {5, 4}, RAID5N: {5, 5}, RAID5LA: {5, 0}, RAID5RA: {5, 1}, RAID5LS: {5, 2}, RAID5RS: {5, 3},
	RAID6ZR: {6, 8}, RAID6NR: {6, 9}, RAID6NC: {6, 10},
	RAID6N6: {6, 5}, RAID6LA6: {6, 16}, RAID6RA6: {6, 17}, RAID6LS6: {6, 18}, RAID6RS6: {6, 19},
}

const (
	md10       = 10      // the level
	md10Offset = 1 << 16 // further copies in the next rows, not in another part
	md10Sets   = 1 << 18 // further copies go round in sets of legs
)

// geometryOf returns the shape that a superblock tells.
func geometryOf(d *diskSuperblock) (g Geometry, ok bool) {
	if d.NumDevices > maxLegs {
		return Geometry{}, false
	}
	g = Geometry{Legs: int(d.NumDevices), Chunk: units.Sectors(d.StripeSectors)}
	if d.Level == md10 {
		near, far := d.Layout&0xff, d.Layout>>8&0xff
		switch flags := d.Layout &^ 0xffff; {
		case flags == 0 && far == 1:
			g.Layout, g.Copies = RAID10Near, int(near)
		case flags == md10Sets && near == 1:
			g.Layout, g.Copies = RAID10Far, int(far)
		case flags == md10Sets|md10Offset && near == 1:
			g.Layout, g.Copies = RAID10Offset, int(far)
		}
	} else {
		for l, m := range mdLayouts {
			if m.level == d.Level && m.layout == d.Layout {
				g.Layout = l
			}
		}
	}
	return g, g.Validate() == nil
}
