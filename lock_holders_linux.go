package lvm

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// mostLocks bounds how much is read of the kernel's list of locks, and most holders
// how many of them an error names.
const (
	mostLocks   = 1 << 20
	mostHolders = 8
)

// lockHolders returns who has a flock on the open file f, as the kernel tells. Where it
// does not, as on file systems whose device numbers are not those of their files, it
// returns none.
func lockHolders(f *os.File) []LockHolder {
	info, err := f.Stat()
	if err != nil {
		return nil
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	list, err := os.Open("/proc/locks")
	if err != nil {
		return nil
	}
	defer func() { _ = list.Close() }() // was only read
	return parseHolders(io.LimitReader(list, mostLocks), fileID(uint64(stat.Dev), stat.Ino), commandOf)
}

// fileID names a file as the list of locks does. Source: proc_locks(5).
func fileID(dev, inode uint64) string {
	return fmt.Sprintf("%02x:%02x:%d", unix.Major(dev), unix.Minor(dev), inode)
}

// parseHolders returns who has a flock on a file, as a list of locks says:
//
//	1: FLOCK  ADVISORY  WRITE 4711 00:1a:1042 0 EOF
func parseHolders(list io.Reader, file string, command func(pid int) string) (out []LockHolder) {
	for lines := bufio.NewScanner(list); lines.Scan() && len(out) < mostHolders; {
		f := strings.Fields(lines.Text())
		if len(f) < 6 || f[1] != "FLOCK" || f[5] != file {
			continue // of another kind or file, or one that waits
		}
		// 0 or -1: of another namespace.
		pid, err := strconv.Atoi(f[4])
		if err != nil || pid <= 0 || slices.ContainsFunc(out, func(h LockHolder) bool { return h.PID == pid }) {
			continue
		}
		out = append(out, LockHolder{pid, command(pid)})
	}
	return out
}

// commandOf returns the name of a process, empty if it has ended.
func commandOf(pid int) string {
	name, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "comm"))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(name))
}
