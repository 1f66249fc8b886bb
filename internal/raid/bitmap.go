package raid

import (
	"encoding/binary"
	"io"
	"sort"

	"github.com/lvm-go/lvm/units"
)

const (
	bitmapMagic = 0x6d746962 // "bitm"
	// bitmapOffset is where the bitmap begins on a metadata device, bitsOffset
	// where its bits do.
	bitmapOffset = superblockSize
	bitsOffset   = bitmapOffset + 256
	// maxRegions is what the raid target allows.
	maxRegions = 1 << 21
	// bitmapStale: the bits say nothing, and all counts as dirty.
	bitmapStale = 1 << 1
)

// diskBitmap is the head of a bitmap as it is on disk, up to what is used of it.
//
// Source: md(4) and the kernel's Documentation/driver-api/md; checked against what
// the kernel was seen to write.
type diskBitmap struct {
	Magic           uint32
	Version         uint32
	UUID            [16]byte
	Events          uint64
	EventsCleared   uint64
	SyncSize        uint64 // sectors
	State           uint32
	ChunkSize       uint32 // bytes
	DaemonSleep     uint32 // seconds
	WriteBehind     uint32
	SectorsReserved uint32
	Nodes           uint32
}

// Range is consecutive sectors.
type Range struct{ Sector, Length units.Sectors }

func (r Range) end() units.Sectors { return r.Sector + r.Length }

// firstAfter returns the first of ranges in order that ends behind a sector.
func firstAfter(ranges []Range, sector units.Sectors) int {
	return sort.Search(len(ranges), func(i int) bool { return ranges[i].end() > sector })
}

// overlap reports whether ranges in order have any of some sectors.
func overlap(ranges []Range, from, to units.Sectors) bool {
	i := firstAfter(ranges, from)
	return i < len(ranges) && ranges[i].Sector < to
}

// Bitmap is what the kernel keeps of writes under way: where a writer dies,
// copies may differ, and parity may not fit the data.
type Bitmap struct {
	Events uint64        // of the superblock that it belongs to
	Size   units.Sectors // of the array for raid10, of the legs for others
	Region units.Sectors // what a bit stands for
	Stale  bool          // the bits say nothing
	Dirty  []Range       // in order, none touching the next; the last ends with Size
}

// decodeBitmap reads the head of a bitmap.
func decodeBitmap(b []byte) (*Bitmap, error) {
	var d diskBitmap
	if _, err := binary.Decode(b, binary.LittleEndian, &d); err != nil {
		return nil, malformed(bitmapOffset, "%v", err)
	}
	switch {
	case d.Magic != bitmapMagic:
		return nil, malformed(bitmapOffset, "magic number %#x of the bitmap", d.Magic)
	case d.Version != 3 && d.Version != 4:
		return nil, malformed(bitmapOffset+4, "version %d of the bitmap", d.Version)
	case d.SyncSize > uint64(maxSectors):
		return nil, malformed(bitmapOffset+40, "bitmap for %d sectors", d.SyncSize)
	case d.ChunkSize < uint32(units.SectorSize) || d.ChunkSize&(d.ChunkSize-1) != 0:
		return nil, malformed(bitmapOffset+52, "regions of %d bytes", d.ChunkSize)
	}
	bm := &Bitmap{Events: d.Events, Size: units.Sectors(d.SyncSize), Region: units.Bytes(d.ChunkSize).Sectors(), Stale: d.State&bitmapStale != 0}
	if bm.regions() > maxRegions {
		return nil, malformed(bitmapOffset+52, "%d regions", bm.regions())
	}
	return bm, nil
}

// regions returns how many bits there are.
func (b *Bitmap) regions() uint64 { return ceil(uint64(b.Size), uint64(b.Region)) }

// has reports whether the bit of a sector is set.
func (b *Bitmap) has(sector units.Sectors) bool { return overlap(b.Dirty, sector, sector+1) }

// readBitmap reads the bitmap of a metadata device.
func readBitmap(r io.ReaderAt) (*Bitmap, error) {
	head := make([]byte, bitsOffset-bitmapOffset)
	if err := readFull(r, head, bitmapOffset); err != nil {
		return nil, err
	}
	b, err := decodeBitmap(head)
	if err != nil {
		return nil, err
	}
	bits := make([]byte, ceil(b.regions(), 8)) // 256 KiB at most
	if err := readFull(r, bits, bitsOffset); err != nil {
		return nil, err
	}
	b.setDirty(bits)
	return b, nil
}

// setDirty takes the ranges from the bits, the lowest of each byte first.
func (b *Bitmap) setDirty(bits []byte) {
	for n := range units.Sectors(b.regions()) {
		if bits[n/8]>>(n%8)&1 == 0 {
			continue
		}
		b.Dirty = add(b.Dirty, Range{n * b.Region, min(b.Region, b.Size-n*b.Region)})
	}
}

func readFull(r io.ReaderAt, p []byte, off int64) error {
	n, err := r.ReadAt(p, off)
	switch {
	case n == len(p):
		return nil
	case err == nil || err == io.EOF:
		return io.ErrUnexpectedEOF
	}
	return err
}
