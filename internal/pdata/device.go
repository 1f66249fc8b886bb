package pdata

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"sync"

	"github.com/lvm-go/lvm/units"
)

// BlockSize is the length of a block of a metadata device.
const BlockSize units.Bytes = 4096

// Block is the number of a block of a metadata device.
type Block uint64

// MaxBlocks is how many blocks of a metadata device the kernel uses: as many as
// the index of the space map has bitmaps for.
const MaxBlocks Block = maxBitmaps * bitmapEntries

// Kind is a kind of block: the constant that its checksum is combined with.
//
// Source: Linux drivers/md/persistent-data; checked against what 6.1 writes.
type Kind uint32

// The kinds of blocks that are not superblocks.
const (
	KindNode   Kind = 121107
	KindArray  Kind = 595846735
	KindBitmap Kind = 240779
	KindIndex  Kind = 160478
)

// cacheHalf is how many nodes are kept of those that were used lately, and
// again of those before.
const cacheHalf = 512

// Device reads the blocks of a metadata device. It may be used by several
// goroutines at once. It keeps at most 4 MiB of nodes in memory.
type Device struct {
	r      io.ReaderAt
	blocks Block

	mu        sync.Mutex // guards the nodes below
	late, old map[Block]*node
}

// NewDevice returns what reads the metadata in the first size bytes of r. Not
// more than [MaxBlocks] blocks are used.
func NewDevice(r io.ReaderAt, size units.Bytes) *Device {
	return &Device{r: r, blocks: min(Block(size/BlockSize), MaxBlocks), late: map[Block]*node{}}
}

// Blocks returns how many blocks the device has.
func (d *Device) Blocks() Block { return d.blocks }

// Checksum returns what a block of a kind must begin with.
func Checksum(block []byte, kind Kind) uint32 {
	return ^crc32.Checksum(block[4:], crc32.MakeTable(crc32.Castagnoli)) ^ uint32(kind)
}

// ReadFull fills p from byte off of r, or fails.
func ReadFull(r io.ReaderAt, p []byte, off int64) error {
	if len(p) == 0 {
		return nil
	}
	n, err := r.ReadAt(p, off)
	if n == len(p) {
		return nil
	}
	if err == nil || err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("read %d bytes at byte %d: %w", len(p), off, err)
}

// Blank reports whether a device has zeroes instead of a superblock.
func Blank(r io.ReaderAt) (bool, error) {
	b := make([]byte, BlockSize)
	if err := ReadFull(r, b, 0); err != nil {
		return false, err
	}
	return bytes.Count(b, []byte{0}) == len(b), nil
}

// Read returns the contents of block b, which has its own number at offset
// number.
func (d *Device) Read(b Block, kind Kind, number int) ([]byte, error) {
	if b >= d.blocks {
		return nil, Damaged(b, "is behind the end of the device, which has %d", uint64(d.blocks))
	}
	data := make([]byte, BlockSize)
	if err := ReadFull(d.r, data, int64(b)*int64(BlockSize)); err != nil {
		return nil, fmt.Errorf("metadata block %d: %w", uint64(b), err)
	}
	if got, want := binary.LittleEndian.Uint32(data), Checksum(data, kind); got != want {
		return nil, Damaged(b, "checksum %#08x, want %#08x", got, want)
	}
	if at := Block(binary.LittleEndian.Uint64(data[number:])); at != b {
		return nil, Damaged(b, "holds the number %d", uint64(at))
	}
	return data, nil
}

// node returns a node of a B-tree.
func (d *Device) node(b Block) (*node, error) {
	d.mu.Lock()
	n := d.late[b]
	if n == nil {
		n = d.old[b]
	}
	d.mu.Unlock()
	if n == nil {
		data, err := d.Read(b, KindNode, 8)
		if err != nil {
			return nil, err
		}
		if n, err = decodeNode(b, data); err != nil {
			return nil, err
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.late) >= cacheHalf && d.late[b] == nil {
		d.late, d.old = make(map[Block]*node, cacheHalf), d.late
	}
	d.late[b] = n
	return n, nil
}

// noKey is behind every key that a tree of the kernel's has.
const noKey = math.MaxUint64
