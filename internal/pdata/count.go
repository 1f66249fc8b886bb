package pdata

import (
	"context"
	"encoding/binary"
	"slices"
)

// Counts is how often blocks are pointed to, as a walk has found it. It takes
// some 4 KiB for each 16320 blocks with one that is pointed to.
type Counts struct {
	Blocks uint64 // of the device
	pages  map[uint64]*[bitmapBytes]byte
	over   map[uint64]uint32
}

// NewCounts returns counts of zero for a device of this many blocks.
func NewCounts(blocks uint64) *Counts {
	return &Counts{Blocks: blocks, pages: map[uint64]*[bitmapBytes]byte{}, over: map[uint64]uint32{}}
}

// Add adds one for a block, which the device must have, and says whether it is
// the first.
func (c *Counts) Add(b uint64) (first bool) {
	page, i := b/uint64(bitmapEntries), b%uint64(bitmapEntries)
	if c.pages[page] == nil {
		c.pages[page] = new([bitmapBytes]byte)
	}
	bits := c.pages[page][:]
	switch n := twoBits(bits, i); n {
	case many:
		c.over[b]++
	case many - 1:
		setTwoBits(bits, i, many)
		c.over[b] = many
	default:
		setTwoBits(bits, i, n+1)
		return n == 0
	}
	return false
}

// Of returns the count of a block.
func (c *Counts) Of(b uint64) uint32 {
	page := c.pages[b/uint64(bitmapEntries)]
	if page == nil {
		return 0
	}
	n := twoBits(page[:], b%uint64(bitmapEntries))
	if n == many {
		return c.over[b]
	}
	return n
}

// Census walks through structures and counts the pointers to the blocks of the
// metadata device. What several structures share is looked at once.
type Census struct {
	ctx    context.Context
	d      *Device
	Counts *Counts
	leaves []uint16         // entries of each leaf
	inner  map[Block]uint64 // entries below each internal node
	path   []Block          // nodes that are being looked at
}

// NewCensus returns a census that has counted nothing. It ends with an error
// when the context does. It takes two bytes for each block of the device.
func NewCensus(ctx context.Context, d *Device) *Census {
	return &Census{ctx: ctx, d: d, Counts: NewCounts(uint64(d.blocks)), leaves: make([]uint16, d.blocks), inner: map[Block]uint64{}}
}

// Point counts a pointer to a block, and says whether it is the first.
func (c *Census) Point(b Block) (first bool, err error) {
	if err := c.ctx.Err(); err != nil {
		return false, err
	}
	if b >= c.d.blocks {
		return false, Damaged(b, "is behind the end of the device, which has %d", uint64(c.d.blocks))
	}
	return c.Counts.Add(uint64(b)), nil
}

// Tree counts the pointer to the root of a tree, and those in it. It calls entry
// for those entries that no tree before had in the same node.
func (c *Census) Tree(t Tree, entry func(Entry) error) error {
	return c.walk(t, t.whole(), entry)
}

func (c *Census) walk(t Tree, s span, entry func(Entry) error) error {
	if slices.Contains(c.path, s.block) {
		return Damaged(s.block, "node is below itself")
	}
	first, err := c.Point(s.block)
	if err != nil || !first {
		return err
	}
	c.path = append(c.path, s.block)
	defer func() { c.path = c.path[:len(c.path)-1] }()
	n, err := t.load(s)
	if err != nil {
		return err
	}
	sum := uint64(0)
	for i := range n.entries {
		if !n.leaf {
			below := s.below(n, i)
			err = c.walk(t, below, entry)
			sum += c.Entries(below.block)
		} else if entry != nil {
			err = entry(Entry{n.key(i), n.value(i)})
		}
		if err != nil {
			return err
		}
	}
	if n.leaf {
		c.leaves[s.block] = uint16(n.entries)
	} else {
		c.inner[s.block] = sum
	}
	return nil
}

// Entries returns how many entries a tree has that was counted, with this block
// as its root.
func (c *Census) Entries(root Block) uint64 {
	if n, ok := c.inner[root]; ok || root >= c.d.blocks {
		return n
	}
	return uint64(c.leaves[root])
}

// Array counts what an array consists of.
func (c *Census) Array(root Block) error {
	return c.Tree(c.d.Tree(root, pointerSize), func(e Entry) error {
		_, err := c.Point(Block(binary.LittleEndian.Uint64(e.Value)))
		return err
	})
}

// Index is where the bitmaps of a space map are, in order.
type Index []Block

// DataIndex counts what the space map of another device consists of, and returns
// its index.
func (c *Census) DataIndex(m SpaceMap) (Index, error) {
	var index Index
	err := c.Tree(c.d.Tree(m.index, indexSize), func(e Entry) error {
		if e.Key != uint64(len(index)) {
			return Damaged(m.index, "space map without bitmap %d", len(index))
		}
		b, err := c.bitmap(e.Value)
		index = append(index, b)
		return err
	})
	if err != nil {
		return nil, err
	}
	return index, c.finish(m, index)
}

// MetadataIndex counts what the space map of the metadata device itself consists
// of, and returns its index.
func (c *Census) MetadataIndex(m SpaceMap) (Index, error) {
	if m.Blocks > uint64(c.d.blocks) {
		return nil, Damaged(m.index, "space map of %d blocks, but the device has %d", m.Blocks, uint64(c.d.blocks))
	}
	if _, err := c.Point(m.index); err != nil {
		return nil, err
	}
	data, err := c.d.Read(m.index, KindIndex, 8)
	if err != nil {
		return nil, err
	}
	var index Index
	for i := range bitmaps(m.Blocks) {
		b, err := c.bitmap(data[indexHeader+i*indexSize:])
		if err != nil {
			return nil, err
		}
		index = append(index, b)
	}
	return index, c.finish(m, index)
}

// bitmap counts a bitmap, which no other index may have.
func (c *Census) bitmap(entry []byte) (Block, error) {
	b := Block(binary.LittleEndian.Uint64(entry))
	first, err := c.Point(b)
	if err == nil && !first {
		err = Damaged(b, "bitmap is something else as well")
	}
	return b, err
}

func (c *Census) finish(m SpaceMap, index Index) error {
	if want := bitmaps(m.Blocks); uint64(len(index)) < want {
		return Damaged(m.index, "space map has %d bitmaps, want %d", len(index), want)
	}
	return c.Tree(c.d.Tree(m.counts, countSize), nil)
}

// bitmaps returns how many bitmaps it takes for this many blocks.
func bitmaps(blocks uint64) uint64 {
	n := blocks / uint64(bitmapEntries)
	if blocks%uint64(bitmapEntries) != 0 {
		n++
	}
	return n
}

// Mismatch is a block whose count in a space map is not that of the pointers.
type Mismatch struct {
	Block    uint64
	Count    uint32 // in the space map
	Pointers uint32
}

// Compare calls wrong for each block that a space map and the counts of the same
// device disagree about, until it returns false. It returns how many blocks the
// space map has in use.
func (c *Census) Compare(m SpaceMap, index Index, found *Counts, wrong func(Mismatch) bool) (used uint64, err error) {
	counts := c.d.Tree(m.counts, countSize)
	for page := range bitmaps(m.Blocks) {
		if err := c.ctx.Err(); err != nil {
			return used, err
		}
		bitmap, err := c.d.readBitmap(index[page])
		if err != nil {
			return used, err
		}
		ours := found.pages[page]
		if ours == nil {
			ours = new([bitmapBytes]byte)
		}
		base := page * uint64(bitmapEntries)
		for i := range min(uint64(bitmapEntries), m.Blocks-base) {
			if bitmap[i/4] == 0 && ours[i/4] == 0 {
				continue
			}
			n, want := twoBits(bitmap, i), found.Of(base+i)
			if n == many {
				if n, err = lookupCount(counts, base+i); err != nil {
					return used, err
				}
			}
			if n > 0 {
				used++
			}
			if n != want && !wrong(Mismatch{base + i, n, want}) {
				return used, nil
			}
		}
	}
	return used, nil
}

// lookupCount returns a count that a bitmap has no room for.
func lookupCount(counts Tree, b uint64) (uint32, error) {
	value, ok, err := counts.Lookup(b)
	if err != nil {
		return 0, err
	}
	if !ok {
		return 0, Damaged(counts.root, "space map without the count of block %d", b)
	}
	return binary.LittleEndian.Uint32(value), nil
}
