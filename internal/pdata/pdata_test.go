package pdata_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/pdata"
	"github.com/lvm-go/lvm/internal/pdata/pdatatest"
)

func entries(keys ...uint64) []pdatatest.Entry {
	var list []pdatatest.Entry
	for _, k := range keys {
		list = append(list, pdatatest.Entry{Key: k, Value: pdatatest.U64(k * 10)})
	}
	return list
}

// every returns n keys, step apart.
func every(step, n uint64) []uint64 {
	var keys []uint64
	for i := range n {
		keys = append(keys, 5+i*step)
	}
	return keys
}

func all(t *testing.T, tree pdata.Tree, from uint64) []uint64 {
	t.Helper()
	var keys []uint64
	for e, err := range tree.From(from) {
		if err != nil || binary.LittleEndian.Uint64(e.Value) != e.Key*10 {
			require.Fail(t, "wrong entry", "%v, %v", e, err)
		}
		keys = append(keys, e.Key)
	}
	return keys
}

func TestTree(t *testing.T) {
	t.Parallel()
	for _, n := range []uint64{0, 1, 252, 253, 252 * 252, 252*252 + 1} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			m := pdatatest.New()
			keys := every(3, n)
			root := m.Tree(8, entries(keys...))
			tree := m.Device().Tree(root, 8)
			require.Equal(t, keys, all(t, tree, 0))
			for _, from := range []uint64{0, 4, 5, 6, 7, 8, 9, 761, 5 + 3*n/2, 5 + 3*n - 3, 5 + 3*n, 1 << 63} {
				i, found := slices.BinarySearch(keys, from)
				want := keys[i:]
				if len(want) == 0 {
					want = nil
				}
				require.Equal(t, want, all(t, tree, from), from)
				value, ok, err := tree.Lookup(from)
				require.NoError(t, err)
				require.Equal(t, found, ok, from)
				if ok {
					require.Equal(t, pdatatest.U64(from*10), value)
				}
			}
			for range tree.From(0) {
				break
			}
		})
	}
}

// A tree that cannot be one is refused, by whatever reads it, and none takes
// long.
func TestDamagedTree(t *testing.T) {
	t.Parallel()
	put := func(at int, v uint32) func(m *pdatatest.Image, b pdata.Block) {
		return func(m *pdatatest.Image, b pdata.Block) {
			binary.LittleEndian.PutUint32(m.Block(b)[at:], v)
			m.Seal(b, pdata.KindNode)
		}
	}
	pointers := func(keys []uint64, blocks ...pdata.Block) []pdatatest.Entry {
		var list []pdatatest.Entry
		for i, b := range blocks {
			list = append(list, pdatatest.Entry{Key: keys[i], Value: pdatatest.U64(uint64(b))})
		}
		return list
	}
	whole := func(change func(m *pdatatest.Image, b pdata.Block)) func(m *pdatatest.Image) pdata.Block {
		return func(m *pdatatest.Image) pdata.Block {
			b := m.Node(true, 8, entries(1, 2, 3))
			change(m, b)
			return b
		}
	}
	for _, c := range []struct {
		name string
		make func(m *pdatatest.Image) pdata.Block
	}{
		{"behind the end", func(*pdatatest.Image) pdata.Block { return 1 << 40 }},
		{"checksum", whole(func(m *pdatatest.Image, b pdata.Block) { m.Block(b)[4000]++ })},
		{"another kind", whole(func(m *pdatatest.Image, b pdata.Block) { m.Seal(b, pdata.KindBitmap) })},
		{"another number", whole(func(m *pdatatest.Image, b pdata.Block) {
			other := m.Alloc()
			binary.LittleEndian.PutUint64(m.Block(b)[8:], uint64(other))
			binary.LittleEndian.PutUint32(m.Block(b), pdata.Checksum(m.Block(b), pdata.KindNode))
		})},
		{"no flags", whole(put(4, 0))},
		{"both flags", whole(put(4, 3))},
		{"internal with wrong values", func(m *pdatatest.Image) pdata.Block { return m.Node(false, 16, entries(1)) }},
		{"empty internal", func(m *pdatatest.Image) pdata.Block { return m.Node(false, 8, nil) }},
		{"more entries than room", whole(put(16, 253))},
		{"many entries", whole(put(16, 1<<31))},
		{"more room than a block", whole(put(20, 255))},
		{"much room", whole(put(20, 1<<32-1))},
		{"huge values", whole(put(24, 1<<32-1))},
		{"no values", whole(put(24, 0))},
		{"other values", func(m *pdatatest.Image) pdata.Block { return m.Node(true, 24, entries(1)) }},
		{"keys out of order", func(m *pdatatest.Image) pdata.Block { return m.Node(true, 8, entries(1, 3, 2)) }},
		{"key twice", func(m *pdatatest.Image) pdata.Block { return m.Node(true, 8, entries(1, 3, 3)) }},
		{"empty leaf below", func(m *pdatatest.Image) pdata.Block {
			return m.Node(false, 8, pointers([]uint64{1}, m.Node(true, 8, nil)))
		}},
		{"child before its key", func(m *pdatatest.Image) pdata.Block {
			return m.Node(false, 8, pointers([]uint64{5}, m.Node(true, 8, entries(4))))
		}},
		{"child behind the next", func(m *pdatatest.Image) pdata.Block {
			a, b := m.Node(true, 8, entries(4, 9)), m.Node(true, 8, entries(9))
			return m.Node(false, 8, pointers([]uint64{4, 9}, a, b))
		}},
		{"grandchild behind the next", func(m *pdatatest.Image) pdata.Block {
			a, b := m.Node(true, 8, entries(4, 9)), m.Node(true, 8, entries(9))
			return m.Node(false, 8, pointers([]uint64{4, 9}, m.Node(false, 8, pointers([]uint64{4}, a)), b))
		}},
		{"child twice", func(m *pdatatest.Image) pdata.Block {
			a := m.Node(true, 8, entries(4))
			return m.Node(false, 8, pointers([]uint64{4, 9}, a, a))
		}},
		{"cycle", func(m *pdatatest.Image) pdata.Block {
			a := m.Alloc()
			m.PutNode(a, false, 8, pointers([]uint64{4}, a))
			return a
		}},
		{"cycle of two", func(m *pdatatest.Image) pdata.Block {
			a, b, leaf := m.Alloc(), m.Alloc(), m.Node(true, 8, entries(900))
			m.PutNode(a, false, 8, pointers([]uint64{4, 900}, b, leaf))
			m.PutNode(b, false, 8, pointers([]uint64{4, 900}, a, leaf))
			return a
		}},
		{"too deep", func(m *pdatatest.Image) pdata.Block {
			b := m.Node(true, 8, entries(4))
			for range 20 {
				b = m.Node(false, 8, pointers([]uint64{4}, b))
			}
			return b
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := pdatatest.New()
			other := m.Tree(8, entries(every(1, 300)...))
			root := c.make(m)
			d := m.Device()
			tree := d.Tree(root, 8)
			check := func(err error) {
				t.Helper()
				require.ErrorIs(t, err, pdata.ErrDamaged)
				var damaged *pdata.DamagedError
				require.ErrorAs(t, err, &damaged)
			}
			last := func(seq func(func(pdata.Entry, error) bool)) (last error) {
				n := 0
				for _, err := range seq {
					require.NoError(t, last)
					last = err
					n++
				}
				require.Less(t, n, 1000)
				return last
			}
			check(last(tree.From(0)))
			for _, pair := range [][2]pdata.Tree{{tree, d.Tree(other, 8)}, {d.Tree(other, 8), tree}} {
				var err error
				for _, err = range pdata.Diff(pair[0], pair[1]) {
				}
				check(err)
			}
			// A census does not look again at what it has met before.
			if err := pdata.NewCensus(t.Context(), d).Tree(tree, nil); c.name != "child twice" {
				check(err)
			}
			assert.Less(t, m.Reads, 200)
		})
	}
}

// Leaves of one tree are at one depth; a difference is not looked for in
// another.
func TestDiffUnbalanced(t *testing.T) {
	t.Parallel()
	m := pdatatest.New()
	a, b := m.Node(true, 8, entries(4)), m.Node(true, 8, entries(9))
	b = m.Node(false, 8, []pdatatest.Entry{{Key: 9, Value: pdatatest.U64(uint64(b))}})
	root := m.Node(false, 8, []pdatatest.Entry{{Key: 4, Value: pdatatest.U64(uint64(a))}, {Key: 9, Value: pdatatest.U64(uint64(b))}})
	var err error
	for _, err = range pdata.Diff(m.Device().Tree(root, 8), m.Device().Tree(m.Tree(8, nil), 8)) {
	}
	require.ErrorIs(t, err, pdata.ErrDamaged)
}

func TestDiff(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 1))
	sizes := []int{0, 1, 100, 251, 252, 253, 1000, 70000}
	for _, x := range sizes {
		for _, y := range sizes {
			m := pdatatest.New()
			want := [2]map[uint64]uint64{{}, {}}
			var roots [2]pdata.Block
			for side, n := range []int{x, y} {
				var list []pdatatest.Entry
				key := uint64(0)
				for range n {
					key += 1 + uint64(r.IntN(3))
					v := uint64(r.IntN(2))
					want[side][key] = v
					list = append(list, pdatatest.Entry{Key: key, Value: pdatatest.U64(v)})
				}
				roots[side] = m.Tree(8, list)
			}
			checkDiff(t, m, roots, want)
		}
	}
}

func checkDiff(t *testing.T, m *pdatatest.Image, roots [2]pdata.Block, want [2]map[uint64]uint64) (pairs int) {
	t.Helper()
	d := m.Device()
	next := uint64(0)
	got := [2]map[uint64]uint64{maps.Clone(want[0]), maps.Clone(want[1])}
	for p, err := range pdata.Diff(d.Tree(roots[0], 8), d.Tree(roots[1], 8)) {
		if err != nil || p.Key < next || bytes.Equal(p.A, p.B) {
			require.Fail(t, "wrong difference", "%v, %v", p, err)
		}
		next = p.Key + 1
		pairs++
		for side, value := range [][]byte{p.A, p.B} {
			v, ok := want[side][p.Key]
			if ok != (value != nil) || ok && binary.LittleEndian.Uint64(value) != v {
				require.Fail(t, "wrong value", "%v", p)
			}
			delete(got[side], p.Key)
		}
	}
	require.True(t, maps.Equal(got[0], got[1]))
	return pairs
}

// The cost of a difference does not follow the size of the trees.
func TestDiffOfShared(t *testing.T) {
	t.Parallel()
	m := pdatatest.New()
	keys := every(1, 200000)
	want := [2]map[uint64]uint64{{}, {}}
	for _, k := range keys {
		want[0][k], want[1][k] = k*10, k*10
	}
	root := m.Tree(8, entries(keys...))
	changed := root
	r := rand.New(rand.NewPCG(1, 1))
	for range 20 {
		k := keys[r.IntN(len(keys))]
		changed = m.Change(changed, k, pdatatest.U64(7))
		want[1][k] = 7
	}
	assert.Equal(t, 20, checkDiff(t, m, [2]pdata.Block{root, changed}, want))
	assert.Less(t, m.Reads, 20*2*3)
	m.Reads = 0
	assert.Zero(t, checkDiff(t, m, [2]pdata.Block{changed, changed}, [2]map[uint64]uint64{want[1], want[1]}))
	assert.Less(t, m.Reads, 4)
}

// Nodes are read once as long as not too many are in use.
func TestNodesAreKept(t *testing.T) {
	t.Parallel()
	m := pdatatest.New()
	keys := every(1, 250000) // 993 leaves
	root := m.Tree(8, entries(keys...))
	d := m.Device()
	for range 100 {
		_, _, err := d.Tree(root, 8).Lookup(500)
		require.NoError(t, err)
	}
	assert.Equal(t, 3, m.Reads)
	all(t, d.Tree(root, 8), 0)
	all(t, d.Tree(root, 8), 0)
	assert.Less(t, m.Reads, 2100)
}

func TestArray(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 509, 510, 509 * 253} {
		m := pdatatest.New()
		var values [][]byte
		for i := range n {
			values = append(values, pdatatest.U64(uint64(i*3)))
		}
		root := m.Array(8, values)
		for _, count := range []int{n, n / 2} {
			i := 0
			for e, err := range m.Device().Array(root, 8, uint64(count)) {
				if err != nil || e.Key != uint64(i) || !bytes.Equal(values[i], e.Value) {
					require.Fail(t, "wrong value", "%v, %v", e, err)
				}
				i++
			}
			require.Equal(t, count, i)
		}
		var err error
		for _, err = range m.Device().Array(root, 8, uint64(n)+1) {
		}
		require.ErrorIs(t, err, pdata.ErrDamaged)
		for _, err = range m.Device().Array(root, 8, 1<<64-1) {
		}
		require.ErrorIs(t, err, pdata.ErrDamaged)
		if n > 0 {
			for _, err = range m.Device().Array(root, 4, 1) {
			}
			require.ErrorIs(t, err, pdata.ErrDamaged)
		}
	}
	m := pdatatest.New()
	values := make([][]byte, 509)
	full := pdatatest.U64(uint64(m.Array(8, values)) - 1)
	for _, list := range [][]pdatatest.Entry{
		{{Key: 1, Value: full}},
		{{Key: 0, Value: full}, {Key: 1, Value: full}},
		{{Key: 0, Value: full}, {Key: 2, Value: full}},
		{{Key: 0, Value: pdatatest.U64(1 << 60)}},
	} {
		var err error
		for _, err = range m.Device().Array(m.Tree(8, list), 8, 600) {
		}
		require.ErrorIs(t, err, pdata.ErrDamaged)
	}
}

func TestBits(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 1))
	for _, n := range []int{0, 1, 63, 64, 65, 40000} {
		want := make([]bool, n)
		words := make([][]byte, (n+63)/64)
		for i := range words {
			words[i] = make([]byte, 8)
		}
		for i := range want {
			if want[i] = r.IntN(2) == 1; want[i] {
				words[i/64][i%64/8] |= 1 << (i % 8)
			}
		}
		m := pdatatest.New()
		root := m.Array(8, words)
		got := make([]bool, 0, n)
		for bit, err := range m.Device().Bits(root, uint64(n)) {
			if err != nil {
				require.NoError(t, err)
			}
			got = append(got, bit)
		}
		require.Equal(t, want, got)
		for range m.Device().Bits(root, uint64(n)) {
			break
		}
		var err error
		for _, err = range m.Device().Bits(root, uint64(n)+64) {
		}
		require.ErrorIs(t, err, pdata.ErrDamaged)
	}
}

func TestCounts(t *testing.T) {
	t.Parallel()
	const blocks = 50000
	c := pdata.NewCounts(blocks)
	want := map[uint64]uint32{}
	r := rand.New(rand.NewPCG(1, 1))
	for range 100000 {
		b := uint64(r.IntN(blocks))
		if b > 20000 && b < 40000 {
			continue
		}
		b = b / 7 * 7
		first := c.Add(b)
		require.Equal(t, want[b] == 0, first)
		want[b]++
	}
	for b := range uint64(blocks) {
		require.Equal(t, want[b], c.Of(b))
	}
}

func TestReadError(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	d := pdata.NewDevice(readerFunc(func([]byte, int64) (int, error) { return 0, broken }), 8192)
	_, _, err := d.Tree(1, 8).Lookup(0)
	require.ErrorIs(t, err, broken)
	d = pdata.NewDevice(bytes.NewReader(make([]byte, 5000)), 8192)
	_, _, err = d.Tree(1, 8).Lookup(0)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.NotErrorIs(t, err, pdata.ErrDamaged)
}

type readerFunc func([]byte, int64) (int, error)

func (f readerFunc) ReadAt(p []byte, off int64) (int, error) { return f(p, off) }

func TestCensusEnds(t *testing.T) {
	t.Parallel()
	m := pdatatest.New()
	root := m.Tree(8, entries(every(1, 1000)...))
	ctx, cancel := context.WithCancel(t.Context())
	c := pdata.NewCensus(ctx, m.Device())
	n := 0
	err := c.Tree(m.Device().Tree(root, 8), func(pdata.Entry) error {
		if n++; n == 300 {
			cancel()
		}
		return nil
	})
	require.ErrorIs(t, err, context.Canceled)
	assert.Less(t, n, 600)
}

func BenchmarkLookup(b *testing.B) {
	m := pdatatest.New()
	root := m.Tree(8, entries(every(1, 100000)...))
	tree := m.Device().Tree(root, 8)
	for b.Loop() {
		if _, ok, err := tree.Lookup(50005); !ok || err != nil {
			b.Fatal(err)
		}
	}
}
