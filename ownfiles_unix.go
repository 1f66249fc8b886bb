//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package lvm

import (
	"io/fs"
	"os"
	"syscall"
)

// openAsIs opens what is there, not what it leads to, without waiting.
const openAsIs = syscall.O_NOFOLLOW | syscall.O_NONBLOCK

// strangeOwner returns who owns a file, if that is neither the superuser nor the user
// of this process.
func strangeOwner(info fs.FileInfo) (uid uint32, ok bool) {
	st, known := info.Sys().(*syscall.Stat_t)
	if !known {
		return 0, false
	}
	return st.Uid, st.Uid != 0 && int(st.Uid) != os.Geteuid()
}

// isEverybodys says whether everybody may remove anybody's files from a directory of
// that mode.
func isEverybodys(mode fs.FileMode) bool { return mode&0o002 != 0 && mode&fs.ModeSticky == 0 }

// hasOtherNames says whether a file is known by several names.
func hasOtherNames(info fs.FileInfo) bool {
	st, known := info.Sys().(*syscall.Stat_t)
	return known && st.Nlink > 1
}
