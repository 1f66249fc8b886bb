//go:build !linux

package lvm

// blockDeviceNumber returns the major:minor of the block device at path; false
// if there is none. Only Linux has numbers that dm tables use.
func blockDeviceNumber(string) (string, bool) { return "", false }

// mappedMajor returns the major number of mapped devices; 0 if that is not known.
func mappedMajor() uint32 { return 0 }
