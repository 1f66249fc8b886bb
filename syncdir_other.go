//go:build !unix

package lvm

// syncDir does nothing: directories cannot be synced here.
func syncDir(string) error { return nil }
