package main

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// mounted calls fn while a snapshot is mounted read-only on a folder.
func mounted(device, kind string, fn func(dir string) error) error {
	dir, err := os.MkdirTemp("", "lvm-mount-")
	if err != nil {
		return err
	}
	defer os.Remove(dir)
	options := ""
	if kind == "xfs" {
		// Its origin, with the same UUID, may be mounted; and there is nothing in its
		// log that was not written when it was frozen.
		options = "nouuid,norecovery"
	}
	if err := unix.Mount(device, dir, kind, unix.MS_RDONLY, options); err != nil {
		return fmt.Errorf("mount %s: %w", device, err)
	}
	err = fn(dir)
	if e := unix.Unmount(dir, 0); e != nil {
		err = errors.Join(err, fmt.Errorf("unmount %s: %w", device, e))
	}
	return err
}
