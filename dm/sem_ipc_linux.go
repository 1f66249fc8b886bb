//go:build linux && !(amd64 || arm || arm64 || loong64 || mips64 || mips64le || riscv64)

package dm

import (
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Calls of ipc(2), by which these architectures reach the semaphores. Source:
// linux include/uapi/linux/ipc.h.
const (
	ipcSemget     = 2
	ipcSemctl     = 3
	ipcSemtimedop = 4
)

func semget(key uint32, n, flags int) (id int, err error) {
	r, _, errno := unix.Syscall6(unix.SYS_IPC, ipcSemget, uintptr(int32(key)), uintptr(n), uintptr(flags), 0, 0)
	return int(r), toErr(errno)
}

// semtimedop carries out one operation. Without timeout it waits for ever, if
// the operation is one that waits.
func semtimedop(id int, op *sembuf, timeout *unix.Timespec) error {
	// The timeout is the last argument, except on s390x, whose ipc(2) has one
	// argument less: there it is the third.
	if runtime.GOARCH == "s390x" {
		_, _, errno := unix.Syscall6(unix.SYS_IPC, ipcSemtimedop, uintptr(id), 1,
			uintptr(unsafe.Pointer(timeout)), uintptr(unsafe.Pointer(op)), 0)
		return toErr(errno)
	}
	_, _, errno := unix.Syscall6(unix.SYS_IPC, ipcSemtimedop, uintptr(id), 1,
		0, uintptr(unsafe.Pointer(op)), uintptr(unsafe.Pointer(timeout)))
	return toErr(errno)
}

func semrm(id int) error {
	// The kernel reads the argument of semctl, which IPC_RMID has no use for.
	var arg uintptr
	_, _, errno := unix.Syscall6(unix.SYS_IPC, ipcSemctl, uintptr(id), 0, unix.IPC_RMID, uintptr(unsafe.Pointer(&arg)), 0)
	return toErr(errno)
}
