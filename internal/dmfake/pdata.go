package dmfake

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"io"
	"maps"
	"slices"
	"syscall"
)

// The metadata of thin pools and caches is made of blocks of 4 KiB: B-trees, and
// space maps that count how often each block is referred to.
//
// Source: Linux, drivers/md/persistent-data, and what it was seen to write.
const (
	metaBlock = 4096
	nodeStart = 32 // of the keys in a node of a tree
	// Of the entries of a bitmap block, four in a byte.
	bitmapStart   = 16
	bitmapEntries = (metaBlock - bitmapStart) * 4
	// Of a metadata device as much is used as one block of bitmaps' places covers.
	indexEntries  = 255
	maxMetaBlocks = indexEntries * bitmapEntries
)

// What is added to the checksums of blocks tells their kinds apart.
const (
	sumThinSuper  = 160774
	sumCacheSuper = 9031977
	sumNode       = 121107
	sumBitmap     = 240779
	sumIndex      = 160478
	sumArray      = 595846735
)

const (
	nodeInternal = 1
	nodeLeaf     = 2
)

func metaSum(b []byte, kind uint32) uint32 {
	return ^crc32.Checksum(b[4:metaBlock], crc32.MakeTable(crc32.Castagnoli)) ^ kind
}

// metaWriter makes blocks.
type metaWriter struct {
	blocks [][]byte // by number; the first is the superblock's
	refs   []uint32
	// alike is where nodes are that may be shared.
	alike map[string]uint64
}

func newMetaWriter() *metaWriter {
	return &metaWriter{blocks: [][]byte{make([]byte, metaBlock)}, refs: []uint32{1}, alike: map[string]uint64{}}
}

// seal writes what the header of each block has: checksum and number.
func seal(b []byte, number uint64, at int, kind uint32) {
	binary.LittleEndian.PutUint64(b[at:], number)
	binary.LittleEndian.PutUint32(b, metaSum(b, kind))
}

// add returns the number of a new block.
func (w *metaWriter) add(b []byte, at int, kind uint32) uint64 {
	number := uint64(len(w.blocks))
	seal(b, number, at, kind)
	w.blocks, w.refs = append(w.blocks, b), append(w.refs, 0)
	return number
}

// entry is a key of a tree with its value.
type entry struct {
	key   uint64
	value []byte
}

func word32(values ...uint32) []byte {
	var b []byte
	for _, v := range values {
		b = binary.LittleEndian.AppendUint32(b, v)
	}
	return b
}

func word64(values ...uint64) []byte {
	var b []byte
	for _, v := range values {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	return b
}

// maxEntries is how many entries there are in a node, which is a multiple of 3.
func maxEntries(size int) int { return (metaBlock - nodeStart) / (8 + size) / 3 * 3 }

// tree makes a tree of entries in the order of their keys, and returns its root.
// It calls refer for each value of a new leaf.
func (w *metaWriter) tree(entries []entry, size int, refer func(value []byte)) uint64 {
	return w.levels(entries, size, refer, w.node)
}

// sharedTree makes a tree that shares nodes with those others that have the same
// entries, as those of a snapshot and its origin do.
func (w *metaWriter) sharedTree(entries []entry, size int, refer func(value []byte)) uint64 {
	return w.levels(entries, size, refer, w.sharedNode)
}

// levels makes a tree from below.
func (w *metaWriter) levels(entries []entry, size int, refer func([]byte), node func(uint32, []entry, int, func([]byte)) uint64) uint64 {
	flags := uint32(nodeLeaf)
	for {
		var above []entry
		for part := range parts(entries, maxEntries(size)) {
			number := node(flags, part, size, refer)
			if len(part) == len(entries) {
				return number
			}
			above = append(above, entry{part[0].key, word64(number)})
		}
		entries, size, refer, flags = above, 8, w.referTo, nodeInternal
	}
}

// referTo counts a reference to the block whose number is a value.
func (w *metaWriter) referTo(value []byte) { w.refs[binary.LittleEndian.Uint64(value)]++ }

// parts deals entries out to as few nodes as there can be, of which there is
// always one.
func parts(entries []entry, most int) func(func([]entry) bool) {
	return func(yield func([]entry) bool) {
		n := max(1, (len(entries)+most-1)/most)
		for i := range n {
			if !yield(entries[i*len(entries)/n : (i+1)*len(entries)/n]) {
				return
			}
		}
	}
}

// node makes a node of a tree.
func (w *metaWriter) node(flags uint32, entries []entry, size int, refer func([]byte)) uint64 {
	for _, e := range entries {
		refer(e.value)
	}
	return w.add(nodeOf(flags, entries, size), 8, sumNode)
}

// sharedNode makes a node unless there is one like it.
func (w *metaWriter) sharedNode(flags uint32, entries []entry, size int, refer func([]byte)) uint64 {
	b := nodeOf(flags, entries, size)
	content := string(b)
	number, ok := w.alike[content]
	if !ok || len(entries) == 0 {
		number = w.node(flags, entries, size, refer)
		w.alike[content] = number
	}
	return number
}

// nodeOf returns a node without a number.
func nodeOf(flags uint32, entries []entry, size int) []byte {
	b := make([]byte, metaBlock)
	most := maxEntries(size)
	binary.LittleEndian.PutUint32(b[4:], flags)
	for i, v := range []int{len(entries), most, size} {
		binary.LittleEndian.PutUint32(b[16+4*i:], uint32(v))
	}
	for i, e := range entries {
		binary.LittleEndian.PutUint64(b[nodeStart+8*i:], e.key)
		copy(b[nodeStart+8*most+size*i:], e.value)
	}
	return b
}

// nothing refers to nothing.
func nothing([]byte) {}

// spaceMap is how often each of a number of blocks is referred to.
type spaceMap struct {
	blocks uint64
	refs   map[uint64]uint32
}

// bitmap makes the block of bits of the n-th part of a map.
func (s spaceMap) bitmap(n uint64) (b []byte, free, firstFree uint32) {
	b = make([]byte, metaBlock)
	count := min(s.blocks-n*bitmapEntries, bitmapEntries)
	firstFree = uint32(count)
	for i := range count {
		refs := s.refs[n*bitmapEntries+i]
		if refs == 0 {
			free++
			firstFree = min(firstFree, uint32(i))
		}
		// The bit of the lower place is that of the higher value.
		v := min(refs, 3)
		b[bitmapStart+i/4] |= byte(v>>1|v&1<<1) << (i % 4 * 2)
	}
	return b, free, firstFree
}

// overflow makes the tree of those numbers that two bits are not enough for.
func (w *metaWriter) overflow(s spaceMap) uint64 {
	var entries []entry
	for _, block := range slices.Sorted(maps.Keys(s.refs)) {
		if refs := s.refs[block]; refs >= 3 {
			entries = append(entries, entry{block, word32(refs)})
		}
	}
	return w.root(w.tree(entries, 4, nothing))
}

// root counts a reference to a block from outside of all trees.
func (w *metaWriter) root(number uint64) uint64 {
	w.refs[number]++
	return number
}

// dataMap writes the space map of data blocks, and returns what the superblock
// has of it.
func (w *metaWriter) dataMap(s spaceMap) []byte {
	var index []entry
	for n := uint64(0); n*bitmapEntries < s.blocks; n++ {
		b, free, first := s.bitmap(n)
		index = append(index, entry{n, slices.Concat(word64(w.add(b, 8, sumBitmap)), word32(free, first))})
	}
	bitmaps := w.root(w.tree(index, 16, w.referTo))
	return word64(s.blocks, uint64(len(s.refs)), bitmaps, w.overflow(s))
}

// metadataMap writes the space map of all blocks, its own included, the last of
// all but the superblock; the error is ENOSPC if there are more than there may be.
func (w *metaWriter) metadataMap(blocks uint64) ([]byte, error) {
	s := spaceMap{blocks: blocks, refs: map[uint64]uint32{}}
	for number, refs := range w.refs {
		s.refs[uint64(number)] = refs
	}
	first := uint64(len(w.blocks))
	overflow := w.overflow(s)
	bitmaps := (blocks + bitmapEntries - 1) / bitmapEntries
	end := uint64(len(w.blocks)) + bitmaps + 1
	if end > blocks {
		return nil, syscall.ENOSPC
	}
	for number := first; number < end; number++ {
		s.refs[number] = 1
	}
	index := make([]byte, metaBlock)
	for n := range bitmaps {
		b, free, firstFree := s.bitmap(n)
		copy(index[16+16*n:], slices.Concat(word64(w.root(w.add(b, 8, sumBitmap))), word32(free, firstFree)))
	}
	return word64(blocks, uint64(len(s.refs)), w.root(w.add(index, 8, sumIndex)), overflow), nil
}

// flush writes all blocks that are not as they were written before, the superblock
// last.
func (w *metaWriter) flush(f flow, before [][]byte) error {
	for number, b := range slices.Backward(w.blocks) {
		if number < len(before) && bytes.Equal(b, before[number]) {
			continue
		}
		if _, err := f.WriteAt(b, int64(number)*metaBlock); err != nil {
			return err
		}
	}
	return nil
}

// metaReader reads blocks.
type metaReader struct{ from io.ReaderAt }

// block reads a block of a kind. A wrong one is ENOTBLK or EILSEQ, as to the kernel.
func (r metaReader) block(number uint64, at int, kind uint32) ([]byte, error) {
	if number >= maxMetaBlocks {
		return nil, syscall.EINVAL
	}
	b := make([]byte, metaBlock)
	if _, err := r.from.ReadAt(b, int64(number)*metaBlock); err != nil {
		return nil, syscall.EIO
	}
	switch {
	case binary.LittleEndian.Uint64(b[at:]) != number:
		return nil, syscall.ENOTBLK
	case binary.LittleEndian.Uint32(b) != metaSum(b, kind):
		return nil, syscall.EILSEQ
	}
	return b, nil
}

const maxLevels = 16

// tree yields all entries of a tree.
func (r metaReader) tree(root uint64, size int, levels int, yield func(key uint64, value []byte) error) error {
	b, err := r.block(root, 8, sumNode)
	if err != nil {
		return err
	}
	flags, n, most := binary.LittleEndian.Uint32(b[4:]), int(binary.LittleEndian.Uint32(b[16:])), int(binary.LittleEndian.Uint32(b[20:]))
	own := size
	if flags == nodeInternal {
		own = 8
	}
	if int(binary.LittleEndian.Uint32(b[24:])) != own || most > maxEntries(own) || n < 0 || n > most || levels == 0 {
		return syscall.EILSEQ
	}
	for i := range n {
		value := b[nodeStart+8*most+own*i:][:own]
		if flags == nodeInternal {
			err = r.tree(binary.LittleEndian.Uint64(value), size, levels-1, yield)
		} else {
			err = yield(binary.LittleEndian.Uint64(b[nodeStart+8*i:]), value)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
