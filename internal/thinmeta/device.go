package thinmeta

import (
	"encoding/binary"
	"fmt"
	"iter"
	"math"

	"github.com/lvm-go/lvm/internal/pdata"
)

// Device is a thin device of a pool.
type Device struct {
	Details
	pool *Pool
	tree pdata.Tree
}

// pointerSize is the length of a value in the tree of devices and in a mapping.
const pointerSize = 8

// Device returns the thin device with this id, or an error matching
// [ErrNoDevice].
func (p *Pool) Device(id uint32) (*Device, error) {
	value, ok, err := p.details().Lookup(uint64(id))
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, fmt.Errorf("%d: %w", id, ErrNoDevice)
	}
	d := &Device{pool: p}
	if d.Details, err = p.decodeDetails(pdata.Entry{Key: uint64(id), Value: value}); err != nil {
		return nil, err
	}
	root, ok, err := p.mappings().Lookup(uint64(id))
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, pdata.Damaged(p.super.mapping, "no mapping of thin device %d", id)
	}
	d.tree = p.mapping(root)
	return d, nil
}

func (p *Pool) mappings() pdata.Tree { return p.d.Tree(p.super.mapping, pointerSize) }

// mapping returns the tree that an entry of the tree of devices points to.
func (p *Pool) mapping(value []byte) pdata.Tree {
	return p.d.Tree(pdata.Block(binary.LittleEndian.Uint64(value)), pointerSize)
}

// decode returns where a block is mapped to, and the time when.
//
// Source: a value has the time in its lower 24 bits, and the data block above.
func (p *Pool) decode(t pdata.Tree, e pdata.Entry) (data Block, time uint32, err error) {
	v := binary.LittleEndian.Uint64(e.Value)
	if data = Block(v >> 24); data >= p.blocks {
		return 0, 0, pdata.Damaged(t.Root(), "block %d is mapped to data block %d, but there are %d", e.Key, uint64(data), uint64(p.blocks))
	}
	return data, uint32(v & (1<<24 - 1)), nil
}

// Mapping is where a block of a thin device is.
type Mapping struct {
	Data Block
	// Shared: other devices may have the same data block, so that a write goes
	// elsewhere. The block is from before the last snapshot that was made of the
	// device, even if that is gone.
	Shared bool
}

// Lookup returns where a block is; ok is false if it is nowhere.
func (d *Device) Lookup(virtual Block) (m Mapping, ok bool, err error) {
	value, ok, err := d.tree.Lookup(uint64(virtual))
	if err != nil || !ok {
		return Mapping{}, false, err
	}
	data, time, err := d.pool.decode(d.tree, pdata.Entry{Key: uint64(virtual), Value: value})
	if err != nil {
		return Mapping{}, false, err
	}
	return Mapping{data, d.shared(time)}, true, nil
}

func (d *Device) shared(time uint32) bool { return d.Snapshotted > time }

// Run is a number of blocks of a thin device that are next to each other on the
// data device as well.
type Run struct {
	Virtual, Data, Length Block
	Shared                bool // see [Mapping]
}

// Mappings returns where the blocks are, beginning with block from, in runs that
// are as long as can be. What is between runs is mapped nowhere. It ends with the
// first error.
func (d *Device) Mappings(from Block) iter.Seq2[Run, error] {
	return d.runs(from, math.MaxUint64)
}

// runs returns the runs of the blocks from the first to the last one.
func (d *Device) runs(first, last Block) iter.Seq2[Run, error] {
	return func(yield func(Run, error) bool) {
		var run Run
		for e, err := range d.tree.From(uint64(first)) {
			if err == nil && Block(e.Key) > last {
				break
			}
			var data Block
			var time uint32
			if err == nil {
				data, time, err = d.pool.decode(d.tree, e)
			}
			if err != nil {
				if run.Length == 0 || yield(run, nil) {
					yield(Run{}, err)
				}
				return
			}
			virtual, shared := Block(e.Key), d.shared(time)
			if run.Length > 0 && virtual == run.Virtual+run.Length && data == run.Data+run.Length && shared == run.Shared {
				run.Length++
				continue
			}
			if run.Length > 0 && !yield(run, nil) {
				return
			}
			run = Run{virtual, data, 1, shared}
		}
		if run.Length > 0 {
			yield(run, nil)
		}
	}
}
