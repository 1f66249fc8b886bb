package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"text/tabwriter"
	"time"

	"github.com/lvm-go/lvm"
)

// install makes the golden image of a file, as a thin volume, and clones of it.
// Whatever stands against one of them is reported before anything is made.
func (f *farm) install(ctx context.Context, path string, clones []string) error {
	image, err := os.Open(path)
	if err != nil {
		return err
	}
	defer image.Close()
	length, err := image.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	size, blank := lvm.Bytes(length), f.golden+".new"
	prepare := func(tx *lvm.Tx) error { return f.makeBlank(tx, blank, size, len(clones)) }
	finish := func(tx *lvm.Tx) error {
		if err := tx.RenameLV(blank, f.golden); err != nil {
			return err
		}
		return f.makeClones(tx, clones)
	}
	_, err = f.sys.Plan(ctx, f.vg, func(tx *lvm.Tx) error {
		if err := prepare(tx); err != nil {
			return err
		}
		return finish(tx)
	})
	if err != nil {
		return err
	}
	if err := f.sys.Update(ctx, f.vg, prepare); err != nil {
		return err
	}
	if err := f.fill(ctx, blank, image, size); err != nil {
		return err
	}
	return f.sys.Update(ctx, f.vg, finish)
}

// makeBlank makes the volume for an image, and its pool if that is missing: large
// enough for the image and what the clones may change at first. The pool zeroes
// what it gives to a volume, or a machine would see what another has deleted.
func (f *farm) makeBlank(tx *lvm.Tx, name string, size lvm.Bytes, clones int) error {
	if _, err := tx.VG().LV(f.pool); errors.Is(err, lvm.ErrLVNotFound) {
		changes := size * lvm.Bytes(f.space) / 100 * lvm.Bytes(max(clones, 1))
		if _, err := tx.CreateThinPool(lvm.ThinPoolSpec{Name: f.pool, Size: lvm.ExactSize(size + changes)}); err != nil {
			return err
		}
	}
	// A run that was interrupted has left one.
	if err := tx.RemoveLV(name); err != nil && !errors.Is(err, lvm.ErrLVNotFound) {
		return err
	}
	_, err := tx.CreateThin(lvm.ThinSpec{Name: name, Pool: f.pool, VirtualSize: lvm.ExactSize(size), MaxOvercommit: f.limit})
	return err
}

// fill writes an image to a new volume, but for its zeroes: those take no space.
func (f *farm) fill(ctx context.Context, name string, image io.ReaderAt, size lvm.Bytes) (err error) {
	vg, err := f.sys.VG(ctx, f.vg)
	if err != nil {
		return err
	}
	lv, err := vg.LV(name)
	if err != nil {
		return err
	}
	to, err := os.OpenFile(lv.Path(), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	piece, zeroes := make([]byte, 64*lvm.KiB), make([]byte, 64*lvm.KiB)
	for at := lvm.Bytes(0); at < size; at += lvm.Bytes(len(piece)) {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := image.ReadAt(piece, int64(at))
		if err != nil && err != io.EOF {
			return err
		}
		if bytes.Equal(piece[:n], zeroes[:n]) {
			continue
		}
		if _, err := to.WriteAt(piece[:n], int64(at)); err != nil {
			return err
		}
	}
	return to.Sync()
}

// listThin tells how much space each thin clone takes.
func (f *farm) listThin(ctx context.Context, golden *lvm.LogicalVolume) error {
	image, err := golden.ThinUsage()
	if err != nil {
		return err
	}
	t := tabwriter.NewWriter(f.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "NAME\tSIZE\tTAKES")
	for clone := range golden.ThinSnapshots() {
		takes, err := takes(ctx, clone, golden)
		if err != nil {
			return err
		}
		fmt.Fprintf(t, "%s\t%s\t%s\n", clone.Path(), clone.Size(), takes)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	pool, err := golden.Pool().ThinPoolUsage()
	if err != nil {
		return err
	}
	fmt.Fprintf(f.out, "%s takes %s, and %s of %s in %s are in use.\n",
		f.golden, image.Mapped, pool.Data, pool.DataTotal, golden.Pool().Name())
	return pool.Err()
}

// takes returns how much space a clone has for itself: what it has and does not share
// with the golden image. What it has discarded differs as well, but takes none.
func takes(ctx context.Context, clone, golden *lvm.LogicalVolume) (sum lvm.Bytes, err error) {
	has, err := collect(clone.Mapped(ctx))
	if err != nil {
		return 0, err
	}
	differs, err := collect(clone.Changes(ctx, golden))
	if err != nil {
		return 0, err
	}
	for len(has) > 0 && len(differs) > 0 {
		one, other := has[0].Offset+has[0].Length, differs[0].Offset+differs[0].Length
		if start := max(has[0].Offset, differs[0].Offset); start < min(one, other) {
			sum += min(one, other) - start
		}
		if one <= other {
			has = has[1:]
		} else {
			differs = differs[1:]
		}
	}
	return sum, nil
}

func collect(ranges iter.Seq2[lvm.Range, error]) (list []lvm.Range, err error) {
	for r, err := range ranges {
		if err != nil {
			return nil, err
		}
		list = append(list, r)
	}
	return list, nil
}

// watchThin gives pools that are three quarters full a quarter more, and so for their
// metadata.
func (f *farm) watchThin(ctx context.Context) error {
	when := lvm.AutoExtend{Threshold: 75, By: 25}
	for {
		extended, err := f.sys.ExtendPools(ctx, f.vg, lvm.PoolAutoExtend{Data: when, Metadata: when})
		for _, e := range extended {
			fmt.Fprintf(f.out, "%s: now %s, and %s of metadata\n", e.Pool, e.DataAfter, e.MetadataAfter)
		}
		if err != nil && ctx.Err() == nil {
			fmt.Fprintln(f.out, err) // the next time may be better
		}
		select {
		case <-ctx.Done():
			return nil // that is how it ends
		case <-time.After(10 * time.Second):
		}
	}
}

// origin returns what a volume is a clone of, nil if it is none.
func origin(lv *lvm.LogicalVolume) *lvm.LogicalVolume {
	if lv.IsThin() {
		return lv.ThinOrigin()
	}
	return lv.Origin()
}
