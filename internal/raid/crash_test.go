package raid_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/raid"
	"github.com/lvm-go/lvm/internal/recorder"
	"github.com/lvm-go/lvm/units"
)

// recordedArray is an array with the metadata that the kernel left, on devices
// that are recorded.
type recordedArray struct {
	g     raid.Geometry
	disks *recorder.Disks
}

func metaPath(leg int) string { return fmt.Sprintf("meta%d", leg) }
func dataPath(leg int) string { return fmt.Sprintf("data%d", leg) }

func newRecordedArray(t require.TestingT, file string, g raid.Geometry) recordedArray {
	var paths []string
	for i := range g.Legs {
		paths = append(paths, metaPath(i), dataPath(i))
	}
	a := recordedArray{g, recorder.New(units.Bytes(recordedLeg)*512, paths...)}
	legs := make([]raid.Leg, g.Legs)
	for i, b := range recorded(t, file) {
		a.disks.Change(metaPath(i), 0, b)
		legs[i] = raid.Leg{Data: a.device(t, dataPath(i)), InSync: raid.Whole}
	}
	r, err := raid.New(g, recordedLeg, legs, raid.Options{})
	require.NoError(t, err)
	_, err = r.WriteAt(random(1, r.Size()), 0)
	require.NoError(t, err)
	a.disks.Record()
	return a
}

func (a recordedArray) device(t require.TestingT, path string) *recorder.Device {
	d, err := a.disks.Open(path, true)
	require.NoError(t, err)
	return d
}

func (a recordedArray) devices(t require.TestingT, missing ...int) []raid.Devices {
	d := make([]raid.Devices, a.g.Legs)
	for i := range d {
		if !slices.Contains(missing, i) {
			d[i] = raid.Devices{Meta: a.device(t, metaPath(i)), Data: a.device(t, dataPath(i))}
		}
	}
	return d
}

func (a recordedArray) open(t require.TestingT, missing ...int) *raid.Array {
	r, _, err := raid.Open(a.g, recordedLeg, a.devices(t, missing...), raid.OpenOptions{})
	require.NoError(t, err)
	return r
}

// crashing are the arrays of the crash tests.
func crashing() map[string]raid.Geometry {
	return map[string]raid.Geometry{
		"raid1-2-clean":    {Layout: raid.RAID1, Legs: 2},
		"raid5_ls-3-clean": raid5,
		"raid6_zr-5-clean": {Layout: raid.RAID6ZR, Legs: 5, Chunk: 8},
		"raid10-4-clean":   {Layout: raid.RAID10Near, Legs: 4, Chunk: 8, Copies: 2},
	}
}

// oneOf checks that each sector of what is read is one of those that it may be.
func oneOf(t require.TestingT, v *versions, got []byte, first int, format string, args ...any) {
	for i := 0; i < len(got); i += 512 {
		if !slices.ContainsFunc(v.all, func(b []byte) bool { return bytes.Equal(b[first+i:first+i+512], got[i:i+512]) }) {
			require.Fail(t, "contents that never were", append([]any{"sector %d: " + format, (first + i) / 512}, args...)...)
		}
	}
}

// versions is what an array may hold.
type versions struct{ all [][]byte }

func (v *versions) write(p []byte, off int) {
	b := slices.Clone(v.all[len(v.all)-1])
	copy(b[off:], p)
	v.all = append(v.all, b)
}

// moment is what the array may hold from some event on.
type moment struct {
	event int
	versions
}

// record writes some of the array, and returns what it may hold when. What was
// flushed stays.
func (a recordedArray) record(t require.TestingT, r *raid.Array, before []byte) (last []byte, moments []moment) {
	v := versions{[][]byte{before}}
	note := func() {
		moments = append(moments, moment{len(a.disks.Log()), versions{slices.Clone(v.all)}})
	}
	note()
	for i, w := range []struct{ off, size int }{{5 * 512, 512}, {20 * 512, 30 * 512}, {0, 1024}} {
		p := random(uint64(40+i), units.Bytes(w.size))
		v.write(p, w.off)
		note()
		_, err := r.WriteAt(p, int64(w.off))
		require.NoError(t, err)
		if i == 1 {
			require.NoError(t, r.Clean())
			v.all = v.all[len(v.all)-1:]
			note()
		}
	}
	return v.all[len(v.all)-1], moments
}

// at is the moment that an event belongs to.
func at(moments []moment, event int) *moment {
	m := &moments[0]
	for i := range moments {
		if moments[i].event <= event {
			m = &moments[i]
		}
	}
	return m
}

// check reads each sector with some legs missing: it is what it may be, or refused
// since a writer died there, if that may be.
func (a recordedArray) check(t require.TestingT, m *moment, c recorder.Crash, mayRefuse bool, missing ...int) {
	b := recordedArray{a.g, c.Disks}
	r := b.open(t, missing...)
	p := make([]byte, 512)
	for off := int64(0); off < int64(r.Size()); off += 512 {
		_, err := r.ReadAt(p, off)
		if err != nil && mayRefuse && errors.Is(err, raid.ErrDirty) {
			continue
		}
		require.NoError(t, err, "without %v: event %d, %s", missing, c.After, c.What)
		oneOf(t, &m.versions, p, int(off), "without %v: event %d, %s", missing, c.After, c.What)
	}
}

// checkDegraded reads each sector after a leg was missing. In rows that were being
// written, what was on that leg may come out as neither: it depended on all the
// others. All else is what it may be.
func (a recordedArray) checkDegraded(t require.TestingT, m *moment, c recorder.Crash, gone int, missing ...int) {
	b := recordedArray{a.g, c.Disks}
	r := b.open(t, missing...)
	got := contents(t, r)
	row := int(a.g.Chunk) * a.g.DataLegs() * 512
	for off := 0; off < len(got); off += 512 {
		if a.g.ParityLegs() > 0 && a.g.Locate(units.Sectors(off/512), recordedLeg)[0].Leg == gone {
			from := off / row * row
			first := m.all[0][from : from+row]
			if slices.ContainsFunc(m.all, func(v []byte) bool { return !bytes.Equal(first, v[from:from+row]) }) {
				continue
			}
		}
		oneOf(t, &m.versions, got[off:off+512], off, "without %v: event %d, %s", missing, c.After, c.What)
	}
}

// After a loss of power while all legs were there, each sector is what it was or
// what it was to be; also if a leg does not come back, but then some may be
// refused.
func TestCrash(t *testing.T) {
	t.Parallel()
	for file, g := range crashing() {
		t.Run(name(g), func(t *testing.T) {
			t.Parallel()
			a := newRecordedArray(t, file, g)
			_, moments := a.record(t, a.open(t), contents(t, a.open(t)))
			states := 0
			for c := range a.disks.Crashes(recorder.CrashOptions{Exhaustive: 8, Random: 2, Seed: 1}) {
				m := at(moments, c.After)
				a.check(t, m, c, false)
				a.check(t, m, c, g.ParityLegs() > 0, states%g.Legs)
				states++
			}
			assert.Greater(t, states, 50)
		})
	}
}

// After a loss of power while a leg was missing, its stale contents are not read
// when it is back. What was not written is refused at most where writes were
// under way.
func TestCrashDegraded(t *testing.T) {
	t.Parallel()
	for file, g := range crashing() {
		t.Run(name(g), func(t *testing.T) {
			t.Parallel()
			a := newRecordedArray(t, file, g)
			const leg = 1
			r := a.open(t, leg)
			_, moments := a.record(t, r, contents(t, r))
			states := 0
			for c := range a.disks.Crashes(recorder.CrashOptions{Exhaustive: 8, Random: 2, Seed: 1}) {
				m := at(moments, c.After)
				b := recordedArray{g, c.Disks}
				back, state, err := raid.Open(g, recordedLeg, b.devices(t), raid.OpenOptions{})
				require.NoError(t, err)
				for _, missing := range [][]int{nil, {leg}} {
					a.checkDegraded(t, m, c, leg, missing...)
				}
				if state.Degraded {
					assert.Equal(t, raid.Failed, state.Legs[leg].Condition)
					assert.Contains(t, back.Missing(), leg)
				} else {
					same(t, m.all[0], contents(t, back), "nothing is written yet: event %d, %s", c.After, c.What)
				}
				states++
			}
			assert.Greater(t, states, 30)
		})
	}
}

// Legs that writes fail on, of which there are no more than may be missing, are
// named, and not read when the array is opened again.
func TestFailedLegIsNamed(t *testing.T) {
	t.Parallel()
	for file, g := range crashing() {
		t.Run(name(g), func(t *testing.T) {
			t.Parallel()
			for leg := range g.Legs {
				a := newRecordedArray(t, file, g)
				r := a.open(t)
				model := contents(t, r)
				a.disks.Inject(func(op recorder.Op) recorder.Fault {
					if op.Kind == recorder.Write && op.Path == dataPath(leg) {
						return recorder.Before
					}
					return recorder.Pass
				})
				data := random(5, 40*512)
				copy(model[8*512:], data)
				n, err := r.WriteAt(data, 8*512)
				require.Error(t, err)
				require.Equal(t, len(data), n)
				require.NotErrorIs(t, err, raid.ErrLost)
				a.disks.Inject(nil)
				again, state, err := raid.Open(g, recordedLeg, a.devices(t), raid.OpenOptions{})
				require.NoError(t, err)
				assert.Equal(t, raid.Failed, state.Legs[leg].Condition)
				same(t, model, contents(t, again), "leg %d", leg)
			}
		})
	}
}
