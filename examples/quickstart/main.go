// Quickstart makes disks out of sparse files, and LVM on them: physical volumes,
// a volume group, a striped logical volume. It writes to the volume, extends it
// over a third disk, reads back what it wrote and shows what came of it.
//
//	go run ./examples/quickstart
//
// needs no privileges and cleans up after itself; -dir FOLDER keeps the files.
// As root on Linux
//
//	go run ./examples/quickstart -kernel
//
// does the same on loop devices, with a device of the kernel's device mapper and
// a file system that is mounted while its volume grows. Without -kernel it prints,
// with other paths:
//
//	Wrote 8 MiB to volume quickstart/data of 64 MiB.
//	Extended it to 96 MiB, over a third disk.
//	Read the same back.
//
//	Volume group quickstart: 192 MiB in extents of 4 MiB
//	  PV   disk1.img   64 MiB   32 MiB free
//	  PV   disk2.img   64 MiB   32 MiB free
//	  PV   disk3.img   64 MiB   32 MiB free
//	  LV   data        96 MiB
//
//	Where the extents are
//
//	disk1.img [a1aaaaaa........] 8 of 16 free
//	disk2.img [a2aaaaaa........] 8 of 16 free
//	disk3.img [aaaaaaaa........] 8 of 16 free
//
//	a data  24 extents, 96 MiB, stripes a1-a2
//	. free  24 extents, 96 MiB
//
//	Device-mapper table of quickstart-data
//
//	0 131072 striped 2 128 disk1.img 2048 disk2.img 2048
//	131072 65536 linear disk3.img 2048
package main

import (
	"context"
	"crypto/sha256"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/lvm-go/lvm"
)

const (
	vgName = "quickstart"
	lvName = "data"
)

func main() {
	dir := flag.String("dir", "", "make the files in `FOLDER` and keep them")
	kernel := flag.Bool("kernel", false, "use loop devices and the device mapper (Linux, as root)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Stdout, *dir, *kernel); err != nil {
		fmt.Fprintln(os.Stderr, "quickstart:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, dir string, kernel bool) error {
	if dir == "" {
		temp, err := os.MkdirTemp("", "lvm-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(temp)
		dir = temp
	}
	disks, err := makeDisks(dir, 3, 65*lvm.MiB) // 1 MiB of each is for metadata
	if err != nil {
		return err
	}
	if kernel {
		return onDevices(ctx, out, disks)
	}
	return onFiles(ctx, out, disks)
}

// makeDisks makes files that occupy no space until something is written.
func makeDisks(dir string, n int, size lvm.Bytes) ([]string, error) {
	var disks []string
	for i := range n {
		f, err := os.OpenFile(filepath.Join(dir, fmt.Sprintf("disk%d.img", i+1)), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		if err := f.Truncate(int64(size)); err != nil {
			return nil, err
		}
		disks = append(disks, f.Name())
	}
	return disks, nil
}

// onFiles works without a kernel: volumes are read and written by this process.
func onFiles(ctx context.Context, out io.Writer, disks []string) error {
	sys, err := lvm.Open(lvm.Config{Devices: disks, Kernel: lvm.KernelNone})
	if err != nil {
		return err
	}
	defer sys.Close()
	if err := create(ctx, sys, disks[:2]); err != nil {
		return err
	}
	lv, err := find(ctx, sys)
	if err != nil {
		return err
	}
	f, err := lv.Open()
	if err != nil {
		return err
	}
	defer f.Close()
	sum, err := fill(io.NewOffsetWriter(f, 0))
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "Wrote %s to volume %s/%s of %s.\n", dataSize, vgName, lvName, lv.Size())

	if err := extend(ctx, sys, disks[2]); err != nil {
		return err
	}
	if lv, err = find(ctx, sys); err != nil {
		return err
	}
	fmt.Fprintf(out, "Extended it to %s, over a third disk.\n", lv.Size())
	grown, err := lv.Open()
	if err != nil {
		return err
	}
	defer grown.Close()
	if err := verify(io.NewSectionReader(grown, 0, int64(dataSize)), sum); err != nil {
		return err
	}
	fmt.Fprintln(out, "Read the same back.")
	return show(ctx, out, sys)
}

// create makes a volume group of disks and a volume striped over two, at once.
func create(ctx context.Context, sys *lvm.System, disks []string) error {
	return sys.Update(ctx, vgName, func(tx *lvm.Tx) error {
		if err := tx.CreateVG(lvm.VGSpec{PVs: disks}); err != nil {
			return err
		}
		_, err := tx.CreateLV(lvm.LVSpec{Name: lvName, Size: lvm.ExactSize(64 * lvm.MiB), Stripes: 2})
		return err
	})
}

// extend adds a disk to the group, and space on it to the volume.
func extend(ctx context.Context, sys *lvm.System, disk string) error {
	return sys.Update(ctx, vgName, func(tx *lvm.Tx) error {
		if err := tx.ExtendVG(lvm.PVSpec{}, disk); err != nil {
			return err
		}
		return tx.ExtendLV(lvName, lvm.ExtendSpec{
			To: lvm.ExactSize(96 * lvm.MiB), Stripes: 1, PVs: []lvm.PVSelection{{PV: disk}},
		})
	})
}

func find(ctx context.Context, sys *lvm.System) (*lvm.LogicalVolume, error) {
	vg, err := sys.VG(ctx, vgName)
	if err != nil {
		return nil, err
	}
	return vg.LV(lvName)
}

const dataSize = 8 * lvm.MiB

// fill writes random data and returns its checksum.
func fill(w io.Writer) (sum [sha256.Size]byte, err error) {
	random := rand.NewChaCha8([32]byte{})
	h := sha256.New()
	_, err = io.CopyN(io.MultiWriter(w, h), random, int64(dataSize))
	return [sha256.Size]byte(h.Sum(nil)), err
}

func verify(r io.Reader, want [sha256.Size]byte) error {
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		return err
	}
	if [sha256.Size]byte(h.Sum(nil)) != want {
		return fmt.Errorf("volume %s/%s: what was read is not what was written", vgName, lvName)
	}
	return nil
}
