package report

import (
	"errors"
	"fmt"
)

// ErrMixed matches a report whose columns have nothing in common.
var ErrMixed = errors.New("fields of different objects")

func errMixed(k Kind) error { return &mixedError{k} }

type mixedError struct{ kind Kind }

func (e *mixedError) Error() string {
	return fmt.Sprintf("Can't report LV and PV fields at the same time in report type %q.", e.kind.Name())
}

func (e *mixedError) Is(target error) bool { return target == ErrMixed }

// FieldError is a column or sort key that does not exist, or that asks for the
// list of them. lvm2 prints the list of [Help] first in both cases, and ends with
// success if it was asked for it.
type FieldError struct {
	Name   string
	Sort   bool
	NoName bool // a sort key is nothing but its sign
	Help   bool
}

func (e *FieldError) Error() string {
	switch {
	case e.Help:
		return "help"
	case e.Sort:
		return "dm_report: Unrecognised field: " + e.Name
	}
	return "Unrecognised field: " + e.Name
}

// ErrColumns matches a list of columns that is empty.
var ErrColumns = errors.New("Invalid options string: ")

// SelectError is a selection that cannot be read, or that asks for help.
type SelectError struct {
	Lines    []string // what lvm2 says of it
	Fields   bool     // it prints the list of fields first
	Operands bool     // and that of values and operators
	Help     bool     // asked for
}

func (e *SelectError) Error() string {
	out := ""
	for i, l := range e.Lines {
		if i > 0 {
			out += "\n"
		}
		out += l
	}
	return out
}
