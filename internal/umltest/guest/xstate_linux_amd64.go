package guest

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"unsafe"

	"github.com/pkg/errors"
	"golang.org/x/sys/unix"
)

//go:embed xstate/pad.c
var padSource []byte

// kernelXstate is the size of the buffer that User-mode Linux 6.1 has for the
// extended register state. Later kernels ask the host, and there the pad finds
// nothing to do.
const kernelXstate = 2696

// xstateSize returns the size that the host's kernel demands of a register set
// with the extended state. Only ptrace tells: the processor's own answer counts
// state that the kernel may have switched off.
func xstateSize() (int, error) {
	// Each ptrace request must come from the thread that started the child.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd := exec.Command(kernelPath, "--version")
	cmd.SysProcAttr = &syscall.SysProcAttr{Ptrace: true}
	if err := cmd.Start(); err != nil {
		return 0, errors.Wrap(err, "start a traced process")
	}
	defer func() {
		_ = cmd.Process.Kill()
		_, _ = cmd.Process.Wait()
	}()
	var ws unix.WaitStatus
	if _, err := unix.Wait4(cmd.Process.Pid, &ws, 0, nil); err != nil {
		return 0, errors.Wrap(err, "wait for a traced process")
	}
	area := make([]byte, 65536)
	v := unix.Iovec{Base: &area[0], Len: uint64(len(area))}
	_, _, errno := unix.Syscall6(unix.SYS_PTRACE, unix.PTRACE_GETREGSET, uintptr(cmd.Process.Pid),
		unix.NT_X86_XSTATE, uintptr(unsafe.Pointer(&v)), 0, 0)
	if errno != 0 {
		return 0, errors.Wrap(errno, "read the registers of a traced process")
	}
	return int(v.Len), nil
}

// pad returns the path of the library to preload into the kernel, "" when this
// host needs none. It is compiled once for a user, or into dir for a caller
// that has no cache folder.
func pad(dir string) (string, error) {
	size, err := xstateSize()
	if err != nil {
		return "", err
	}
	if size <= kernelXstate {
		return "", nil
	}
	sum := sha256.Sum256(padSource)
	name := "umltest-pad-" + hex.EncodeToString(sum[:8]) + ".so"
	if cache, err := os.UserCacheDir(); err == nil && os.MkdirAll(cache, 0o700) == nil {
		dir = cache
	}
	lib := filepath.Join(dir, name)
	if _, err := os.Stat(lib); err == nil {
		return lib, nil
	}
	cc, err := compiler()
	if err != nil {
		return "", err
	}
	tmp, err := os.MkdirTemp(dir, "umltest-cc-")
	if err != nil {
		return "", errors.Wrap(err, "compile the register pad")
	}
	defer func() { _ = os.RemoveAll(tmp) }()
	src, out := filepath.Join(tmp, "pad.c"), filepath.Join(tmp, name)
	if err := os.WriteFile(src, padSource, 0o600); err != nil {
		return "", errors.Wrap(err, "compile the register pad")
	}
	if msg, err := exec.Command(cc, "-O2", "-shared", "-fPIC", "-o", out, src).CombinedOutput(); err != nil {
		return "", errors.Wrapf(err, "compile the register pad: %s", msg)
	}
	// Renamed into place, so that another process never loads half of it.
	if err := os.Rename(out, lib); err != nil {
		return "", errors.Wrap(err, "compile the register pad")
	}
	return lib, nil
}

// compiler returns the path of a C compiler.
func compiler() (string, error) {
	for _, name := range []string{"cc", "gcc", "clang"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("this processor's registers need a small library in front of the kernel, and there is no C compiler (gcc, libc6-dev)")
}
