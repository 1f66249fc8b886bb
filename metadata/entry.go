package metadata

import (
	"slices"
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
	comment  string   // the whole of a comment
}

type entryKind uint8

const (
	scalarEntry entryKind = iota + 1
	arrayEntry
	sectionEntry
	commentEntry // a comment on a line of its own
	hintEntry    // a comment in the line of the field before it
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
	if e.kind != scalarEntry && e.kind != arrayEntry {
		return nil, false
	}
	for _, l := range e.literals {
		text, ok := textOf(l)
		if !ok {
			return nil, false
		}
		s = append(s, text)
	}
	return s, true
}

// Values returns the values that a field holds, one or a list of them: each as
// a string, or as the digits of a number. A section has none.
func (e *Entry) Values() []string {
	var s []string
	for _, l := range e.literals {
		text, ok := textOf(l)
		if !ok {
			text = l
		}
		s = append(s, text)
	}
	return s
}

// Literals returns the values that a field holds as they stand in the text: strings with
// their quotes.
func (e *Entry) Literals() []string { return slices.Clone(e.literals) }

// IsList reports whether a field holds a list, and not one value.
func (e *Entry) IsList() bool { return e.kind == arrayEntry }

// Tree is a metadata text as an ordered tree, before its meaning is looked at.
type Tree struct {
	entries []Entry
	tail    uint8 // empty lines at the end
}

// ParseTree reads a metadata text, in either of its forms, up to its end or its
// first NUL. Memory is a small multiple of the text, and recursion is bounded.
// The error is a *SyntaxError.
//
// LVM2 takes a key with a slash for nested sections. No text that it wrote has
// one, and here it is an error.
func ParseTree(text []byte) (*Tree, error) { return parseTree(text, false) }

// ParseConfigTree is ParseTree for a configuration file of LVM2, such as
// lvm.conf, which is in the same language. A key with a slash, that people write
// there, is kept as it is: "devices/dir" at the top is the key dir of the
// section devices.
func ParseConfigTree(text []byte) (*Tree, error) { return parseTree(text, true) }

func parseTree(text []byte, slashes bool) (*Tree, error) {
	t, err := parse(text, slashes)
	if err != nil {
		return nil, err
	}
	return &Tree{t.list(0, len(t.nodes), true), t.tail}, nil
}

// Entries returns the entries at the top of the text, without comments.
func (t *Tree) Entries() []Entry { return withoutComments(t.entries) }

// list returns the entries that begin with the nodes from number from up to, but
// not including, number to.
func (t *syntaxTree) list(from, to int, comments bool) []Entry {
	n := 0
	for i := from; i < to; i = int(t.nodes[i].next) {
		if comments || !t.nodes[i].isComment() {
			n++
		}
	}
	if n == 0 {
		return nil
	}
	entries := make([]Entry, 0, n)
	for i := from; i < to; i = int(t.nodes[i].next) {
		if comments || !t.nodes[i].isComment() {
			entries = append(entries, t.entry(i, comments))
		}
	}
	return entries
}

// entry returns node number i as an entry. It recurs for the sections in a
// section, which the parser allows to a certain depth.
func (t *syntaxTree) entry(i int, comments bool) Entry {
	n := &t.nodes[i]
	e := Entry{Key: t.key(n), kind: n.kind, compact: n.compact, blank: n.blank, tail: n.tail}
	switch n.kind {
	case sectionEntry:
		e.entries = t.list(i+1, int(n.next), comments)
	case commentEntry, hintEntry:
		e.comment = t.value(n)
	case scalarEntry:
		e.literals = []string{t.value(n)}
	case arrayEntry:
		e.literals, e.perLine = t.layout(n)
	}
	return e
}

// layout returns the items of an array, and how many there are in its first
// line; 0 if that is the line of the key.
func (t *syntaxTree) layout(n *node) (literals []string, perLine uint8) {
	r := t.items(n)
	multiline := false
	for {
		r.p.lines = 0
		literal, ok := r.next()
		switch {
		case r.p.lines == 0:
		case len(literals) == 0:
			multiline = true
		case multiline && perLine == 0:
			perLine = clamp(len(literals))
		}
		if !ok {
			break
		}
		literals = append(literals, literal)
	}
	if multiline && perLine == 0 {
		perLine = clamp(len(literals))
	}
	return literals, perLine
}

// withoutComments returns entries itself if there are no comments in it.
func withoutComments(entries []Entry) []Entry {
	n := 0
	for i := range entries {
		if entries[i].Key == "" {
			n++
		}
	}
	if n == 0 {
		return entries
	}
	out := make([]Entry, 0, len(entries)-n)
	for _, e := range entries {
		if e.Key != "" {
			out = append(out, e)
		}
	}
	return out
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
