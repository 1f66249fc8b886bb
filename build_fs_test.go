package lvm

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/dm"
)

// stepsOf returns what a plan does to file systems, and where in it.
func stepsOf(p *Plan) []string {
	var out []string
	for _, s := range p.Steps {
		switch s.(type) {
		case *CheckFileSystem, *ResizeFileSystem, *ResizeSwap:
			out = append(out, s.String())
		case *WriteText:
			out = append(out, "text")
		case *ResumeDevice:
			out = append(out, "resume")
		}
	}
	return out
}

func TestPlanResizeFS(t *testing.T) {
	t.Parallel()
	mounted := fsUse{mounted: true, mounts: []fsMount{{dir: "/ro", readOnly: true}, {dir: "/mnt"}}}
	grow := func(tx *Tx) error { return tx.ExtendLV("data", ExtendSpec{To: ExtentCount(80), ResizeFS: true}) }
	shrink := func(tx *Tx) error { return tx.ReduceLV("data", ReduceSpec{To: ExtentCount(30), ResizeFS: true}) }
	for _, c := range []struct {
		name  string
		image *sparse
		use   fsUse
		tools bool
		do    func(*Tx) error
		want  []string
	}{
		{"ext4 grows", extSuper(240, 0), fsUse{}, true, grow, []string{
			"check the ext4 file system on vg0-data with /sbin/e2fsck", "text", "resume",
			"resize the ext4 file system on vg0-data from 245760 to 327680 bytes with /sbin/resize2fs"}},
		{"ext4 grows without tools", extSuper(240, 0), fsUse{}, false, grow, []string{
			"check the ext4 file system on vg0-data", "text", "resume",
			"resize the ext4 file system on vg0-data from 245760 to 327680 bytes"}},
		{"ext4 grows mounted", extSuper(240, 0), mounted, true, grow, []string{"text", "resume",
			"resize the ext4 file system on vg0-data from 245760 to 327680 bytes mounted on /mnt"}},
		{"ext4 grows mounted elsewhere", extSuper(240, 0), fsUse{mounted: true}, true, grow, []string{"text", "resume",
			"resize the ext4 file system on vg0-data from 245760 to 327680 bytes"}},
		{"ext4 in use by a machine that died", extSuper(240, 0, put32(0x60, 0x46)), fsUse{}, true, grow, []string{
			"check the ext4 file system on vg0-data with /sbin/e2fsck", "text", "resume",
			"resize the ext4 file system on vg0-data from 245760 to 327680 bytes with /sbin/resize2fs"}},
		{"ext4 shrinks", extSuper(240, 200), fsUse{}, true, shrink, []string{
			"check the ext4 file system on vg0-data with /sbin/e2fsck",
			"resize the ext4 file system on vg0-data from 245760 to 122880 bytes with /sbin/resize2fs", "text", "resume"}},
		{"ext4 that fits exactly", extSuper(120, 0), fsUse{}, true, shrink, []string{"text", "resume"}},
		{"ext4 that fits, mounted", extSuper(120, 0), mounted, false, shrink, []string{"text", "resume"}},
		{"ext4 that leaves room", extSuper(100, 0), mounted, false, shrink, []string{"text", "resume",
			"resize the ext4 file system on vg0-data from 102400 to 122880 bytes mounted on /mnt"}},
		{"ext4 with blocks of 4 KiB does not fill the last", extSuper(25, 0, put32(0x18, 2)), mounted, false, grow, []string{"text", "resume",
			"resize the ext4 file system on vg0-data from 102400 to 327680 bytes mounted on /mnt"}},
		{"xfs grows", xfsSuper(4096, 60), fsUse{}, true, grow, []string{
			"check the xfs file system on vg0-data with /sbin/", "text", "resume",
			"resize the xfs file system on vg0-data from 245760 to 327680 bytes"}},
		{"xfs that fits, if its journal agrees", xfsSuper(4096, 30), fsUse{}, false, shrink, []string{
			"check the xfs file system on vg0-data, which has to fit into 122880 bytes", "text", "resume"}},
		{"xfs that fits, mounted", xfsSuper(4096, 30), mounted, false, shrink, []string{"text", "resume"}},
		{"ext4 that fits, if its journal agrees", extSuper(120, 0, put32(0x60, 0x46)), fsUse{}, true, shrink, []string{
			"check the ext4 file system on vg0-data with /sbin/e2fsck, which has to fit into 122880 bytes", "text", "resume"}},
		{"nothing grows", bytesAt(0, nil), fsUse{}, true, grow, []string{"text", "resume"}},
		{"swap grows", swapSuper(le, 4096, 59, 0, "SWAPSPACE2"), fsUse{}, true, grow, []string{"text", "resume",
			"resize the swap area on vg0/data from 245760 to 327680 bytes"}},
		{"swap shrinks", swapSuper(le, 4096, 59, 0, "SWAPSPACE2"), fsUse{}, true, shrink, []string{
			"resize the swap area on vg0/data from 245760 to 122880 bytes", "text", "resume"}},
		{"renamed and grown", extSuper(240, 0), mounted, true, func(tx *Tx) error {
			return joinErrors(grow(tx), tx.RenameLV("data", "new"))
		}, []string{"text", "resume", "resize the ext4 file system on vg0-new from 245760 to 327680 bytes mounted on /mnt"}},
		{"removed after all", extSuper(240, 0), mounted, true, func(tx *Tx) error {
			return joinErrors(grow(tx), tx.RemoveLV("data"))
		}, []string{"text"}},
		{"a new volume", extSuper(240, 0), fsUse{}, true, func(tx *Tx) error {
			return joinErrors(tx.addLV("new", 4, 1), tx.ExtendLV("new", ExtendSpec{By: ExtentCount(4), ResizeFS: true}))
		}, []string{"text", "resume"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newFSWorld(t, fsDisks(t, c.image))
			w.fs.tools, w.fs.state = c.tools, c.use
			p, err := w.open(t, 3).Plan(context.Background(), "vg0", c.do)
			require.NoError(t, err)
			want := strings.Split(strings.ReplaceAll(strings.Join(c.want, "\n"), " with /sbin/\n", "\n"), "\n")
			assert.Equal(t, want, stepsOf(p), p)
		})
	}
}

func TestResizeFSRefusals(t *testing.T) {
	t.Parallel()
	grow := func(tx *Tx) error { return tx.ExtendLV("data", ExtendSpec{To: ExtentCount(80), ResizeFS: true}) }
	shrink := func(tx *Tx) error { return tx.ReduceLV("data", ReduceSpec{To: ExtentCount(30), ResizeFS: true}) }
	only := func(tx *Tx) error { return tx.GrowFS("data") }
	mounted := fsUse{mounted: true, mounts: []fsMount{{dir: "/mnt"}}}
	set := func(use fsUse) func(*fsWorld) { return func(w *fsWorld) { w.fs.state = use } }
	noTools := func(w *fsWorld) { w.fs.tools = false }
	open := func(w *fsWorld) {
		for name := range w.host.nodes {
			w.kernel.OpenDevice(name)
		}
	}
	swap := func() *sparse { return swapSuper(le, 4096, 59, 0, "SWAPSPACE2") }
	for _, c := range []struct {
		name  string
		image *sparse
		with  func(*fsWorld)
		do    func(*Tx) error
		want  error
	}{
		{"ext4 that is full", extSuper(240, 100), nil, shrink, ErrInvalidSize},
		{"ext4 that needs more by its tool", extSuper(240, 200), func(w *fsWorld) { w.fs.minimum = 121 }, shrink, ErrInvalidSize},
		{"ext4 mounted shrinks", extSuper(240, 200), set(mounted), shrink, ErrBusy},
		{"ext4 mounted elsewhere shrinks", extSuper(240, 200), set(fsUse{mounted: true}), shrink, ErrBusy},
		{"ext4 shrinks without tools", extSuper(240, 200), noTools, shrink, ErrUnsupported},
		{"ext4 that is open", extSuper(240, 200), open, grow, ErrBusy},
		{"ext4 that is open shrinks", extSuper(240, 200), open, shrink, ErrBusy},
		{"ext4 that is open and fits", extSuper(120, 100), open, shrink, ErrBusy},
		{"ext4 mounted read-only", extSuper(240, 200), set(fsUse{mounted: true, mounts: []fsMount{{dir: "/mnt", readOnly: true}}}), grow, ErrReadOnly},
		{"ext4 mounted with errors", extSuper(240, 200, put32(0x38, 0x3ef53)), set(mounted), grow, ErrBusy},
		{"ext4 with errors without tools", extSuper(240, 200, put32(0x38, 0x3ef53)), noTools, grow, ErrUnsupported},
		{"ext2 not unmounted, without tools", extSuper(240, 200, put32(0x38, 0xef53)), noTools, grow, ErrUnsupported},
		{"ext4 with sparse_super2 mounted", extSuper(240, 200, put32(0x5c, 0x200)), set(mounted), only, nil},
		{"ext4 with sparse_super2 mounted grows", extSuper(240, 200, put32(0x5c, 0x200)), set(mounted), grow, ErrBusy},
		{"ext4 with sparse_super2 without tools", extSuper(240, 200, put32(0x5c, 0x200)), noTools, grow, ErrUnsupported},
		{"ext2 of another driver", extSuper(240, 200), set(fsUse{mounted: true, mounts: mounted.mounts, fixed: "it is fixed"}), grow, ErrUnsupported},
		{"ext4 larger than its volume", extSuper(241, 200), nil, grow, ErrUnsupported},
		{"xfs shrinks", xfsSuper(4096, 60), nil, shrink, ErrUnsupported},
		{"xfs mounted shrinks", xfsSuper(4096, 60), set(mounted), shrink, ErrUnsupported},
		{"swap that is in use grows", swap(), open, grow, ErrBusy},
		{"swap that is in use shrinks", swap(), open, shrink, ErrBusy},
		{"swap of too few pages", swap(), nil, func(tx *Tx) error {
			return tx.ReduceLV("data", ReduceSpec{To: ExtentCount(9), ResizeFS: true})
		}, ErrInvalidSize},
		{"swap with bad pages", swapSuper(le, 4096, 59, 1, "SWAPSPACE2"), nil, grow, ErrUnsupported},
		{"a machine asleep in swap", swapSuper(le, 4096, 59, 0, "S1SUSPEND\x00"), nil, grow, ErrUnsupported},
		{"nothing known shrinks", bytesAt(0, nil), nil, shrink, ErrUnsupported},
		{"LUKS", bytesAt(0, map[int64][]byte{0: []byte("LUKS\xba\xbe\x00\x02")}), nil, grow, ErrUnsupported},
		{"ReiserFS", bytesAt(0, map[int64][]byte{64<<10 + 52: []byte("ReIsEr2Fs")}), nil, grow, ErrUnsupported},
		{"ReiserFS shrinks", bytesAt(0, map[int64][]byte{64<<10 + 52: []byte("ReIsEr2Fs")}), nil, shrink, ErrUnsupported},
		{"a pv", bytesAt(0, map[int64][]byte{512: []byte("LABELONE"), 536: []byte("LVM2 001")}), nil, shrink, ErrUnsupported},
		{"ext4 not active", extSuper(240, 200), func(w *fsWorld) {
			update(t, w.open(t, 8), "vg0", func(tx *Tx) error { return tx.DeactivateAll() })
		}, grow, ErrNotActive},
		{"ext4 being deactivated", extSuper(240, 200), nil, func(tx *Tx) error { return joinErrors(grow(tx), tx.Deactivate("data")) }, ErrNotActive},
		{"no such volume", extSuper(240, 200), nil, func(tx *Tx) error { return tx.GrowFS("none") }, ErrLVNotFound},
		{"moving to another group", extSuper(240, 200), func(w *fsWorld) {
			update(t, w.open(t, 8), "vg0", func(tx *Tx) error { return tx.DeactivateAll() })
		}, func(tx *Tx) error {
			return joinErrors(grow(tx), tx.RemoveLV("other"), tx.SplitVG("vg1", SplitSpec{LV: "data"}))
		}, ErrUnsupported},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newFSWorld(t, fsDisks(t, c.image))
			if c.with != nil {
				c.with(w)
			}
			w.disks.Record()
			before := w.kernel.State()
			err := w.open(t, 3).Update(context.Background(), "vg0", c.do)
			if c.want == nil {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, c.want)
				var op *OpError
				require.ErrorAs(t, err, &op)
			}
			assert.Empty(t, w.disks.Writes())
			assert.Equal(t, before, w.kernel.State())
			for _, call := range w.fs.calls {
				assert.Contains(t, call, "resize2fs -P")
			}
		})
	}
}

// What a crash left in its journal, and what the kernel knows of one that is
// mounted elsewhere, may make a file system larger than the disk says.
func TestReduceLVBelowJournal(t *testing.T) {
	t.Parallel()
	shrink := func(tx *Tx) error { return tx.ReduceLV("data", ReduceSpec{To: ExtentCount(30), ResizeFS: true}) }
	ext, xfs := extSuper(100, 0, put32(0x60, 0x46)), xfsSuper(4096, 30)
	for _, c := range []struct {
		name  string
		image *sparse
		with  func(*fsWorld)
		want  error
	}{
		{"xfs", xfs, func(w *fsWorld) { w.fs.journal = 160 * KiB }, ErrUnsupported},
		{"xfs that fits", xfs, func(w *fsWorld) { w.fs.journal = 120 * KiB }, nil},
		{"ext4", ext, func(w *fsWorld) { w.fs.journal = 160 * KiB }, ErrUnsupported},
		{"ext4 that is to shrink anyhow", extSuper(200, 190, put32(0x60, 0x46)), func(w *fsWorld) { w.fs.journal = 220 * KiB }, nil},
		{"xfs mounted elsewhere", xfs, func(w *fsWorld) { w.fs.state.mounted, w.fs.known = true, 160*KiB }, ErrUnsupported},
		{"ext4 mounted elsewhere", ext, func(w *fsWorld) { w.fs.state.mounted, w.fs.known = true, 160*KiB }, ErrBusy},
		{"xfs not active", xfs, func(w *fsWorld) {
			update(t, w.open(t, 8), "vg0", func(tx *Tx) error { return tx.DeactivateAll() })
		}, ErrNotActive},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newFSWorld(t, fsDisks(t, c.image))
			w.fs.tools, w.fs.minimum = true, 1
			c.with(w)
			err := w.open(t, 3).Update(context.Background(), "vg0", shrink)
			size, fs := w.sizes(t)
			require.LessOrEqual(t, fs, size)
			if c.want == nil {
				require.NoError(t, err)
				assert.Equal(t, 120*KiB, size)
				return
			}
			require.ErrorIs(t, err, c.want)
			assert.Equal(t, 240*KiB, size)
			require.Empty(t, w.unlike(t))
		})
	}
	disks := fsDisks(t, xfs)
	require.ErrorIs(t, openDisks(t, disks, 2).Update(context.Background(), "vg0", shrink), ErrUnsupported)
	assert.Empty(t, disks.Writes())
}

// In image mode there is no kernel and no tool, but a swap area needs neither.
func TestResizeFSInImageMode(t *testing.T) {
	t.Parallel()
	grow := func(tx *Tx) error { return tx.ExtendLV("data", ExtendSpec{To: ExtentCount(80), ResizeFS: true}) }
	shrink := func(tx *Tx) error { return tx.ReduceLV("data", ReduceSpec{To: ExtentCount(30), ResizeFS: true}) }
	for name, image := range map[string]*sparse{
		"ext4": extSuper(240, 200), "xfs": xfsSuper(4096, 60),
	} {
		disks := fsDisks(t, image)
		sys := openDisks(t, disks, 2)
		for _, do := range []func(*Tx) error{grow, shrink} {
			require.ErrorIs(t, sys.Update(context.Background(), "vg0", do), ErrUnsupported, name)
		}
		assert.Empty(t, disks.Writes())
		fs, err := sys.FileSystem(context.Background(), "vg0", "data")
		require.NoError(t, err)
		assert.Equal(t, name, fs.Type)
		assert.Equal(t, 240*KiB, fs.Size)
		assert.False(t, fs.Mounted)
	}
	disks := fsDisks(t, swapSuper(be, 4096, 59, 0, "SWAPSPACE2"))
	sys := openDisks(t, disks, 2)
	before, err := sys.FileSystem(context.Background(), "vg0", "data")
	require.NoError(t, err)
	update(t, sys, "vg0", grow)
	update(t, sys, "vg0", shrink)
	after, err := sys.FileSystem(context.Background(), "vg0", "data")
	require.NoError(t, err)
	assert.Equal(t, 120*KiB, after.Size)
	before.Size = after.Size
	assert.Equal(t, before, after)

	_, err = sys.FileSystem(context.Background(), "vg0", "none")
	require.ErrorIs(t, err, ErrLVNotFound)
	_, err = sys.FileSystem(context.Background(), "none", "data")
	require.ErrorIs(t, err, ErrVGNotFound)
	none, err := sys.FileSystem(context.Background(), "vg0", "other")
	require.NoError(t, err)
	assert.Nil(t, none)

	// A read-only volume keeps its swap area as it is: here one with the extents,
	// and so the contents, of a volume that was removed.
	update(t, sys, "vg0", func(tx *Tx) error { return tx.RemoveLV("data") })
	update(t, sys, "vg0", func(tx *Tx) error {
		_, err := tx.CreateLV(LVSpec{Name: "data", Size: ExtentCount(30), ReadOnly: true})
		return err
	})
	again, err := sys.FileSystem(context.Background(), "vg0", "data")
	require.NoError(t, err)
	require.Equal(t, after, again)
	disks.Record()
	require.ErrorIs(t, sys.Update(context.Background(), "vg0", grow), ErrReadOnly)
	assert.Empty(t, disks.Writes())
}

// A plan that was made before the file system was mounted is not carried out.
func TestResizeFSStalePlan(t *testing.T) {
	t.Parallel()
	w := newFSWorld(t, fsDisks(t, extSuper(240, 200)))
	sys := w.open(t, 3)
	p, err := sys.Plan(context.Background(), "vg0", func(tx *Tx) error {
		return tx.ExtendLV("data", ExtendSpec{To: ExtentCount(80), ResizeFS: true})
	})
	require.NoError(t, err)
	w.fs.state = fsUse{mounted: true, mounts: []fsMount{{dir: "/mnt"}}}
	w.disks.Record()
	require.ErrorIs(t, sys.Apply(context.Background(), p), ErrPlanStale)
	assert.Empty(t, w.disks.Writes())
	w.fs.state = fsUse{}
	require.NoError(t, sys.Apply(context.Background(), p))
	lv, fs := w.sizes(t)
	assert.Equal(t, lv, fs)
}

// The node of a device that is another one's is not touched, and not in undoing
// either.
func TestResizeFSOnWrongNode(t *testing.T) {
	t.Parallel()
	w := newFSWorld(t, fsDisks(t, extSuper(240, 200)))
	sys := w.open(t, 3)
	right := w.host.nodes["vg0-data"]
	sys.before = func(s Step) {
		if _, ok := s.(*ResizeFileSystem); ok {
			w.host.nodes["vg0-data"] = dm.MakeDev(254, 99)
		}
	}
	defer func() { w.host.nodes["vg0-data"] = right }()
	err := sys.Update(context.Background(), "vg0", func(tx *Tx) error {
		return tx.ReduceLV("data", ReduceSpec{To: ExtentCount(30), ResizeFS: true})
	})
	var failed *ApplyError
	require.ErrorAs(t, err, &failed)
	require.ErrorIs(t, err, ErrNotActive)
	assert.False(t, failed.Committed)
	assert.Empty(t, failed.Undo)
	lv, fs := w.sizes(t)
	assert.Equal(t, [2]Bytes{240 * KiB, 240 * KiB}, [2]Bytes{lv, fs})
}
