// Package args reads command lines the way lvm2's commands do: long options that may
// be cut short as long as they stay unambiguous, short ones with their value behind
// them or next to them, and values of the kinds that lvm2 knows.
package args

import "strings"

// Kind says what an option has for a value.
type Kind uint8

// The kinds of options.
const (
	Flag    Kind = iota // none
	Text                // anything
	Tag                 // a tag
	Number              // a whole number, that may have a sign
	Size                // a number with or without a unit and a sign
	Extents             // a number of extents or a percentage, with or without a sign
	YesNo               // y or n
	Choice              // one of the words of the option
)

// Option is an option as the commands that have it share it.
type Option struct {
	Name  string
	Short string // one letter; the first option of a command that wants it has it
	Kind  Kind
	// Unit is what the numbers of a Size count if they do not say: k, m, s ...
	Unit byte
	// Words are what a Choice can be.
	Words []string
	// Repeats allows the option more than once.
	Repeats bool
}

// value returns what a help text has in the place of the value.
func (o *Option) value() string {
	switch o.Kind {
	case Text:
		return "String"
	case Tag:
		return "Tag"
	case Number:
		return "Number"
	case Size:
		return "Size[" + string(o.Unit) + "|UNIT]"
	case Extents:
		return "Number[PERCENT]"
	case YesNo:
		return "y|n"
	case Choice:
		return strings.Join(o.Words, "|")
	default:
		return ""
	}
}

// Values returns what the value can be, if that is a choice.
func (o *Option) Values() []string {
	if o.Kind == YesNo {
		return []string{"y", "n"}
	}
	return o.Words
}

// Usage returns an option as help texts show it: "-L|--size Size[m|UNIT]".
func (o *Option) Usage(short bool) string {
	s := "   --"
	if short && o.Short != "" {
		s = "-" + o.Short + "|--"
	}
	return strings.TrimRight(s+o.Name+" "+o.value(), " ")
}
