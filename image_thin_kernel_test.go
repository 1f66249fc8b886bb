package lvm

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/umltest"
)

// newThinBothWays makes a thin volume, origin.
func newThinBothWays(t *testing.T) *bothWays {
	r, _ := kernelGroup(t, 2, nil)
	b := &bothWays{interopRun: r, rand: rand.New(rand.NewPCG(7, 7)), holds: map[string][]byte{}}
	b.lvm("lvcreate", "-qq", "-y", "-T", "-L40M", "-c64k", "-V8M", "-n", "origin", "vg/pool")
	b.holds["origin"] = make([]byte, 8*MiB)
	return b
}

// Thin snapshots differ only where they are said to, whether their pool is active
// or not, and what they have is where it is said to be.
func TestKernelChangesOfThinVolumes(t *testing.T) {
	ctx := context.Background()
	b := newThinBothWays(t)
	b.write(b.kernel)
	for _, name := range []string{"one", "two"} {
		b.lvm("lvcreate", "-qq", "-y", "-s", "-kn", "-n", name, "vg/origin")
		b.snapshot(name)
		b.write(b.kernel)
	}
	b.lvm("lvcreate", "-qq", "-y", "-V4M", "-T", "-n", "other", "vg/pool")
	b.holds["other"] = make([]byte, 4*MiB)
	compare := func() {
		image := b.imageSystem()
		for one := range b.holds {
			mapped := b.mapped(b.sys, one)
			rest := slices.Clone(b.holds[one])
			for _, r := range mapped {
				clear(rest[r.Offset:r.end()])
			}
			equalContents(t, make([]byte, len(rest)), rest, "%s, where nothing is mapped", one)
			require.Equal(t, mapped, b.mapped(image, one))
			for other := range b.holds {
				ranges := b.compared(b.sys, one, other)
				same := slices.Clone(b.holds[one])
				theirs := append(slices.Clone(b.holds[other]), make([]byte, 8*MiB)...)
				for _, r := range ranges {
					copy(same[r.Offset:r.end()], theirs[r.Offset:])
				}
				equalContents(t, theirs[:len(same)], same, "%s, with the changes of %s", one, other)
				require.Equal(t, ranges, b.compared(image, one, other))
			}
		}
		var most Bytes
		for _, r := range b.compared(b.sys, "two", "one") {
			most += r.Length
		}
		assert.Positive(t, most)
		assert.Less(t, most, 4*MiB)
		assert.Empty(t, b.mapped(b.sys, "other"))
	}
	compare()

	// The one snapshot of the metadata is somebody else's.
	umltest.Run(t, "dmsetup", "message", "vg-pool-tpool", "0", "reserve_metadata_snap")
	for _, err := range findIn(t, b.sys, "one").Changes(ctx, findIn(t, b.sys, "two")) {
		require.ErrorIs(t, err, ErrBusy)
	}
	for _, err := range findIn(t, b.sys, "one").Mapped(ctx) {
		require.ErrorIs(t, err, ErrBusy)
	}
	umltest.Run(t, "dmsetup", "message", "vg-pool-tpool", "0", "release_metadata_snap")
	require.NotEmpty(t, b.compared(b.sys, "one", "two"))
	umltest.Run(t, "dmsetup", "message", "vg-pool-tpool", "0", "reserve_metadata_snap") // ours is gone
	umltest.Run(t, "dmsetup", "message", "vg-pool-tpool", "0", "release_metadata_snap")

	_, err := findIn(t, b.sys, "pool").CheckPool(ctx)
	require.ErrorIs(t, err, ErrBusy)
	b.lvm("vgchange", "-qq", "-an", "vg")
	compare()
	b.check("us", b.image)
	for _, sys := range []*System{b.sys, b.imageSystem()} {
		found, err := findIn(t, sys, "pool").CheckPool(ctx)
		require.NoError(t, err)
		require.Empty(t, found)
		_, err = findIn(t, sys, "one").CheckPool(ctx)
		require.ErrorIs(t, err, ErrInvalidSpec)
	}
}

func (b *bothWays) mapped(sys *System, name string) (ranges []Range) {
	b.Helper()
	for r, err := range findIn(b, sys, name).Mapped(context.Background()) {
		require.NoError(b, err)
		ranges = append(ranges, r)
	}
	return ranges
}

// A file system on a thin volume is found, active or not.
func TestKernelFileSystemOfThinVolume(t *testing.T) {
	b := newThinBothWays(t)
	umltest.Run(t, umltest.NeedTool(t, "mkfs.ext4"), "-q", "-L", "thin", "/dev/vg/origin")
	check := func(sys *System) {
		t.Helper()
		fs, err := sys.FileSystem(context.Background(), "vg", "origin")
		require.NoError(t, err)
		require.NotNil(t, fs)
		assert.Equal(t, "thin", fs.Label)
		assert.Equal(t, 8*MiB, fs.Size)
	}
	check(b.sys)
	b.lvm("lvcreate", "-qq", "-y", "-V4M", "-T", "-n", "other", "vg/pool")
	b.lvm("lvchange", "-qq", "-an", "vg/origin")
	_, err := b.sys.FileSystem(context.Background(), "vg", "origin")
	require.ErrorIs(t, err, ErrNotActive)
	b.lvm("vgchange", "-qq", "-an", "vg")
	check(b.sys)
	check(b.imageSystem())
}

// Volumes that a pool has and the group has not, and the other way, are found, and
// pools that have gone on without the group are not taken for the same.
func TestKernelCheckPool(t *testing.T) {
	ctx := context.Background()
	b := newThinBothWays(t)
	umltest.Run(t, "dmsetup", "message", "vg-pool-tpool", "0", "create_thin 77")
	b.lvm("vgchange", "-qq", "-an", "vg")
	image := b.imageSystem()
	found, err := findIn(t, image, "pool").CheckPool(ctx)
	require.NoError(t, err)
	require.Equal(t, []PoolProblem{{true, "device 77 belongs to no logical volume"}}, found)

	b.lvm("vgchange", "-qq", "-ay", "vg")
	umltest.Run(t, "dmsetup", "message", "vg-pool-tpool", "0", "set_transaction_id 1 9")
	umltest.Run(t, "dmsetup", "remove", "vg-origin")
	umltest.Run(t, "dmsetup", "message", "vg-pool-tpool", "0", "delete 1")
	umltest.Run(t, "dmsetup", "remove", "vg-pool", "vg-pool-tpool")
	_, err = findIn(t, image, "pool").CheckPool(ctx)
	require.ErrorIs(t, err, ErrTransactionID)
	_, err = findIn(t, image, "origin").Open()
	require.ErrorIs(t, err, ErrTransactionID)
}
