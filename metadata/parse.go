package metadata

import "strings"

// maxDepth is how deeply sections may lie in one another. LVM2 needs six.
const maxDepth = 64

// An entry takes far more memory than the shortest one takes text. LVM2's have
// some twenty bytes each, so this keeps memory at a small multiple of the text.
const (
	bytesPerEntry  = 8
	entriesAtLeast = 128
)

// Tree is a metadata text as an ordered tree, before its meaning is looked at.
type Tree struct {
	entries []Entry
	tail    uint8 // empty lines at the end
}

// Entries returns the entries at the top of the text, without comments.
func (t *Tree) Entries() []Entry { return withoutComments(t.entries) }

// ParseTree reads a metadata text, in either of its forms, up to its end or its
// first NUL. Memory is a small multiple of the text, and recursion is bounded.
// The error is a *SyntaxError.
//
// Unlike LVM2, which no text written by it makes use of, keys with a slash,
// shorthand for nested sections, are refused.
func ParseTree(text []byte) (*Tree, error) {
	p := parser{s: string(text)}
	if i := strings.IndexByte(p.s, 0); i >= 0 {
		p.s = p.s[:i]
	}
	if err := p.run(); err != nil {
		return nil, err
	}
	return &Tree{p.list(0), p.tail()}, nil
}

// A parser goes through the text once. The entries of the sections that are
// open lie on one stack, those of the innermost on top; when a section ends,
// its entries move into a slab.
type parser struct {
	s     string
	i     int // next byte of s
	lines int // line ends since the last token
	stack []Entry
	open  []int // where on the stack the open sections are
	count int   // entries so far

	entries []Entry  // slab
	strings []string // slab
}

// spaces are the bytes that isspace knows, as bits.
const spaces uint64 = 1<<' ' | 1<<'\t' | 1<<'\n' | 1<<'\v' | 1<<'\f' | 1<<'\r'

// signs are the bytes below 64 that end a key or a bare value, as bits.
const signs uint64 = 1<<'#' | 1<<'='

func isSpace(c byte) bool { return c <= ' ' && spaces>>c&1 != 0 }

func endsWord(c byte) bool { return c < 64 && (spaces|signs)>>c&1 != 0 || c == '{' || c == '}' }

func startsWord(c byte) bool {
	switch c {
	case '[', ']', ',', '"', '\'':
		return false
	}
	return !endsWord(c)
}

func (p *parser) run() error {
	for {
		p.skip(true)
		if p.i == len(p.s) {
			if len(p.open) != 0 {
				return p.err("section is not closed")
			}
			return nil
		}
		if p.s[p.i] == '}' {
			if len(p.open) == 0 {
				return p.err("no section to close")
			}
			p.i++
			at := p.open[len(p.open)-1]
			p.open = p.open[:len(p.open)-1]
			p.stack[at].entries = p.list(at + 1)
			p.stack[at].tail = p.tail()
			p.lines = 0
			continue
		}
		if err := p.entry(); err != nil {
			return err
		}
	}
}

// tail returns the number of empty lines between the last token and here.
func (p *parser) tail() uint8 { return clamp(p.lines - 1) }

func clamp(n int) uint8 { return uint8(max(0, min(n, 255))) }

// list takes the entries from the stack, from number at on.
func (p *parser) list(at int) []Entry {
	n := len(p.stack) - at
	if n == 0 {
		return nil
	}
	if cap(p.entries)-len(p.entries) < n {
		// A slab for as much as has been needed before: what is wasted is bounded.
		p.entries = make([]Entry, 0, max(n, min(2*cap(p.entries), 4096), 32))
	}
	from := len(p.entries)
	p.entries = append(p.entries, p.stack[at:]...)
	clear(p.stack[at:])
	p.stack = p.stack[:at]
	return p.entries[from:len(p.entries):len(p.entries)]
}

// skip goes on to the next token. If keep, comments are put into the tree:
// with the field in the same line, or as entries of their own.
func (p *parser) skip(keep bool) {
	for p.i < len(p.s) {
		switch c := p.s[p.i]; {
		case c == '\n':
			p.lines++
			p.i++
		case isSpace(c):
			p.i++
		case c == '#':
			end := strings.IndexByte(p.s[p.i:], '\n')
			if end < 0 {
				end = len(p.s) - p.i
			}
			if keep {
				p.comment(strings.TrimPrefix(p.s[p.i+1:p.i+end], " "))
			}
			p.i += end
		default:
			return
		}
	}
}

func (p *parser) comment(text string) {
	if n := len(p.stack); n != 0 && p.lines == 0 {
		if last := &p.stack[n-1]; last.kind == scalarEntry || last.kind == arrayEntry {
			last.comment = text
			return
		}
	}
	p.stack = append(p.stack, Entry{kind: commentEntry, blank: p.before(), comment: text})
	p.lines = 0
}

// before returns the number of empty lines before an entry that begins here.
func (p *parser) before() uint8 {
	if len(p.stack) == 0 {
		return clamp(p.lines) // nothing ends the first line
	}
	return clamp(p.lines - 1)
}

// entry reads a field, or the beginning of a section.
func (p *parser) entry() error {
	p.count++
	if p.count > len(p.s)/bytesPerEntry+entriesAtLeast {
		return p.err("more entries than a text of this length can have")
	}
	e := Entry{blank: p.before()}
	var err error
	if e.Key, err = p.key(); err != nil {
		return err
	}
	end := p.i
	p.skip(false)
	if p.i == len(p.s) {
		return p.err("text ends behind a key")
	}
	switch p.s[p.i] {
	case '{':
		p.i++
		if len(p.open) == maxDepth {
			return p.err("sections nested too deeply")
		}
		e.kind = sectionEntry
		p.open = append(p.open, len(p.stack))
	case '=':
		e.compact = p.i == end
		p.i++
		p.skip(false)
		if err := p.value(&e); err != nil {
			return err
		}
	default:
		return p.err("a key must be followed by = or {")
	}
	p.stack = append(p.stack, e)
	p.lines = 0
	return nil
}

func (p *parser) key() (string, error) {
	var key string
	switch c := p.s[p.i]; {
	case c == '"' || c == '\'':
		literal, err := p.quoted()
		if err != nil {
			return "", err
		}
		key, _ = textOf(literal)
	case !startsWord(c):
		return "", p.err("a key is expected")
	default:
		key = p.word()
	}
	if key == "" {
		return "", p.err("empty key")
	}
	if strings.IndexByte(key, '/') >= 0 {
		return "", p.err("key with a slash")
	}
	return key, nil
}

// word reads a key or a bare value.
func (p *parser) word() string {
	i := p.i
	for i < len(p.s) && !endsWord(p.s[i]) {
		i++
	}
	w := p.s[p.i:i]
	p.i = i
	return w
}

// quoted reads a string and returns it with its quotes.
func (p *parser) quoted() (string, error) {
	quote := p.s[p.i]
	for i := p.i + 1; i < len(p.s); i++ {
		switch c := p.s[i]; {
		case c == quote:
			literal := p.s[p.i : i+1]
			p.i = i + 1
			return literal, nil
		case c == '\\' && quote == '"':
			i++
		}
	}
	return "", p.err("string is not closed")
}

// number reads an integer, or a float, which is for LVM2 a value too.
func (p *parser) number() (string, error) {
	i := p.i
	if p.s[i] == '+' || p.s[i] == '-' {
		i++
	}
	digits, points := 0, 0
	for ; i < len(p.s); i++ {
		if p.s[i] == '.' {
			points++
		} else if '0' <= p.s[i] && p.s[i] <= '9' {
			digits++
		} else {
			break
		}
	}
	if digits == 0 || points > 1 {
		return "", p.err("not a number")
	}
	literal := p.s[p.i:i]
	p.i = i
	return literal, nil
}

func (p *parser) value(e *Entry) error {
	if p.i < len(p.s) && p.s[p.i] == '[' {
		e.kind = arrayEntry
		return p.array(e)
	}
	e.kind = scalarEntry
	literal, err := p.scalar(true)
	if err != nil {
		return err
	}
	from := len(p.strings)
	p.push(from, literal)
	from = len(p.strings) - 1
	e.literals = p.strings[from:len(p.strings):len(p.strings)]
	return nil
}

// push appends to the slab of strings, keeping those from number from on
// together, and returns where they now begin.
func (p *parser) push(from int, s string) int {
	if len(p.strings) == cap(p.strings) {
		own := p.strings[from:]
		p.strings = make([]string, 0, max(2*len(own), min(2*cap(p.strings), 4096), 32))
		p.strings = append(p.strings, own...)
		from = 0
	}
	p.strings = append(p.strings, s)
	return from
}

// scalar reads a string or a number, or if bare, a string without quotes.
func (p *parser) scalar(bare bool) (string, error) {
	if p.i == len(p.s) {
		return "", p.err("text ends before a value")
	}
	switch c := p.s[p.i]; {
	case c == '"' || c == '\'':
		return p.quoted()
	case startsNumber(c):
		return p.number()
	case !bare || !startsWord(c):
		return "", p.err("a value is expected")
	}
	return p.word(), nil
}

// array reads what is between brackets. Commas may be missing, and there may be
// one behind the last item; a bare item needs one before it.
func (p *parser) array(e *Entry) error {
	p.i++
	from := len(p.strings)
	multiline := false
	for separated := true; ; {
		p.lines = 0
		p.skip(false)
		n := len(p.strings) - from
		if p.lines > 0 && n == 0 {
			multiline = true
		}
		if p.lines > 0 && multiline && e.perLine == 0 {
			e.perLine = clamp(n)
		}
		if p.i == len(p.s) {
			return p.err("array is not closed")
		}
		switch c := p.s[p.i]; {
		case c == ']':
			p.i++
			if multiline && e.perLine == 0 {
				e.perLine = clamp(n)
			}
			e.literals = p.strings[from:len(p.strings):len(p.strings)]
			return nil
		case c == ',':
			if separated {
				return p.err("a value is expected")
			}
			separated = true
			p.i++
		default:
			literal, err := p.scalar(separated)
			if err != nil {
				return err
			}
			separated = false
			from = p.push(from, literal)
		}
	}
}

// err returns an error about the place that the parser is at.
func (p *parser) err(msg string) error {
	before := p.s[:p.i]
	return &SyntaxError{
		Line: strings.Count(before, "\n") + 1,
		Col:  p.i - strings.LastIndexByte(before, '\n'),
		Msg:  msg,
	}
}
