// Replace-disk puts a new disk in the place of old ones while the volumes on them
// are in use. The new one joins the volume group, all extents are moved there,
// the old ones leave the group and are physical volumes no more.
//
//	replace-disk -kernel -vg vg0 -to /dev/sdd /dev/sdb /dev/sdc   # as root
//	replace-disk -vg vg0 -to new.img disk1.img disk2.img          # image files
//
// With -kernel the other disks of the group are found; of image files all have to
// be named. -rate 50M copies 50 MiB per second on the average.
//
// After an interrupt, kill -9 or a power failure the group is whole, and the same
// command goes on where it was. With -abort it takes all that is on the new disk
// back to the old ones instead, also to those that had left, and the new one out.
//
// Without arguments it shows that on image files of its own, two disks of 80 MB
// with a volume on both and one on the second. It prints, with other paths and
// the progress besides:
//
//	vg0 on disk1.img and disk2.img, with home of 96 MiB and db of 40 MiB.
//	Added new.img of 160 MiB.
//	Interrupted when 32 MiB of disk1.img were moved. The contents are the same.
//
//	Going on with disk1.img: 32 MiB of 76 MiB are moved.
//	Moved 76 MiB off disk1.img.
//	Took disk1.img out.
//	Moved 60 MiB off disk2.img.
//	Took disk2.img out.
//
//	new.img [aaaaaaaaaaaaaaaaaaaaaaaabbbbbbbbbb.....] 5 of 39 free
//
//	a home  24 extents, 96 MiB
//	b db    10 extents, 40 MiB
//	. free  5 extents, 20 MiB
//
//	The contents are the same.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/lvm-go/lvm"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second one ends it at once
	if err := run(ctx, os.Stdout, os.Stderr, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "replace-disk:", err)
		if errors.Is(err, context.Canceled) {
			fmt.Fprintln(os.Stderr, "The group is whole. Run it again to go on, with -abort to take it back.")
		}
		os.Exit(1)
	}
}

// run prints what was done to out, and how far it is to log.
func run(ctx context.Context, out, log io.Writer, args []string) error {
	flags := flag.NewFlagSet("replace-disk", flag.ContinueOnError)
	flags.SetOutput(log)
	r := replacement{out: out, log: log}
	flags.StringVar(&r.vg, "vg", "", "`NAME` of the volume group")
	to := flags.String("to", "", "the `DISK` that takes the others' place")
	kernel := flags.Bool("kernel", false, "the volumes may be in use (Linux, as root)")
	abort := flags.Bool("abort", false, "take everything back to the old disks")
	flags.Func("rate", "copy at most `SIZE` per second on the average, such as 50M", func(text string) (err error) {
		r.rate, err = lvm.ParseBytes(text)
		return err
	})
	dir := flags.String("dir", "", "without -vg: make files in `FOLDER` and keep them")
	if err := flags.Parse(args); err == flag.ErrHelp {
		return nil
	} else if err != nil {
		return err
	}
	disks := append(flags.Args(), *to)
	if r.vg == "" && *to == "" && flags.NArg() == 0 {
		return show(ctx, out, log, *dir)
	}
	if r.vg == "" || *to == "" || flags.NArg() == 0 || slices.Contains(flags.Args(), *to) {
		flags.Usage()
		return errors.New("it takes -vg NAME -to DISK and the disks that go")
	}
	var err error
	if r.sys, err = open(ctx, *kernel, disks); err != nil {
		return err
	}
	defer r.sys.Close()
	from, there := disks[:len(disks)-1], disks[len(disks)-1:]
	if *abort {
		from, there = there, from // the way back is the same
	}
	if err := r.exchange(ctx, from, there); err != nil {
		return err
	}
	return r.picture(ctx)
}

// open opens disks, and with the kernel all that lvm2 would look at. The names in
// disks become those that the system knows them by.
func open(ctx context.Context, kernel bool, disks []string) (*lvm.System, error) {
	if !kernel {
		return lvm.Open(lvm.Config{Devices: disks, Kernel: lvm.KernelNone})
	}
	conf, err := lvm.ReadLVMConf("/etc/lvm")
	if err != nil {
		return nil, err
	}
	options, err := conf.ScanOptions()
	if err != nil {
		return nil, err
	}
	cfg := lvm.Config{LockMemory: true} // this program may lie on what is moved
	if cfg.Devices, err = lvm.FindDevices(ctx, options); err != nil {
		return nil, err
	}
	for i, disk := range disks {
		named, err := os.Stat(disk)
		if err != nil {
			return nil, err
		}
		n := slices.IndexFunc(cfg.Devices, func(device string) bool {
			found, err := os.Stat(device)
			return err == nil && os.SameFile(found, named)
		})
		if n < 0 { // not in lvm2's devices file yet
			cfg.Devices, n = append(cfg.Devices, disk), len(cfg.Devices)
		}
		disks[i] = cfg.Devices[n]
	}
	if err := conf.Apply(&cfg); err != nil {
		return nil, err
	}
	return lvm.Open(cfg)
}
