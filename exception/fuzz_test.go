package exception_test

import (
	"bytes"
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/exception"
	"github.com/lvm-go/lvm/internal/recorder"
	"github.com/lvm-go/lvm/units"
)

// Whatever a store says: it is refused, or can be read, written and merged, and
// is then a store that can be opened.
func FuzzOpen(f *testing.F) {
	for _, entries := range [][]uint64{nil, {5, 2, 7, 10, 1, 4}, {5, 2, 0, 0, 9, 3, 11, 30}, {3, 2, 2, 3, 1, 5, 0, 4}, {5, 2, 5, 3}, {5, 2, 6, 2}} {
		for _, chunk := range []uint32{1, 8} {
			d := image(128, [4]uint32{magic, 1, 1, chunk})
			list := image(128, [4]uint32{}, entries...).Contents("cow", 4096, 1024)
			d.Change("cow", int64(chunk)*512, list)
			f.Add(d.Contents("cow", 0, 128*512), uint16(127*512), uint16(3000), uint16(9000))
		}
	}
	const size = 64 << 10
	f.Fuzz(func(t *testing.T, b []byte, length, off, n uint16) {
		d := recorder.New(units.Bytes(length), "cow")
		d.Copy("cow", "origin")
		d.Truncate("origin", size)
		d.Change("origin", 0, stamp(0, size))
		d.Change("cow", 0, b[:min(len(b), int(length))])
		open := func() (*exception.Snapshot, error) {
			store, err := exception.Open(device(t, d, "cow"), units.Bytes(length))
			require.Equal(t, err == nil, store != nil)
			if err != nil {
				return nil, err
			}
			return exception.NewSnapshot(device(t, d, "origin"), size, store)
		}
		s, err := open()
		if err != nil {
			return
		}
		_ = s.Store().Usage().String()
		want := contents(t, s)
		data := stamp(1, min(int(n), size-int(off)))
		if written, err := s.WriteAt(data, int64(off)); err != nil {
			require.ErrorIs(t, err, exception.ErrFull)
			require.Zero(t, written)
		} else {
			copy(want[off:], data)
		}
		same(t, want, contents(t, s), "written")
		s, err = open()
		require.NoError(t, err)
		same(t, want, contents(t, s), "opened again")
		o, err := exception.NewOrigin(device(t, d, "origin"), size, s)
		require.NoError(t, err)
		require.NoError(t, o.Merge(context.Background(), s, nil))
		require.True(t, bytes.Equal(want, contents(t, o)))
		s, err = open()
		require.NoError(t, err)
		for e := range s.Store().Exceptions() {
			require.Fail(t, "left after the merge", "%v", e)
		}
	})
}
