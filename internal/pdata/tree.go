package pdata

import (
	"iter"
)

// maxDepth is how many nodes a path from the root to a leaf may have. A tree of
// all blocks that a device can have has six.
const maxDepth = 16

// Tree is a B-tree.
type Tree struct {
	d    *Device
	root Block
	size int
}

// Tree returns the B-tree with this root, and values of size bytes.
func (d *Device) Tree(root Block, size int) Tree { return Tree{d, root, size} }

// Root returns the block that the tree begins with. Trees with the same root are
// equal.
func (t Tree) Root() Block { return t.root }

// span is the part of a tree that a node is for.
type span struct {
	block       Block
	depth       int // of the node; the root has 0
	first, last uint64
}

func (t Tree) whole() span { return span{t.root, 0, 0, noKey} }

// load returns the node of a span, which has to lie in it. Since no node is
// empty but the root, and spans of siblings do not overlap, it follows that no
// node can be met twice, but in a chain of nodes with one entry; and that has an
// end as well.
func (t Tree) load(s span) (*node, error) {
	if s.depth >= maxDepth {
		return nil, Damaged(s.block, "node at depth %d", s.depth)
	}
	n, err := t.d.node(s.block)
	if err != nil {
		return nil, err
	}
	switch {
	case n.leaf && n.size != t.size:
		return nil, Damaged(s.block, "leaf with values of %d bytes, want %d", n.size, t.size)
	case n.entries == 0 && s.depth > 0:
		return nil, Damaged(s.block, "empty node below the root")
	case n.entries > 0 && (n.key(0) < s.first || n.key(n.entries-1) > s.last):
		return nil, Damaged(s.block, "node with the keys %d to %d, want %d to %d", n.key(0), n.key(n.entries-1), s.first, s.last)
	}
	return n, nil
}

// below returns the span of child i of the node of s.
func (s span) below(n *node, i int) span {
	return span{n.child(i), s.depth + 1, n.key(i), n.last(i, s.last)}
}

// Lookup returns the value of a key. It must not be changed.
func (t Tree) Lookup(key uint64) (value []byte, ok bool, err error) {
	s := t.whole()
	for {
		n, err := t.load(s)
		if err != nil {
			return nil, false, err
		}
		i := n.after(key) - 1
		if i < 0 || n.leaf && n.key(i) != key {
			return nil, false, nil
		}
		if n.leaf {
			return n.value(i), true, nil
		}
		s = s.below(n, i)
	}
}

// Entry is a key and its value, which must not be changed.
type Entry struct {
	Key   uint64
	Value []byte
}

// From returns the entries whose key is at least from, in order. It ends with
// the first error.
func (t Tree) From(from uint64) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) { t.walk(t.whole(), from, yield) }
}

func (t Tree) walk(s span, from uint64, yield func(Entry, error) bool) bool {
	n, err := t.load(s)
	if err != nil {
		yield(Entry{}, err)
		return false
	}
	i := n.after(from)
	if i > 0 && (!n.leaf || n.key(i-1) == from) {
		i--
	}
	for ; i < n.entries; i++ {
		if n.leaf {
			if !yield(Entry{n.key(i), n.value(i)}, nil) {
				return false
			}
		} else if !t.walk(s.below(n, i), from, yield) {
			return false
		}
	}
	return true
}
