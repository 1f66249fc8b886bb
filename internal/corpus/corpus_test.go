package corpus_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/corpus"
	"github.com/lvm-go/lvm/units"
)

func TestCasesAreComplete(t *testing.T) {
	t.Parallel()
	cases := corpus.Cases(t)
	assert.Greater(t, len(cases), 130)
	for _, c := range cases {
		assert.NotEmpty(t, c.PVs(t), c.Name)
		c.Table(t)
		c.Info(t)
		for _, name := range []string{"commands.sh", "lvs.json", "segs.json", "pvs.json"} {
			_, ok := c.File(t, name)
			assert.True(t, ok, "%s/%s", c.Name, name)
		}
	}
}

// A PV must read as if all of its bytes were there.
func TestReadAt(t *testing.T) {
	t.Parallel()
	pv := &corpus.PV{Size: 20, Head: []byte("head"), Tail: []byte("tail"), TailOffset: 16}
	whole := []byte("head\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00tail")
	want := bytes.NewReader(whole)
	for off := range int64(22) {
		for n := range 23 {
			a, b := make([]byte, n), make([]byte, n)
			gotN, gotErr := pv.ReadAt(a, off)
			wantN, wantErr := want.ReadAt(b, off)
			require.Equal(t, wantN, gotN, "%d %d", off, n)
			require.Equal(t, wantErr, gotErr, "%d %d", off, n)
			require.Equal(t, b, a)
		}
	}
}

func TestReadAtIsSparse(t *testing.T) {
	t.Parallel()
	pv := corpus.Load(t, "pv-mda-copies-2").PVs(t)[0]
	require.NotEmpty(t, pv.Tail)
	b := make([]byte, 512)
	n, err := pv.ReadAt(b, int64(pv.TailOffset))
	require.NoError(t, err)
	assert.Equal(t, 512, n)
	assert.Equal(t, pv.Tail[:512], b)
	_, err = pv.ReadAt(b, int64(pv.Size))
	assert.Equal(t, io.EOF, err)
	assert.Less(t, units.Bytes(len(pv.Head)+len(pv.Tail)), pv.Size)
}
