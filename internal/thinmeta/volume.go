package thinmeta

import (
	"fmt"
	"io"
	"math"

	"github.com/lvm-go/lvm/internal/pdata"
	"github.com/lvm-go/lvm/units"
)

// Origin is the external origin of a thin device: what is read where the device
// has no blocks. Behind its end are zeroes.
type Origin struct {
	io.ReaderAt
	Size units.Bytes
}

// Volume is what a thin device holds. It may be used by several goroutines at
// once.
type Volume struct {
	device *Device
	data   io.ReaderAt
	size   int64
	origin *Origin
	block  int64 // bytes
}

// NewVolume returns what the first size bytes of a thin device hold. data is the
// data device of the pool. origin is nil if there is no external one.
//
// Returns an error matching [ErrOutOfRange] if a size is none.
func NewVolume(d *Device, size units.Bytes, data io.ReaderAt, origin *Origin) (*Volume, error) {
	if size > math.MaxInt64 || origin != nil && origin.Size > math.MaxInt64 {
		return nil, fmt.Errorf("thin device %d of %d bytes: %w", d.ID, uint64(size), ErrOutOfRange)
	}
	block, _ := d.pool.BlockSize().Bytes()
	return &Volume{d, data, int64(size), origin, int64(block)}, nil
}

// Size returns the size that was given.
func (v *Volume) Size() units.Bytes { return units.Bytes(v.size) }

// ReadAt reads as io.ReaderAt has it. Where the device has no blocks, it reads
// the external origin, or zeroes.
func (v *Volume) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, fmt.Errorf("read at byte %d: %w", off, ErrOutOfRange)
	}
	if off >= v.size {
		return 0, io.EOF
	}
	var end error
	if int64(len(p)) > v.size-off {
		p, end = p[:v.size-off], io.EOF
	}
	if len(p) == 0 {
		return 0, end
	}
	at, stop := off, off+int64(len(p))
	for run, err := range v.device.runs(Block(at/v.block), Block((stop-1)/v.block)) {
		if err != nil {
			return int(at - off), err
		}
		first := int64(run.Virtual) * v.block
		from, to := max(first, at), stop
		if length := int64(run.Length); length <= (stop-first)/v.block {
			to = first + length*v.block
		}
		if err := v.hole(p[at-off:from-off], at); err != nil {
			return int(at - off), err
		}
		if err := pdata.ReadFull(v.data, p[from-off:to-off], int64(run.Data)*v.block+from-first); err != nil {
			return int(from - off), err
		}
		at = to
	}
	if err := v.hole(p[at-off:], at); err != nil {
		return int(at - off), err
	}
	return len(p), end
}

// hole reads what has no block.
func (v *Volume) hole(p []byte, off int64) error {
	n := 0
	if v.origin != nil && off < int64(v.origin.Size) {
		n = int(min(int64(len(p)), int64(v.origin.Size)-off))
		if err := pdata.ReadFull(v.origin, p[:n], off); err != nil {
			return err
		}
	}
	clear(p[n:])
	return nil
}
