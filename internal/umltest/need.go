package umltest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lvm-go/lvm/internal/umltest/guest"
)

// toolDirs is where administration tools are that a user's PATH may not have.
const toolDirs = "/usr/sbin:/sbin"

// InGuest reports whether this process runs in a User-mode Linux kernel, and so
// may use the kernel as it likes.
func InGuest() bool { return guest.Inside() }

// NeedKernel goes on in the guest. Outside it skips the test, and counts it.
// Each kernel test calls it first.
func NeedKernel(t testing.TB) {
	t.Helper()
	if InGuest() {
		t.Cleanup(func() {
			if t.Skipped() {
				theSkips.add(t.Name(), "by the test itself")
			}
		})
		return
	}
	miss(t, "kernel", "runs in the guest only, for which its name must start with TestKernel or BenchmarkKernel")
}

// NeedTool returns the path of a program. A test that cannot have it is skipped
// and counted.
func NeedTool(t testing.TB, name string) string {
	t.Helper()
	path, err := lookTool(name)
	if err != nil {
		miss(t, "tools", "no "+name)
	}
	return path
}

// miss skips a test for want of a layer, or fails it if the layer is required.
func miss(t testing.TB, layer, reason string) {
	t.Helper()
	if required(layer) {
		t.Fatalf("umltest: %s is required: %s", layer, reason)
	}
	theSkips.add(t.Name(), reason)
	t.Skip("umltest: " + reason)
}

func lookTool(name string) (string, error) {
	path, err := exec.LookPath(name)
	if err == nil || strings.ContainsRune(name, filepath.Separator) {
		return path, err
	}
	for _, dir := range strings.Split(toolDirs, ":") {
		path := filepath.Join(dir, name)
		if st, err := os.Stat(path); err == nil && st.Mode().IsRegular() && st.Mode()&0o111 != 0 {
			return path, nil
		}
	}
	return "", err
}

// Run runs a tool in the guest and returns its standard output. If it fails, so
// does the test, with all that the tool has said.
func Run(t testing.TB, name string, args ...string) string {
	t.Helper()
	if !InGuest() {
		t.Fatalf("umltest: %s: not in the guest", name)
	}
	var stdout, stderr strings.Builder
	cmd := exec.Command(NeedTool(t, name), args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%s%s", name, strings.Join(args, " "), err, &stdout, &stderr)
	}
	return stdout.String()
}
