package main

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm"
	"github.com/lvm-go/lvm/internal/exampletest"
)

func TestReplaceDiskPrintsWhatItsHeaderShows(t *testing.T) {
	want := exampletest.Shown(t)
	exampletest.Folder(t)
	var out strings.Builder
	require.NoError(t, run(context.Background(), &out, []string{"-dir", "."}))
	assert.Equal(t, want, out.String())
}

func TestReplaceDiskGoesOn(t *testing.T) {
	exampletest.Folder(t)
	ctx := context.Background()
	old := []string{"disk1.img", "disk2.img"}
	for _, d := range append([]string{"new.img"}, old...) {
		require.NoError(t, os.WriteFile(d, nil, 0o600))
		require.NoError(t, os.Truncate(d, int64(160*lvm.MiB)))
	}
	var out strings.Builder
	before, err := makeGroup(ctx, &out, old)
	require.NoError(t, err)

	// Interrupted while the first volume is being copied.
	cut, cancel := context.WithCancel(ctx)
	err = run(cut, cancelOn{&out, "Added", cancel}, []string{"-vg", "vg0", "-to", "new.img", "disk1.img", "disk2.img"})
	require.ErrorIs(t, err, context.Canceled)
	now, err := sums(ctx, []string{"disk1.img", "disk2.img", "new.img"})
	require.NoError(t, err)
	for name, sum := range before {
		assert.Equal(t, sum, now[name], name)
	}

	require.NoError(t, run(ctx, &out, []string{"-vg", "vg0", "-to", "new.img", "disk1.img", "disk2.img"}))
	after, err := sums(ctx, []string{"new.img"})
	require.NoError(t, err)
	assert.Equal(t, before, after)
	require.NoError(t, run(ctx, &out, []string{"-vg", "vg0", "-to", "new.img", "disk1.img"}), "again")
}

func TestReplaceDiskUsage(t *testing.T) {
	for _, args := range [][]string{{"-vg", "vg0"}, {"-to", "a"}, {"a"}, {"-h"}} {
		var out strings.Builder
		require.NoError(t, run(context.Background(), &out, args))
		assert.Contains(t, out.String(), "-vg")
	}
	assert.Error(t, run(context.Background(), &strings.Builder{}, []string{"-none"}))
	assert.ErrorIs(t, run(context.Background(), &strings.Builder{}, []string{"-vg", "none", "-to", "a", "b"}), os.ErrNotExist)
}

// cancelOn cancels when something is printed.
type cancelOn struct {
	to     *strings.Builder
	word   string
	cancel func()
}

func (c cancelOn) Write(p []byte) (int, error) {
	if strings.Contains(string(p), c.word) {
		c.cancel()
	}
	return c.to.Write(p)
}
