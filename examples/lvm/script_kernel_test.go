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
	for n, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			lines := slices.DeleteFunc(strings.Split(string(text), "\n"), func(l string) bool {
				return strings.TrimSpace(l) == "" || strings.HasPrefix(l, "#")
			})
			want := s.run(t, lines, func(int) runner { return byLVM2 })
			s.compare(t, lines, want, "ours", func(int) runner { return byOurs })
			if n == 0 || os.Getenv("LVM_TEST_ALL") != "" {
				s.compare(t, lines, want, "in turn", func(n int) runner { return []runner{byLVM2, byOurs}[n%2] })
			}
			if os.Getenv("LVM_TEST_ALL") != "" {
				s.compare(t, lines, want, "in turn, ours first", func(n int) runner { return []runner{byOurs, byLVM2}[n%2] })
			}
			s.clear(t)
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
	for _, dir := range []string{"/etc/lvm/backup", "/etc/lvm/archive", "/etc/lvm/devices", "/run/lvm/pvs_online", "/run/lvm/vgs_online"} {
		require.NoError(t, os.RemoveAll(dir))
	}
	_ = os.Remove("/run/lvm/hints")
}

// words returns those of a line, with the disks in the place of their numbers.
func (s *scripts) words(line string) []string {
	words := split(strings.TrimLeft(line, "~= "))
	for i, word := range words {
		for d, device := range s.devices {
			word = strings.ReplaceAll(word, fmt.Sprintf("$%d", d+1), device)
		}
		words[i] = word
	}
	return words
}

// run runs lines on blank disks.
func (s *scripts) run(t *testing.T, lines []string, by func(n int) runner) []outcome {
	t.Helper()
	s.clear(t)
	var out []outcome
	for n, line := range lines {
		o := by(n)(t, s.words(line))
		o.state = s.state(t)
		o.stdout, o.stderr = masked(o.stdout), masked(o.stderr)
		out = append(out, o)
	}
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
	procs = regexp.MustCompile(`pvscan\[\d+\]`)
	plain = regexp.MustCompile(`(PVID[ =]|uuid )[A-Za-z0-9]{32}\b`)
	sums  = regexp.MustCompile(`\b(crc|checksum) (0x)?[0-9a-f]{6,8}\b`)
	times = regexp.MustCompile(`(creation_time|removal_time) = \d+.*`)
)

// masked returns a text with a number in the place of each UUID, and without sums over
// texts that have times in them.
func masked(text string) string {
	text = procs.ReplaceAllString(text, "pvscan[PID]")
	text = sums.ReplaceAllString(plain.ReplaceAllString(text, "${1}UUID"), "$1 SUM")
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
		rec := vg.Metadata().Clone()
		rec.Seqno = 1
		for _, pv := range rec.PVs { // lvm2 notes how its devices file knows them
			pv.DeviceIDType, pv.DeviceID = "", ""
		}
		text, err := (&metadata.Document{VG: rec}).EncodeBackup()
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

// What is only planned, or tested, leaves everything as it is, whatever the command
// does by itself.
func TestKernelPlanned(t *testing.T) {
	umltest.NeedKernel(t)
	umltest.NeedTool(t, "dmsetup")
	s := newScripts(t)
	prepare := []string{
		"vgcreate vg $1 $2 $3", "vgcreate other $4", "lvcreate -L 8m -n a vg", "lvcreate -L 4m -s -n s vg/a", "lvcreate --type raid1 -m1 -L 8m -n r vg",
		"lvcreate -L 8m -n c vg", "lvcreate --type cache-pool -L 8m -n cp vg", "lvconvert -y --type cache --cachepool cp vg/c",
	}
	for _, o := range s.run(t, prepare, func(int) runner { return byOurs }) {
		require.Zero(t, o.code, o.stderr)
	}
	before := s.state(t)
	for _, line := range []string{
		"pvcreate $5", "pvremove -ff -y $4", "pvchange -xn $1", "pvresize --setphysicalvolumesize 60m -y $4", "pvmove $1 $3", "vgextend vg $5", "vgreduce vg $3",
		"vgremove -f vg", "vgrename vg x", "vgchange --addtag t vg", "vgchange -an vg", "vgexport other", "vgmerge vg other", "vgsplit vg new $3", "vgimportclone $1",
		"lvcreate -l1 vg", "lvremove -f vg/a", "lvextend -l+1 vg/a", "lvreduce -f -l1 vg/r", "lvrename vg/a b", "lvchange -an vg/c", "lvchange -pr vg/a",
		"lvchange --syncaction check vg/r", "lvchange --resync -y vg/r", "lvconvert --merge vg/s", "lvconvert -y -m2 vg/r", "lvconvert -y --uncache vg/c", "lvconvert vg/r",
	} {
		words := s.words(line)
		for how, words := range map[string][]string{"planned": append([]string{"plan"}, words...), "tested": append(slices.Clone(words), "-t")} {
			byOurs(t, words)
			require.Equal(t, before, s.state(t), "%s: %s", how, line)
		}
	}
	o := byOurs(t, s.words("plan lvcreate -l1 -n new vg"))
	require.Zero(t, o.code)
	require.Contains(t, o.stdout, "commit seqno")
	s.clear(t)
}
