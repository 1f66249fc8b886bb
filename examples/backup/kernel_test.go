package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm"
	"github.com/lvm-go/lvm/internal/umltest"
	"github.com/lvm-go/lvm/internal/umltest/guest"
)

// TestKernelBackup backs up two file systems while a program writes each of its
// records to the one and then to the other. Nobody holds it: the instant alone
// has to make that what is in the second is in the first, too.
func TestKernelBackup(t *testing.T) {
	umltest.NeedKernel(t)
	for _, tool := range []string{"mkfs.ext4", "e2fsck", "mount", "umount", "tar", "dmsetup", "cmp"} {
		umltest.NeedTool(t, tool)
	}
	disks := kernelGroup(t)
	p := program{}
	for _, name := range []string{"first", "second"} {
		umltest.Run(t, "mkfs.ext4", "-q", "/dev/vg0/"+name)
		p.dirs = append(p.dirs, mount(t, "/dev/vg0/"+name))
	}
	p.start(t)
	p.wait(t)
	leaveBehind(t, disks)
	dir := scratch(t)
	var out strings.Builder
	backUp := func(args ...string) {
		t.Helper()
		args = append(args, "-kernel", "-to", dir, "-vg", "vg0", "-space", "60")
		require.NoError(t, run(context.Background(), &out, append(args, disks...)))
	}
	taken := []int64{p.written.Load()}
	backUp()
	for range 2 {
		taken = append(taken, p.wait(t))
		backUp()
	}
	ctx, cancel := context.WithCancel(context.Background())
	err := run(ctx, cancelOn{&out, "first:", cancel}, append([]string{"-kernel", "-to", dir, "-vg", "vg0"}, disks...))
	require.ErrorIs(t, err, context.Canceled)
	assert.NotContains(t, umltest.Run(t, "dmsetup", "ls"), "backup4")
	p.wait(t)
	backUp("-files")
	p.stop(t)
	t.Log("\n" + out.String())
	assert.Regexp(t, `Snapshots of first, second at one instant: frozen for [0-9.]+m?s, devices suspended for [0-9.]+m?s\.`, out.String())
	assert.Equal(t, 5, strings.Count(out.String(), "changed since the last backup"))

	for i, least := range taken {
		number := fmt.Sprint(i + 1)
		to := filepath.Join(dir, number)
		require.NoError(t, os.Mkdir(to, 0o700))
		require.NoError(t, run(context.Background(), &out, []string{"-restore", dir, "-out", to, "-at", number}))
		var have []int64
		for _, name := range []string{"first", "second"} {
			image := filepath.Join(to, name+".img")
			if i == 2 {
				umltest.Run(t, "cmp", image, "/dev/vg0/"+name+".backup3")
			}
			umltest.Run(t, "e2fsck", "-fn", image)
			have = append(have, p.records(t, mount(t, image)))
		}
		assert.GreaterOrEqual(t, have[1], least)
		assert.LessOrEqual(t, have[1], have[0])
		assert.LessOrEqual(t, have[0], have[1]+1)
	}
	for _, name := range []string{"first", "second"} {
		to := scratch(t)
		umltest.Run(t, "tar", "-xf", filepath.Join(dir, name+".tar"), "-C", to)
		assert.GreaterOrEqual(t, p.records(t, to), taken[2])
	}
	assert.NotContains(t, umltest.Run(t, "dmsetup", "ls"), "backup4")
}

// kernelGroup makes a group with the volumes first and second, and returns its
// devices.
func kernelGroup(t *testing.T) []string {
	t.Helper()
	var disks []string
	for range 2 {
		device, _ := umltest.Loop(t, 128<<20)
		disks = append(disks, device)
	}
	ctx := context.Background()
	sys, err := open(ctx, true, disks)
	require.NoError(t, err)
	t.Cleanup(func() {
		assert.NoError(t, sys.Update(ctx, "vg0", func(tx *lvm.Tx) error { return tx.DeactivateAll() }))
		assert.Equal(t, "No devices found\n", umltest.Run(t, "dmsetup", "ls"))
		assert.NoError(t, sys.Close())
	})
	require.NoError(t, sys.Update(ctx, "vg0", func(tx *lvm.Tx) error {
		if err := tx.CreateVG(lvm.VGSpec{PVs: disks}); err != nil {
			return err
		}
		for i, name := range []string{"first", "second"} {
			_, err := tx.CreateLV(lvm.LVSpec{Name: name, Size: lvm.ExactSize(48 * lvm.MiB), Stripes: i + 1})
			if err != nil {
				return err
			}
		}
		return nil
	}))
	return disks
}

// leaveBehind leaves what a backup does that is killed before its commit: a
// suspended volume, and a device without a table of the name that the next one
// needs.
func leaveBehind(t *testing.T, disks []string) {
	t.Helper()
	sys, err := open(context.Background(), true, disks)
	require.NoError(t, err)
	defer sys.Close()
	vg, err := sys.VG(context.Background(), "vg0")
	require.NoError(t, err)
	uuid := "LVM-" + vg.ID().Compact() + strings.Repeat("x", 32) + "-cow"
	umltest.Run(t, "dmsetup", "create", "vg0-first.backup1-cow", "--notable", "-u", uuid)
	umltest.Run(t, "dmsetup", "suspend", "vg0-second")
	t.Cleanup(func() { umltest.Run(t, "dmsetup", "resume", "vg0-second") }) // if it comes to that
}

// program writes files to one folder and then to the other.
type program struct {
	dirs    []string
	written atomic.Int64 // files that are in both
	err     error        // valid when it has ended
	end     func()
}

func (p *program) start(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	p.end = func() { cancel(); group.Wait() }
	t.Cleanup(p.end)
	group.Go(func() {
		for n := int64(1); ctx.Err() == nil && p.err == nil; n++ {
			for _, dir := range p.dirs {
				if p.err == nil {
					p.err = writeRecord(recordPath(dir, n), record(n))
				}
			}
			p.written.Store(n)
		}
	})
}

func (p *program) stop(t *testing.T) {
	p.end()
	require.NoError(t, p.err)
}

// wait waits until the program has gone on, and returns how far it is.
func (p *program) wait(t *testing.T) int64 {
	t.Helper()
	start := p.written.Load()
	require.Eventually(t, func() bool { return p.written.Load() >= start+20 }, time.Minute, 10*time.Millisecond)
	return p.written.Load()
}

// records returns how many records are in a folder, and fails if one is missing
// or wrong. Only the last one may be unfinished.
func (p *program) records(t *testing.T, dir string) int64 {
	t.Helper()
	for n := int64(1); ; n++ {
		data, err := os.ReadFile(recordPath(dir, n))
		if err == nil && bytes.Equal(data, record(n)) {
			continue
		}
		assert.NoFileExists(t, recordPath(dir, n+1))
		return n - 1
	}
}

func recordPath(dir string, n int64) string { return filepath.Join(dir, fmt.Sprintf("record%d", n)) }

func record(n int64) []byte { return bytes.Repeat([]byte{byte(n), byte(n >> 8)}, 5000) }

func writeRecord(path string, data []byte) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Write(data); err != nil {
		return err
	}
	return f.Sync()
}

// mount mounts a device or an image, to the end of the test.
func mount(t *testing.T, what string) string {
	t.Helper()
	dir := scratch(t)
	umltest.Run(t, "mount", what, dir)
	t.Cleanup(func() { umltest.Run(t, "umount", dir) })
	return dir
}

// scratch returns a folder in the guest's memory.
func scratch(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp(os.Getenv(guest.EnvScratch), "backup-")
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, os.RemoveAll(dir)) })
	return dir
}
