package guest

import (
	"encoding/json"
	"os"
	"path/filepath"

	"github.com/pkg/errors"
)

// Names in the private folder of a guest, which host and guest see under the
// same path. By the name of the first two a program knows what it is.
const (
	holdName   = "umltest-hold"
	initName   = "umltest-init"
	jobName    = "job.json"
	stdinName  = "stdin"
	statusName = "status"
	reportName = "report"
)

// job is what the guest's first process has to start.
type job struct {
	Path string
	Args []string
	Dir  string
	Env  []string
}

func (j *job) save(dir string) error {
	b, err := json.Marshal(j)
	if err != nil {
		return errors.Wrap(err, "write the guest's job")
	}
	if err := os.WriteFile(filepath.Join(dir, jobName), b, 0o600); err != nil {
		return errors.Wrap(err, "write the guest's job")
	}
	return nil
}

func loadJob(dir string) (*job, error) {
	b, err := os.ReadFile(filepath.Join(dir, jobName))
	if err != nil {
		return nil, errors.Wrap(err, "read the guest's job")
	}
	j := new(job)
	if err := json.Unmarshal(b, j); err != nil {
		return nil, errors.Wrap(err, "read the guest's job")
	}
	return j, nil
}
