package main

import (
	"context"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm"
	"github.com/lvm-go/lvm/internal/exampletest"
	"github.com/lvm-go/lvm/internal/umltest"
)

// child is the first argument of a process that is the example itself.
const child = "replace-disk"

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == child {
		os.Args = os.Args[1:]
		main()
		os.Exit(0)
	}
	os.Exit(umltest.Main(m))
}

func TestReplaceDiskPrintsWhatItsHeaderShows(t *testing.T) {
	want := exampletest.Shown(t)
	exampletest.Folder(t)
	var out strings.Builder
	require.NoError(t, run(context.Background(), &out, io.Discard, []string{"-dir", "."}))
	assert.Equal(t, want, out.String())
}

// images makes a group on two image files, and a third one of that size. It
// returns what the volumes hold.
func images(t *testing.T, size lvm.Bytes) map[string][]byte {
	t.Helper()
	exampletest.Folder(t)
	for disk, size := range map[string]lvm.Bytes{"disk1.img": 80 * lvm.MiB, "disk2.img": 80 * lvm.MiB, "new.img": size} {
		require.NoError(t, os.WriteFile(disk, nil, 0o600))
		require.NoError(t, os.Truncate(disk, int64(size)))
	}
	before, err := makeGroup(context.Background(), io.Discard, []string{"disk1.img", "disk2.img"})
	require.NoError(t, err)
	return before
}

func holds(t *testing.T, want map[string][]byte, disks ...string) {
	t.Helper()
	now, err := sums(context.Background(), disks)
	require.NoError(t, err)
	require.Equal(t, want, now)
}

// blank fails if a disk is a physical volume.
func blank(t *testing.T, disks ...string) {
	t.Helper()
	sys, err := lvm.Open(lvm.Config{Devices: disks, Kernel: lvm.KernelNone})
	require.NoError(t, err)
	defer sys.Close()
	found, err := sys.Scan(context.Background())
	require.NoError(t, err)
	require.ElementsMatch(t, disks, found.Blank)
}

// replaceUntil runs the example until something is in its progress.
func replaceUntil(t *testing.T, word string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	err := run(ctx, io.Discard, cancelOn{word, cancel}, args)
	require.ErrorIs(t, err, context.Canceled)
}

// cancelOn cancels when something is printed.
type cancelOn struct {
	word   string
	cancel func()
}

func (c cancelOn) Write(p []byte) (int, error) {
	if strings.Contains(string(p), c.word) {
		c.cancel()
	}
	return len(p), nil
}

func TestReplaceDiskGoesOn(t *testing.T) {
	before := images(t, 160*lvm.MiB)
	args := []string{"-vg", "vg0", "-to", "new.img", "disk1.img", "disk2.img"}
	for _, at := range []string{"disk1.img: 0 B", "disk1.img: 32 MiB", "disk2.img: 40 MiB"} {
		replaceUntil(t, at, args...)
		holds(t, before, "disk1.img", "disk2.img", "new.img")
	}
	var out strings.Builder
	require.NoError(t, run(context.Background(), &out, io.Discard, args))
	assert.Contains(t, out.String(), "Going on with disk2.img: 40 MiB of 60 MiB are moved.")
	holds(t, before, "new.img")
	blank(t, "disk1.img", "disk2.img")

	out.Reset()
	require.NoError(t, run(context.Background(), &out, io.Discard, args), "there is nothing left to do")
	assert.NotContains(t, out.String(), "Moved")
	holds(t, before, "new.img")
}

func TestReplaceDiskTakesItBack(t *testing.T) {
	args := []string{"-vg", "vg0", "-to", "new.img", "disk1.img", "disk2.img"}
	back := append([]string{"-abort"}, args...)
	for _, at := range []string{"disk1.img: 32 MiB", "disk2.img: 40 MiB"} {
		t.Run(at, func(t *testing.T) {
			before := images(t, 160*lvm.MiB)
			replaceUntil(t, at, args...)
			replaceUntil(t, "new.img: 8 MiB", back...)
			replaceUntil(t, "disk1.img: 4 MiB", args...)
			replaceUntil(t, "new.img: 4 MiB", back...)
			require.NoError(t, run(context.Background(), io.Discard, io.Discard, back))
			holds(t, before, "disk1.img", "disk2.img")
			blank(t, "new.img")
		})
	}
}

func TestReplaceDiskRefuses(t *testing.T) {
	t.Run("arguments", func(t *testing.T) {
		for _, args := range [][]string{{"-vg", "vg0"}, {"-to", "a"}, {"a"}, {"-none"}, {"-vg", "vg0", "-to", "a", "a"}, {"-rate", "much"}} {
			var log strings.Builder
			assert.Error(t, run(context.Background(), io.Discard, &log, args))
			assert.Contains(t, log.String(), "-vg")
		}
		assert.NoError(t, run(context.Background(), io.Discard, io.Discard, []string{"-h"}))
	})
	t.Run("disks that are not there", func(t *testing.T) {
		assert.ErrorIs(t, run(context.Background(), io.Discard, io.Discard, []string{"-vg", "vg0", "-to", "a", "b"}), os.ErrNotExist)
	})
	t.Run("a group that is not there", func(t *testing.T) {
		images(t, 80*lvm.MiB)
		args := []string{"-vg", "other", "-to", "new.img", "disk1.img", "disk2.img"}
		assert.ErrorIs(t, run(context.Background(), io.Discard, io.Discard, args), lvm.ErrNotFound)
	})
	t.Run("a disk that is too small", func(t *testing.T) {
		before := images(t, 136*lvm.MiB)
		args := []string{"-vg", "vg0", "-to", "new.img", "disk1.img", "disk2.img"}
		require.ErrorIs(t, run(context.Background(), io.Discard, io.Discard, args), lvm.ErrNoSpace)
		holds(t, before, "disk1.img", "disk2.img")
		blank(t, "new.img")
	})
}
