package lvm

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestInvalidateHints(t *testing.T) {
	t.Parallel()
	needFlock(t)
	for _, old := range []string{"", "hints_version: 2.1\nscan:/dev/sda pvid:x devn:8:0 vg:-\n"} {
		dir := t.TempDir()
		hints := filepath.Join(dir, hintsFile)
		if old != "" {
			require.NoError(t, os.WriteFile(hints, []byte(old), 0o600))
		}
		held, err := invalidateHints(within(t, lockPatience), dir)
		require.NoError(t, err)
		text, err := os.ReadFile(hints)
		require.NoError(t, err)
		assert.Regexp(t, `\A# Created empty by [^\n]*\n\z`, string(text))
		assert.NoFileExists(t, filepath.Join(dir, noHintsFile))
		assert.FileExists(t, filepath.Join(dir, newHintsFile))

		f, err := os.Open(hints)
		require.NoError(t, err)
		defer f.Close()
		got, err := tryFlock(f, false)
		require.NoError(t, err)
		assert.False(t, got, "lvm2 could write new hints before the change")
		require.NoError(t, held.unlock())
		got, err = tryFlock(f, false)
		require.NoError(t, err)
		assert.True(t, got)
	}
}

func TestInvalidateHintsInUse(t *testing.T) {
	t.Parallel()
	needFlock(t)
	dir := t.TempDir()
	hints := filepath.Join(dir, hintsFile)
	require.NoError(t, os.WriteFile(hints, []byte("old"), 0o600))
	f, err := os.Open(hints)
	require.NoError(t, err)
	defer f.Close()
	got, err := tryFlock(f, false)
	require.NoError(t, err)
	require.True(t, got)

	_, err = invalidateHints(within(t, lockHaste), dir)
	require.ErrorIs(t, err, ErrLocked)
	assert.NoFileExists(t, filepath.Join(dir, noHintsFile), "lvm2 would never use hints again")
	text, err := os.ReadFile(hints)
	require.NoError(t, err)
	assert.Equal(t, "old", string(text))
}

func TestInvalidateHintsWithoutLVM2(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "none")
	for _, runDir := range []string{"", dir} {
		held, err := invalidateHints(within(t, lockPatience), runDir)
		require.NoError(t, err)
		require.NoError(t, held.unlock())
	}
	assert.NoDirExists(t, dir)
}
