package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm"
	"github.com/lvm-go/lvm/internal/exampletest"
	"github.com/lvm-go/lvm/internal/umltest"
)

func TestMain(m *testing.M) { os.Exit(umltest.Main(m)) }

func TestBackupPrintsWhatItsHeaderShows(t *testing.T) {
	times := regexp.MustCompile(`frozen for [0-9.]+(µs|ms|s)`)
	assert.Equal(t, exampletest.Shown(t), times.ReplaceAllString(exampletest.Output(t, run), "frozen for 1ms"))
}

// group is a group with the volumes home and db on the file disk.img, in a
// folder of its own, and what they must hold.
type group struct {
	t    *testing.T
	want map[string][]byte
	out  strings.Builder
}

const volumeSize = 16 << 20

func newGroup(t *testing.T) *group {
	exampletest.Folder(t)
	g := &group{t: t, want: map[string][]byte{"home": make([]byte, volumeSize), "db": make([]byte, volumeSize)}}
	require.NoError(t, os.WriteFile("disk.img", nil, 0o600))
	require.NoError(t, os.Truncate("disk.img", 100<<20))
	g.update(func(tx *lvm.Tx) error {
		if err := tx.CreateVG(lvm.VGSpec{PVs: []string{"disk.img"}}); err != nil {
			return err
		}
		for name := range g.want {
			if _, err := tx.CreateLV(lvm.LVSpec{Name: name, Size: lvm.ExactSize(volumeSize)}); err != nil {
				return err
			}
		}
		return nil
	})
	return g
}

func (g *group) with(fn func(*lvm.System)) {
	sys, err := open(context.Background(), false, []string{"disk.img"})
	require.NoError(g.t, err)
	defer sys.Close()
	fn(sys)
}

func (g *group) update(fn func(*lvm.Tx) error) {
	g.t.Helper()
	g.with(func(sys *lvm.System) { require.NoError(g.t, sys.Update(context.Background(), "vg0", fn)) })
}

// snapshots returns the names of the snapshots that are there.
func (g *group) snapshots() (names []string) {
	g.with(func(sys *lvm.System) {
		vg, err := sys.VG(context.Background(), "vg0")
		require.NoError(g.t, err)
		for lv := range vg.LVs() {
			if lv.IsSnapshot() {
				names = append(names, lv.Name())
			}
		}
	})
	return names
}

// write writes some bytes, all of that value.
func (g *group) write(name string, value byte, off, length int) {
	g.t.Helper()
	g.with(func(sys *lvm.System) {
		vg, err := sys.VG(context.Background(), "vg0")
		require.NoError(g.t, err)
		lv, err := vg.LV(name)
		require.NoError(g.t, err)
		f, err := lv.Open()
		require.NoError(g.t, err)
		defer f.Close()
		data := bytes.Repeat([]byte{value}, length)
		_, err = f.WriteAt(data, int64(off))
		require.NoError(g.t, err)
		copy(g.want[name][off:], data)
	})
}

// backUp returns what is said.
func (g *group) backUp(args ...string) string {
	g.t.Helper()
	out, err := g.try(context.Background(), args...)
	require.NoError(g.t, err)
	return out
}

func (g *group) try(ctx context.Context, args ...string) (string, error) {
	var out strings.Builder
	err := run(ctx, &out, append(args, "-to", "backups", "-vg", "vg0", "disk.img"))
	return out.String(), err
}

// restored restores into a folder, and compares with what the volumes hold.
func (g *group) restored(want map[string][]byte, args ...string) {
	g.t.Helper()
	dir := g.t.TempDir()
	require.NoError(g.t, run(context.Background(), &g.out, append(args, "-restore", "backups", "-out", dir)))
	for name, want := range want {
		got, err := os.ReadFile(filepath.Join(dir, name+".img"))
		require.NoError(g.t, err)
		assert.True(g.t, bytes.Equal(want, got), name)
	}
	left, err := os.ReadDir(dir)
	require.NoError(g.t, err)
	assert.Len(g.t, left, len(want))
}

func TestBackupsGoOnFromEachOther(t *testing.T) {
	g := newGroup(t)
	g.write("home", 'a', 1<<20, 3<<20)
	assert.Contains(t, g.backUp(), "home: 3 MiB\n")
	g.restored(g.want)
	first := map[string][]byte{"home": bytes.Clone(g.want["home"]), "db": bytes.Clone(g.want["db"])}

	g.write("home", 'b', 2<<20+17, 100)
	g.write("home", 'c', volumeSize-1, 1)
	out := g.backUp()
	assert.Contains(t, out, "home: 128 KiB changed since the last backup\n")
	assert.Contains(t, out, "db: 0 B changed since the last backup\n")
	g.restored(g.want)
	assert.ElementsMatch(t, []string{"home.backup2", "db.backup2"}, g.snapshots())

	g.write("home", 0, 1<<20, 1<<20) // zeroes are a change as any other
	g.write("db", 'd', 5<<20, 10)
	out = g.backUp("-lv", "home")
	assert.Contains(t, out, "home: 1 MiB changed since the last backup\n")
	assert.NotContains(t, out, "db:")
	g.restored(map[string][]byte{"home": g.want["home"]})
	assert.ElementsMatch(t, []string{"home.backup3", "db.backup2"}, g.snapshots())

	assert.Contains(t, g.backUp(), "db: 64 KiB changed since the last backup\n", "over a backup without it")
	g.restored(g.want)
	g.restored(first, "-at", "1")

	assert.Contains(t, g.backUp("-full"), "home: 2.06 MiB\n")
	for _, old := range []string{"vg0.1", "vg0.2", "vg0.3", "vg0.4"} {
		require.NoError(t, os.Remove(filepath.Join("backups", old+extension)))
	}
	g.restored(g.want)
}

func TestBackupIsWholeAgainIfChangesAreNotKnown(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(g *group)
		out    string
	}{
		{"a volume grew", func(g *group) {
			g.update(func(tx *lvm.Tx) error { return tx.ExtendLV("home", lvm.ExtendSpec{By: lvm.ExtentCount(1)}) })
			g.want["home"] = append(g.want["home"], make([]byte, 4<<20)...)
		}, "home: 1 MiB\n"},
		{"its snapshot is full", func(g *group) { g.write("home", 'x', 8<<20, 8<<20) },
			"home: more was changed than home.backup1 has room for.\n"},
		{"its snapshot is gone", func(g *group) {
			g.update(func(tx *lvm.Tx) error { return tx.RemoveLV("home.backup1") })
		}, "home: 1 MiB\n"},
		{"what the last backup goes on from is gone", func(g *group) {
			g.backUp()
			require.NoError(g.t, os.Remove(filepath.Join("backups", "vg0.1"+extension)))
		}, "home: 1 MiB\n"},
		{"the file of the backup is gone", func(g *group) { require.NoError(g.t, os.RemoveAll("backups")) }, "home: 1 MiB\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := newGroup(t)
			g.write("home", 'a', 0, 1<<20)
			g.backUp()
			c.change(g)
			out := g.backUp()
			assert.Contains(t, out, c.out)
			assert.NotContains(t, out, "home: 0 B")
			g.restored(g.want)
			assert.Len(t, g.snapshots(), 2)
		})
	}
}

func TestBackupThatIsInterrupted(t *testing.T) {
	g := newGroup(t)
	g.write("home", 'a', 0, 1<<20)
	g.backUp()
	before := g.snapshots()
	g.write("home", 'b', 8<<20, 1<<20)

	ctx, cancel := context.WithCancel(context.Background())
	err := run(ctx, cancelOn{&g.out, "Snapshots", cancel}, []string{"-to", "backups", "-vg", "vg0", "disk.img"})
	require.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, before, g.snapshots())
	left, err := os.ReadDir("backups")
	require.NoError(t, err)
	assert.Len(t, left, 1)

	// Killed where it would do the most harm: with its snapshots, and half a file.
	g.update(func(tx *lvm.Tx) error {
		for _, name := range []string{"home", "db"} {
			_, err := tx.CreateSnapshot(name, lvm.SnapshotSpec{Name: name + ".backup2", Size: lvm.PercentOrigin(20), Tags: []string{tag}})
			if err != nil {
				return err
			}
		}
		_, err := tx.CreateSnapshot("db", lvm.SnapshotSpec{Name: "mine", Size: lvm.PercentOrigin(20)})
		return err
	})
	require.NoError(t, os.WriteFile(filepath.Join("backups", "vg0.2.backup.part"), []byte("half"), 0o600))
	assert.Contains(t, g.backUp(), "home: 1 MiB changed since the last backup\n")
	assert.ElementsMatch(t, []string{"home.backup2", "db.backup2", "mine"}, g.snapshots())
	g.restored(g.want)
}

func TestBackupHooks(t *testing.T) {
	if _, err := os.Stat("/bin/sh"); err != nil {
		return // this is about its commands
	}
	g := newGroup(t)
	out := g.backUp("-freeze", "echo rests; touch freeze", "-thaw", "echo goes on; rm freeze")
	assert.Less(t, strings.Index(out, "rests"), strings.Index(out, "goes on"))
	assert.NoFileExists(t, "freeze")

	before := g.snapshots()
	out, err := g.try(context.Background(), "-freeze", "exit 3", "-thaw", "echo goes on")
	require.ErrorContains(t, err, "exit status 3")
	assert.Equal(t, "goes on\n", out)
	assert.Equal(t, before, g.snapshots(), "nothing was done")
}

func TestRestoreTakesNothingThatIsDamaged(t *testing.T) {
	g := newGroup(t)
	g.write("home", 'a', 0, 1<<20)
	g.backUp()
	path := filepath.Join("backups", "vg0.1"+extension)
	good, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.Mkdir("out", 0o700))
	head := bytes.IndexByte(good[len(magic):], '\n') + len(magic) + 1
	edited := func(fn func([]byte)) []byte {
		b := bytes.Clone(good)
		fn(b)
		return b
	}
	signed := func(b []byte) []byte {
		sum := sha256.Sum256(b)
		return append(b, sum[:]...)
	}
	ranges := func(numbers ...uint64) []byte {
		b := bytes.Clone(good[:head])
		for _, n := range numbers {
			b = binary.BigEndian.AppendUint64(b, n)
		}
		return signed(b)
	}
	for name, bad := range map[string][]byte{
		"data":          edited(func(b []byte) { b[len(b)/2] ^= 1 }),
		"sum":           edited(func(b []byte) { b[len(b)-1] ^= 1 }),
		"magic":         edited(func(b []byte) { b[3] ^= 1 }),
		"header":        edited(func(b []byte) { b[len(magic)] = '[' }),
		"cut":           good[:len(good)/2],
		"cut in header": good[:head-5],
		"longer":        append(bytes.Clone(good), 0),
		"empty":         {},
		"range behind":  ranges(volumeSize, 1, 0, 0, 0, 0),
		"range too big": ranges(0, 1<<63, 0, 0, 0, 0),
		"overflow":      ranges(1<<63, 1<<63, 0, 0, 0, 0),
		"backwards":     signed(append(bytes.Clone(good[:head]), twoRanges...)),
		"path":          signed(append(bytes.Replace(good[:head], []byte(`"home"`), []byte(`"../x"`), 1), make([]byte, 32)...)),
		"size":          signed(append(bytes.Replace(good[:head], []byte(`16777216`), []byte(`9999999999999999999`), 2), make([]byte, 32)...)),
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, os.WriteFile(path, bad, 0o600))
			err := run(context.Background(), &g.out, []string{"-restore", "backups", "-out", "out"})
			require.ErrorIs(t, err, errDamaged)
			left, err := os.ReadDir("out")
			require.NoError(t, err)
			assert.Empty(t, left)
		})
	}
	require.NoError(t, os.WriteFile(path, good, 0o600))
	g.restored(g.want)
}

// twoRanges are a byte at 10 and, behind it, one at 5, of the first volume.
var twoRanges = []byte{
	0, 0, 0, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0, 0, 0, 1, 'x',
	0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 1, 'y',
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
}

func TestRestoreRefuses(t *testing.T) {
	g := newGroup(t)
	g.backUp()
	g.backUp()
	restore := func(args ...string) error {
		return run(context.Background(), &g.out, append(args, "-restore", "backups"))
	}
	require.ErrorIs(t, restore("-at", "3"), os.ErrNotExist)
	require.NoError(t, os.WriteFile("db.img", []byte("mine"), 0o600))
	require.ErrorIs(t, restore(), os.ErrExist)
	mine, err := os.ReadFile("db.img")
	require.NoError(t, err)
	assert.Equal(t, "mine", string(mine))
	assert.NoFileExists(t, "home.img")

	require.NoError(t, os.Remove("db.img"))
	require.NoError(t, os.Remove(filepath.Join("backups", "vg0.1"+extension)))
	require.ErrorIs(t, restore(), os.ErrNotExist)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	g.backUp("-full")
	require.ErrorIs(t, run(ctx, &g.out, []string{"-restore", "backups"}), context.Canceled)
	for _, pattern := range []string{"*.part", "home.img", "db.img"} {
		found, err := filepath.Glob(pattern)
		require.NoError(t, err)
		assert.Empty(t, found)
	}
}

func TestBackupUsage(t *testing.T) {
	for _, args := range [][]string{{"-vg", "vg0"}, {"-to", "a", "-vg", "vg0"}, {"a"}, {"-h"}, {"-files", "-to", "a", "-vg", "vg0", "b"}} {
		var out strings.Builder
		require.NoError(t, run(context.Background(), &out, args))
		assert.Contains(t, out.String(), "-vg")
	}
	exampletest.Folder(t)
	require.NoError(t, os.Mkdir("a", 0o700))
	assert.Error(t, run(context.Background(), &strings.Builder{}, []string{"-none"}))
	assert.ErrorIs(t, run(context.Background(), &strings.Builder{}, []string{"-vg", "none", "-to", "a", "b"}), os.ErrNotExist)
	assert.ErrorIs(t, run(context.Background(), &strings.Builder{}, []string{"-restore", "a"}), os.ErrNotExist)
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
