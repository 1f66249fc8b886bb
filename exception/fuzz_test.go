package exception_test

import (
	"context"
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/exception"
	"github.com/lvm-go/lvm/internal/recorder"
	"github.com/lvm-go/lvm/units"
)

// Whatever a store says: it is refused, or can be read, written and merged, and
// is then a store that can be opened.
func FuzzOpen(f *testing.F) {
	for _, chunk := range []uint32{1, 8} {
		for _, entries := range [][]uint64{nil, {5, 2, 7, 10, 1, 4}, {5, 2, 0, 0, 9, 3, 11, 30}, {3, 2, 2, 3, 1, 5, 0, 4}, {5, 2, 5, 3}, {5, 2, 6, 2}} {
			var list []byte
			for _, v := range entries {
				list = binary.LittleEndian.AppendUint64(list, v)
			}
			f.Add(uint32(magic), uint32(1), uint32(1), chunk, list, uint8(127), uint16(3000), uint16(9000))
		}
	}
	const size = 20000
	origin := stamp(0, size)
	f.Fuzz(func(t *testing.T, magic, valid, version, chunk uint32, list []byte, sectors uint8, off, n uint16) {
		length := units.Bytes(sectors) * 512
		d := recorder.New(length, "cow")
		d.Copy("cow", "origin")
		d.Truncate("origin", size)
		d.Change("origin", 0, origin)
		for i, v := range []uint32{magic, valid, version, chunk} {
			d.Change("cow", int64(4*i), binary.LittleEndian.AppendUint32(nil, v))
		}
		d.Change("cow", int64(chunk%256)*512, list)
		d.Truncate("cow", length)
		open := func() (*exception.Snapshot, error) {
			store, err := exception.Open(device(t, d, "cow"), length)
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
		at := int(off) % size
		data := stamp(1, min(int(n), size-at))
		if written, err := s.WriteAt(data, int64(at)); err != nil {
			require.ErrorIs(t, err, exception.ErrFull)
			require.Zero(t, written)
		} else {
			copy(want[at:], data)
		}
		same(t, want, contents(t, s), "written")
		s, err = open()
		require.NoError(t, err)
		same(t, want, contents(t, s), "opened again")
		o, err := exception.NewOrigin(device(t, d, "origin"), size, s)
		require.NoError(t, err)
		require.NoError(t, o.Merge(context.Background(), s, nil))
		same(t, want, contents(t, o), "merged")
		s, err = open()
		require.NoError(t, err)
		for e := range s.Store().Exceptions() {
			require.Fail(t, "left after the merge", "%v", e)
		}
	})
}
