package guest

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/pkg/errors"
	"golang.org/x/sys/unix"
)

const (
	kernelPath  = "/usr/bin/linux.uml"
	modulesPath = "/usr/lib/uml/modules"
	systemPath  = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

	// The private folder lies where the guest sees the host's files.
	privateRoot    = "/tmp"
	privatePattern = "umltest-guest-"

	memoryDir     = "/dev/shm" // where the kernel keeps the guest's memory
	defaultMemory = 1 << 30
	leastMemory   = 192 << 20

	logTail = 60 // lines
)

// oddity matches what a kernel logs about its own defects.
var oddity = regexp.MustCompile(`WARNING:|BUG:|Oops|UML ran out of memory`)

// Enter makes this process what the caller started it for: the holder of a
// guest's kernel, or the first process in it. Otherwise it returns at once.
func Enter() {
	switch filepath.Base(os.Args[0]) {
	case holdName:
		os.Exit(hold(os.Args[1:]))
	case initName:
		if os.Getpid() == 1 {
			first(filepath.Dir(os.Args[0]))
		}
	}
}

// Inside reports whether this process runs in a User-mode Linux kernel, be it
// one that Run started or another.
func Inside() bool {
	b, err := os.ReadFile("/proc/cpuinfo")
	return err == nil && strings.Contains(string(b), "User Mode Linux")
}

// Available returns nil if Run can work here, or an error matching
// ErrUnavailable that says what is missing.
func Available() error {
	if Inside() {
		return errors.WithMessage(ErrUnavailable, "this is a guest already")
	}
	if withRace {
		return errors.WithMessage(ErrUnavailable, "the race detector does not run in the guest")
	}
	if _, err := os.Stat(kernelPath); err != nil {
		return errors.WithMessage(ErrUnavailable, "no "+kernelPath+" (package user-mode-linux)")
	}
	if _, err := os.Stat(modulesPath); err != nil {
		return errors.WithMessage(ErrUnavailable, "no "+modulesPath+" (package user-mode-linux)")
	}
	if _, err := memory(defaultMemory); err != nil {
		return errors.WithMessage(ErrUnavailable, err.Error())
	}
	size, err := xstateSize()
	if err != nil {
		return errors.WithMessage(ErrUnavailable, err.Error())
	}
	if size > kernelXstate {
		if _, err := compiler(); err != nil {
			return errors.WithMessage(ErrUnavailable, err.Error())
		}
	}
	return nil
}

// memory returns how much memory a guest gets that wants so much: the kernel
// dies when the host's shared memory cannot hold what it was promised.
func memory(want int64) (int64, error) {
	var fs unix.Statfs_t
	if err := unix.Statfs(memoryDir, &fs); err != nil {
		return 0, errors.Wrapf(err, "look at %s", memoryDir)
	}
	have := int64(fs.Bavail) * fs.Bsize
	if have >= want {
		return want, nil
	}
	if have < leastMemory {
		return 0, errors.Errorf("%s has %d MiB free, a guest needs %d", memoryDir, have>>20, leastMemory>>20)
	}
	return have, nil
}

// Run boots a guest, runs the command in it and waits for its end. An error
// matches ErrUnavailable, or is an *Error; the Result then has what is known.
// When ctx ends, the guest is killed.
func (c *Command) Run(ctx context.Context) (Result, error) {
	if err := Available(); err != nil {
		return Result{}, err
	}
	sweep()
	dir, err := os.MkdirTemp(privateRoot, privatePattern)
	if err != nil {
		return Result{}, errors.Wrap(err, "make the guest's private folder")
	}
	defer func() { _ = os.RemoveAll(dir) }()
	mark, err := os.Open(dir)
	if err != nil {
		return Result{}, errors.Wrap(err, "make the guest's private folder")
	}
	defer func() { _ = mark.Close() }()
	if err := unix.Flock(int(mark.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return Result{}, errors.Wrap(err, "lock the guest's private folder")
	}
	if err := c.prepare(dir); err != nil {
		return Result{}, err
	}
	m, err := c.boot(dir)
	if err != nil {
		return Result{}, err
	}
	reason := m.wait(ctx, c.Timeout)
	return collect(dir, reason)
}

// sweep removes the private folders of runs that were killed. Who lives, holds
// a lock on his; who has just made one, may not have got so far.
func sweep() {
	dirs, _ := filepath.Glob(filepath.Join(privateRoot, privatePattern+"*"))
	for _, dir := range dirs {
		f, err := os.Open(dir)
		if err != nil {
			continue
		}
		st, err := f.Stat()
		if err == nil && time.Since(st.ModTime()) > time.Minute && unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil {
			_ = os.RemoveAll(dir)
		}
		_ = f.Close()
	}
}

// prepare fills the private folder.
func (c *Command) prepare(dir string) error {
	self, err := os.Executable()
	if err != nil {
		return errors.Wrap(err, "find this program")
	}
	if err := os.Symlink(self, filepath.Join(dir, initName)); err != nil {
		return errors.Wrap(err, "make the guest's private folder")
	}
	if c.Stdin != nil {
		if err := os.WriteFile(filepath.Join(dir, stdinName), c.Stdin, 0o600); err != nil {
			return errors.Wrap(err, "keep the command's input")
		}
	}
	j := job{Path: c.Path, Args: c.Args, Dir: c.Dir, Env: append(append([]string{}, c.Env...),
		"UML_RUN=1", "DM_DISABLE_UDEV=1", "LVM_SUPPRESS_FD_WARNINGS=1",
		"MODPROBE_OPTIONS=-d "+modprobeRoot,
		"TMPDIR="+scratch, EnvScratch+"="+scratch,
		EnvReport+"="+filepath.Join(dir, reportName))}
	return j.save(dir)
}

// machine is a guest that has been started.
type machine struct {
	dir    string
	hold   *exec.Cmd
	life   *os.File       // closed: the guest is killed
	copies sync.WaitGroup // of its output
	failed chan error     // the output cannot be written
	lock   *os.File       // on the CPU
}

func (c *Command) boot(dir string) (*machine, error) {
	lib, err := pad(dir)
	if err != nil {
		return nil, errors.WithMessage(ErrUnavailable, err.Error())
	}
	want := c.Memory
	if want == 0 {
		want = defaultMemory
	}
	mem, err := memory(want)
	if err != nil {
		return nil, errors.WithMessage(ErrUnavailable, err.Error())
	}
	cpu, lock, err := takeCPU()
	if err != nil {
		return nil, err
	}
	m := &machine{dir: dir, failed: make(chan error, 2), lock: lock}
	log, err := os.OpenFile(filepath.Join(dir, "log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, errors.Wrap(err, "make the guest's kernel log")
	}
	defer func() { _ = log.Close() }()
	out, err := m.carry(c.Stdout)
	if err != nil {
		return nil, err
	}
	defer func() { _ = out.Close() }()
	stderr := out
	if !sameWriter(c.Stdout, c.Stderr) {
		if stderr, err = m.carry(c.Stderr); err != nil {
			return nil, err
		}
		defer func() { _ = stderr.Close() }()
	}
	lifeline, life, err := os.Pipe()
	if err != nil {
		return nil, errors.Wrap(err, "make a pipe")
	}
	defer func() { _ = lifeline.Close() }()
	m.life = life

	args := []string{holdName, strconv.Itoa(cpu), lib, kernelPath,
		"root=/dev/root", "rootfstype=hostfs", "rootflags=/", "rw",
		"mem=" + strconv.FormatInt(mem>>20, 10) + "M",
		"init=" + filepath.Join(dir, initName),
		"uml_dir=" + dir, "umid=u", "noreboot",
		// The kernel log, and two consoles for the command's output and error.
		"con=null", "con0=null,fd:5", "con1=null,fd:3", "con2=null,fd:4",
		// What costs seconds at boot and serves nobody: the delay loop's
		// calibration, terminals, each of which would start a program, and what
		// makes the loading of modules slow.
		"lpj=10000000", "pty.legacy_count=0", "lsm=", "audit=0",
		"initcall_blacklist=init_zswap,init_jfs_fs,ssl_init",
		"oops=panic", "log_buf_len=1M",
	}
	start := func(namespace uintptr) error {
		m.hold = &exec.Cmd{
			Path: "/proc/self/exe", Args: args, Dir: "/",
			Stdin: lifeline, Stdout: log, Stderr: log,
			ExtraFiles:  []*os.File{out, stderr},
			SysProcAttr: &syscall.SysProcAttr{Cloneflags: namespace, Setsid: true},
		}
		return m.hold.Start()
	}
	err = start(unix.CLONE_NEWPID)
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EINVAL) {
		err = start(0)
	}
	if err != nil {
		_ = life.Close()
		return nil, errors.Wrap(err, "start the guest")
	}
	return m, nil
}

// carry returns the end of a pipe that leads to w.
func (m *machine) carry(w io.Writer) (*os.File, error) {
	r, end, err := os.Pipe()
	if err != nil {
		return nil, errors.Wrap(err, "make a pipe")
	}
	if w == nil {
		w = io.Discard
	}
	m.copies.Go(func() {
		if _, err := io.Copy(w, r); err != nil {
			m.failed <- errors.Wrap(err, "write the output of the guest")
		}
		_ = r.Close()
	})
	return end, nil
}

// sameWriter reports whether both lead to the same place, so that one pipe has
// to keep the order of what is written.
func sameWriter(a, b io.Writer) bool {
	fa, ok := a.(*os.File)
	fb, ok2 := b.(*os.File)
	if !ok || !ok2 {
		return false
	}
	sa, err := fa.Stat()
	sb, err2 := fb.Stat()
	return err == nil && err2 == nil && os.SameFile(sa, sb)
}

// wait returns nil once the guest has powered off by itself or crashed, or the
// reason why it was killed.
func (m *machine) wait(ctx context.Context, limit time.Duration) error {
	ended := make(chan struct{})
	go func() {
		_ = m.hold.Wait()
		close(ended)
	}()
	var late <-chan time.Time
	if limit > 0 {
		t := time.NewTimer(limit)
		defer t.Stop()
		late = t.C
	}
	var reason error
	select {
	case <-ended:
	case <-late:
		reason = ErrTimeout
		m.blockedTasks()
	case <-ctx.Done():
		reason = ErrInterrupted
	case err := <-m.failed:
		reason = err
	}
	_ = m.life.Close()
	<-ended
	m.copies.Wait()
	if m.lock != nil {
		_ = m.lock.Close()
	}
	return reason
}

// blockedTasks asks the kernel to log the stacks of all tasks that wait for
// something that does not come. Source: linux arch/um/drivers/mconsole.h.
func (m *machine) blockedTasks() {
	at := func(name string) *net.UnixAddr {
		return &net.UnixAddr{Name: filepath.Join(m.dir, name), Net: "unixgram"}
	}
	conn, err := net.ListenUnixgram("unixgram", at("me"))
	if err != nil {
		return
	}
	defer func() { _ = conn.Close() }()
	if raw, err := conn.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_PASSCRED, 1) })
	}
	const request = "sysrq w"
	msg := make([]byte, 12+512)
	copy(msg, "\xbe\xba\xfe\xca\x02\x00\x00\x00") // magic, version
	msg[8] = byte(len(request))
	copy(msg[12:], request)
	_ = conn.SetDeadline(time.Now().Add(2 * time.Second))
	if _, err := conn.WriteToUnix(msg, at("u/mconsole")); err == nil {
		_, _ = conn.Read(make([]byte, 4096))
	}
}

// collect reads what the guest has left behind.
func collect(dir string, reason error) (Result, error) {
	log, _ := os.ReadFile(filepath.Join(dir, "log"))
	res := Result{Log: string(log)}
	res.Report, _ = os.ReadFile(filepath.Join(dir, reportName))
	lines := strings.Split(strings.TrimSpace(res.Log), "\n")
	for _, l := range lines {
		if oddity.MatchString(l) {
			res.Warnings = append(res.Warnings, l)
		}
	}
	status, err := os.ReadFile(filepath.Join(dir, statusName))
	if err == nil && reason == nil {
		if _, err = fmt.Sscan(string(status), &res.Status); err == nil {
			return res, nil
		}
	}
	if reason == nil {
		reason = ErrCrashed
	}
	return res, &Error{Reason: reason, Log: strings.Join(lines[max(0, len(lines)-logTail):], "\n")}
}
