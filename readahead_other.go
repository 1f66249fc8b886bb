//go:build !linux

package lvm

// deviceReadAhead returns how far the kernel reads ahead on a block device; 0
// if that is not known.
func deviceReadAhead(string) Sectors { return 0 }
