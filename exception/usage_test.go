package exception

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/recorder"
	"github.com/lvm-go/lvm/units"
)

// TestReadUsage: it says the same as the store that was read as a whole, however
// full that is.
func TestReadUsage(t *testing.T) {
	t.Parallel()
	const size = 640 * units.KiB
	for _, chunk := range []units.Sectors{1, 8, 64} {
		disks := recorder.New(size, "cow", "origin")
		cow, err := disks.Open("cow", true)
		require.NoError(t, err)
		origin, err := disks.Open("origin", true)
		require.NoError(t, err)
		_, err = ReadUsage(cow, size)
		require.ErrorIs(t, err, ErrBlank)
		require.NoError(t, Init(cow, size, chunk))
		store, err := Open(cow, size)
		require.NoError(t, err)
		snapshot, err := NewSnapshot(origin, size, store)
		require.NoError(t, err)
		bytes, _ := chunk.Bytes()
		for n := int64(0); ; n++ {
			got, err := ReadUsage(cow, size)
			require.NoError(t, err)
			require.Equal(t, store.Usage(), got)
			if _, err := snapshot.WriteAt([]byte{1}, n*int64(bytes)); err != nil {
				require.ErrorIs(t, err, ErrFull)
				break
			}
		}
		o, err := NewOrigin(origin, size, snapshot)
		require.NoError(t, err)
		require.NoError(t, o.Merge(t.Context(), snapshot, nil))
		got, err := ReadUsage(cow, size)
		require.NoError(t, err)
		require.Equal(t, store.Usage(), got)
		require.Equal(t, got.Metadata, got.Allocated)
	}
}

func TestReadUsageOfWhatIsWrong(t *testing.T) {
	t.Parallel()
	const size = 64 * units.KiB
	disks := recorder.New(size, "cow")
	cow, err := disks.Open("cow", true)
	require.NoError(t, err)
	_, err = ReadUsage(cow, 100)
	assert.ErrorIs(t, err, ErrFormat)
	_, err = ReadUsage(cow, 1<<63)
	assert.ErrorIs(t, err, ErrOutOfRange)
	require.NoError(t, Init(cow, size, 8))
	disks.Change("cow", 4096+8, []byte{200})
	_, err = ReadUsage(cow, size)
	assert.ErrorIs(t, err, ErrFormat, "an exception for a chunk behind the end")
	disks.Change("cow", 4096+8, []byte{1})
	_, err = ReadUsage(cow, size)
	assert.ErrorIs(t, err, ErrFormat, "an exception for the list itself")
	disks.Change("cow", 4, []byte{0})
	_, err = ReadUsage(cow, size)
	assert.ErrorIs(t, err, ErrInvalid)
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		header []uint32
		want   error
	}{
		"in order":        {[]uint32{0x70416e53, 1, 1, 8}, nil},
		"given up":        {[]uint32{0x70416e53, 0, 1, 8}, ErrInvalid},
		"blank":           {nil, ErrBlank},
		"rubbish":         {[]uint32{0x12345678, 1, 1, 8}, ErrFormat},
		"another version": {[]uint32{0x70416e53, 1, 2, 8}, ErrVersion},
		"large chunks":    {[]uint32{0x70416e53, 1, 1, 1 << 20}, ErrFormat},
	} {
		b := make([]byte, 64<<10)
		for i, v := range c.header {
			binary.LittleEndian.PutUint32(b[4*i:], v)
		}
		require.ErrorIs(t, Check(bytes.NewReader(b), units.Bytes(len(b))), c.want, name)
	}
	require.ErrorIs(t, Check(bytes.NewReader(nil), 0), ErrFormat)
}
