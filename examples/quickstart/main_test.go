package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/exampletest"
	"github.com/lvm-go/lvm/internal/umltest"
)

func TestMain(m *testing.M) { os.Exit(umltest.Main(m)) }

func TestQuickstartPrintsWhatItsHeaderShows(t *testing.T) {
	want := exampletest.Shown(t)
	exampletest.Folder(t)
	var out strings.Builder
	require.NoError(t, run(context.Background(), &out, ".", false))
	assert.Equal(t, want, out.String())
	assert.Len(t, glob(t, "*"), 3, "-dir keeps the files")

	err := run(context.Background(), &out, ".", false)
	assert.ErrorIs(t, err, os.ErrExist, "files that are there are not overwritten")
}

func TestQuickstartCleansUp(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	t.Setenv("TMP", temp)

	require.NoError(t, run(context.Background(), new(strings.Builder), "", false))
	assert.Empty(t, glob(t, filepath.Join(temp, "*")))

	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	require.ErrorIs(t, run(ctx, new(strings.Builder), "", false), context.Canceled)
	assert.Empty(t, glob(t, filepath.Join(temp, "*")))
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	found, err := filepath.Glob(pattern)
	require.NoError(t, err)
	return found
}
