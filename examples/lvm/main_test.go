package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/lvm-go/lvm/internal/umltest"
)

// TestMain is the program itself for who calls it by that name, as scripts do that are
// tested with it.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "lvm" {
		main()
	}
	os.Exit(umltest.Main(m))
}
