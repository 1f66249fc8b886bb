package cachemeta_test

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

	"github.com/lvm-go/lvm/internal/cachemeta"
	"github.com/lvm-go/lvm/internal/pdata"
	"github.com/lvm-go/lvm/internal/pdata/pdatatest"
	"github.com/lvm-go/lvm/units"
)

// kindSuperblock is the constant of a superblock's checksum.
const kindSuperblock pdata.Kind = 9031977

// images are the kernel's, each with the same one without shutdown.
var images = []string{"writeback-1", "writeback-2", "writethrough-1", "writethrough-2"}

func image(t testing.TB, name string) *pdatatest.Image {
	return pdatatest.Load(t, "testdata/"+name+".meta.gz")
}

func TestImages(t *testing.T) {
	t.Parallel()
	for _, name := range images {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := open(t, image(t, name))
			checkDump(t, c, pdatatest.Load(t, "testdata/"+name+".xml.gz").Data)
			assert.False(t, c.NeedsCheck())
			assert.Equal(t, "smq", c.Policy())
			dirty := 0
			for _, e := range mappings(t, c) {
				if e.Dirty {
					dirty++
				}
			}
			assert.Equal(t, name[:10] == "writeback-", dirty > 0)
			crashed := open(t, image(t, name+"-crashed"))
			assert.False(t, crashed.Clean())
			list := mappings(t, crashed)
			assert.NotEmpty(t, list)
			for _, e := range list {
				assert.True(t, e.Dirty)
			}
			for range c.Mappings() {
				break
			}
		})
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
	for _, c := range []struct {
		name   string
		change func(m *pdatatest.Image)
		want   error
	}{
		{"zeroes", func(m *pdatatest.Image) { clear(m.Block(0)) }, cachemeta.ErrBlank},
		{"checksum", func(m *pdatatest.Image) { m.Block(0)[100]++ }, cachemeta.ErrDamaged},
		{"a thin pool", put32(32, 27022010), cachemeta.ErrDamaged},
		{"version 0", put32(40, 0), cachemeta.ErrVersion},
		{"version 3", put32(40, 3), cachemeta.ErrVersion},
		{"features", put32(252, 1), cachemeta.ErrVersion},
		{"no block size", put32(232, 0), cachemeta.ErrDamaged},
		{"odd block size", put32(232, 100), cachemeta.ErrDamaged},
		{"huge block size", put32(232, 1<<31), cachemeta.ErrDamaged},
		{"metadata blocks of another size", put32(236, 16), cachemeta.ErrDamaged},
		{"many metadata blocks", put32(68, 1), cachemeta.ErrDamaged},
		{"short device", func(m *pdatatest.Image) { m.Data = m.Data[:len(m.Data)-4096] }, cachemeta.ErrDamaged},
		{"no device", func(m *pdatatest.Image) { m.Data = nil }, io.ErrUnexpectedEOF},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := image(t, "writeback-2")
			c.change(m)
			v, err := cachemeta.Open(m, m.Size())
			require.ErrorIs(t, err, c.want)
			assert.Nil(t, v)
		})
	}
	m := image(t, "writeback-2")
	put32(4, 3)(m)
	assert.True(t, open(t, m).NeedsCheck())
}

// A mapping that cannot be one is refused, by all who read it.
func TestDamaged(t *testing.T) {
	t.Parallel()
	root := func(m *pdatatest.Image, at int) pdata.Block {
		return pdata.Block(binary.LittleEndian.Uint64(m.Block(0)[at:]))
	}
	first := func(m *pdatatest.Image, at int) pdata.Block {
		return pdata.Block(binary.LittleEndian.Uint64(m.Block(root(m, at))[32+8*252:]))
	}
	for _, c := range []struct {
		name   string
		change func(m *pdatatest.Image)
	}{
		{"torn root", func(m *pdatatest.Image) { m.Block(root(m, 192))[100]++ }},
		{"torn mappings", func(m *pdatatest.Image) { m.Block(first(m, 192))[100]++ }},
		{"torn dirty bits", func(m *pdatatest.Image) { m.Block(first(m, 284))[100]++ }},
		{"no dirty bits", func(m *pdatatest.Image) { m.Mutate(kindSuperblock, 284, []byte{255, 255, 255}) }},
		{"fewer mappings", func(m *pdatatest.Image) { m.Mutate(kindSuperblock, int(first(m, 192))*4096+8, []byte{10}) }},
		{"more cache blocks", func(m *pdatatest.Image) { m.Mutate(kindSuperblock, 240, []byte{255, 255, 255, 255}) }},
		{"block twice", func(m *pdatatest.Image) {
			b := m.Block(first(m, 192))
			m.Mutate(kindSuperblock, int(first(m, 192))*4096+24, b[32:40])
			m.Mutate(kindSuperblock, int(first(m, 192))*4096+32, b[24:32])
			m.Mutate(kindSuperblock, int(first(m, 192))*4096+24, []byte{1, 0, 9, 0})
			m.Mutate(kindSuperblock, int(first(m, 192))*4096+32, []byte{1, 0, 9, 0})
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := image(t, "writeback-2")
			c.change(m)
			_, err := cachemeta.NewVolume(open(t, m), units.MiB, nothing{}, nothing{})
			require.ErrorIs(t, err, cachemeta.ErrDamaged)
		})
	}
}

type nothing struct{}

func (nothing) ReadAt(p []byte, _ int64) (int, error) {
	clear(p)
	return len(p), nil
}

type failing struct{ err error }

func (f failing) ReadAt([]byte, int64) (int, error) { return 0, f.err }

func TestVolume(t *testing.T) {
	t.Parallel()
	for _, name := range images {
		c := open(t, image(t, name))
		block, _ := c.BlockSize().Bytes()
		const size = 24<<20 + 1000
		origin, data := pdatatest.Stamp(1, size+1000), pdatatest.Stamp(2, int(c.Blocks())*int(block))
		want := bytes.Clone(origin[:size])
		for _, e := range mappings(t, c) {
			copy(want[e.Origin*uint64(block):], data[e.Cache*uint64(block):][:block])
		}
		v, err := cachemeta.NewVolume(c, size, bytes.NewReader(origin), bytes.NewReader(data))
		require.NoError(t, err)
		require.Equal(t, units.Bytes(size), v.Size())
		pdatatest.Same(t, want, pdatatest.Contents(t, v), name)
		r := rand.New(rand.NewPCG(1, 2))
		for range 200 {
			off := r.Int64N(size)
			b := make([]byte, r.IntN(200000))
			n, err := v.ReadAt(b, off)
			if off+int64(len(b)) > size {
				require.Equal(t, io.EOF, err)
				require.Equal(t, size-off, int64(n))
			} else {
				require.NoError(t, err)
				require.Len(t, b, n)
			}
			pdatatest.Same(t, want[off:off+int64(n)], b[:n], "at byte %d", off)
		}
		for _, off := range []int64{size, math.MaxInt64} {
			n, err := v.ReadAt(make([]byte, 10), off)
			require.Equal(t, io.EOF, err)
			require.Zero(t, n)
		}
		_, err = v.ReadAt(make([]byte, 10), -1)
		require.ErrorIs(t, err, cachemeta.ErrOutOfRange)
		alone, err := cachemeta.NewVolume(c, size, bytes.NewReader(origin), nil)
		if v.Dirty() > 0 {
			require.ErrorIs(t, err, cachemeta.ErrDirty)
		} else {
			require.NoError(t, err)
			pdatatest.Same(t, origin[:size], pdatatest.Contents(t, alone), name)
		}
		_, err = cachemeta.NewVolume(open(t, image(t, name+"-crashed")), size, nothing{}, nil)
		require.ErrorIs(t, err, cachemeta.ErrDirty)
		_, err = cachemeta.NewVolume(c, math.MaxInt64+1, nothing{}, nothing{})
		require.ErrorIs(t, err, cachemeta.ErrOutOfRange)
		broken := errors.New("broken")
		for _, side := range [][2]io.ReaderAt{{failing{broken}, nothing{}}, {nothing{}, failing{broken}}} {
			v, err := cachemeta.NewVolume(c, size, side[0], side[1])
			require.NoError(t, err)
			_, err = v.ReadAt(make([]byte, size), 0)
			require.ErrorIs(t, err, broken)
		}
	}
}

// The last block of the largest origin ends where the numbers do.
func TestVolumeEnd(t *testing.T) {
	t.Parallel()
	m := image(t, "writeback-2")
	root := binary.LittleEndian.Uint64(m.Block(0)[192:])
	first := binary.LittleEndian.Uint64(m.Block(pdata.Block(root))[32+8*252:])
	const last = math.MaxInt64 / 65536
	m.Mutate(kindSuperblock, int(first)*4096+24, pdatatest.U64(last<<16|1))
	v, err := cachemeta.NewVolume(open(t, m), math.MaxInt64, nothing{}, bytes.NewReader(pdatatest.Stamp(1, 12<<20)))
	require.NoError(t, err)
	b := make([]byte, 100000)
	n, err := v.ReadAt(b, math.MaxInt64-100000)
	require.NoError(t, err)
	require.Len(t, b, n)
	pdatatest.Same(t, append(make([]byte, 100000-65535), pdatatest.Stamp(1, 65536)[:65535]...), b, "the last bytes")
}

// Whatever metadata says, with checksums that are right: it is refused, or read
// with no more effort than there are blocks.
func FuzzCacheMetadata(f *testing.F) {
	var list []*pdatatest.Image
	for _, name := range images {
		list = append(list, image(f, name), image(f, name+"-crashed"))
	}
	for i, m := range list {
		for _, at := range []int{192, 284, 240, 4} {
			f.Add(uint8(i), uint16(0), uint16(at), []byte{7}, uint16(0), uint16(0), []byte(nil))
			b := binary.LittleEndian.Uint16(m.Block(0)[at:])
			f.Add(uint8(i), b, uint16(16), []byte{0}, b, uint16(32), []byte{200, 1})
			f.Add(uint8(i), b, uint16(4), []byte{1}, b, uint16(32+8*252), []byte{byte(b)})
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, block1, off1 uint16, change1 []byte, block2, off2 uint16, change2 []byte) {
		m := list[int(which)%len(list)].Clone()
		blocks := len(m.Data) / 4096
		m.Mutate(kindSuperblock, int(block1)%blocks*4096+int(off1)%4096, change1)
		m.Mutate(kindSuperblock, int(block2)%blocks*4096+int(off2)%4096, change2)
		c, err := cachemeta.Open(m, m.Size())
		if err != nil {
			require.Nil(t, c)
			return
		}
		v, err := cachemeta.NewVolume(c, 1<<40, nothing{}, nothing{})
		require.LessOrEqual(t, m.Reads, 2*blocks)
		if err != nil {
			require.ErrorIs(t, err, cachemeta.ErrDamaged)
			return
		}
		b := make([]byte, 1000)
		for _, off := range []int64{0, 1 << 24, 1<<40 - 1000} {
			_, err := v.ReadAt(b, off)
			require.NoError(t, err)
		}
	})
}
