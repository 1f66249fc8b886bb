package guest

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// addrNoRandomize is ADDR_NO_RANDOMIZE: the kernel needs its addresses free.
const addrNoRandomize = 0x0040000

// hold starts the kernel as its only child and stays until it ends, or until
// the process that started this one closes its end of standard input, by will
// or by dying. Then all of the guest is killed in the same instant: a process of
// it that lost its kernel would go on to make its system calls on the host.
//
// Where a process namespace may be made, this is the namespace's first process
// and takes everything with it. The kernel itself cannot be that process: it
// could not abort.
//
// Arguments: CPU, library to preload, kernel and its arguments. Descriptors: 0
// lifeline, 1 and 2 kernel log, 3 and 4 the command's output and error.
func hold(args []string) int {
	runtime.LockOSThread() // affinity and personality are the thread's, and a child's
	cpu, err := strconv.Atoi(args[0])
	if err != nil {
		return complain(err)
	}
	var set unix.CPUSet
	set.Set(cpu)
	if err := unix.SchedSetaffinity(0, &set); err != nil {
		return complain(err)
	}
	if _, _, errno := unix.RawSyscall(unix.SYS_PERSONALITY, addrNoRandomize, 0, 0); errno != 0 {
		return complain(errno)
	}
	// The guest's processes are this one's to collect once their kernel is gone.
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return complain(err)
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return complain(err)
	}
	env := []string{"PATH=" + systemPath, "HOME=/"}
	if args[1] != "" {
		env = append(env, "LD_PRELOAD="+args[1])
	}
	pid, err := syscall.ForkExec(args[2], args[2:], &syscall.ProcAttr{
		Env:   env,
		Files: []uintptr{null.Fd(), 1, 2, 3, 4, 1},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		return complain(err)
	}
	// Only the guest may hold these, so that their readers see its end.
	for _, fd := range []int{3, 4} {
		_ = unix.Close(fd)
	}
	go func() {
		var b [1]byte
		_, _ = os.Stdin.Read(b[:])
		_ = unix.Kill(-pid, unix.SIGKILL)
	}()
	for {
		switch got, err := unix.Wait4(-1, nil, 0, nil); {
		case err == unix.EINTR:
		case err != nil: // ECHILD: nothing of the guest is left
			return 0
		case got == pid:
			_ = unix.Kill(-pid, unix.SIGKILL)
		}
	}
}

func complain(err error) int {
	fmt.Fprintln(os.Stderr, "umltest:", err)
	return 1
}
