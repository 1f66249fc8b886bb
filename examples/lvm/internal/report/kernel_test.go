package report

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm"
	"github.com/lvm-go/lvm/internal/umltest"
)

// world is disks whose reports by lvm2 and by us are compared.
type world struct {
	*testing.T
	disks []string
	size  lvm.Bytes
	found *lvm.Inventory
}

func newWorld(t *testing.T, disks int, size lvm.Bytes) *world {
	w := &world{T: t, size: size}
	umltest.NeedKernel(t)
	umltest.NeedTool(t, "lvm")
	for range disks {
		d, _ := umltest.Loop(t, int64(size))
		w.disks = append(w.disks, d)
	}
	t.Cleanup(func() {
		_ = exec.Command("sh", "-c", "lvm vgimport -qq -a; lvm vgremove -qqff v w; dmsetup remove_all -f; rm -rf /dev/v /dev/w").Run()
	})
	return w
}

// run runs commands of lvm2, with semicolons between them.
func (w *world) run(line string) {
	w.Helper()
	for command := range strings.SplitSeq(line, ";") {
		out, err := exec.Command("lvm", split(strings.TrimSpace(command))...).CombinedOutput()
		require.NoError(w, err, "%s: %s", command, out)
	}
}

// lvm2 returns what it prints for each line. One process does all that it can: it
// takes commands from stdin, of which every second prints what separates the others.
func (w *world) lvm2(lines []string) []string {
	w.Helper()
	const separate = "segtypes"
	separator := umltest.Run(w, "lvm", separate)
	var shell []string
	for _, line := range lines {
		if !alone(line) {
			shell = append(shell, line)
		}
	}
	cmd := exec.Command("lvm")
	cmd.Stdin = strings.NewReader(strings.Join(shell, "\n"+separate+"\n") + "\n")
	out, _ := cmd.Output() // some of the commands fail
	printed := strings.Split(strings.TrimSuffix(string(out), "\n"), separator)
	require.Len(w, printed, len(shell), "%s", out)
	all := make([]string, len(lines))
	for i, line := range lines {
		if alone(line) {
			out, err := exec.Command("lvm", split(line)...).Output()
			require.NoError(w, err, line)
			all[i] = string(out)
			continue
		}
		all[i], printed = printed[0], printed[1:]
	}
	return all
}

// alone says whether a line needs a process of its own: lvm2's shell does not print
// JSON, keeps to --binary once it was asked for it, and takes the format of PVs
// without a group from what it reported before.
func alone(line string) bool {
	return strings.Contains(line, "json") || strings.Contains(line, "--binary")
}

// script runs commands of lvm2 in one process.
func (w *world) script(lines ...string) {
	w.Helper()
	cmd := exec.Command("lvm")
	cmd.Stdin = strings.NewReader(strings.Join(lines, "\n") + "\n")
	out, err := cmd.CombinedOutput()
	require.NoError(w, err, "%s", out)
}

// scan reads the disks, unless that was done for an earlier line.
func (w *world) scan() *lvm.Inventory {
	w.Helper()
	if w.found == nil {
		sys, err := lvm.Open(lvm.Config{Devices: w.disks})
		require.NoError(w, err)
		w.Cleanup(func() { assert.NoError(w, sys.Close()) })
		w.found, err = sys.Scan(context.Background())
		require.NoError(w, err)
	}
	return w.found
}

// source returns what is there, or of it what was asked for by name.
func (w *world) source(names []string) *Source {
	w.Helper()
	src := &Source{}
	inv := w.scan()
	for _, vg := range inv.VGs {
		g := Group{VG: vg}
		take := len(names) == 0
		for _, name := range names {
			group, volume, ok := strings.Cut(name, "/")
			if take = take || group == vg.Name(); ok {
				g.LVs = func(lv *lvm.LogicalVolume) bool { return lv.Name() == volume }
			}
		}
		if take {
			src.Groups = append(src.Groups, g)
		}
	}
	if len(names) == 0 {
		src.Orphans = inv.Orphans
		for _, path := range inv.Blank {
			src.Devices = append(src.Devices, w.device(path))
		}
	}
	return src
}

// device returns a loop device that has no PV.
func (w *world) device(path string) Device {
	w.Helper()
	minor, err := strconv.ParseInt(strings.TrimPrefix(path, "/dev/loop"), 10, 64)
	require.NoError(w, err)
	return Device{Path: path, Size: w.size, Major: 7, Minor: minor}
}

// ours returns what we report.
func (w *world) ours(line string) string {
	w.Helper()
	c, err := parseLine(split(line))
	require.NoError(w, err, line)
	var out strings.Builder
	src := w.source(c.names)
	if len(c.reports) == 1 {
		err = Run(&out, src, c.reports[0], c.o)
	} else {
		err = RunAll(&out, src, c.reports, c.o)
	}
	if err != nil {
		return ""
	}
	return out.String()
}

// settle waits until the kernel does nothing more that reports show.
func (w *world) settle() {
	w.Helper()
	for range 200 {
		before := umltest.Run(w, "dmsetup", "status")
		out := umltest.Run(w, "lvm", "lvs", "-a", "--noheadings", "-o", "copy_percent", "-S", "segtype=~{raid[1-9]|mirror}&&(copy_percent<100||raid_sync_action=resync||raid_sync_action=recover)")
		if strings.TrimSpace(out) == "" && umltest.Run(w, "dmsetup", "status") == before {
			return
		}
	}
	require.Fail(w, "the kernel never comes to rest")
}

// lose makes a disk one that has no PV.
func (w *world) lose(disk string) {
	w.Helper()
	f, err := os.OpenFile(disk, os.O_WRONLY, 0)
	require.NoError(w, err)
	_, err = f.Write(make([]byte, 4096))
	require.NoError(w, err)
	require.NoError(w, f.Close())
}

// compare runs command lines by both.
func (w *world) compare(lines string) {
	w.Helper()
	for _, d := range w.differences(lines) {
		assert.Fail(w, "reports differ", d)
	}
}

// differences runs command lines by both, and returns what differs.
func (w *world) differences(lines string) (out []string) {
	w.Helper()
	all := strings.FieldsFunc(strings.ReplaceAll(lines, "\t", ""), func(r rune) bool { return r == '\n' })
	w.found = nil
	for i, theirs := range w.lvm2(all) {
		if d := difference(theirs, w.ours(all[i])); d != "" {
			out = append(out, all[i]+d)
		}
	}
	return out
}

// difference returns the first line that differs; nothing if none does.
func difference(theirs, ours string) string {
	a, b := strings.Split(theirs, "\n"), strings.Split(ours, "\n")
	for i := range max(len(a), len(b)) {
		var x, y string
		if i < len(a) {
			x = a[i]
		}
		if i < len(b) {
			y = b[i]
		}
		if x != y || len(a) != len(b) && i == min(len(a), len(b)) {
			return fmt.Sprintf("\nline %d, lvm2:\n%s\nours:\n%s", i+1, around(x, y), around(y, x))
		}
	}
	return ""
}

// around returns the part of a line where it differs from another.
func around(s, other string) string {
	at := 0
	for at < len(s) && at < len(other) && s[at] == other[at] {
		at++
	}
	return strconv.Quote(s[max(0, at-40):min(len(s), at+120)])
}

// everything is that a report can have.
const everything = `
	fullreport -a
	fullreport -a --reportformat json
	vgs -o all,vg_all
	pvs -o all,vg_all
	pvs -a -o all
	lvs -a -o all
	lvs -a --segments -o all
	lvs -a -o all,seg_all
	pvs -a --segments -o all
	pvs -o pv_all,vg_all,lv_all,seg_all,pvseg_all --binary
`
