package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/pkg/errors"
)

// event is a line of go test -json. Source: go doc test2json.
type event struct {
	Action  string
	Package string
	Test    string
	Elapsed float64
	Output  string
}

// suite is what is known of a package while its tests run.
type suite struct {
	output map[string][]string // of tests that have not ended; "" is the package
	failed bool                // some test of it
}

// read counts the tests in the output of go test -json. It prints what a failed
// test or package has said, and a line for each package.
// What is no event it prints, too.
func (s *step) read(r io.Reader, w io.Writer) error {
	suites := make(map[string]*suite)
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadBytes('\n')
		if err == io.EOF && len(line) == 0 {
			return nil
		}
		if err != nil && err != io.EOF {
			return errors.Wrap(err, "read the events of go test")
		}
		var e event
		if json.Unmarshal(line, &e) != nil {
			fmt.Fprintf(w, "%s", line) // the go tool's own words
			continue
		}
		if e.Action == "build-output" {
			fmt.Fprint(w, e.Output)
		}
		if e.Package == "" {
			continue
		}
		p := suites[e.Package]
		if p == nil {
			p = &suite{output: make(map[string][]string)}
			suites[e.Package] = p
		}
		switch e.Action {
		case "run":
			p.output[e.Test] = nil
		case "output":
			p.output[e.Test] = append(p.output[e.Test], e.Output)
		case "pass", "fail", "skip":
			if e.Test == "" {
				s.endPackage(e, p, w)
				delete(suites, e.Package)
			} else {
				s.endTest(e, p, w)
			}
		}
	}
}

func (s *step) endTest(e event, p *suite, w io.Writer) {
	said := p.output[e.Test]
	delete(p.output, e.Test)
	switch e.Action {
	case "pass":
		s.Passed++
	case "skip":
		s.skip(e.Test + ": " + skipReason(said))
	case "fail":
		s.Failed++
		p.failed = true
		fmt.Fprint(w, strings.Join(said, ""))
	}
}

func (s *step) endPackage(e event, p *suite, w io.Writer) {
	if e.Action == "skip" {
		return // it has no tests
	}
	unfinished := slices.Sorted(maps.Keys(p.output))
	if e.Action == "fail" {
		for _, test := range unfinished {
			fmt.Fprint(w, strings.Join(p.output[test], ""))
			if test != "" {
				s.Failed++
				p.failed = true
			}
		}
		if !p.failed {
			s.Failed++ // not built, or it ended outside of a test
		}
	}
	fmt.Fprintf(w, "%-4s %s (%.1f s)\n", e.Action, e.Package, e.Elapsed)
	for _, line := range p.output[""] {
		if e.Action == "pass" && strings.HasPrefix(line, "umltest: ") {
			fmt.Fprint(w, "     ", line)
		}
	}
}

// skipReason returns what a test said when it was skipped, without the place
// in the source: the last indented line that does not belong to the frame.
func skipReason(said []string) string {
	for _, line := range slices.Backward(said) {
		text := strings.TrimSpace(line)
		if text == "" || strings.HasPrefix(text, "=== ") || strings.HasPrefix(text, "--- ") {
			continue
		}
		if _, after, ok := strings.Cut(text, ".go:"); ok {
			if _, reason, ok := strings.Cut(after, ": "); ok {
				return reason
			}
		}
		return text
	}
	return "no reason given"
}
