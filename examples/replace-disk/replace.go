package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/lvm-go/lvm"
)

// replacement puts disks of a group in the place of others.
type replacement struct {
	sys      *lvm.System
	vg       string
	rate     lvm.Bytes
	out, log io.Writer
	watch    func(lvm.MoveProgress) // may be nil
}

// exchange moves all that is on some disks to others, which join the group, and
// takes those out. What it does not have to do, since an earlier run did, it
// leaves.
func (r *replacement) exchange(ctx context.Context, from, to []string) error {
	// A run that was killed may have left devices that hold their I/O back.
	if _, err := r.sys.Recover(ctx); err != nil {
		fmt.Fprintln(r.log, err) // of this group or another: what matters fails below
	}
	if err := r.add(ctx, from, to); err != nil {
		return err
	}
	for _, disk := range to { // moves of a run in the other direction
		if err := r.sys.AbortMove(ctx, r.vg, disk); err != nil {
			return err
		}
	}
	if err := r.resume(ctx); err != nil {
		return err
	}
	for _, disk := range from {
		if err := r.empty(ctx, disk, to); err != nil {
			return err
		}
		if err := r.remove(ctx, disk); err != nil {
			return err
		}
	}
	return nil
}

// add adds the disks to the group that are not in it, or none if there is no room
// for what is on the others.
func (r *replacement) add(ctx context.Context, from, to []string) error {
	vg, err := r.sys.VG(ctx, r.vg)
	if err != nil {
		return err
	}
	var missing []string
	for _, disk := range to {
		if _, err := vg.PV(disk); err != nil {
			missing = append(missing, disk)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	err = r.sys.Update(ctx, r.vg, func(tx *lvm.Tx) error {
		if err := tx.ExtendVG(lvm.PVSpec{}, missing...); err != nil {
			return err
		}
		vg = tx.VG()
		return room(vg, from, to)
	})
	if err != nil {
		return err
	}
	for _, disk := range missing {
		pv, err := vg.PV(disk)
		if err != nil {
			return err
		}
		fmt.Fprintf(r.out, "Added %s of %s.\n", filepath.Base(disk), pv.DeviceSize())
	}
	return nil
}

// room says whether what is on some disks finds place on others. While something
// moves it has its place already.
func room(vg *lvm.VolumeGroup, from, to []string) error {
	if len(vg.Moves()) > 0 {
		return nil
	}
	var used, free lvm.Bytes
	for pv := range vg.PVs() {
		for _, disk := range from {
			if pv.Device() == disk {
				used += pv.Size() - pv.Free()
			}
		}
		for _, disk := range to {
			if pv.Device() == disk {
				free += pv.Free()
			}
		}
	}
	if used > free {
		return fmt.Errorf("%w: %s to be moved, %s free", lvm.ErrNoSpace, used, free)
	}
	return nil
}

// resume takes up what is under way, be it an earlier run's or lvm2's.
func (r *replacement) resume(ctx context.Context) error {
	vg, err := r.sys.VG(ctx, r.vg)
	if err != nil {
		return err
	}
	disks := map[string]string{}
	for _, move := range vg.Moves() {
		disks[move.Name] = filepath.Base(move.From)
		fmt.Fprintf(r.out, "Going on with %s: %s of %s are moved.\n", disks[move.Name], move.Moved, move.Size)
	}
	done, err := r.sys.ResumeMoves(ctx, r.vg, r.run(func(move string) string { return disks[move] }))
	for _, move := range done {
		fmt.Fprintf(r.out, "Moved %s off %s.\n", move.Size, disks[move.Name])
	}
	return err
}

// pieces is in how many parts a disk is moved. Those that are copied when the
// power fails are not copied again.
const pieces = 100

// empty moves everything off a disk.
func (r *replacement) empty(ctx context.Context, disk string, to []string) error {
	vg, err := r.sys.VG(ctx, r.vg)
	if err != nil {
		return err
	}
	pv, err := vg.PV(disk)
	if errors.Is(err, lvm.ErrPVNotFound) { // it was taken out
		return nil
	} else if err != nil {
		return err
	}
	name := filepath.Base(disk)
	o := lvm.MoveOptions{
		From: lvm.PVSelection{PV: disk}, MaxSegment: (pv.Size() - pv.Free()) / pieces,
		Run: r.run(func(string) string { return name }),
	}
	for _, disk := range to {
		o.To = append(o.To, lvm.PVSelection{PV: disk})
	}
	result, err := r.sys.Move(ctx, r.vg, o)
	if errors.Is(err, lvm.ErrNothingToMove) {
		return nil
	} else if err != nil {
		return err
	}
	fmt.Fprintf(r.out, "Moved %s off %s.\n", result.Size, name)
	return nil
}

// run says how to move, and prints how far that is: each percent, and each ten
// seconds.
func (r *replacement) run(disk func(move string) string) lvm.MoveRun {
	const often = 10 * time.Second
	var last lvm.MoveProgress
	return lvm.MoveRun{Rate: r.rate, Progress: func(p lvm.MoveProgress) {
		if r.watch != nil {
			r.watch(p)
		}
		percent := func(p lvm.MoveProgress) int { return int(float64(p.Done) / float64(p.Total) * 100) }
		if p.Move == last.Move && percent(p) == percent(last) && p.Elapsed < last.Elapsed+often {
			return
		}
		last = p
		line := fmt.Sprintf("%s: %s of %s (%d%%)", disk(p.Move), p.Done, p.Total, percent(p))
		if p.Rate > 0 && p.Elapsed > time.Second { // before that a rate says little
			left := time.Duration(float64(p.Total-p.Done) / float64(p.Rate) * float64(time.Second))
			line += fmt.Sprintf(", %s/s, %s left", p.Rate, left.Round(time.Second))
		}
		fmt.Fprintln(r.log, line)
	}}
}

// remove takes a disk out of the group, if it is in it, and its label away.
func (r *replacement) remove(ctx context.Context, disk string) error {
	err := r.sys.Update(ctx, r.vg, func(tx *lvm.Tx) error {
		if _, err := tx.VG().PV(disk); err == nil {
			if err := tx.ReduceVG(disk); err != nil {
				return err
			}
		}
		return tx.RemovePV(disk)
	})
	if errors.Is(err, lvm.ErrPVNotFound) { // an earlier run did
		return nil
	} else if err != nil {
		return err
	}
	fmt.Fprintf(r.out, "Took %s out.\n", filepath.Base(disk))
	return nil
}

// picture shows where everything is.
func (r *replacement) picture(ctx context.Context) error {
	vg, err := r.sys.VG(ctx, r.vg)
	if err != nil {
		return err
	}
	fmt.Fprintln(r.out)
	return vg.ExtentMap().WriteText(r.out, lvm.DrawOptions{})
}
