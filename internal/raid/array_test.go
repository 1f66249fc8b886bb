package raid_test

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/lvm-go/lvm/internal/raid"
	"github.com/lvm-go/lvm/units"
)

var errBroken = errors.New("broken")

// memory is a leg. Reads and writes of a range that is bad fail.
type memory struct {
	data             []byte
	badFrom, badTo   int
	badRead, badSync bool
	badWrite         bool
	reads            int
}

func (m *memory) bad(p []byte, off int64) bool {
	return int(off) < m.badTo && int(off)+len(p) > m.badFrom
}

func (m *memory) ReadAt(p []byte, off int64) (int, error) {
	m.reads += len(p)
	if m.badRead && m.bad(p, off) {
		return 0, errBroken
	}
	if off >= int64(len(m.data)) {
		return 0, io.EOF
	}
	n := copy(p, m.data[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (m *memory) WriteAt(p []byte, off int64) (int, error) {
	if m.badWrite && m.bad(p, off) {
		return 0, errBroken
	}
	return copy(m.data[off:], p), nil
}

func (m *memory) Sync() error {
	if m.badSync {
		return errBroken
	}
	return nil
}

func memories(g raid.Geometry, leg units.Sectors) []*memory {
	legs := make([]*memory, g.Legs)
	for i := range legs {
		legs[i] = &memory{data: random(uint64(1000+i), units.Bytes(leg)*512)}
	}
	return legs
}

func all(legs []*memory) []raid.Leg {
	var l []raid.Leg
	for _, m := range legs {
		l = append(l, raid.Leg{Data: m, InSync: raid.Whole})
	}
	return l
}

// times returns a·2ⁿ in the field of RAID 6, by long division.
func times(a byte, n int) byte {
	v := uint(a)
	for range n {
		v <<= 1
		if v >= 256 {
			v ^= 0x11d
		}
	}
	return byte(v)
}

// naive returns what the legs of an array hold, a byte at a time.
func naive(g raid.Geometry, leg units.Sectors, model []byte, legs [][]byte) [][]byte {
	out := make([][]byte, g.Legs)
	for i := range out {
		out[i] = slices.Clone(legs[i]) // what no chunk covers stays
	}
	size, _ := g.ArraySize(leg)
	data := make([][]bool, g.Legs)
	for i := range data {
		data[i] = make([]bool, leg)
	}
	for s := range size {
		for _, r := range g.Locate(s, leg) {
			copy(out[r.Leg][r.Sector*512:][:512], model[s*512:])
			data[r.Leg][r.Sector] = true
		}
	}
	if g.ParityLegs() == 0 {
		return out
	}
	for s := range leg / g.Chunk * g.Chunk {
		p, q := g.Parity(s)
		for at := int(s) * 512; at < int(s+1)*512; at++ {
			var sumP, sumQ byte
			for l := range g.Legs {
				if !data[l][s] {
					continue
				}
				n := l
				switch g.Layout {
				case raid.RAID6N6, raid.RAID6LA6, raid.RAID6RA6, raid.RAID6LS6, raid.RAID6RS6:
					if l > p {
						n--
					}
				}
				sumP ^= out[l][at]
				sumQ ^= times(out[l][at], n)
			}
			out[p][at] = sumP
			if q >= 0 {
				out[q][at] = sumQ
			}
		}
	}
	return out
}

// What is read is what was written, whatever legs are missing, stale or fail;
// and the legs are what they must be.
func TestArrayIsItsModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		g := drawGeometry(t)
		leg := max(g.Chunk, 8) * units.Sectors(rapid.IntRange(1, 7).Draw(t, "rows"))
		legs := memories(g, leg)
		size, _ := g.ArraySize(leg)
		model := random(7, units.Bytes(size)*512)
		held := make([][]byte, g.Legs)
		for i := range legs {
			held[i] = legs[i].data
		}
		for i, b := range naive(g, leg, model, held) {
			legs[i].data = b
		}

		// Some legs are missing, others in part, or have unreadable places.
		given := all(legs)
		var weak []int
		for _, l := range rapid.SliceOfNDistinct(rapid.IntRange(0, g.Legs-1), 0, g.Legs-1, rapid.ID).Draw(t, "weak") {
			if !g.Survives(append(slices.Clone(weak), l)) {
				continue
			}
			weak = append(weak, l)
			switch rapid.IntRange(0, 3).Draw(t, "how") {
			case 0:
				given[l].Data = nil
			case 1:
				given[l].InSync = units.Sectors(rapid.Uint64Range(0, uint64(leg)).Draw(t, "in sync"))
				clear(legs[l].data[given[l].InSync*512:])
			case 2:
				legs[l].badRead = true
				legs[l].badFrom = rapid.IntRange(0, len(legs[l].data)).Draw(t, "bad from")
				legs[l].badTo = rapid.IntRange(legs[l].badFrom, len(legs[l].data)).Draw(t, "bad to")
			case 3:
				counted := leg
				if g.Copies > 0 {
					counted = size
				}
				from := rapid.Uint64Range(0, uint64(counted)).Draw(t, "missed from")
				to := rapid.Uint64Range(from, uint64(counted)).Draw(t, "missed to")
				if from == to {
					continue
				}
				given[l].Missed = []raid.Range{{Sector: units.Sectors(from), Length: units.Sectors(to - from)}}
				for s := units.Sectors(from); s < units.Sectors(to); s++ {
					if g.Copies == 0 {
						clear(legs[l].data[s*512:][:512])
						continue
					}
					for _, r := range g.Locate(s, leg) {
						if r.Leg == l {
							clear(legs[l].data[r.Sector*512:][:512])
						}
					}
				}
			}
		}
		log := &noted{}
		a, err := raid.New(g, leg, given, raid.Options{Log: log})
		require.NoError(t, err)
		require.Equal(t, units.Bytes(len(model)), a.Size())
		var absent []int
		for i, l := range given {
			if l.Data == nil || l.InSync == 0 {
				absent = append(absent, i)
			}
		}
		if len(model) == 0 {
			return // a raid10 of too few rows
		}
		for range rapid.IntRange(1, 6).Draw(t, "steps") {
			off := rapid.IntRange(0, len(model)-1).Draw(t, "offset")
			n := rapid.IntRange(0, len(model)-off).Draw(t, "length")
			if rapid.Bool().Draw(t, "write") {
				data := random(rapid.Uint64().Draw(t, "data"), units.Bytes(n))
				copy(model[off:], data)
				k, err := a.WriteAt(data, int64(off))
				require.NoError(t, err)
				require.Equal(t, n, k)
				continue
			}
			got := make([]byte, n)
			k, err := a.ReadAt(got, int64(off))
			require.NoError(t, err)
			require.Equal(t, n, k)
			same(t, model[off:off+n], got, "%+v, from %d", g, off)
		}
		same(t, model, contents(t, a), "%+v", g)
		if len(log.behind) > 0 {
			require.ElementsMatch(t, absent, log.behind)
		}
		for i := range legs {
			held[i] = legs[i].data
		}
		for i, want := range naive(g, leg, model, held) {
			if given[i].Data == nil || len(given[i].Missed) > 0 && slices.Contains(a.Missing(), i) {
				continue
			}
			n := min(given[i].InSync, leg) * 512
			same(t, want[:n], legs[i].data[:n], "%+v, leg %d", g, i)
		}
	})
}

func TestNew(t *testing.T) {
	t.Parallel()
	g := raid.Geometry{Layout: raid.RAID5LS, Legs: 3, Chunk: 8}
	legs := all(memories(g, 64))
	for name, new := range map[string]func() (*raid.Array, error){
		"invalid":       func() (*raid.Array, error) { return raid.New(raid.Geometry{}, 64, nil, raid.Options{}) },
		"too few legs":  func() (*raid.Array, error) { return raid.New(g, 64, legs[:2], raid.Options{}) },
		"legs too long": func() (*raid.Array, error) { return raid.New(g, 1<<54, legs, raid.Options{}) },
	} {
		_, err := new()
		assert.ErrorIs(t, err, raid.ErrGeometry, name)
	}
	a, err := raid.New(g, 64+7, legs, raid.Options{})
	require.NoError(t, err)
	assert.Equal(t, units.Bytes(2*64*512), a.Size(), "whole chunks only")
	assert.Equal(t, g, a.Geometry())
}

func TestRange(t *testing.T) {
	t.Parallel()
	g := raid.Geometry{Layout: raid.RAID5LS, Legs: 3, Chunk: 8}
	a, err := raid.New(g, 64, all(memories(g, 64)), raid.Options{})
	require.NoError(t, err)
	size := int64(a.Size())
	b := make([]byte, 100)
	n, err := a.ReadAt(b, size)
	assert.Equal(t, io.EOF, err)
	assert.Zero(t, n)
	n, err = a.ReadAt(b, size-10)
	assert.Equal(t, io.EOF, err)
	assert.Equal(t, 10, n)
	_, err = a.ReadAt(b, -1)
	assert.ErrorIs(t, err, raid.ErrOutOfRange)
	for _, off := range []int64{-1, size - 99, size, size + 1} {
		_, err = a.WriteAt(b, off)
		assert.ErrorIs(t, err, raid.ErrOutOfRange, off)
	}
	n, err = a.WriteAt(nil, size)
	assert.NoError(t, err)
	assert.Zero(t, n)
}

// readOnly hides a leg's WriteAt.
type readOnly struct{ io.ReaderAt }

func TestWritesThatAreRefused(t *testing.T) {
	t.Parallel()
	for _, g := range geometries() {
		m := memories(g, 48)
		legs := all(m)
		legs[0].Data = readOnly{m[0]}
		a, err := raid.New(g, 48, legs, raid.Options{Log: &noted{}})
		require.NoError(t, err)
		_, err = a.WriteAt(make([]byte, 512), 0)
		require.ErrorIs(t, err, raid.ErrReadOnly, "%+v", g)
		if g.Layout == raid.RAID0 || g.Legs < 2 {
			continue
		}
		legs[0].Data = nil
		a, err = raid.New(g, 48, legs, raid.Options{})
		require.NoError(t, err)
		_, err = a.WriteAt(make([]byte, 512), 0)
		require.ErrorIs(t, err, raid.ErrReadOnly, "%+v", g)
	}
}

// failing is a log that cannot be written.
type failing struct{ atDirty bool }

func (f failing) Dirty(_, _ units.Sectors) error {
	if f.atDirty {
		return errBroken
	}
	return nil
}

func (f failing) Behind([]int) error { return errBroken }
func (f failing) Clean() error       { return errBroken }

// Nothing is written that the log does not know of.
func TestLogComesFirst(t *testing.T) {
	t.Parallel()
	for _, g := range geometries() {
		if g.Layout == raid.RAID0 {
			continue
		}
		for _, missing := range []bool{false, true} {
			m := memories(g, 48)
			legs := all(m)
			if missing {
				legs[1].Data = nil
			}
			a, err := raid.New(g, 48, legs, raid.Options{Log: failing{atDirty: !missing}})
			require.NoError(t, err)
			n, err := a.WriteAt(make([]byte, 8192), 0)
			require.ErrorIs(t, err, errBroken)
			require.Zero(t, n)
			for i, fresh := range memories(g, 48) {
				same(t, fresh.data, m[i].data, "%+v, leg %d", g, i)
			}
		}
	}
}

// The log is told of all sectors that are written.
func TestLogKnowsAll(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		g := drawGeometry(t)
		leg := max(g.Chunk, 8) * 12
		m := memories(g, leg)
		log := &noted{}
		a, err := raid.New(g, leg, all(m), raid.Options{Log: log})
		require.NoError(t, err)
		off := rapid.IntRange(0, int(a.Size())-1).Draw(t, "offset")
		n := rapid.IntRange(1, int(a.Size())-off).Draw(t, "length")
		_, err = a.WriteAt(random(3, units.Bytes(n)), int64(off))
		require.NoError(t, err)
		if g.Layout == raid.RAID0 {
			require.Empty(t, log.dirty)
			return
		}
		require.Len(t, log.dirty, 1)
		told := log.dirty[0]
		if g.Copies > 0 { // of the array
			require.LessOrEqual(t, int(told.Sector)*512, off)
			require.GreaterOrEqual(t, int(told.Sector+told.Length)*512, off+n)
			return
		}
		for i, before := range memories(g, leg) {
			from, to := int(told.Sector)*512, int(told.Sector+told.Length)*512
			same(t, before.data[:from], m[i].data[:from], "%+v, leg %d", g, i)
			same(t, before.data[to:], m[i].data[to:], "%+v, leg %d", g, i)
		}
	})
}

// A leg whose write fails is out, its error is told, and the rest is whole.
func TestWriteFails(t *testing.T) {
	t.Parallel()
	for _, g := range geometries() {
		if g.Layout == raid.RAID0 {
			continue
		}
		t.Run(name(g), func(t *testing.T) {
			t.Parallel()
			for leg := range g.Legs {
				m := memories(g, 720)
				log := &noted{}
				a, err := raid.New(g, 720, all(m), raid.Options{Log: log})
				require.NoError(t, err)
				model := random(1, a.Size())
				_, err = a.WriteAt(model, 0)
				require.NoError(t, err)
				m[leg].badWrite, m[leg].badTo = true, len(m[leg].data)
				data := random(2, a.Size()-1024)
				copy(model[512:], data)
				n, err := a.WriteAt(data, 512)
				assert.Equal(t, len(data), n)
				require.ErrorIs(t, err, errBroken)
				require.NotErrorIs(t, err, raid.ErrLost)
				var of *raid.LegError
				require.ErrorAs(t, err, &of)
				assert.Equal(t, leg, of.Leg)
				assert.Equal(t, []int{leg}, a.Missing())
				assert.Equal(t, []int{leg}, log.behind)
				same(t, model, contents(t, a), "without leg %d", leg)
				_, err = a.WriteAt(data[:100], 512)
				assert.NoError(t, err, "it is no longer asked")
			}
		})
	}
}

// Too many failures are told as such.
func TestWriteIsLost(t *testing.T) {
	t.Parallel()
	for _, g := range geometries() {
		m := memories(g, 720)
		for _, l := range m {
			l.badWrite, l.badTo = true, len(l.data)
		}
		a, err := raid.New(g, 720, all(m), raid.Options{Log: &noted{}})
		require.NoError(t, err)
		_, err = a.WriteAt(random(2, a.Size()), 0)
		require.ErrorIs(t, err, errBroken, "%+v", g)
		require.ErrorIs(t, err, raid.ErrLost, "%+v", g)
	}
}

func TestLostError(t *testing.T) {
	t.Parallel()
	g := raid.Geometry{Layout: raid.RAID5LS, Legs: 4, Chunk: 8}
	m := memories(g, 64)
	legs := all(m)
	legs[2].Data = nil
	m[0].badRead, m[0].badFrom, m[0].badTo = true, 16*512, 17*512
	a, err := raid.New(g, 64, legs, raid.Options{})
	require.NoError(t, err)
	_, err = a.ReadAt(make([]byte, a.Size()), 0)
	var lost *raid.LostError
	require.ErrorAs(t, err, &lost)
	assert.Equal(t, []int{0, 2}, slices.Sorted(slices.Values(lost.Legs)))
	assert.Equal(t, units.Sectors(16), lost.Sector)
	assert.Equal(t, raid.RAID5LS, lost.Layout)
	assert.False(t, lost.Dirty)
	require.ErrorIs(t, err, errBroken)
	require.ErrorIs(t, err, raid.ErrLost)
	assert.Contains(t, err.Error(), "raid5_ls: sector 16 of the legs")
}

// What a leg has in sync counts up to the last sector.
func TestInSyncInTheMiddleOfAChunk(t *testing.T) {
	t.Parallel()
	for _, g := range []raid.Geometry{{Layout: raid.RAID1, Legs: 2}, {Layout: raid.RAID5LS, Legs: 3, Chunk: 8}} {
		m := memories(g, 64)
		a, err := raid.New(g, 64, all(m), raid.Options{})
		require.NoError(t, err)
		model := random(4, a.Size())
		_, err = a.WriteAt(model, 0)
		require.NoError(t, err)
		legs := all(m)
		legs[0].InSync, legs[1].Data = 3, nil
		a, err = raid.New(g, 64, legs, raid.Options{})
		require.NoError(t, err)
		p := make([]byte, 8*512)
		n, err := a.ReadAt(p, 0)
		require.ErrorIs(t, err, raid.ErrLost)
		assert.Equal(t, 3*512, n, "%+v", g)
		same(t, model[:n], p[:n], "%+v", g)
	}
}

// Where a writer died, parity is not believed, but data are.
func TestDirty(t *testing.T) {
	t.Parallel()
	for _, g := range geometries() {
		if g.Layout == raid.RAID0 {
			continue
		}
		m := memories(g, 720)
		clean, err := raid.New(g, 720, all(m), raid.Options{})
		require.NoError(t, err)
		model := random(1, clean.Size())
		_, err = clean.WriteAt(model, 0)
		require.NoError(t, err)
		dirty := raid.Options{Log: &noted{}, Dirty: func(sector, length units.Sectors) bool { return sector < 72 && sector+length > 64 }}
		a, err := raid.New(g, 720, all(m), dirty)
		require.NoError(t, err)
		same(t, model, contents(t, a), "%+v", g)

		legs := all(m)
		legs[0].Data = nil
		a, err = raid.New(g, 720, legs, dirty)
		require.NoError(t, err)
		_, err = a.ReadAt(make([]byte, a.Size()), 0)
		p, q := g.Parity(64)
		if g.ParityLegs() == 0 || p == 0 || q == 0 {
			require.NoError(t, err, "%+v", g)
			continue
		}
		require.ErrorIs(t, err, raid.ErrDirty, "%+v", g)
		row := int64(64*512) * int64(g.DataLegs())
		if other := row / 512; g.DataLegs() > 1 {
			if g.Locate(units.Sectors(other), 720)[0].Leg == 0 {
				other += int64(g.Chunk)
			}
			_, err = a.WriteAt(make([]byte, 1), other*512)
			require.ErrorIs(t, err, raid.ErrDirty, "%+v", g)
		}
		// A whole row needs no parity, and what was written is good.
		fresh := random(9, units.Bytes(g.Chunk)*units.Bytes(g.DataLegs())*512)
		_, err = a.WriteAt(fresh, row)
		require.NoError(t, err, "%+v", g)
	}
}

func TestSync(t *testing.T) {
	t.Parallel()
	g := raid.Geometry{Layout: raid.RAID1, Legs: 3}
	m := memories(g, 64)
	log := &noted{}
	a, err := raid.New(g, 64, all(m), raid.Options{Log: log})
	require.NoError(t, err)
	require.NoError(t, a.Sync())
	m[1].badSync = true
	err = a.Sync()
	require.ErrorIs(t, err, errBroken)
	assert.Equal(t, []int{1}, a.Missing())
	assert.Equal(t, []int{1}, log.behind)
}

// A row without one of its legs is read once.
func TestDegradedReadsEachLegOnce(t *testing.T) {
	t.Parallel()
	g := raid.Geometry{Layout: raid.RAID5LS, Legs: 5, Chunk: 128}
	m := memories(g, 1280)
	legs := all(m)
	legs[3].Data = nil
	a, err := raid.New(g, 1280, legs, raid.Options{})
	require.NoError(t, err)
	_ = contents(t, a)
	for i, l := range m {
		assert.LessOrEqual(t, l.reads, len(l.data), fmt.Sprint(i))
	}
}
