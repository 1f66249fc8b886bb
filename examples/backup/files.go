package main

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/lvm-go/lvm"
)

// files makes a tar archive of each volume: owners, modes, times and symbolic
// links, but no extended attributes. It keeps no snapshots of its own.
func (b *backup) files(ctx context.Context) error {
	number, sources, err := b.sources(ctx)
	if err != nil {
		return err
	}
	if err := b.snapshots(ctx, number, sources); err != nil {
		return err
	}
	for _, s := range sources {
		if err = b.archive(ctx, s.lv.Name(), s.taken.Path()); err != nil {
			err = fmt.Errorf("%s: %w", s.lv.Name(), err)
			break
		}
	}
	return errors.Join(err, b.discard(context.WithoutCancel(ctx), sources))
}

func (b *backup) archive(ctx context.Context, name, device string) error {
	kind, err := fileSystem(device)
	if err != nil {
		return err
	}
	n := 0
	err = mounted(device, kind, func(dir string) error {
		return writeFile(filepath.Join(b.to, name+".tar"), func(w io.Writer) (err error) {
			n, err = writeTar(ctx, w, os.DirFS(dir))
			return err
		})
	})
	if err == nil {
		fmt.Fprintf(b.out, "%s: %d files and folders\n", name, n)
	}
	return err
}

// fileSystem returns the type of the file system on a device.
func fileSystem(device string) (string, error) {
	f, err := os.Open(device)
	if err != nil {
		return "", err
	}
	defer f.Close()
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return "", err
	}
	found, err := lvm.FindSignatures(f, lvm.Bytes(size))
	if err != nil {
		return "", err
	}
	i := slices.IndexFunc(found, func(s lvm.Signature) bool { return s.Usage == lvm.UsageFilesystem })
	if i < 0 {
		return "", errors.New("it holds no file system")
	}
	return found[i].Type, nil
}

func writeTar(ctx context.Context, to io.Writer, from fs.FS) (n int, err error) {
	w := tar.NewWriter(to)
	err = fs.WalkDir(from, ".", func(path string, entry fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil || path == "." || entry.Type()&fs.ModeSocket != 0 {
			return err
		}
		n++
		return addTo(w, from, path, entry)
	})
	return n, errors.Join(err, w.Close())
}

func addTo(w *tar.Writer, from fs.FS, path string, entry fs.DirEntry) error {
	info, err := entry.Info()
	if err != nil {
		return err
	}
	link := ""
	if entry.Type()&fs.ModeSymlink != 0 {
		if link, err = fs.ReadLink(from, path); err != nil {
			return err
		}
	}
	h, err := tar.FileInfoHeader(info, link)
	if err != nil {
		return err
	}
	if h.Name = path; entry.IsDir() {
		h.Name += "/"
	}
	if err := w.WriteHeader(h); err != nil || !entry.Type().IsRegular() {
		return err
	}
	f, err := from.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(w, f)
	return err
}
