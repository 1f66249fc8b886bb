package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/lvm-go/lvm"
)

// onDevices works with the kernel: the volume is a block device like any other.
func onDevices(ctx context.Context, out io.Writer, files []string) (err error) {
	disks, err := attachLoops(files)
	defer func() { err = errors.Join(err, detachLoops(disks)) }()
	if err != nil {
		return err
	}
	sys, err := lvm.Open(lvm.Config{Devices: disks})
	if err != nil {
		return err
	}
	defer sys.Close()
	if err := create(ctx, sys, disks[:2]); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, deactivate(sys)) }()
	lv, err := find(ctx, sys)
	if err != nil {
		return err
	}
	if err := command(ctx, "mkfs.ext4", "-q", lv.Path()); err != nil {
		return err
	}
	var sum [sha256.Size]byte
	err = mounted(lv.Path(), func(dir string) error {
		if sum, err = fillFile(filepath.Join(dir, "file")); err != nil {
			return err
		}
		fmt.Fprintf(out, "Wrote %s to a file on %s of %s.\n", dataSize, lv.Path(), lv.Size())
		if err := extend(ctx, sys, disks[2]); err != nil {
			return err
		}
		return command(ctx, "resize2fs", lv.Path())
	})
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "Extended volume and file system over a third disk while they were in use.")
	err = mounted(lv.Path(), func(dir string) error {
		f, err := os.Open(filepath.Join(dir, "file"))
		if err != nil {
			return err
		}
		defer f.Close()
		return verify(f, sum)
	})
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "Mounted it again and read the same back.")
	return show(ctx, out, sys)
}

func fillFile(path string) (sum [sha256.Size]byte, err error) {
	f, err := os.Create(path)
	if err != nil {
		return sum, err
	}
	sum, err = fill(f)
	return sum, errors.Join(err, f.Close())
}

// deactivate takes the volume's device away, also after an interrupt.
func deactivate(sys *lvm.System) error {
	return sys.Update(context.Background(), vgName, func(tx *lvm.Tx) error { return tx.DeactivateAll() })
}

// mounted calls fn while device is mounted on a folder.
func mounted(device string, fn func(dir string) error) error {
	dir, err := os.MkdirTemp("", "lvm-mount-")
	if err != nil {
		return err
	}
	defer os.Remove(dir)
	if err := unix.Mount(device, dir, "ext4", 0, ""); err != nil {
		return fmt.Errorf("mount %s: %w", device, err)
	}
	err = fn(dir)
	if e := unix.Unmount(dir, 0); e != nil {
		err = errors.Join(err, fmt.Errorf("unmount %s: %w", device, e))
	}
	return err
}

func command(ctx context.Context, name string, args ...string) error {
	if out, err := exec.CommandContext(ctx, name, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", name, err, out)
	}
	return nil
}

// attachLoops gives each file a loop device. It returns those that it made also
// with an error.
func attachLoops(files []string) ([]string, error) {
	var devices []string
	for _, file := range files {
		device, err := attachLoop(file)
		if err != nil {
			return devices, fmt.Errorf("loop device on %s: %w", file, err)
		}
		devices = append(devices, device)
	}
	return devices, nil
}

func attachLoop(file string) (string, error) {
	f, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		return "", err
	}
	defer f.Close()
	control, err := os.OpenFile("/dev/loop-control", os.O_RDWR, 0)
	if err != nil {
		return "", err
	}
	defer control.Close()
	for {
		n, err := unix.IoctlRetInt(int(control.Fd()), unix.LOOP_CTL_GET_FREE)
		if err != nil {
			return "", err
		}
		device := fmt.Sprintf("/dev/loop%d", n)
		d, err := os.OpenFile(device, os.O_RDWR, 0)
		if err != nil {
			return "", err
		}
		err = unix.IoctlLoopConfigure(int(d.Fd()), &unix.LoopConfig{Fd: uint32(f.Fd())})
		d.Close()
		if err != unix.EBUSY { // somebody else took it first
			return device, err
		}
	}
}

func detachLoops(devices []string) error {
	var errs []error
	for _, device := range devices {
		d, err := os.OpenFile(device, os.O_RDWR, 0)
		if err == nil {
			err = unix.IoctlSetInt(int(d.Fd()), unix.LOOP_CLR_FD, 0)
			d.Close()
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("detach %s: %w", device, err))
		}
	}
	return errors.Join(errs...)
}
