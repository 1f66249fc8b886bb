// Installer makes the disk of a machine: a partition table, an EFI system
// partition, LVM on the rest, and in it a root and a swap volume with their file
// systems, as a small declaration asks. Run again, it changes nothing; with more
// space asked for it grows disk, partition, group and volumes; it never makes
// anything smaller and never formats what holds something.
//
//	cd examples/installer && go run . -disk disk.img
//	go run . -disk disk.img -size 2G -root 900M
//
// needs no privileges and no kernel support: the disk is an image file. The
// file system of a volume that grew is left to the first boot (x-systemd.growfs);
// a swap area is made anew. Without arguments it shows both on a file of its own
// and prints:
//
//	disk of 768 MiB, LVM partition of 702 MiB, group system of 700 MiB
//	created root of 400 MiB: ext4
//	created swap of 128 MiB: swap
//
//	disk of 768 MiB, LVM partition of 702 MiB, group system of 700 MiB
//	kept    root of 400 MiB
//	kept    swap of 128 MiB
//
//	disk of 1 GiB, LVM partition of 958 MiB, group system of 956 MiB
//	grown   root of 600 MiB: its file system grows at boot
//	kept    swap of 128 MiB
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/lvm-go/lvm"
)

// Layout is what a disk shall hold.
type Layout struct {
	Disk    string // an image file; made if it is not there
	Size    lvm.Bytes
	Group   string
	Volumes []Volume
}

// Volume is a logical volume and what is on it.
type Volume struct {
	Name string
	Size lvm.Bytes
	Use  Use
}

// Use is what a volume is formatted as.
type Use string

// Uses of a volume.
const (
	Ext4 Use = "ext4"
	Swap Use = "swap"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Stdout, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "installer:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, args []string) error {
	flags := flag.NewFlagSet("installer", flag.ContinueOnError)
	flags.SetOutput(out)
	layout := Layout{
		Size: 768 * lvm.MiB, Group: "system",
		Volumes: []Volume{{"root", 400 * lvm.MiB, Ext4}, {"swap", 128 * lvm.MiB, Swap}},
	}
	flags.StringVar(&layout.Disk, "disk", "", "the image `FILE` to install on")
	for _, f := range []struct {
		name, of string
		size     *lvm.Bytes
	}{
		{"size", "disk", &layout.Size},
		{"root", "root volume", &layout.Volumes[0].Size},
		{"swap", "swap volume", &layout.Volumes[1].Size},
	} {
		flags.Func(f.name, fmt.Sprintf("`SIZE` of the %s (default %s)", f.of, *f.size), func(text string) (err error) {
			*f.size, err = lvm.ParseBytes(text)
			return err
		})
	}
	if err := flags.Parse(args); err == flag.ErrHelp {
		return nil
	} else if err != nil {
		return err
	}
	if layout.Disk != "" {
		return install(ctx, out, layout)
	}
	dir, err := os.MkdirTemp("", "lvm-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	layout.Disk = filepath.Join(dir, "disk.img")
	if err := install(ctx, out, layout); err != nil {
		return err
	}
	fmt.Fprintln(out)
	if err := install(ctx, out, layout); err != nil {
		return err
	}
	fmt.Fprintln(out)
	layout.Size, layout.Volumes[0].Size = lvm.GiB, 600*lvm.MiB
	return install(ctx, out, layout)
}

// install brings a disk to what the layout asks.
func install(ctx context.Context, out io.Writer, layout Layout) error {
	disk, err := openDisk(layout.Disk, layout.Size)
	if err != nil {
		return err
	}
	defer disk.Close()
	part, err := partition(disk)
	if err != nil {
		return err
	}
	sys, err := openSystem(part)
	if err != nil {
		return err
	}
	defer sys.Close()
	if err := makeVolumes(ctx, sys, layout); err != nil {
		return err
	}
	vg, err := sys.VG(ctx, layout.Group)
	if err != nil {
		return err
	}
	size, err := disk.Size()
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "disk of %s, LVM partition of %s, group %s of %s\n", size, part.size, vg.Name(), vg.Size())
	return format(out, vg, layout)
}
