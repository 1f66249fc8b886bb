// Package exampletest holds examples to what their headers show. It is for
// tests only.
package exampletest

import (
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

// Folder changes into an empty folder, so that the names of files in the output
// are short and always the same.
func Folder(t testing.TB) {
	t.Helper()
	t.Chdir(t.TempDir())
}
