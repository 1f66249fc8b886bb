package raid_test

import (
	"fmt"
	"io"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/raid"
	"github.com/lvm-go/lvm/internal/umltest"
	"github.com/lvm-go/lvm/units"
)

// An array that lvm2 has given more legs has its data elsewhere on them. While the
// kernel moves them, nothing is read.
func TestKernelReshapedByLVM2(t *testing.T) {
	umltest.NeedKernel(t)
	umltest.NeedTool(t, "lvm")
	var pvs []string
	for range 5 {
		pv, _ := umltest.Loop(t, 64<<20)
		pvs = append(pvs, pv)
	}
	lvm := func(args ...string) { umltest.Run(t, "lvm", args...) }
	lvm(append([]string{"vgcreate", "raidgeo"}, pvs...)...)
	t.Cleanup(func() { lvm("vgremove", "-ff", "-y", "raidgeo") })
	lvm("lvcreate", "-y", "--type", "raid5", "-i", "2", "-I", "16k", "-L", "8M", "-n", "r", "raidgeo")
	a := &array{t: t, g: raid.Geometry{Layout: raid.RAID5LS, Legs: 3, Chunk: 32}, leg: 8192, name: "raidgeo-r"}
	a.settle()
	model := random(3, units.Bytes(a.sectors())*512)
	a.kernelWrite(model, 0)

	open := func() (*raid.Array, *raid.State, error) {
		var legs []raid.Devices
		for i := range a.g.Legs {
			var d [2]io.ReaderAt
			for n, kind := range []string{"rmeta", "rimage"} {
				device := fmt.Sprintf("/dev/mapper/raidgeo-r_%s_%d", kind, i)
				umltest.Run(t, "blockdev", "--flushbufs", device) // the array writes past its cache
				f, err := os.Open(device)
				require.NoError(t, err)
				t.Cleanup(func() { _ = f.Close() })
				d[n] = f
			}
			legs = append(legs, raid.Devices{Meta: d[0], Data: d[1]})
		}
		return raid.Open(a.g, a.leg, legs, raid.OpenOptions{ReadOnly: true})
	}
	r, _, err := open()
	require.NoError(t, err)
	same(t, model, contents(t, r), "before")

	lvm("lvchange", "-y", "--maxrecoveryrate", "2m", "raidgeo/r")
	lvm("lvconvert", "-y", "--stripes", "3", "raidgeo/r")
	a.g.Legs = 4
	require.Equal(t, "reshape", a.status().action)
	_, _, err = open()
	assert.ErrorIs(t, err, raid.ErrReshaping)
	a.settle()
	lvm("lvchange", "--refresh", "raidgeo/r")
	a.settle()
	r, state, err := open()
	require.NoError(t, err)
	assert.Zero(t, state.DataOffset)
	assert.Equal(t, 3*8192*512, int(r.Size()))
	same(t, model, contents(t, r)[:len(model)], "after")

	lvm("lvconvert", "-y", "--stripesize", "32k", "raidgeo/r")
	a.g.Chunk = 64
	a.settle()
	r, state, err = open()
	require.NoError(t, err)
	assert.Equal(t, units.Sectors(8192), state.DataOffset, "the space that lvm2 had put behind the data")
	same(t, model, contents(t, r)[:len(model)], "after another")
}
