package metadata

import "strconv"

// Discards is what a thin pool does with discards of its volumes.
type Discards uint8

// The ways.
const (
	DiscardsPassdown   Discards = iota // chunks become free, and the storage beneath is told
	DiscardsNoPassdown                 // chunks become free
	DiscardsIgnore                     // nothing
)

func discardsNames() [3]string { return [...]string{"passdown", "nopassdown", "ignore"} }

// String returns the way as the text has it.
func (d Discards) String() string {
	if names := discardsNames(); int(d) < len(names) {
		return names[d]
	}
	return "discards " + strconv.Itoa(int(d))
}

// ParseDiscards reads a way as the text has it. The error matches ErrInvalid.
func ParseDiscards(s string) (Discards, error) {
	for i, name := range discardsNames() {
		if name == s {
			return Discards(i), nil
		}
	}
	return 0, &FormatError{Struct: "discards", Got: s, Err: ErrInvalid}
}

// Choice is a yes or no that may be left open.
type Choice uint8

// The choices.
const (
	ChoiceUnset Choice = iota
	ChoiceNo
	ChoiceYes
)
