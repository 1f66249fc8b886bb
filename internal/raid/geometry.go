package raid

import (
	"fmt"
	"math/bits"

	"github.com/lvm-go/lvm/units"
)

const (
	// maxLegs is what the raid target takes.
	maxLegs = 253
	// minChunk is a page.
	minChunk units.Sectors = 8
	// maxChunk is what the superblock has room for.
	maxChunk units.Sectors = 1 << 31
	// maxSectors is what a device can have: 2^63 - 1 bytes.
	maxSectors = units.Sectors(1<<63-1) / units.Sectors(units.SectorSize)
)

// Geometry is the shape of an array.
type Geometry struct {
	Layout Layout
	Legs   int
	Chunk  units.Sectors // a power of two from 8 on; 0 for raid1
	Copies int           // of each chunk; raid10 only
}

// Run is consecutive sectors of a leg.
type Run struct {
	Leg            int
	Sector, Length units.Sectors
}

// Validate returns an error that matches [ErrGeometry] for what no array can be.
// Of an invalid geometry, no other method must be called.
func (g Geometry) Validate() error {
	least := 1
	switch g.Layout.family() {
	case unknown:
		return fmt.Errorf("%w: layout %q", ErrGeometry, string(g.Layout))
	case single:
		least = 2
	case double:
		least = 4
	case mirrored:
		if g.Layout != RAID1 {
			least = 2
		}
	}
	if g.Legs < least || g.Legs > maxLegs {
		return fmt.Errorf("%w: %s of %d legs", ErrGeometry, g.Layout, g.Legs)
	}
	if g.Layout == RAID1 {
		if g.Chunk != 0 {
			return fmt.Errorf("%w: %s with chunks", ErrGeometry, g.Layout)
		}
	} else if g.Chunk < minChunk || g.Chunk > maxChunk || g.Chunk&(g.Chunk-1) != 0 {
		return fmt.Errorf("%w: %s with chunks of %d sectors", ErrGeometry, g.Layout, uint64(g.Chunk))
	}
	if g.isRAID10() {
		if g.Copies < 2 || g.Copies > g.Legs {
			return fmt.Errorf("%w: %s with %d copies on %d legs", ErrGeometry, g.Layout, g.Copies, g.Legs)
		}
	} else if g.Copies != 0 {
		return fmt.Errorf("%w: %s with a number of copies", ErrGeometry, g.Layout)
	}
	return nil
}

func (g Geometry) isRAID10() bool { return g.Layout.family() == mirrored && g.Layout != RAID1 }

// ParityLegs returns how many chunks of a row are parity: 0, 1 or 2.
func (g Geometry) ParityLegs() int { return g.Layout.parityLegs() }

// DataLegs returns how many legs' worth of data the array has, rounded down:
// that is exact but for a raid10 whose legs are no multiple of its copies.
func (g Geometry) DataLegs() int {
	switch {
	case g.Layout == RAID1:
		return 1
	case g.isRAID10():
		return g.Legs / g.Copies
	}
	return g.Legs - g.ParityLegs()
}

// ArraySize returns the size of an array whose legs are of that size. The legs
// end with their last whole chunk. ok is false if that is more than a device can
// have.
func (g Geometry) ArraySize(leg units.Sectors) (array units.Sectors, ok bool) {
	if leg > maxSectors {
		return 0, false
	}
	if g.Layout == RAID1 {
		return leg, true
	}
	rows := uint64(leg / g.Chunk)
	var chunks uint64
	switch g.Layout {
	case RAID10Near:
		chunks = rows * uint64(g.Legs) / uint64(g.Copies) // no overflow: rows < 2^51
	case RAID10Far, RAID10Offset:
		chunks = rows / uint64(g.Copies) * uint64(g.Legs)
	default:
		chunks = rows * uint64(g.DataLegs())
	}
	hi, lo := bits.Mul64(chunks, uint64(g.Chunk))
	return units.Sectors(lo), hi == 0 && lo <= uint64(maxSectors)
}

// LegSize returns the smallest size of the legs for an array of that size. ok is
// false if that is more than a device can have.
func (g Geometry) LegSize(array units.Sectors) (leg units.Sectors, ok bool) {
	if array > maxSectors {
		return 0, false
	}
	if g.Layout == RAID1 {
		return array, true
	}
	chunks := ceil(uint64(array), uint64(g.Chunk))
	var rows uint64
	switch g.Layout {
	case RAID10Near:
		rows = ceil(chunks*uint64(g.Copies), uint64(g.Legs)) // no overflow: chunks ≤ 2^51
	case RAID10Far, RAID10Offset:
		rows = ceil(chunks, uint64(g.Legs)) * uint64(g.Copies)
	default:
		rows = ceil(chunks, uint64(g.DataLegs()))
	}
	hi, lo := bits.Mul64(rows, uint64(g.Chunk))
	return units.Sectors(lo), hi == 0 && lo <= uint64(maxSectors)
}

func ceil(a, b uint64) uint64 {
	n := a / b
	if a%b != 0 {
		n++
	}
	return n
}

// Locate returns where a sector of the array is, and what follows it in the same
// chunk: one run of each copy, the one to read first. It returns nil for a sector
// beyond the end. leg is the size of the legs; the further copies of a raid10_far
// are where that says.
func (g Geometry) Locate(sector, leg units.Sectors) []Run {
	size, ok := g.ArraySize(leg)
	if !ok || sector >= size {
		return nil
	}
	if g.Layout == RAID1 {
		runs := make([]Run, g.Legs)
		for i := range runs {
			runs[i] = Run{i, sector, size - sector}
		}
		return runs
	}
	chunk, at := uint64(sector/g.Chunk), sector%g.Chunk
	length := g.Chunk - at
	if !g.isRAID10() {
		n := uint64(g.DataLegs())
		i := int(chunk % n)
		if g.ParityLegs() > 0 {
			i = g.Layout.row(chunk/n, g.Legs).leg(i)
		}
		return []Run{{i, units.Sectors(chunk/n)*g.Chunk + at, length}}
	}
	runs := make([]Run, g.Copies)
	for i := range runs {
		l, row := g.copyOf(chunk, i, uint64(leg/g.Chunk))
		runs[i] = Run{l, units.Sectors(row)*g.Chunk + at, length}
	}
	return runs
}

// copyOf returns leg and row of a copy of a chunk of a raid10, whose legs have
// that many rows.
func (g Geometry) copyOf(chunk uint64, copy int, rows uint64) (leg int, row uint64) {
	legs, copies := uint64(g.Legs), uint64(g.Copies)
	if g.Layout == RAID10Near {
		at := chunk*copies + uint64(copy)
		return int(at % legs), at / legs
	}
	leg = g.turn(int(chunk%legs), copy)
	row = chunk / legs
	if g.Layout == RAID10Far {
		return leg, row + uint64(copy)*(rows/copies)
	}
	return leg, row*copies + uint64(copy)
}

// turn returns the leg of a further copy of what is on a leg. They go round in
// sets of as many legs as there are copies; legs that are left belong to the last
// set.
func (g Geometry) turn(leg, copy int) int {
	set := min(leg/g.Copies, g.Legs/g.Copies-1)
	first, length := set*g.Copies, g.Copies
	if set == g.Legs/g.Copies-1 {
		length = g.Legs - first
	}
	return first + (leg-first+copy)%length
}

// Parity returns the legs that have P and Q of the row that a sector of the legs
// is in, and -1 for what there is not.
func (g Geometry) Parity(sector units.Sectors) (p, q int) {
	if g.ParityLegs() == 0 {
		return -1, -1
	}
	r := g.Layout.row(uint64(sector/g.Chunk), g.Legs)
	return r.p, r.q
}

// Survives reports whether all contents can be had while legs are missing.
func (g Geometry) Survives(missing []int) bool {
	gone := make([]bool, g.Legs)
	n := 0
	for _, leg := range missing {
		if leg >= 0 && leg < g.Legs && !gone[leg] {
			gone[leg] = true
			n++
		}
	}
	switch {
	case n == 0:
		return true
	case g.Layout == RAID1:
		return n < g.Legs
	case !g.isRAID10():
		return n <= g.ParityLegs()
	}
	for chunk := range uint64(g.Legs) { // from there on it repeats
		left := false
		for i := range g.Copies {
			leg, _ := g.copyOf(chunk, i, uint64(g.Legs*g.Copies))
			left = left || !gone[leg]
		}
		if !left {
			return false
		}
	}
	return true
}
