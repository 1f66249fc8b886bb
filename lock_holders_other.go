//go:build !linux

package lvm

import "os"

// lockHolders returns none: the operating system does not tell.
func lockHolders(*os.File) []LockHolder { return nil }
