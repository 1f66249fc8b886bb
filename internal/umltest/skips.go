package umltest

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/pkg/errors"
)

// skip is a test that did not run, and why.
type skip struct {
	Test   string
	Reason string
}

// skips are the tests of a run that did not run for want of a layer.
type skips struct {
	mu   sync.Mutex // protects the rest: tests and guests are parallel
	list []skip

	// cut tells that a guest came to an early end, so nobody knows how many tests
	// ran.
	cut bool
}

// theSkips are those of this process. A test reaches its counter by no other
// way: the testing package passes nothing from TestMain to a test.
var theSkips skips

// add counts a test once, with the first reason.
func (s *skips) add(test, reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.ContainsFunc(s.list, func(k skip) bool { return k.Test == test }) {
		s.list = append(s.list, skip{test, reason})
	}
}

// end notes that a guest came to an early end.
func (s *skips) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cut = true
}

// save writes the list for the host. Without a path nobody asks for it.
func (s *skips) save(path string) error {
	if path == "" {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	b, err := json.Marshal(s.list)
	if err != nil {
		return errors.Wrap(err, "report the skipped tests")
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		return errors.Wrap(err, "report the skipped tests")
	}
	return nil
}

// load adds what the guest has saved. A guest that died has saved nothing.
func (s *skips) load(report []byte) {
	var list []skip
	if json.Unmarshal(report, &list) != nil {
		return
	}
	for _, k := range list {
		s.add(k.Test, k.Reason)
	}
}

// summary returns the line about a run that had so many kernel tests to do, ""
// when there is nothing to say.
func (s *skips) summary(kernel int) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if kernel == 0 && len(s.list) == 0 {
		return ""
	}
	if s.cut {
		return fmt.Sprintf("umltest: a guest came to an early end, with %d kernel tests to run", kernel)
	}
	var reasons []string
	for _, k := range s.list {
		if isKernel(k.Test) && !strings.Contains(k.Test, "/") {
			kernel--
		}
		if !slices.Contains(reasons, k.Reason) {
			reasons = append(reasons, k.Reason)
		}
	}
	line := fmt.Sprintf("umltest: %d kernel tests run in the guest, %d skipped", kernel, len(s.list))
	if len(reasons) > 0 {
		line += " (" + strings.Join(reasons, "; ") + ")"
	}
	return line
}
