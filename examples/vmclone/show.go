package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/lvm-go/lvm"
)

// show makes a golden image on a file, clones it, and writes to the clones.
func show(ctx context.Context, out io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "lvm-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	disk := filepath.Join(dir, "disk.img")
	if err := errors.Join(os.WriteFile(disk, nil, 0o600), os.Truncate(disk, int64(256*lvm.MiB))); err != nil {
		return err
	}
	f := farm{out: out, vg: "vg0", golden: "golden", space: 20}
	if f.sys, err = open(ctx, false, []string{disk}); err != nil {
		return err
	}
	defer f.sys.Close()
	golden, err := f.makeGolden(ctx, disk)
	if err != nil {
		return err
	}
	fmt.Fprint(out, "vg0 with golden of 64 MiB.\n\n")

	clones := []string{"web1", "web2", "db"}
	if err := f.clone(ctx, clones); err != nil {
		return err
	}
	if err := f.list(ctx); err != nil {
		return err
	}
	fmt.Fprint(out, "\nEach writes something else: 1, 3 and 10 MiB.\n\n")
	want := map[string][]byte{"golden": golden}
	for i, size := range []lvm.Bytes{1 * lvm.MiB, 3 * lvm.MiB, 10 * lvm.MiB} {
		data := bytes.Repeat([]byte(clones[i]+"."), int(size)/len(clones[i]+"."))
		want[clones[i]] = append(bytes.Clone(data), golden[len(data):]...)
		if err := f.write(ctx, clones[i], data); err != nil {
			return err
		}
	}
	if err := f.list(ctx); err != nil {
		return err
	}
	for name, want := range want {
		if err := f.compare(ctx, name, want); err != nil {
			return err
		}
	}
	fmt.Fprint(out, "\nEach holds what it has written, and golden is as it was. Without web2:\n\n")
	if err := f.remove(ctx, []string{"web2"}); err != nil {
		return err
	}
	return f.list(ctx)
}

// makeGolden makes a volume full of data, and returns that.
func (f *farm) makeGolden(ctx context.Context, disk string) ([]byte, error) {
	err := f.sys.Update(ctx, f.vg, func(tx *lvm.Tx) error {
		if err := tx.CreateVG(lvm.VGSpec{PVs: []string{disk}}); err != nil {
			return err
		}
		_, err := tx.CreateLV(lvm.LVSpec{Name: f.golden, Size: lvm.ExactSize(64 * lvm.MiB)})
		return err
	})
	if err != nil {
		return nil, err
	}
	data := make([]byte, 64*lvm.MiB)
	rand.NewChaCha8([32]byte{}).Read(data)
	return data, f.write(ctx, f.golden, data)
}

func (f *farm) open(ctx context.Context, name string) (*lvm.LVFile, error) {
	vg, err := f.sys.VG(ctx, f.vg)
	if err != nil {
		return nil, err
	}
	lv, err := vg.LV(name)
	if err != nil {
		return nil, err
	}
	return lv.Open()
}

func (f *farm) write(ctx context.Context, name string, data []byte) error {
	to, err := f.open(ctx, name)
	if err != nil {
		return err
	}
	defer to.Close()
	if _, err := to.WriteAt(data, 0); err != nil {
		return err
	}
	return to.Sync()
}

func (f *farm) compare(ctx context.Context, name string, want []byte) error {
	from, err := f.open(ctx, name)
	if err != nil {
		return err
	}
	defer from.Close()
	got := make([]byte, len(want))
	if _, err := from.ReadAt(got, 0); err != nil {
		return err
	}
	if !bytes.Equal(got, want) {
		return fmt.Errorf("%s does not hold what it should", name)
	}
	return nil
}
