package lvm

import (
	"encoding/binary"

	"github.com/lvm-go/lvm/metadata"
	"github.com/lvm-go/lvm/units"
)

// The log of a mirror on a disk: a header, and a bitmap of the regions that are
// in sync. Source: linux drivers/md/dm-log.c.
const (
	mirrorLogMagic   = 0x4D695272
	mirrorLogVersion = 2
	mirrorLogBitmap  = units.Sectors(2)
)

// mirrorRegions returns how many regions a mirror of some extents has.
func mirrorRegions(vg *metadata.VolumeGroup, n Extents, region Sectors) (uint64, bool) {
	length, ok := n.Sectors(vg.ExtentSize)
	if !ok || region == 0 {
		return 0, false
	}
	count := uint64(length / region)
	if length%region != 0 {
		count++
	}
	return count, true
}

// mirrorLogSize returns what a log takes for a number of regions.
func mirrorLogSize(regions uint64) Sectors {
	const word, sector = 32, 8 * uint64(units.SectorSize) // bits of the kernel's words
	bits := (regions + word - 1) / word * word
	return mirrorLogBitmap + Sectors((bits+sector-1)/sector)
}

// newMirrorLog returns a log that says that all regions are in sync, or none.
func newMirrorLog(regions uint64, inSync bool) []byte {
	size := mirrorLogSize(regions)
	log := make([]byte, uint64(size)*uint64(units.SectorSize))
	binary.LittleEndian.PutUint32(log, mirrorLogMagic)
	binary.LittleEndian.PutUint32(log[4:], mirrorLogVersion)
	binary.LittleEndian.PutUint64(log[8:], regions)
	if inSync {
		bitmap := log[uint64(mirrorLogBitmap)*uint64(units.SectorSize):]
		for i := range regions / 8 {
			bitmap[i] = 0xff
		}
		if rest := regions % 8; rest > 0 {
			bitmap[regions/8] = 1<<rest - 1
		}
	}
	return log
}
