// Vmclone makes volumes for virtual machines out of one golden image, any number
// at once: writable snapshots of it, which take space only for what each machine
// writes. The golden image becomes read-only, so that all clones begin the same.
//
//	go run ./examples/vmclone -vg vg0 -golden debian -clone web1,web2 -kernel
//	go run ./examples/vmclone -vg vg0 -golden debian -kernel
//	go run ./examples/vmclone -vg vg0 -golden debian -remove web2 -kernel
//	go run ./examples/vmclone -vg vg0 -golden debian -watch -kernel
//
// makes /dev/vg0/web1 and web2, tells how much space each has taken, removes one,
// and gives the others more when they need it: a clone that runs out of space is
// lost. That needs root. The same works on image files, which are given in place
// of -kernel.
//
// In a thin pool, clones share one space, and take none ahead of what they write:
//
//	go run ./examples/vmclone -vg vg0 -golden debian -thin vms -image debian.img -clone web1,web2,db -limit 300 -kernel
//
// makes the pool vms, the golden image of a file, and clones that are ready to boot
// from; all of them, or nothing if they could come to need more than 300% of the pool.
// The other commands are the same. After each clone has written something, the second
// one prints:
//
//	NAME           SIZE    TAKES
//	/dev/vg0/web1  64 MiB  1 MiB
//	/dev/vg0/web2  64 MiB  3 MiB
//	/dev/vg0/db    64 MiB  10 MiB
//	debian takes 12 MiB, and 26 MiB of 104 MiB in vms are in use.
//
// Without arguments it shows clones outside of pools on a file of its own, writes
// something else to each, and prints:
//
//	vg0 with golden of 64 MiB.
//
//	NAME  SIZE    TAKES  OF
//	web1  64 MiB  0 B    20 MiB
//	web2  64 MiB  0 B    20 MiB
//	db    64 MiB  0 B    20 MiB
//
//	Each writes something else: 1, 3 and 10 MiB.
//
//	NAME  SIZE    TAKES      OF
//	web1  64 MiB  1.01 MiB   20 MiB
//	web2  64 MiB  3.02 MiB   20 MiB
//	db    64 MiB  10.05 MiB  20 MiB
//
//	Each holds what it has written, and golden is as it was. Without web2:
//
//	NAME  SIZE    TAKES      OF
//	web1  64 MiB  1.01 MiB   20 MiB
//	db    64 MiB  10.05 MiB  20 MiB
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"text/tabwriter"

	"github.com/lvm-go/lvm"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Stdout, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "vmclone:", err)
		os.Exit(1)
	}
}

// farm is a golden image and its clones.
type farm struct {
	out    io.Writer
	sys    *lvm.System
	vg     string
	golden string
	space  uint
	kernel bool
	pool   string // the thin pool that the golden image has to be in; empty: any place
	limit  uint
}

func run(ctx context.Context, out io.Writer, args []string) error {
	if len(args) == 0 {
		return show(ctx, out)
	}
	flags := flag.NewFlagSet("vmclone", flag.ContinueOnError)
	flags.SetOutput(out)
	f := farm{out: out}
	flags.StringVar(&f.vg, "vg", "", "`NAME` of the volume group")
	flags.StringVar(&f.golden, "golden", "", "`NAME` of the volume to clone")
	flags.UintVar(&f.space, "space", 20, "how much of itself a clone may change at first, in `PERCENT`")
	flags.StringVar(&f.pool, "thin", "", "clones are thin snapshots in the thin pool of this `NAME`")
	image := flags.String("image", "", "with -thin and -kernel: make the golden image of this `FILE`, and the pool if it is missing")
	flags.UintVar(&f.limit, "limit", 0, "how large all volumes of the pool may seem, in `PERCENT` of it; 0 for any size")
	flags.BoolVar(&f.kernel, "kernel", false, "make devices (Linux, as root)")
	clone := flags.String("clone", "", "make clones of these `NAMES`, with commas between them")
	remove := flags.String("remove", "", "remove the clones of these `NAMES`")
	watch := flags.Bool("watch", false, "give clones more space when they need it, until interrupted")
	if err := flags.Parse(args); err == flag.ErrHelp {
		return nil
	} else if err != nil {
		return err
	}
	if f.vg == "" || f.golden == "" || flags.NArg() == 0 && !f.kernel || *image != "" && (f.pool == "" || !f.kernel) {
		fmt.Fprintln(out, "usage: vmclone -vg NAME -golden NAME [-thin POOL] [-clone NAMES | -remove NAMES | -watch] {-kernel | DISK...}")
		flags.PrintDefaults()
		return nil
	}
	var err error
	if f.sys, err = open(ctx, f.kernel, flags.Args()); err != nil {
		return err
	}
	defer f.sys.Close()
	switch {
	case *image != "":
		err = f.install(ctx, *image, strings.FieldsFunc(*clone, func(r rune) bool { return r == ',' }))
	case *clone != "":
		err = f.clone(ctx, strings.Split(*clone, ","))
	case *remove != "":
		err = f.remove(ctx, strings.Split(*remove, ","))
	case *watch:
		return f.watch(ctx)
	}
	if err != nil {
		return err
	}
	return f.list(ctx)
}

// open opens the disks, or all that lvm2 would look at, and clears up what a run
// that was killed has left behind.
func open(ctx context.Context, kernel bool, disks []string) (*lvm.System, error) {
	cfg := lvm.Config{Devices: disks, Kernel: lvm.KernelNone}
	if kernel {
		cfg.Kernel = lvm.KernelDM
	}
	if len(disks) == 0 {
		var err error
		if cfg.Devices, err = lvm.FindDevices(ctx, lvm.ScanOptions{}); err != nil {
			return nil, err
		}
	}
	sys, err := lvm.Open(cfg)
	if err != nil {
		return nil, err
	}
	if _, err := sys.Recover(ctx); err != nil {
		sys.Close()
		return nil, err
	}
	return sys, nil
}

// clone makes clones: all of them, ready to boot from, or none.
func (f *farm) clone(ctx context.Context, names []string) error {
	return f.sys.Update(ctx, f.vg, func(tx *lvm.Tx) error { return f.makeClones(tx, names) })
}

func (f *farm) makeClones(tx *lvm.Tx, names []string) error {
	golden, err := tx.VG().LV(f.golden)
	if err != nil {
		return err
	}
	if f.pool != "" && (!golden.IsThin() || golden.Pool().Name() != f.pool) {
		return fmt.Errorf("%s is not in a thin pool %s", f.golden, f.pool)
	}
	if !golden.ReadOnly() {
		if err := f.freeze(tx, golden); err != nil {
			return err
		}
	}
	for _, name := range names {
		if golden.IsThin() {
			_, err = tx.CreateThinSnapshot(f.golden, lvm.ThinSnapshotSpec{Name: name, Activate: true, MaxOvercommit: f.limit})
		} else {
			_, err = tx.CreateSnapshot(f.golden, lvm.SnapshotSpec{Name: name, Size: lvm.PercentOrigin(f.space)})
		}
		if err != nil {
			return err
		}
	}
	if f.kernel {
		return tx.Activate(f.golden)
	}
	return nil
}

// freeze makes the golden image read-only, unless somebody writes to it.
func (f *farm) freeze(tx *lvm.Tx, golden *lvm.LogicalVolume) error {
	if device, err := golden.Kernel(); err != nil {
		return err
	} else if device != nil && device.OpenCount > 0 {
		return fmt.Errorf("%s: %w: unmount it", f.golden, lvm.ErrBusy)
	}
	return tx.SetLVReadOnly(f.golden, true)
}

// remove removes clones, but no other volume. One that is in use stays.
func (f *farm) remove(ctx context.Context, names []string) error {
	return f.sys.Update(ctx, f.vg, func(tx *lvm.Tx) error {
		for _, name := range names {
			lv, err := tx.VG().LV(name)
			if err != nil {
				return err
			}
			if golden := origin(lv); golden == nil || golden.Name() != f.golden {
				return fmt.Errorf("%s is no clone of %s", name, f.golden)
			}
			if err := tx.RemoveLV(name); err != nil {
				return err
			}
		}
		return nil
	})
}

// list tells how much space each clone takes.
func (f *farm) list(ctx context.Context) error {
	vg, err := f.sys.VG(ctx, f.vg)
	if err != nil {
		return err
	}
	golden, err := vg.LV(f.golden)
	if err != nil {
		return err
	}
	if golden.IsThin() {
		return f.listThin(ctx, golden)
	}
	t := tabwriter.NewWriter(f.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "NAME\tSIZE\tTAKES\tOF")
	for clone := range golden.Snapshots() {
		name := clone.Name()
		if f.kernel {
			name = clone.Path()
		}
		report, err := clone.Report()
		if err != nil {
			return err
		}
		takes := "lost"
		u, err := clone.SnapshotUsage()
		if err == nil {
			takes = u.Allocated.String()
		} else if !errors.Is(err, lvm.ErrSnapshotInvalid) {
			return err
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", name, report.OriginSize, takes, clone.Size())
	}
	return t.Flush()
}

// watch gives clones that are three quarters full a quarter more.
func (f *farm) watch(ctx context.Context) error {
	vg, err := f.sys.VG(ctx, f.vg)
	if err != nil {
		return err
	}
	golden, err := vg.LV(f.golden)
	if err != nil {
		return err
	}
	if golden.IsThin() {
		return f.watchThin(ctx)
	}
	err = f.sys.Monitor(ctx, lvm.MonitorOptions{
		VGs: []string{f.vg}, AutoExtend: lvm.AutoExtend{Threshold: 75, By: 25},
		Event: func(e lvm.SnapshotEvent) {
			switch e.Kind {
			case lvm.SnapshotExtended:
				fmt.Fprintf(f.out, "%s: now %s\n", e.Snapshot, e.Extension.After)
			case lvm.SnapshotFilling:
				fmt.Fprintf(f.out, "%s: %s of %s\n", e.Snapshot, e.Usage.Allocated, e.Usage.Total)
			default:
				fmt.Fprintf(f.out, "%s: %v\n", e.Snapshot, e.Err)
			}
		},
	})
	if ctx.Err() != nil {
		return nil // that is how it ends
	}
	return err
}
