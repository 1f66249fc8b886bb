package lvm

import (
	"context"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/internal/iocheck"
	"github.com/lvm-go/lvm/internal/umltest"
)

// busyVolumes starts writers on volumes of the group, which check what they read.
// They have to find nothing wrong until the returned function is called.
func (r *interopRun) busyVolumes(seed uint64, lvs ...string) (*iocheck.Checker, func()) {
	r.Helper()
	paths := make([]string, len(lvs))
	for i, lv := range lvs {
		paths[i] = "/dev/" + r.vg + "/" + lv
	}
	c, err := iocheck.Start(iocheck.Options{Seed: seed, Length: 2 << 20, Pause: time.Millisecond}, paths...)
	require.NoError(r, err)
	return c, func() {
		r.Helper()
		result, err := c.Stop()
		require.NoError(r, err)
		r.Logf("%v: %s", lvs, result)
	}
}

// suspended returns the devices that are suspended.
func suspendedDevices(t *testing.T) []string {
	t.Helper()
	out, err := exec.Command("dmsetup", "info", "-c", "--noheadings", "-o", "name,suspended").Output()
	require.NoError(t, err)
	var names []string
	for _, line := range strings.Split(string(out), "\n") {
		if name, state, ok := strings.Cut(line, ":"); ok && state != "Active" {
			names = append(names, name)
		}
	}
	return names
}

// Everything that is done to an origin and its snapshots is done while all of
// them are written to: no write is lost, no call fails, and each snapshot is what
// its origin was at one moment.
func TestKernelSnapshotsUnderLoad(t *testing.T) {
	r, _ := kernelGroup(t, 2, func(tx *Tx) error {
		for _, name := range []string{"a", "b"} {
			if _, err := tx.CreateLV(LVSpec{Name: name, Size: ExactSize(12 * MiB), Stripes: 2, SkipZero: true, KeepSignatures: true}); err != nil {
				return err
			}
		}
		return nil
	})
	c, stop := r.busyVolumes(1, "a", "b")
	step := func(what string, fn func(tx *Tx) error) (before, after iocheck.State) {
		c.Progress(20)
		before = c.State()
		var window time.Duration
		r.update(func(tx *Tx) error {
			tx.OnFreeze(FreezeHooks{Thaw: func(w time.Duration, _ bool) { window = w }})
			return fn(tx)
		})
		after = c.State()
		require.Empty(t, suspendedDevices(t), what)
		t.Logf("%s: window %s", what, window)
		c.Progress(20)
		return before, after
	}
	snapshots := func(names ...string) func(tx *Tx) error {
		return func(tx *Tx) error {
			for i, origin := range []string{"a", "b"} {
				if _, err := tx.CreateSnapshot(origin, SnapshotSpec{Name: names[i], Size: ExactSize(8 * MiB), ReadOnly: true}); err != nil {
					return err
				}
			}
			return nil
		}
	}
	before, after := step("first snapshots", snapshots("a1", "b1"))
	verify := func(what string, before, after iocheck.State, lvs ...string) {
		t.Helper()
		assert.NoError(t, c.Verify(before, after, "/dev/vg/"+lvs[0], "/dev/vg/"+lvs[1]), what)
	}
	verify("first", before, after, "a1", "b1")
	before2, after2 := step("second snapshots", snapshots("a2", "b2"))
	verify("first again", before, after, "a1", "b1")
	verify("second", before2, after2, "a2", "b2")
	step("extend a cow store", func(tx *Tx) error { return tx.ExtendLV("a1", ExtendSpec{By: ExactSize(4 * MiB)}) })
	step("rename an origin", func(tx *Tx) error { return tx.RenameLV("a", "alpha") })
	step("rename a snapshot", func(tx *Tx) error { return tx.RenameLV("a2", "alpha-2") })
	verify("second under another name", before2, after2, "alpha-2", "b2")
	step("refresh", func(tx *Tx) error { return tx.Refresh("alpha") })
	step("remove a snapshot", func(tx *Tx) error { return tx.RemoveLV("a1") })
	verify("second after a removal", before2, after2, "alpha-2", "b2")
	step("remove the last snapshot", func(tx *Tx) error { return tx.RemoveLV("alpha-2") })
	step("remove both of one", func(tx *Tx) error {
		if err := tx.RemoveLV("b1"); err != nil {
			return err
		}
		return tx.RemoveLV("b2")
	})
	stop()
	out, err := exec.Command("dmsetup", "ls").CombinedOutput()
	require.NoError(t, err)
	assert.NotContains(t, string(out), "-real")
	assert.NotContains(t, string(out), "-cow")
	umltest.Run(t, "vgck", "vg")
	r.update(func(tx *Tx) error { return tx.DeactivateAll() })
	_, err = r.sys.Recover(context.Background())
	require.NoError(t, err)
}

// mergeEnd waits until the kernel has merged all.
func mergeEnd(t *testing.T, sys *System, origin string) {
	t.Helper()
	for range 3000 {
		_, lines, err := sys.kernel.TargetStatus(dm.ByName("vg-"+origin), dm.QueryOptions{NoFlush: true})
		require.NoError(t, err)
		status, err := dm.ParseSnapshotStatus(lines[0].Status)
		require.NoError(t, err)
		if status.Merged() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("merge does not end")
}

// A merge goes on while the origin is written to, which then is what the
// snapshot was, but for what was written since.
func TestKernelMergeUnderLoad(t *testing.T) {
	t.Run("when nobody has it open", func(t *testing.T) { mergeUnderLoad(t, false) })
	t.Run("at the next activation, beside another snapshot", func(t *testing.T) { mergeUnderLoad(t, true) })
}

func mergeUnderLoad(t *testing.T, siblings bool) {
	r, _ := kernelGroup(t, 2, func(tx *Tx) error {
		_, err := tx.CreateLV(LVSpec{Name: "a", Size: ExactSize(16 * MiB)})
		return err
	})
	c, stop := r.busyVolumes(1, "a")
	c.Progress(20)
	before := c.State()
	r.update(func(tx *Tx) error {
		_, err := tx.CreateSnapshot("a", SnapshotSpec{Name: "s", Size: ExactSize(12 * MiB)})
		return err
	})
	after := c.State()
	c.Progress(50)
	var late [2]iocheck.State
	if siblings {
		late[0] = c.State()
		r.update(func(tx *Tx) error {
			_, err := tx.CreateSnapshot("a", SnapshotSpec{Name: "late", Size: ExactSize(12 * MiB)})
			return err
		})
		late[1] = c.State()
		c.Progress(50)
	}

	// As long as the origin is open, the merge waits.
	r.update(func(tx *Tx) error { return tx.MergeSnapshot("s") })
	require.Equal(t, "snapshot-origin", liveTarget(t, "vg-a"))
	r.update(func(tx *Tx) error { return tx.Refresh("a") })
	require.Equal(t, "snapshot-origin", liveTarget(t, "vg-a"))
	assert.NoError(t, c.Verify(before, after, "/dev/mapper/vg-s"))
	stop()
	if siblings { // it begins when the origin is activated
		r.update(func(tx *Tx) error { return tx.DeactivateAll() })
		r.update(func(tx *Tx) error { return tx.ActivateAll() })
	} else {
		r.update(func(tx *Tx) error {
			lv, _, err := tx.lvFor("a")
			tx.want(lv.ID, wish{merge: true})
			return err
		})
	}
	require.Equal(t, "snapshot-merge", liveTarget(t, "vg-a"))
	require.Equal(t, "error", liveTarget(t, "vg-s"))
	require.Empty(t, suspendedDevices(t))

	// The test writes to another part while that goes on.
	other, err := iocheck.Start(iocheck.Options{Seed: 2, Offset: 4 << 20, Length: 2 << 20, Pause: time.Millisecond}, "/dev/vg/a")
	require.NoError(t, err)
	other.Progress(20)
	assert.NoError(t, c.Verify(before, after, "/dev/vg/a"), "while it is merged")
	mergeEnd(t, r.sys, "a")
	other.Progress(20)
	r.update(func(tx *Tx) error { return tx.FinishMerge("a") })
	other.Progress(20)
	result, err := other.Stop()
	require.NoError(t, err)
	t.Logf("during the merge: %s", result)
	assert.NoError(t, c.Verify(before, after, "/dev/vg/a"), "when it is merged")
	require.Empty(t, suspendedDevices(t))
	if siblings {
		assert.NoError(t, c.Verify(late[0], late[1], "/dev/vg/late"))
		r.update(func(tx *Tx) error { return tx.RemoveLV("late") })
	}
	assert.Equal(t, "linear", liveTarget(t, "vg-a"))
	devices := deviceNames(t)
	assert.Equal(t, []string{"vg-a"}, devices)
	umltest.Run(t, "vgck", "vg")
}

// deviceNames returns the names of all devices.
func deviceNames(t *testing.T) []string {
	t.Helper()
	out, err := exec.Command("dmsetup", "ls").Output()
	require.NoError(t, err)
	var names []string
	for _, line := range strings.Split(strings.TrimSpace(string(out)), "\n") {
		name, _, _ := strings.Cut(line, "\t")
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// liveTarget returns the type of a device's first target.
func liveTarget(t *testing.T, name string) string {
	t.Helper()
	out, err := exec.Command("dmsetup", "table", name).Output()
	require.NoError(t, err)
	f := strings.Fields(string(out))
	require.Greater(t, len(f), 2, name)
	return f[2]
}

// A snapshot whose store is full is lost, and says so. Its origin goes on, and it
// can be removed, also when it comes up lost.
func TestKernelSnapshotOverflows(t *testing.T) {
	r, _ := kernelGroup(t, 2, func(tx *Tx) error {
		if _, err := tx.CreateLV(LVSpec{Name: "a", Size: ExactSize(16 * MiB)}); err != nil {
			return err
		}
		_, err := tx.CreateSnapshot("a", SnapshotSpec{Name: "s", Size: ExactSize(4 * MiB)})
		return err
	})
	r.update(func(tx *Tx) error {
		_, err := tx.CreateSnapshot("a", SnapshotSpec{Name: "large", Size: ExactSize(20 * MiB)})
		return err
	})
	usage := func(lv string) SnapshotUsage {
		vg, err := r.sys.VG(context.Background(), "vg")
		require.NoError(t, err)
		l, err := vg.LV(lv)
		require.NoError(t, err)
		u, err := l.SnapshotUsage()
		if u.State != dm.SnapshotValid {
			require.ErrorIs(t, err, ErrSnapshotInvalid)
			return u
		}
		require.NoError(t, err)
		return u
	}
	require.Equal(t, dm.SnapshotValid, usage("s").State)
	c, err := iocheck.Start(iocheck.Options{Seed: 1, Length: 10 << 20}, "/dev/vg/a") // writes all of that
	require.NoError(t, err)
	c.Progress(100)
	require.Equal(t, dm.SnapshotInvalid, usage("s").State)
	require.Equal(t, dm.SnapshotValid, usage("large").State)

	lost := func(err error) {
		t.Helper()
		require.ErrorIs(t, err, ErrSnapshotInvalid)
	}
	ctx := context.Background()
	lost(r.sys.Update(ctx, "vg", func(tx *Tx) error { return tx.MergeSnapshot("s") }))
	out, err := exec.Command("lvm", "lvs", "--noheadings", "-o", "lv_attr,lv_snapshot_invalid", "vg/s").CombinedOutput()
	require.NoError(t, err, "%s", out)
	assert.Contains(t, string(out), "snapshot invalid")
	assert.Contains(t, string(out), "swi-I-s---")

	// It stays lost when it is activated again.
	result, err := c.Stop()
	require.NoError(t, err)
	t.Logf("over the overflow: %s", result)
	r.update(func(tx *Tx) error { return tx.DeactivateAll() })
	r.update(func(tx *Tx) error { return tx.ActivateAll() })
	require.Equal(t, dm.SnapshotInvalid, usage("s").State)
	require.Equal(t, dm.SnapshotValid, usage("large").State)

	c, stop := r.busyVolumes(2, "a")
	c.Progress(10)
	r.update(func(tx *Tx) error { return tx.RemoveLV("s") })
	c.Progress(10)
	stop()
	require.Empty(t, suspendedDevices(t))
	assert.Equal(t, []string{"vg-a", "vg-a-real", "vg-large", "vg-large-cow"}, deviceNames(t))
	umltest.Run(t, "vgck", "vg")
}
