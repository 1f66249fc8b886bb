package lvm

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"github.com/pkg/errors"
)

// This file is the only one that starts a program: a file system's own tools,
// when a file system is to be resized that is not mounted, and those of thin pools.

// maxToolOutput is how much of what a tool prints is kept, from its end.
const maxToolOutput = 4 << 10

// tool looks for a program where the system's own ones are, and not along PATH,
// unless its path is given.
func (h realFS) tool(name string) (string, bool) {
	dirs := h.toolDirs
	if filepath.IsAbs(name) {
		dirs = []string{""}
	}
	for _, dir := range dirs {
		path := filepath.Join(dir, name)
		if st, err := os.Stat(path); err == nil && st.Mode().IsRegular() && st.Mode().Perm()&0o111 != 0 {
			return path, true
		}
	}
	return "", false
}

// run starts the program without a shell, in a process group of its own: a
// signal from the terminal that ends this process must not end one that moves
// blocks. One that is critical is waited for, whatever happens to ctx; another is
// asked to end, and also waited for.
func (h realFS) run(ctx context.Context, critical bool, tool string, args ...string) (string, int, error) {
	if err := checkpoint(ctx); err != nil {
		return "", 0, err
	}
	if critical {
		ctx = context.WithoutCancel(ctx)
	}
	out := &tail{most: maxToolOutput}
	cmd := exec.CommandContext(ctx, tool, args...)
	cmd.Env = []string{"LC_ALL=C", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
	cmd.Dir = string(filepath.Separator)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = ownGroup()
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	err := cmd.Run()
	if ctx.Err() != nil {
		return "", 0, ctx.Err()
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return "", 0, errors.Wrapf(err, "run %s", tool)
	}
	return string(out.kept), cmd.ProcessState.ExitCode(), nil
}

// tail is a writer that keeps the end of what is written to it.
type tail struct {
	most int
	kept []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.kept = append(t.kept, p[max(0, len(p)-t.most):]...)
	if over := len(t.kept) - t.most; over > 0 {
		t.kept = append(t.kept[:0], t.kept[over:]...)
	}
	return len(p), nil
}
