package dm

import (
	"strings"

	"github.com/pkg/errors"
)

const typeZero = "zero"

// Zero reads as zeroes and drops what is written.
type Zero struct{}

// Type returns "zero".
func (Zero) Type() string { return typeZero }

// Params returns "".
func (Zero) Params() string { return "" }

// Devices returns nil.
func (Zero) Devices() []string { return nil }

// WithDevices returns the target.
func (t Zero) WithDevices([]string) Target { return t }

func parseZero(params string) (Target, error) {
	if strings.TrimSpace(params) != "" {
		return nil, errors.WithMessagef(ErrInvalid, "zero target with parameters %q", params)
	}
	return Zero{}, nil
}
