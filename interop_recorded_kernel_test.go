package lvm

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/umltest"
)

// made is what one side made of a scenario: the state after each step, and what lvm2
// reports at the end. lvm2's takes half the time of a run, and is the same each
// time, so it is recorded, as digests: testdata/interop has one file for each
// scenario, for one release of lvm2 and of the kernel. Where that is missing, is of
// another release, or is not what we make, lvm2 itself runs the scenario, and what it
// makes is what counts. So it does where nothing is to be left out; the records of
// testdata have to agree then. LVM_TEST_RECORD=1 writes them.
type made struct {
	states   []string
	report   string
	recorded bool // as digests
}

// has says whether a text is what was made. What differs from a record may still be
// right; what differs from what lvm2 made fails.
func (m *made) has(t *testing.T, want, got, where string) bool {
	t.Helper()
	if m.recorded {
		return want == digest(got)
	}
	require.Equal(t, want, got, where)
	return true
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:12])
}

// digests of what was made, in the form of a record.
func (m *made) digests() *made {
	d := &made{report: digest(m.report), recorded: true}
	for _, state := range m.states {
		d.states = append(d.states, digest(state))
	}
	return d
}

func recording() bool { return os.Getenv("LVM_TEST_RECORD") != "" }

func (s *scenario) recordFile() string {
	return filepath.Join("testdata", "interop", strings.ReplaceAll(s.name, " ", "-")+".txt")
}

// testedWith of what the records depend on.
var testedWith = sync.OnceValues(func() (string, error) {
	out, err := exec.Command("lvm", "version").Output()
	if err != nil {
		return "", err
	}
	kernel, err := os.ReadFile("/proc/sys/kernel/osrelease")
	return string(out) + strings.TrimSpace(string(kernel)), err
})

// recordKey tells records of this scenario, as it is now, from others.
func (s *scenario) recordKey(t *testing.T) string {
	t.Helper()
	umltest.NeedTool(t, "lvm")
	with, err := testedWith()
	require.NoError(t, err)
	key := fmt.Sprintln(with, s.name, s.vg, s.sizes, s.commits, s.unordered)
	for _, step := range s.steps {
		key += fmt.Sprintln(step.lvm2, step.vg, step.fails, step.setup)
	}
	return digest(key)
}

// recorded returns what lvm2 made of a scenario; nil if that is not known.
func (s *scenario) recorded(t *testing.T) *made {
	t.Helper()
	text, err := os.ReadFile(s.recordFile())
	if err != nil {
		require.ErrorIs(t, err, os.ErrNotExist)
		return nil
	}
	lines := strings.Fields(string(text))
	if len(lines) != len(s.steps)+2 || lines[0] != s.recordKey(t) {
		return nil
	}
	return &made{states: lines[1 : len(lines)-1], report: lines[len(lines)-1], recorded: true}
}

// record writes down what lvm2 made of a scenario, or checks that this is what was
// written.
func (s *scenario) record(t *testing.T, by *made) {
	t.Helper()
	if !recording() {
		if was := s.recorded(t); was != nil {
			require.Equal(t, was, by.digests(), "lvm2 makes other states than those in %s", s.recordFile())
		}
		return
	}
	d := by.digests()
	lines := append(append([]string{s.recordKey(t)}, d.states...), d.report)
	require.NoError(t, os.MkdirAll(filepath.Dir(s.recordFile()), 0o755))
	require.NoError(t, os.WriteFile(s.recordFile(), []byte(strings.Join(lines, "\n")+"\n"), 0o644))
}
