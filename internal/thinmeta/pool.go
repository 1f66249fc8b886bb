package thinmeta

import (
	"encoding/binary"
	"io"
	"iter"
	"math"

	"github.com/lvm-go/lvm/internal/pdata"
	"github.com/lvm-go/lvm/units"
)

// Block is the number of a block of a thin device or of the pool's data device,
// or a number of such blocks. How long one is, is a property of the pool.
type Block uint64

// Usage is how many blocks of a device are in use.
type Usage struct {
	Used, Total uint64
}

// Pool is the metadata of a thin pool, of one commit. It may be used by several
// goroutines at once.
type Pool struct {
	d      *pdata.Device
	super  superblock
	blocks Block // of the data device
	held   bool
}

// Open reads the superblock of the metadata in the first size bytes of r.
//
// Returns an error matching [ErrBlank], [ErrVersion], or [ErrDamaged].
func Open(r io.ReaderAt, size units.Bytes) (*Pool, error) {
	blank, err := pdata.Blank(r)
	if err != nil {
		return nil, err
	}
	if blank {
		return nil, ErrBlank
	}
	d := pdata.NewDevice(r, size)
	s, err := readSuperblock(d, 0)
	if err != nil {
		return nil, err
	}
	switch {
	case s.metadata.Blocks > uint64(d.Blocks()):
		return nil, pdata.Damaged(0, "metadata of %d blocks, but the device has %d", s.metadata.Blocks, uint64(d.Blocks()))
	case s.data.Blocks > math.MaxInt64/(uint64(s.blockSize)*uint64(units.SectorSize)):
		return nil, pdata.Damaged(0, "%d data blocks of %d sectors", s.data.Blocks, uint64(s.blockSize))
	}
	d = pdata.NewDevice(r, units.Bytes(s.metadata.Blocks)*pdata.BlockSize)
	return &Pool{d: d, super: s, blocks: Block(s.data.Blocks)}, nil
}

func readSuperblock(d *pdata.Device, at pdata.Block) (superblock, error) {
	b, err := d.Read(at, kindSuperblock, 8)
	if err != nil {
		return superblock{}, err
	}
	return decodeSuperblock(at, b)
}

// Held returns the pool as it was when its metadata snapshot was reserved. That
// can be read while the pool is active; but the contents of blocks may have
// changed since. It has no usage.
//
// Returns an error matching [ErrNotHeld] if there is none.
func (p *Pool) Held() (*Pool, error) {
	if p.held || p.super.held == 0 {
		return nil, ErrNotHeld
	}
	s, err := readSuperblock(p.d, p.super.held)
	if err != nil {
		return nil, err
	}
	if s.blockSize != p.super.blockSize {
		return nil, pdata.Damaged(p.super.held, "data blocks of %d sectors, want %d", uint64(s.blockSize), uint64(p.super.blockSize))
	}
	return &Pool{d: p.d, super: s, blocks: p.blocks, held: true}, nil
}

// HeldRoot returns the metadata block that the metadata snapshot begins with, as
// the status of the pool has it; 0 if there is none.
func (p *Pool) HeldRoot() uint64 { return uint64(p.super.held) }

// TransactionID returns the transaction that user space has set.
func (p *Pool) TransactionID() uint64 { return p.super.transaction }

// BlockSize returns the length of a block.
func (p *Pool) BlockSize() units.Sectors { return p.super.blockSize }

// NeedsCheck reports whether the kernel wants the metadata to be checked before
// it is changed again.
func (p *Pool) NeedsCheck() bool { return p.super.flags&flagNeedsCheck != 0 }

// Data returns how many blocks of the data device are in use.
func (p *Pool) Data() Usage { return Usage{p.super.data.Used, p.super.data.Blocks} }

// Metadata returns how many blocks of 4 KiB of the metadata device are in use.
func (p *Pool) Metadata() Usage { return Usage{p.super.metadata.Used, p.super.metadata.Blocks} }

// Details is what the pool notes of a thin device.
type Details struct {
	ID            uint32
	Mapped        Block  // blocks
	TransactionID uint64 // when it was made
	Created       uint32 // time, in snapshots made of the pool's devices
	Snapshotted   uint32 // time of its last snapshot
}

// detailsSize is the length of the details on the device.
//
// Source: Linux disk_device_details.
const detailsSize = 24

// maxID is the largest id of a thin device.
const maxID = 1<<24 - 1

func (p *Pool) details() pdata.Tree { return p.d.Tree(p.super.details, detailsSize) }

func (p *Pool) decodeDetails(e pdata.Entry) (Details, error) {
	if e.Key > maxID {
		return Details{}, pdata.Damaged(p.super.details, "thin device %d", e.Key)
	}
	b := e.Value
	return Details{
		ID:            uint32(e.Key),
		Mapped:        Block(binary.LittleEndian.Uint64(b)),
		TransactionID: binary.LittleEndian.Uint64(b[8:]),
		Created:       binary.LittleEndian.Uint32(b[16:]),
		Snapshotted:   binary.LittleEndian.Uint32(b[20:]),
	}, nil
}

// Devices returns all thin devices, by id. It ends with the first error.
func (p *Pool) Devices() iter.Seq2[Details, error] {
	return func(yield func(Details, error) bool) {
		for e, err := range p.details().From(0) {
			var d Details
			if err == nil {
				d, err = p.decodeDetails(e)
			}
			if !yield(d, err) || err != nil {
				return
			}
		}
	}
}
