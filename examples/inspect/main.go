// Inspect shows what LVM has on disks or image files: physical volumes, volume
// groups, logical volumes with their segments, the picture of the extents, and
// what is wrong. It only reads.
//
//	go run ./examples/inspect disk*.img
//	go run ./examples/inspect -svg map.svg /dev/sdb /dev/sdc
//
// -svg draws the picture of a volume group to a file. The first prints:
//
//	VG vg0: 192 MiB, 64 MiB free, extents of 4 MiB, seqno 1
//	  PV disk1.img   64 MiB   0 B free      16 extents from 1 MiB
//	  PV disk2.img   64 MiB   0 B free      16 extents from 1 MiB
//	  PV disk3.img   64 MiB   64 MiB free   16 extents from 1 MiB
//	  LV data: 96 MiB
//	    0-15    2 stripes of 64 KiB   disk1.img 0-7, disk2.img 0-7
//	    16-23   linear                disk2.img 8-15
//	  LV home: 32 MiB
//	    0-7   linear   disk1.img 8-15
//
//	disk1.img [a1aaaaaabbbbbbbb] 0 of 16 free
//	disk2.img [a2aaaaaaaaaaaaaa] 0 of 16 free
//	disk3.img [................] 16 of 16 free
//
//	a data  24 extents, 96 MiB, stripes a1-a2
//	b home  8 extents, 32 MiB
//	. free  16 extents, 64 MiB
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/lvm-go/lvm"
)

func main() {
	if err := run(context.Background(), os.Stdout, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "inspect:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, args []string) error {
	flags := flag.NewFlagSet("inspect", flag.ContinueOnError)
	svg := flags.String("svg", "", "draw the picture of the extents to `FILE`")
	name := flags.String("vg", "", "show only the group of that `NAME`")
	flags.SetOutput(out)
	if err := flags.Parse(args); err == flag.ErrHelp {
		return nil
	} else if err != nil {
		return err
	}
	if flags.NArg() == 0 {
		fmt.Fprintln(out, "usage: inspect [-vg NAME] [-svg FILE] DEVICE...")
		flags.PrintDefaults()
		return nil
	}
	sys, err := lvm.Open(lvm.Config{Devices: flags.Args(), Kernel: lvm.KernelNone})
	if err != nil {
		return err
	}
	defer sys.Close()
	found, err := sys.Scan(ctx)
	if err != nil {
		return err
	}
	var groups []*lvm.VolumeGroup
	for _, vg := range found.VGs {
		if *name == "" || vg.Name() == *name || vg.ID().String() == *name {
			groups = append(groups, vg)
		}
	}
	for _, vg := range groups {
		if err := showGroup(out, vg); err != nil {
			return err
		}
	}
	if *name == "" {
		for _, pv := range found.Orphans {
			note := "in no group"
			if pv.InUse {
				note = "its group was not found"
			}
			fmt.Fprintf(out, "PV %s: %s, %s\n", pv.Device, pv.Size, note)
		}
		for _, device := range found.Blank {
			fmt.Fprintf(out, "%s: no physical volume\n", device)
		}
	}
	for _, p := range found.Problems {
		fmt.Fprintln(out, "problem:", p)
	}
	if *svg == "" {
		return nil
	}
	if len(groups) != 1 {
		return fmt.Errorf("%d volume groups to draw, one is needed: choose it with -vg", len(groups))
	}
	return draw(*svg, groups[0])
}

func draw(path string, vg *lvm.VolumeGroup) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() {
		if e := f.Close(); err == nil {
			err = e
		}
	}()
	return vg.ExtentMap().WriteSVG(f, lvm.DrawOptions{})
}
