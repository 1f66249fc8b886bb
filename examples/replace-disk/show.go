package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/lvm-go/lvm"
)

// show makes two disks with volumes in a folder, and replaces them in two runs.
func show(ctx context.Context, out, log io.Writer, dir string) error {
	if dir == "" {
		temp, err := os.MkdirTemp("", "lvm-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(temp)
		dir = temp
	}
	var disks []string
	for _, d := range []struct {
		name string
		size lvm.Bytes
	}{{"disk1.img", 80 * lvm.MiB}, {"disk2.img", 80 * lvm.MiB}, {"new.img", 160 * lvm.MiB}} {
		path := filepath.Join(dir, d.name)
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			return err
		}
		if err := os.Truncate(path, int64(d.size)); err != nil {
			return err
		}
		disks = append(disks, path)
	}
	old, to := disks[:2], disks[2]
	before, err := makeGroup(ctx, out, old)
	if err != nil {
		return err
	}
	cut, interrupt := context.WithCancel(ctx)
	defer interrupt()
	err = replace(cut, replacement{out: out, log: log, watch: func(p lvm.MoveProgress) {
		if p.Done >= 32*lvm.MiB {
			interrupt()
		}
	}}, to, old)
	if ctx.Err() != nil || !errors.Is(err, context.Canceled) {
		return errors.Join(err, ctx.Err())
	}
	fmt.Fprint(out, "Interrupted when 32 MiB of disk1.img were moved. ")
	if err := compare(ctx, out, before, disks); err != nil {
		return err
	}
	fmt.Fprintln(out)
	if err := replace(ctx, replacement{out: out, log: log}, to, old); err != nil {
		return err
	}
	fmt.Fprintln(out)
	return compare(ctx, out, before, []string{to}) // without the old ones
}

// replace is what a run of its own does.
func replace(ctx context.Context, r replacement, to string, old []string) error {
	var err error
	if r.sys, err = open(ctx, false, append([]string{to}, old...)); err != nil {
		return err
	}
	defer r.sys.Close()
	r.vg = "vg0"
	if err := r.exchange(ctx, old, []string{to}); err != nil {
		return err
	}
	return r.picture(ctx)
}

// compare compares the volumes with what they were.
func compare(ctx context.Context, out io.Writer, before map[string][]byte, disks []string) error {
	after, err := sums(ctx, disks)
	if err != nil {
		return err
	}
	for name, sum := range before {
		if !bytes.Equal(sum, after[name]) {
			return fmt.Errorf("the contents of %s are not the same", name)
		}
	}
	fmt.Fprintln(out, "The contents are the same.")
	return nil
}

// makeGroup makes a group with two volumes that are full of data, and returns
// checksums of them.
func makeGroup(ctx context.Context, out io.Writer, disks []string) (map[string][]byte, error) {
	sys, err := lvm.Open(lvm.Config{Devices: disks, Kernel: lvm.KernelNone})
	if err != nil {
		return nil, err
	}
	defer sys.Close()
	err = sys.Update(ctx, "vg0", func(tx *lvm.Tx) error {
		if err := tx.CreateVG(lvm.VGSpec{PVs: disks}); err != nil {
			return err
		}
		if _, err := tx.CreateLV(lvm.LVSpec{Name: "home", Size: lvm.ExactSize(96 * lvm.MiB)}); err != nil {
			return err
		}
		_, err := tx.CreateLV(lvm.LVSpec{Name: "db", Size: lvm.ExactSize(40 * lvm.MiB), Tags: []string{"fast"}})
		return err
	})
	if err != nil {
		return nil, err
	}
	vg, err := sys.VG(ctx, "vg0")
	if err != nil {
		return nil, err
	}
	for lv := range vg.LVs() {
		f, err := lv.Open()
		if err != nil {
			return nil, err
		}
		defer f.Close()
		noise := rand.NewChaCha8([32]byte(lv.ID()))
		if _, err := io.CopyN(io.NewOffsetWriter(f, 0), noise, int64(lv.Size())); err != nil {
			return nil, err
		}
	}
	fmt.Fprintln(out, "vg0 on disk1.img and disk2.img, with home of 96 MiB and db of 40 MiB.")
	return sums(ctx, disks)
}

// sums returns a checksum of each volume.
func sums(ctx context.Context, disks []string) (map[string][]byte, error) {
	sys, err := lvm.Open(lvm.Config{Devices: disks, Kernel: lvm.KernelNone})
	if err != nil {
		return nil, err
	}
	defer sys.Close()
	vg, err := sys.VG(ctx, "vg0")
	if err != nil {
		return nil, err
	}
	out := map[string][]byte{}
	for lv := range vg.LVs() {
		if lv.Hidden() { // what does a move
			continue
		}
		f, err := lv.Open()
		if err != nil {
			return nil, err
		}
		defer f.Close()
		h := sha256.New()
		if _, err := io.Copy(h, io.NewSectionReader(f, 0, int64(lv.Size()))); err != nil {
			return nil, err
		}
		out[lv.Name()] = h.Sum(nil)
	}
	return out, nil
}
