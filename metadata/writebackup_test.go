package metadata_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/metadata"
)

// pieces is a file that takes so many writes.
type pieces struct {
	bytes.Buffer
	room int
}

var errFull = errors.New("full")

func (p *pieces) Write(b []byte) (int, error) {
	if p.room == 0 {
		return 0, errFull
	}
	p.room--
	return p.Buffer.Write(b)
}

// What is written piece by piece is what is encoded at once, and a piece that cannot be
// written is told of, whichever it is.
func TestWriteBackup(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 1000} {
		doc := manyLVs(t, n)
		text, err := doc.EncodeBackup()
		require.NoError(t, err)
		const enough = 1000
		whole := pieces{room: enough}
		require.NoError(t, doc.WriteBackup(&whole))
		require.Equal(t, string(text), whole.String())
		written := enough - whole.room
		require.Equal(t, n == 1000, written > 1)
		for room := range written {
			require.ErrorIs(t, doc.WriteBackup(&pieces{room: room}), errFull)
		}
	}
}

func TestWriteBackupRefuses(t *testing.T) {
	t.Parallel()
	doc := manyLVs(t, 1000)
	doc.VG.LVs[999].CreationHost = "a\x00b"
	var out bytes.Buffer
	require.ErrorIs(t, doc.WriteBackup(&out), metadata.ErrInvalid)
	doc.VG = nil
	require.ErrorIs(t, doc.WriteBackup(&out), metadata.ErrInvalid)
}
