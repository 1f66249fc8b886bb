// Plan prints what a change to a volume group would do, step by step, with the
// tables that the kernel would get and the difference in the metadata. Nothing
// is written.
//
//	go run ./examples/plan -vg vg0 -create home -size 20M -stripes 2 disk*.img
//	go run ./examples/plan -vg vg0 -extend home -size 40M disk*.img
//	go run ./examples/plan -vg vg0 -remove home disk*.img
//
// A group that does not exist is created on the devices. With -kernel, as root
// on Linux, the plan has the steps of the device mapper, too. Steps with a ! are
// those that overwrite something. Before the difference, the first prints:
//
//	vg0: seqno 1 -> 2
//	   1 ! write zeroes at the start of vg0/home: 4096 bytes at byte 1048576 of disk1.img
//	   2   write 1079 bytes of metadata to 2 areas on [disk1.img disk2.img]
//	   3   precommit seqno 2 on [disk1.img disk2.img]
//	   4   commit seqno 2 on [disk1.img disk2.img]
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
		fmt.Fprintln(os.Stderr, "plan:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, args []string) error {
	flags := flag.NewFlagSet("plan", flag.ContinueOnError)
	vg := flags.String("vg", "", "`NAME` of the volume group")
	create := flags.String("create", "", "create the logical volume `LV`")
	extend := flags.String("extend", "", "extend `LV` to -size")
	remove := flags.String("remove", "", "remove `LV`")
	text := flags.String("size", "", "`SIZE` as lvcreate takes it: 20G, 50%FREE")
	stripes := flags.Int("stripes", 0, "number of stripes")
	kernel := flags.Bool("kernel", false, "plan for the kernel, too")
	flags.SetOutput(out)
	if err := flags.Parse(args); err == flag.ErrHelp {
		return nil
	} else if err != nil {
		return err
	}
	if *vg == "" || flags.NArg() == 0 {
		fmt.Fprintln(out, "usage: plan -vg NAME [-create LV | -extend LV | -remove LV] [-size SIZE] [-stripes N] DEVICE...")
		flags.PrintDefaults()
		return nil
	}
	var size lvm.Size
	if *text != "" {
		var err error
		if size, err = lvm.ParseSize(*text); err != nil {
			return err
		}
	}
	cfg := lvm.Config{Devices: flags.Args(), Kernel: lvm.KernelNone}
	if *kernel {
		cfg.Kernel = lvm.KernelDM
	}
	sys, err := lvm.Open(cfg)
	if err != nil {
		return err
	}
	defer sys.Close()
	plan, err := sys.Plan(ctx, *vg, func(tx *lvm.Tx) error {
		if !tx.Exists() {
			if err := tx.CreateVG(lvm.VGSpec{PVs: flags.Args()}); err != nil {
				return err
			}
		}
		if *remove != "" {
			if err := tx.RemoveLV(*remove); err != nil {
				return err
			}
		}
		if *create != "" {
			if _, err := tx.CreateLV(lvm.LVSpec{Name: *create, Size: size, Stripes: *stripes}); err != nil {
				return err
			}
		}
		if *extend != "" {
			return tx.ExtendLV(*extend, lvm.ExtendSpec{To: size, Stripes: *stripes})
		}
		return nil
	})
	if err != nil {
		return err
	}
	_, err = fmt.Fprint(out, plan)
	return err
}
