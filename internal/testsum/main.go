// Command testsum runs the steps of the Makefile and counts what they prove.
//
//	testsum -d DIR tests NAME -- go test -json ...   each test counts
//	testsum -d DIR check NAME -- COMMAND...          the command counts as one
//	testsum -d DIR skip NAME REASON                  counts as one, skipped
//	testsum -d DIR total                             prints the sum
//
// The steps leave their counts in DIR, in which total adds them up. Its last
// line is "N passed, N failed, N skipped". A step that fails, and a total with
// failures, have exit status 1.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"github.com/pkg/errors"
)

const usage = "usage: testsum -d DIR tests|check NAME -- COMMAND... | skip NAME REASON | total"

func main() {
	dir := flag.String("d", ".", "folder of the counts")
	flag.Parse()
	ok, err := run(*dir, flag.Args(), os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "testsum:", err)
	}
	if err != nil || !ok {
		os.Exit(1)
	}
}

// run does one subcommand and reports whether all was well.
func run(dir string, args []string, w io.Writer) (bool, error) {
	switch {
	case len(args) == 1 && args[0] == "total":
		return total(dir, w)
	case len(args) == 3 && args[0] == "skip":
		fmt.Fprintf(w, "== %s: skipped: %s\n", args[1], args[2])
		return true, save(dir, step{Name: args[1], Skipped: 1, Reasons: []string{args[2]}})
	case len(args) >= 4 && args[2] == "--":
		began := time.Now()
		s := step{Name: args[1]}
		var err error
		switch args[0] {
		case "tests":
			err = s.tests(args[3:], w)
		case "check":
			err = s.check(args[3:], w)
		default:
			return false, errors.New(usage)
		}
		if err != nil {
			return false, err
		}
		fmt.Fprintf(w, "== %s: %s (%.1f s)\n", s.Name, s.counts(), time.Since(began).Seconds())
		return s.Failed == 0, save(dir, s)
	}
	return false, errors.New(usage)
}

// check runs a command, whose output only matters if it fails.
func (s *step) check(argv []string, w io.Writer) error {
	out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput()
	if err == nil {
		s.Passed++
		return nil
	}
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return errors.Wrapf(err, "run %s", argv[0])
	}
	s.Failed++
	_, werr := w.Write(out)
	if werr != nil {
		return errors.Wrap(werr, "print the output")
	}
	return nil
}

// tests runs go test -json and counts what it reports.
func (s *step) tests(argv []string, w io.Writer) error {
	cmd := exec.Command(argv[0], argv[1:]...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return errors.Wrap(err, "make a pipe")
	}
	if err := cmd.Start(); err != nil {
		return errors.Wrapf(err, "run %s", argv[0])
	}
	rerr := s.read(out, w)
	// Read to the end, or the command would wait for a reader for ever.
	_, _ = io.Copy(io.Discard, out)
	err = cmd.Wait()
	if rerr != nil {
		return rerr
	}
	if s.Failed == 0 && (err != nil || s.Passed+s.Skipped == 0) {
		s.Failed++ // it failed before any test or after all, or had none
	}
	if s.Failed > 0 {
		_, _ = w.Write(stderr.Bytes())
	}
	return nil
}
