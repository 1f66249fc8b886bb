package pdata

import (
	"encoding/binary"
	"sort"
)

// nodeHeader is the length of a node's header.
//
// Source: Linux node_header: checksum, flags, own number, entries, room for
// entries, bytes of a value, and four bytes that are not used. Behind it are the
// keys, then the values, each with room for all.
const nodeHeader = 32

// Flags of a node, which has just one of them.
const (
	flagInternal = 1
	flagLeaf     = 2
)

// pointerSize is the length of the values of an internal node.
const pointerSize = 8

// node is a node of a B-tree, and never changed.
type node struct {
	block   Block
	leaf    bool
	entries int
	room    int // for entries
	size    int // of a value
	data    []byte
}

// decodeNode checks all of a node that can be checked without its tree.
func decodeNode(b Block, data []byte) (*node, error) {
	field := func(at int) uint32 { return binary.LittleEndian.Uint32(data[at:]) }
	flags, entries, room, size := field(4), uint64(field(16)), uint64(field(20)), uint64(field(24))
	switch {
	case flags != flagInternal && flags != flagLeaf:
		return nil, Damaged(b, "node with the flags %#x", flags)
	case size == 0 || nodeHeader+room*(8+min(size, uint64(BlockSize))) > uint64(BlockSize):
		return nil, Damaged(b, "node with room for %d values of %d bytes", room, size)
	case entries > room:
		return nil, Damaged(b, "node with %d entries and room for %d", entries, room)
	case flags == flagInternal && (size != pointerSize || entries == 0):
		return nil, Damaged(b, "internal node with %d values of %d bytes", entries, size)
	}
	n := &node{b, flags == flagLeaf, int(entries), int(room), int(size), data}
	for i := 1; i < n.entries; i++ {
		if n.key(i-1) >= n.key(i) {
			return nil, Damaged(b, "node with key %d before key %d", n.key(i-1), n.key(i))
		}
	}
	return n, nil
}

func (n *node) key(i int) uint64 { return binary.LittleEndian.Uint64(n.data[nodeHeader+8*i:]) }

func (n *node) value(i int) []byte {
	at := nodeHeader + 8*n.room + n.size*i
	return n.data[at : at+n.size : at+n.size]
}

// child returns what entry i of an internal node points to.
func (n *node) child(i int) Block { return Block(binary.LittleEndian.Uint64(n.value(i))) }

// last returns the largest key that child i of a node may have, whose own
// largest is last.
func (n *node) last(i int, last uint64) uint64 {
	if i+1 < n.entries {
		return n.key(i+1) - 1
	}
	return last
}

// after returns the first entry whose key is larger.
func (n *node) after(key uint64) int {
	return sort.Search(n.entries, func(i int) bool { return n.key(i) > key })
}
