package cachemeta

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"iter"

	"github.com/lvm-go/lvm/internal/pdata"
	"github.com/lvm-go/lvm/units"
)

// Block is the number of a block of the cache or of the origin. How long one is,
// is a property of the cache.
type Block uint64

// kindSuperblock is what the checksum of a superblock is combined with.
const kindSuperblock pdata.Kind = 9031977

// magic of a superblock. The kernel's source has it as an octal number.
const magic = 0o6142003

// Versions of the format.
const (
	minVersion = 1
	maxVersion = 2 // dirty blocks are in a bitset
)

// Flags of a superblock.
const (
	flagClean      = 1 << 0
	flagNeedsCheck = 1 << 1
)

// Limits of the block size of a cache, which is a multiple of the smaller one.
const (
	minBlockSize units.Sectors = 64
	maxBlockSize units.Sectors = 1 << 21
)

// Cache is the metadata of a cache, of one commit. It may be used by several
// goroutines at once.
type Cache struct {
	d          *pdata.Device
	clean      bool
	needsCheck bool
	version    uint32
	policy     string
	metadata   pdata.SpaceMap
	mapping    pdata.Block // array
	dirty      pdata.Block // bitset
	blockSize  units.Sectors
	blocks     uint64 // of the cache
}

// Open reads the superblock of the metadata in the first size bytes of r.
//
// Returns an error matching [ErrBlank], [ErrVersion], or [ErrDamaged].
//
// Source: Linux cache_disk_superblock; checked against what the kernel writes.
func Open(r io.ReaderAt, size units.Bytes) (*Cache, error) {
	blank, err := pdata.Blank(r)
	if err != nil {
		return nil, err
	}
	if blank {
		return nil, ErrBlank
	}
	d := pdata.NewDevice(r, size)
	b, err := d.Read(0, kindSuperblock, 8)
	if err != nil {
		return nil, err
	}
	u32 := func(at int) uint32 { return binary.LittleEndian.Uint32(b[at:]) }
	u64 := func(at int) uint64 { return binary.LittleEndian.Uint64(b[at:]) }
	policy, _, _ := bytes.Cut(b[44:60], []byte{0})
	c := &Cache{
		clean:      u32(4)&flagClean != 0,
		needsCheck: u32(4)&flagNeedsCheck != 0,
		version:    u32(40),
		policy:     string(policy),
		metadata:   pdata.DecodeSpaceMap(b[64:]),
		mapping:    pdata.Block(u64(192)),
		blockSize:  units.Sectors(u32(232)),
		blocks:     uint64(u32(240)),
		dirty:      pdata.Block(u64(284)),
	}
	switch incompatible := u32(252); {
	case u64(32) != magic:
		return nil, pdata.Damaged(0, "magic number %d, want %d", u64(32), uint64(magic))
	case c.version < minVersion || c.version > maxVersion:
		return nil, fmt.Errorf("version %d: %w", c.version, ErrVersion)
	case incompatible != 0:
		return nil, fmt.Errorf("incompatible features %#x: %w", incompatible, ErrVersion)
	case c.blockSize < minBlockSize || c.blockSize > maxBlockSize || c.blockSize%minBlockSize != 0:
		return nil, pdata.Damaged(0, "cache blocks of %d sectors", uint64(c.blockSize))
	case u32(236) != uint32(pdata.BlockSize.Sectors()):
		return nil, pdata.Damaged(0, "metadata blocks of %d sectors", u32(236))
	case c.metadata.Blocks > uint64(d.Blocks()):
		return nil, pdata.Damaged(0, "metadata of %d blocks, but the device has %d", c.metadata.Blocks, uint64(d.Blocks()))
	}
	c.d = pdata.NewDevice(r, units.Bytes(c.metadata.Blocks)*pdata.BlockSize)
	return c, nil
}

// Version returns the version of the format, 1 or 2.
func (c *Cache) Version() int { return int(c.version) }

// Policy returns the name of the policy that wrote the metadata.
func (c *Cache) Policy() string { return c.policy }

// BlockSize returns the length of a block.
func (c *Cache) BlockSize() units.Sectors { return c.blockSize }

// Blocks returns how many blocks the cache has.
func (c *Cache) Blocks() uint64 { return c.blocks }

// Clean reports whether the cache was shut down, so that it is known which
// blocks are dirty.
func (c *Cache) Clean() bool { return c.clean }

// NeedsCheck reports whether the kernel wants the metadata to be checked before
// it is changed again.
func (c *Cache) NeedsCheck() bool { return c.needsCheck }

// MetadataUsage returns how many blocks of 4 KiB of the metadata device are in
// use, and how many there are.
func (c *Cache) MetadataUsage() (used, total uint64) { return c.metadata.Used, c.metadata.Blocks }

// Mapping is a block of the origin that is in the cache.
type Mapping struct {
	Cache, Origin Block
	// Dirty: the origin may hold something older.
	Dirty bool
}

// Flags in the lower 16 bits of a mapping; the origin's block is above.
//
// Source: seen in what the kernel writes.
const (
	mappingValid = 1 << 0
	mappingDirty = 1 << 1 // version 1
)

// Mappings returns the blocks that are in the cache, in the order of the cache.
// It ends with the first error.
func (c *Cache) Mappings() iter.Seq2[Mapping, error] {
	return func(yield func(Mapping, error) bool) {
		dirty := func() (bool, error, bool) { return false, nil, true }
		if c.version == 2 && c.clean {
			next, stop := iter.Pull2(c.d.Bits(c.dirty, c.blocks))
			defer stop()
			dirty = next
		}
		for e, err := range c.d.Array(c.mapping, 8, c.blocks) {
			var bit bool
			if err == nil {
				bit, err, _ = dirty()
			}
			if err != nil {
				yield(Mapping{}, err)
				return
			}
			v := binary.LittleEndian.Uint64(e.Value)
			if v&mappingValid == 0 {
				continue
			}
			m := Mapping{Block(e.Key), Block(v >> 16), !c.clean || bit || c.version == 1 && v&mappingDirty != 0}
			if !yield(m, nil) {
				return
			}
		}
	}
}
