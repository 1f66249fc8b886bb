package metadata

import "strings"

// maxDepth is how deeply sections may lie in one another. LVM2 needs six.
const maxDepth = 64

// An entry takes more memory than the shortest one takes text. LVM2's have some
// twenty bytes each, so this keeps memory at a small multiple of the text.
const (
	bytesPerEntry  = 8
	entriesAtLeast = 128
)

// A node is an entry of a text, as the parser leaves it: without pointers, in
// the order of the text, a section before its entries. It refers to the text by
// offsets.
type node struct {
	keyStart, keyEnd     uint32
	valueStart, valueEnd uint32 // of a field; or of a comment
	next                 uint32 // number of the node behind this one and all that it contains
	kind                 entryKind
	compact              bool  // no blanks around the equals sign
	blank                uint8 // empty lines before the entry
	tail                 uint8 // empty lines before a section's closing brace
}

// A syntaxTree is a parsed text.
type syntaxTree struct {
	s     string
	nodes []node
	tail  uint8 // empty lines at the end
}

// parse reads a text up to its first NUL. Keys may have slashes if so said. The
// error is a *SyntaxError.
func parse[T string | []byte](text T, slashes bool) (*syntaxTree, error) {
	if len(text) > int(textLimit) {
		return nil, &SyntaxError{Line: 1, Col: 1, Msg: "longer than " + textLimit.String()}
	}
	p := parser{s: string(text), slashes: slashes}
	if i := strings.IndexByte(p.s, 0); i >= 0 {
		p.s = p.s[:i]
	}
	p.nodes = make([]node, 0, len(p.s)/20+16)
	if err := p.run(); err != nil {
		return nil, err
	}
	return &syntaxTree{p.s, p.nodes, p.emptyLines()}, nil
}

// A parser goes through the text once, without recursion.
type parser struct {
	s     string
	i     int // next byte of s
	lines int // line ends since the last token
	nodes []node
	open  []int // numbers of the sections that are open

	slashes bool // allowed in keys
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

func startsNumber(c byte) bool { return '0' <= c && c <= '9' || c == '+' || c == '-' || c == '.' }

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
			n := &p.nodes[p.open[len(p.open)-1]]
			p.open = p.open[:len(p.open)-1]
			n.next = uint32(len(p.nodes))
			n.tail = p.emptyLines()
			p.lines = 0
			continue
		}
		if err := p.entry(); err != nil {
			return err
		}
	}
}

// emptyLines returns the number of empty lines between the last token and here.
func (p *parser) emptyLines() uint8 {
	if len(p.nodes) == 0 {
		return clamp(p.lines) // nothing ends the first line
	}
	return clamp(p.lines - 1)
}

func clamp(n int) uint8 { return uint8(max(0, min(n, 255))) }

// skip goes on to the next token. If keep, comments become nodes.
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
				p.comment(p.i+1, p.i+end)
			}
			p.i += end
		default:
			return
		}
	}
}

// full reports whether there are too many entries already.
func (p *parser) full() bool { return len(p.nodes) > len(p.s)/bytesPerEntry+entriesAtLeast }

// comment adds a comment. It belongs to the field in the same line, if any.
func (p *parser) comment(start, end int) {
	if p.full() {
		return
	}
	if start < end && p.s[start] == ' ' {
		start++
	}
	n := node{
		kind: commentEntry, blank: p.emptyLines(),
		valueStart: uint32(start), valueEnd: uint32(end), next: uint32(len(p.nodes) + 1),
	}
	if last := len(p.nodes) - 1; last >= 0 && p.lines == 0 && p.nodes[last].isField() && int(p.nodes[last].next) == last+1 {
		n.kind = hintEntry
	}
	p.nodes = append(p.nodes, n)
	p.lines = 0
}

func (n *node) isField() bool { return n.kind == scalarEntry || n.kind == arrayEntry }

func (n *node) isComment() bool { return n.kind == commentEntry || n.kind == hintEntry }

// entry reads a field, or the beginning of a section.
func (p *parser) entry() error {
	if p.full() {
		return p.err("more entries than a text of this length can have")
	}
	n := node{blank: p.emptyLines(), next: uint32(len(p.nodes) + 1)}
	if err := p.key(&n); err != nil {
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
		n.kind = sectionEntry
		p.open = append(p.open, len(p.nodes))
	case '=':
		n.compact = p.i == end
		p.i++
		p.skip(false)
		n.valueStart = uint32(p.i)
		if err := p.value(&n); err != nil {
			return err
		}
		n.valueEnd = uint32(p.i)
	default:
		return p.err("a key must be followed by = or {")
	}
	p.nodes = append(p.nodes, n)
	p.lines = 0
	return nil
}

func (p *parser) key(n *node) error {
	n.keyStart = uint32(p.i)
	switch c := p.s[p.i]; {
	case c == '"' || c == '\'':
		if err := p.quoted(); err != nil {
			return err
		}
		if p.i-int(n.keyStart) == 2 {
			return p.err("empty key")
		}
	case !startsWord(c):
		return p.err("a key is expected")
	default:
		p.word()
	}
	n.keyEnd = uint32(p.i)
	if !p.slashes && strings.IndexByte(p.s[n.keyStart:n.keyEnd], '/') >= 0 {
		return p.err("key with a slash")
	}
	return nil
}

// word goes over a key or a bare value.
func (p *parser) word() {
	for p.i < len(p.s) && !endsWord(p.s[p.i]) {
		p.i++
	}
}

// quoted goes over a string and its quotes.
func (p *parser) quoted() error {
	quote := p.s[p.i]
	for i := p.i + 1; i < len(p.s); i++ {
		switch c := p.s[i]; {
		case c == quote:
			p.i = i + 1
			return nil
		case c == '\\' && quote == '"':
			i++
		}
	}
	return p.err("string is not closed")
}

// number goes over an integer, or a float, which is for LVM2 a value too.
func (p *parser) number() error {
	if c := p.s[p.i]; c == '+' || c == '-' {
		p.i++
	}
	digits, points := 0, 0
	for ; p.i < len(p.s); p.i++ {
		if p.s[p.i] == '.' {
			points++
		} else if '0' <= p.s[p.i] && p.s[p.i] <= '9' {
			digits++
		} else {
			break
		}
	}
	if digits == 0 || points > 1 {
		return p.err("not a number")
	}
	return nil
}

func (p *parser) value(n *node) error {
	if p.i < len(p.s) && p.s[p.i] == '[' {
		n.kind = arrayEntry
		return p.array()
	}
	n.kind = scalarEntry
	return p.scalar(true)
}

// scalar goes over a string or a number, or if bare, a string without quotes.
func (p *parser) scalar(bare bool) error {
	if p.i == len(p.s) {
		return p.err("text ends before a value")
	}
	switch c := p.s[p.i]; {
	case c == '"' || c == '\'':
		return p.quoted()
	case startsNumber(c):
		return p.number()
	case !bare || !startsWord(c):
		return p.err("a value is expected")
	}
	p.word()
	return nil
}

// array goes over what is between brackets. Commas may be missing, and there may
// be one behind the last item; a bare item needs one before it.
func (p *parser) array() error {
	p.i++
	for separated := true; ; {
		p.skip(false)
		if p.i == len(p.s) {
			return p.err("array is not closed")
		}
		switch c := p.s[p.i]; {
		case c == ']':
			p.i++
			return nil
		case c == ',':
			if separated {
				return p.err("a value is expected")
			}
			separated = true
			p.i++
		default:
			if err := p.scalar(separated); err != nil {
				return err
			}
			separated = false
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

// key returns the key of a node, without quotes.
func (t *syntaxTree) key(n *node) string {
	key := t.s[n.keyStart:n.keyEnd]
	if len(key) != 0 && (key[0] == '"' || key[0] == '\'') {
		key, _ = textOf(key)
	}
	return key
}

// value returns the value of a field as in the text, or a comment.
func (t *syntaxTree) value(n *node) string { return t.s[n.valueStart:n.valueEnd] }

// An itemReader goes through the literals of a field that has been parsed.
type itemReader struct {
	p     parser
	array bool
	done  bool
}

func (t *syntaxTree) items(n *node) itemReader {
	r := itemReader{p: parser{s: t.value(n)}, array: n.kind == arrayEntry, done: !n.isField()}
	if r.array {
		r.p.i++
	}
	return r
}

// next returns the next literal. ok is false if there is none.
func (r *itemReader) next() (literal string, ok bool) {
	if r.done {
		return "", false
	}
	if !r.array {
		r.done = true
		return r.p.s, true
	}
	for {
		r.p.skip(false)
		switch r.p.s[r.p.i] {
		case ',':
			r.p.i++
			continue
		case ']':
			r.done = true
			return "", false
		}
		from := r.p.i
		if r.p.scalar(true) != nil {
			r.done = true // cannot be: it was parsed before
			return "", false
		}
		return r.p.s[from:r.p.i], true
	}
}
