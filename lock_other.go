//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package lvm

import (
	"fmt"
	"os"
)

// errNoFlock is not seen: nothing asks for flock where there is none.
var errNoFlock = fmt.Errorf("flock: %w", ErrUnsupported)

// haveFlock: locks hold within a System only.
const haveFlock = false

func tryFlock(*os.File, bool) (bool, error) { return false, errNoFlock }

func unflock(*os.File) error { return errNoFlock }
