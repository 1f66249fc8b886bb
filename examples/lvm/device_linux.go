package main

import "golang.org/x/sys/unix"

// sameDevice says whether two paths are of one block device.
func sameDevice(a, b string) bool {
	var x, y unix.Stat_t
	if unix.Stat(a, &x) != nil || unix.Stat(b, &y) != nil {
		return false
	}
	return x.Mode&unix.S_IFMT == unix.S_IFBLK && y.Mode&unix.S_IFMT == unix.S_IFBLK && x.Rdev == y.Rdev
}
