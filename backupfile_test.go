package lvm

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func testStore(t *testing.T) *backupStore {
	dir := t.TempDir()
	return &backupStore{
		backupDir: filepath.Join(dir, "etc", "backup"), archiveDir: filepath.Join(dir, "etc", "archive"),
		retainMin: 3, retainDays: 30,
	}
}

func fileNames(t *testing.T, dir string) []string {
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestBackup(t *testing.T) {
	t.Parallel()
	s := testStore(t)
	_, err := s.readBackup("vg")
	require.ErrorIs(t, err, ErrNotFound)
	require.NoError(t, s.removeBackup("vg"))
	for _, text := range []string{"first, and long", "second"} {
		require.NoError(t, s.writeBackup("vg", inMemory([]byte(text))))
		got, err := s.readBackup("vg")
		require.NoError(t, err)
		assert.Equal(t, text, string(got))
	}
	require.NoError(t, s.writeBackup("vg2", inMemory(nil)))
	assert.Equal(t, []string{"vg", "vg2"}, fileNames(t, s.backupDir), "no temporary file stays")
	if runtime.GOOS != "windows" {
		info, err := os.Stat(filepath.Join(s.backupDir, "vg"))
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(0o600), info.Mode())
	}
	require.NoError(t, s.removeBackup("vg"))
	assert.Equal(t, []string{"vg2"}, fileNames(t, s.backupDir))
}

func TestBackupReadsRegularFilesOnly(t *testing.T) {
	t.Parallel()
	s := testStore(t)
	require.NoError(t, os.MkdirAll(filepath.Join(s.backupDir, "vg"), 0o700))
	_, err := s.readBackup("vg")
	require.ErrorIs(t, err, ErrUnsupported)
	assert.Error(t, s.writeBackup("vg", inMemory(nil)))
	assert.Equal(t, []string{"vg"}, fileNames(t, s.backupDir), "no temporary file stays after an error, too")
}

func TestBackupNamesStayInDirectory(t *testing.T) {
	t.Parallel()
	s := testStore(t)
	for _, vg := range []string{"", ".", "..", "../vg", "a/b", `a\b`, "a\x00"} {
		_, readErr := s.readBackup(vg)
		_, listErr := s.list(vg)
		for _, err := range []error{
			readErr, listErr, s.writeBackup(vg, inMemory(nil)), s.removeBackup(vg), s.writeArchive(vg, inMemory(nil), time.Time{}),
		} {
			assert.ErrorIs(t, err, ErrInvalidName, vg)
		}
	}
	assert.NoDirExists(t, filepath.Dir(s.backupDir))
}

func TestBackupOff(t *testing.T) {
	t.Parallel()
	var s backupStore
	require.NoError(t, s.writeBackup("vg", inMemory(nil)))
	require.NoError(t, s.removeBackup("vg"))
	require.NoError(t, s.writeArchive("vg", inMemory(nil), time.Time{}))
	archives, err := s.list("vg")
	require.NoError(t, err)
	assert.Empty(t, archives)
	_, err = s.readBackup("vg")
	require.ErrorIs(t, err, ErrNotFound)
}

func TestArchive(t *testing.T) {
	t.Parallel()
	s := testStore(t)
	now := time.Unix(1795334471, 0)
	for i := range 3 {
		require.NoError(t, s.writeArchive("vg", inMemory(fmt.Append(nil, i)), now))
	}
	// Files of lvm2 count, those of other groups and others don't.
	for _, name := range []string{
		"vg_00041-1155499.vg", "vg_00099-1.txt", "vg_99-1.vg", "vg_00099.vg", "vg_00099-x.vg", "vg_-1-1.vg",
		"vg_00099_00007-1.vg", "vg2_00099-1.vg", "avg_00099-1.vg", "vg_99999999999-1.vg",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(s.archiveDir, name), nil, 0o600))
	}
	require.NoError(t, os.Mkdir(filepath.Join(s.archiveDir, "vg_00098-1.vg"), 0o700))
	require.NoError(t, s.writeArchive("vg", inMemory([]byte("last")), now))

	archives, err := s.list("vg")
	require.NoError(t, err)
	var indexes []uint64
	for _, a := range archives {
		indexes = append(indexes, a.index)
	}
	assert.Equal(t, []uint64{0, 1, 2, 41, 42}, indexes)
	text, err := readText(archives[4].path)
	require.NoError(t, err)
	assert.Equal(t, "last", string(text))
	assert.Regexp(t, `^vg_00042-\d+\.vg$`, filepath.Base(archives[4].path))
	assert.False(t, slices.ContainsFunc(fileNames(t, s.archiveDir), func(n string) bool { return n[0] == '.' }))

	other, err := s.list("vg_00099")
	require.NoError(t, err)
	require.Len(t, other, 1)
	assert.EqualValues(t, 7, other[0].index)
}

func TestArchiveRetention(t *testing.T) {
	t.Parallel()
	now := time.Unix(1795334471, 0)
	day := 24 * time.Hour
	for _, tt := range []struct {
		name       string
		ages       []time.Duration // of the archives before, oldest index first
		retainMin  int
		retainDays int
		want       []uint64
	}{
		{"all young", []time.Duration{3 * day, 2 * day, day}, 1, 30, []uint64{0, 1, 2, 3}},
		{"old ones go", []time.Duration{90 * day, 80 * day, day}, 1, 30, []uint64{2, 3}},
		{"a minimum stays", []time.Duration{90 * day, 80 * day, 70 * day}, 3, 30, []uint64{1, 2, 3}},
		{"at the limit", []time.Duration{90 * day, 80 * day, 70 * day}, 4, 30, []uint64{0, 1, 2, 3}},
		{"behind a young one", []time.Duration{day, 80 * day}, 1, 30, []uint64{0, 1, 2}},
		{"nothing is to stay", []time.Duration{2 * day, day}, 0, 0, []uint64{2}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := testStore(t)
			s.retainMin, s.retainDays = tt.retainMin, tt.retainDays
			require.NoError(t, os.MkdirAll(s.archiveDir, 0o700))
			for i, age := range tt.ages {
				path := filepath.Join(s.archiveDir, fmt.Sprintf("vg_%05d-7.vg", i))
				require.NoError(t, os.WriteFile(path, nil, 0o600))
				require.NoError(t, os.Chtimes(path, time.Time{}, now.Add(-age)))
			}
			require.NoError(t, s.writeArchive("vg", inMemory(nil), now))
			archives, err := s.list("vg")
			require.NoError(t, err)
			var got []uint64
			for _, a := range archives {
				got = append(got, a.index)
			}
			assert.Equal(t, tt.want, got)
		})
	}
}

// Two processes that both found the same highest index must not share a file.
func TestArchiveIndexTaken(t *testing.T) {
	t.Parallel()
	s := testStore(t)
	now := time.Unix(1795334471, 5)
	require.NoError(t, os.MkdirAll(s.archiveDir, 0o700))
	// A directory is no archive, but has the name.
	require.NoError(t, os.Mkdir(s.archivePath("vg", 0, now), 0o700))
	require.NoError(t, s.writeArchive("vg", inMemory([]byte("text")), now))
	archives, err := s.list("vg")
	require.NoError(t, err)
	require.Len(t, archives, 1)
	assert.EqualValues(t, 1, archives[0].index)
}
