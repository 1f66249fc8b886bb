// Package pdatatest makes metadata devices for tests.
package pdatatest

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"io"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/pdata"
	"github.com/lvm-go/lvm/units"
)

const blockSize = int(pdata.BlockSize)

// Image is a metadata device in memory. What is made in it is as the kernel
// could have made it, but for space maps, which it has none of.
type Image struct {
	Data []byte
	// Reads counts the blocks that were read.
	Reads int
}

// New returns an image with an empty block 0.
func New() *Image { return &Image{Data: make([]byte, blockSize)} }

// Load returns an image that a file holds, compressed.
func Load(t testing.TB, path string) *Image {
	f, err := os.Open(path)
	require.NoError(t, err)
	defer func() { _ = f.Close() }()
	z, err := gzip.NewReader(f)
	require.NoError(t, err)
	b, err := io.ReadAll(z)
	require.NoError(t, err)
	return &Image{Data: b}
}

// Save writes the file that Load reads.
func Save(t testing.TB, path string, data []byte) {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	require.NoError(t, err)
	_, err = z.Write(data)
	require.NoError(t, err)
	require.NoError(t, z.Close())
	require.NoError(t, os.WriteFile(path, b.Bytes(), 0o644))
}

// Size returns the length of the image.
func (m *Image) Size() units.Bytes { return units.Bytes(len(m.Data)) }

// Device returns what reads the image.
func (m *Image) Device() *pdata.Device { return pdata.NewDevice(m, m.Size()) }

// ReadAt reads as io.ReaderAt has it.
func (m *Image) ReadAt(p []byte, off int64) (int, error) {
	m.Reads += (len(p) + blockSize - 1) / blockSize
	if off >= int64(len(m.Data)) {
		return 0, io.EOF
	}
	n := copy(p, m.Data[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// Clone returns an image that can be changed on its own.
func (m *Image) Clone() *Image { return &Image{Data: bytes.Clone(m.Data)} }

// Block returns a block, to be changed.
func (m *Image) Block(b pdata.Block) []byte { return m.Data[int(b)*blockSize:][:blockSize] }

// Alloc adds a block of zeroes.
func (m *Image) Alloc() pdata.Block {
	m.Data = append(m.Data, make([]byte, blockSize)...)
	return pdata.Block(len(m.Data)/blockSize - 1)
}

// numberAt is where a block of a kind has its own number.
func numberAt(kind pdata.Kind) int {
	if kind == pdata.KindArray {
		return 16
	}
	return 8
}

// Seal gives a block its number and checksum.
func (m *Image) Seal(b pdata.Block, kind pdata.Kind) {
	data := m.Block(b)
	binary.LittleEndian.PutUint64(data[numberAt(kind):], uint64(b))
	binary.LittleEndian.PutUint32(data, pdata.Checksum(data, kind))
}

// Kind returns of which kind a block is, by its checksum; 0 if of none.
func (m *Image) Kind(b pdata.Block, superblock pdata.Kind) pdata.Kind {
	data := m.Block(b)
	for _, kind := range []pdata.Kind{pdata.KindNode, pdata.KindArray, pdata.KindBitmap, pdata.KindIndex, superblock} {
		if binary.LittleEndian.Uint32(data) == pdata.Checksum(data, kind) {
			return kind
		}
	}
	return 0
}

// Mutate writes bytes somewhere, and corrects the checksums of the blocks.
func (m *Image) Mutate(superblock pdata.Kind, off int, change []byte) {
	off %= len(m.Data)
	first, last := pdata.Block(off/blockSize), pdata.Block(min(off+len(change), len(m.Data)-1)/blockSize)
	for b := first; b <= last; b++ {
		kind := m.Kind(b, superblock)
		from := max(off, int(b)*blockSize)
		if i := from - off; i < len(change) {
			copy(m.Data[from:int(b+1)*blockSize], change[i:])
		}
		if kind != 0 {
			data := m.Block(b)
			binary.LittleEndian.PutUint32(data, pdata.Checksum(data, kind))
		}
	}
}

// Entry is a key and a value.
type Entry struct {
	Key   uint64
	Value []byte
}

// U64 is a value of 64 bits.
func U64(v uint64) []byte { return binary.LittleEndian.AppendUint64(nil, v) }

// Node adds a node.
func (m *Image) Node(leaf bool, size int, entries []Entry) pdata.Block {
	b := m.Alloc()
	m.PutNode(b, leaf, size, entries)
	return b
}

// PutNode makes a node of a block.
func (m *Image) PutNode(b pdata.Block, leaf bool, size int, entries []Entry) {
	data := m.Block(b)
	clear(data)
	room := Room(size)
	flags := uint32(1)
	if leaf {
		flags = 2
	}
	for at, v := range map[int]uint32{4: flags, 16: uint32(len(entries)), 20: uint32(room), 24: uint32(size)} {
		binary.LittleEndian.PutUint32(data[at:], v)
	}
	for i, e := range entries {
		binary.LittleEndian.PutUint64(data[32+8*i:], e.Key)
		copy(data[32+8*room+size*i:], e.Value)
	}
	m.Seal(b, pdata.KindNode)
}

// Room returns how many entries a node has room for.
func Room(size int) int { return (blockSize - 32) / (8 + size) / 3 * 3 }

// Tree adds a tree with nodes as full as they can be.
func (m *Image) Tree(size int, entries []Entry) pdata.Block {
	leaf := true
	for {
		var above []Entry
		for {
			n := min(Room(size), len(entries))
			b := m.Node(leaf, size, entries[:n])
			if n == len(entries) && above == nil {
				return b
			}
			above = append(above, Entry{entries[0].Key, U64(uint64(b))})
			if entries = entries[n:]; len(entries) == 0 {
				break
			}
		}
		leaf, size, entries = false, 8, above
	}
}

// Change returns the root of a tree that differs from another one in the value
// of one key, which both have, and shares all nodes that are not above that.
func (m *Image) Change(root pdata.Block, key uint64, value []byte) pdata.Block {
	b := m.Alloc()
	data := m.Block(b)
	copy(data, m.Block(root))
	field := func(at int) int { return int(binary.LittleEndian.Uint32(data[at:])) }
	entries, room, size, i := field(16), field(20), field(24), 0
	for i+1 < entries && binary.LittleEndian.Uint64(data[32+8*(i+1):]) <= key {
		i++
	}
	at := 32 + 8*room + size*i
	if field(4) == 1 {
		value = U64(uint64(m.Change(pdata.Block(binary.LittleEndian.Uint64(data[at:])), key, value)))
		data = m.Block(b)
	}
	copy(data[at:at+size], value)
	m.Seal(b, pdata.KindNode)
	return b
}

// Array adds an array of values of a size.
func (m *Image) Array(size int, values [][]byte) pdata.Block {
	room := (blockSize - 24) / size
	var blocks []Entry
	for i := 0; i < len(values); i += room {
		part := values[i:min(i+room, len(values))]
		b := m.Alloc()
		data := m.Block(b)
		for at, v := range map[int]int{4: room, 8: len(part), 12: size} {
			binary.LittleEndian.PutUint32(data[at:], uint32(v))
		}
		for n, v := range part {
			copy(data[24+n*size:], v)
		}
		m.Seal(b, pdata.KindArray)
		blocks = append(blocks, Entry{uint64(len(blocks)), U64(uint64(b))})
	}
	return m.Tree(8, blocks)
}
