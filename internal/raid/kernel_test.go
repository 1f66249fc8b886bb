package raid_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/raid"
	"github.com/lvm-go/lvm/internal/umltest"
	"github.com/lvm-go/lvm/units"
)

// metaSize is room for the superblock and the bitmap.
const metaSize = 64 << 10

// disk is a file, and the loop device on it that the kernel gets.
type disk struct {
	*os.File
	loop string
}

func newDisk(t *testing.T, size units.Bytes) disk {
	loop, path := umltest.Loop(t, int64(size))
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, f.Close()) })
	return disk{f, loop}
}

// array is an array that is active in the kernel or open here, in turn.
type array struct {
	t          *testing.T
	g          raid.Geometry
	leg        units.Sectors
	metas      []disk
	legs       []disk
	regionSize int // sectors
	name       string
}

func newArray(t *testing.T, g raid.Geometry, leg units.Sectors) *array {
	a := &array{t: t, g: g, leg: leg, regionSize: 64, name: "array"}
	size, ok := leg.Bytes()
	require.True(t, ok)
	for range g.Legs {
		a.metas = append(a.metas, newDisk(t, metaSize))
		a.legs = append(a.legs, newDisk(t, size))
	}
	return a
}

func (a *array) sectors() units.Sectors {
	n, ok := a.g.ArraySize(a.leg)
	require.True(a.t, ok)
	return n
}

// table is what the kernel gets; legs that are missing are "-".
func (a *array) table(missing []int, params ...string) string {
	word, format := string(a.g.Layout), ""
	if rest, ok := strings.CutPrefix(word, "raid10_"); ok {
		word, format = "raid10", rest
	}
	words := []string{fmt.Sprint(uint64(a.g.Chunk))}
	if a.g.Layout != raid.RAID0 {
		words = append(words, "region_size", fmt.Sprint(a.regionSize))
	}
	words = append(words, params...)
	if a.g.Copies > 0 {
		words = append(words, "raid10_copies", fmt.Sprint(a.g.Copies))
	}
	if format != "" {
		words = append(words, "raid10_format", format)
	}
	var devices []string
	for i := range a.legs {
		switch {
		case slices.Contains(missing, i):
			devices = append(devices, "- -")
		case a.g.Layout == raid.RAID0:
			devices = append(devices, "- "+a.legs[i].loop)
		default:
			devices = append(devices, a.metas[i].loop+" "+a.legs[i].loop)
		}
	}
	return fmt.Sprintf("0 %d raid %s %d %s %d %s", uint64(a.sectors()), word, len(words), strings.Join(words, " "),
		a.g.Legs, strings.Join(devices, " "))
}

// activate gives the array to the kernel.
func (a *array) activate(missing []int, params ...string) (stop func()) {
	a.t.Helper()
	umltest.Run(a.t, "dmsetup", "create", a.name, "--noudevrules", "--noudevsync", "--table", a.table(missing, params...))
	stopped := false
	stop = func() {
		if !stopped {
			stopped = true
			umltest.Run(a.t, "dmsetup", "remove", "--retry", "--noudevrules", "--noudevsync", a.name)
		}
	}
	a.t.Cleanup(stop)
	return stop
}

// status is what the kernel says.
type status struct{ health, ratio, action, mismatches string }

func (a *array) status() status {
	words := strings.Fields(umltest.Run(a.t, "dmsetup", "status", a.name))
	require.GreaterOrEqual(a.t, len(words), 9, words)
	return status{words[5], words[6], words[7], words[8]}
}

// settle waits until the kernel does nothing any more.
func (a *array) settle() status {
	a.t.Helper()
	if a.g.Layout == raid.RAID0 {
		return status{}
	}
	deadline := time.Now().Add(30 * time.Second)
	for {
		s := a.status()
		done, total, _ := strings.Cut(s.ratio, "/")
		if s.action == "idle" && done == total {
			return s
		}
		require.True(a.t, time.Now().Before(deadline), "still busy: %+v", s)
		time.Sleep(20 * time.Millisecond)
	}
}

// scrub has the kernel compare copies or parity with the data.
func (a *array) scrub() status {
	a.t.Helper()
	a.settle()
	umltest.Run(a.t, "dmsetup", "message", a.name, "0", "check")
	time.Sleep(20 * time.Millisecond)
	return a.settle()
}

func (a *array) device() *os.File {
	f, err := os.OpenFile("/dev/mapper/"+a.name, os.O_RDWR, 0)
	require.NoError(a.t, err)
	return f
}

// kernelRead returns what the kernel says is in the array.
func (a *array) kernelRead() []byte {
	f := a.device()
	defer func() { require.NoError(a.t, f.Close()) }()
	n, ok := a.sectors().Bytes()
	require.True(a.t, ok)
	b := make([]byte, n)
	_, err := f.ReadAt(b, 0)
	require.NoError(a.t, err)
	return b
}

func (a *array) kernelWrite(p []byte, off int64) {
	f := a.device()
	defer func() { require.NoError(a.t, f.Close()) }()
	_, err := f.WriteAt(p, off)
	require.NoError(a.t, err)
	require.NoError(a.t, f.Sync())
}

// noted is a log that notes what it was told.
type noted struct {
	dirty  []raid.Run
	behind []int
}

func (n *noted) Dirty(sector, length units.Sectors) error {
	n.dirty = append(n.dirty, raid.Run{Sector: sector, Length: length})
	return nil
}

func (n *noted) Behind(legs []int) error {
	n.behind = append(n.behind, legs...)
	return nil
}

func (n *noted) Clean() error { return nil }

// devices are the legs, without those that are missing.
func (a *array) devices(missing []int) []raid.Devices {
	d := make([]raid.Devices, a.g.Legs)
	for i := range d {
		if slices.Contains(missing, i) {
			continue
		}
		d[i].Data = a.legs[i]
		if a.g.Layout != raid.RAID0 {
			d[i].Meta = a.metas[i]
		}
	}
	return d
}

// open opens the array here, without legs that are missing.
func (a *array) open(missing []int) *raid.Array {
	r, _ := a.judge(missing)
	return r
}

func (a *array) judge(missing []int) (*raid.Array, *raid.State) {
	a.t.Helper()
	r, s, err := raid.Open(a.g, a.leg, a.devices(missing), raid.OpenOptions{})
	require.NoError(a.t, err)
	return r, s
}

// scribble writes here and there, and returns what the array shall hold then.
func scribble(t *testing.T, r *raid.Array, model []byte, seed uint64, times int) {
	rnd := rand.New(rand.NewPCG(seed, 0))
	for range times {
		off := rnd.IntN(len(model))
		n := 1 + rnd.IntN(min(len(model)-off, 100<<10))
		if rnd.IntN(2) == 0 { // as a file system writes
			off, n = off&^511, (n+511)&^511
		}
		data := random(rnd.Uint64(), units.Bytes(min(n, len(model)-off)))
		copy(model[off:], data)
		k, err := r.WriteAt(data, int64(off))
		require.NoError(t, err)
		require.Equal(t, len(data), k)
	}
}

func name(g raid.Geometry) string { return fmt.Sprintf("%s of %d", g.Layout, g.Legs) }

// The kernel and this package read what the other has written, with all legs and
// with all sets of legs missing that leave enough.
func TestKernelLayouts(t *testing.T) {
	umltest.NeedKernel(t)
	for n, g := range geometries() {
		t.Run(name(g), func(t *testing.T) {
			leg := units.Sectors(720) // in chunks of 8 and 16, for 1, 2 and 3 copies, and whole for 5 legs
			a := newArray(t, g, leg)
			stop := a.activate(nil)
			a.settle()
			model := random(uint64(n), units.Bytes(a.sectors())*512)
			a.kernelWrite(model, 0)
			if g.Layout != raid.RAID0 {
				require.Equal(t, "0", a.scrub().mismatches)
			}
			stop()

			_, state := a.judge(nil)
			assert.False(t, state.Fresh)
			assert.False(t, state.Doubtful(0, leg))
			for i := range state.Legs {
				assert.Equal(t, raid.LegState{InSync: raid.Whole}, state.Legs[i], "leg %d", i)
			}
			survived, lost := missingSets(g)
			for _, missing := range survived {
				same(t, model, contents(t, a.open(missing)), "written by the kernel, without %v", missing)
			}
			for _, missing := range lost {
				r, _, err := raid.Open(g, leg, a.devices(missing), raid.OpenOptions{ReadOnly: true})
				require.NoError(t, err)
				_, err = r.ReadAt(make([]byte, len(model)), 0)
				assert.ErrorIs(t, err, raid.ErrLost, "without %v", missing)
			}

			r := a.open(nil)
			scribble(t, r, model, uint64(n), 12)
			require.NoError(t, r.Clean())
			stop = a.activate(nil)
			same(t, model, a.kernelRead(), "written here")
			if g.Layout != raid.RAID0 {
				s := a.scrub()
				assert.Equal(t, "0", s.mismatches)
				assert.Equal(t, strings.Repeat("A", g.Legs), s.health)
			}
			stop()

			// What is written without some legs, the kernel reads without them, too;
			// and it rebuilds them when they are back.
			for i, missing := range survived[1:] {
				if every := max(len(survived)/2, 1); i%every != n%every {
					continue // a guest is slow, and layouts after each other are alike
				}
				if (g.Layout == raid.RAID10Far || g.Layout == raid.RAID10Offset) && len(missing) > 1 {
					continue // the kernel counts the copies as those of raid10, and refuses some
				}
				r := a.open(missing)
				scribble(t, r, model, uint64(n+i), 3)
				require.NoError(t, r.Clean())
				again, state := a.judge(nil)
				for _, leg := range missing {
					assert.Equal(t, raid.LegState{Condition: raid.Failed}, state.Legs[leg])
				}
				same(t, model, contents(t, again), "with %v, which are behind", missing)
				if i%2 == 0 {
					stop := a.activate(missing)
					same(t, model, a.kernelRead(), "written here without %v", missing)
					stop()
				}
				stop := a.activate(nil)
				s := a.scrub()
				assert.Equal(t, strings.Repeat("A", g.Legs), s.health, "%v are back", missing)
				assert.Equal(t, "0", s.mismatches)
				same(t, model, a.kernelRead(), "%v are back", missing)
				stop()
			}
		})
	}
}
