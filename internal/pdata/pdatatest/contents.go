package pdatatest

import (
	"bytes"
	"encoding/binary"
	"io"

	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/units"
)

// Stamp fills whole sectors so that each tells its number and the write.
func Stamp(write, length int) []byte {
	b := make([]byte, length)
	for at := 0; at+16 <= length; at += 16 {
		binary.LittleEndian.PutUint64(b[at:], uint64(write))
		binary.LittleEndian.PutUint64(b[at+8:], uint64(at/512))
	}
	return b
}

// Same compares without printing all of it.
func Same(t require.TestingT, want, got []byte, format string, args ...any) {
	if bytes.Equal(want, got) {
		return
	}
	require.Equal(t, len(want), len(got))
	for i := range want {
		if want[i] != got[i] {
			require.Fail(t, "contents differ", append([]any{"from byte %d: " + format, i}, args...)...)
		}
	}
}

// Volume is what a volume is read by.
type Volume interface {
	io.ReaderAt
	Size() units.Bytes
}

// Contents reads all of a volume, in pieces that fit to nothing.
func Contents(t require.TestingT, v Volume) []byte {
	b := make([]byte, v.Size())
	for at := 0; at < len(b); {
		n, err := v.ReadAt(b[at:min(at+300007, len(b))], int64(at))
		if err != io.EOF {
			require.NoError(t, err)
		}
		at += n
	}
	return b
}
