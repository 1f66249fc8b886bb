package lvm

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/umltest"
)

// udevPatience is for what takes a moment.
const udevPatience = 30 * time.Second

// startUdev runs systemd-udevd with the distribution's rules, and returns what ends it.
func startUdev(t *testing.T) (stop func()) {
	daemon := umltest.NeedTool(t, "/lib/systemd/systemd-udevd")
	require.NoError(t, os.MkdirAll("/run/udev", 0o755))
	cmd := exec.Command(daemon, "--children-max=2")
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"} // without what keeps other tests from udev
	require.NoError(t, cmd.Start())
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		umltest.Run(t, "udevadm", "control", "--exit")
		assert.NoError(t, cmd.Wait())
		assert.NoError(t, os.RemoveAll("/run/udev"))
	}
	t.Cleanup(func() {
		stop()
		assert.NoError(t, os.RemoveAll("/dev/disk"))
	})
	require.Eventually(t, func() bool {
		return exec.Command(umltest.NeedTool(t, "udevadm"), "control", "--ping", "--timeout=5").Run() == nil
	}, udevPatience, 20*time.Millisecond)
	return stop
}

// udevSettle waits until udev has nothing to do.
func udevSettle(t *testing.T) { umltest.Run(t, "udevadm", "settle", "--timeout=30") }

// setLVMConf changes lvm2's configuration until the end of the test.
func setLVMConf(t *testing.T, pairs ...string) {
	const path = "/etc/lvm/lvm.conf"
	old, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, []byte(strings.NewReplacer(pairs...).Replace(string(old))), 0o644))
	t.Cleanup(func() { assert.NoError(t, os.WriteFile(path, old, 0o644)) })
}

// udevProperty returns what udev noted of a device; empty if nothing.
func udevProperty(t *testing.T, device, name string) string {
	for line := range strings.Lines(umltest.Run(t, "udevadm", "info", "--query=property", "--name="+device)) {
		if key, value, _ := strings.Cut(strings.TrimSpace(line), "="); key == name {
			return value
		}
	}
	return ""
}

// With a real udevd and the rules of lvm2 and device-mapper, nodes and links are udev's, are
// there or gone when an update ends, what is hidden has no other links, no semaphore is left,
// and lvm2 activates a group of ours as its last physical volume appears. Without udevd
// nobody waits, and we make the links.
func TestKernelUdevd(t *testing.T) {
	sys, devices := kernelSystem(t, 2, 32<<20)
	t.Cleanup(func() {
		if t.Failed() {
			_ = sys.Update(context.Background(), "vg0", (*Tx).DeactivateAll)
		}
	})
	stop := startUdev(t)
	require.True(t, sys.host.udevRuns())
	do := func(change func(*Tx) error) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), udevPatience)
		defer cancel()
		require.NoError(t, sys.Update(ctx, "vg0", change))
		list, err := os.ReadFile("/proc/sysvipc/sem")
		require.NoError(t, err)
		require.Equal(t, 1, strings.Count(string(list), "\n"), "semaphores:\n%s", list)
	}
	byUdev := func(names ...string) { // since the update has ended
		t.Helper()
		for _, name := range names {
			to, err := os.Readlink(filepath.Join("/dev", name))
			require.NoError(t, err)
			require.Regexp(t, `^(\.\./)+dm-\d+$`, to)
		}
	}
	gone := func(names ...string) {
		t.Helper()
		for _, name := range names {
			_, err := os.Lstat(filepath.Join("/dev", name))
			require.ErrorIs(t, err, os.ErrNotExist, name)
		}
	}

	do(func(tx *Tx) error {
		return joinErrors(tx.CreateVG(VGSpec{PVs: devices, ExtentSize: MiB}), create(
			LVSpec{Name: "data", Size: ExtentCount(30), Stripes: 2}, LVSpec{Name: "other", Size: ExtentCount(1)},
		)(tx))
	})
	byUdev("mapper/vg0-data", "vg0/data", "vg0/other", "disk/by-id/dm-name-vg0-data")
	do(func(tx *Tx) error { return tx.addSnapshot("data", "snap", 2) })
	byUdev("vg0/data", "vg0/snap")
	for _, hidden := range []string{"data-real", "snap-cow"} {
		byUdev("mapper/vg0-" + hidden)
		gone("vg0/"+hidden, "disk/by-id/dm-name-vg0-"+hidden)
		require.Equal(t, "1", udevProperty(t, "/dev/mapper/vg0-"+hidden, "DM_UDEV_DISABLE_OTHER_RULES_FLAG"))
	}
	require.Empty(t, udevProperty(t, "/dev/vg0/data", "DM_UDEV_DISABLE_OTHER_RULES_FLAG"))
	do(func(tx *Tx) error { return tx.RenameLV("other", "renamed") })
	byUdev("vg0/renamed", "mapper/vg0-renamed")
	gone("vg0/other", "mapper/vg0-other")
	do(func(tx *Tx) error { return tx.RemoveLV("snap") })
	gone("vg0/snap", "mapper/vg0-snap", "mapper/vg0-snap-cow", "mapper/vg0-data-real")
	do((*Tx).DeactivateAll)
	gone("vg0/data", "vg0/renamed", "mapper/vg0-data")

	// lvm2's rule activates the group when all of it has appeared, not before.
	udevSettle(t)
	setLVMConf(t, "event_activation = 0", "event_activation = 1", "udev_sync = 0", "udev_sync = 1", "udev_rules = 0", "udev_rules = 1")
	appear := func(device string) {
		umltest.Run(t, "udevadm", "trigger", "--action=change", "--settle", device)
		udevSettle(t)
	}
	appear(devices[0])
	require.Equal(t, "LVM2_member", udevProperty(t, devices[0], "ID_FS_TYPE"))
	gone("vg0/data")
	appear(devices[1])
	byUdev("vg0/data", "vg0/renamed")
	do((*Tx).DeactivateAll)
	gone("vg0/data", "vg0/renamed")

	// Another udevd may be gone at any time.
	udevSettle(t)
	stop()
	require.False(t, sys.host.udevRuns())
	do((*Tx).ActivateAll)
	to, err := os.Readlink("/dev/vg0/data")
	require.NoError(t, err)
	require.Equal(t, "/dev/mapper/vg0-data", to)
	do(func(tx *Tx) error {
		return joinErrors(tx.RemoveLV("data"), tx.RemoveLV("renamed"), tx.RemoveVG())
	})
	gone("vg0", "mapper/vg0-data", "mapper/vg0-renamed")
	require.NoError(t, os.RemoveAll("/run/lvm/pvs_online"))
	require.NoError(t, os.RemoveAll("/run/lvm/vgs_online"))
}
