package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm"
	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/internal/umltest"
	"github.com/lvm-go/lvm/metadata"
)

// outcome is what one line of a script led to.
type outcome struct {
	code           int
	stdout, stderr string
	state          string // of the disks and the kernel
}

// runner runs the words of a line.
type runner func(t *testing.T, words []string) outcome

func byLVM2(t *testing.T, words []string) outcome {
	cmd := exec.Command("lvm", words...)
	return execute(t, cmd)
}

func byOurs(_ *testing.T, words []string) outcome {
	var out, errs bytes.Buffer
	a := &app{stdin: strings.NewReader(""), stdout: &out, stderr: &errs, env: os.Getenv}
	code := a.run(context.Background(), append([]string{"lvm"}, words...))
	return outcome{code: code, stdout: out.String(), stderr: errs.String()}
}

func execute(t *testing.T, cmd *exec.Cmd) outcome {
	t.Helper()
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		var exit *exec.ExitError
		require.ErrorAs(t, err, &exit)
	}
	return outcome{code: cmd.ProcessState.ExitCode(), stdout: out.String(), stderr: errs.String()}
}

// scriptSize is that of each disk.
const scriptSize = 100 << 20

// TestKernelScripts has scripts run by lvm2, by ours, and by both in turn, on equal
// disks: exit codes, what is on stdout, the metadata and which devices there are are
// the same after each line. A line that begins with "~" may tell it in other words; one
// with "=" has the same to say on stderr, too.
func TestKernelScripts(t *testing.T) {
	umltest.NeedKernel(t)
	for _, tool := range []string{"lvm", "dmsetup"} {
		umltest.NeedTool(t, tool)
	}
	files, err := filepath.Glob("testdata/scripts/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	s := newScripts(t)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			lines := slices.DeleteFunc(strings.Split(string(text), "\n"), func(l string) bool {
				return strings.TrimSpace(l) == "" || strings.HasPrefix(l, "#")
			})
			want := s.run(t, lines, func(int) runner { return byLVM2 })
			s.compare(t, lines, want, "ours", func(int) runner { return byOurs })
			s.compare(t, lines, want, "in turn", func(n int) runner { return []runner{byLVM2, byOurs}[n%2] })
		})
	}
}

// scripts are the disks that scripts are run on.
type scripts struct {
	devices, files []string
}

func newScripts(t *testing.T) *scripts {
	s := &scripts{}
	for range 5 {
		device, file := umltest.Loop(t, scriptSize)
		s.devices, s.files = append(s.devices, device), append(s.files, file)
	}
	return s
}

// clear makes the disks blank, and the kernel forget what was on them.
func (s *scripts) clear(t *testing.T) {
	t.Helper()
	umltest.Run(t, "dmsetup", "remove_all", "--force")
	for _, file := range s.files {
		require.NoError(t, os.Truncate(file, 0))
		require.NoError(t, os.Truncate(file, scriptSize))
	}
	for _, dir := range []string{"/etc/lvm/backup", "/etc/lvm/archive"} {
		require.NoError(t, os.RemoveAll(dir))
	}
	_ = os.Remove("/run/lvm/hints")
}

func (s *scripts) run(t *testing.T, lines []string, by func(n int) runner) []outcome {
	t.Helper()
	s.clear(t)
	var out []outcome
	for n, line := range lines {
		words := split(strings.TrimLeft(line, "~= "))
		for i, word := range words {
			for d, device := range s.devices {
				word = strings.ReplaceAll(word, fmt.Sprintf("$%d", d+1), device)
			}
			words[i] = word
		}
		o := by(n)(t, words)
		o.state = s.state(t)
		o.stdout, o.stderr = masked(o.stdout), masked(o.stderr)
		out = append(out, o)
	}
	s.clear(t)
	return out
}

func (s *scripts) compare(t *testing.T, lines []string, want []outcome, who string, by func(n int) runner) {
	t.Helper()
	got := s.run(t, lines, by)
	for n, line := range lines {
		w, g := want[n], got[n]
		where := fmt.Sprintf("%s, line %d: %s\nlvm2: %s%s\nours: %s%s", who, n+1, line, w.stdout, w.stderr, g.stdout, g.stderr)
		assert.Equal(t, w.code, g.code, where)
		if !strings.HasPrefix(line, "~") {
			assert.Equal(t, w.stdout, g.stdout, where)
		}
		if strings.HasPrefix(line, "=") {
			assert.Equal(t, w.stderr, g.stderr, where)
		}
		if !assert.Equal(t, w.state, g.state, where) {
			return // what follows differs, too
		}
	}
}

var (
	uuids = regexp.MustCompile(`[A-Za-z0-9]{6}(-[A-Za-z0-9]{4}){5}-[A-Za-z0-9]{6}`)
	times = regexp.MustCompile(`(creation_time|removal_time) = \d+.*`)
)

// masked returns a text with a number in the place of each UUID.
func masked(text string) string {
	seen := map[string]string{}
	return uuids.ReplaceAllStringFunc(text, func(id string) string {
		if seen[id] == "" {
			seen[id] = fmt.Sprintf("UUID%d", len(seen)+1)
		}
		return seen[id]
	})
}

// state returns the metadata of all groups, and the names of all devices.
func (s *scripts) state(t *testing.T) string {
	t.Helper()
	sys, err := lvm.Open(lvm.Config{Devices: s.devices})
	require.NoError(t, err)
	defer func() { require.NoError(t, sys.Close()) }()
	found, err := sys.Scan(context.Background())
	require.NoError(t, err)
	var b strings.Builder
	for _, vg := range found.VGs {
		rec := *vg.Metadata()
		rec.Seqno = 1
		text, err := (&metadata.Document{VG: &rec}).EncodeBackup()
		require.NoError(t, err)
		b.WriteString(times.ReplaceAllString(string(text), "$1"))
	}
	for _, o := range found.Orphans {
		fmt.Fprintf(&b, "orphan %s %s\n", o.Device, o.Size)
	}
	fmt.Fprintf(&b, "blank %v\n", found.Blank)
	control, err := dm.Open()
	require.NoError(t, err)
	defer func() { require.NoError(t, control.Close()) }()
	devices, err := control.Devices(dm.ListOptions{})
	require.NoError(t, err)
	var names []string
	for _, d := range devices {
		names = append(names, d.Name)
	}
	slices.Sort(names)
	fmt.Fprintf(&b, "devices %v\n", names)
	return masked(b.String())
}
