package exception_test

import (
	"context"
	"io"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/lvm-go/lvm/exception"
	"github.com/lvm-go/lvm/internal/recorder"
	"github.com/lvm-go/lvm/units"
)

// While a snapshot is merged, the origin is what the snapshot was, and what is
// written since; the other snapshots stay as they are.
func TestMergingIsTheSnapshot(t *testing.T) {
	t.Parallel()
	u := setup{origin: 150*512 + 100, stores: []int{400, 500}, chunks: []units.Sectors{1, 8}}
	rapid.Check(t, func(t *rapid.T) {
		d := u.blank(t)
		o, snapshots := u.open(t, d)
		write := func(w io.WriterAt, n int, want ...[]byte) {
			off := rapid.IntRange(0, u.origin).Draw(t, "offset")
			data := stamp(n, rapid.IntRange(0, min(6000, u.origin-off)).Draw(t, "length"))
			written, err := w.WriteAt(data, int64(off))
			require.NoError(t, err)
			require.Equal(t, len(data), written)
			for _, b := range want {
				copy(b[off:], data)
			}
		}
		origin, merged := stamp(0, u.origin), stamp(0, u.origin)
		for n := range rapid.IntRange(0, 8).Draw(t, "writes before") {
			if rapid.Bool().Draw(t, "to the origin") {
				write(o, n, origin)
			} else {
				write(snapshots[0], n, merged)
			}
		}
		other := stamp(0, u.origin)
		m, err := exception.NewMerging(o, snapshots[0])
		require.NoError(t, err)
		for n := range rapid.IntRange(0, 12).Draw(t, "ops") {
			switch rapid.SampledFrom([]string{"write", "write", "write other", "step", "reopen"}).Draw(t, "op") {
			case "write":
				room := snapshots[0].Store().Room()
				write(m, 100+n, merged)
				require.Equal(t, room, snapshots[0].Store().Room(), "a write takes room")
			case "write other":
				write(snapshots[1], 100+n, other)
			case "step":
				before, left, err := m.Step()
				require.NoError(t, err)
				require.True(t, left < before || before == 0)
			case "reopen":
				o, snapshots = u.open(t, d)
				m, err = exception.NewMerging(o, snapshots[0])
				require.NoError(t, err)
			}
			same(t, merged, contents(t, m), "origin")
			same(t, merged, contents(t, snapshots[0]), "merged snapshot")
			same(t, other, contents(t, snapshots[1]), "the other snapshot")
		}
		for left := units.Bytes(1); left > 0; {
			_, left, err = m.Step()
			require.NoError(t, err)
		}
		require.NoError(t, m.Sync())
		write(m, 200, merged)
		write(o, 201, merged)
		o, snapshots = u.open(t, d)
		same(t, merged, contents(t, o), "origin, merged")
		same(t, other, contents(t, snapshots[1]), "the other snapshot, merged")
	})
}

func TestMergingBounds(t *testing.T) {
	t.Parallel()
	u := setup{origin: 10000, stores: []int{100, 100}, chunks: []units.Sectors{8, 8}}
	d := u.blank(t)
	o, snapshots := u.open(t, d)
	m, err := exception.NewMerging(o, snapshots[0])
	require.NoError(t, err)
	assert.Equal(t, units.Bytes(10000), m.Size())
	for _, off := range []int64{-1, 10001, math.MaxInt64} {
		_, err = m.WriteAt(make([]byte, 1), off)
		require.ErrorIs(t, err, exception.ErrOutOfRange)
	}
	_, err = m.ReadAt(make([]byte, 1), -1)
	require.ErrorIs(t, err, exception.ErrOutOfRange)
	n, err := m.ReadAt(make([]byte, 9), 9995)
	assert.Equal(t, io.EOF, err)
	assert.Equal(t, 5, n)
	assert.Empty(t, d.Writes())

	_, err = o.WriteAt([]byte{1}, 0)
	require.ErrorIs(t, err, exception.ErrMerging, "it would be undone")
	_, err = exception.NewMerging(o, snapshots[1])
	require.ErrorIs(t, err, exception.ErrMerging)
	_, others := u.open(t, d)
	_, err = exception.NewMerging(o, others[0])
	require.ErrorIs(t, err, exception.ErrNotItsSnapshot)
}

// A snapshot that is shorter than the origin ends in the middle of a chunk.
func TestMergingShort(t *testing.T) {
	t.Parallel()
	u := setup{origin: 16384, stores: []int{100}, chunks: []units.Sectors{8}}
	d := u.blank(t)
	store, err := exception.Open(device(t, d, "a"), 100*512)
	require.NoError(t, err)
	s, err := exception.NewSnapshot(device(t, d, "origin"), 6000, store)
	require.NoError(t, err)
	_, err = s.WriteAt(stamp(3, 2000), 4000)
	require.NoError(t, err)
	o, err := exception.NewOrigin(device(t, d, "origin"), 16384, s)
	require.NoError(t, err)
	m, err := exception.NewMerging(o, s)
	require.NoError(t, err)
	want := stamp(0, 16384)
	copy(want[4000:], stamp(3, 2000))
	same(t, want, contents(t, m), "before")
	_, err = m.WriteAt(stamp(4, 8000), 5000)
	require.NoError(t, err)
	copy(want[5000:], stamp(4, 8000))
	same(t, want, contents(t, m), "written")
	require.NoError(t, o.Merge(context.Background(), s, nil))
	same(t, want, contents(t, o), "merged")
}

// Where it is not known what a store says, nothing is written.
func TestMergingFaults(t *testing.T) {
	t.Parallel()
	u := setup{origin: 40 * 512, stores: []int{100, 100}, chunks: []units.Sectors{1, 1}}
	d := u.blank(t)
	o, s := u.open(t, d)
	_, err := s[0].WriteAt(stamp(1, 34*512), 512)
	require.NoError(t, err)
	m, err := exception.NewMerging(o, s[0])
	require.NoError(t, err)
	want := contents(t, m)
	d.Inject(func(op recorder.Op) recorder.Fault {
		if op.Kind == recorder.Write && op.Path == "a" && op.Length == 512 && op.Offset < 4096 {
			return recorder.After
		}
		return recorder.Pass
	})
	for err == nil {
		_, _, err = m.Step()
	}
	require.ErrorIs(t, err, recorder.ErrInjected)
	d.Inject(nil)
	d.Record()
	_, err = m.WriteAt([]byte{1}, 0)
	require.ErrorIs(t, err, exception.ErrUncertain)
	_, _, err = m.Step()
	require.ErrorIs(t, err, exception.ErrUncertain)
	assert.Empty(t, d.Writes())
	same(t, want, contents(t, m), "not known what the store says")
	o, s = u.open(t, d)
	m, err = exception.NewMerging(o, s[0])
	require.NoError(t, err)
	same(t, want, contents(t, m), "opened again")
	for left := units.Bytes(1); left > 0; {
		_, left, err = m.Step()
		require.NoError(t, err)
	}
	same(t, want, contents(t, o), "merged")
	same(t, stamp(0, 40*512), contents(t, s[1]), "the other snapshot")
}
