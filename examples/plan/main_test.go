package main

import (
	"context"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm"
	"github.com/lvm-go/lvm/internal/exampletest"
)

func makeDisks(t *testing.T) []string {
	t.Helper()
	disks := []string{"disk1.img", "disk2.img"}
	for _, disk := range disks {
		require.NoError(t, os.WriteFile(disk, nil, 0o600))
		require.NoError(t, os.Truncate(disk, 32<<20))
	}
	return disks
}

// read returns the content of the disks.
func read(t *testing.T, disks []string) [][]byte {
	t.Helper()
	var out [][]byte
	for _, disk := range disks {
		content, err := os.ReadFile(disk)
		require.NoError(t, err)
		out = append(out, content)
	}
	return out
}

func TestPlanPrintsWhatItsHeaderShows(t *testing.T) {
	want := exampletest.Shown(t)
	exampletest.Folder(t)
	disks := makeDisks(t)
	before := read(t, disks)
	sys, err := lvm.Open(lvm.Config{Devices: disks, Kernel: lvm.KernelNone})
	require.NoError(t, err)
	defer sys.Close()

	var out strings.Builder
	args := func(more ...string) []string { return append(append([]string{"-vg", "vg0"}, more...), disks...) }
	require.NoError(t, run(context.Background(), &out, args("-create", "home", "-size", "20M")))
	assert.Contains(t, out.String(), "the label of pv")
	assert.Equal(t, before, read(t, disks), "nothing was written")

	require.NoError(t, sys.Update(context.Background(), "vg0", func(tx *lvm.Tx) error {
		return tx.CreateVG(lvm.VGSpec{PVs: disks})
	}))
	before = read(t, disks)
	out.Reset()
	require.NoError(t, run(context.Background(), &out, args("-create", "home", "-size", "20M", "-stripes", "2")))
	steps, diff, _ := strings.Cut(out.String(), "\n\n")
	// The host's name is in the metadata.
	length := regexp.MustCompile(`\d+ bytes of metadata`)
	assert.Equal(t, length.ReplaceAllString(want, "N"), length.ReplaceAllString(steps+"\n", "N"))
	assert.Contains(t, diff, "\n+\t\thome {\n")
	assert.Equal(t, before, read(t, disks))

	require.NoError(t, sys.Update(context.Background(), "vg0", func(tx *lvm.Tx) error {
		_, err := tx.CreateLV(lvm.LVSpec{Name: "home", Size: lvm.ExactSize(20 * lvm.MiB)})
		return err
	}))
	before = read(t, disks)
	out.Reset()
	require.NoError(t, run(context.Background(), &out, args("-extend", "home", "-size", "28M")))
	assert.Contains(t, out.String(), "extent_count = 7")
	out.Reset()
	require.NoError(t, run(context.Background(), &out, args("-remove", "home")))
	assert.Contains(t, out.String(), "\n-\t\thome {\n")
	assert.Equal(t, before, read(t, disks))
}

func TestPlanErrors(t *testing.T) {
	exampletest.Folder(t)
	disks := makeDisks(t)
	for _, c := range []struct {
		name string
		args []string
		want error
	}{
		{"size", []string{"-create", "home", "-size", "20X"}, lvm.ErrInvalidSize},
		{"no size", []string{"-create", "home"}, lvm.ErrInvalidSize},
		{"no space", []string{"-create", "home", "-size", "1T"}, lvm.ErrNoSpace},
		{"no such volume", []string{"-remove", "home"}, lvm.ErrNotFound},
	} {
		t.Run(c.name, func(t *testing.T) {
			args := append(append([]string{"-vg", "vg0"}, c.args...), disks...)
			assert.ErrorIs(t, run(context.Background(), new(strings.Builder), args), c.want)
		})
	}
}

func TestPlanWithoutAGroupSaysWhatItTakes(t *testing.T) {
	var out strings.Builder
	require.NoError(t, run(context.Background(), &out, nil))
	assert.True(t, strings.HasPrefix(out.String(), "usage: plan "))
}
