package lvm

import (
	"fmt"
	"regexp"
	"strings"
)

// maxDevicePattern is the longest pattern that is taken.
const maxDevicePattern = 4096

// compileDeviceRegex compiles a regular expression of lvm.conf, which matches
// anywhere in a name. lvm2 knows alternatives, groups, sets, the point, both
// anchors, and the repetitions * + ?; a backslash takes the meaning from the
// character after it, but that \n, \r and \t are what they are elsewhere. It has
// no counted repetitions and no classes: braces are characters, and \d is a d.
//
// What lvm2 takes, but in a way that nobody can want, is an error here: a closing
// parenthesis too many (it forgets the rest), an empty alternative, an empty set.
// Source: lvm2 as observed.
func compileDeviceRegex(pattern string) (*regexp.Regexp, error) {
	if len(pattern) > maxDevicePattern {
		return nil, fault(ErrInvalidSpec, "regular expression of %d bytes is too long", len(pattern))
	}
	t := regexTranslator{rest: []rune(pattern)}
	err := t.alternatives()
	if err == nil && len(t.rest) > 0 {
		err = fmt.Errorf("%w: unmatched )", ErrInvalidSpec)
	}
	var re *regexp.Regexp
	if err == nil {
		re, err = regexp.Compile(t.out.String())
	}
	if err != nil {
		return nil, fault(ErrInvalidSpec, "regular expression %q: %v", pattern, err)
	}
	return re, nil
}

// regexTranslator turns lvm2's syntax into that of package regexp.
type regexTranslator struct {
	rest  []rune
	out   strings.Builder
	depth int
}

func (t *regexTranslator) peek() rune {
	if len(t.rest) == 0 {
		return -1
	}
	return t.rest[0]
}

func (t *regexTranslator) take() rune {
	c := t.peek()
	if c >= 0 {
		t.rest = t.rest[1:]
	}
	return c
}

func (t *regexTranslator) alternatives() error {
	const maxDepth = 64
	if t.depth++; t.depth > maxDepth {
		return fault(ErrInvalidSpec, "groups nested too deeply")
	}
	for {
		if err := t.sequence(); err != nil {
			return err
		}
		if t.peek() != '|' {
			t.depth--
			return nil
		}
		t.out.WriteRune(t.take())
	}
}

// sequence goes over what stands between bars: one item at least.
func (t *regexTranslator) sequence() error {
	for n := 0; ; n++ {
		switch c := t.peek(); c {
		case -1, '|', ')':
			if n == 0 {
				return fault(ErrInvalidSpec, "empty alternative")
			}
			return nil
		default:
			if err := t.item(); err != nil {
				return err
			}
		}
	}
}

// item goes over a character, set or group, and its repetition. Several in a row
// come to the loosest of them.
func (t *regexTranslator) item() error {
	t.out.WriteString("(?:")
	switch c := t.take(); c {
	case '(':
		if err := t.alternatives(); err != nil {
			return err
		}
		if t.take() != ')' {
			return fault(ErrInvalidSpec, "missing )")
		}
	case '[':
		if err := t.set(); err != nil {
			return err
		}
	case '*', '+', '?':
		return fault(ErrInvalidSpec, "%c repeats nothing", c)
	case '.', '^', '$':
		t.out.WriteRune(c)
	case '\\':
		c, err := t.escaped()
		if err != nil {
			return err
		}
		t.out.WriteString(regexp.QuoteMeta(string(c)))
	default:
		t.out.WriteString(regexp.QuoteMeta(string(c)))
	}
	t.out.WriteByte(')')
	var none, many bool
	for {
		switch t.peek() {
		case '*':
			none, many = true, true
		case '+':
			many = true
		case '?':
			none = true
		default:
			t.repeat(none, many)
			return nil
		}
		t.take()
	}
}

func (t *regexTranslator) repeat(none, many bool) {
	switch {
	case none && many:
		t.out.WriteByte('*')
	case many:
		t.out.WriteByte('+')
	case none:
		t.out.WriteByte('?')
	}
}

// escaped returns what the characters behind a backslash stand for.
func (t *regexTranslator) escaped() (rune, error) {
	switch c := t.take(); c {
	case -1:
		return 0, fault(ErrInvalidSpec, "nothing behind the backslash")
	case 'n':
		return '\n', nil
	case 'r':
		return '\r', nil
	case 't':
		return '\t', nil
	default:
		return c, nil
	}
}

// set goes over a set of characters, behind its opening bracket. The ends of a
// range may have any order.
func (t *regexTranslator) set() error {
	t.out.WriteByte('[')
	if t.peek() == '^' {
		t.out.WriteRune(t.take())
	}
	for n := 0; ; n++ {
		if t.peek() == ']' {
			if n == 0 {
				return fault(ErrInvalidSpec, "empty set")
			}
			t.out.WriteRune(t.take())
			return nil
		}
		from, err := t.member()
		if err != nil {
			return err
		}
		to := from
		if t.peek() == '-' {
			t.take()
			if to, err = t.member(); err != nil {
				return err
			}
		}
		fmt.Fprintf(&t.out, `\x{%x}-\x{%x}`, min(from, to), max(from, to))
	}
}

// member goes over one character of a set. lvm2 sees bytes, so that a character
// of several would be as many members.
func (t *regexTranslator) member() (rune, error) {
	c := t.take()
	var err error
	switch {
	case c == -1:
		return 0, fault(ErrInvalidSpec, "missing ]")
	case c == '\\':
		c, err = t.escaped()
	}
	if err == nil && c > 0x7f {
		err = fault(ErrInvalidSpec, "%q in a set is not ASCII", c)
	}
	return c, err
}
