package lvm_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"

	"github.com/lvm-go/lvm"
)

// build makes a volume group of two disks, and in it a volume striped over both
// that takes all the space, and writes to the volume.
func build(ctx context.Context, disks []string) error {
	sys, err := lvm.Open(lvm.Config{Devices: disks, Kernel: lvm.KernelNone})
	if err != nil {
		return err
	}
	defer sys.Close()
	err = sys.Update(ctx, "vg0", func(tx *lvm.Tx) error {
		if err := tx.CreateVG(lvm.VGSpec{PVs: disks}); err != nil {
			return err
		}
		_, err := tx.CreateLV(lvm.LVSpec{Name: "data", Size: lvm.PercentFree(100), Stripes: 2})
		return err
	})
	if err != nil {
		return err
	}
	vg, err := sys.VG(ctx, "vg0")
	if err != nil {
		return err
	}
	lv, err := vg.LV("data")
	if err != nil {
		return err
	}
	f, err := lv.Open()
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.WriteString(io.NewOffsetWriter(f, 0), "written through the volume")
	return err
}

// The whole way, on image files: from blank disks to data on a volume.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "lvm-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	var disks []string
	for _, name := range []string{"a.img", "b.img"} {
		disk := filepath.Join(dir, name)
		if err := os.WriteFile(disk, nil, 0o600); err != nil {
			log.Fatal(err)
		}
		if err := os.Truncate(disk, 1<<30); err != nil {
			log.Fatal(err)
		}
		disks = append(disks, disk)
	}
	if err := build(ctx, disks); err != nil {
		log.Fatal(err)
	}

	sys, err := lvm.Open(lvm.Config{Devices: disks, Kernel: lvm.KernelNone})
	if err != nil {
		log.Fatal(err)
	}
	defer sys.Close()
	found, err := sys.Scan(ctx)
	if err != nil {
		log.Fatal(err)
	}
	for _, vg := range found.VGs {
		fmt.Println(vg.Name(), vg.Size(), vg.Free())
		for lv := range vg.LVs() {
			f, err := lv.Open()
			if err != nil {
				log.Fatal(err)
			}
			head := make([]byte, 26)
			if _, err := f.ReadAt(head, 0); err != nil {
				log.Fatal(err)
			}
			fmt.Printf("%s %s %q\n", lv.Name(), lv.Size(), head)
			f.Close()
		}
	}
	// Output:
	// vg0 1.99 GiB 0 B
	// data 1.99 GiB "written through the volume"
}
