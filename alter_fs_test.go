package lvm

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/internal/recorder"
)

// fsWorld is vg0 with the volume data, and a file system on it, which tools and
// the kernel resize by writing its superblock.
type fsWorld struct {
	*machine
	fs *fakeFS
}

// fsExtents are the extents, of 4 KiB, of the volume data.
const fsExtents = 60

// fsUsed are the blocks, of 1 KiB, that ext4 needs on it.
const fsUsed = 30

func fsVolume(t testing.TB, sys *System, areas MetadataAreas) {
	update(t, sys, "vg0", func(tx *Tx) error {
		return joinErrors(makeGroup(tx, areas), tx.addLV("data", fsExtents, 1), tx.addLV("other", 5, 1))
	})
}

// putImage writes the parts of an image to the volume data.
func putImage(t testing.TB, sys *System, image *sparse) {
	vg, err := sys.VG(context.Background(), "vg0")
	require.NoError(t, err)
	lv, err := vg.LV("data")
	require.NoError(t, err)
	f, err := lv.Open()
	require.NoError(t, err)
	for at, row := range image.rows {
		_, err = f.WriteAt(row, at)
		require.NoError(t, err)
	}
	require.NoError(t, f.Sync())
	require.NoError(t, f.Close())
}

// fsDisks returns disks with the volume and an image on it.
func fsDisks(t testing.TB, image *sparse) *recorder.Disks {
	disks := recorder.New(diskSize, "a", "b", "c")
	sys := openDisks(t, disks, 1)
	fsVolume(t, sys, OneArea)
	putImage(t, sys, image)
	disks.Record()
	return disks
}

// newFSWorld returns a machine with these disks, and all volumes active.
func newFSWorld(t testing.TB, disks *recorder.Disks) *fsWorld {
	w := &fsWorld{machine: newMachine(disks)}
	w.fs = &fakeFS{w: w, fuse: w.fuse, tools: true}
	vg, err := openDisks(t, disks, 9).VG(context.Background(), "vg0")
	require.NoError(t, err)
	data, err := vg.LV("data")
	require.NoError(t, err)
	for piece, err := range vg.extents().Map(data.ID(), 0, 1) {
		require.NoError(t, err)
		w.fs.path, w.fs.offset = vg.members[piece.PV].path, int64(piece.Offset)
	}
	update(t, w.open(t, 2), "vg0", func(tx *Tx) error { return tx.ActivateAll() })
	return w
}

func (w *fsWorld) open(t testing.TB, seed byte) *System {
	sys := w.machine.open(t, seed)
	sys.host = fsNodes{w.host}
	sys.fs = w.fs
	sys.cfg.DevDir = "/dev"
	return sys
}

// fsNodes knows the numbers of mapped devices by their nodes, too.
type fsNodes struct{ *fakeHost }

func (h fsNodes) number(path string) (string, bool) {
	if dev, ok := h.nodes[filepath.Base(path)]; ok {
		return dev.String(), true
	}
	return h.fakeHost.number(path)
}

// sizes returns the sizes of the volume and of the file system on it, as they
// are on the disks.
func (w *fsWorld) sizes(t testing.TB) (lv, fs Bytes) {
	t.Helper()
	sys := openDisks(t, w.disks, 9)
	vg, err := sys.VG(context.Background(), "vg0")
	require.NoError(t, err)
	for l := range vg.LVs() {
		if l.Name() != "other" {
			found, err := sys.FileSystem(context.Background(), "vg0", l.Name())
			require.NoError(t, err)
			require.NotNil(t, found)
			return l.Size(), found.Size
		}
	}
	require.Fail(t, "the volume is gone")
	return 0, 0
}

// fakeFS is the file system of the volume data as the kernel has it. Each call
// can be made to fail, before or after it has done something.
type fakeFS struct {
	w       *fsWorld
	fuse    *fuse
	tools   bool   // there are any
	state   fsUse  // how it is mounted
	minimum uint64 // blocks, that resize2fs -P prints; 0: it fails
	calls   []string
	journal Bytes // the size once the journal was replayed; 0: as the superblock says
	known   Bytes // the size that the kernel knows; 0: that of the superblock

	path   string // where the volume begins; its first extent never moves
	offset int64
}

func (f *fakeFS) call(name string, do func() error) error {
	return f.fuse.burn(onHost, dm.OpTable, "fs", func() error {
		f.calls = append(f.calls, name)
		return do()
	})
}

func (f *fakeFS) use(fsPlace) (use fsUse, err error) {
	err = f.fuse.burn(onHost, dm.OpTable, "fs", func() error { use = f.state; return nil })
	return use, err
}

// size is what the superblock says: there is no cache.
func (f *fakeFS) size(p fsPlace) (Bytes, error) {
	if f.known != 0 {
		return f.known, nil
	}
	b := f.superblock()
	switch p.kind {
	case "ext4":
		return Bytes(le.Uint32(b[1024+4:])) * p.block, nil
	case "xfs":
		return Bytes(be.Uint64(b[8:])) * p.block, nil
	}
	return 0, errors.New("not faked")
}

func (f *fakeFS) superblock() []byte {
	return f.w.disks.Contents(f.path, f.offset, 2048)
}

func (f *fakeFS) set(kind string, block, to Bytes) error {
	b := f.superblock()
	switch kind {
	case "ext4":
		le.PutUint32(b[1024+4:], uint32(to/KiB))
		le.PutUint32(b[1024+12:], uint32(to/KiB)-fsUsed)
	case "xfs":
		be.PutUint64(b[8:], uint64(to/block))
	}
	f.w.disks.Change(f.path, f.offset, b)
	return nil
}

func (f *fakeFS) resize(p fsPlace, to Bytes) error {
	return f.call(fmt.Sprintf("resize %s on %s at %q to %d", p.kind, p.path, p.dir, uint64(to)), func() error {
		return f.set(p.kind, p.block, to)
	})
}

func (f *fakeFS) try(p fsPlace) error {
	return f.call("mount "+p.kind+" on "+p.path, func() error { return f.replay(p.kind) })
}

// replay makes the changes that are in the journal.
func (f *fakeFS) replay(kind string) error {
	if f.journal == 0 {
		return nil
	}
	return f.set(kind, 4*KiB, f.journal)
}

func (f *fakeFS) tool(name string) (string, bool) { return "/sbin/" + name, f.tools }

func (f *fakeFS) run(ctx context.Context, critical bool, tool string, args ...string) (out string, status int, err error) {
	if err := checkpoint(ctx); err != nil {
		return "", 0, err
	}
	name := tool + " " + strings.Join(args, " ")
	err = f.call(name, func() error {
		if tool != "/sbin/resize2fs" {
			return f.replay("ext4")
		}
		if args[0] == "-P" {
			if status = 1; f.minimum > 0 {
				out, status = fmt.Sprintf("resize2fs 1.47\nEstimated minimum size of the filesystem: %d\n", f.minimum), 0
			}
			return nil
		}
		var sectors uint64
		if _, err := fmt.Sscanf(args[1], "%ds", &sectors); err != nil || !critical {
			return fmt.Errorf("%v %t", args, critical)
		}
		return f.set("ext4", 0, Bytes(sectors)*512)
	})
	return out, status, err
}

// fsAlteration resizes a volume with its file system.
type fsAlteration struct {
	name    string
	image   *sparse
	mounted bool
	tools   bool
	do      func(tx *Tx) error
	lv, fs  Bytes // the sizes afterwards
}

func alterFS() []fsAlteration {
	ext := func(kib uint32) *sparse { return extSuper(kib, kib-fsUsed) }
	extend := func(tx *Tx) error { return tx.ExtendLV("data", ExtendSpec{By: ExtentCount(40), ResizeFS: true}) }
	reduce := func(tx *Tx) error {
		return tx.ReduceLV("data", ReduceSpec{To: ExtentCount(fsExtents / 2), ResizeFS: true})
	}
	whole := uint32(fsExtents * 4)
	swap := swapSuper(le, 4096, fsExtents-1, 0, "SWAPSPACE2")
	return []fsAlteration{
		{"extend with ext4 by its tools", ext(whole), false, true, extend, 400 * KiB, 400 * KiB},
		{"extend with ext4 without tools", ext(whole), false, false, extend, 400 * KiB, 400 * KiB},
		{"extend with ext4 mounted", ext(whole), true, true, extend, 400 * KiB, 400 * KiB},
		{"reduce with ext4", ext(whole), false, true, reduce, 120 * KiB, 120 * KiB},
		{"reduce with ext4 that leaves room", ext(80), false, true, reduce, 120 * KiB, 120 * KiB},
		{"reduce and extend and rename with ext4", ext(whole), false, true, func(tx *Tx) error {
			return joinErrors(reduce(tx), tx.RenameLV("data", "new"), tx.ExtendLV("new", ExtendSpec{To: ExtentCount(70), ResizeFS: true}))
		}, 280 * KiB, 280 * KiB},
		{"grow ext4 only", ext(80), false, true, func(tx *Tx) error { return tx.GrowFS("data") }, fsExtents * 4 * KiB, fsExtents * 4 * KiB},
		{"extend with xfs", xfsSuper(4096, fsExtents), true, false, extend, 400 * KiB, 400 * KiB},
		{"extend with swap", swap, false, false, extend, 400 * KiB, 400 * KiB},
		{"reduce with swap", swap, false, false, reduce, 120 * KiB, 120 * KiB},
		{"reduce and extend with swap", swap, false, false, func(tx *Tx) error {
			return joinErrors(reduce(tx), tx.ExtendLV("data", ExtendSpec{To: ExtentCount(70), ResizeFS: true}))
		}, 280 * KiB, 280 * KiB},
	}
}

func (a *fsAlteration) world(t testing.TB, disks *recorder.Disks) *fsWorld {
	w := newFSWorld(t, disks.Clone())
	w.fs.tools, w.fs.minimum = a.tools, fsUsed
	if a.mounted {
		w.fs.state = fsUse{mounted: true, mounts: []fsMount{{dir: "/mnt"}}}
	}
	return w
}

func (a *fsAlteration) perform(ctx context.Context, sys *System) error {
	return sys.Update(ctx, "vg0", a.do)
}

// each runs a test for each alteration.
func eachFSAlteration(t *testing.T, run func(*testing.T, *fsAlteration, *recorder.Disks)) {
	for _, a := range alterFS() {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			run(t, &a, fsDisks(t, a.image))
		})
	}
}

// calls returns how many calls of some kinds an alteration takes.
func (a *fsAlteration) calls(t *testing.T, disks *recorder.Disks, on calls) int {
	w := a.world(t, disks)
	sys := w.open(t, 3)
	w.fuse.set(on, 0, 0, 0)
	require.NoError(t, a.perform(context.Background(), sys))
	n := w.fuse.count()
	w.fuse.off()
	lv, fs := w.sizes(t)
	require.Equal(t, a.lv, lv)
	require.Equal(t, a.fs, fs)
	require.Empty(t, w.unlike(t))
	return n
}

// finish checks that the file system is within its volume, and that what is
// missing can be made up for.
func (a *fsAlteration) finish(t *testing.T, w *fsWorld) {
	t.Helper()
	lv, fs := w.sizes(t)
	require.LessOrEqual(t, fs, lv)
	sys := w.open(t, 5)
	rec, err := sys.Recover(context.Background())
	require.NoError(t, err)
	require.Empty(t, rec.Problems)
	require.Empty(t, w.unlike(t))
	vg, err := sys.VG(context.Background(), "vg0")
	require.NoError(t, err)
	name := "data"
	if _, err := vg.LV(name); err != nil {
		name = "new"
	}
	update(t, sys, "vg0", func(tx *Tx) error { return tx.GrowFS(name) })
	lv, fs = w.sizes(t)
	require.Equal(t, lv, fs)
}

// TestFSFaults lets each call fail, one at a time: the file system is never larger
// than its volume, and as it was when the volume is.
func TestFSFaults(t *testing.T) {
	t.Parallel()
	eachFSAlteration(t, func(t *testing.T, a *fsAlteration, disks *recorder.Disks) {
		start := a.world(t, disks)
		lvBefore, fsBefore := start.sizes(t)
		for _, f := range failures() {
			for n := range a.calls(t, disks, f.on) {
				w := a.world(t, disks)
				sys := w.open(t, 3)
				w.fuse.set(f.on, n+1, f.how, f.kind)
				err := a.perform(context.Background(), sys)
				w.fuse.off()
				lv, fs := w.sizes(t)
				where := fmt.Sprintf("%s, call %d: %v\n%v", f.name, n+1, err, w.fs.calls)
				require.LessOrEqual(t, fs, lv, where)
				require.Empty(t, w.kernel.Suspended(), where)
				var failed *ApplyError
				switch {
				case err == nil:
					require.Equal(t, a.lv, lv, where)
					require.Equal(t, a.fs, fs, where)
				case errors.As(err, &failed) && failed.Committed:
					require.Equal(t, a.lv, lv, where)
				case errors.As(err, &failed):
					require.Empty(t, failed.Undo, where)
					require.Equal(t, lvBefore, lv, where)
					if f.how == recorder.Before || fsBefore > a.fs {
						require.Equal(t, fsBefore, fs, where)
					}
				default:
					require.Equal(t, [2]Bytes{lvBefore, fsBefore}, [2]Bytes{lv, fs}, where)
				}
				a.finish(t, w)
			}
		}
	})
}

// TestFSDeath ends the process at each call.
func TestFSDeath(t *testing.T) {
	t.Parallel()
	eachFSAlteration(t, func(t *testing.T, a *fsAlteration, disks *recorder.Disks) {
		for n := range a.calls(t, disks, anyCall) {
			w := a.world(t, disks)
			w.fuse.set(anyCall, 0, 0, syscall.EIO)
			w.fuse.kill(n + 1)
			_ = a.perform(context.Background(), w.open(t, 3)) // it never gets to say so
			w.fuse.off()
			a.finish(t, w)
		}
	})
}

// TestFSCancel ends the context ahead of each step.
func TestFSCancel(t *testing.T) {
	t.Parallel()
	eachFSAlteration(t, func(t *testing.T, a *fsAlteration, disks *recorder.Disks) {
		start := a.world(t, disks)
		lvBefore, fsBefore := start.sizes(t)
		for n := 0; ; n++ {
			w := a.world(t, disks)
			sys := w.open(t, 3)
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			steps, forward := 0, false
			sys.before = func(s Step) {
				if steps == n {
					cancel()
				}
				if _, ok := s.(*Commit); ok && steps < n {
					forward = true
				}
				steps++
			}
			err := a.perform(ctx, sys)
			lv, fs := w.sizes(t)
			if steps <= n {
				require.NoError(t, err)
				return
			}
			if forward {
				require.NoError(t, err)
				require.Equal(t, [2]Bytes{a.lv, a.fs}, [2]Bytes{lv, fs}, "step %d", n)
				continue
			}
			require.ErrorIs(t, err, context.Canceled)
			require.Equal(t, [2]Bytes{lvBefore, fsBefore}, [2]Bytes{lv, fs}, "step %d", n)
			require.Empty(t, w.unlike(t))
		}
	})
}

// TestFSCrash lets the power fail at each write, in image mode: a swap area has
// the old size or the new one, and never reaches beyond its volume.
func TestFSCrash(t *testing.T) {
	t.Parallel()
	for _, a := range alterFS() {
		if !strings.Contains(a.name, "swap") {
			continue
		}
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			disks := fsDisks(t, a.image)
			before := disks.Clone()
			require.NoError(t, a.perform(context.Background(), openDisks(t, disks, 2)))
			seen := map[[2]Bytes]int{}
			for crash := range disks.Crashes(crashOptions()) {
				w := &fsWorld{machine: &machine{disks: crash.Disks}}
				lv, fs := w.sizes(t)
				require.LessOrEqual(t, fs, lv, "after %d events, %s", crash.After, crash.What)
				seen[[2]Bytes{lv, fs}]++
				sys := openDisks(t, crash.Disks, 4)
				update(t, sys, "vg0", func(tx *Tx) error { return tx.GrowFS("data") })
				lv, fs = w.sizes(t)
				require.Equal(t, lv, fs)
			}
			lv, fs := (&fsWorld{machine: &machine{disks: before}}).sizes(t)
			require.Contains(t, seen, [2]Bytes{lv, fs})
			require.Contains(t, seen, [2]Bytes{a.lv, a.fs})
		})
	}
}
