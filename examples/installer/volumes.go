package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/lvm-go/lvm"
)

// device names the LVM partition towards lvm.
const device = "lvm-partition"

// openSystem returns a System that works on a partition.
func openSystem(part *section) (*lvm.System, error) {
	return lvm.Open(lvm.Config{
		Devices: []string{device}, Kernel: lvm.KernelNone,
		OpenDevice: func(string, bool) (lvm.Device, error) { return part, nil },
	})
}

// makeVolumes brings the group and its volumes to what the layout asks, in one
// update: all of it is there afterwards, or nothing.
func makeVolumes(ctx context.Context, sys *lvm.System, layout Layout) error {
	return sys.Update(ctx, layout.Group, func(tx *lvm.Tx) error {
		if !tx.Exists() {
			if err := tx.CreateVG(lvm.VGSpec{PVs: []string{device}}); err != nil {
				return err
			}
		} else if err := tx.ResizePV(device, 0); err != nil {
			return err
		}
		for _, v := range layout.Volumes {
			if err := makeVolume(tx, v); err != nil {
				return err
			}
		}
		return nil
	})
}

func makeVolume(tx *lvm.Tx, v Volume) error {
	now, err := tx.VG().LV(v.Name)
	switch {
	case errors.Is(err, lvm.ErrLVNotFound):
		_, err = tx.CreateLV(lvm.LVSpec{Name: v.Name, Size: lvm.ExactSize(v.Size)})
	case err == nil && now.Size() < v.Size:
		err = tx.ExtendLV(v.Name, lvm.ExtendSpec{To: lvm.ExactSize(v.Size)})
	}
	if err != nil {
		return fmt.Errorf("volume %s: %w", v.Name, err)
	}
	return nil
}
