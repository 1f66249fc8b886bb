// Package units holds the three quantities that volume management counts in.
// Each is a type of its own, so that a length in extents is never taken for
// one in sectors.
package units

import (
	"math/bits"
	"strconv"
)

// Bytes is a size or an offset in bytes.
type Bytes uint64

// Sectors is a size or an offset in sectors of 512 bytes, whatever the logical
// block size of the device is.
type Sectors uint64

// Extents is a number of extents, or the number of one. How long an extent is,
// is a property of the volume group. LVM2 allows 2^32 - 1 of them in a PV or LV.
type Extents uint64

// SectorSize is the length of a sector.
const SectorSize Bytes = 512

// MaxExtents is the largest number of extents that LVM2's format allows in a
// physical or logical volume.
const MaxExtents Extents = 1<<32 - 1

// Multiples of a byte, by powers of 1024.
const (
	KiB Bytes = 1 << (10 * (iota + 1))
	MiB
	GiB
	TiB
	PiB
	EiB
)

// Bytes returns the length of s in bytes; ok is false if that overflows.
func (s Sectors) Bytes() (b Bytes, ok bool) {
	hi, lo := bits.Mul64(uint64(s), uint64(SectorSize))
	return Bytes(lo), hi == 0
}

// Sectors returns b in sectors, rounded down.
func (b Bytes) Sectors() Sectors { return Sectors(b / SectorSize) }

// Sectors returns the length of e extents of extentSize; ok is false if that
// overflows.
func (e Extents) Sectors(extentSize Sectors) (s Sectors, ok bool) {
	hi, lo := bits.Mul64(uint64(e), uint64(extentSize))
	return Sectors(lo), hi == 0
}

// ExtentsDown returns how many whole extents of extentSize fit into s. An
// extentSize of 0 gives 0.
func (s Sectors) ExtentsDown(extentSize Sectors) Extents {
	if extentSize == 0 {
		return 0
	}
	return Extents(s / extentSize)
}

// ExtentsUp returns how many extents of extentSize it takes to hold s. An
// extentSize of 0 gives 0.
func (s Sectors) ExtentsUp(extentSize Sectors) Extents {
	n := s.ExtentsDown(extentSize)
	if extentSize != 0 && s%extentSize != 0 {
		n++
	}
	return n
}

// String prints b in the largest binary unit that leaves it at one or more,
// with up to two decimals: "20 GiB", "1.50 MiB", "512 B".
func (b Bytes) String() string {
	if b < KiB {
		return strconv.FormatUint(uint64(b), 10) + " B"
	}
	unit, name := KiB, "KiB"
	for _, u := range []struct {
		size Bytes
		name string
	}{{MiB, "MiB"}, {GiB, "GiB"}, {TiB, "TiB"}, {PiB, "PiB"}, {EiB, "EiB"}} {
		if b >= u.size {
			unit, name = u.size, u.name
		}
	}
	if b%unit == 0 {
		return strconv.FormatUint(uint64(b/unit), 10) + " " + name
	}
	return strconv.FormatFloat(float64(b)/float64(unit), 'f', 2, 64) + " " + name
}
