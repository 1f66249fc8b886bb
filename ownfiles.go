package lvm

import (
	"io/fs"
	"os"
)

// openOwn opens, or makes, a file that nobody but lvm2 and we should have a hand in.
// It does not follow a link that somebody put there, nor wait for the other end of a
// pipe: what is no regular file is an error that matches ErrUntrusted.
func openOwn(path string, flag int, perm fs.FileMode) (*os.File, error) {
	f, err := os.OpenFile(path, flag|openAsIs, perm)
	if err != nil {
		if info, statErr := os.Lstat(path); statErr == nil && !info.Mode().IsRegular() {
			return nil, notRegular(path)
		}
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = notRegular(path)
	}
	if err != nil {
		_ = f.Close() // nothing was done with it
		return nil, err
	}
	return f, nil
}

func notRegular(path string) error {
	return fault(ErrUntrusted, "%s is not a regular file", path)
}

// checkOwnDir refuses a directory in which others could remove our files and make
// their own: one that belongs to another user than the superuser or who asks, or that
// such a user's link leads to, or that everybody may remove files from.
//
// Directories above are trusted: /run/lock itself is everybody's, but nobody can
// remove there what is another's.
func checkOwnDir(dir string) error {
	link, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	for _, i := range []fs.FileInfo{link, info} {
		if owner, ok := strangeOwner(i); ok {
			return fault(ErrUntrusted, "%s belongs to user %d", dir, owner)
		}
	}
	if isEverybodys(info.Mode()) {
		return fault(ErrUntrusted, "everybody may remove files from %s", dir)
	}
	return nil
}
