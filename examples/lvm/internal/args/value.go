package args

import (
	"slices"
	"strconv"
	"strings"

	"github.com/lvm-go/lvm"
	"github.com/lvm-go/lvm/examples/lvm/internal/sizes"
)

// Value is what an option was given.
type Value struct {
	Text string
	// Sign is '+' or '-' if the number has one, else 0.
	Sign byte
	// Number is that of a Number and of Extents without a percentage, Bytes that of
	// a Size, without their sign.
	Number uint64
	Bytes  lvm.Bytes
	// Percent is of what a number of Extents is the share: FREE, VG, LV, PVS or
	// ORIGIN.
	Percent string
}

// parse reads a value of the option's kind.
func (o *Option) parse(text string) (Value, error) {
	v := Value{Text: text}
	number := text
	if o.Kind == Number || o.Kind == Size || o.Kind == Extents {
		if number != "" && (number[0] == '+' || number[0] == '-') {
			v.Sign, number = number[0], number[1:]
		}
	}
	switch o.Kind {
	case YesNo:
		if text != "y" && text != "n" {
			return v, &UsageError{}
		}
	case Choice:
		if !slices.Contains(o.Words, text) {
			return v, &UsageError{}
		}
	case Tag:
		if !isTag(text) {
			return v, &UsageError{}
		}
	case Number:
		n, err := strconv.ParseUint(number, 10, 64)
		if err != nil {
			return v, &UsageError{}
		}
		v.Number = n
	case Size:
		b, err := sizes.Parse(number, o.Unit)
		if err != nil {
			return v, usage("Size requires number argument.")
		}
		if err := checkSectors(number, b); err != nil {
			return v, err
		}
		v.Bytes = b
	case Extents:
		digits, percent, share := strings.Cut(number, "%")
		n, err := strconv.ParseUint(digits, 10, 64)
		v.Number, v.Percent = n, strings.ToUpper(percent)
		switch {
		case err != nil:
			return v, &UsageError{}
		case !share:
			v.Percent = ""
		case v.Percent == "F" || v.Percent == "FR" || v.Percent == "FRE":
			v.Percent = "FREE"
		case !slices.Contains([]string{"FREE", "VG", "LV", "PVS", "ORIGIN"}, v.Percent):
			return v, &UsageError{}
		}
	}
	return v, nil
}

// Has says whether an option was given.
func (s *Set) Has(name string) bool { return s.Count(name) > 0 }

// HasAny says whether one of some options was given.
func (s *Set) HasAny(names ...string) bool { return slices.ContainsFunc(names, s.Has) }

// Count returns how many times an option was given.
func (s *Set) Count(name string) int {
	v := s.values[name]
	if v == nil {
		return 0
	}
	v.read = v.read || v.option.Kind == Flag
	return len(v.given)
}

// HasValue says whether an option is of those that are given a value.
func (s *Set) HasValue(name string) bool {
	v := s.values[name]
	return v != nil && v.option.Kind != Flag
}

// Value returns what an option was given last, nothing if it was not.
func (s *Set) Value(name string) Value {
	if s.Has(name) {
		v := s.values[name]
		v.read = true
		return v.given[len(v.given)-1]
	}
	return Value{}
}

// Text returns the words of what an option was given last.
func (s *Set) Text(name string) string { return s.Value(name).Text }

// Bytes returns the size that an option was given.
func (s *Set) Bytes(name string) lvm.Bytes { return s.Value(name).Bytes }

// Number returns the number that an option was given, without its sign.
func (s *Set) Number(name string) uint64 { return s.Value(name).Number }

// Texts returns all that an option was given.
func (s *Set) Texts(name string) []string {
	var out []string
	for i := range s.Count(name) {
		v := s.values[name]
		v.read = true
		out = append(out, v.given[i].Text)
	}
	return out
}

// Yes says whether an option was given and is y; otherwise what it is if it was not
// given.
func (s *Set) Yes(name string, otherwise bool) bool {
	if !s.Has(name) {
		return otherwise
	}
	return s.Text(name) == "y"
}
