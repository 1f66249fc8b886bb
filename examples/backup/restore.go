package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"

	"github.com/lvm-go/lvm"
)

// headers returns what the backups in a folder say that they hold, the oldest
// first.
func headers(dir string) ([]header, error) {
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var found []header
	for _, file := range files {
		if filepath.Ext(file.Name()) != extension {
			continue
		}
		path := filepath.Join(dir, file.Name())
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		r, err := newReader(f)
		f.Close()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		r.header.path = path
		found = append(found, r.header)
	}
	slices.SortFunc(found, func(a, b header) int { return a.Number - b.Number })
	return found, nil
}

// restore makes files of the volumes as they were at a backup, 0 for the last.
// No file is there before all that it holds has been verified.
func restore(ctx context.Context, out io.Writer, dir, to string, number int) error {
	all, err := headers(dir)
	if err != nil {
		return err
	}
	at := len(all) - 1
	if number != 0 {
		at = slices.IndexFunc(all, func(h header) bool { return h.Number == number })
	}
	if at < 0 {
		return fmt.Errorf("%s: backup %d: %w", dir, number, os.ErrNotExist)
	}
	last := all[at]
	images := map[string]*os.File{} // by the snapshots that go into them
	defer func() {
		for _, f := range images {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	for _, v := range last.Volumes {
		chain, err := chainOf(v, all[:at])
		if err != nil {
			return err
		}
		f, err := newImage(filepath.Join(to, v.Name+".img"), v.Size)
		if err != nil {
			return err
		}
		for _, snapshot := range chain {
			images[snapshot] = f
		}
	}
	for _, h := range all[:at+1] {
		if err := apply(ctx, h.path, images); err != nil {
			return fmt.Errorf("%s: %w", h.path, err)
		}
	}
	for _, v := range last.Volumes {
		f := images[v.Snapshot]
		if err := errors.Join(f.Sync(), f.Close()); err != nil {
			return err
		}
		if err := os.Rename(f.Name(), filepath.Join(to, v.Name+".img")); err != nil {
			return err
		}
		fmt.Fprintf(out, "Restored %s as of backup %d: %s.\n", v.Name, last.Number, v.Size)
	}
	return nil
}

// chainOf returns the snapshots whose backups make up a volume.
func chainOf(v volume, earlier []header) ([]string, error) {
	if !filepath.IsLocal(v.Name) || filepath.Base(v.Name) != v.Name || v.Size > math.MaxInt64 {
		return nil, fmt.Errorf("%w: volume %q of %d bytes", errDamaged, v.Name, uint64(v.Size))
	}
	chain := []string{v.Snapshot}
	since := v.Since
	for _, h := range slices.Backward(earlier) {
		for _, w := range h.Volumes {
			if since != "" && w.Snapshot == since && w.Size == v.Size {
				chain, since = append(chain, w.Snapshot), w.Since
			}
		}
	}
	if since != "" {
		return nil, fmt.Errorf("the backup that volume %s goes on from: %w", v.Name, os.ErrNotExist)
	}
	return chain, nil
}

// newImage makes a file that becomes path when it is whole.
func newImage(path string, size lvm.Bytes) (*os.File, error) {
	if _, err := os.Lstat(path); err == nil {
		return nil, fmt.Errorf("%s: %w", path, os.ErrExist)
	}
	f, err := os.OpenFile(path+partial, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	if err := f.Truncate(int64(size)); err != nil {
		return nil, errors.Join(err, f.Close(), os.Remove(f.Name()))
	}
	return f, nil
}

// apply writes what a backup holds into the images of its snapshots.
func apply(ctx context.Context, path string, images map[string]*os.File) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	r, err := newReader(f)
	if err != nil {
		return err
	}
	for _, v := range r.header.Volumes {
		if err := ctx.Err(); err != nil {
			return err
		}
		to := image{ctx: ctx}
		if f := images[v.Snapshot]; f != nil {
			to.file = f
		}
		if err := r.volume(to, v.Size); err != nil {
			return err
		}
	}
	return r.close()
}

// image is what a volume is restored to, nothing if file is nil.
type image struct {
	ctx  context.Context
	file io.WriterAt
}

func (i image) WriteAt(p []byte, off int64) (int, error) {
	if err := i.ctx.Err(); err != nil || i.file == nil {
		return len(p), err
	}
	return i.file.WriteAt(p, off)
}
