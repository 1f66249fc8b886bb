package pdata

import (
	"bytes"
	"cmp"
	"iter"
)

// Pair is what two trees hold for a key: nil where there is none. At least one
// is there.
type Pair struct {
	Key  uint64
	A, B []byte
}

// Diff returns the keys for which two trees of one device hold different values,
// in order. It does not look at what both trees share, so its cost follows the
// differences. It ends with the first error.
func Diff(a, b Tree) iter.Seq2[Pair, error] {
	return func(yield func(Pair, error) bool) {
		if err := diff(a, b, func(p Pair) bool { return yield(p, nil) }); err != nil {
			yield(Pair{}, err)
		}
	}
}

func diff(a, b Tree, yield func(Pair) bool) error {
	x, err := newCursor(a)
	if err != nil {
		return err
	}
	y, err := newCursor(b)
	if err != nil {
		return err
	}
	for {
		p, q := x.top(), y.top()
		switch order := compare(p, q); {
		case p.end && q.end:
			return nil
		case p.level > 0 && p.level == q.level && p.block == q.block:
			x.skip()
			y.skip()
		case order <= 0 && p.level > 0:
			err = x.enter()
		case order > 0 && q.level > 0:
			err = y.enter()
		case order < 0:
			if !yield(Pair{p.key, p.value, nil}) {
				return nil
			}
			x.skip()
		case order > 0:
			if !yield(Pair{q.key, nil, q.value}) {
				return nil
			}
			y.skip()
		default:
			if !bytes.Equal(p.value, q.value) && !yield(Pair{p.key, p.value, q.value}) {
				return nil
			}
			x.skip()
			y.skip()
		}
		if err != nil {
			return err
		}
	}
}

// compare says which of two trees to go on with: the first if it is negative. Of two subtrees, the higher one
// has to be entered to find in it what the other shows; of those of one height,
// the one that begins first, since the other one may come later in it.
func compare(p, q item) int {
	switch {
	case p.end:
		return 1
	case q.end:
		return -1
	case p.level > 0 && q.level > 0 && p.level != q.level:
		return cmp.Compare(q.level, p.level)
	case p.key != q.key:
		return cmp.Compare(p.key, q.key)
	}
	return cmp.Compare(q.level, p.level)
}

// item is what comes next in a tree: an entry, or a subtree whose keys are not
// smaller than key.
type item struct {
	end   bool
	key   uint64
	level int    // how many nodes are on the way to an entry
	block Block  // of a subtree
	value []byte // of an entry
}

// cursor goes through a tree, and may leave parts of it out.
type cursor struct {
	t      Tree
	height int // nodes from the root to an entry
	path   []place
	root   bool // nothing was entered yet
}

// place is an entry of a node that was entered.
type place struct {
	s span
	n *node
	i int
}

func newCursor(t Tree) (*cursor, error) {
	c := &cursor{t: t, root: true}
	for s := t.whole(); ; {
		n, err := t.load(s)
		if err != nil {
			return nil, err
		}
		c.height++
		if n.leaf {
			return c, nil
		}
		s = s.below(n, 0)
	}
}

func (c *cursor) top() item {
	if c.root {
		return item{level: c.height, block: c.t.root}
	}
	if len(c.path) == 0 {
		return item{end: true}
	}
	at := c.path[len(c.path)-1]
	if at.n.leaf {
		return item{key: at.n.key(at.i), value: at.n.value(at.i)}
	}
	return item{key: at.n.key(at.i), level: c.height - len(c.path), block: at.n.child(at.i)}
}

// skip goes on behind what comes next.
func (c *cursor) skip() {
	c.root = false
	for len(c.path) > 0 {
		at := &c.path[len(c.path)-1]
		if at.i++; at.i < at.n.entries {
			return
		}
		c.path = c.path[:len(c.path)-1]
	}
}

// enter goes on with the first entry of the subtree that comes next.
func (c *cursor) enter() error {
	s := c.t.whole()
	if !c.root {
		at := c.path[len(c.path)-1]
		s = at.s.below(at.n, at.i)
	}
	n, err := c.t.load(s)
	if err != nil {
		return err
	}
	if n.leaf != (s.depth+1 == c.height) {
		return Damaged(s.block, "leaves are not all at depth %d", c.height-1)
	}
	c.root = false
	if n.entries > 0 {
		c.path = append(c.path, place{s, n, 0})
	}
	return nil
}
