package dm_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/internal/umltest"
	"github.com/lvm-go/lvm/units"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// uevents listens to what the kernel tells udev.
func uevents(t *testing.T) (next func() map[string]string) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, unix.NETLINK_KOBJECT_UEVENT)
	require.NoError(t, err)
	t.Cleanup(func() { _ = unix.Close(fd) })
	require.NoError(t, unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: 1}))
	require.NoError(t, unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 10}))
	return func() map[string]string {
		t.Helper()
		for {
			buf := make([]byte, 8192)
			n, _, err := unix.Recvfrom(fd, buf, 0)
			require.NoError(t, err, "no uevent")
			env := map[string]string{}
			for field := range bytes.SplitSeq(buf[:n], []byte{0}) {
				if k, v, ok := strings.Cut(string(field), "="); ok {
					env[k] = v
				}
			}
			if strings.HasPrefix(env["DEVNAME"], "dm-") {
				return env
			}
		}
	}
}

// The cookie gets into the uevent, dmsetup counts it down as udev's rule does,
// and only then the wait is over.
func TestKernelCookie(t *testing.T) {
	c := kernel(t)
	pretendUdev(t) // or dmsetup does nothing
	next := uevents(t)
	cookie, err := dm.NewCookie()
	require.NoError(t, err)
	defer cookie.Close()
	semaphores := func() int { return strings.Count(umltest.Run(t, "cat", "/proc/sysvipc/sem"), "\n") - 1 }
	require.Equal(t, 1, semaphores())
	var values []uint32
	begin := func(flags uint16) uint32 {
		v, err := cookie.Begin(flags)
		require.NoError(t, err)
		values = append(values, v)
		return v
	}

	_, err = c.Create("a", "", dm.CreateOptions{})
	require.NoError(t, err)
	_, err = c.Load(dm.ByName("a"), parse(t, "0 8 zero\n"), dm.LoadOptions{})
	require.NoError(t, err)
	assert.Equal(t, "add", next()["ACTION"])
	for _, op := range []func() error{
		func() error {
			info, err := c.Resume(dm.ByName("a"), dm.ResumeOptions{Cookie: begin(dm.UdevSubsystem0)})
			return cookie.Done(info, err)
		},
		func() error {
			info, err := c.Rename("a", "b", dm.RenameOptions{Cookie: begin(0)})
			return cookie.Done(info, err)
		},
		func() error {
			info, err := c.Remove(dm.ByName("b"), dm.RemoveOptions{Cookie: begin(dm.UdevDisableDiskRules)})
			return cookie.Done(info, err)
		},
	} {
		require.NoError(t, op())
		env := next()
		assert.Equal(t, strconv.FormatUint(uint64(values[len(values)-1]), 10), env["DM_COOKIE"], env)
	}
	assert.Equal(t, []uint32{0x0140, 0x0040, 0x0044}, []uint32{values[0] >> 16, values[1] >> 16, values[2] >> 16})

	// Commands that cause no uevent do not count.
	info, err := c.Resume(dm.ByName("none"), dm.ResumeOptions{Cookie: begin(0)})
	require.ErrorIs(t, cookie.Done(info, err), dm.ErrNotFound)
	_, err = c.Create("n", "", dm.CreateOptions{})
	require.NoError(t, err)
	info, err = c.Resume(dm.ByName("n"), dm.ResumeOptions{Cookie: begin(0)})
	require.NoError(t, cookie.Done(info, err))
	info, err = c.Remove(dm.ByName("n"), dm.RemoveOptions{Cookie: begin(0)})
	require.NoError(t, cookie.Done(info, err))

	done := make(chan error, 1)
	go func() { done <- cookie.Wait(context.Background()) }()
	for range 3 {
		select {
		case err := <-done:
			t.Errorf("did not wait: %v", err)
		case <-time.After(50 * time.Millisecond):
		}
		complete := exec.Command(umltest.NeedTool(t, "dmsetup"), "udevcomplete", strconv.FormatUint(uint64(values[0]), 10))
		complete.Env = udevEnv()
		out, err := complete.CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
	select {
	case err := <-done:
		require.NoError(t, err)
	case <-time.After(10 * time.Second):
		t.Error("waits for ever")
	}
	assert.Zero(t, semaphores())
}

// udevEnv is the environment of a dmsetup that takes part in the protocol.
func udevEnv() []string {
	var env []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "DM_DISABLE_UDEV=") {
			env = append(env, v)
		}
	}
	return env
}

func TestKernelCookieGivesUp(t *testing.T) {
	umltest.NeedKernel(t)
	cookie, err := dm.NewCookie()
	require.NoError(t, err)
	_, err = cookie.Begin(0)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	assert.ErrorIs(t, cookie.Wait(ctx), context.DeadlineExceeded)
	assert.Equal(t, 1, strings.Count(umltest.Run(t, "cat", "/proc/sysvipc/sem"), "\n"), "the semaphore is removed")

	// An administrator loses patience.
	cookie, err = dm.NewCookie()
	require.NoError(t, err)
	value, err := cookie.Begin(0)
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() { done <- cookie.Wait(context.Background()) }()
	time.Sleep(20 * time.Millisecond)
	out, err := exec.Command("ipcrm", "-S", fmt.Sprint(0x0d4d0000|value&0xffff)).CombinedOutput()
	require.NoError(t, err, "%s", out)
	select {
	case err := <-done:
		assert.NoError(t, err)
	case <-time.After(10 * time.Second):
		t.Error("waits for ever")
	}

	cookie, err = dm.NewCookie()
	require.NoError(t, err)
	require.NoError(t, cookie.Close())
	require.NoError(t, cookie.Close())
	assert.Equal(t, 1, strings.Count(umltest.Run(t, "cat", "/proc/sysvipc/sem"), "\n"))
}

func TestKernelUdevRunning(t *testing.T) {
	umltest.NeedKernel(t)
	assert.False(t, dm.UdevRunning())
	pretendUdev(t)
	assert.True(t, dm.UdevRunning())
}

// pretendUdev makes it look as if udev runs, until the end of the test.
func pretendUdev(t *testing.T) {
	t.Helper()
	require.NoError(t, os.Mkdir("/run/udev", 0o755))
	t.Cleanup(func() { assert.NoError(t, os.RemoveAll("/run/udev")) })
	require.NoError(t, os.WriteFile("/run/udev/control", nil, 0o600))
}

func nodeOf(t *testing.T, path string) unix.Stat_t {
	t.Helper()
	var st unix.Stat_t
	require.NoError(t, unix.Stat(path, &st))
	return st
}

// forbidNodes takes the right to make device nodes from this thread, until the
// end of the test.
func forbidNodes(t *testing.T) {
	t.Helper()
	runtime.LockOSThread()
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var caps [2]unix.CapUserData
	require.NoError(t, unix.Capget(&header, &caps[0]))
	less := caps
	less[0].Effective &^= 1 << unix.CAP_MKNOD
	require.NoError(t, unix.Capset(&header, &less[0]))
	t.Cleanup(func() {
		assert.NoError(t, unix.Capset(&header, &caps[0]))
		runtime.UnlockOSThread()
	})
}

func TestKernelNodes(t *testing.T) {
	c := kernel(t)
	a := active(t, c, "a", parse(t, "0 8 zero\n")).Dev
	b := active(t, c, "b", parse(t, "0 8 error\n")).Dev
	rdev := func(d dm.Dev) uint64 { return unix.Mkdev(d.Major(), d.Minor()) }

	base := t.TempDir()
	dir := base + "/mapper"
	require.NoError(t, os.WriteFile(base+"/outside", []byte("mine"), 0o600))
	for _, linked := range []bool{false, true} {
		nodes := dm.Nodes{Dir: dir}
		if linked {
			forbidNodes(t)
		}
		require.NoError(t, nodes.Remove("x"), "nothing there, not even the directory")
		require.NoError(t, nodes.Rename("x", "y"))
		require.NoError(t, nodes.Add("x", a))
		assert.Equal(t, rdev(a), uint64(nodeOf(t, dir+"/x").Rdev))
		link, err := os.Readlink(dir + "/x")
		if linked {
			require.NoError(t, err)
			assert.Equal(t, fmt.Sprintf("/dev/dm-%d", a.Minor()), link)
		} else {
			assert.Error(t, err)
			st := nodeOf(t, dir+"/x")
			assert.Equal(t, uint32(unix.S_IFBLK|0o660), st.Mode)
			assert.Equal(t, []uint32{0, 6}, []uint32{st.Uid, st.Gid})
		}
		var before, after unix.Stat_t
		require.NoError(t, unix.Lstat(dir+"/x", &before))
		require.NoError(t, nodes.Add("x", a))
		require.NoError(t, unix.Lstat(dir+"/x", &after))
		assert.Equal(t, before.Ino, after.Ino, "what is right stays")
		require.NoError(t, nodes.Add("x", b))
		assert.Equal(t, rdev(b), uint64(nodeOf(t, dir+"/x").Rdev), "another device")

		require.NoError(t, nodes.Add("y", a))
		require.NoError(t, nodes.Rename("x", "y"))
		assert.Equal(t, rdev(b), uint64(nodeOf(t, dir+"/y").Rdev))
		_, err = os.Lstat(dir + "/x")
		assert.ErrorIs(t, err, os.ErrNotExist)
		require.NoError(t, nodes.Remove("y"))
		_, err = os.Lstat(dir + "/y")
		assert.ErrorIs(t, err, os.ErrNotExist)

		require.NoError(t, os.Symlink("/nowhere", dir+"/z"))
		require.NoError(t, nodes.Add("z", a))
		assert.Equal(t, rdev(a), uint64(nodeOf(t, dir+"/z").Rdev), "a link that leads nowhere is replaced")
		require.NoError(t, nodes.Remove("z"))

		// What is not ours stays.
		require.NoError(t, os.WriteFile(dir+"/file", []byte("mine"), 0o600))
		require.NoError(t, os.Symlink("../outside", dir+"/link"))
		for _, name := range []string{"file", "link"} {
			assert.ErrorIs(t, nodes.Add(name, a), dm.ErrExists)
			assert.ErrorIs(t, nodes.Remove(name), dm.ErrExists)
			assert.ErrorIs(t, nodes.Rename(name, "n"), dm.ErrExists)
			text, err := os.ReadFile(dir + "/" + name)
			require.NoError(t, err)
			assert.Equal(t, "mine", string(text))
		}
		require.NoError(t, nodes.Add("n", a))
		assert.ErrorIs(t, nodes.Rename("n", "file"), dm.ErrExists)
		require.NoError(t, nodes.Remove("n"))
		for _, name := range []string{"", ".", "..", "../outside", "a/b", "control", "/x"} {
			assert.ErrorIs(t, nodes.Add(name, a), dm.ErrInvalid, name)
			assert.ErrorIs(t, nodes.Remove(name), dm.ErrInvalid, name)
			assert.ErrorIs(t, nodes.Rename("n", name), dm.ErrInvalid, name)
			assert.ErrorIs(t, nodes.Rename(name, "n"), dm.ErrInvalid, name)
		}
		require.NoError(t, os.RemoveAll(dir))
	}
}

func TestKernelReadAhead(t *testing.T) {
	c := kernel(t)
	dev := active(t, c, "a", parse(t, "0 8 zero\n")).Dev
	get := func() int {
		f, err := os.Open(fmt.Sprintf("/dev/dm-%d", dev.Minor()))
		require.NoError(t, err)
		defer f.Close()
		n, err := unix.IoctlGetInt(int(f.Fd()), unix.BLKRAGET)
		require.NoError(t, err)
		return n
	}
	for _, c := range []struct {
		sectors units.Sectors
		want    int
	}{{512, 512}, {511, 512}, {0, 0}, {8, 8}} {
		require.NoError(t, dm.Nodes{}.SetReadAhead(dev, c.sectors))
		// The kernel rounds down to whole pages.
		assert.Equal(t, c.want, get(), "rounded up to KiB")
	}
	assert.ErrorIs(t, dm.Nodes{}.SetReadAhead(dm.MakeDev(1000, 0), 8), dm.ErrNotFound)

	// Without /sys it is an ioctl on the device, which knows sectors.
	require.NoError(t, unix.Mount("none", "/sys", "tmpfs", 0, ""))
	defer func() { assert.NoError(t, unix.Unmount("/sys", 0)) }()
	require.NoError(t, dm.Nodes{}.SetReadAhead(dev, 24))
	assert.Equal(t, 24, get())
	require.NoError(t, os.Mkdir("/run/devs", 0o755))
	defer os.RemoveAll("/run/devs")
	node := fmt.Sprintf("/run/devs/dm-%d", dev.Minor())
	require.NoError(t, os.WriteFile(node, nil, 0o600))
	assert.ErrorIs(t, dm.Nodes{DevDir: "/run/devs"}.SetReadAhead(dev, 24), dm.ErrNotFound, "not the device")
}
