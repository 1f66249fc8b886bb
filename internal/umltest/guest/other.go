//go:build !(linux && amd64)

package guest

import (
	"context"

	"github.com/pkg/errors"
)

// Enter does nothing on this platform.
func Enter() {}

// Inside reports whether this process runs in a User-mode Linux kernel.
func Inside() bool { return false }

// Available returns an error matching ErrUnavailable on this platform.
func Available() error {
	return errors.WithMessage(ErrUnavailable, "needs linux on amd64")
}

// Run returns the error of Available.
func (c *Command) Run(context.Context) (Result, error) {
	return Result{}, Available()
}
