//go:build linux && (amd64 || arm || arm64 || loong64 || mips64 || mips64le || riscv64)

package dm

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

func semget(key uint32, n, flags int) (id int, err error) {
	// key_t is an int: the conversion keeps the bits.
	r, _, errno := unix.Syscall(unix.SYS_SEMGET, uintptr(int32(key)), uintptr(n), uintptr(flags))
	return int(r), toErr(errno)
}

// semtimedop carries out one operation. Without timeout it waits for ever, if
// the operation is one that waits.
func semtimedop(id int, op *sembuf, timeout *unix.Timespec) error {
	_, _, errno := unix.Syscall6(unix.SYS_SEMTIMEDOP, uintptr(id), uintptr(unsafe.Pointer(op)), 1,
		uintptr(unsafe.Pointer(timeout)), 0, 0)
	return toErr(errno)
}

func semrm(id int) error {
	_, _, errno := unix.Syscall6(unix.SYS_SEMCTL, uintptr(id), 0, unix.IPC_RMID, 0, 0, 0)
	return toErr(errno)
}
