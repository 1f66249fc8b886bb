package exception_test

import (
	"encoding/binary"
	"io"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/exception"
	"github.com/lvm-go/lvm/internal/recorder"
	"github.com/lvm-go/lvm/units"
)

const magic = 0x70416e53

// image returns a store with chunks of 8 sectors.
func image(sectors int, header [4]uint32, entries ...uint64) *recorder.Disks {
	d := recorder.New(units.Bytes(sectors*512), "cow")
	var h, list []byte
	for _, v := range header {
		h = binary.LittleEndian.AppendUint32(h, v)
	}
	for _, v := range entries {
		list = binary.LittleEndian.AppendUint64(list, v)
	}
	d.Change("cow", 0, h)
	d.Change("cow", 4096, list)
	return d
}

func TestOpenRefusals(t *testing.T) {
	t.Parallel()
	good := [4]uint32{magic, 1, 1, 8}
	endless := []uint64{}
	for i := range uint64(256) {
		endless = append(endless, i, i+2)
	}
	for _, c := range []struct {
		name    string
		sectors int
		header  [4]uint32
		entries []uint64
		want    error
	}{
		{"blank", 800, [4]uint32{0, 1, 1, 8}, nil, exception.ErrBlank},
		{"another magic number", 800, [4]uint32{77, 1, 1, 8}, nil, exception.ErrFormat},
		{"given up", 800, [4]uint32{magic, 0, 1, 8}, nil, exception.ErrInvalid},
		{"version 2", 800, [4]uint32{magic, 1, 2, 8}, nil, exception.ErrVersion},
		{"chunk 0", 800, [4]uint32{magic, 1, 1, 0}, nil, exception.ErrFormat},
		{"chunk 3", 800, [4]uint32{magic, 1, 1, 3}, nil, exception.ErrFormat},
		{"chunk too large", 800, [4]uint32{magic, 1, 1, 1 << 22}, nil, exception.ErrFormat},
		{"chunk larger than the store", 800, [4]uint32{magic, 1, 1, 1 << 21}, nil, exception.ErrFormat},
		{"no area", 15, good, nil, exception.ErrFormat},
		{"no header", 0, good, nil, exception.ErrFormat},
		{"data in the header", 800, good, []uint64{5, 2, 6, 1}, exception.ErrFormat},
		{"data in an area", 8000, good, []uint64{5, 258}, exception.ErrFormat},
		{"data behind the end", 800, good, []uint64{5, 100}, exception.ErrFormat},
		{"data in the chunk that is not whole", 807, good, []uint64{5, 100}, exception.ErrFormat},
		{"an old chunk that cannot be", 800, good, []uint64{1 << 51, 2}, exception.ErrFormat},
		{"a chunk twice", 800, good, []uint64{5, 2, 6, 3, 5, 4}, exception.ErrFormat},
		{"data twice", 800, good, []uint64{5, 2, 6, 3, 7, 2}, exception.ErrFormat},
		{"no end", 258 * 8, good, endless, exception.ErrFormat},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := image(c.sectors, c.header, c.entries...)
			s, err := exception.Open(device(t, d, "cow"), units.Bytes(c.sectors*512))
			require.ErrorIs(t, err, c.want)
			assert.Nil(t, s)
			var format *exception.FormatError
			assert.Equal(t, c.want == exception.ErrFormat, assert.ErrorAs(new(testing.T), err, &format))
		})
	}
	t.Run("sizes", func(t *testing.T) {
		t.Parallel()
		d := image(16, good)
		_, err := exception.Open(device(t, d, "cow"), math.MaxInt64+1)
		require.ErrorIs(t, err, exception.ErrOutOfRange)
		_, err = exception.Open(device(t, image(8, good), "cow"), 8192)
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
		for _, chunk := range []units.Sectors{0, 3, 1 << 22, 16} {
			require.ErrorIs(t, exception.Init(device(t, d, "cow"), 8192, chunk), exception.ErrOutOfRange, chunk)
		}
		require.ErrorIs(t, exception.Init(device(t, d, "cow"), math.MaxInt64+1, 8), exception.ErrOutOfRange)
		assert.Empty(t, d.Writes())
	})
}

// What the kernel says of the same stores in its status line, and where it put
// the next exception.
func TestOpenUsage(t *testing.T) {
	t.Parallel()
	full := []uint64{}
	for i := range uint64(256) {
		full = append(full, i, i+2)
	}
	for _, c := range []struct {
		name    string
		sectors int
		chunk   uint32
		entries []uint64
		usage   string
		room    int
	}{
		{"empty", 24576, 8, nil, "16/24576 16", 3059},
		{"no data chunk", 16, 8, nil, "16/16 16", 0},
		{"one data chunk", 24, 8, nil, "16/24 16", 1},
		{"a last chunk that is not whole", 87, 8, nil, "16/87 16", 8},
		{"holes", 2048, 8, []uint64{5, 2, 7, 10, 1, 4}, "88/2048 16", 245},
		{"behind the end", 2048, 8, []uint64{5, 2, 0, 0, 9, 3, 11, 30}, "24/2048 16", 253},
		{"the last data chunk of an area", 4096, 8, []uint64{5, 2, 6, 257}, "2072/4096 16", 253},
		{"a full area, and no room", 259 * 8, 8, full, "2072/2072 24", 0},
		{"a full area", 260 * 8, 8, full, "2072/2080 24", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := image(c.sectors, [4]uint32{magic, 1, 1, c.chunk}, c.entries...)
			s, err := exception.Open(device(t, d, "cow"), units.Bytes(c.sectors*512))
			require.NoError(t, err)
			assert.Equal(t, c.usage, s.Usage().String())
			assert.Equal(t, c.room, s.Room())
			assert.Equal(t, units.Sectors(c.chunk), s.ChunkSize())
		})
	}
}

// The number that Room gives is how many fit, at every size.
func TestRoom(t *testing.T) {
	t.Parallel()
	for sectors := 2; sectors < 75; sectors++ {
		u := setup{origin: 300 * 512, stores: []int{sectors}, chunks: []units.Sectors{1}}
		d := u.blank(t)
		_, snapshots := u.open(t, d)
		s := snapshots[0]
		n := 0
		for ; s.Store().Room() > 0; n++ {
			_, err := s.WriteAt(stamp(n, 512), int64(n)*1024)
			require.NoError(t, err)
			_, err = exception.Open(device(t, d, "a"), units.Bytes(sectors*512))
			require.NoError(t, err)
		}
		// Header, areas, data, and an area behind those that are full.
		want := 0
		for 1+want+want/32+1 < sectors {
			want++
		}
		if want%32 == 0 && want > 0 && 1+want+want/32+1 > sectors {
			want--
		}
		assert.Equal(t, want, n, sectors)
		before := d.Clone()
		_, err := s.WriteAt(stamp(1, 512), 299*512)
		require.ErrorIs(t, err, exception.ErrFull)
		same(t, before.Contents("a", 0, sectors*512), d.Contents("a", 0, sectors*512), "a store that is full")
	}
}

func TestExceptions(t *testing.T) {
	t.Parallel()
	d := image(2048, [4]uint32{magic, 1, 1, 8}, 5, 2, 7, 10, 1, 4)
	s, err := exception.Open(device(t, d, "cow"), 2048*512)
	require.NoError(t, err)
	assert.Equal(t, []exception.Exception{{Old: 1, New: 4}, {Old: 5, New: 2}, {Old: 7, New: 10}}, slices.Collect(s.Exceptions()))

	_, err = exception.NewSnapshot(device(t, d, "cow"), 7*4096, s)
	require.ErrorIs(t, err, exception.ErrFormat, "chunk 7 is behind the end")
	_, err = exception.NewSnapshot(device(t, d, "cow"), 7*4096+1, s)
	require.NoError(t, err)
	_, err = exception.NewSnapshot(device(t, d, "cow"), math.MaxInt64+1, s)
	require.ErrorIs(t, err, exception.ErrOutOfRange)
}

// What a writer that died has left behind the end of the list must not become
// part of it.
func TestEntriesBehindTheEnd(t *testing.T) {
	t.Parallel()
	entries := []uint64{5, 2, 0, 0, 9, 3, 11, 30}
	entries = append(entries, make([]uint64, 400)...)
	d := image(2048, [4]uint32{magic, 1, 1, 8}, append(entries, 12, 31)...)
	store, err := exception.Open(device(t, d, "cow"), 2048*512)
	require.NoError(t, err)
	s, err := exception.NewSnapshot(device(t, image(800, [4]uint32{}), "cow"), 800*512, store)
	require.NoError(t, err)
	_, err = s.WriteAt([]byte{1}, 0)
	require.NoError(t, err)
	assert.Equal(t, make([]byte, 4096-32), d.Contents("cow", 4096+32, 4096-32))
	again, err := exception.Open(device(t, d, "cow"), 2048*512)
	require.NoError(t, err)
	assert.Equal(t, []exception.Exception{{Old: 0, New: 3}, {Old: 5, New: 2}}, slices.Collect(again.Exceptions()))
}

// Init fails with the device, and what it leaves then is no store that lies.
func TestInitFaults(t *testing.T) {
	t.Parallel()
	u := setup{origin: 40 * 512, stores: []int{100}, chunks: []units.Sectors{8}}
	for n := range 6 { // three writes and three syncs
		for _, fault := range []recorder.Fault{recorder.Before, recorder.After} {
			d := u.blank(t)
			_, s := u.open(t, d)
			_, err := s[0].WriteAt([]byte{1}, 0)
			require.NoError(t, err)
			count := 0
			d.Inject(func(op recorder.Op) recorder.Fault {
				if op.Kind != recorder.Write && op.Kind != recorder.Sync {
					return recorder.Pass
				}
				if count++; count == n+1 {
					return fault
				}
				return recorder.Pass
			})
			require.ErrorIs(t, exception.Init(device(t, d, "a"), 100*512, 8), recorder.ErrInjected, n)
			d.Inject(nil)
			store, err := exception.Open(device(t, d, "a"), 100*512)
			switch {
			case n == 0 && fault == recorder.Before:
				require.NoError(t, err)
				assert.Len(t, slices.Collect(store.Exceptions()), 1, "as it was")
			case n < 4 || n == 4 && fault == recorder.Before:
				require.ErrorIs(t, err, exception.ErrBlank, n)
			default:
				require.NoError(t, err)
				assert.Empty(t, slices.Collect(store.Exceptions()))
			}
		}
	}
}
