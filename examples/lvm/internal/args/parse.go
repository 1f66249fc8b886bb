package args

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

// UsageError is a command line that is not understood.
type UsageError struct {
	// Lines are the messages that lvm2 has for it. The first of them has the name of
	// the program in front if Bare is set.
	Lines []string
	Bare  bool
}

func (e *UsageError) Error() string { return strings.Join(e.Lines, ": ") }

func usage(format string, args ...any) *UsageError {
	return &UsageError{Lines: []string{fmt.Sprintf(format, args...)}}
}

// Set is what a command line says.
type Set struct {
	command string
	values  map[string]*value
	order   []Given
}

// Given is an option in the order of the command line.
type Given struct {
	Name string
	Value
}

// Order returns all that was given, one after the other.
func (s *Set) Order() []Given { return s.order }

// Unread returns the first option on the command line that the program has not looked
// at: what it was given or, if it has no value, whether it was given.
func (s *Set) Unread() (Given, bool) {
	i := slices.IndexFunc(s.order, func(g Given) bool { return !s.values[g.Name].read })
	if i < 0 {
		return Given{}, false
	}
	return s.order[i], true
}

// value is an option and what was given for it.
type value struct {
	set    *Set
	option Option
	given  []Value
	read   bool
}

func (v *value) String() string { return "" }
func (v *value) Type() string   { return v.option.value() }

func (v *value) Set(text string) error {
	if len(v.given) > 0 && !v.option.Repeats {
		return usage("Option %s may not be repeated.", v.option.title())
	}
	parsed, err := v.option.parse(text)
	if err == nil {
		err = v.option.checkSign(v.set.command, parsed)
	}
	if err != nil {
		return err
	}
	v.given = append(v.given, parsed)
	v.set.order = append(v.set.order, Given{v.option.Name, parsed})
	return nil
}

func (o *Option) title() string {
	if o.Short != "" {
		return "-" + o.Short + "/--" + o.Name
	}
	return "--" + o.Name
}

// Parse reads the words behind the name of a command. What is no option is returned
// in its order. The error is a [*UsageError].
func Parse(command string, options []Option, words []string) (*Set, []string, error) {
	set := &Set{command: command, values: map[string]*value{}}
	flags := pflag.NewFlagSet(command, pflag.ContinueOnError)
	flags.SetOutput(io.Discard)
	var names []string
	taken := map[string]bool{}
	for _, o := range options {
		if set.values[o.Name] != nil {
			continue
		}
		v := &value{set: set, option: o}
		set.values[o.Name] = v
		names = append(names, o.Name)
		short := o.Short
		if taken[short] {
			short = ""
		}
		taken[short] = true
		flag := flags.VarPF(v, o.Name, short, "")
		if o.Kind == Flag {
			flag.NoOptDefVal = "y"
		}
	}
	var ambiguous *UsageError
	flags.SetNormalizeFunc(func(_ *pflag.FlagSet, name string) pflag.NormalizedName {
		full, err := complete(names, name)
		if err != nil && ambiguous == nil {
			ambiguous = err
		}
		return pflag.NormalizedName(full)
	})
	err := flags.Parse(words)
	if ambiguous != nil {
		err = ambiguous
	}
	if err != nil {
		return nil, nil, explain(err)
	}
	return set, flags.Args(), nil
}

// complete returns the only name that begins with prefix, or prefix if there is
// none.
func complete(names []string, prefix string) (string, *UsageError) {
	if slices.Contains(names, prefix) {
		return prefix, nil
	}
	var fit []string
	for _, name := range names {
		if strings.HasPrefix(name, prefix) {
			fit = append(fit, "'--"+name+"'")
		}
	}
	switch len(fit) {
	case 0:
		return prefix, nil
	case 1:
		return strings.Trim(fit[0], "'-"), nil
	}
	slices.Sort(fit)
	return prefix, &UsageError{Bare: true, Lines: []string{
		fmt.Sprintf("option '--%s' is ambiguous; possibilities: %s", prefix, strings.Join(fit, " ")),
	}}
}

// explain says what is wrong in the words that programs look for.
func explain(err error) error {
	last := "Error during parsing of command line."
	bare := func(format string, args ...any) error {
		return &UsageError{Bare: true, Lines: []string{fmt.Sprintf(format, args...), last}}
	}
	var (
		known   *UsageError
		unknown *pflag.NotExistError
		missing *pflag.ValueRequiredError
		invalid *pflag.InvalidValueError
	)
	switch {
	case errors.As(err, &unknown):
		if unknown.GetSpecifiedShortnames() != "" {
			return bare("invalid option -- '%s'", unknown.GetSpecifiedName())
		}
		return bare("unrecognized option '--%s'", unknown.GetSpecifiedName())
	case errors.As(err, &missing):
		if missing.GetSpecifiedShortnames() != "" {
			return bare("option requires an argument -- '%s'", missing.GetSpecifiedName())
		}
		return bare("option '--%s' requires an argument", missing.GetSpecifiedName())
	case errors.As(err, &known):
		lines := slices.Clone(known.Lines)
		if errors.As(err, &invalid) && !strings.Contains(known.Error(), "repeated") {
			lines = append(lines, fmt.Sprintf("Invalid argument for --%s: %s", invalid.GetFlag().Name, invalid.GetValue()))
		}
		return &UsageError{Lines: append(lines, last), Bare: known.Bare}
	default:
		return &UsageError{Lines: []string{err.Error(), last}}
	}
}
