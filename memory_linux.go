package lvm

import (
	"github.com/pkg/errors"
	"golang.org/x/sys/unix"
)

// guardWindow keeps the process's pages in memory while the plan has devices
// suspended, if that is configured, and returns how to let them go.
func (s *System) guardWindow(plan *Plan) (func(), error) {
	if !s.cfg.LockMemory || !plan.suspends() {
		return func() {}, nil
	}
	if err := unix.Mlockall(unix.MCL_CURRENT | unix.MCL_FUTURE); err != nil {
		return nil, errors.Wrap(err, "mlockall")
	}
	return func() { _ = unix.Munlockall() }, nil
}
