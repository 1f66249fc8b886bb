package exception_test

import (
	"bytes"
	"context"
	"io"
	"math"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/lvm-go/lvm/exception"
	"github.com/lvm-go/lvm/internal/recorder"
	"github.com/lvm-go/lvm/units"
)

// model is what origin and snapshots must hold.
type model struct {
	origin    []byte
	snapshots [][]byte // nil: given up
}

func (m *model) check(t require.TestingT, o *exception.Origin, snapshots []*exception.Snapshot, when string) {
	same(t, m.origin, contents(t, o), "origin %s", when)
	for i, s := range snapshots {
		if m.snapshots[i] == nil {
			require.True(t, s.Store().Invalid())
			_, err := s.ReadAt(make([]byte, 1), 0)
			require.ErrorIs(t, err, exception.ErrInvalid)
			continue
		}
		same(t, m.snapshots[i], contents(t, s), "snapshot %d %s", i, when)
	}
}

// Any sequence of writes, to origin and snapshots, reopened and merged in
// between, does what copies would.
func TestSnapshotsAreCopies(t *testing.T) {
	t.Parallel()
	u := setup{origin: 150*512 + 100, stores: []int{400, 500, 90}, chunks: []units.Sectors{1, 2, 8}}
	rapid.Check(t, func(t *rapid.T) {
		d := u.blank(t)
		o, snapshots := u.open(t, d)
		m := &model{origin: d.Contents("origin", 0, u.origin)}
		for range snapshots {
			m.snapshots = append(m.snapshots, append([]byte(nil), m.origin...))
		}
		for n := range rapid.IntRange(1, 30).Draw(t, "ops") {
			off := rapid.IntRange(0, u.origin).Draw(t, "offset")
			data := stamp(n, rapid.IntRange(0, min(6000, u.origin-off)).Draw(t, "length"))
			which := rapid.IntRange(0, len(snapshots)-1).Draw(t, "which")
			switch rapid.SampledFrom([]string{"origin", "origin", "snapshot", "snapshot", "snapshot", "reopen", "merge"}).Draw(t, "op") {
			case "origin":
				_, err := o.WriteAt(data, int64(off))
				require.NoError(t, err)
				copy(m.origin[off:], data)
				for i, s := range snapshots {
					if s.Store().Invalid() {
						require.Equal(t, 2, i, "only the third is too small")
						m.snapshots[i] = nil
					}
				}
			case "snapshot":
				_, err := snapshots[which].WriteAt(data, int64(off))
				if m.snapshots[which] == nil {
					require.ErrorIs(t, err, exception.ErrInvalid)
					break
				}
				if which == 2 && err != nil {
					require.ErrorIs(t, err, exception.ErrFull)
					break
				}
				require.NoError(t, err)
				copy(m.snapshots[which][off:], data)
			case "reopen":
				if m.snapshots[2] == nil {
					_, err := exception.Open(device(t, d, "c"), 90*512)
					require.ErrorIs(t, err, exception.ErrInvalid)
					break
				}
				o, snapshots = u.open(t, d)
			case "merge":
				if m.snapshots[which] == nil {
					require.ErrorIs(t, o.Merge(context.Background(), snapshots[which], nil), exception.ErrInvalid)
					break
				}
				require.NoError(t, o.Merge(context.Background(), snapshots[which], nil))
				copy(m.origin, m.snapshots[which])
				for i, s := range snapshots {
					if s.Store().Invalid() {
						m.snapshots[i] = nil
					}
				}
				for range snapshots[which].Store().Exceptions() {
					require.Fail(t, "a merged snapshot has exceptions")
				}
			}
			m.check(t, o, snapshots, "after the write")
		}
		if m.snapshots[2] != nil {
			o, snapshots = u.open(t, d)
			m.check(t, o, snapshots, "reopened")
		}
	})
}

func TestBounds(t *testing.T) {
	t.Parallel()
	u := setup{origin: 10000, stores: []int{100}, chunks: []units.Sectors{8}}
	d := u.blank(t)
	o, snapshots := u.open(t, d)
	s := snapshots[0]
	for _, v := range []struct {
		name string
		io.ReaderAt
		io.WriterAt
	}{{"origin", o, o}, {"snapshot", s, s}} {
		_, err := v.WriteAt(make([]byte, 2), 9999)
		require.ErrorIs(t, err, exception.ErrOutOfRange, v.name)
		for _, off := range []int64{-1, 10001, math.MaxInt64} {
			_, err = v.WriteAt(make([]byte, 1), off)
			require.ErrorIs(t, err, exception.ErrOutOfRange, v.name)
		}
		assert.Empty(t, d.Writes(), v.name)
		n, err := v.WriteAt(nil, 0)
		assert.NoError(t, err)
		assert.Zero(t, n)
		_, err = v.ReadAt(make([]byte, 1), -1)
		require.ErrorIs(t, err, exception.ErrOutOfRange, v.name)
		n, err = v.ReadAt(make([]byte, 9), 9995)
		assert.Equal(t, io.EOF, err, v.name)
		assert.Equal(t, 5, n)
		n, err = v.ReadAt(make([]byte, 9), 10000)
		assert.Equal(t, io.EOF, err, v.name)
		assert.Zero(t, n)
	}
}

func TestOriginRefusals(t *testing.T) {
	t.Parallel()
	u := setup{origin: 8192, stores: []int{100}, chunks: []units.Sectors{8}}
	d := u.blank(t)
	o, snapshots := u.open(t, d)
	_, err := exception.NewOrigin(device(t, d, "origin"), 8191, snapshots[0])
	require.ErrorIs(t, err, exception.ErrOutOfRange)
	_, err = exception.NewOrigin(device(t, d, "origin"), math.MaxInt64+1)
	require.ErrorIs(t, err, exception.ErrOutOfRange)
	_, err = exception.NewOrigin(device(t, d, "origin"), 8192, snapshots[0], snapshots[0])
	require.ErrorIs(t, err, exception.ErrNotItsSnapshot)
	_, others := u.open(t, d)
	require.ErrorIs(t, o.Merge(context.Background(), others[0], nil), exception.ErrNotItsSnapshot)

	// A store that can only be read.
	store, err := exception.Open(struct{ io.ReaderAt }{device(t, d, "a")}, 100*512)
	require.NoError(t, err)
	s, err := exception.NewSnapshot(device(t, d, "origin"), 8192, store)
	require.NoError(t, err)
	o, err = exception.NewOrigin(device(t, d, "origin"), 8192, s)
	require.NoError(t, err)
	_, err = s.WriteAt([]byte{1}, 0)
	require.ErrorIs(t, err, exception.ErrReadOnly)
	_, err = o.WriteAt([]byte{1}, 0)
	require.ErrorIs(t, err, exception.ErrReadOnly)
	require.ErrorIs(t, o.Merge(context.Background(), s, nil), exception.ErrReadOnly)
	require.NoError(t, s.Sync())
	assert.Empty(t, d.Writes())
	same(t, stamp(0, 8192), contents(t, s), "read-only")
}

// A snapshot may be shorter than its origin, which has grown since.
func TestGrownOrigin(t *testing.T) {
	t.Parallel()
	u := setup{origin: 16384, stores: []int{100}, chunks: []units.Sectors{8}}
	d := u.blank(t)
	store, err := exception.Open(device(t, d, "a"), 100*512)
	require.NoError(t, err)
	s, err := exception.NewSnapshot(device(t, d, "origin"), 6000, store)
	require.NoError(t, err)
	o, err := exception.NewOrigin(device(t, d, "origin"), 16384, s)
	require.NoError(t, err)
	before := contents(t, s)
	_, err = o.WriteAt(stamp(1, 16384), 0)
	require.NoError(t, err)
	same(t, before, contents(t, s), "snapshot")
	assert.Equal(t, "32/100 16", store.Usage().String())
	require.NoError(t, o.Merge(context.Background(), s, nil))
	same(t, append(before, stamp(1, 16384)[6000:]...), contents(t, o), "merged")
}

func TestMergeIsResumed(t *testing.T) {
	t.Parallel()
	u := setup{origin: 100 * 512, stores: []int{300, 300}, chunks: []units.Sectors{1, 1}}
	d := u.blank(t)
	o, snapshots := u.open(t, d)
	s := snapshots[0]
	_, err := s.WriteAt(stamp(1, 100*512), 0)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	var told [][2]units.Bytes
	err = o.Merge(ctx, s, func(done, total units.Bytes) {
		told = append(told, [2]units.Bytes{done, total})
		if len(told) == 2 {
			cancel()
		}
	})
	require.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, [][2]units.Bytes{{4 * 512, 100 * 512}, {36 * 512, 100 * 512}}, told)
	_, err = o.WriteAt([]byte{1}, 0)
	require.ErrorIs(t, err, exception.ErrMerging)
	require.ErrorIs(t, o.Merge(context.Background(), snapshots[1], nil), exception.ErrMerging)
	same(t, stamp(1, 100*512), contents(t, s), "half merged")

	// The snapshot may be written in between.
	_, err = s.WriteAt(stamp(2, 600), 99*512-88)
	require.NoError(t, err)
	want := append(stamp(1, 99*512-88), stamp(2, 600)...)
	same(t, want, contents(t, s), "half merged, and written")

	o, snapshots = u.open(t, d)
	require.NoError(t, o.Merge(context.Background(), snapshots[0], nil))
	same(t, want, contents(t, o), "origin")
	same(t, want, contents(t, snapshots[0]), "snapshot")
	same(t, stamp(0, 100*512), contents(t, snapshots[1]), "the other snapshot")
	_, err = o.WriteAt([]byte{1}, 0)
	require.NoError(t, err)
}

// A call that fails leaves what was there, or what was to be; and where it is
// not known which, no more is written.
func TestFaults(t *testing.T) {
	t.Parallel()
	u := setup{origin: 40 * 512, stores: []int{100, 100}, chunks: []units.Sectors{1, 2}}
	write := func(o *exception.Origin, s []*exception.Snapshot) (changed string, err error) {
		if _, err := s[0].WriteAt(stamp(1, 34*512), 512); err != nil {
			return "snapshot", err
		}
		if _, err := o.WriteAt(stamp(2, 19000), 700); err != nil {
			return "origin", err
		}
		return "merge", o.Merge(context.Background(), s[0], nil)
	}
	calls := 0
	{
		d := u.blank(t)
		o, s := u.open(t, d)
		d.Inject(nil)
		_, err := write(o, s)
		require.NoError(t, err)
		calls = d.Calls()
	}
	require.Greater(t, calls, 100)
	before := stamp(0, u.origin)
	snapshot := stamp(0, u.origin)
	copy(snapshot[512:], stamp(1, 34*512))
	origin := stamp(0, u.origin)
	copy(origin[700:], stamp(2, 19000))
	for n := range calls {
		for _, fault := range []recorder.Fault{recorder.Before, recorder.After} {
			d := u.blank(t)
			o, s := u.open(t, d)
			count := 0
			d.Inject(func(recorder.Op) recorder.Fault {
				if count++; count == n+1 {
					return fault
				}
				return recorder.Pass
			})
			failed, err := write(o, s)
			require.ErrorIs(t, err, recorder.ErrInjected, "call %d", n)
			d.Inject(nil)
			for _, reopened := range []bool{false, true} {
				if reopened {
					o, s = u.open(t, d)
				}
				require.False(t, s[0].Store().Invalid())
				require.False(t, s[1].Store().Invalid())
				same(t, before, contents(t, s[1]), "second snapshot, call %d", n)
				switch failed {
				case "snapshot":
					same(t, before, contents(t, o), "origin, call %d", n)
					either(t, before, snapshot, contents(t, s[0]), "snapshot, call %d", n)
				case "origin":
					same(t, snapshot, contents(t, s[0]), "snapshot, call %d", n)
					either(t, before, origin, contents(t, o), "origin, call %d", n)
				case "merge":
					same(t, snapshot, contents(t, s[0]), "snapshot, call %d", n)
				}
			}
			if failed == "merge" {
				require.NoError(t, o.Merge(context.Background(), s[0], nil))
				same(t, snapshot, contents(t, o), "merged, call %d", n)
				same(t, stamp(0, u.origin), contents(t, s[1]), "second snapshot, merged, call %d", n)
			}
		}
	}
}

// After a write whose effect is not known nothing is written, to the origin least
// of all.
func TestUncertain(t *testing.T) {
	t.Parallel()
	u := setup{origin: 40 * 512, stores: []int{100}, chunks: []units.Sectors{1}}
	d := u.blank(t)
	o, s := u.open(t, d)
	d.Inject(func(op recorder.Op) recorder.Fault {
		if op.Kind == recorder.Write && op.Path == "a" && op.Offset == 512 {
			return recorder.After
		}
		return recorder.Pass
	})
	_, err := o.WriteAt([]byte{1}, 0)
	require.ErrorIs(t, err, recorder.ErrInjected)
	d.Inject(nil)
	d.Record()
	_, err = o.WriteAt([]byte{1}, 0)
	require.ErrorIs(t, err, exception.ErrUncertain)
	_, err = s[0].WriteAt([]byte{1}, 0)
	require.ErrorIs(t, err, exception.ErrUncertain)
	require.ErrorIs(t, o.Merge(context.Background(), s[0], nil), exception.ErrUncertain)
	assert.Empty(t, d.Writes())
	same(t, stamp(0, u.origin), contents(t, s[0]), "snapshot")
}

// Where a store cannot even be given up, the origin is not written.
func TestGivingUpFails(t *testing.T) {
	t.Parallel()
	u := setup{origin: 40 * 512, stores: []int{4}, chunks: []units.Sectors{1}}
	d := u.blank(t)
	o, s := u.open(t, d)
	d.Inject(func(op recorder.Op) recorder.Fault {
		if op.Kind == recorder.Sync && op.Path == "a" {
			return recorder.Before
		}
		return recorder.Pass
	})
	_, err := o.WriteAt(stamp(1, 4096), 0)
	require.ErrorIs(t, err, recorder.ErrInjected)
	d.Inject(nil)
	_, err = o.WriteAt(stamp(1, 4096), 0)
	require.ErrorIs(t, err, exception.ErrUncertain)
	same(t, stamp(0, u.origin), contents(t, o), "origin")
	same(t, stamp(0, u.origin), contents(t, s[0]), "snapshot")
}

// Whoever reads a snapshot while its origin is written sees it as it was.
func TestConcurrent(t *testing.T) {
	t.Parallel()
	u := setup{origin: 200 * 512, stores: []int{600, 600}, chunks: []units.Sectors{1, 8}}
	d := u.blank(t)
	o, snapshots := u.open(t, d)
	want := stamp(0, u.origin)
	var wg sync.WaitGroup
	done := make(chan struct{})
	for _, s := range snapshots {
		wg.Go(func() {
			for {
				b := make([]byte, u.origin)
				_, err := s.ReadAt(b, 0)
				assert.NoError(t, err)
				assert.True(t, bytes.Equal(want, b))
				_ = s.Store().Usage()
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	var writers sync.WaitGroup
	for w := range 2 {
		writers.Go(func() {
			for n := range 40 {
				_, err := o.WriteAt(stamp(n+w, 2000), int64(n*2400+w*700))
				assert.NoError(t, err)
			}
		})
	}
	writers.Wait()
	close(done)
	wg.Wait()
	for i, s := range snapshots {
		same(t, want, contents(t, s), "snapshot %d", i)
	}
}

// A snapshot without room is not given up for a write that fails.
func TestFullAndFailed(t *testing.T) {
	t.Parallel()
	u := setup{origin: 40 * 512, stores: []int{4, 100}, chunks: []units.Sectors{1, 1}}
	d := u.blank(t)
	o, s := u.open(t, d)
	d.Inject(func(op recorder.Op) recorder.Fault {
		if op.Kind == recorder.Sync && op.Path == "b" {
			return recorder.Before
		}
		return recorder.Pass
	})
	_, err := o.WriteAt(stamp(1, 4096), 0)
	require.ErrorIs(t, err, recorder.ErrInjected)
	d.Inject(nil)
	assert.False(t, s[0].Store().Invalid())
	_, s = u.open(t, d)
	for i := range s {
		same(t, stamp(0, u.origin), contents(t, s[i]), "snapshot %d", i)
	}
}
