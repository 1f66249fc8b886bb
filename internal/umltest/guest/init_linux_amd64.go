package guest

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/pkg/errors"
	"golang.org/x/sys/unix"
)

// Places in the guest.
const (
	scratch      = "/run/scratch"
	modprobeRoot = "/run/kmod"
	consoles     = "/dev/tty" // 1 carries the output, 2 the errors
)

// tcdrain is the argument of TCSBRK that waits until all output is written.
const tcdrain = 1

// lvmConf keeps lvm2 away from what a guest does not have. The guest's
// devices come and go without udev, and its lvm2 must find them all the same.
const lvmConf = `devices {
	dir = "/dev"
	scan = [ "/dev" ]
	obtain_device_list_from_udev = 0
	external_device_info_source = "none"
	use_devicesfile = 0
	hints = "none"
	multipath_component_detection = 0
}
global {
	event_activation = 0
	use_lvmpolld = 0
}
activation {
	udev_sync = 0
	udev_rules = 0
	monitoring = 0
}
`

// first is the guest's first process: it furnishes the system, runs the command,
// writes down how it ended and switches the guest off. It never returns. What
// it prints itself goes to the kernel log.
func first(dir string) {
	status, err := serve(dir)
	if err != nil {
		note("%v", err)
	} else if err := os.WriteFile(filepath.Join(dir, statusName), []byte(strconv.Itoa(status)+"\n"), 0o600); err != nil {
		note("%v", err)
	}
	unix.Sync()
	_ = unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
	os.Exit(1)
}

// note leaves a line in the kernel log.
func note(format string, args ...any) {
	put("/dev/kmsg", fmt.Sprintf("umltest: "+format+"\n", args...))
}

// put writes a file of the kernel. Where one is missing, so is its feature.
func put(path, text string) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		return
	}
	_, _ = f.WriteString(text)
	_ = f.Close()
}

func serve(dir string) (int, error) {
	if err := mounts(); err != nil {
		return 0, err
	}
	if err := furnishLVM(); err != nil {
		return 0, err
	}
	if err := loadModules(); err != nil {
		return 0, err
	}
	keepOpen()
	if err := loopbackUp(); err != nil {
		return 0, err
	}
	j, err := loadJob(dir)
	if err != nil {
		return 0, err
	}
	return j.run(dir)
}

func mounts() error {
	// The host's /proc shows through until the first of these.
	for _, m := range []struct {
		kind, at, data string
		flags          uintptr
	}{
		{kind: "proc", at: "/proc"},
		{kind: "sysfs", at: "/sys"},
		{kind: "tmpfs", at: "/run", data: "mode=755,size=90%"},
		{kind: "devpts", at: "/dev/pts"},
		{kind: "tmpfs", at: "/dev/shm"},
	} {
		if err := os.MkdirAll(m.at, 0o755); err != nil {
			return errors.Wrapf(err, "make %s", m.at)
		}
		if err := unix.Mount(m.kind, m.at, m.kind, m.flags, m.data); err != nil {
			return errors.Wrapf(err, "mount %s", m.at)
		}
	}
	put("/proc/sys/kernel/hotplug", "\n")
	put("/proc/sys/kernel/hostname", "uml\n")
	for _, d := range []string{"/run/lock", "/run/lvm", scratch} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return errors.Wrapf(err, "make %s", d)
		}
	}
	if err := os.Chmod(scratch, 0o777|os.ModeSticky); err != nil {
		return errors.Wrapf(err, "open %s to all", scratch)
	}
	for name, to := range map[string]string{"fd": "", "stdin": "/0", "stdout": "/1", "stderr": "/2"} {
		if err := os.Symlink("/proc/self/fd"+to, "/dev/"+name); err != nil && !errors.Is(err, os.ErrExist) {
			return errors.Wrapf(err, "make /dev/%s", name)
		}
	}
	return nil
}

// furnishLVM gives lvm2 an /etc/lvm of the guest's own, with the host's
// profiles. Without one on the host there is no lvm2 either.
func furnishLVM() error {
	const etc = "/etc/lvm"
	if _, err := os.Stat(etc); err != nil {
		return nil
	}
	profiles := make(map[string][]byte)
	names, _ := filepath.Glob(etc + "/profile/*.profile")
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			return errors.Wrap(err, "read an lvm2 profile")
		}
		profiles[name] = b
	}
	if err := unix.Mount("lvm", etc, "tmpfs", 0, "mode=755"); err != nil {
		return errors.Wrapf(err, "mount %s", etc)
	}
	for _, d := range []string{"archive", "backup", "cache", "profile"} {
		if err := os.Mkdir(filepath.Join(etc, d), 0o755); err != nil {
			return errors.Wrapf(err, "furnish %s", etc)
		}
	}
	profiles[etc+"/lvm.conf"] = []byte(lvmConf)
	for name, b := range profiles {
		if err := os.WriteFile(name, b, 0o644); err != nil {
			return errors.Wrapf(err, "furnish %s", etc)
		}
	}
	return nil
}

// loadModules loads loop and all device-mapper targets, by hand: a modprobe for
// each takes seconds. What is not in the list the kernel loads on first use.
func loadModules() error {
	var uts unix.Utsname
	if err := unix.Uname(&uts); err != nil {
		return errors.Wrap(err, "read the kernel's release")
	}
	release := unix.ByteSliceToString(uts.Release[:])
	root := filepath.Join(modulesPath, release)
	index, err := os.ReadFile(filepath.Join(root, "modules.dep"))
	if err != nil {
		return errors.Wrap(err, "read the list of modules")
	}
	lib := filepath.Join(modprobeRoot, "lib/modules")
	if err := os.MkdirAll(lib, 0o755); err != nil {
		return errors.Wrap(err, "set up modprobe")
	}
	if err := os.Symlink(root, filepath.Join(lib, release)); err != nil {
		return errors.Wrap(err, "set up modprobe")
	}
	const modprobe = "/run/modprobe"
	if err := os.WriteFile(modprobe, []byte("#!/bin/sh\nexec /sbin/modprobe -d "+modprobeRoot+" \"$@\"\n"), 0o755); err != nil {
		return errors.Wrap(err, "set up modprobe")
	}
	put("/proc/sys/kernel/modprobe", modprobe)

	paths := make(map[string]string)   // by module name
	needs := make(map[string][]string) // by path
	for line := range strings.Lines(string(index)) {
		path, rest, ok := strings.Cut(line, ":")
		if !ok {
			continue
		}
		paths[strings.TrimSuffix(filepath.Base(path), ".ko")] = path
		needs[path] = strings.Fields(rest)
	}
	loaded := make(map[string]bool)
	var load func(path string) error
	load = func(path string) error {
		if loaded[path] {
			return nil
		}
		loaded[path] = true
		for i := len(needs[path]) - 1; i >= 0; i-- {
			if err := load(needs[path][i]); err != nil {
				return err
			}
		}
		f, err := os.Open(filepath.Join(root, path))
		if err != nil {
			return errors.Wrap(err, "load a module")
		}
		defer func() { _ = f.Close() }()
		if err := unix.FinitModule(int(f.Fd()), "", 0); err != nil && err != unix.EEXIST {
			return errors.Wrapf(err, "load %s", path)
		}
		return nil
	}
	for _, name := range []string{
		"loop", "dm-mod", "dm-snapshot", "dm-mirror", "dm-thin-pool", "dm-raid", "raid1", "raid10", "raid0", "raid456",
		"dm-cache-smq", "dm-writecache", "dm-integrity", "dm-flakey", "dm-delay", "dm-log-writes", "dm-zero",
	} {
		path, ok := paths[name]
		if !ok {
			note("no module %s", name)
			continue
		}
		if err := load(path); err != nil {
			return err
		}
	}
	return nil
}

// keepOpen opens the usual programs and their libraries for good. The root file
// system forgets the content of a file that nobody has open, and programs would
// take twice as long to start. Raw descriptors: nothing may close them.
func keepOpen() {
	const lib = "/usr/lib/x86_64-linux-gnu/"
	patterns := []string{"/etc", lib, "/usr/bin/bash", "/usr/bin/dash", "/usr/sbin/lvm", "/usr/sbin/dmsetup", "/usr/sbin/losetup", lib + "ld-linux-x86-64.so.*"}
	for name := range strings.FieldsSeq("c m tinfo aio blkid bsd cap devmapper devmapper-event dlm_lt edit gcrypt gpg-error " +
		"lz4 lzma md pcre2-8 resolv sanlock_client selinux smartcols systemd udev uuid zstd") {
		patterns = append(patterns, lib+"lib"+name+".so.*")
	}
	for _, p := range patterns {
		names, _ := filepath.Glob(p)
		for _, name := range names {
			_, _ = unix.Open(name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		}
	}
}

func loopbackUp() error {
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return errors.Wrap(err, "bring up lo")
	}
	defer func() { _ = unix.Close(s) }()
	req, err := unix.NewIfreq("lo")
	if err != nil {
		return errors.Wrap(err, "bring up lo")
	}
	req.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(s, unix.SIOCSIFFLAGS, req); err != nil {
		return errors.Wrap(err, "bring up lo")
	}
	return nil
}

// run starts the command, carries its output to the consoles, and returns its
// exit status once it has ended and nothing of it is left.
func (j *job) run(dir string) (int, error) {
	var reads, writes [2]*os.File
	var ttys [2]*os.File
	for i := range ttys {
		var err error
		if ttys[i], err = rawConsole(consoles + strconv.Itoa(i+1)); err != nil {
			return 0, err
		}
		if reads[i], writes[i], err = os.Pipe(); err != nil {
			return 0, errors.Wrap(err, "make a pipe")
		}
	}
	in, err := os.Open(filepath.Join(dir, stdinName))
	if errors.Is(err, os.ErrNotExist) {
		in, err = os.Open(os.DevNull)
	}
	if err != nil {
		return 0, errors.Wrap(err, "open the command's input")
	}

	status, pid := 0, 0
	path, err := lookPath(j)
	if err == nil {
		pid, err = syscall.ForkExec(path, j.Args, &syscall.ProcAttr{
			Dir: j.Dir, Env: j.Env,
			Files: []uintptr{in.Fd(), writes[0].Fd(), writes[1].Fd()},
			Sys:   &syscall.SysProcAttr{Setsid: true},
		})
	}
	if err != nil {
		status = 126
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, exec.ErrNotFound) {
			status = 127
		}
		_, _ = fmt.Fprintf(writes[1], "umltest: %s: %v\n", j.Path, err)
	}
	var copies sync.WaitGroup
	for i := range ttys {
		_ = writes[i].Close()
		copies.Go(func() {
			// Neither side may take a short cut past read and write, which a
			// console does not support.
			_, err := io.Copy(struct{ io.Writer }{ttys[i]}, struct{ io.Reader }{reads[i]})
			if err != nil {
				note("carry the output: %v", err)
			}
		})
	}
	if pid != 0 {
		status = reap(pid)
	}
	// What the command left running may hold the pipes for ever.
	_ = unix.Kill(-1, unix.SIGKILL)
	copies.Wait()
	for _, t := range ttys {
		_ = unix.IoctlSetInt(int(t.Fd()), unix.TCSBRK, tcdrain)
	}
	return status, nil
}

// reap waits for pid, and on the way for all orphans.
func reap(pid int) int {
	for {
		var ws unix.WaitStatus
		got, err := unix.Wait4(-1, &ws, 0, nil)
		switch {
		case err == unix.EINTR, err == nil && got != pid:
		case err != nil:
			note("wait for the command: %v", err)
			return 1
		case ws.Signaled():
			return 128 + int(ws.Signal())
		case ws.Exited():
			return ws.ExitStatus()
		}
	}
}

// rawConsole opens a console that changes no byte.
func rawConsole(name string) (*os.File, error) {
	fd, err := unix.Open(name, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, errors.Wrapf(err, "open %s", name)
	}
	t, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return nil, errors.Wrapf(err, "set up %s", name)
	}
	t.Iflag, t.Lflag = 0, 0
	t.Oflag &^= unix.OPOST
	if err := unix.IoctlSetTermios(fd, unix.TCSETS, t); err != nil {
		return nil, errors.Wrapf(err, "set up %s", name)
	}
	return os.NewFile(uintptr(fd), name), nil
}

// lookPath finds the job's program as its own shell would.
func lookPath(j *job) (string, error) {
	if strings.Contains(j.Path, "/") {
		return j.Path, nil
	}
	search := systemPath
	for _, kv := range j.Env {
		if v, ok := strings.CutPrefix(kv, "PATH="); ok && v != "" {
			search = v + ":/usr/sbin:/sbin"
		}
	}
	for _, d := range filepath.SplitList(search) {
		path := filepath.Join(d, j.Path)
		if st, err := os.Stat(path); err == nil && st.Mode().IsRegular() && st.Mode()&0o111 != 0 {
			return path, nil
		}
	}
	return "", exec.ErrNotFound
}
