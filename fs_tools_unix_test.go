//go:build unix

package lvm

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The scripts are run by the shell, and not as files: one that was just written
// may still be open in a process that another test has started.
const shell = "/bin/sh"

func TestFindTool(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "tool"), nil, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "text"), nil, 0o644))
	box := realFS{toolDirs: []string{filepath.Join(dir, "none"), dir}}
	path, ok := box.tool("tool")
	assert.True(t, ok)
	assert.Equal(t, filepath.Join(dir, "tool"), path)
	path, ok = realFS{}.tool(filepath.Join(dir, "tool"))
	assert.True(t, ok)
	assert.Equal(t, filepath.Join(dir, "tool"), path)
	for _, name := range []string{"text", "none", filepath.Join(dir, "text"), "sh", "."} {
		_, ok := box.tool(name)
		assert.False(t, ok, name)
	}
}

func TestRunTool(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	const say = `echo "$LC_ALL $HOME $1" "$PWD"; echo err >&2; exit $2`
	out, status, err := realFS{}.run(ctx, true, shell, "-c", say, "say", "a b; exit 7", "3")
	require.NoError(t, err)
	assert.Equal(t, "C  a b; exit 7 /\nerr\n", out)
	assert.Equal(t, 3, status)

	var failed *ToolError
	args := []string{"-c", say, "say", "x", "3"}
	err = runTool(ctx, realFS{}, true, 2, shell, args...)
	require.ErrorAs(t, err, &failed)
	assert.Equal(t, ToolError{Tool: shell, Args: args, Status: 3, Output: "C  x /\nerr"}, *failed)
	require.NoError(t, runTool(ctx, realFS{}, true, 3, shell, args...))

	require.ErrorAs(t, runTool(ctx, realFS{}, false, 3, shell, "-c", "kill -KILL $$"), &failed)
	assert.Equal(t, -1, failed.Status)

	out, _, err = realFS{}.run(ctx, false, shell, "-c", `i=0; while [ $i -lt 2000 ]; do echo line $i; i=$((i+1)); done`)
	require.NoError(t, err)
	assert.Len(t, out, maxToolOutput)
	assert.True(t, strings.HasSuffix(out, "line 1998\nline 1999\n"))

	_, _, err = realFS{}.run(ctx, false, filepath.Join(t.TempDir(), "gone"))
	require.ErrorIs(t, err, os.ErrNotExist)
}

// A tool that is not critical is asked to end when nobody waits for it any more;
// one that is gets the time that it takes. None is left behind.
func TestRunToolCancelled(t *testing.T) {
	t.Parallel()
	const work = `trap 'echo ended > $1; exit 32' TERM; echo begun > $1; i=0; while [ $i -lt $2 ]; do sleep 0.01; i=$((i+1)); done; echo done > $1`
	for _, c := range []struct {
		critical bool
		rounds   string
		want     string
	}{{false, "100000", "ended"}, {true, "20", "done"}} {
		file := filepath.Join(t.TempDir(), "state")
		ctx, cancel := context.WithCancel(context.Background())
		over := make(chan error)
		go func() {
			_, _, err := realFS{}.run(ctx, c.critical, shell, "-c", work, "work", file, c.rounds)
			over <- err
		}()
		require.Eventually(t, func() bool {
			text, _ := os.ReadFile(file)
			return bytes.HasPrefix(text, []byte("begun"))
		}, 30*time.Second, time.Millisecond)
		cancel()
		err := <-over
		text, readErr := os.ReadFile(file)
		require.NoError(t, readErr)
		assert.Equal(t, c.want, strings.TrimSpace(string(text)))
		if c.critical {
			assert.NoError(t, err)
		} else {
			assert.ErrorIs(t, err, context.Canceled)
		}
		_, _, err = realFS{}.run(ctx, c.critical, shell, "-c", work, "work", file, "1")
		assert.ErrorIs(t, err, context.Canceled, "a new one is not started")
	}
}
