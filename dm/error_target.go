package dm

import (
	"strings"

	"github.com/pkg/errors"
)

const typeError = "error"

// ErrorTarget fails all I/O. It may take the place of any other target.
type ErrorTarget struct{}

// Type returns "error".
func (ErrorTarget) Type() string { return typeError }

// Params returns "".
func (ErrorTarget) Params() string { return "" }

// Devices returns nil.
func (ErrorTarget) Devices() []string { return nil }

// WithDevices returns the target.
func (t ErrorTarget) WithDevices([]string) Target { return t }

func parseError(params string) (Target, error) {
	if strings.TrimSpace(params) != "" {
		return nil, errors.WithMessagef(ErrInvalid, "error target with parameters %q", params)
	}
	return ErrorTarget{}, nil
}
