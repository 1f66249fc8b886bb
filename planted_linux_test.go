package lvm

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// victimText is in a file that somebody wants us to make, fill, empty or remove.
const victimText = "mine\n"

// traps are what somebody may put where a file of ours is expected.
var traps = []struct {
	name string
	set  func(t *testing.T, path, victim string)
}{
	{"link to a file", func(t *testing.T, path, victim string) { require.NoError(t, os.Symlink(victim, path)) }},
	{"link to nothing", func(t *testing.T, path, victim string) {
		require.NoError(t, os.Symlink(filepath.Join(filepath.Dir(victim), "made"), path))
	}},
	{"pipe", func(t *testing.T, path, _ string) { require.NoError(t, syscall.Mkfifo(path, 0o600)) }},
	{"directory", func(t *testing.T, path, _ string) { require.NoError(t, os.Mkdir(path, 0o700)) }},
}

// newVictim makes the file, and checks in the end that nothing happened to it and that
// nothing was made beside it.
func newVictim(t *testing.T) string {
	dir := t.TempDir()
	victim := filepath.Join(dir, "victim")
	require.NoError(t, os.WriteFile(victim, []byte(victimText), 0o640))
	t.Cleanup(func() {
		text, err := os.ReadFile(victim)
		assert.NoError(t, err)
		assert.Equal(t, victimText, string(text))
		info, err := os.Lstat(victim)
		assert.NoError(t, err)
		assert.Equal(t, fs.FileMode(0o640), info.Mode())
		entries, err := os.ReadDir(dir)
		assert.NoError(t, err)
		assert.Len(t, entries, 1)
	})
	return victim
}

// What is no regular file where we lock is refused, at once, and stays.
func TestPlantedLockFiles(t *testing.T) {
	t.Parallel()
	lock := func(name string) func(context.Context, string) (*heldLock, error) {
		return func(ctx context.Context, dir string) (*heldLock, error) { return newLocker(dir).lock(ctx, name, true) }
	}
	devicesLock := func(ctx context.Context, dir string) (*heldLock, error) {
		return lockDevicesFile(ctx, filepath.Join(dir, "D_system.devices"))
	}
	for _, test := range []struct {
		file string
		take func(context.Context, string) (*heldLock, error)
	}{
		{"V_vg0", lock("V_vg0")}, {"V_vg0:aux", lock("V_vg0")}, {"P_global", lock("P_global")},
		{"D_system.devices", devicesLock},
		{hintsFile, invalidateHints}, {noHintsFile, invalidateHints}, {newHintsFile, invalidateHints},
	} {
		for _, trap := range traps {
			t.Run(test.file+"/"+trap.name, func(t *testing.T) {
				t.Parallel()
				dir, victim := t.TempDir(), newVictim(t)
				path := filepath.Join(dir, test.file)
				trap.set(t, path, victim)
				planted, err := os.Lstat(path)
				require.NoError(t, err)
				_, err = test.take(within(t, lockPatience), dir)
				require.ErrorIs(t, err, ErrUntrusted)
				var refusal *LockError
				require.ErrorAs(t, err, &refusal)
				assert.Equal(t, path, refusal.Path)
				still, err := os.Lstat(path)
				if test.file == noHintsFile && os.IsNotExist(err) {
					return
				}
				require.NoError(t, err)
				assert.True(t, os.SameFile(planted, still))
			})
		}
	}
}

// A lock in a directory where everybody can remove it is none.
func TestPlantedLockDirectory(t *testing.T) {
	t.Parallel()
	for mode, good := range map[fs.FileMode]bool{
		0o777: false, 0o702: false, 0o777 | fs.ModeSticky: true, 0o700: true, 0o755: true, 0o775: true,
	} {
		for _, where := range []string{"locks", "link"} {
			dir := filepath.Join(t.TempDir(), "locks")
			require.NoError(t, os.Mkdir(dir, 0o700))
			require.NoError(t, os.Chmod(dir, mode))
			require.NoError(t, os.Symlink(dir, filepath.Join(filepath.Dir(dir), "link")))
			dir = filepath.Join(filepath.Dir(dir), where)
			held, err := newLocker(dir).lock(within(t, lockPatience), "V_vg0", true)
			if good {
				require.NoError(t, err, mode)
				require.NoError(t, held.unlock())
				continue
			}
			require.ErrorIs(t, err, ErrUntrusted, mode)
			_, err = lockDevicesFile(within(t, lockPatience), filepath.Join(dir, "D_x"))
			require.ErrorIs(t, err, ErrUntrusted, mode)
			_, err = invalidateHints(within(t, lockPatience), dir)
			require.ErrorIs(t, err, ErrUntrusted, mode)
			entries, err := os.ReadDir(dir)
			require.NoError(t, err)
			require.Empty(t, entries)
		}
	}
	for _, target := range []string{"file", "nothing"} {
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, "file"), nil, 0o600))
		require.NoError(t, os.Symlink(target, filepath.Join(dir, "locks")))
		_, err := newLocker(filepath.Join(dir, "locks")).lock(within(t, lockPatience), "V_vg0", true)
		require.Error(t, err, target)
		require.NoFileExists(t, filepath.Join(dir, "nothing"))
	}
}

// strangersFile is what the system says of a file of somebody else.
type strangersFile struct {
	fs.FileInfo
	uid uint32
}

func (f strangersFile) Sys() any { return &syscall.Stat_t{Uid: f.uid, Nlink: 1} }

func TestStrangeOwner(t *testing.T) {
	t.Parallel()
	me := uint32(os.Geteuid())
	for uid, strange := range map[uint32]bool{0: false, me: false, me + 1: true} {
		_, is := strangeOwner(strangersFile{uid: uid})
		assert.Equal(t, strange, is, uid)
	}
}

// The hints are emptied in place, so a second name of a file is refused.
func TestPlantedHintsOfSeveralNames(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	victim := filepath.Join(dir, "victim")
	require.NoError(t, os.WriteFile(victim, []byte(victimText), 0o600))
	require.NoError(t, os.Link(victim, filepath.Join(dir, hintsFile)))
	_, err := invalidateHints(within(t, lockPatience), dir)
	require.ErrorIs(t, err, ErrUntrusted)
	text, err := os.ReadFile(victim)
	require.NoError(t, err)
	require.Equal(t, victimText, string(text))
}

// A backup replaces what is in its place, but a directory. What is no regular file is
// neither read nor counted.
func TestPlantedBackups(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_700_000_000, 0)
	for _, trap := range traps {
		t.Run(trap.name, func(t *testing.T) {
			t.Parallel()
			dir, victim := t.TempDir(), newVictim(t)
			s := &backupStore{backupDir: dir, archiveDir: dir, retainMin: 1}
			trap.set(t, filepath.Join(dir, "vg0"), victim)
			trap.set(t, s.archivePath("vg0", 0, now), victim)
			_, err := s.readBackup("vg0")
			require.ErrorIs(t, err, ErrUnsupported)
			_, err = readSmallFile(filepath.Join(dir, "vg0"), 1000)
			if trap.name != "link to a file" { // which the superuser may want, for what is only read
				require.Error(t, err)
			}
			list, err := s.list("vg0")
			require.NoError(t, err)
			require.Empty(t, list)
			for range 3 {
				require.NoError(t, s.writeArchive("vg0", inMemory([]byte("text")), now))
			}
			if err := s.writeBackup("vg0", inMemory([]byte("text"))); trap.name == "directory" {
				require.Error(t, err)
				return
			} else {
				require.NoError(t, err)
			}
			text, err := s.readBackup("vg0")
			require.NoError(t, err)
			require.Equal(t, "text", string(text))
			_, err = os.Lstat(s.archivePath("vg0", 0, now))
			require.NoError(t, err, "no archive of ours has this name")
		})
	}
}

// The devices file is replaced, never written through a link; neither is what it is made
// in, whose name everybody knows.
func TestPlantedDevicesFile(t *testing.T) {
	t.Parallel()
	victim, dir := newVictim(t), t.TempDir()
	path := filepath.Join(dir, "system.devices")
	require.NoError(t, os.Symlink(victim, path+devicesTempSuffix))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "real"), nil, 0o600))
	require.NoError(t, os.Symlink("real", path))
	require.NoError(t, EditDevicesFile(t.Context(), path, filepath.Join(dir, "locks"), addOne))
	info, err := os.Lstat(path)
	require.NoError(t, err)
	require.True(t, info.Mode().IsRegular())
	text, err := os.ReadFile(filepath.Join(dir, "real"))
	require.NoError(t, err)
	require.Empty(t, text)
}

func addOne(f *DevicesFile) error {
	f.Entries = append(f.Entries, DevicesEntry{ID: DeviceID{Type: "devname", Name: "/dev/x"}})
	return nil
}

// What is in place of a group's links, or of their directory, stays.
func TestPlantedLinks(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		vg   string
		set  func(t *testing.T, dev string)
		err  error // of adding
		left string
	}{
		{"nothing", "vg0", func(*testing.T, string) {}, nil, ""},
		{"stale link", "vg0", func(t *testing.T, dev string) {
			require.NoError(t, os.Mkdir(dev+"/vg0", 0o755))
			require.NoError(t, os.Symlink("../dm-7", dev+"/vg0/lv"))
		}, nil, ""},
		{"link to itself", "vg0", func(t *testing.T, dev string) {
			require.NoError(t, os.Mkdir(dev+"/vg0", 0o755))
			require.NoError(t, os.Symlink("lv", dev+"/vg0/lv"))
		}, nil, ""},
		{"link to a file", "vg0", func(t *testing.T, dev string) {
			require.NoError(t, os.Mkdir(dev+"/vg0", 0o755))
			require.NoError(t, os.Symlink("../file", dev+"/vg0/lv"))
		}, ErrExists, "vg0/lv"},
		{"file", "vg0", func(t *testing.T, dev string) {
			require.NoError(t, os.Mkdir(dev+"/vg0", 0o755))
			require.NoError(t, os.WriteFile(dev+"/vg0/lv", nil, 0o600))
		}, ErrExists, "vg0/lv"},
		{"directory", "vg0", func(t *testing.T, dev string) { require.NoError(t, os.MkdirAll(dev+"/vg0/lv", 0o755)) }, ErrExists, "vg0/lv"},
		{"link as directory", "vg0", func(t *testing.T, dev string) {
			require.NoError(t, os.Mkdir(dev+"/elsewhere", 0o755))
			require.NoError(t, os.Symlink("nowhere", dev+"/elsewhere/lv"))
			require.NoError(t, os.Symlink("elsewhere", dev+"/vg0"))
		}, ErrExists, "elsewhere/lv"},
		{"link to nothing as directory", "vg0", func(t *testing.T, dev string) { require.NoError(t, os.Symlink("made", dev+"/vg0")) }, ErrExists, "vg0"},
		{"file as directory", "vg0", func(t *testing.T, dev string) { require.NoError(t, os.WriteFile(dev+"/vg0", nil, 0o600)) }, ErrExists, "vg0"},
		{"group called as the nodes are", nodesDir, func(t *testing.T, dev string) {
			require.NoError(t, os.Mkdir(dev+"/mapper", 0o755))
			require.NoError(t, os.Symlink("../dm-0", dev+"/mapper/lv"))
		}, nil, "mapper/lv"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dev := t.TempDir()
			require.NoError(t, os.WriteFile(dev+"/file", []byte(victimText), 0o600))
			test.set(t, dev)
			add, target := test.left == "", filepath.Join(dev, nodesDir, "vg0-lv")
			require.ErrorIs(t, addLink(dev, test.vg, "lv", target), test.err)
			if add {
				got, err := os.Readlink(dev + "/vg0/lv")
				require.NoError(t, err)
				require.Equal(t, filepath.Join(dev, nodesDir, target), got)
			}
			require.NoError(t, removeLink(dev, test.vg, "lv"))
			if add {
				require.NoDirExists(t, dev+"/vg0")
			} else {
				_, err := os.Lstat(filepath.Join(dev, test.left))
				require.NoError(t, err)
			}
			require.NoFileExists(t, dev+"/made")
			text, err := os.ReadFile(dev + "/file")
			require.NoError(t, err)
			require.Equal(t, victimText, string(text))
		})
	}
	for _, name := range []string{"..", ".", "a/b", "", "-x", "/etc"} {
		dev := t.TempDir()
		require.ErrorIs(t, addLink(dev, name, "lv", "x"), ErrInvalidName)
		require.ErrorIs(t, addLink(dev, "vg0", name, "x"), ErrInvalidName)
		require.ErrorIs(t, removeLink(dev, name, "lv"), ErrInvalidName)
		require.ErrorIs(t, removeLink(dev, "vg0", name), ErrInvalidName)
		_, links := (realHost{dev}).names(name)
		require.Empty(t, links)
		_, err := newLocker(dev).lock(t.Context(), name, true)
		require.ErrorIs(t, err, ErrInvalidName)
		require.ErrorIs(t, (&backupStore{backupDir: dev}).writeBackup(name, nil), ErrInvalidName)
		require.ErrorIs(t, (&backupStore{archiveDir: dev}).writeArchive(name, nil, time.Now()), ErrInvalidName)
		entries, err := os.ReadDir(dev)
		require.NoError(t, err)
		require.Empty(t, entries)
	}
}

// The modes of all that is made, whatever the process masks off: as lvm2 has them, or
// stricter. Not parallel: the mask is the process's.
func TestModesOfWhatIsMade(t *testing.T) {
	for _, mask := range []int{0, 0o022, 0o077} {
		root := t.TempDir()
		old := unix.Umask(mask)
		made, err := makeAllFiles(t, root)
		unix.Umask(old)
		require.NoError(t, err)
		want := map[string]fs.FileMode{
			"run/lvm/hints": 0o600, "run/lvm/newhints": 0o600,
			"lock/lvm": fs.ModeDir | 0o700, "lock/lvm/V_vg0": 0o700, "lock/lvm/D_system.devices": 0o600,
			"etc/devices": fs.ModeDir | 0o755&^fs.FileMode(mask), "etc/devices/system.devices": 0o600,
			"etc/devices/backup": fs.ModeDir | 0o700, "etc/devices/backup/*": 0o600,
			"etc/backup": fs.ModeDir | 0o700, "etc/backup/vg0": 0o600,
			"etc/archive": fs.ModeDir | 0o700, "etc/archive/*": 0o600,
			"dev/vg0": fs.ModeDir | 0o755, "dev/vg0/lv": fs.ModeSymlink | 0o777,
		}
		assert.Equal(t, want, made, "umask %#o", mask)
	}
}

// makeAllFiles makes a file of each kind below root, and returns their modes while locks
// are held. Directories that are made on the way to others have no say.
func makeAllFiles(t *testing.T, root string) (map[string]fs.FileMode, error) {
	path := func(p string) string { return filepath.Join(root, p) }
	for _, d := range []string{"run/lvm", "etc", "lock", "dev"} {
		if err := os.MkdirAll(path(d), 0o700); err != nil {
			return nil, err
		}
	}
	ctx := within(t, lockPatience)
	hints, err := invalidateHints(ctx, path("run/lvm"))
	if err != nil {
		return nil, err
	}
	held, err := newLocker(path("lock/lvm")).lock(ctx, vgLock("vg0"), true)
	if err != nil {
		return nil, err
	}
	s := &backupStore{backupDir: path("etc/backup"), archiveDir: path("etc/archive")}
	err = joinErrors(
		EditDevicesFile(ctx, path("etc/devices/system.devices"), path("lock/lvm"), addOne),
		s.writeArchive("vg0", inMemory([]byte("text")), time.Now()),
		s.writeBackup("vg0", inMemory([]byte("text"))),
		addLink(path("dev"), "vg0", "lv", "vg0-lv"),
	)
	made := map[string]fs.FileMode{}
	walk := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		rel, relErr := filepath.Rel(root, p)
		if err = joinErrors(err, relErr); err != nil {
			return err
		}
		switch dir := filepath.Dir(rel); {
		case dir == "etc/archive" || dir == "etc/devices/backup":
			rel = dir + "/*" // with the time in its name
		case rel == "." || dir == "." || rel == "run/lvm":
			return nil // made by the test
		}
		made[rel] = info.Mode()
		return nil
	})
	return made, joinErrors(err, walk, held.unlock(), hints.unlock())
}
