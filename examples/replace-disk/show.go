package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/lvm-go/lvm"
)

// show makes two disks with volumes in a folder, and replaces them.
func show(ctx context.Context, out io.Writer, dir string) error {
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
	if err := replace(ctx, out, "vg0", to, old); err != nil {
		return err
	}
	after, err := sums(ctx, []string{to}) // without the old ones
	if err != nil {
		return err
	}
	for name, sum := range before {
		if !bytes.Equal(sum, after[name]) {
			return fmt.Errorf("the contents of %s are not the same", name)
		}
	}
	fmt.Fprintln(out, "\nThe contents are the same.")
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
