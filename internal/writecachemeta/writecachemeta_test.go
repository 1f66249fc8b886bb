package writecachemeta_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/pdata/pdatatest"
	"github.com/lvm-go/lvm/internal/writecachemeta"
	"github.com/lvm-go/lvm/units"
)

// item is an entry of a cache: a sector of the origin, and a sequence number.
type item struct{ sector, sequence uint64 }

const unused = math.MaxUint64

// build makes a cache device whose sequence number is 10, in which block i holds
// pdatatest.Stamp(i).
func build(block int, items ...item) []byte {
	var b []byte
	for _, v := range []uint32{0x23489321, 1, uint32(block), 0} {
		b = binary.LittleEndian.AppendUint32(b, v)
	}
	b = binary.LittleEndian.AppendUint64(b, uint64(len(items)))
	b = binary.LittleEndian.AppendUint64(b, 10)
	b = append(b, make([]byte, 32)...)
	for _, e := range items {
		b = binary.LittleEndian.AppendUint64(b, e.sector)
		b = binary.LittleEndian.AppendUint64(b, e.sequence)
	}
	b = append(b, make([]byte, (block-len(b)%block)%block)...)
	for i := range items {
		b = append(b, pdatatest.Stamp(100+i, block)...)
	}
	return b
}

func TestVolume(t *testing.T) {
	t.Parallel()
	for _, block := range []int{512, 4096, 65536} {
		at := uint64(block / 512)
		cache := build(block, item{5 * at, 3}, item{unused, unused}, item{5 * at, 4}, item{6 * at, 9}, item{7 * at, 10},
			item{2 * at, 0}, item{2 * at, unused}, item{9 * at, 12}, item{5 * at, 2}, item{1000 * at, 1}, item{0, 7})
		size := 11*block + 700
		origin := pdatatest.Stamp(1, size+5000)
		want := bytes.Clone(origin[:size])
		for place, i := range map[int]int{5: 2, 6: 3, 2: 5, 0: 10} {
			copy(want[place*block:], pdatatest.Stamp(100+i, block))
		}
		c, err := writecachemeta.Open(bytes.NewReader(cache), units.Bytes(len(cache)))
		require.NoError(t, err)
		assert.Equal(t, []uint64{uint64(block), 11, 5}, []uint64{uint64(c.BlockSize()), c.Blocks(), c.Used()})
		var held []units.Bytes
		var writes []byte
		for h := range c.Held() {
			held = append(held, h.Origin/units.Bytes(block))
			writes = append(writes, cache[h.Cache])
		}
		assert.Equal(t, []units.Bytes{0, 2, 5, 6, 1000}, held)
		assert.Equal(t, []byte{110, 105, 102, 103, 109}, writes)
		for range c.Held() {
			break
		}
		v, err := writecachemeta.NewVolume(c, units.Bytes(size), bytes.NewReader(origin))
		require.NoError(t, err)
		pdatatest.Same(t, want, pdatatest.Contents(t, v), "blocks of %d", block)
		r := rand.New(rand.NewPCG(1, 2))
		for range 200 {
			off := r.IntN(size)
			b := make([]byte, r.IntN(3*block))
			n, err := v.ReadAt(b, int64(off))
			if off+len(b) > size {
				require.Equal(t, io.EOF, err)
				require.Equal(t, size-off, n)
			} else {
				require.NoError(t, err)
				require.Len(t, b, n)
			}
			pdatatest.Same(t, want[off:off+n], b[:n], "at byte %d", off)
		}
		for _, off := range []int64{int64(size), math.MaxInt64} {
			_, err = v.ReadAt(make([]byte, 10), off)
			require.Equal(t, io.EOF, err)
		}
		_, err = v.ReadAt(make([]byte, 10), -1)
		require.ErrorIs(t, err, writecachemeta.ErrOutOfRange)
		_, err = writecachemeta.NewVolume(c, math.MaxInt64+1, nil)
		require.ErrorIs(t, err, writecachemeta.ErrOutOfRange)
		broken := errors.New("broken")
		v, err = writecachemeta.NewVolume(c, units.Bytes(size), failing{broken})
		require.NoError(t, err)
		_, err = v.ReadAt(make([]byte, size), 0)
		require.ErrorIs(t, err, broken)
	}
}

type failing struct{ err error }

func (f failing) ReadAt([]byte, int64) (int, error) { return 0, f.err }

// The last block of the largest origin ends where the numbers do.
func TestVolumeEnd(t *testing.T) {
	t.Parallel()
	cache := build(4096, item{math.MaxInt64 / 4096 * 8, 1}, item{0, 1})
	c, err := writecachemeta.Open(bytes.NewReader(cache), units.Bytes(len(cache)))
	require.NoError(t, err)
	v, err := writecachemeta.NewVolume(c, math.MaxInt64, zeroes{})
	require.NoError(t, err)
	b := make([]byte, 5000)
	n, err := v.ReadAt(b, math.MaxInt64-5000)
	require.NoError(t, err)
	require.Len(t, b, n)
	pdatatest.Same(t, append(make([]byte, 5000-4095), pdatatest.Stamp(100, 4096)[:4095]...), b, "the last bytes")
}

type zeroes struct{}

func (zeroes) ReadAt(p []byte, _ int64) (int, error) {
	clear(p)
	return len(p), nil
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	put := func(at int, v uint32) func(b []byte) []byte {
		return func(b []byte) []byte {
			binary.LittleEndian.PutUint32(b[at:], v)
			return b
		}
	}
	for _, c := range []struct {
		name   string
		change func(b []byte) []byte
		want   error
	}{
		{"zeroes", func(b []byte) []byte { return make([]byte, len(b)) }, writecachemeta.ErrBlank},
		{"magic", put(0, 1), writecachemeta.ErrDamaged},
		{"no magic", put(0, 0), writecachemeta.ErrDamaged},
		{"version", put(4, 2), writecachemeta.ErrVersion},
		{"no block size", put(8, 0), writecachemeta.ErrDamaged},
		{"small blocks", put(8, 256), writecachemeta.ErrDamaged},
		{"odd blocks", put(8, 1536), writecachemeta.ErrDamaged},
		{"huge blocks", put(8, 1<<31), writecachemeta.ErrDamaged},
		{"one more block", put(16, 4), writecachemeta.ErrDamaged},
		{"many blocks", put(20, 1<<31), writecachemeta.ErrDamaged},
		{"short", func(b []byte) []byte { return b[:len(b)-1] }, writecachemeta.ErrDamaged},
		{"no table", func(b []byte) []byte { return b[:64] }, writecachemeta.ErrDamaged},
		{"no header", func(b []byte) []byte { return b[:63] }, io.ErrUnexpectedEOF},
		{"nothing", func([]byte) []byte { return nil }, io.ErrUnexpectedEOF},
		{"unaligned", put(64, 9), writecachemeta.ErrDamaged},
		{"behind all numbers", put(68, 1<<31), writecachemeta.ErrDamaged},
		{"twice at one time", put(64, 16), writecachemeta.ErrDamaged},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := c.change(build(4096, item{8, 1}, item{16, 1}, item{24, 2}))
			cache, err := writecachemeta.Open(bytes.NewReader(b), units.Bytes(len(b)))
			require.ErrorIs(t, err, c.want)
			assert.Nil(t, cache)
		})
	}
	_, err := writecachemeta.Open(nil, math.MaxInt64+1)
	require.ErrorIs(t, err, writecachemeta.ErrOutOfRange)
	b := build(4096, item{8, 1})
	_, err = writecachemeta.Open(bytes.NewReader(b[:70]), units.Bytes(len(b)))
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
}

// What the kernel left is read as it was then.
func TestImage(t *testing.T) {
	t.Parallel()
	m := pdatatest.Load(t, "testdata/kept.gz")
	c, err := writecachemeta.Open(m, m.Size())
	require.NoError(t, err)
	assert.Equal(t, units.KiB, c.BlockSize())
	assert.NotZero(t, c.Used())
	for h := range c.Held() {
		// The last write that began in the block, or before it.
		require.Zero(t, h.Origin%units.KiB)
		write := binary.LittleEndian.Uint64(m.Data[h.Cache:])
		require.True(t, write == 1 || write >= 2000 && write < 2150, write)
	}
}

// Whatever a cache device says: it is refused, or can be read.
func FuzzWritecache(f *testing.F) {
	f.Add(build(512, item{5, 3}, item{unused, unused}, item{5, 4}, item{7, 10}), uint32(3000))
	f.Add(build(4096, item{8, 3}, item{16, 3}), uint32(9000))
	f.Fuzz(func(t *testing.T, b []byte, off uint32) {
		c, err := writecachemeta.Open(bytes.NewReader(b), units.Bytes(len(b)))
		if err != nil {
			require.Nil(t, c)
			return
		}
		require.LessOrEqual(t, c.Used(), uint64(len(b)/16))
		v, err := writecachemeta.NewVolume(c, math.MaxInt64, zeroes{})
		require.NoError(t, err)
		for _, at := range []int64{0, int64(off), math.MaxInt64 - int64(off) - 1} {
			if n, err := v.ReadAt(make([]byte, 9000), at); err != io.EOF {
				require.NoError(t, err)
				require.Equal(t, 9000, n)
			}
		}
	})
}
