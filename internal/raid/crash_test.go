package raid_test

import (
	"bytes"
	"encoding/binary"
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

// missBits makes it look as if the kernel had died while a leg was missing, after
// writes to a region.
func (a recordedArray) missBits(t require.TestingT, leg, region int) {
	for i := range a.g.Legs {
		if i == leg {
			from := 0
			for off := range int64(recordedLeg) {
				if !a.inRegion(leg, units.Sectors(off), region) {
					continue
				}
				a.disks.Change(dataPath(leg), off*512, random(77, 512))
				from++
			}
			require.Positive(t, from)
			continue
		}
		bits := a.disks.Contents(metaPath(i), atBits, 8)
		bits[region/8] |= 1 << (region % 8)
		a.disks.Change(metaPath(i), atBits, bits)
	}
	a.disks.Record()
}

// inRegion reports whether a sector of a leg belongs to a region of the bitmap,
// which has 8 sectors.
func (a recordedArray) inRegion(leg int, sector units.Sectors, region int) bool {
	if a.g.Copies == 0 {
		return int(sector)/8 == region
	}
	for at := units.Sectors(region) * 8; at < units.Sectors(region+1)*8; at++ {
		for _, r := range a.g.Locate(at, recordedLeg) {
			if r.Leg == leg && r.Sector == sector {
				return true
			}
		}
	}
	return false
}

// What a leg has missed is made good before anything is written, and not taken for
// good before all of it is.
func TestCrashWhileMending(t *testing.T) {
	t.Parallel()
	for file, g := range crashing() {
		t.Run(name(g), func(t *testing.T) {
			t.Parallel()
			a := newRecordedArray(t, file, g)
			model := contents(t, a.open(t))
			a.missBits(t, 1, 2)
			_, state, err := raid.Open(g, recordedLeg, a.devices(t), raid.OpenOptions{})
			require.NoError(t, err)
			require.Equal(t, raid.Missed, state.Legs[1].Condition)
			r := a.open(t)
			same(t, model, contents(t, r), "before")
			last, moments := a.record(t, r, model)
			for c := range a.disks.Crashes(recorder.CrashOptions{Exhaustive: 8, Random: 2, Seed: 1}) {
				a.check(t, at(moments, c.After), c, false)
			}
			require.NoError(t, r.Clean())
			again, state, err := raid.Open(g, recordedLeg, a.devices(t), raid.OpenOptions{})
			require.NoError(t, err)
			for i := range state.Legs {
				assert.Equal(t, raid.LegState{InSync: raid.Whole}, state.Legs[i])
			}
			same(t, last, contents(t, again), "mended")
			for leg := range g.Legs {
				ro, _, err := raid.Open(g, recordedLeg, a.devices(t, leg), raid.OpenOptions{ReadOnly: true, BelieveParity: true})
				require.NoError(t, err)
				same(t, last, contents(t, ro), "mended, without leg %d", leg)
			}
		})
	}
}

// bits returns the first bits of each bitmap, and how far each superblock says that
// the array is in sync.
func (a recordedArray) bits() (bits []byte, resynced []units.Sectors) {
	for i := range a.g.Legs {
		bits = append(bits, a.disks.Contents(metaPath(i), atBits, 1)[0])
		b := a.disks.Contents(metaPath(i), atResynced, 8)
		resynced = append(resynced, units.Sectors(binary.LittleEndian.Uint64(b)))
	}
	return bits, resynced
}

// Bits are there from before the first write to after the last, and the
// superblocks have the kernel look at them. While a leg is behind they stay: the
// kernel copies to it where they are.
func TestLogOnDisk(t *testing.T) {
	t.Parallel()
	a := newRecordedArray(t, "raid5_ls-3-clean", raid5)
	const none = raid.Whole
	r := a.open(t)
	row := int64(2 * 8 * 512)
	write := func(n int64) {
		_, err := r.WriteAt(random(uint64(n), 512), n*row)
		require.NoError(t, err)
	}
	expect := func(bits []byte, resynced ...units.Sectors) {
		t.Helper()
		gotBits, gotResynced := a.bits()
		assert.Equal(t, bits, gotBits)
		assert.Equal(t, resynced, gotResynced)
	}
	expect([]byte{0, 0, 0}, none, none, none)
	write(3)
	expect([]byte{8, 8, 8}, 24, 24, 24)
	write(1)
	expect([]byte{10, 10, 10}, 8, 8, 8)
	write(2)
	expect([]byte{14, 14, 14}, 8, 8, 8)
	calls := len(a.disks.Log())
	write(2)
	assert.Len(t, a.disks.Log(), calls+2, "data and parity only")
	require.NoError(t, r.Clean())
	expect([]byte{0, 0, 0}, none, none, none)
	calls = len(a.disks.Log())
	require.NoError(t, r.Clean())
	assert.Len(t, a.disks.Log(), calls+3, "a sync of each leg")

	r = a.open(t, 1)
	write(2)
	expect([]byte{4, 0, 4}, none, none, none)
	require.NoError(t, r.Clean())
	expect([]byte{4, 0, 4}, none, none, none)
}

// Bits that a dead writer has left on some legs are on all before the next write.
func TestLogMakesBitsAlike(t *testing.T) {
	t.Parallel()
	a := newRecordedArray(t, "raid5_ls-3-clean", raid5)
	a.disks.Change(metaPath(0), atBits, []byte{2}) // the array needs two legs, so it was not written
	r := a.open(t)
	_, err := r.WriteAt(random(1, 512), 2*8*512)
	require.NoError(t, err)
	bits, _ := a.bits()
	assert.Equal(t, []byte{2, 2, 2}, bits)
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
