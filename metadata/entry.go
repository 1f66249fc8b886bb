package metadata

import (
	"strconv"
	"strings"
)

// Entry is one item of a metadata text: a field or a section. Entries come from
// a parsed text only. They keep how the text was laid out, so that printing one
// gives what was read.
type Entry struct {
	Key      string
	kind     entryKind
	compact  bool     // no blanks around the equals sign
	perLine  uint8    // items of an array in each line; 0: all in the line of the key
	blank    uint8    // empty lines before the entry
	tail     uint8    // empty lines before a section's closing brace
	literals []string // of a field: its values as in the text, quotes included
	entries  []Entry  // of a section
	comment  string   // behind a field; or the whole of a comment
}

type entryKind uint8

const (
	scalarEntry entryKind = iota + 1
	arrayEntry
	sectionEntry
	commentEntry // a comment on a line of its own
)

// IsSection reports whether e is a section.
func (e *Entry) IsSection() bool { return e.kind == sectionEntry }

// Entries returns the entries of a section in their order, without comments.
func (e *Entry) Entries() []Entry { return withoutComments(e.entries) }

// Text returns the string that a field holds. ok is false if it holds something
// else.
func (e *Entry) Text() (s string, ok bool) {
	if e.kind != scalarEntry {
		return "", false
	}
	return textOf(e.literals[0])
}

// Int returns the integer that a field holds. ok is false if it holds something
// else, or more than 64 bits.
func (e *Entry) Int() (n int64, ok bool) {
	if e.kind != scalarEntry {
		return 0, false
	}
	return intOf(e.literals[0])
}

// Texts returns the strings that a field holds, one or a list of them. ok is
// false if it holds something else too.
func (e *Entry) Texts() (s []string, ok bool) {
	if e.kind != scalarEntry && e.kind != arrayEntry || len(e.literals) == 0 {
		return nil, e.kind == arrayEntry
	}
	s = make([]string, len(e.literals))
	for i, l := range e.literals {
		if s[i], ok = textOf(l); !ok {
			return nil, false
		}
	}
	return s, true
}

// textOf returns the string that a literal stands for.
func textOf(literal string) (s string, ok bool) {
	switch c := literal[0]; {
	case c == '"':
		return unescape(literal[1 : len(literal)-1]), true
	case c == '\'':
		return literal[1 : len(literal)-1], true
	case startsNumber(c):
		return "", false
	}
	return literal, true
}

// unescape takes the backslash from \" and \\; any other stays.
func unescape(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) && (s[i+1] == '"' || s[i+1] == '\\') {
			i++
		}
		b = append(b, s[i])
	}
	return string(b)
}

// intOf returns the integer that a literal stands for. As for LVM2, a leading 0
// means octal.
func intOf(literal string) (n int64, ok bool) {
	if !startsNumber(literal[0]) {
		return 0, false
	}
	if len(literal) <= 18 && '1' <= literal[0] && literal[0] <= '9' {
		for i := range len(literal) {
			c := literal[i] - '0'
			if c > 9 {
				return 0, false
			}
			n = n*10 + int64(c)
		}
		return n, true
	}
	base := 10
	if digits := strings.TrimLeft(literal, "+-"); len(digits) > 1 && digits[0] == '0' {
		base = 8
	}
	n, err := strconv.ParseInt(literal, base, 64)
	return n, err == nil
}

func startsNumber(c byte) bool { return '0' <= c && c <= '9' || c == '+' || c == '-' || c == '.' }

// plain returns deep copies of entries for keeping in a record: without
// comments, and sharing nothing with the tree but strings.
func plain(entries []Entry) []Entry {
	kept := withoutComments(entries)
	if len(kept) == 0 {
		return nil
	}
	out := make([]Entry, len(kept))
	for i, e := range kept {
		e.comment = ""
		e.literals = append([]string(nil), e.literals...)
		e.entries = plain(e.entries)
		out[i] = e
	}
	return out
}

// withoutComments returns entries itself if there are no comments in it.
func withoutComments(entries []Entry) []Entry {
	n := 0
	for i := range entries {
		if entries[i].kind == commentEntry {
			n++
		}
	}
	if n == 0 {
		return entries
	}
	out := make([]Entry, 0, len(entries)-n)
	for _, e := range entries {
		if e.kind != commentEntry {
			out = append(out, e)
		}
	}
	return out
}
