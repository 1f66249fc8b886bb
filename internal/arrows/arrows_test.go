package arrows

import (
	"bytes"
	"encoding/json"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/umltest"
)

const module = "github.com/lvm-go/lvm"

// room says what a package, and all below it, may import besides the standard
// library.
type room struct {
	allowed   []string // packages
	forbidden []string // of the standard library
}

// rooms is the architecture: one direction, and format and mechanism apart.
var rooms = map[string]room{
	"units":     {forbidden: []string{"os", "syscall", "unsafe"}},
	"exception": {allowed: []string{module + "/units"}, forbidden: []string{"os", "syscall", "unsafe", "math/rand", "crypto/rand"}},
	"metadata":  {allowed: []string{module + "/units", module + "/internal/index", "github.com/pkg/errors"}, forbidden: []string{"os", "syscall", "unsafe", "math/rand", "crypto/rand"}},
	"dm":        {allowed: []string{module + "/units", "github.com/pkg/errors", "golang.org/x/sys/unix"}},
	"": {allowed: append([]string{module + "/units", module + "/internal/index", module + "/metadata", module + "/dm", module + "/exception",
		"github.com/pkg/errors", "golang.org/x/sys/unix"}, formats...)},
	"examples": {allowed: []string{module, module + "/units", module + "/metadata", module + "/dm", module + "/exception", "github.com/pkg/errors", "golang.org/x/sys/unix"}},
}

// formats are what the root reads without a kernel, besides exception stores.
// Like that, they are bytes, and know nothing of where these are.
var formats = []string{module + "/internal/raid", module + "/internal/thinmeta", module + "/internal/cachemeta", module + "/internal/writecachemeta"}

// common is what some of them have in common.
const common = module + "/internal/pdata"

// format is the room of all these.
var format = room{allowed: []string{module + "/units", common}, forbidden: []string{"os", "syscall", "unsafe", "math/rand", "crypto/rand"}}

// inTests is what tests may import beyond that.
var inTests = []string{"github.com/stretchr/testify/assert", "github.com/stretchr/testify/require", "pgregory.net/rapid",
	"golang.org/x/sys/unix", "github.com/pkg/errors"}

// pkg is what go list tells of a package.
type pkg struct {
	ImportPath   string
	Imports      []string
	TestImports  []string
	XTestImports []string
}

func list(t *testing.T, goos string) []pkg {
	t.Helper()
	cmd := exec.Command(umltest.NeedTool(t, "go"), "list", "-json=ImportPath,Imports,TestImports,XTestImports", module+"/...")
	cmd.Env = append(cmd.Environ(), "GOOS="+goos, "GOARCH=amd64", "CGO_ENABLED=0")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, stderr.String())
	var pkgs []pkg
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		err := d.Decode(&p)
		if err == io.EOF {
			return pkgs
		}
		require.NoError(t, err)
		pkgs = append(pkgs, p)
	}
}

// roomOf returns the first element of a package's path in the module, "" for
// the root.
func roomOf(path string) string {
	rest := strings.TrimPrefix(strings.TrimPrefix(path, module), "/")
	name, _, _ := strings.Cut(rest, "/")
	return name
}

func standard(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return !strings.Contains(first, ".")
}

// violations names the imports of p that its room does not allow.
func violations(p pkg) []string {
	var bad []string
	name := roomOf(p.ImportPath)
	r, ok := rooms[name]
	switch {
	case p.ImportPath == common || slices.Contains(formats, p.ImportPath):
		r, ok = format, true
	case name == "internal":
		return nil
	}
	if !ok {
		return []string{p.ImportPath + " is in no room"}
	}
	for _, path := range p.Imports {
		below := path == p.ImportPath || name != "internal" && strings.HasPrefix(path, module+"/"+name+"/") && name != ""
		if standard(path) && slices.Contains(r.forbidden, path) || !standard(path) && !below && !slices.Contains(r.allowed, path) {
			bad = append(bad, p.ImportPath+" imports "+path)
		}
	}
	for _, path := range append(slices.Clone(p.TestImports), p.XTestImports...) {
		ours := path == p.ImportPath || strings.HasPrefix(path, module+"/internal/")
		if !standard(path) && !ours && !slices.Contains(r.allowed, path) && !slices.Contains(inTests, path) {
			bad = append(bad, p.ImportPath+" imports "+path+" in tests")
		}
	}
	return bad
}

func TestImportsFollowTheArrows(t *testing.T) {
	t.Parallel()
	for _, goos := range []string{"linux", "darwin", "windows"} {
		t.Run(goos, func(t *testing.T) {
			t.Parallel()
			pkgs := list(t, goos)
			require.NotEmpty(t, pkgs)
			for _, p := range pkgs {
				assert.Empty(t, violations(p))
			}
		})
	}
}

func TestViolations(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		pkg  pkg
		want []string
	}{
		{"allowed", pkg{ImportPath: module + "/dm", Imports: []string{"os", module + "/units", "golang.org/x/sys/unix"}}, nil},
		{"sideways", pkg{ImportPath: module + "/dm", Imports: []string{module + "/metadata"}}, []string{module + "/dm imports " + module + "/metadata"}},
		{"upwards", pkg{ImportPath: module + "/metadata", Imports: []string{module}}, []string{module + "/metadata imports " + module}},
		{"a system package in the format", pkg{ImportPath: module + "/metadata", Imports: []string{"os"}}, []string{module + "/metadata imports os"}},
		{"a test's package in the code", pkg{ImportPath: module, Imports: []string{module + "/internal/umltest"}}, []string{module + " imports " + module + "/internal/umltest"}},
		{"a test's package in tests", pkg{ImportPath: module, TestImports: []string{module + "/internal/umltest"}, XTestImports: []string{module}}, nil},
		{"sideways in tests", pkg{ImportPath: module + "/dm", TestImports: []string{module + "/metadata"}}, []string{module + "/dm imports " + module + "/metadata in tests"}},
		{"another dependency", pkg{ImportPath: module, Imports: []string{"example.com/x"}}, []string{module + " imports example.com/x"}},
		{"a format", pkg{ImportPath: module, Imports: formats}, nil},
		{"a format of formats", pkg{ImportPath: module + "/internal/thinmeta", Imports: []string{"io", module + "/internal/pdata"}}, nil},
		{"a format that knows volumes", pkg{ImportPath: module + "/internal/raid", Imports: []string{module + "/metadata"}}, []string{module + "/internal/raid imports " + module + "/metadata"}},
		{"a format that knows files", pkg{ImportPath: module + "/internal/pdata", Imports: []string{"os"}}, []string{module + "/internal/pdata imports os"}},
		{"what formats have in common", pkg{ImportPath: module, Imports: []string{module + "/internal/pdata"}}, []string{module + " imports " + module + "/internal/pdata"}},
		{"another room", pkg{ImportPath: module + "/helpers"}, []string{module + "/helpers is in no room"}},
		{"internal", pkg{ImportPath: module + "/internal/dmfake", Imports: []string{module + "/dm"}}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, c.want, violations(c.pkg))
		})
	}
}
