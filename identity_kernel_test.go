package lvm

import (
	"context"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/umltest"
)

// deadDevices are block devices that fail from some moment on.
type deadDevices struct{ dead bool }

func (d *deadDevices) open(path string, write bool) (Device, error) {
	device, err := openFileDevice(path, write)
	return &mortal{device, d}, err
}

type mortal struct {
	Device
	all *deadDevices
}

func (m *mortal) WriteAt(p []byte, off int64) (int, error) {
	if m.all.dead {
		return 0, assert.AnError
	}
	return m.Device.WriteAt(p, off)
}

// TestKernelHalfChangedIdentity has a process die between the writing of labels
// and the commit, lets lvm2 do what it may in between, and recovers.
func TestKernelHalfChangedIdentity(t *testing.T) {
	umltest.NeedKernel(t)
	tool := umltest.NeedTool(t, "lvm")
	ctx := context.Background()
	for name, do := range map[string]func(*Tx, []string) error{
		"one pv": func(tx *Tx, dev []string) error { return tx.SetPVID(dev[1], ID{}) },
		"all": func(tx *Tx, dev []string) error {
			return joinErrors(tx.SetPVID(dev[0], ID{}), tx.SetPVID(dev[1], ID{}), tx.SetVGID(ID{}), tx.RenameVG("other"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			sys, devices := kernelSystem(t, 2, 16<<20)
			lvm2(t, "vgcreate", "vg", devices[0], devices[1])
			lvm2(t, "lvcreate", "-an", "-l2", "-n", "data", "vg")
			before := recordOf(t, sys, "vg")

			disks := &deadDevices{}
			dying, err := Open(Config{Devices: devices, OpenDevice: disks.open})
			require.NoError(t, err)
			defer dying.Close()
			dying.before = func(s Step) { disks.dead = disks.dead || isCommit(s) }
			require.Error(t, dying.Update(ctx, "vg", func(tx *Tx) error { return do(tx, devices) }))

			// lvm2 misses physical volumes, and must not make it worse by looking.
			for _, args := range [][]string{{"pvs"}, {"vgs"}, {"lvs"}, {"vgck", "vg"}, {"vgchange", "-an", "vg"}, {"lvs", "-a"}} {
				_ = exec.Command(tool, args...).Run() // whether it fails or not
			}
			rec, err := sys.Recover(ctx)
			require.NoError(t, err)
			require.NotEmpty(t, rec.Done)
			require.Empty(t, rec.Problems)
			inv, err := sys.Scan(ctx)
			require.NoError(t, err)
			require.Empty(t, inv.Problems)
			require.Len(t, inv.VGs, 1)
			vg := inv.VGs[0]
			assert.NotEqual(t, before.PVs[1].ID, vg.rec.PVs[1].ID)
			lvm2(t, "vgck", vg.Name())
			lvm2(t, "vgchange", "-ay", vg.Name())
			lvm2(t, "vgremove", "-ff", "-y", vg.Name())
		})
	}
}
