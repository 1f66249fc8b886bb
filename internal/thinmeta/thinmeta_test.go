package thinmeta_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/pdata"
	"github.com/lvm-go/lvm/internal/pdata/pdatatest"
	"github.com/lvm-go/lvm/internal/thinmeta"
	"github.com/lvm-go/lvm/units"
)

// kindSuperblock is the constant of a superblock's checksum.
const kindSuperblock pdata.Kind = 160774

func TestImages(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"small", "many", "blank"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := load(t, name)
			checkDump(t, p, string(pdatatest.Load(t, "testdata/"+name+".xml.gz").Data))
			problems, err := p.Check(t.Context())
			require.NoError(t, err)
			require.Empty(t, problems)
			assert.False(t, p.NeedsCheck())
			_, err = p.Device(3)
			require.ErrorIs(t, err, thinmeta.ErrNoDevice)
		})
	}
}

func TestHeld(t *testing.T) {
	t.Parallel()
	p := load(t, "small")
	h, err := p.Held()
	require.NoError(t, err)
	assert.NotZero(t, p.HeldRoot())
	assert.Equal(t, []uint64{42, 41}, []uint64{p.TransactionID(), h.TransactionID()})
	_, err = h.Held()
	require.ErrorIs(t, err, thinmeta.ErrNotHeld)
	_, err = h.Check(t.Context())
	require.ErrorIs(t, err, thinmeta.ErrHeld)
	now, err := p.Device(0)
	require.NoError(t, err)
	then, err := h.Device(0)
	require.NoError(t, err)
	assert.Equal(t, []thinmeta.Block{23, 20}, []thinmeta.Block{now.Mapped, then.Mapped})
	_, ok, err := then.Lookup(30)
	require.NoError(t, err)
	assert.False(t, ok)
	for _, err = range thinmeta.Compare(now, then) {
	}
	require.ErrorIs(t, err, thinmeta.ErrOtherPool)
	_, err = load(t, "many").Held()
	require.ErrorIs(t, err, thinmeta.ErrNotHeld)
}

func TestShared(t *testing.T) {
	t.Parallel()
	d, err := load(t, "small").Device(0)
	require.NoError(t, err)
	for virtual, shared := range map[thinmeta.Block]bool{0: true, 7: true, 8: false, 12: false, 13: true, 19: true, 30: false, 32: false} {
		m, ok, err := d.Lookup(virtual)
		require.NoError(t, err)
		require.True(t, ok)
		assert.Equal(t, shared, m.Shared, virtual)
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	put32 := func(at int, v uint32) func(*pdatatest.Image) {
		return func(m *pdatatest.Image) {
			binary.LittleEndian.PutUint32(m.Block(0)[at:], v)
			m.Seal(0, kindSuperblock)
		}
	}
	put64 := func(at int, v uint64) func(*pdatatest.Image) {
		return func(m *pdatatest.Image) {
			binary.LittleEndian.PutUint64(m.Block(0)[at:], v)
			m.Seal(0, kindSuperblock)
		}
	}
	for _, c := range []struct {
		name   string
		change func(m *pdatatest.Image)
		want   error
	}{
		{"zeroes", func(m *pdatatest.Image) { clear(m.Block(0)) }, thinmeta.ErrBlank},
		{"checksum", func(m *pdatatest.Image) { m.Block(0)[100]++ }, thinmeta.ErrDamaged},
		{"number", func(m *pdatatest.Image) {
			m.Block(0)[8] = 1
			binary.LittleEndian.PutUint32(m.Block(0), pdata.Checksum(m.Block(0), kindSuperblock))
		}, thinmeta.ErrDamaged},
		{"a cache", put64(32, 0o6142003), thinmeta.ErrDamaged},
		{"version 0", put32(40, 0), thinmeta.ErrVersion},
		{"version 3", put32(40, 3), thinmeta.ErrVersion},
		{"features", put32(360, 1), thinmeta.ErrVersion},
		{"no block size", put32(336, 0), thinmeta.ErrDamaged},
		{"odd block size", put32(336, 200), thinmeta.ErrDamaged},
		{"huge block size", put32(336, 1<<31), thinmeta.ErrDamaged},
		{"metadata blocks of another size", put32(340, 16), thinmeta.ErrDamaged},
		{"many data blocks", put64(64, math.MaxUint64), thinmeta.ErrDamaged},
		{"data blocks that overflow", put64(64, math.MaxInt64/65536+1), thinmeta.ErrDamaged},
		{"many metadata blocks", put64(192, math.MaxUint64), thinmeta.ErrDamaged},
		{"short device", func(m *pdatatest.Image) { m.Data = m.Data[:len(m.Data)-4096] }, thinmeta.ErrDamaged},
		{"no device", func(m *pdatatest.Image) { m.Data = nil }, io.ErrUnexpectedEOF},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := image(t, "small")
			c.change(m)
			p, err := thinmeta.Open(m, m.Size())
			require.ErrorIs(t, err, c.want)
			assert.Nil(t, p)
		})
	}
	// Version 1 is read alike, and a device that has grown.
	m := image(t, "small")
	put32(40, 1)(m)
	m.Data = append(m.Data, make([]byte, 1<<20)...)
	_, err := thinmeta.Open(m, m.Size())
	require.NoError(t, err)
}

// find returns where a structure of the superblock of an image is.
func find(m *pdatatest.Image, at int) pdata.Block {
	return pdata.Block(binary.LittleEndian.Uint64(m.Block(0)[at:]))
}

const (
	atDataUsed     = 72
	atDataIndex    = 80
	atMetadataUsed = 200
	atMetadata     = 208
	atMapping      = 320
	atDetails      = 328
)

func TestCheck(t *testing.T) {
	t.Parallel()
	// nodeValue changes a value of a node.
	nodeValue := func(m *pdatatest.Image, b pdata.Block, size, i, at int, add uint64) {
		v := m.Block(b)[32+8*pdatatest.Room(size)+size*i+at:]
		binary.LittleEndian.PutUint64(v, binary.LittleEndian.Uint64(v)+add)
		m.Seal(b, pdata.KindNode)
	}
	value := func(m *pdatatest.Image, b pdata.Block, i int) pdata.Block {
		return pdata.Block(binary.LittleEndian.Uint64(m.Block(b)[32+8*252+8*i:]))
	}
	for _, c := range []struct {
		name     string
		image    string
		change   func(m *pdatatest.Image)
		harmless bool
		want     string
	}{
		{"needs check", "small", func(m *pdatatest.Image) { m.Mutate(kindSuperblock, 4, []byte{1}) }, false, "to be checked"},
		{"torn leaf", "many", func(m *pdatatest.Image) {
			m.Block(value(m, value(m, find(m, atMapping), 0), 2))[3000]++
		}, false, "checksum"},
		{"data block twice", "small", func(m *pdatatest.Image) { nodeValue(m, value(m, find(m, atMapping), 0), 8, 0, 0, 1<<24) }, false, "data block 1 is pointed to 4 times, but counted 3 times"},
		{"data block behind the end", "small", func(m *pdatatest.Image) { nodeValue(m, value(m, find(m, atMapping), 0), 8, 0, 0, 1<<50) }, false, "block 0 is mapped to data block"},
		{"mapped blocks", "small", func(m *pdatatest.Image) { nodeValue(m, find(m, atDetails), 24, 0, 0, 1) }, false, "thin device 0 has 23 blocks, but is said to have 24"},
		{"leaked data block", "small", func(m *pdatatest.Image) {
			bitmap := binary.LittleEndian.Uint64(m.Block(find(m, atDataIndex))[32+8*168:])
			m.Mutate(kindSuperblock, int(bitmap)*4096+16+100, []byte{2})
			m.Mutate(kindSuperblock, atDataUsed, []byte{29})
		}, true, "data block 400 is pointed to 0 times, but counted 1 times"},
		{"data block that is free", "small", func(m *pdatatest.Image) {
			bitmap := binary.LittleEndian.Uint64(m.Block(find(m, atDataIndex))[32+8*168:])
			m.Mutate(kindSuperblock, int(bitmap)*4096+16, []byte{0xa8})
			m.Mutate(kindSuperblock, atDataUsed, []byte{27})
		}, false, "data block 0 is pointed to 3 times, but counted 0 times"},
		{"leaked metadata block", "small", func(m *pdatatest.Image) {
			bitmap := binary.LittleEndian.Uint64(m.Block(find(m, atMetadata))[16:])
			m.Mutate(kindSuperblock, int(bitmap)*4096+16+100, []byte{2})
			m.Mutate(kindSuperblock, atMetadataUsed, []byte{m.Block(0)[atMetadataUsed] + 1})
		}, true, "metadata block 400 is pointed to 0 times, but counted 1 times"},
		{"data blocks in use", "small", func(m *pdatatest.Image) { m.Mutate(kindSuperblock, atDataUsed, []byte{29}) }, true, "28 blocks of data are in use, but the superblock says 29"},
		{"metadata blocks in use", "small", func(m *pdatatest.Image) { m.Mutate(kindSuperblock, atMetadataUsed, []byte{3}) }, true, "but the superblock says 3"},
		{"details of no device", "small", func(m *pdatatest.Image) {
			m.Mutate(kindSuperblock, int(find(m, atDetails))*4096+32+16, []byte{9})
		}, false, "no mapping of thin device 9"},
		{"no details", "small", func(m *pdatatest.Image) { m.Mutate(kindSuperblock, int(find(m, atDetails))*4096+16, []byte{2}) }, false, "mappings of 3 thin devices, but details of 2"},
		{"held elsewhere", "small", func(m *pdatatest.Image) { m.Mutate(kindSuperblock, 56, []byte{3}) }, false, "block 3"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := image(t, c.image)
			c.change(m)
			p, err := thinmeta.Open(m, m.Size())
			require.NoError(t, err)
			problems, err := p.Check(t.Context())
			require.NoError(t, err)
			var all []string
			for _, problem := range problems {
				all = append(all, problem.String())
				if strings.Contains(problem.String(), c.want) {
					assert.Equal(t, c.harmless, problem.Harmless)
				}
			}
			assert.Contains(t, strings.Join(all, "\n"), c.want)
		})
	}
	t.Run("given up", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := load(t, "small").Check(ctx)
		require.ErrorIs(t, err, context.Canceled)
	})
	t.Run("unreadable", func(t *testing.T) {
		t.Parallel()
		m := image(t, "many")
		p, err := thinmeta.Open(m, m.Size())
		require.NoError(t, err)
		m.Data = m.Data[:100*4096]
		_, err = p.Check(t.Context())
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	})
	t.Run("too many", func(t *testing.T) {
		t.Parallel()
		m := image(t, "small")
		bitmap := binary.LittleEndian.Uint64(m.Block(find(m, atDataIndex))[32+8*168:])
		m.Mutate(kindSuperblock, int(bitmap)*4096+16+100, bytes.Repeat([]byte{0xaa}, 200))
		p, err := thinmeta.Open(m, m.Size())
		require.NoError(t, err)
		problems, err := p.Check(t.Context())
		require.NoError(t, err)
		assert.Len(t, problems, 100)
	})
}

// numbered is a data device in which each block holds its number.
type numbered struct{ block int64 }

func (n numbered) ReadAt(p []byte, off int64) (int, error) {
	for i := range p {
		at := off + int64(i)
		p[i] = byte(at/n.block) ^ byte(at%n.block>>9) | 1
	}
	return len(p), nil
}

// slow returns what a device holds, block for block.
func slow(t require.TestingT, d *thinmeta.Device, size, block int64, origin []byte) []byte {
	b := make([]byte, size)
	copy(b, origin)
	for virtual := range (size + block - 1) / block {
		m, ok, err := d.Lookup(thinmeta.Block(virtual))
		require.NoError(t, err)
		if ok {
			_, _ = numbered{block}.ReadAt(b[virtual*block:min((virtual+1)*block, size)], int64(m.Data)*block)
		}
	}
	return b
}

func TestVolume(t *testing.T) {
	t.Parallel()
	p := load(t, "many")
	for _, c := range []struct {
		id     uint32
		size   int64
		origin int
	}{{10, 3 << 20, -1}, {14, 90<<16 + 1000, -1}, {17, 60<<16 + 512, -1}, {17, 20<<20 + 512, 7<<20 + 100}, {13, 1 << 20, 0}, {16, 2 << 20, 30 << 20}} {
		d, err := p.Device(c.id)
		require.NoError(t, err)
		var origin *thinmeta.Origin
		var behind []byte
		if c.origin >= 0 {
			behind = pdatatest.Stamp(1, c.origin)
			origin = &thinmeta.Origin{ReaderAt: bytes.NewReader(behind), Size: units.Bytes(len(behind))}
		}
		want := slow(t, d, c.size, 65536, behind)
		v, err := thinmeta.NewVolume(d, units.Bytes(c.size), numbered{65536}, origin)
		require.NoError(t, err)
		require.Equal(t, units.Bytes(c.size), v.Size())
		pdatatest.Same(t, want, pdatatest.Contents(t, v), "device %d", c.id)
		r := rand.New(rand.NewPCG(1, 2))
		for range 200 {
			off := r.Int64N(c.size)
			b := bytes.Repeat([]byte{77}, r.IntN(200000))
			n, err := v.ReadAt(b, off)
			if off+int64(len(b)) > c.size {
				require.Equal(t, io.EOF, err)
				require.Equal(t, c.size-off, int64(n))
			} else {
				require.NoError(t, err)
				require.Len(t, b, n)
			}
			pdatatest.Same(t, want[off:off+int64(n)], b[:n], "at byte %d", off)
		}
		for _, off := range []int64{c.size, c.size + 1, math.MaxInt64} {
			n, err := v.ReadAt(make([]byte, 10), off)
			require.Equal(t, io.EOF, err)
			require.Zero(t, n)
		}
		_, err = v.ReadAt(make([]byte, 10), -1)
		require.ErrorIs(t, err, thinmeta.ErrOutOfRange)
		n, err := v.ReadAt(nil, 0)
		require.NoError(t, err)
		require.Zero(t, n)
	}
}

func TestVolumeRefuses(t *testing.T) {
	t.Parallel()
	d, err := load(t, "small").Device(0)
	require.NoError(t, err)
	_, err = thinmeta.NewVolume(d, math.MaxInt64+1, nil, nil)
	require.ErrorIs(t, err, thinmeta.ErrOutOfRange)
	_, err = thinmeta.NewVolume(d, 1, nil, &thinmeta.Origin{Size: math.MaxUint64})
	require.ErrorIs(t, err, thinmeta.ErrOutOfRange)
	// The largest volume, and data that ends early.
	v, err := thinmeta.NewVolume(d, math.MaxInt64, bytes.NewReader(make([]byte, 100000)), nil)
	require.NoError(t, err)
	b := bytes.Repeat([]byte{1}, 10)
	n, err := v.ReadAt(b, math.MaxInt64-5)
	require.Equal(t, io.EOF, err)
	require.Equal(t, 5, n)
	require.Equal(t, make([]byte, 5), b[:5])
	_, err = v.ReadAt(make([]byte, 200000), 0)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	// What cannot be read is not zeroes.
	m := image(t, "small")
	broken := errors.New("broken")
	p, err := thinmeta.Open(m, m.Size())
	require.NoError(t, err)
	d, err = p.Device(0)
	require.NoError(t, err)
	v, err = thinmeta.NewVolume(d, 1<<20, failing{broken}, nil)
	require.NoError(t, err)
	_, err = v.ReadAt(make([]byte, 10), 0)
	require.ErrorIs(t, err, broken)
	p, err = thinmeta.Open(m, m.Size())
	require.NoError(t, err)
	d, err = p.Device(0)
	require.NoError(t, err)
	m.Data = m.Data[:4096]
	v, err = thinmeta.NewVolume(d, 1<<20, numbered{65536}, nil)
	require.NoError(t, err)
	_, err = v.ReadAt(make([]byte, 10), 0)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
}

type failing struct{ err error }

func (f failing) ReadAt([]byte, int64) (int, error) { return 0, f.err }

// The last block that a device can have ends where the numbers do.
func TestVolumeEnd(t *testing.T) {
	t.Parallel()
	m := image(t, "small")
	const last = math.MaxInt64 / 65536
	mapping := m.Tree(8, []pdatatest.Entry{{Key: 7, Value: pdatatest.U64(uint64(m.Tree(8, []pdatatest.Entry{
		{Key: last - 1, Value: pdatatest.U64(5 << 24)}, {Key: last, Value: pdatatest.U64(6 << 24)}, {Key: math.MaxUint64, Value: pdatatest.U64(7 << 24)},
	})))}})
	m.Mutate(kindSuperblock, atMapping, pdatatest.U64(uint64(mapping)))
	m.Mutate(kindSuperblock, 192, pdatatest.U64(uint64(len(m.Data)/4096)))
	p, err := thinmeta.Open(m, m.Size())
	require.NoError(t, err)
	d, err := p.Device(7)
	require.NoError(t, err)
	require.Len(t, mappings(t, d), 2)
	v, err := thinmeta.NewVolume(d, math.MaxInt64, numbered{65536}, nil)
	require.NoError(t, err)
	b, want := make([]byte, 100000), make([]byte, 100000)
	off := int64(math.MaxInt64 - 100000)
	n, err := v.ReadAt(b, off)
	require.NoError(t, err)
	require.Len(t, b, n)
	_, _ = numbered{65536}.ReadAt(want, off-(last-1)*65536+5*65536)
	pdatatest.Same(t, want, b, "the last bytes")
}

// blocks returns where each block of a device is.
func blocks(t require.TestingT, d *thinmeta.Device) map[thinmeta.Block]thinmeta.Block {
	all := map[thinmeta.Block]thinmeta.Block{}
	for run, err := range d.Mappings(0) {
		require.NoError(t, err)
		for i := range run.Length {
			all[run.Virtual+i] = run.Data + i
		}
	}
	return all
}

func TestCompare(t *testing.T) {
	t.Parallel()
	p := load(t, "many")
	var ds []*thinmeta.Device
	for details, err := range p.Devices() {
		require.NoError(t, err)
		d, err := p.Device(details.ID)
		require.NoError(t, err)
		ds = append(ds, d)
	}
	require.Len(t, ds, 7)
	kinds := map[thinmeta.Kind]int{}
	for _, a := range ds {
		for _, b := range ds {
			x, y := blocks(t, a), blocks(t, b)
			want := map[thinmeta.Block]thinmeta.Kind{}
			for virtual, data := range x {
				if other, ok := y[virtual]; !ok {
					want[virtual] = thinmeta.OnlyA
				} else if other != data {
					want[virtual] = thinmeta.Other
				}
			}
			for virtual := range y {
				if _, ok := x[virtual]; !ok {
					want[virtual] = thinmeta.OnlyB
				}
			}
			got := map[thinmeta.Block]thinmeta.Kind{}
			var last thinmeta.Difference
			for d, err := range thinmeta.Compare(a, b) {
				require.NoError(t, err)
				require.Positive(t, d.Length)
				require.False(t, last.Kind == d.Kind && last.Virtual+last.Length >= d.Virtual)
				for i := range d.Length {
					got[d.Virtual+i] = d.Kind
				}
				kinds[d.Kind]++
				last = d
			}
			require.True(t, maps.Equal(want, got), "%d and %d", a.ID, b.ID)
		}
	}
	assert.Len(t, kinds, 3)
	for range thinmeta.Compare(ds[0], ds[5]) {
		break
	}
	assert.Equal(t, []string{"only a", "only b", "other", "kind 0"}, []string{thinmeta.OnlyA.String(), thinmeta.OnlyB.String(), thinmeta.Other.String(), thinmeta.Kind(0).String()})
}

func TestMappingsFrom(t *testing.T) {
	t.Parallel()
	d, err := load(t, "many").Device(14)
	require.NoError(t, err)
	all := blocks(t, d)
	keys := slices.Sorted(maps.Keys(all))
	for _, from := range []thinmeta.Block{0, 1, keys[0], keys[5] + 1, 1000, keys[len(keys)-1], keys[len(keys)-1] + 1, math.MaxUint64} {
		got := []thinmeta.Block{}
		for run, err := range d.Mappings(from) {
			require.NoError(t, err)
			for i := range run.Length {
				require.Equal(t, all[run.Virtual+i], run.Data+i)
				got = append(got, run.Virtual+i)
			}
		}
		i, _ := slices.BinarySearch(keys, from)
		require.Equal(t, keys[i:], got, fmt.Sprint(from))
	}
}
