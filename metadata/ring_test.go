package metadata_test

import (
	"bytes"
	"math"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/lvm-go/lvm/internal/corpus"
	"github.com/lvm-go/lvm/metadata"
	"github.com/lvm-go/lvm/units"
)

// textOfSize returns a text of n bytes, its NUL included.
func textOfSize(n int) []byte { return append(bytes.Repeat([]byte("x"), n-1), 0) }

func TestMaxTextSize(t *testing.T) {
	t.Parallel()
	for size, want := range map[units.Bytes]units.Bytes{
		32 * units.KiB: 15616, 1044480: 521472, 512: 0, 1024: 0, 1536: 0, 2560: 512, 0: 0,
		math.MaxUint64: 128 * units.MiB,
	} {
		h := metadata.AreaHeader{Size: size}
		assert.Equal(t, want, h.MaxTextSize(), uint64(size))
	}
}

func TestNextLocation(t *testing.T) {
	t.Parallel()
	const size = 32 * units.KiB
	for _, test := range []struct {
		name      string
		old, oldN units.Bytes
		flags     uint32
		want      units.Bytes
	}{
		{"first", 0, 0, 0, 512},
		{"ignored", 1024, 700, metadata.RawIgnored, 512},
		{"second", 512, 1000, 0, 1536},
		{"old ends with its sector", 512, 1024, 0, 1536},
		{"old ends one byte into a sector", 512, 1025, 0, 2048},
		{"last sector", 30720, 1536, 0, 32256},
		{"old ends in the last sector", 30720, 1537, 0, 512},
		{"old ends with the area", 30720, 2048, 0, 512},
		{"old runs over the end by one byte", 30720, 2049, 0, 1024},
		{"old runs over the end", 30720, 4000, 0, 2560},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			h := metadata.AreaHeader{Start: 4096, Size: size}
			h.Slots[0] = metadata.RawLocation{Offset: test.old, Size: test.oldN, Flags: test.flags}
			text := textOfSize(600)
			loc, err := h.NextLocation(text)
			require.NoError(t, err)
			assert.Equal(t, metadata.RawLocation{Offset: test.want, Size: 600, Checksum: metadata.Checksum(text)}, loc)
		})
	}
}

func TestNextLocationRefuses(t *testing.T) {
	t.Parallel()
	h := metadata.AreaHeader{Start: 4096, Size: 32 * units.KiB}
	_, err := h.NextLocation(textOfSize(15616))
	require.NoError(t, err)

	_, err = h.NextLocation(textOfSize(15617))
	require.ErrorIs(t, err, metadata.ErrAreaFull)
	var full *metadata.AreaFullError
	require.ErrorAs(t, err, &full)
	assert.Equal(t, metadata.AreaFullError{Start: 4096, Need: 15617, Max: 15616}, *full)

	_, err = h.NextLocation(nil)
	require.ErrorIs(t, err, metadata.ErrInvalid)
	_, err = h.NextLocation([]byte("no NUL"))
	require.ErrorIs(t, err, metadata.ErrInvalid)

	// A committed text longer than allowed must not be written over.
	h.Slots[0] = metadata.RawLocation{Offset: 512, Size: 31 * units.KiB}
	_, err = h.NextLocation(textOfSize(1000))
	require.ErrorIs(t, err, metadata.ErrAreaFull)

	for _, bad := range []metadata.RawLocation{
		{Offset: 511, Size: 1}, {Offset: 32 * units.KiB, Size: 1}, {Offset: math.MaxUint64, Size: 1},
		{Offset: 512}, {Offset: 512, Size: 32*units.KiB - 511}, {Offset: 512, Size: math.MaxUint64},
		{Offset: math.MaxUint64, Size: math.MaxUint64},
	} {
		h.Slots[0] = bad
		_, err = h.NextLocation(textOfSize(1000))
		require.ErrorIs(t, err, metadata.ErrInvalid, "%+v", bad)
		_, err = h.ReadText(bytes.NewReader(make([]byte, 64*units.KiB)), bad)
		require.ErrorIs(t, err, metadata.ErrInvalid, "%+v", bad)
	}
}

// Whatever is written after one another, the text in force stays as it is until
// the next one is in force, nothing outside of the ring is touched, and each can
// be read.
func TestRing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		const start = 4096
		size := units.Bytes(rapid.IntRange(2560, 20000).Draw(t, "size"))
		disk := bytes.Repeat([]byte{0xee}, int(start+size+4096))
		h := metadata.AreaHeader{Start: start, Size: size}
		limit := int(h.MaxTextSize())
		var old []byte
		for i := range rapid.IntRange(1, 40).Draw(t, "texts") {
			text := textOfSize(rapid.IntRange(1, limit).Draw(t, "length"))
			text[0] = byte(i + 1)
			text[len(text)-1] = 0
			loc, err := h.NextLocation(text)
			require.NoError(t, err)
			require.Zero(t, loc.Offset%512)
			writes := h.TextWrites(loc, text)
			for _, w := range writes {
				require.GreaterOrEqual(t, w.Offset, start+metadata.AreaHeaderSize)
				end := w.Offset + units.Bytes(len(w.Data))
				require.LessOrEqual(t, end, start+size)
				if end != start+size {
					require.Zero(t, end%512)
				}
				copy(disk[w.Offset:], w.Data)
			}
			if old != nil {
				was, err := h.ReadText(bytes.NewReader(disk), h.Slots[0])
				require.NoError(t, err)
				require.Equal(t, old, was)
			}
			h.Slots[0] = loc
			is, err := h.ReadText(bytes.NewReader(disk), loc)
			require.NoError(t, err)
			require.Equal(t, text, is)
			old = text
		}
	})
}

func TestTextWritesRefusesForeignLocation(t *testing.T) {
	t.Parallel()
	h := metadata.AreaHeader{Start: 4096, Size: 32 * units.KiB}
	text := textOfSize(100)
	loc, err := h.NextLocation(text)
	require.NoError(t, err)
	assert.Panics(t, func() { h.TextWrites(loc, text[1:]) })
	loc.Offset = 32 * units.KiB
	assert.Panics(t, func() { h.TextWrites(loc, text) })
}

// Zeros that lie behind a text are taken for the rest of its last sector; anything else
// there is neither written nor changed.
func TestTextWritesTakesZerosBehind(t *testing.T) {
	t.Parallel()
	h := metadata.AreaHeader{Start: 4096, Size: 32 * units.KiB}
	memory := append(textOfSize(1000), make([]byte, 24)...)
	text := memory[:1000]
	loc, err := h.NextLocation(text)
	require.NoError(t, err)
	want := bytes.Clone(memory)
	writes := h.TextWrites(loc, text)
	require.Len(t, writes, 1)
	assert.Equal(t, want, writes[0].Data)
	assert.Same(t, &memory[0], &writes[0].Data[0])

	memory[1023] = 1
	writes = h.TextWrites(loc, text)
	assert.Equal(t, want, writes[0].Data)
	assert.NotSame(t, &memory[0], &writes[0].Data[0])
	assert.Equal(t, byte(1), memory[1023])
}

func TestReadTextFindsDamage(t *testing.T) {
	t.Parallel()
	h := metadata.AreaHeader{Start: 4096, Size: 32 * units.KiB}
	h.Slots[0] = metadata.RawLocation{Offset: 30720, Size: 1000}
	text := textOfSize(3000)
	loc, err := h.NextLocation(text)
	require.NoError(t, err)
	require.Equal(t, units.Bytes(31744), loc.Offset)
	writes := h.TextWrites(loc, text)
	require.Len(t, writes, 2)
	assert.Equal(t, units.Bytes(4096+512), writes[1].Offset)
	disk := make([]byte, 4096+32*units.KiB)
	for _, w := range writes {
		copy(disk[w.Offset:], w.Data)
	}
	got, err := h.ReadText(bytes.NewReader(disk), loc)
	require.NoError(t, err)
	assert.Equal(t, text, got)

	disk[4096+512]++
	_, err = h.ReadText(bytes.NewReader(disk), loc)
	require.ErrorIs(t, err, metadata.ErrChecksum)

	_, err = h.ReadText(bytes.NewReader(disk[:len(disk)-1]), loc)
	require.ErrorIs(t, err, metadata.ErrTruncated)
}

// A header may claim any size for its text.
func TestReadTextAllocatesNoMoreThanThereIs(t *testing.T) {
	h := metadata.AreaHeader{Start: 4096, Size: 1 << 62}
	loc := metadata.RawLocation{Offset: 512, Size: 128 * units.MiB}
	disk := bytes.NewReader(make([]byte, 64*units.KiB))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := h.ReadText(disk, loc)
	runtime.ReadMemStats(&after)
	require.ErrorIs(t, err, metadata.ErrTruncated)
	assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(units.MiB))
}

// The places where lvm2 put its texts are those that the rules give: every text
// in a ring, read from the one in force backwards, leads to the next.
func TestCorpusRing(t *testing.T) {
	t.Parallel()
	wrapped, checked := 0, 0
	for _, c := range loadAll(t) {
		for _, a := range c.texts {
			loc := a.header.Slots[metadata.SlotCommitted]
			if loc.Ignored() {
				continue
			}
			writes := a.header.TextWrites(loc, a.text)
			wrapped += len(writes) - 1
			for _, w := range writes {
				b := make([]byte, len(w.Data))
				_, err := a.pv.ReadAt(b, int64(w.Offset))
				require.NoError(t, err)
				require.Equal(t, b, w.Data, "%s %s: text and zeros behind it", c.Name, a.pv.Name)
			}
			// Texts from the beginning of the ring on that have not been written over.
			at := *a.header
			at.Slots[0] = metadata.RawLocation{}
			for at.Slots[0].Offset < loc.Offset {
				next, err := at.NextLocation([]byte{0})
				require.NoError(t, err)
				text := textAt(t, a.pv, at.Start+next.Offset, at.Start+at.Size)
				if text == nil || next.Offset < at.Slots[0].Offset {
					break
				}
				if next.Offset == loc.Offset {
					checked++
				}
				at.Slots[0] = metadata.RawLocation{Offset: next.Offset, Size: units.Bytes(len(text))}
			}
		}
	}
	assert.Equal(t, 3, wrapped, "texts that run over the end of their area")
	assert.Greater(t, checked, 250)
}

// textAt returns the text that begins at an offset of a device, up to its NUL.
func textAt(t testing.TB, pv *corpus.PV, from, to units.Bytes) []byte {
	t.Helper()
	b := make([]byte, to-from)
	_, err := pv.ReadAt(b, int64(from))
	require.NoError(t, err)
	n := bytes.IndexByte(b, 0)
	if n <= 0 {
		return nil
	}
	if _, err := metadata.ParseTree(b[:n+1]); err != nil {
		return nil
	}
	return b[:n+1]
}
