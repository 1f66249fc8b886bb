package lvm

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/umltest"
	"github.com/lvm-go/lvm/metadata"
)

// stackVolumes are what users see of the group that stackGroup makes.
var stackVolumes = []string{"raid", "rsnap", "five", "old", "thin", "tsnap", "slow", "hot"}

// stackOrigins are those of them that are no snapshots, with what each holds first.
var stackOrigins = map[string]byte{"raid": 1, "five": 2, "old": 3, "thin": 4, "slow": 5, "hot": 6}

// stackGroup is a group in which volumes lie on others of several types, made by
// lvm2, with data.
func stackGroup(t *testing.T) *interopRun {
	umltest.NeedKernel(t)
	r := newInteropRun(t, scenario{vg: "vg", sizes: slices.Repeat([]int64{128 << 20}, 5)})
	r.where = t.Name()
	r.update(func(tx *Tx) error { return tx.CreateVG(VGSpec{PVs: r.dev}) })
	for _, command := range []string{
		"lvcreate -y --type raid1 -m1 -l2 -n raid vg $0 $1",
		"lvcreate -y --type raid5 -i2 -l2 -n five vg $0 $1 $2",
		"lvcreate -y --type mirror -m1 --mirrorlog core -l1 -n old vg $0 $1",
		"lvcreate -y --type raid1 -m1 -l2 -n pool vg $0 $1",
		"lvcreate -y --type raid1 -m1 -l1 -n meta vg $0 $1",
		"lvconvert -y --type thin-pool --poolmetadata meta vg/pool",
		"lvcreate -y -T -V8M -n thin vg/pool",
		"lvcreate -y --type raid1 -m1 -l1 -n slow vg $1 $2",
		"lvcreate -y -l3 -n fast vg $2",
		"lvconvert -y --type cache --cachevol fast vg/slow",
		"lvcreate -y -l1 -n hot vg $1",
		"lvcreate -y --type cache-pool -l2 -n quick vg $2",
		"lvconvert -y --type cache --cachemode writeback --cachepool quick vg/hot",
	} {
		r.do(interopStep{lvm2: command}, false)
	}
	for lv, mark := range stackOrigins {
		r.put(lv, mark, 0)
	}
	for _, command := range []string{
		"lvcreate -y -s -l1 -n rsnap vg/raid $2",
		"lvcreate -y -s -kn -n tsnap vg/thin",
	} {
		r.do(interopStep{lvm2: command}, false)
	}
	for i, lv := range stackVolumes {
		r.put(lv, byte(0x81+i), MiB)
	}
	return r
}

const stackMark = 64 * KiB

func (r *interopRun) put(lv string, mark byte, at Bytes) {
	r.Helper()
	f, err := os.OpenFile("/dev/vg/"+lv, os.O_RDWR|os.O_SYNC, 0)
	require.NoError(r, err)
	_, err = f.WriteAt(bytes.Repeat([]byte{mark}, int(stackMark)), int64(at))
	require.NoError(r, err)
	require.NoError(r, f.Close())
}

// stackHolds checks what all volumes hold, and that the devices are what lvm2
// makes of the text.
func (r *interopRun) stackHolds(where string) {
	r.Helper()
	marks := maps.Clone(stackOrigins)
	marks["rsnap"], marks["tsnap"] = marks["raid"], marks["thin"]
	hold := func() {
		r.Helper()
		for i, lv := range stackVolumes {
			f, err := os.Open("/dev/vg/" + lv)
			require.NoError(r, err, where)
			for at, mark := range map[Bytes]byte{0: marks[lv], MiB: byte(0x81 + i)} {
				got := make([]byte, stackMark)
				_, err = f.ReadAt(got, int64(at))
				require.NoError(r, err, where)
				require.True(r, bytes.Equal(bytes.Repeat([]byte{mark}, int(stackMark)), got), "%s: lv %s at %s", where, lv, at)
			}
			require.NoError(r, f.Close())
		}
	}
	hold()
	ours := tablesNow(r.T)
	lvm2(r, "vgck", "vg")
	lvm2(r, "vgchange", "-an", "vg")
	require.Empty(r, tablesNow(r.T), where)
	lvm2(r, "vgchange", "-ay", "vg")
	requireTables(r.T, tablesNow(r.T), ours)
	hold()
}

// used returns the last device with extents on it.
func (r *interopRun) used() (device string) {
	vg, err := r.sys.VG(context.Background(), "vg")
	require.NoError(r, err)
	for pv := range vg.PVs() {
		if vg.extents().Used(pv.ID()) > 0 {
			device = pv.Device()
		}
	}
	return device
}

// What lies on each physical volume moves to others and back, whatever it is a
// part of, while all of it is written to.
func TestKernelMoveStacks(t *testing.T) {
	ctx := context.Background()
	r := stackGroup(t)
	r.stackHolds("as lvm2 made it")
	for i, o := range []MoveOptions{
		{From: PVSelection{PV: r.dev[0]}},
		{From: PVSelection{PV: r.dev[1]}, Atomic: true},
		{From: PVSelection{PV: r.dev[2]}, MaxSegment: 4 * MiB},
	} {
		where := fmt.Sprintf("move %d", i)
		c, stop := r.busyVolumes(uint64(i+1), slices.Sorted(maps.Keys(stackOrigins))...)
		c.Progress(20)
		result, err := r.sys.Move(ctx, "vg", o)
		require.NoError(t, err, where)
		require.NotEmpty(t, result.LVs)
		stop()
		for lv, mark := range stackOrigins { // which the writers have written over
			r.put(lv, mark, 0)
			r.put(lv, byte(0x81+slices.Index(stackVolumes, lv)), MiB)
		}
		vg, err := r.sys.VG(ctx, "vg")
		require.NoError(t, err)
		for pv := range vg.PVs() {
			if pv.Device() == o.From.PV {
				assert.Zero(t, vg.extents().Used(pv.ID()), where)
			}
		}
		r.stackHolds(where)
	}
	// lvm2 goes on with what we began, and ends it.
	for _, end := range []string{"pvmove", "pvmove --abort"} {
		from := PVSelection{PV: r.used()}
		r.update(func(tx *Tx) error {
			_, err := tx.StartMove(MoveOptions{From: from})
			return err
		})
		lvm2(t, strings.Fields(end)...)
		vg, err := r.sys.VG(ctx, "vg")
		require.NoError(t, err)
		require.Empty(t, vg.Moves(), end)
		for lv := range vg.LVs() {
			require.Zero(t, lv.rec.Status&metadata.LVLocked, lv.Name())
		}
		r.stackHolds(end)
	}
	r.update(func(tx *Tx) error { return tx.DeactivateAll() })
	_, err := r.sys.Move(ctx, "vg", MoveOptions{From: PVSelection{PV: r.used()}})
	require.NoError(t, err)
	require.Empty(t, tablesNow(t))
	r.update(func(tx *Tx) error { return tx.ActivateAll() })
	r.stackHolds("inactive")
}
