package exception_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/exception"
	"github.com/lvm-go/lvm/internal/umltest"
	"github.com/lvm-go/lvm/units"
)

// disk is a file, and the loop device on it that the kernel gets.
type disk struct {
	*os.File
	loop    string
	sectors int
}

func newDisk(t *testing.T, sectors int) disk {
	loop, path := umltest.Loop(t, int64(sectors)*512)
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, f.Close()) })
	return disk{f, loop, sectors}
}

func (d disk) size() units.Bytes { return units.Bytes(d.sectors) * 512 }

// stack is an origin with its snapshots, which is active in the kernel or open
// here, in turn.
type stack struct {
	t      *testing.T
	origin disk
	cows   []disk
	chunks []int
}

func newStack(t *testing.T, sectors int, cows, chunks []int) *stack {
	t.Helper()
	umltest.NeedKernel(t)
	k := &stack{t: t, origin: newDisk(t, sectors), chunks: chunks}
	for _, n := range cows {
		k.cows = append(k.cows, newDisk(t, n))
	}
	_, err := k.origin.WriteAt(stamp(0, sectors*512), 0)
	require.NoError(t, err)
	return k
}

// names returns the mapped devices, the origin first.
func (k *stack) names() []string {
	names := []string{"origin"}
	for i := range k.cows {
		names = append(names, storeName(i))
	}
	return names
}

// activate makes the devices. If merge is not -1, that snapshot is merged, and
// has no device.
func (k *stack) activate(merge int) (stop func()) {
	k.t.Helper()
	var made []string
	create := func(name, table string) {
		umltest.Run(k.t, "dmsetup", "create", name, "--noudevrules", "--noudevsync", "--table", fmt.Sprintf("0 %d %s", k.origin.sectors, table))
		made = append(made, name)
	}
	origin := "snapshot-origin " + k.origin.loop
	for i, c := range k.cows {
		params := fmt.Sprintf("%s %s P %d", k.origin.loop, c.loop, k.chunks[i])
		if i == merge {
			origin = "snapshot-merge " + params
			continue
		}
		create(storeName(i), "snapshot "+params)
	}
	create("origin", origin)
	done := false
	stop = func() {
		if done {
			return
		}
		done = true
		for _, name := range made {
			umltest.Run(k.t, "dmsetup", "remove", "--noudevrules", "--noudevsync", name)
		}
	}
	k.t.Cleanup(stop)
	return stop
}

// status returns what the kernel says of a snapshot.
func (k *stack) status(name string) string {
	k.t.Helper()
	f := strings.Fields(umltest.Run(k.t, "dmsetup", "status", name))
	require.Greater(k.t, len(f), 3)
	return strings.Join(f[3:], " ")
}

// with opens a mapped device.
func (k *stack) with(name string, do func(f *os.File)) {
	k.t.Helper()
	f, err := os.OpenFile("/dev/mapper/"+name, os.O_RDWR, 0)
	require.NoError(k.t, err)
	do(f)
	require.NoError(k.t, f.Sync())
	require.NoError(k.t, f.Close())
}

// read returns all of a mapped device.
func (k *stack) read(name string) []byte {
	k.t.Helper()
	b := make([]byte, k.origin.size())
	k.with(name, func(f *os.File) {
		_, err := f.ReadAt(b, 0)
		require.NoError(k.t, err)
	})
	return b
}

// open opens all here.
func (k *stack) open() (*exception.Origin, []*exception.Snapshot) {
	k.t.Helper()
	var snapshots []*exception.Snapshot
	for i, c := range k.cows {
		store, err := exception.Open(c, c.size())
		require.NoError(k.t, err, storeName(i))
		s, err := exception.NewSnapshot(k.origin, k.origin.size(), store)
		require.NoError(k.t, err)
		snapshots = append(snapshots, s)
	}
	o, err := exception.NewOrigin(k.origin, k.origin.size(), snapshots...)
	require.NoError(k.t, err)
	return o, snapshots
}

// change is a write to the origin (0) or to a snapshot.
type change struct {
	to   int
	off  int64
	data []byte
}

// changes draws writes, some to whole chunks, most not.
func (k *stack) changes(r *rand.Rand, n int) []change {
	var list []change
	for range n {
		length := 1 + r.IntN(min(64, k.origin.sectors))
		off := r.IntN(k.origin.sectors - length + 1)
		list = append(list, change{r.IntN(len(k.cows) + 1), int64(off) * 512, stamp(r.IntN(200)+1, length*512)})
	}
	return list
}

// apply does the same to the model.
func (c change) apply(m *model) {
	if c.to == 0 {
		copy(m.origin[c.off:], c.data)
	} else {
		copy(m.snapshots[c.to-1][c.off:], c.data)
	}
}

func (k *stack) model() *model {
	m := &model{origin: stamp(0, int(k.origin.size()))}
	for range k.cows {
		m.snapshots = append(m.snapshots, stamp(0, int(k.origin.size())))
	}
	return m
}

// byKernel lets the kernel write, and compares what it and this package read,
// and how full they find the stores.
func (k *stack) byKernel(m *model, list []change) {
	k.t.Helper()
	stop := k.activate(-1)
	for _, c := range list {
		k.with(k.names()[c.to], func(f *os.File) {
			_, err := f.WriteAt(c.data, c.off)
			require.NoError(k.t, err)
		})
		c.apply(m)
	}
	same(k.t, m.origin, k.read("origin"), "the kernel's origin")
	var status []string
	for i := range k.cows {
		same(k.t, m.snapshots[i], k.read(storeName(i)), "the kernel's snapshot %d", i)
		status = append(status, k.status(storeName(i)))
	}
	stop()
	o, snapshots := k.open()
	m.check(k.t, o, snapshots, "written by the kernel")
	for i, s := range snapshots {
		assert.Equal(k.t, status[i], s.Store().Usage().String())
		assert.Equal(k.t, units.Sectors(k.chunks[i]), s.Store().ChunkSize())
	}
}

// byUs does the same the other way.
func (k *stack) byUs(m *model, list []change) {
	k.t.Helper()
	o, snapshots := k.open()
	for _, c := range list {
		var err error
		if c.to == 0 {
			_, err = o.WriteAt(c.data, c.off)
		} else {
			_, err = snapshots[c.to-1].WriteAt(c.data, c.off)
		}
		require.NoError(k.t, err)
		c.apply(m)
	}
	m.check(k.t, o, snapshots, "written by us")
	stop := k.activate(-1)
	defer stop()
	same(k.t, m.origin, k.read("origin"), "our origin, read by the kernel")
	for i, s := range snapshots {
		same(k.t, m.snapshots[i], k.read(storeName(i)), "our snapshot %d, read by the kernel", i)
		assert.Equal(k.t, s.Store().Usage().String(), k.status(storeName(i)))
	}
}

// Stores go to and fro between the kernel and this package, and in the end the
// first is merged, by one of them and then the other.
func TestKernelExceptions(t *testing.T) {
	for _, chunk := range []int{1, 8, 16, 128, 1024} {
		t.Run(fmt.Sprintf("chunks of %d sectors", chunk), func(t *testing.T) {
			k := newStack(t, 6003, []int{14 * max(1024, chunk), 9003}, []int{chunk, 8})
			// The kernel makes the first store, this package the second.
			require.NoError(t, exception.Init(k.cows[1], k.cows[1].size(), 8))
			k.activate(-1)()
			ours := newDisk(t, k.cows[0].sectors)
			require.NoError(t, exception.Init(ours, ours.size(), units.Sectors(chunk)))
			want, got := make([]byte, ours.size()), make([]byte, ours.size())
			_, err := k.cows[0].ReadAt(want, 0)
			require.NoError(t, err)
			_, err = ours.ReadAt(got, 0)
			require.NoError(t, err)
			same(t, want, got, "an empty store")

			m := k.model()
			r := rand.New(rand.NewPCG(uint64(chunk), 0))
			k.byKernel(m, k.changes(r, 20))
			k.byUs(m, k.changes(r, 20))
			k.byKernel(m, k.changes(r, 20))
			k.byUs(m, k.changes(r, 20))

			// Both orders, and each has something to do.
			if chunk == 8 || chunk == 128 {
				k.mergeByKernel(0, 0)
				k.mergeByUs(m, 0)
			} else {
				ctx, cancel := context.WithCancel(context.Background())
				o, snapshots := k.open()
				err := o.Merge(ctx, snapshots[0], func(_, _ units.Bytes) { cancel() })
				if err != nil {
					require.ErrorIs(t, err, context.Canceled)
				}
				k.mergeByKernel(0, 30*time.Second)
				k.checkMerged(m, 0)
			}
			k.byKernel(m, nil)
		})
	}
}

// mergeByKernel merges a snapshot until that is done, but no longer than limit.
func (k *stack) mergeByKernel(i int, limit time.Duration) {
	k.t.Helper()
	stop := k.activate(i)
	defer stop()
	for end := time.Now().Add(limit); ; time.Sleep(20 * time.Millisecond) {
		var allocated, total, metadata int
		_, err := fmt.Sscanf(k.status("origin"), "%d/%d %d", &allocated, &total, &metadata)
		require.NoError(k.t, err)
		if allocated == metadata {
			return
		}
		if time.Now().After(end) {
			require.Zero(k.t, limit, "the kernel does not get done")
			return
		}
	}
}

func (k *stack) mergeByUs(m *model, i int) {
	k.t.Helper()
	o, snapshots := k.open()
	same(k.t, m.snapshots[i], contents(k.t, snapshots[i]), "a snapshot that is half merged")
	require.NoError(k.t, o.Merge(context.Background(), snapshots[i], nil))
	k.checkMerged(m, i)
}

func (k *stack) checkMerged(m *model, i int) {
	k.t.Helper()
	copy(m.origin, m.snapshots[i])
	o, snapshots := k.open()
	m.check(k.t, o, snapshots, "merged")
	for e := range snapshots[i].Store().Exceptions() {
		require.Fail(k.t, "left after the merge", "%v", e)
	}
}

// At the edge of an area both count the same, and both say that a store is full
// with the same exception.
func TestKernelExceptionsUsage(t *testing.T) {
	for _, sectors := range []int{258 * 8, 259 * 8, 260*8 + 7} {
		t.Run(fmt.Sprint(sectors), func(t *testing.T) {
			k := newStack(t, 260*8, []int{sectors}, []int{8})
			require.NoError(t, exception.Init(k.cows[0], k.cows[0].size(), 8))
			m := k.model()
			o, snapshots := k.open()
			room := snapshots[0].Store().Room()
			for n := range room {
				c := change{1, int64(n) * 4096, stamp(n, 4096)}
				_, err := snapshots[0].WriteAt(c.data, c.off)
				require.NoError(t, err)
				c.apply(m)
				if n < room-3 {
					continue
				}
				stop := k.activate(-1)
				require.Equal(t, snapshots[0].Store().Usage().String(), k.status("a"))
				stop()
			}
			m.check(t, o, snapshots, "full")
			last := change{0, int64(room) * 4096, stamp(7, 512)}
			_, err := snapshots[0].WriteAt(last.data, last.off)
			require.ErrorIs(t, err, exception.ErrFull)
			k.byKernel(m, nil)

			// One more is too much for the kernel, too.
			stop := k.activate(-1)
			k.with("origin", func(f *os.File) {
				_, err := f.WriteAt(last.data, last.off)
				require.NoError(t, err)
			})
			assert.Equal(t, "Invalid", k.status("a"))
			last.apply(m)
			same(t, m.origin, k.read("origin"), "origin")
			stop()
			_, err = exception.Open(k.cows[0], k.cows[0].size())
			require.ErrorIs(t, err, exception.ErrInvalid)
		})
	}
}

// A store that does not suffice is given up, by the kernel as by this package,
// and the other one of the origin goes on.
func TestKernelExceptionsOverflow(t *testing.T) {
	var heads [2][]byte
	for n, kernel := range []bool{true, false} {
		k := newStack(t, 1000, []int{80, 2000}, []int{8, 16})
		require.NoError(t, exception.Init(k.cows[0], k.cows[0].size(), 8))
		require.NoError(t, exception.Init(k.cows[1], k.cows[1].size(), 16))
		m := k.model()
		data := stamp(1, 120*512)
		if kernel {
			stop := k.activate(-1)
			k.with("origin", func(f *os.File) {
				_, err := f.WriteAt(data, 512)
				require.NoError(t, err)
			})
			assert.Equal(t, "Invalid", k.status("a"))
			stop()
		} else {
			o, snapshots := k.open()
			_, err := o.WriteAt(data, 512)
			require.NoError(t, err)
			assert.True(t, snapshots[0].Store().Invalid())
			stop := k.activate(-1)
			assert.Equal(t, "Invalid", k.status("a"))
			same(t, m.snapshots[1], k.read("b"), "the other snapshot, read by the kernel")
			stop()
		}
		copy(m.origin[512:], data)
		_, err := exception.Open(k.cows[0], k.cows[0].size())
		require.ErrorIs(t, err, exception.ErrInvalid)
		heads[n] = make([]byte, 4096)
		_, err = k.cows[0].ReadAt(heads[n], 0)
		require.NoError(t, err)
		k.cows, k.chunks, m.snapshots = k.cows[1:], k.chunks[1:], m.snapshots[1:]
		k.byKernel(m, nil)
		k.byUs(m, []change{{0, 100 * 512, stamp(2, 9*512)}, {1, 0, stamp(3, 512)}})
	}
	assert.Equal(t, heads[0], heads[1])
}

// What is written while a snapshot is merged stays, by whom ever it is merged.
func TestKernelExceptionsMerging(t *testing.T) {
	k := newStack(t, 30000, []int{40000, 40000}, []int{8, 16})
	for i, chunk := range k.chunks {
		require.NoError(t, exception.Init(k.cows[i], k.cows[i].size(), units.Sectors(chunk)))
	}
	m := k.model()
	r := rand.New(rand.NewPCG(1, 0))
	k.byUs(m, k.changes(r, 60))
	copy(m.origin, m.snapshots[0])
	write := func(w io.WriterAt) {
		for _, c := range k.changes(r, 30) {
			_, err := w.WriteAt(c.data, c.off)
			require.NoError(t, err)
			copy(m.origin[c.off:], c.data)
		}
	}
	open := func() (*exception.Merging, []*exception.Snapshot) {
		o, snapshots := k.open()
		merging, err := exception.NewMerging(o, snapshots[0])
		require.NoError(t, err)
		return merging, snapshots
	}
	check := func(origin, other []byte, who string) {
		same(t, m.origin, origin, "the origin while it is merged by %s", who)
		same(t, m.snapshots[1], other, "the other snapshot while it is merged by %s", who)
	}
	left := units.Bytes(1)
	for left > 0 {
		merging, snapshots := open()
		check(contents(t, merging), contents(t, snapshots[1]), "us, opened")
		write(merging)
		var err error
		_, left, err = merging.Step()
		require.NoError(t, err)
		write(merging)
		check(contents(t, merging), contents(t, snapshots[1]), "us")

		stop := k.activate(0)
		check(k.read("origin"), k.read("b"), "the kernel")
		k.with("origin", func(f *os.File) { write(f) })
		check(k.read("origin"), k.read("b"), "the kernel, written")
		stop()
	}
	o, snapshots := k.open()
	assert.Empty(t, slices.Collect(snapshots[0].Store().Exceptions()))
	check(contents(t, o), contents(t, snapshots[1]), "both, in the end")
}

// An origin that is merged from a store that was given up is what it is.
func TestKernelExceptionsMergingInvalid(t *testing.T) {
	k := newStack(t, 1000, []int{80}, []int{8})
	require.NoError(t, exception.Init(k.cows[0], k.cows[0].size(), 8))
	o, _ := k.open()
	_, err := o.WriteAt(stamp(1, 500*512), 512)
	require.NoError(t, err)
	want := contents(t, o)
	stop := k.activate(0)
	defer stop()
	assert.Equal(t, "Invalid", k.status("origin"))
	same(t, want, k.read("origin"), "origin")
	data := stamp(2, 4096)
	k.with("origin", func(f *os.File) {
		_, err := f.WriteAt(data, 8192)
		require.NoError(t, err)
	})
	copy(want[8192:], data)
	same(t, want, contents(t, o), "written")
}
