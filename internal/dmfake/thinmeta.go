package dmfake

import (
	"bytes"
	"encoding/binary"
	"maps"
	"slices"
	"syscall"

	"github.com/lvm-go/lvm/units"
)

// thinMeta is what the metadata of a thin pool says.
//
// Source: Linux, drivers/md/dm-thin-metadata.c, and what it was seen to write.
type thinMeta struct {
	needsCheck  bool
	transaction uint64
	time        uint32 // goes on with each snapshot
	chunk       units.Sectors
	blocks      uint64 // of data
	metaBlocks  uint64
	devices     map[uint32]*thinDevice
	held        *heldMeta
	allocated   uint64 // blocks of metadata, at the last commit
	written     [][]byte
}

// heldMeta is what programs may read while the pool goes on.
type heldMeta struct {
	transaction uint64
	time        uint32
	devices     map[uint32]*thinDevice
	block       uint64
}

// thinDevice is a volume in a pool.
type thinDevice struct {
	transaction          uint64
	created, snapshotted uint32
	mapped               map[uint64]mapping
}

// mapping is where a chunk lies. It is shared if it is older than the last
// snapshot of its device.
type mapping struct {
	block uint64
	time  uint32
}

func (d *thinDevice) clone() *thinDevice {
	c := *d
	c.mapped = maps.Clone(d.mapped)
	return &c
}

// Where things are in the superblock.
const (
	superFlags    = 4
	superUUID     = 16
	superMagic    = 32
	superVersion  = 40
	superTime     = 44
	superTrans    = 48
	superHeld     = 56
	superDataMap  = 64
	superMetaMap  = 192
	superMappings = 320
	superDetails  = 328
	superChunk    = 336
	superMetaSize = 340
	superMetaLen  = 344

	thinMagic      = 27022010
	thinNeedsCheck = 1
	mappedTimeBits = 24
)

// openThinMeta reads the metadata of a pool, and makes it if the device is blank.
func openThinMeta(f flow, size units.Sectors, chunk units.Sectors) (*thinMeta, error) {
	first := make([]byte, metaBlock)
	if _, err := f.ReadAt(first, 0); err != nil {
		return nil, err
	}
	if bytes.Count(first, []byte{0}) == metaBlock {
		m := &thinMeta{chunk: chunk, metaBlocks: metaBlocksOf(size), devices: map[uint32]*thinDevice{}}
		return m, m.write(f)
	}
	m, err := readThinMeta(metaReader{f})
	if err == nil && m.chunk != chunk {
		err = syscall.EINVAL
	}
	return m, err
}

// metaBlocksOf returns how many blocks a metadata device has.
func metaBlocksOf(size units.Sectors) uint64 {
	return min(uint64(inBytes(size))/metaBlock, maxMetaBlocks)
}

func readThinMeta(r metaReader) (*thinMeta, error) {
	b, err := r.block(0, 8, sumThinSuper)
	if err != nil {
		return nil, err
	}
	le := binary.LittleEndian
	if le.Uint64(b[superMagic:]) != thinMagic {
		return nil, syscall.EILSEQ
	}
	m := &thinMeta{
		needsCheck:  le.Uint32(b[superFlags:])&thinNeedsCheck != 0,
		transaction: le.Uint64(b[superTrans:]), time: le.Uint32(b[superTime:]),
		chunk:  units.Sectors(le.Uint32(b[superChunk:])),
		blocks: le.Uint64(b[superDataMap:]), metaBlocks: le.Uint64(b[superMetaMap:]),
		allocated: le.Uint64(b[superMetaMap+8:]),
	}
	if m.devices, err = r.thinDevices(b); err != nil {
		return nil, err
	}
	if held := le.Uint64(b[superHeld:]); held != 0 {
		if b, err = r.block(held, 8, sumThinSuper); err != nil {
			return nil, err
		}
		m.held = &heldMeta{transaction: le.Uint64(b[superTrans:]), time: le.Uint32(b[superTime:]), block: held}
		if m.held.devices, err = r.thinDevices(b); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// thinDevices reads the devices that a superblock leads to.
func (r metaReader) thinDevices(super []byte) (map[uint32]*thinDevice, error) {
	le := binary.LittleEndian
	devices := map[uint32]*thinDevice{}
	err := r.tree(le.Uint64(super[superDetails:]), 24, maxLevels, func(id uint64, v []byte) error {
		devices[uint32(id)] = &thinDevice{
			transaction: le.Uint64(v[8:]), created: le.Uint32(v[16:]), snapshotted: le.Uint32(v[20:]), mapped: map[uint64]mapping{},
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return devices, r.tree(le.Uint64(super[superMappings:]), 8, maxLevels, func(id uint64, root []byte) error {
		d := devices[uint32(id)]
		if d == nil {
			return syscall.EILSEQ
		}
		return r.tree(le.Uint64(root), 8, maxLevels, func(chunk uint64, v []byte) error {
			place := le.Uint64(v)
			d.mapped[chunk] = mapping{place >> mappedTimeBits, uint32(place & (1<<mappedTimeBits - 1))}
			return nil
		})
	})
}

// write makes the metadata anew, and writes what is not there yet, the superblock
// last. The error is ENOSPC if there is no room.
func (m *thinMeta) write(f flow) error {
	w := newMetaWriter()
	data := spaceMap{blocks: m.blocks, refs: map[uint64]uint32{}}
	held := uint64(0)
	if m.held != nil {
		b := m.super(m.held.transaction, m.held.time)
		copy(b[superMappings:], w.thinTrees(m.held.devices, data))
		held = w.root(w.add(b, 8, sumThinSuper))
		m.held.block = held
	}
	b := m.super(m.transaction, m.time)
	copy(b[superMappings:], w.thinTrees(m.devices, data))
	copy(b[superDataMap:], w.dataMap(data))
	own, err := w.metadataMap(m.metaBlocks)
	if err != nil {
		return err
	}
	copy(b[superMetaMap:], own)
	binary.LittleEndian.PutUint64(b[superHeld:], held)
	seal(b, 0, 8, sumThinSuper)
	w.blocks[0] = b
	if err := w.flush(f, m.written); err != nil {
		m.written = nil
		return err
	}
	m.written, m.allocated = w.blocks, uint64(len(w.blocks))
	return nil
}

// used returns how many blocks of metadata are not free: the kernel keeps some
// for itself.
func (m *thinMeta) used() uint64 {
	return min(m.allocated+min(m.metaBlocks/10, 1024), m.metaBlocks)
}

// super returns a superblock without the trees and their space maps.
func (m *thinMeta) super(transaction uint64, time uint32) []byte {
	b := make([]byte, metaBlock)
	le := binary.LittleEndian
	if m.needsCheck {
		le.PutUint32(b[superFlags:], thinNeedsCheck)
	}
	le.PutUint64(b[superMagic:], thinMagic)
	le.PutUint32(b[superVersion:], 2)
	le.PutUint32(b[superTime:], time)
	le.PutUint64(b[superTrans:], transaction)
	le.PutUint32(b[superChunk:], uint32(m.chunk))
	le.PutUint32(b[superMetaSize:], metaBlock/512)
	le.PutUint64(b[superMetaLen:], m.metaBlocks)
	return b
}

// thinTrees writes the mappings and details of devices, and returns where they
// are; data counts the blocks that they refer to.
func (w *metaWriter) thinTrees(devices map[uint32]*thinDevice, data spaceMap) []byte {
	var roots, details []entry
	for _, id := range slices.Sorted(maps.Keys(devices)) {
		d := devices[id]
		var chunks []entry
		for _, chunk := range slices.Sorted(maps.Keys(d.mapped)) {
			place := d.mapped[chunk]
			chunks = append(chunks, entry{chunk, word64(place.block<<mappedTimeBits | uint64(place.time))})
		}
		root := w.sharedTree(chunks, 8, func(v []byte) { data.refs[binary.LittleEndian.Uint64(v)>>mappedTimeBits]++ })
		roots = append(roots, entry{uint64(id), word64(root)})
		details = append(details, entry{uint64(id), slices.Concat(word64(uint64(len(d.mapped)), d.transaction), word32(d.created, d.snapshotted))})
	}
	return word64(w.root(w.tree(roots, 8, w.referTo)), w.root(w.tree(details, 24, nothing)))
}
