package lvm

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/umltest"
)

// bothWays is an origin with snapshots that is active in the kernel, or open in
// image mode, in turn.
type bothWays struct {
	*interopRun
	rand  *rand.Rand
	holds map[string][]byte // by the names of the volumes
}

// namedBytes is a volume that is open one way or the other.
type namedBytes interface {
	ReadAt([]byte, int64) (int, error)
	WriteAt([]byte, int64) (int, error)
	Sync() error
	Close() error
}

func newBothWays(t *testing.T, stripes int) *bothWays {
	r, _ := kernelGroup(t, 2, create(LVSpec{Name: "origin", Size: ExtentCount(2), Stripes: stripes}))
	b := &bothWays{interopRun: r, rand: rand.New(rand.NewPCG(1, uint64(stripes))), holds: map[string][]byte{}}
	b.holds["origin"] = pattern(testID("lv", 1), 8*MiB)
	b.kernel("origin", func(f namedBytes) {
		_, err := f.WriteAt(b.holds["origin"], 0)
		require.NoError(t, err)
	})
	return b
}

func (b *bothWays) snapshot(name string) { b.holds[name] = slices.Clone(b.holds["origin"]) }

// kernel opens the device of a volume.
func (b *bothWays) kernel(name string, do func(namedBytes)) {
	b.Helper()
	f, err := os.OpenFile("/dev/vg/"+name, os.O_RDWR, 0)
	require.NoError(b, err)
	do(f)
	require.NoError(b, f.Sync())
	require.NoError(b, f.Close())
}

// image opens a volume in image mode, in a System that knows nothing yet.
func (b *bothWays) image(name string, do func(namedBytes)) {
	b.Helper()
	f, err := findIn(b, b.imageSystem(), name).Open()
	require.NoError(b, err, name)
	do(f)
	require.NoError(b, f.Sync())
	require.NoError(b, f.Close())
}

func (b *bothWays) imageSystem() *System {
	b.Helper()
	sys, err := Open(Config{Devices: b.dev, Kernel: KernelNone})
	require.NoError(b, err)
	b.Cleanup(func() { assert.NoError(b, sys.Close()) })
	return sys
}

// write writes here and there.
func (b *bothWays) write(open func(string, func(namedBytes))) {
	b.Helper()
	for name, holds := range b.holds {
		open(name, func(f namedBytes) {
			for range 12 {
				n := (1 + b.rand.IntN(40)) * 512
				if b.rand.IntN(4) == 0 {
					n = 1 + b.rand.IntN(5000)
				}
				off := b.rand.IntN(len(holds) - n)
				p := pattern(testID("write", b.rand.IntN(1<<30)), Bytes(n))
				_, err := f.WriteAt(p, int64(off))
				require.NoError(b, err, name)
				copy(holds[off:], p)
			}
		})
	}
}

func (b *bothWays) check(who string, open func(string, func(namedBytes))) {
	b.Helper()
	for name, holds := range b.holds {
		open(name, func(f namedBytes) {
			got := make([]byte, len(holds))
			_, err := f.ReadAt(got, 0)
			require.NoError(b, err, "%s, read by %s", name, who)
			equalContents(b, holds, got, "%s, read by %s", name, who)
		})
	}
}

// changes checks that volumes differ only where they are said to, and that what
// is said is the same in both ways.
func (b *bothWays) changes() {
	b.Helper()
	image := b.imageSystem()
	for one := range b.holds {
		for other := range b.holds {
			ranges := b.compared(b.sys, one, other)
			same := slices.Clone(b.holds[one])
			for _, r := range ranges {
				copy(same[r.Offset:r.end()], b.holds[other][r.Offset:r.end()])
			}
			equalContents(b, b.holds[other], same, "%s, with the changes of %s", one, other)
			require.Equal(b, ranges, b.compared(image, one, other))
		}
	}
}

func (b *bothWays) compared(sys *System, one, other string) (ranges []Range) {
	b.Helper()
	for r, err := range findIn(b, sys, one).Changes(context.Background(), findIn(b, sys, other)) {
		require.NoError(b, err)
		ranges = append(ranges, r)
	}
	return ranges
}

func (b *bothWays) lvm(args ...string) {
	b.Helper()
	umltest.Run(b, umltest.NeedTool(b, "lvm"), args...)
}

// Origin and snapshots go to and fro between the kernel and image mode, and
// whatever is written in one is read in the other, byte for byte.
func TestKernelSnapshotFiles(t *testing.T) {
	for _, c := range []struct {
		chunks  [2]Bytes
		stripes int
	}{{[2]Bytes{4 * KiB, 16 * KiB}, 1}, {[2]Bytes{64 * KiB, 4 * KiB}, 2}, {[2]Bytes{512 * KiB, 128 * KiB}, 2}} {
		t.Run(fmt.Sprint(c.chunks), func(t *testing.T) {
			b := newBothWays(t, c.stripes)
			b.lvm("lvcreate", "-qq", "-s", "-n", "one", "-l", "100%ORIGIN", "-c", fmt.Sprint(uint64(c.chunks[0]/KiB)), "vg/origin")
			b.snapshot("one")
			b.write(b.kernel)
			b.update(func(tx *Tx) error {
				_, err := tx.CreateSnapshot("origin", SnapshotSpec{Name: "two", Size: PercentOrigin(100), ChunkSize: c.chunks[1]})
				return err
			})
			b.snapshot("two")
			for range 2 {
				b.write(b.kernel)
				b.check("the kernel", b.kernel)
				b.changes()
				// What the kernel has let end is on the devices.
				b.check("us, while it is active", b.image)
				b.lvm("vgchange", "-qq", "-an", "vg")
				b.check("us", b.image)
				b.changes()
				b.write(b.image)
				b.check("us, again", b.image)
				b.lvm("vgchange", "-qq", "-ay", "vg")
			}
			b.check("the kernel", b.kernel)
			b.changes()
		})
	}
}

// A snapshot that was made here, and never active, is what the kernel takes.
func TestKernelSnapshotFilesMadeInImageMode(t *testing.T) {
	b := newBothWays(t, 1)
	b.lvm("vgchange", "-qq", "-an", "vg")
	image := b.imageSystem()
	origin, err := findIn(b, image, "origin").Open()
	require.NoError(t, err)
	for _, name := range []string{"written", "blank"} {
		require.NoError(t, image.Update(context.Background(), "vg", func(tx *Tx) error {
			_, err := tx.CreateSnapshot("origin", SnapshotSpec{Name: name, Size: PercentOrigin(100)})
			return err
		}))
		b.snapshot(name)
		if name == "written" {
			p := pattern(testID("write", 1), 100*KiB)
			_, err = origin.WriteAt(p, 12345)
			require.NoError(t, err)
			copy(b.holds["origin"][12345:], p)
		}
	}
	require.NoError(t, origin.Close())
	b.lvm("vgchange", "-qq", "-ay", "vg")
	b.check("the kernel", b.kernel)
	b.write(b.kernel)
	b.check("the kernel", b.kernel)
	b.lvm("vgchange", "-qq", "-an", "vg")
	b.check("us", b.image)
}

func findIn(t tester, sys *System, name string) *LogicalVolume {
	t.Helper()
	vg, err := sys.VG(context.Background(), "vg")
	require.NoError(t, err)
	lv, err := vg.LV(name)
	require.NoError(t, err)
	return lv
}

// A snapshot without room is given up by both, for a write to its origin, and
// then neither reads it; the others go on.
func TestKernelSnapshotFilesOverflow(t *testing.T) {
	for _, kernel := range []bool{true, false} {
		t.Run(map[bool]string{true: "kernel", false: "image mode"}[kernel], func(t *testing.T) {
			b := newBothWays(t, 1)
			b.update(func(tx *Tx) error {
				_, small := tx.CreateSnapshot("origin", SnapshotSpec{Name: "small", Size: ExactSize(4 * MiB)})
				_, large := tx.CreateSnapshot("origin", SnapshotSpec{Name: "large", Size: PercentOrigin(100)})
				return joinErrors(small, large)
			})
			b.snapshot("large")
			write := func(f namedBytes) {
				p := pattern(testID("write", 1), 5*MiB)
				_, err := f.WriteAt(p, int64(MiB/2))
				require.NoError(t, err)
				copy(b.holds["origin"][MiB/2:], p)
			}
			if kernel {
				b.kernel("origin", write)
				b.compareLost(b.sys)
				b.lvm("vgchange", "-qq", "-an", "vg")
			} else {
				b.lvm("vgchange", "-qq", "-an", "vg")
				b.image("origin", write)
			}
			image := b.imageSystem()
			_, err := findIn(b, image, "small").Open()
			require.ErrorIs(t, err, ErrSnapshotInvalid)
			b.compareLost(image)
			b.check("us", b.image)
			b.lvm("vgchange", "-qq", "-ay", "vg")
			assert.Contains(t, umltest.Run(t, "dmsetup", "status", "vg-small"), "Invalid")
			b.compareLost(b.sys)
			b.check("the kernel", b.kernel)
			b.lvm("lvremove", "-qqf", "vg/small")
			b.write(b.kernel)
			b.check("the kernel", b.kernel)
		})
	}
}

// compareLost checks that a snapshot which was given up is compared with nothing.
func (b *bothWays) compareLost(sys *System) {
	b.Helper()
	n := 0
	for _, err := range findIn(b, sys, "small").Changes(context.Background(), findIn(b, sys, "large")) {
		require.ErrorIs(b, err, ErrSnapshotInvalid)
		n++
	}
	require.Equal(b, 1, n)
}

// A merge that lvm2 has begun is gone on with in image mode, and the other way.
func TestKernelSnapshotFilesMerge(t *testing.T) {
	b := newBothWays(t, 2)
	b.update(func(tx *Tx) error {
		_, one := tx.CreateSnapshot("origin", SnapshotSpec{Name: "one", Size: PercentOrigin(100)})
		_, two := tx.CreateSnapshot("origin", SnapshotSpec{Name: "two", Size: PercentOrigin(100), ChunkSize: 32 * KiB})
		return joinErrors(one, two)
	})
	b.snapshot("one")
	b.snapshot("two")
	for range 5 {
		b.write(b.kernel)
	}
	b.lvm("vgchange", "-qq", "-an", "vg")
	b.lvm("lvconvert", "-qq", "--merge", "--background", "vg/one")
	b.holds["origin"] = b.holds["one"]
	delete(b.holds, "one")
	b.check("us, before the merge", b.image)
	b.changes()
	b.write(b.image)
	b.check("us, before the merge, written", b.image)

	image := b.imageSystem()
	ctx, cancel := context.WithCancel(context.Background())
	steps := 0
	err := image.mergeFiles(ctx, findIn(b, image, "origin"), func(done, total Bytes) {
		if steps++; steps == 3 {
			require.Less(t, done, total)
			cancel()
		}
	})
	require.ErrorIs(t, err, context.Canceled)
	b.check("us, half merged", b.image)
	b.write(b.image)
	b.check("us, half merged, written", b.image)
	b.changes()

	// The kernel finishes it, and lvm2 takes the snapshot out.
	b.lvm("vgchange", "-qq", "-ay", "--poll", "n", "vg")
	b.check("the kernel, merging", b.kernel)
	b.write(b.kernel)
	b.check("the kernel, merging, written", b.kernel)
	b.lvm("lvpoll", "-qq", "--polloperation", "merge", "--interval", "1", "vg/origin")
	_, err = findIn(b, b.sys, "origin").vg.LV("one")
	require.ErrorIs(t, err, ErrLVNotFound)
	b.check("the kernel, merged", b.kernel)
	b.lvm("vgchange", "-qq", "-an", "vg")
	b.check("us, merged", b.image)
}

// The file system of a snapshot is found where users see it, active or not.
func TestKernelFileSystemOfSnapshot(t *testing.T) {
	b := newBothWays(t, 2)
	umltest.Run(t, umltest.NeedTool(t, "mkfs.ext4"), "-q", "-L", "before", "/dev/vg/origin")
	b.update(func(tx *Tx) error {
		_, err := tx.CreateSnapshot("origin", SnapshotSpec{Name: "snap", Size: PercentOrigin(100)})
		return err
	})
	umltest.Run(t, umltest.NeedTool(t, "mkfs.ext4"), "-q", "-L", "after", "/dev/vg/origin")
	check := func(sys *System) {
		for name, label := range map[string]string{"origin": "after", "snap": "before"} {
			fs, err := sys.FileSystem(context.Background(), "vg", name)
			require.NoError(t, err)
			assert.Equal(t, label, fs.Label)
			assert.Equal(t, 8*MiB, fs.Size)
		}
	}
	check(b.sys)
	b.lvm("vgchange", "-qq", "-an", "vg")
	check(b.sys)
	check(b.imageSystem())
}
