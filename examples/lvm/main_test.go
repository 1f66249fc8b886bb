package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/lvm-go/lvm/internal/umltest"
)

// TestMain is the program itself for who calls it by that name or one of its commands',
// as scripts do that are tested with it.
func TestMain(m *testing.M) {
	if name := filepath.Base(os.Args[0]); name == "lvm" || commandNamed(name) != nil {
		main()
	}
	os.Exit(umltest.Main(m))
}
