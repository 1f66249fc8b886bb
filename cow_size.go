package lvm

import (
	"math/bits"

	"github.com/lvm-go/lvm/units"
)

// Limits of the chunks of snapshots. Source: lvm2 as observed.
const (
	defaultChunk = 4 * units.KiB
	minChunk     = 4 * units.KiB
	maxChunk     = 512 * units.KiB
)

// snapshotChunk returns the chunk size of a new snapshot.
func snapshotChunk(size Bytes) (Sectors, error) {
	switch {
	case size == 0:
		return defaultChunk.Sectors(), nil
	case size < minChunk || size > maxChunk || size&(size-1) != 0:
		return 0, fault(ErrInvalidSpec, "chunks of %s: a power of two from %s to %s is possible", size, minChunk, maxChunk)
	}
	return size.Sectors(), nil
}

// cowLimits is between which sizes a COW store is of use.
type cowLimits struct {
	origin Extents // what it is the store of
	least  Extents // with less it holds nothing
	most   Extents // with this it holds all of the origin
}

// newCOWLimits returns the limits for the store of an origin: from header, first
// list and one chunk to all chunks with their lists, of which there is one more
// than needed if the last is full. Source: lvm2 as observed, [exception] for the
// layout.
func newCOWLimits(extent Sectors, origin Extents, chunk Sectors) cowLimits {
	const perSector = 512 / 16 // exceptions in a list
	l := cowLimits{origin: origin, least: (3 * chunk).ExtentsUp(extent), most: units.MaxExtents}
	size, ok := origin.Sectors(extent)
	if !ok {
		return l
	}
	chunks := size / chunk
	if size%chunk != 0 {
		chunks++
	}
	all := 1 + chunks + 1 + chunks/(perSector*chunk)
	if hi, sectors := bits.Mul64(uint64(all), uint64(chunk)); hi == 0 && all > chunks {
		l.most = min(Sectors(sectors).ExtentsUp(extent), units.MaxExtents)
	}
	return l
}

// overhead returns what a store that keeps all of its origin needs on top.
func (l cowLimits) overhead() Extents { return l.most - min(l.most, l.origin) }
