//go:build !linux

package iocheck

import "os"

func openDirect(path string, flags int) (*os.File, error) { return os.OpenFile(path, flags, 0) }
