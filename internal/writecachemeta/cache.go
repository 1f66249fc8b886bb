// Package writecachemeta reads the cache device of a writecache target: blocks
// that were written, and that the origin may not have got yet.
//
//	 0        64                  entries          data
//	┌────────┬───────────────────┬───────┬────────┬────────────────────
//	│ super- │ block 0           │       │ to the │ block 0, block 1,
//	│ block  │ sector, sequence  │  ...  │ block  │ ...
//	└────────┴───────────────────┴───────┴────────┴────────────────────
//
// Each block of the cache has an entry, which says which sector of the origin it
// begins at, and when it was written. It counts if that is before the sequence
// number of the superblock, which goes up with each commit. Of several blocks for
// one place, the one that was written last counts. All numbers are little endian.
//
// The cache must not be active meanwhile.
//
// Source: Linux Documentation/admin-guide/device-mapper/writecache.rst, and what
// the writecache target 1.6 was seen to write, and to read back.
package writecachemeta

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"math/bits"
	"slices"

	"github.com/lvm-go/lvm/units"
)

// Sentinels that the errors of this package match with errors.Is.
var (
	// ErrBlank: the device begins with zeroes, so that the kernel would make a
	// new cache of it.
	ErrBlank = errors.New("blank writecache")
	// ErrDamaged: what is on the device contradicts itself, or the format.
	ErrDamaged = errors.New("damaged writecache")
	// ErrVersion: a cache of another version of the format.
	ErrVersion = errors.New("unknown version of writecache")
	// ErrOutOfRange: an access in front of the start, or sizes that do not fit.
	ErrOutOfRange = errors.New("out of range")
)

const (
	magic   = 0x23489321
	version = 1
	// headerSize is the length of the superblock.
	//
	// Source: Linux wc_memory_superblock: magic, version, bytes of a block, four
	// bytes that are not used, number of blocks, sequence number; the rest is not
	// used.
	headerSize = 64
	// entrySize is the length of an entry.
	//
	// Source: Linux wc_memory_entry: sector of the origin, sequence number.
	entrySize = 16
	// maxBlockSize is a page, on the systems with the largest ones.
	maxBlockSize = 64 << 10
)

// Cache is what a cache device held when it was opened. It may be used by several
// goroutines at once. It takes 24 bytes for each block in use.
type Cache struct {
	r      io.ReaderAt
	block  int64 // bytes
	blocks uint64
	data   int64   // where block 0 begins
	used   []entry // in the order of the origin
}

// entry is a block that counts.
type entry struct {
	origin   int64 // byte
	index    int64
	sequence uint64
}

// Open reads the superblock and all entries of the cache in the first size bytes
// of r.
//
// Returns an error matching [ErrBlank], [ErrVersion], or [ErrDamaged].
func Open(r io.ReaderAt, size units.Bytes) (*Cache, error) {
	if size > math.MaxInt64 {
		return nil, fmt.Errorf("writecache of %d bytes: %w", uint64(size), ErrOutOfRange)
	}
	header := make([]byte, headerSize)
	if err := readFull(r, header, 0); err != nil {
		return nil, err
	}
	u32 := func(at int) uint32 { return binary.LittleEndian.Uint32(header[at:]) }
	block, blocks, sequence := uint64(u32(8)), binary.LittleEndian.Uint64(header[16:]), binary.LittleEndian.Uint64(header[24:])
	switch {
	case u32(0) == 0 && u32(4) == 0:
		return nil, ErrBlank
	case u32(0) != magic:
		return nil, fmt.Errorf("magic number %#x, want %#x: %w", u32(0), uint32(magic), ErrDamaged)
	case u32(4) != version:
		return nil, fmt.Errorf("version %d: %w", u32(4), ErrVersion)
	case bits.OnesCount64(block) != 1 || block < uint64(units.SectorSize) || block > maxBlockSize:
		return nil, fmt.Errorf("blocks of %d bytes: %w", block, ErrDamaged)
	case blocks > uint64(size)/(block+entrySize):
		return nil, fmt.Errorf("%d blocks of %d bytes on a device of %d: %w", blocks, block, uint64(size), ErrDamaged)
	}
	table := headerSize + blocks*entrySize
	data := (table + block - 1) / block * block
	if data > uint64(size) || blocks > (uint64(size)-data)/block {
		return nil, fmt.Errorf("%d blocks of %d bytes on a device of %d: %w", blocks, block, uint64(size), ErrDamaged)
	}
	c := &Cache{r: r, block: int64(block), blocks: blocks, data: int64(data)}
	if err := c.load(int64(blocks), sequence); err != nil {
		return nil, err
	}
	return c, nil
}

// load reads the entries that were committed before the sequence number.
func (c *Cache) load(blocks int64, committed uint64) error {
	r := bufio.NewReaderSize(io.NewSectionReader(c.r, headerSize, blocks*entrySize), 64<<10)
	b := make([]byte, entrySize)
	for i := range blocks {
		if _, err := io.ReadFull(r, b); err != nil {
			return fmt.Errorf("entry %d of the writecache: %w", i, short(err))
		}
		sector, sequence := binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:])
		if sequence >= committed {
			continue
		}
		if sector > math.MaxInt64/uint64(units.SectorSize) || sector*uint64(units.SectorSize)%uint64(c.block) != 0 {
			return fmt.Errorf("block %d is for sector %d: %w", i, sector, ErrDamaged)
		}
		c.used = append(c.used, entry{int64(sector) * int64(units.SectorSize), i, sequence})
	}
	slices.SortFunc(c.used, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.origin, b.origin), cmp.Compare(b.sequence, a.sequence))
	})
	for i := 1; i < len(c.used); i++ {
		if a, b := c.used[i-1], c.used[i]; a.origin == b.origin && a.sequence == b.sequence {
			return fmt.Errorf("blocks %d and %d are for byte %d, at the same time: %w", a.index, b.index, a.origin, ErrDamaged)
		}
	}
	c.used = slices.CompactFunc(c.used, func(a, b entry) bool { return a.origin == b.origin })
	return nil
}

// readFull fills p from byte off of r, or fails.
func readFull(r io.ReaderAt, p []byte, off int64) error {
	if _, err := io.ReadFull(io.NewSectionReader(r, off, int64(len(p))), p); err != nil {
		return fmt.Errorf("read %d bytes at byte %d: %w", len(p), off, short(err))
	}
	return nil
}

// short returns the error of a read of a device that has an end too early.
func short(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// BlockSize returns the length of a block.
func (c *Cache) BlockSize() units.Bytes { return units.Bytes(c.block) }

// Blocks returns how many blocks the cache has.
func (c *Cache) Blocks() uint64 { return c.blocks }

// Used returns how many blocks the cache holds for the origin. The origin is
// whole without the cache if there are none.
func (c *Cache) Used() uint64 { return uint64(len(c.used)) }

// Held is a block of the origin that is in the cache.
type Held struct {
	Origin, Cache units.Bytes // where it begins on the device
}

// Held returns the blocks that the cache holds for the origin, in the order of
// the origin.
func (c *Cache) Held() iter.Seq[Held] {
	return func(yield func(Held) bool) {
		for _, e := range c.used {
			if !yield(Held{units.Bytes(e.origin), units.Bytes(c.at(e))}) {
				return
			}
		}
	}
}

// at returns where a block is on the cache device.
func (c *Cache) at(e entry) int64 { return c.data + e.index*c.block }
