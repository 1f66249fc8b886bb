package main

import (
	"bytes"
	"context"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm"
	"github.com/lvm-go/lvm/internal/exampletest"
	"github.com/lvm-go/lvm/internal/umltest"
)

func TestMain(m *testing.M) { os.Exit(umltest.Main(m)) }

func TestVMClonePrintsWhatItsHeaderShows(t *testing.T) {
	assert.Equal(t, exampletest.Shown(t), exampletest.Output(t, run))
}

// newFarm makes a group with a golden image on the file disk.img, in a folder of
// its own.
func newFarm(t *testing.T) *farm {
	t.Helper()
	exampletest.Folder(t)
	require.NoError(t, os.WriteFile("disk.img", nil, 0o600))
	require.NoError(t, os.Truncate("disk.img", 200<<20))
	sys, err := open(context.Background(), false, []string{"disk.img"})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, sys.Close()) })
	f := &farm{out: &strings.Builder{}, sys: sys, vg: "vg0", golden: "golden", space: 20}
	_, err = f.makeGolden(context.Background(), "disk.img")
	require.NoError(t, err)
	return f
}

func (f *farm) names(t *testing.T) (names []string) {
	t.Helper()
	vg, err := f.sys.VG(context.Background(), f.vg)
	require.NoError(t, err)
	for lv := range vg.LVs() {
		if !lv.Hidden() {
			names = append(names, lv.Name())
		}
	}
	return names
}

// command runs the program on the same file.
func command(args ...string) (string, error) {
	var out strings.Builder
	err := run(context.Background(), &out, append(append([]string{"-vg", "vg0", "-golden", "golden"}, args...), "disk.img"))
	return out.String(), err
}

func TestClonesAreMadeAndRemoved(t *testing.T) {
	f := newFarm(t)
	out, err := command("-clone", "a,b", "-space", "10")
	require.NoError(t, err)
	assert.Equal(t, "NAME  SIZE    TAKES  OF\na     64 MiB  0 B    12 MiB\nb     64 MiB  0 B    12 MiB\n", out)
	_, err = command("-clone", "c,d") // golden is read-only by now
	require.NoError(t, err)

	_, err = command("-clone", "e,a,f")
	require.ErrorIs(t, err, lvm.ErrExists)
	assert.Equal(t, []string{"golden", "a", "b", "c", "d"}, f.names(t), "all or none")
	assert.ErrorIs(t, f.write(context.Background(), "golden", []byte("x")), lvm.ErrReadOnly)

	require.NoError(t, f.sys.Update(context.Background(), "vg0", func(tx *lvm.Tx) error {
		_, err := tx.CreateLV(lvm.LVSpec{Name: "other", Size: lvm.ExactSize(4 * lvm.MiB)})
		return err
	}))
	for _, wrong := range []string{"a,other", "a,golden"} {
		_, err = command("-remove", wrong)
		require.ErrorContains(t, err, "is no clone of golden")
	}
	_, err = command("-remove", "a,none")
	require.ErrorIs(t, err, lvm.ErrLVNotFound)
	out, err = command("-remove", "a,d")
	require.NoError(t, err)
	assert.Equal(t, "NAME  SIZE    TAKES  OF\nb     64 MiB  0 B    12 MiB\nc     64 MiB  0 B    20 MiB\n", out)
}

func TestCloneThatIsLost(t *testing.T) {
	f := newFarm(t)
	require.NoError(t, f.clone(context.Background(), []string{"a"}))
	require.NoError(t, f.sys.Update(context.Background(), "vg0", func(tx *lvm.Tx) error { return tx.SetLVReadOnly("golden", false) }))
	require.NoError(t, f.write(context.Background(), "golden", bytes.Repeat([]byte("x"), 32<<20)))
	out, err := command()
	require.NoError(t, err)
	assert.Contains(t, out, "a     64 MiB  lost   20 MiB\n")
}

func TestWatchGivesClonesSpace(t *testing.T) {
	f := newFarm(t)
	ctx, cancel := context.WithCancel(context.Background())
	require.NoError(t, f.clone(ctx, []string{"a"}))
	require.NoError(t, f.write(ctx, "a", bytes.Repeat([]byte("x"), 18<<20)))
	out := cancelOn{&strings.Builder{}, "now", cancel}
	f.out = out
	require.NoError(t, f.watch(ctx))
	assert.Contains(t, out.to.String(), "a: now 28 MiB\n")
}

func TestVMCloneUsage(t *testing.T) {
	for _, args := range [][]string{{"-vg", "vg0"}, {"-golden", "a"}, {"-vg", "a", "-golden", "b"}, {"a"}, {"-h"}} {
		var out strings.Builder
		require.NoError(t, run(context.Background(), &out, args))
		assert.Contains(t, out.String(), "-golden")
	}
	assert.Error(t, run(context.Background(), &strings.Builder{}, []string{"-none"}))
	exampletest.Folder(t)
	_, err := command("-clone", "a")
	assert.ErrorIs(t, err, os.ErrNotExist)
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
