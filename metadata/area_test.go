package metadata_test

import (
	"bytes"
	"encoding/binary"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/metadata"
	"github.com/lvm-go/lvm/units"
)

// exampleHeader is what lvcreate wrote after vgcreate.
const exampleHeader = `
	f0b7 7620 204c 564d 3220 785b 3541 2572
	304e 2a3e 0100 0000 0010 0000 0000 0000
	00f0 0f00 0000 0000 0006 0000 0000 0000
	5004 0000 0000 0000 bf8f b3fa 0000 0000`

func TestAreaHeaderExample(t *testing.T) {
	t.Parallel()
	b := sectorOf(t, exampleHeader)
	h, err := metadata.DecodeAreaHeader(b, 4096)
	require.NoError(t, err)
	want := &metadata.AreaHeader{Start: 4096, Size: 0xff000}
	want.Slots[metadata.SlotCommitted] = metadata.RawLocation{Offset: 0x600, Size: 1104, Checksum: 0xfab38fbf}
	assert.Equal(t, want, h)
	assert.True(t, h.Slots[0].InUse())
	assert.False(t, h.Slots[1].InUse())
	assert.Equal(t, b, h.Encode())
}

func TestEmptyAreaHeader(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		start, size units.Bytes
		sum         uint32
	}{{4096, 1044480, 0xdb8ed616}, {66060288, 1048576, 0x00646c97}} {
		h := metadata.AreaHeader{Start: test.start, Size: test.size}
		assert.Equal(t, test.sum, binary.LittleEndian.Uint32(h.Encode()))
	}
}

// An area can be ignored before it ever had a text.
func TestAreaHeaderKeepsFlagsOfEmptySlot(t *testing.T) {
	t.Parallel()
	h := &metadata.AreaHeader{Start: 4096, Size: 0xff000}
	h.Slots[0].Flags = metadata.RawIgnored
	h.Slots[1] = metadata.RawLocation{Offset: 512, Size: 9, Checksum: 3}
	again, err := metadata.DecodeAreaHeader(h.Encode(), 4096)
	require.NoError(t, err)
	assert.Equal(t, h, again)
	assert.True(t, again.Slots[0].Ignored())
}

func TestDecodeAreaHeaderRefuses(t *testing.T) {
	t.Parallel()
	sum := func(b []byte) { binary.LittleEndian.PutUint32(b, metadata.Checksum(b[4:])) }
	put := func(at int, n uint64) func(b []byte) {
		return func(b []byte) { binary.LittleEndian.PutUint64(b[at:], n); sum(b) }
	}
	for _, test := range []struct {
		name   string
		change func(b []byte)
		field  string
		err    error
	}{
		{"flipped bit", func(b []byte) { b[511] ^= 1 }, "checksum", metadata.ErrChecksum},
		{"checksum before magic", func(b []byte) { b[4] = 'x' }, "checksum", metadata.ErrChecksum},
		{"magic", func(b []byte) { b[4] = 'x'; b[20] = 9; sum(b) }, "magic", metadata.ErrMagic},
		{"version", func(b []byte) { b[20] = 2; b[25] = 9; sum(b) }, "version", metadata.ErrVersion},
		{"start", put(24, 8192), "start", metadata.ErrInvalid},
		{"size", put(32, 511), "size", metadata.ErrInvalid},
		{"size beyond all", put(32, math.MaxUint64), "size", metadata.ErrInvalid},
	} {
		b := sectorOf(t, exampleHeader)
		test.change(b)
		h, err := metadata.DecodeAreaHeader(b, 4096)
		assert.Nil(t, h, test.name)
		require.ErrorIs(t, err, test.err, test.name)
		var format *metadata.FormatError
		require.ErrorAs(t, err, &format)
		assert.Equal(t, test.field, format.Field, test.name)
		assert.Equal(t, units.Bytes(4096), format.Offset)
	}
	_, err := metadata.DecodeAreaHeader(make([]byte, 511), 4096)
	require.ErrorIs(t, err, metadata.ErrTruncated)
}

func TestReadAreaHeaderBeyondTheEnd(t *testing.T) {
	t.Parallel()
	for _, start := range []units.Bytes{1, 1024, 1 << 40, 1<<63 - 1, 1 << 63, math.MaxUint64} {
		_, err := metadata.ReadAreaHeader(bytes.NewReader(make([]byte, 512)), start)
		require.ErrorIs(t, err, metadata.ErrTruncated, uint64(start))
	}
}
