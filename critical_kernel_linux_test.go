package lvm

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/lvm-go/lvm/internal/umltest"
)

// criticalEnv tells the test binary to change the volume that it lies on, with the
// devices as arguments.
const criticalEnv = "LVM_TEST_CRITICAL"

// changeOwnGround makes updates of the volume that this program was started from, and
// prints for each how many page faults there were while a device was suspended.
func changeOwnGround(devices []string) int {
	sys, err := Open(Config{Devices: devices, LockMemory: true})
	if err != nil {
		fmt.Println(err)
		return failed
	}
	for _, change := range []struct {
		name string
		do   func(*Tx) error
	}{
		{"extend", func(tx *Tx) error { return tx.ExtendLV("root", ExtendSpec{By: ExtentCount(1)}) }},
		{"snapshot", func(tx *Tx) error { return tx.addSnapshot("root", "snap", 2) }},
		{"remove snapshot", func(tx *Tx) error { return tx.RemoveLV("snap") }},
		{"rename", func(tx *Tx) error { return tx.RenameLV("root", "base") }},
		{"move", func(tx *Tx) error { return tx.move("base", devices[0], devices[1]) }},
		{"abort", func(tx *Tx) error { return tx.AbortMove("pvmove0") }},
	} {
		var w faultWindow
		sys.before = func(s Step) {
			w.step(s)
			if _, suspends := s.(*SuspendDevice); suspends {
				pageOut()
			}
		}
		dropCaches()
		if err := sys.Update(context.Background(), "vg", change.do); err != nil {
			fmt.Println(change.name, err)
			return failed
		}
		w.end()
		fmt.Printf("%s: %d windows, %d major faults, %d minor faults\n", change.name, w.windows, w.major, w.minor)
	}
	return 0
}

// dropCaches has the kernel forget what it can read again.
func dropCaches() {
	unix.Sync()
	_ = os.WriteFile("/proc/sys/vm/drop_caches", []byte("3"), 0) // without it the test shows less
}

// pageOut has the kernel forget this program as well, where it may: it refuses for what
// is locked in memory.
func pageOut() {
	maps, _ := os.ReadFile("/proc/self/maps")
	for line := range strings.Lines(string(maps)) {
		var from, to uintptr
		if n, _ := fmt.Sscanf(line, "%x-%x r-xp", &from, &to); n == 2 {
			_, _, _ = unix.Syscall(unix.SYS_MADVISE, from, to-from, unix.MADV_PAGEOUT)
		}
	}
}

// faultWindow counts page faults from the first suspend of an update to its last resume.
type faultWindow struct {
	windows, major, minor int64
	from                  unix.Rusage
	open                  bool
}

func (w *faultWindow) step(s Step) {
	switch s.(type) {
	case *SuspendDevice:
		if !w.open {
			w.open, w.from = true, faultsSoFar()
			w.windows++
		}
	case *RenameDevice, *ResumeDevice, *Commit:
	default:
		w.end()
	}
}

func (w *faultWindow) end() {
	if w.open {
		now := faultsSoFar()
		w.open, w.major, w.minor = false, w.major+int64(now.Majflt-w.from.Majflt), w.minor+int64(now.Minflt-w.from.Minflt)
	}
}

func faultsSoFar() (r unix.Rusage) {
	_ = unix.Getrusage(unix.RUSAGE_SELF, &r) // fails on a bad address only
	return r
}

// A program changes the volume that it was started from, and swap beside it: it does not
// wait for a page that lies where I/O is held back.
func TestKernelChangesItsOwnGround(t *testing.T) {
	umltest.NeedTool(t, "mkfs.ext4")
	sys, devices := kernelSystem(t, 2, 96<<20)
	update(t, sys, "vg", func(tx *Tx) error {
		if err := tx.CreateVG(VGSpec{PVs: devices}); err != nil {
			return err
		}
		on := []PVSelection{{PV: devices[0]}}
		_, err := tx.CreateLV(LVSpec{Name: "root", Size: ExactSize(64 * MiB), PVs: on})
		_, swapErr := tx.CreateLV(LVSpec{Name: "swap", Size: ExactSize(8 * MiB), PVs: on})
		return joinErrors(err, swapErr)
	})
	t.Cleanup(func() { update(t, sys, "vg", (*Tx).DeactivateAll) })
	umltest.Run(t, "mkfs.ext4", "-q", "-O", "^has_journal", "/dev/vg/root")
	umltest.Run(t, "mkswap", "/dev/vg/swap")
	dir := t.TempDir()
	umltest.Run(t, "mount", "/dev/vg/root", dir)
	t.Cleanup(func() { umltest.Run(t, "umount", dir) })
	umltest.Run(t, "swapon", "/dev/vg/swap")
	t.Cleanup(func() { umltest.Run(t, "swapoff", "/dev/vg/swap") })
	program := filepath.Join(dir, "program")
	copySelf(t, program)

	child := exec.Command(program, devices...)
	child.Env = append(os.Environ(), criticalEnv+"=yes")
	child.Dir = dir
	out, err := child.CombinedOutput()
	require.NoError(t, err, "%s", out)
	t.Logf("%s", out)
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	require.Len(t, lines, 6)
	for _, line := range lines {
		assert.Contains(t, line, " 0 major faults", "%s", out)
		assert.NotContains(t, line, " 0 windows", "%s", out)
	}
}

func copySelf(t *testing.T, to string) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	from, err := os.Open(self)
	require.NoError(t, err)
	defer from.Close()
	f, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o700)
	require.NoError(t, err)
	_, err = io.Copy(f, from)
	require.NoError(t, err)
	require.NoError(t, f.Close())
}
