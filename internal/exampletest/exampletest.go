// Package exampletest holds examples to what their headers show. It is for
// tests only.
package exampletest

import (
	"context"
	"io"
	"os"
	"strings"
	"testing"
)

// Shown returns what the header of main.go, in the folder of the test, shows
// the program to print: its last indented block.
func Shown(t testing.TB) string {
	t.Helper()
	source, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	header, _, ok := strings.Cut(string(source), "\npackage main\n")
	if !ok {
		t.Fatal("main.go has no package clause")
	}
	var last, block []string
	for line := range strings.Lines(header) {
		line = strings.TrimSuffix(line, "\n")
		text, indented := strings.CutPrefix(line, "//\t")
		switch {
		case indented:
			block = append(block, text)
			last = block
		case line == "//" && len(block) > 0:
			block = append(block, "")
		default:
			block = nil
		}
	}
	if len(last) == 0 {
		t.Fatal("the header of main.go shows no output")
	}
	return strings.Join(last, "\n") + "\n"
}

// Output returns what a program prints without arguments. It must leave nothing
// behind where temporary files are.
func Output(t testing.TB, run func(ctx context.Context, out io.Writer, args []string) error) string {
	t.Helper()
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	t.Setenv("TMP", temp)
	var out strings.Builder
	if err := run(t.Context(), &out, nil); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(temp)
	if err != nil {
		t.Fatal(err)
	}
	if len(left) > 0 {
		t.Errorf("temporary files are left: %v", left)
	}
	return out.String()
}

// Folder changes into an empty folder, so that the names of files in the output
// are short and always the same.
func Folder(t testing.TB) {
	t.Helper()
	t.Chdir(t.TempDir())
}
