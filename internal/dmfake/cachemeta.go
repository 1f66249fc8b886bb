package dmfake

import (
	"bytes"
	"encoding/binary"
	"slices"
	"syscall"

	"github.com/lvm-go/lvm/units"
)

// cacheMeta is what the metadata of a cache says.
//
// Source: Linux, drivers/md/dm-cache-metadata.c, and what it was seen to write.
type cacheMeta struct {
	version    uint32 // 2 has what is dirty in a place of its own
	policy     string
	block      units.Sectors
	blocks     []cacheBlock
	metaBlocks uint64
	allocated  uint64 // blocks of metadata, at the last commit
	written    [][]byte
}

// cacheBlock is a block of the cache.
type cacheBlock struct {
	used, dirty bool
	origin      uint64
}

// Where things are in the superblock.
const (
	cachePolicy      = 44
	cacheHintSize    = 60
	cacheMetaMap     = 64
	cacheMappings    = 192
	cacheDiscards    = 208
	cacheBlockSize   = 232
	cacheMetaSize    = 236
	cacheBlocks      = 240
	cacheDirty       = 284
	cacheMagic       = 0o6142003
	cacheClean       = 1 // was shut down
	cacheValidEntry  = 1
	cacheDirtyEntry  = 2
	cacheEntryFlags  = 16 // bits
	arrayStart       = 24
	arrayValue       = 8
	maxArrayElements = (metaBlock - arrayStart) / arrayValue
)

// openCacheMeta reads the metadata of a cache, and makes it if the device is
// blank.
func openCacheMeta(f flow, size units.Sectors, version uint32, policy string, block units.Sectors) (*cacheMeta, error) {
	first := make([]byte, metaBlock)
	if _, err := f.ReadAt(first, 0); err != nil {
		return nil, err
	}
	if bytes.Count(first, []byte{0}) == metaBlock {
		m := &cacheMeta{version: version, policy: policy, block: block, metaBlocks: metaBlocksOf(size)}
		return m, m.write(f, true)
	}
	m, err := readCacheMeta(metaReader{f})
	if err == nil && m.block != block {
		err = syscall.EINVAL
	}
	return m, err
}

func readCacheMeta(r metaReader) (*cacheMeta, error) {
	b, err := r.block(0, 8, sumCacheSuper)
	if err != nil {
		return nil, err
	}
	le := binary.LittleEndian
	if le.Uint64(b[superMagic:]) != cacheMagic {
		return nil, syscall.EILSEQ
	}
	m := &cacheMeta{
		version: le.Uint32(b[superVersion:]), policy: string(bytes.TrimRight(b[cachePolicy:cacheHintSize], "\x00")),
		block: units.Sectors(le.Uint32(b[cacheBlockSize:])), metaBlocks: le.Uint64(b[cacheMetaMap:]), allocated: le.Uint64(b[cacheMetaMap+8:]),
	}
	clean := le.Uint32(b[superFlags:])&cacheClean != 0
	err = r.array(le.Uint64(b[cacheMappings:]), func(v uint64) {
		m.blocks = append(m.blocks, cacheBlock{
			used: v&cacheValidEntry != 0, dirty: v&cacheValidEntry != 0 && (!clean || v&cacheDirtyEntry != 0), origin: v >> cacheEntryFlags,
		})
	})
	if err != nil || !clean || m.version < 2 {
		return m, err
	}
	i := 0
	return m, r.array(le.Uint64(b[cacheDirty:]), func(v uint64) {
		for bit := 0; bit < 64 && i < len(m.blocks); bit++ {
			m.blocks[i].dirty = m.blocks[i].used && v>>bit&1 != 0
			i++
		}
	})
}

// array yields the elements of an array.
func (r metaReader) array(root uint64, yield func(uint64)) error {
	return r.tree(root, arrayValue, maxLevels, func(_ uint64, value []byte) error {
		b, err := r.block(binary.LittleEndian.Uint64(value), 16, sumArray)
		if err != nil {
			return err
		}
		n := binary.LittleEndian.Uint32(b[8:])
		if n > maxArrayElements || binary.LittleEndian.Uint32(b[12:]) != arrayValue {
			return syscall.EILSEQ
		}
		for i := range n {
			yield(binary.LittleEndian.Uint64(b[arrayStart+arrayValue*i:]))
		}
		return nil
	})
}

// array writes an array, and returns its root.
func (w *metaWriter) array(values []uint64) uint64 {
	var blocks []entry
	for part := range slices.Chunk(values, maxArrayElements) {
		b := make([]byte, metaBlock)
		for i, v := range []int{maxArrayElements, len(part), arrayValue} {
			binary.LittleEndian.PutUint32(b[4+4*i:], uint32(v))
		}
		for i, v := range part {
			binary.LittleEndian.PutUint64(b[arrayStart+arrayValue*i:], v)
		}
		blocks = append(blocks, entry{uint64(len(blocks)), word64(w.add(b, 16, sumArray))})
	}
	return w.root(w.tree(blocks, arrayValue, w.referTo))
}

// write makes the metadata anew, and writes what is not there yet. What is dirty
// is in it if the cache is shut down.
func (m *cacheMeta) write(f flow, clean bool) error {
	w := newMetaWriter()
	b := make([]byte, metaBlock)
	le := binary.LittleEndian
	mappings := make([]uint64, len(m.blocks))
	dirty := make([]uint64, (len(m.blocks)+63)/64)
	for i, c := range m.blocks {
		if !c.used {
			continue
		}
		mappings[i] = c.origin<<cacheEntryFlags | cacheValidEntry
		if c.dirty && m.version < 2 {
			mappings[i] |= cacheDirtyEntry
		}
		if c.dirty {
			dirty[i/64] |= 1 << (i % 64)
		}
	}
	if clean {
		le.PutUint32(b[superFlags:], cacheClean)
	}
	le.PutUint64(b[superMagic:], cacheMagic)
	le.PutUint32(b[superVersion:], m.version)
	copy(b[cachePolicy:cacheHintSize], m.policy)
	le.PutUint32(b[cacheHintSize:], 4)
	le.PutUint64(b[cacheMappings:], w.array(mappings))
	le.PutUint64(b[cacheDiscards:], w.array(nil))
	le.PutUint32(b[cacheBlockSize:], uint32(m.block))
	le.PutUint32(b[cacheMetaSize:], metaBlock/512)
	le.PutUint32(b[cacheBlocks:], uint32(len(m.blocks)))
	if m.version >= 2 {
		le.PutUint64(b[cacheDirty:], w.array(dirty))
	}
	own, err := w.metadataMap(m.metaBlocks)
	if err != nil {
		return err
	}
	copy(b[cacheMetaMap:], own)
	seal(b, 0, 8, sumCacheSuper)
	w.blocks[0] = b
	if err := w.flush(f, m.written); err != nil {
		m.written = nil
		return err
	}
	m.written, m.allocated = w.blocks, uint64(len(w.blocks))
	return nil
}
