package lvm

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/umltest"
)

const lvm2LockDir = "/run/lock/lvm"

// guestVG makes a volume group of one LV with lvm2 and returns its name.
func guestVG(t *testing.T) string {
	t.Helper()
	vg := fmt.Sprintf("edge%d", os.Getpid())
	device, _ := umltest.Loop(t, 32<<20)
	umltest.Run(t, "vgcreate", "-qq", vg, device)
	t.Cleanup(func() { umltest.Run(t, "vgremove", "-qqff", vg) })
	umltest.Run(t, "lvcreate", "-qq", "-an", "-Zn", "-l1", "-n", "lv", vg)
	return vg
}

// isFlockWaiter reports whether the process waits for a flock.
func isFlockWaiter(t *testing.T, pid int) bool {
	locks, err := os.ReadFile("/proc/locks")
	require.NoError(t, err)
	for line := range strings.Lines(string(locks)) {
		// 3: -> FLOCK  ADVISORY  READ 123 00:19:20 0 EOF
		f := strings.Fields(line)
		if len(f) > 5 && f[1] == "->" && f[2] == "FLOCK" && f[5] == fmt.Sprint(pid) {
			return true
		}
	}
	return false
}

func TestKernelLVM2WaitsForUs(t *testing.T) {
	umltest.NeedKernel(t)
	vg := guestVG(t)
	for _, tt := range []struct {
		command   []string
		exclusive bool // what we hold
		waits     bool
	}{
		{[]string{"lvs", vg}, true, true},
		{[]string{"lvs", vg}, false, false},
		{[]string{"lvchange", "-qq", "--addtag", "t", vg + "/lv"}, false, true},
		{[]string{"lvchange", "-qq", "--deltag", "t", vg + "/lv"}, true, true},
	} {
		t.Run(fmt.Sprint(tt.command[0], tt.exclusive), func(t *testing.T) {
			l := newLocker(lvm2LockDir)
			held := mustLock(t, l, vgLock(vg), tt.exclusive)
			var out bytes.Buffer
			cmd := exec.Command(umltest.NeedTool(t, tt.command[0]), tt.command[1:]...)
			cmd.Stdout, cmd.Stderr = &out, &out
			require.NoError(t, cmd.Start())
			done := make(chan error, 1)
			go func() { done <- cmd.Wait() }()
			if tt.waits {
				require.Eventually(t, func() bool { return isFlockWaiter(t, cmd.Process.Pid) },
					lockPatience, 5*time.Millisecond)
				require.Empty(t, done)
				require.NoError(t, held.unlock())
			}
			select {
			case err := <-done:
				require.NoError(t, err, out.String())
			case <-time.After(lockPatience):
				_ = cmd.Process.Kill()
				require.Fail(t, "lvm2 did not get the lock", out.String())
			}
			require.NoError(t, held.unlock())
			require.NoFileExists(t, filepath.Join(lvm2LockDir, vgLock(vg)))
		})
	}
}

func TestKernelWeWaitForLVM2(t *testing.T) {
	umltest.NeedKernel(t)
	vg := guestVG(t)
	umltest.Run(t, "lvchange", "-qq", "-ay", vg+"/lv")
	// It holds the lock while it asks whether it may.
	cmd := exec.Command(umltest.NeedTool(t, "lvremove"), vg+"/lv")
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	defer cmd.Process.Kill()
	l := newLocker(lvm2LockDir)
	require.Eventually(t, func() bool {
		held, err := l.lock(within(t, lockHaste), vgLock(vg), false)
		if err == nil {
			require.NoError(t, held.unlock())
		}
		return err != nil
	}, lockPatience, 5*time.Millisecond)
	requireLocked(t, l, vgLock(vg), true)
	_, err = l.lock(within(t, lockHaste), vgLock(vg), true)
	var locked *LockError
	require.ErrorAs(t, err, &locked)
	require.Len(t, locked.Holders, 1)
	require.Equal(t, cmd.Process.Pid, locked.Holders[0].PID)
	require.NotEmpty(t, locked.Holders[0].Command)
	mustLock(t, l, globalLock, true)
	_, err = in.Write([]byte("y\n"))
	require.NoError(t, err)
	mustLock(t, l, vgLock(vg), true)
	require.NoError(t, cmd.Wait())
	require.NoFileExists(t, filepath.Join("/dev", vg, "lv"))
}

func TestKernelHints(t *testing.T) {
	umltest.NeedKernel(t)
	const runDir = "/run/lvm"
	pvs := func() string {
		return umltest.Run(t, "pvs", "--noheadings", "-o", "pv_name", "--config", `devices { hints = "all" }`)
	}
	hints := func() string {
		text, err := os.ReadFile(filepath.Join(runDir, hintsFile))
		require.NoError(t, err)
		return string(text)
	}
	first, _ := umltest.Loop(t, 8<<20)
	second, _ := umltest.Loop(t, 8<<20)
	umltest.Run(t, "pvcreate", "-qq", first)
	pvs()
	require.Contains(t, hints(), "scan:"+first+" ")

	held, err := invalidateHints(within(t, lockPatience), runDir)
	require.NoError(t, err)
	require.NotContains(t, hints(), "scan:")
	// lvm2 makes a PV as we would, without touching the hints itself.
	umltest.Run(t, "pvcreate", "-qq", "--config", `devices { hints = "none" }`, second)
	out := pvs()
	require.Contains(t, out, first)
	require.Contains(t, out, second)
	require.NotContains(t, hints(), "scan:", "we still hold the hints")
	require.NoError(t, held.unlock())
	pvs()
	require.Contains(t, hints(), "scan:"+first+" ")
	require.Contains(t, hints(), "scan:"+second+" ")
	require.NoFileExists(t, filepath.Join(runDir, newHintsFile))
}
