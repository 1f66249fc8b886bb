package lvm

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/umltest"
)

// held is what a process and its kernel hold that must not become more.
type held struct {
	files, goroutines        int
	devices, loops, sems     int
	nodes, lockFiles, mounts int
}

func whatIsHeld(t *testing.T) held {
	entries := func(dir, pattern string) int {
		found, err := filepath.Glob(filepath.Join(dir, pattern))
		require.NoError(t, err)
		return len(found)
	}
	lines := func(path string) int {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		return strings.Count(string(text), "\n")
	}
	return held{
		files: entries("/proc/self/fd", "*"), goroutines: runtime.NumGoroutine(),
		devices: entries("/sys/block", "dm-*"), loops: entries("/sys/block", "loop*/loop"), sems: lines("/proc/sysvipc/sem"),
		nodes: entries("/dev/mapper", "*"), lockFiles: entries(lvm2LockDir, "*"), mounts: lines("/proc/self/mounts"),
	}
}

// One process makes, changes and removes volumes again and again: it does not hold more of
// anything at the end than at the beginning.
func TestKernelNothingLeaks(t *testing.T) {
	rounds := 8
	if everything() {
		rounds = 500
	}
	_, sys := kernelGroup(t, 2, nil)
	round := func() {
		update(t, sys, "vg", create(LVSpec{Name: "lv", Size: ExtentCount(2)}))
		update(t, sys, "vg", func(tx *Tx) error { return tx.ExtendLV("lv", ExtendSpec{By: ExtentCount(1)}) })
		update(t, sys, "vg", func(tx *Tx) error { return tx.addSnapshot("lv", "snap", 1) })
		require.Error(t, sys.Update(t.Context(), "vg", create(LVSpec{Name: "lv", Size: ExtentCount(1)})))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.ErrorIs(t, sys.Update(ctx, "vg", (*Tx).DeactivateAll), context.Canceled)
		update(t, sys, "vg", func(tx *Tx) error { return tx.RemoveLVWith("lv", RemoveSpec{Snapshots: true}) })
		_, err := sys.Recover(t.Context())
		require.NoError(t, err)
	}
	round() // opens what stays open
	before, heap := whatIsHeld(t), heapInUse()
	for range rounds {
		round()
	}
	after := whatIsHeld(t)
	after.files = max(after.files, before.files) // the collector may have closed what another test left
	assert.Equal(t, before, after)
	assert.Less(t, heapInUse(), heap+8<<20)
}

// Where there is no room for the archive of the old text nothing is changed; where there
// is none for the backup of the new one, the change holds and the error says so. The
// backup that there was stays as it was.
func TestKernelBackupsWithoutRoom(t *testing.T) {
	r, _ := kernelGroup(t, 2, nil)
	dirs := map[string]string{}
	for _, name := range []string{"backup", "archive"} {
		dirs[name] = t.TempDir()
		umltest.Run(t, "mount", "-t", "tmpfs", "-o", "size=64k", "none", dirs[name])
		t.Cleanup(func() { umltest.Run(t, "umount", dirs[name]) })
	}
	fill := func(name string) {
		f, err := os.Create(filepath.Join(dirs[name], "full"))
		require.NoError(t, err)
		for err == nil {
			_, err = f.Write(make([]byte, 4096))
		}
		require.NoError(t, f.Close())
	}
	sys := mustOpen(t, Config{Devices: r.dev, BackupDir: dirs["backup"], ArchiveDir: dirs["archive"]})
	update(t, sys, "vg", create(LVSpec{Name: "one", Size: ExtentCount(1)}))
	was, err := os.ReadFile(filepath.Join(dirs["backup"], "vg"))
	require.NoError(t, err)

	fill("backup")
	seqno := r.seqno()
	err = sys.Update(t.Context(), "vg", create(LVSpec{Name: "two", Size: ExtentCount(1)}))
	var applied *ApplyError
	require.ErrorAs(t, err, &applied)
	assert.True(t, applied.Committed, "%v", err)
	assert.Equal(t, seqno+1, r.seqno())
	require.Error(t, sys.Backup(t.Context(), "vg"))
	now, err := os.ReadFile(filepath.Join(dirs["backup"], "vg"))
	require.NoError(t, err)
	assert.Equal(t, string(was), string(now))

	fill("archive")
	state := r.state()
	err = sys.Update(t.Context(), "vg", create(LVSpec{Name: "three", Size: ExtentCount(1)}))
	require.ErrorAs(t, err, &applied)
	assert.False(t, applied.Committed, "%v", err)
	assert.Empty(t, applied.Undo)
	assert.Equal(t, state, r.state())
	for name, dir := range dirs {
		files, err := os.ReadDir(dir)
		require.NoError(t, err)
		for _, f := range files {
			assert.False(t, strings.HasSuffix(f.Name(), ".tmp") || strings.HasPrefix(f.Name(), "."), "%s of %s stays", f.Name(), name)
			if f.Name() == "full" {
				continue
			}
			info, err := f.Info()
			require.NoError(t, err)
			assert.Positive(t, info.Size(), "%s", f.Name())
		}
	}

	for name, dir := range dirs {
		require.NoError(t, os.Remove(filepath.Join(dir, "full")), name)
	}
	require.NoError(t, sys.Backup(t.Context(), "vg"))
	update(t, sys, "vg", create(LVSpec{Name: "three", Size: ExtentCount(1)}))
	backups, err := sys.Backups("vg")
	require.NoError(t, err)
	assert.Equal(t, r.seqno(), backups[len(backups)-1].Seqno, fmt.Sprint(backups))
}
