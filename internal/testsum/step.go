package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/pkg/errors"
)

// record is the file in which the steps leave their counts, one to a line.
const record = "steps.json"

// step is what one step has counted.
type step struct {
	Name    string
	Passed  int
	Failed  int
	Skipped int
	Reasons []string // of what was skipped, each once
}

func (s *step) counts() string {
	return fmt.Sprintf("%d passed, %d failed, %d skipped", s.Passed, s.Failed, s.Skipped)
}

// skip counts one that was skipped.
func (s *step) skip(reason string) {
	s.Skipped++
	if reason != "" && !slices.Contains(s.Reasons, reason) {
		s.Reasons = append(s.Reasons, reason)
	}
}

// save appends a step to the record.
func save(dir string, s step) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return errors.Wrap(err, "record a step")
	}
	f, err := os.OpenFile(filepath.Join(dir, record), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return errors.Wrap(err, "record a step")
	}
	if err := json.NewEncoder(f).Encode(s); err != nil {
		_ = f.Close()
		return errors.Wrap(err, "record a step")
	}
	if err := f.Close(); err != nil {
		return errors.Wrap(err, "record a step")
	}
	return nil
}

// total prints the record and its sum. An empty record proves nothing, so it
// is an error.
func total(dir string, w io.Writer) (bool, error) {
	f, err := os.Open(filepath.Join(dir, record))
	if err != nil {
		return false, errors.Wrap(err, "read the record")
	}
	defer func() { _ = f.Close() }()
	var sum step
	for d := json.NewDecoder(f); ; {
		var s step
		if err := d.Decode(&s); err == io.EOF {
			break
		} else if err != nil {
			return false, errors.Wrap(err, "read the record")
		}
		fmt.Fprintf(w, "%-32s %s\n", s.Name, s.counts())
		for _, r := range s.Reasons {
			fmt.Fprintf(w, "    skipped: %s\n", r)
		}
		sum.Passed += s.Passed
		sum.Failed += s.Failed
		sum.Skipped += s.Skipped
	}
	if sum.Passed+sum.Failed == 0 {
		return false, errors.New("nothing was tested")
	}
	fmt.Fprintln(w, sum.counts())
	return sum.Failed == 0, nil
}
