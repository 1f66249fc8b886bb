// Package corpus loads testdata/corpus: what the real lvm2 makes of a hundred
// and forty situations. It is for tests only.
package corpus

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/lvm-go/lvm/units"
)

// Case is one situation.
type Case struct {
	Name string
	dir  string
}

// Dir returns the folder of the corpus.
func Dir(tb testing.TB) string {
	tb.Helper()
	dir, err := os.Getwd()
	if err != nil {
		tb.Fatal(err)
	}
	for {
		found := filepath.Join(dir, "testdata", "corpus")
		if info, err := os.Stat(filepath.Join(found, "README.md")); err == nil && !info.IsDir() {
			return found
		}
		up := filepath.Dir(dir)
		if up == dir {
			break
		}
		dir = up
	}
	// A test binary that does not run in its package's folder.
	if _, file, _, ok := runtime.Caller(0); ok {
		found := filepath.Join(filepath.Dir(file), "..", "..", "testdata", "corpus")
		if _, err := os.Stat(found); err == nil {
			return found
		}
	}
	tb.Fatal("testdata/corpus is not there")
	return ""
}

// Cases returns all cases, sorted by name.
func Cases(tb testing.TB) []*Case {
	tb.Helper()
	dir := Dir(tb)
	entries, err := os.ReadDir(dir)
	if err != nil {
		tb.Fatal(err)
	}
	var cases []*Case
	for _, e := range entries {
		if e.IsDir() {
			cases = append(cases, &Case{Name: e.Name(), dir: filepath.Join(dir, e.Name())})
		}
	}
	if len(cases) == 0 {
		tb.Fatal("testdata/corpus is empty")
	}
	return cases
}

// Load returns the case with the given name.
func Load(tb testing.TB, name string) *Case {
	tb.Helper()
	c := &Case{Name: name, dir: filepath.Join(Dir(tb), name)}
	if _, err := os.Stat(c.dir); err != nil {
		tb.Fatal(err)
	}
	return c
}

// File returns the content of a file. ok is false if the case has none.
func (c *Case) File(tb testing.TB, name string) (content []byte, ok bool) {
	tb.Helper()
	content, err := os.ReadFile(filepath.Join(c.dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false
	}
	if err != nil {
		tb.Fatal(err)
	}
	return content, true
}

// Table returns the lines of dmsetup table.
func (c *Case) Table(tb testing.TB) []string { return c.lines(tb, "table.txt") }

// Info returns the lines of dmsetup info: name, UUID, major, minor, open count,
// number of targets and attributes, with | between them.
func (c *Case) Info(tb testing.TB) []string { return c.lines(tb, "info.txt") }

func (c *Case) lines(tb testing.TB, name string) []string {
	tb.Helper()
	content, ok := c.File(tb, name)
	if !ok {
		tb.Fatalf("%s has no %s", c.Name, name)
	}
	text := strings.TrimRight(string(content), "\n")
	if text == "" || text == "No devices found" {
		return nil
	}
	return strings.Split(text, "\n")
}

// Backups returns the backup files by their names. An orphan PV has none.
func (c *Case) Backups(tb testing.TB) map[string][]byte {
	tb.Helper()
	paths, err := filepath.Glob(filepath.Join(c.dir, "vg*.conf"))
	if err != nil {
		tb.Fatal(err)
	}
	backups := map[string][]byte{}
	for _, p := range paths {
		name := filepath.Base(p)
		backups[name], _ = c.File(tb, name)
	}
	return backups
}

// PV is the device of a physical volume: its first and its last bytes, with
// zeros between them. It has an [io.ReaderAt]'s ReadAt.
type PV struct {
	Name     string // of its files: "pv0"
	Device   string // what it was on the machine: "/dev/loop0"
	Size     units.Bytes
	Attached bool // whether it was there to the end

	Head       []byte // up to the last byte that is not zero
	Tail       []byte
	TailOffset units.Bytes // where Tail begins
}

// PVs returns the devices in the order of their names.
func (c *Case) PVs(tb testing.TB) []*PV {
	tb.Helper()
	var pvs []*PV
	for _, line := range c.lines(tb, "images.txt") {
		if strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Fields(line)
		if len(f) != 6 {
			tb.Fatalf("%s: images.txt: %q", c.Name, line)
		}
		pv := &PV{
			Name: f[0], Device: f[1], Size: parseBytes(tb, f[2]), Attached: f[5] == "attached",
		}
		pv.TailOffset = pv.Size
		head, length := c.unzip(tb, f[0]+".head.gz")
		if pv.Head = head; length != parseBytes(tb, f[3]) {
			tb.Fatalf("%s: head of %s has %d bytes, not %s", c.Name, pv.Name, length, f[3])
		}
		if f[4] != "-" {
			pv.Tail, length = c.unzip(tb, f[0]+".tail.gz")
			pv.TailOffset = parseBytes(tb, f[4])
			if pv.TailOffset+length != pv.Size {
				tb.Fatalf("%s: tail of %s does not end the device", c.Name, pv.Name)
			}
		}
		pvs = append(pvs, pv)
	}
	return pvs
}

func parseBytes(tb testing.TB, s string) units.Bytes {
	tb.Helper()
	n, err := strconv.ParseUint(s, 10, 63)
	if err != nil {
		tb.Fatal(err)
	}
	return units.Bytes(n)
}

// unzip returns what is packed in a file, without the zeroes at its end, and its
// length with them.
func (c *Case) unzip(tb testing.TB, name string) ([]byte, units.Bytes) {
	tb.Helper()
	packed, ok := c.File(tb, name)
	if !ok {
		tb.Fatalf("%s has no %s", c.Name, name)
	}
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		tb.Fatal(err)
	}
	var content trimmed
	if _, err := io.Copy(&content, r); err != nil {
		tb.Fatal(err)
	}
	return content.used, content.length
}

// trimmed keeps what is written to it, but for zeroes at the end.
type trimmed struct {
	used   []byte
	length units.Bytes
}

func (t *trimmed) Write(p []byte) (int, error) {
	if used := bytes.TrimRight(p, "\x00"); len(used) > 0 {
		t.used = append(t.used, make([]byte, int(t.length)-len(t.used))...)
		t.used = append(t.used, used...)
	}
	t.length += units.Bytes(len(p))
	return len(p), nil
}

// ReadAt reads from the device.
func (pv *PV) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, errors.New("negative offset")
	}
	at := units.Bytes(off)
	if at >= pv.Size {
		return 0, io.EOF
	}
	var err error
	if room := pv.Size - at; units.Bytes(len(p)) > room {
		p, err = p[:room], io.EOF
	}
	clear(p)
	copyOverlap(p, at, pv.Head, 0)
	copyOverlap(p, at, pv.Tail, pv.TailOffset)
	return len(p), err
}

// copyOverlap copies what part, which lies at partAt, has of p, which lies at at.
func copyOverlap(p []byte, at units.Bytes, part []byte, partAt units.Bytes) {
	switch {
	case partAt >= at+units.Bytes(len(p)) || at >= partAt+units.Bytes(len(part)):
	case partAt >= at:
		copy(p[partAt-at:], part)
	default:
		copy(p, part[at-partAt:])
	}
}
