// Replace-disk moves a volume group from its disks to another one: each volume
// is copied, then the copy takes its place and the old disks leave the group.
//
//	go run ./examples/replace-disk -vg vg0 -to new.img disk1.img disk2.img
//
// works on image files, whose volumes nobody uses meanwhile, and on block devices
// if none of the volumes on them is active. When it is interrupted, the group is
// whole, and the same command goes on where it was. Volumes get new UUIDs; names,
// tags and contents stay.
//
// Without arguments it shows that on files of its own, two disks of 80 MB with a
// volume on both and one on the second, and prints, with other paths:
//
//	vg0 on disk1.img and disk2.img, with home of 96 MiB and db of 40 MiB.
//	Added new.img of 160 MiB.
//	Copied home: 96 MiB.
//	Copied db: 40 MiB.
//	Took disk1.img out.
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
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/lvm-go/lvm"
)

// copySuffix marks a volume that is being copied to.
const copySuffix = ".copy"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Stdout, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "replace-disk:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, args []string) error {
	flags := flag.NewFlagSet("replace-disk", flag.ContinueOnError)
	flags.SetOutput(out)
	vg := flags.String("vg", "", "`NAME` of the volume group")
	to := flags.String("to", "", "the `DISK` that takes the others' place")
	dir := flags.String("dir", "", "without -vg: make files in `FOLDER` and keep them")
	if err := flags.Parse(args); err == flag.ErrHelp {
		return nil
	} else if err != nil {
		return err
	}
	if *vg == "" && *to == "" && flags.NArg() == 0 {
		return show(ctx, out, *dir)
	}
	if *vg == "" || *to == "" || flags.NArg() == 0 {
		fmt.Fprintln(out, "usage: replace-disk -vg NAME -to DISK OLD...")
		flags.PrintDefaults()
		return nil
	}
	return replace(ctx, out, *vg, *to, flags.Args())
}

// replace moves all volumes of a group from the old disks to a new one.
func replace(ctx context.Context, out io.Writer, vg, to string, old []string) error {
	sys, err := lvm.Open(lvm.Config{Devices: append([]string{to}, old...), Kernel: lvm.KernelNone})
	if err != nil {
		return err
	}
	defer sys.Close()
	now, err := sys.VG(ctx, vg)
	if err != nil {
		return err
	}
	if _, err := now.PV(to); err != nil {
		if err := sys.Update(ctx, vg, func(tx *lvm.Tx) error { return tx.ExtendVG(lvm.PVSpec{}, to) }); err != nil {
			return err
		}
		if now, err = sys.VG(ctx, vg); err != nil {
			return err
		}
		added, err := now.PV(to)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "Added %s of %s.\n", filepath.Base(to), added.DeviceSize())
	}
	var leaving []lvm.ID
	for _, disk := range old {
		if pv, err := now.PV(disk); err == nil { // otherwise an earlier run took it out
			leaving = append(leaving, pv.ID())
		}
	}
	for lv := range now.LVs() {
		if strings.HasSuffix(lv.Name(), copySuffix) || !liesOn(lv, leaving) {
			continue
		}
		if err := move(ctx, sys, vg, lv, to); err != nil {
			return err
		}
		fmt.Fprintf(out, "Copied %s: %s.\n", lv.Name(), lv.Size())
	}
	for _, disk := range old {
		if _, err := now.PV(disk); err != nil {
			continue
		}
		err := sys.Update(ctx, vg, func(tx *lvm.Tx) error { return tx.ReduceVG(disk) })
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "Took %s out.\n", filepath.Base(disk))
	}
	if now, err = sys.VG(ctx, vg); err != nil {
		return err
	}
	fmt.Fprintln(out)
	return now.ExtentMap().WriteText(out, lvm.DrawOptions{})
}

// liesOn says whether a volume has an extent on one of the physical volumes.
func liesOn(lv *lvm.LogicalVolume, pvs []lvm.ID) bool {
	for s := range lv.Segments() {
		for _, a := range s.Areas() {
			if slices.Contains(pvs, a.PV) {
				return true
			}
		}
	}
	return false
}

// move copies a volume to a disk and puts the copy in its place. Until the last
// update the volume is as it was.
func move(ctx context.Context, sys *lvm.System, vg string, lv *lvm.LogicalVolume, to string) error {
	name := lv.Name() + copySuffix
	err := sys.Update(ctx, vg, func(tx *lvm.Tx) error {
		if _, err := tx.VG().LV(name); err == nil { // of a run that was interrupted
			if err := tx.RemoveLV(name); err != nil {
				return err
			}
		}
		_, err := tx.CreateLV(lvm.LVSpec{
			Name: name, Size: lvm.ExtentCount(lv.Extents()), Tags: lv.Tags(),
			PVs: []lvm.PVSelection{{PV: to}}, SkipZero: true,
		})
		return err
	})
	if err != nil {
		return err
	}
	now, err := sys.VG(ctx, vg)
	if err != nil {
		return err
	}
	target, err := now.LV(name)
	if err != nil {
		return err
	}
	if err := copyVolume(ctx, target, lv); err != nil {
		return err
	}
	return sys.Update(ctx, vg, func(tx *lvm.Tx) error {
		if err := tx.RemoveLV(lv.Name()); err != nil {
			return err
		}
		if err := tx.RenameLV(name, lv.Name()); err != nil {
			return err
		}
		return nil
	})
}

func copyVolume(ctx context.Context, to, from *lvm.LogicalVolume) error {
	r, err := from.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	w, err := to.Open()
	if err != nil {
		return err
	}
	defer w.Close()
	buf := make([]byte, 4*lvm.MiB)
	size := int64(from.Size())
	for at := int64(0); at < size; at += int64(len(buf)) {
		if err := ctx.Err(); err != nil {
			return err
		}
		part := buf[:min(int64(len(buf)), size-at)]
		if _, err := r.ReadAt(part, at); err != nil {
			return err
		}
		if _, err := w.WriteAt(part, at); err != nil {
			return err
		}
	}
	return w.Sync()
}
