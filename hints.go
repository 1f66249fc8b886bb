package lvm

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// Files in lvm2's run directory that tell it which devices are PVs.
// Source: lvm2's hints protocol as observed.
const (
	hintsFile    = "hints"
	noHintsFile  = "nohints"  // while it is there, nobody uses the hints
	newHintsFile = "newhints" // the next command makes new ones
)

// invalidateHints makes lvm2 forget which devices are PVs: it would not see a
// new one otherwise. It is called with the global lock held exclusively, before
// the first change. Until the returned lock is released, lvm2 reads all devices
// and writes no new hints. Where runDir does not exist there is nothing to do.
func invalidateHints(ctx context.Context, runDir string) (*heldLock, error) {
	if info, err := os.Stat(runDir); runDir == "" || !haveFlock || err != nil || !info.IsDir() {
		return new(heldLock), nil
	}
	noHints := filepath.Join(runDir, noHintsFile)
	if err := checkOwnDir(runDir); err != nil {
		return nil, &LockError{Path: noHints, Err: pathCause(err)}
	}
	if err := touch(noHints); err != nil {
		return nil, &LockError{Path: noHints, Err: err}
	}
	hints := filepath.Join(runDir, hintsFile)
	f, err := acquireFile(ctx, hints, true, func() (*os.File, error) {
		return openOwn(hints, os.O_RDWR|os.O_CREATE, 0o600)
	})
	// With the hints locked, or given up, there is nothing left to keep others
	// from; a file that could not be removed costs them time only.
	_ = os.Remove(noHints)
	if err != nil {
		return nil, err
	}
	held := &heldLock{[]func() error{func() error { return closeLocked(f, hints) }}}
	if err := emptyHints(f); err != nil {
		_ = held.unlock() // the error at hand says more
		return nil, &LockError{Path: hints, Err: err}
	}
	newHints := filepath.Join(runDir, newHintsFile)
	if err := touch(newHints); err != nil {
		_ = held.unlock() // the error at hand says more
		return nil, &LockError{Path: newHints, Err: err}
	}
	return held, nil
}

// emptyHints empties a file that others find in its place, so it must have no other.
func emptyHints(f *os.File) error {
	info, err := f.Stat()
	if err == nil && hasOtherNames(info) {
		err = fault(ErrUntrusted, "%s has other names", f.Name())
	}
	if err == nil {
		err = f.Truncate(0)
	}
	if err == nil {
		_, err = fmt.Fprintf(f, "# Created empty by lvm-go pid %d\n", os.Getpid())
	}
	return pathCause(err)
}

// touch makes the empty file at path, if it is not there.
func touch(path string) error {
	f, err := openOwn(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err == nil {
		err = f.Close()
	}
	return pathCause(err)
}
