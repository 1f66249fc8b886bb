package report

import (
	"regexp"
	"strings"
)

// selectParser reads a selection.
type selectParser struct {
	text string
	pos  int
	kind Kind
	o    *Options
	note func(*field) // called with each field that is used

	depth int // of parentheses
}

// maxDepth is how deep parentheses may be.
const maxDepth = 1000

const selectHint = "Use 'help' for selection to get more help."

func (p *selectParser) parse() (condition, error) {
	if word := strings.TrimSpace(p.text); isHelp(word) {
		return nil, &SelectError{Help: true}
	}
	c, err := p.either()
	if err != nil {
		return nil, err
	}
	if p.blanks(); p.pos < len(p.text) {
		return nil, p.fail(p.pos, "Expecting logical operator")
	}
	return c, nil
}

// fail returns an error about the text from at.
func (p *selectParser) fail(at int, lines ...string) *SelectError {
	return &SelectError{Lines: append(lines, "Selection syntax error at '"+p.text[at:]+"'.", selectHint)}
}

func (p *selectParser) blanks() {
	for p.pos < len(p.text) && strings.IndexByte(" \t\n", p.text[p.pos]) >= 0 {
		p.pos++
	}
}

// take skips one of the words if it comes next.
func (p *selectParser) take(words ...string) bool {
	p.blanks()
	for _, w := range words {
		if strings.HasPrefix(p.text[p.pos:], w) {
			p.pos += len(w)
			return true
		}
	}
	return false
}

func (p *selectParser) either() (condition, error) {
	var out anyOf
	for {
		c, err := p.both()
		if err != nil {
			return nil, err
		}
		out = append(out, c)
		if !p.take("||", "#") {
			return out, nil
		}
	}
}

func (p *selectParser) both() (condition, error) {
	var out allOf
	for {
		c, err := p.one()
		if err != nil {
			return nil, err
		}
		out = append(out, c)
		if !p.take("&&", ",") {
			return out, nil
		}
	}
}

// one reads a comparison, or what is in parentheses.
func (p *selectParser) one() (condition, error) {
	if p.take("!") {
		if !p.take("(") {
			return nil, &SelectError{Lines: []string{"Syntax error: left parenthesis expected at '" + p.text[p.pos:] + "'"}}
		}
		c, err := p.inner()
		return negation{c}, err
	}
	if p.take("(") {
		return p.inner()
	}
	return p.comparison()
}

func (p *selectParser) inner() (condition, error) {
	if p.depth++; p.depth > maxDepth {
		return nil, p.fail(p.pos, "Too many parentheses")
	}
	defer func() { p.depth-- }()
	c, err := p.either()
	if err != nil {
		return nil, err
	}
	if !p.take(")") {
		return nil, &SelectError{Lines: []string{"Syntax error: right parenthesis expected at '" + p.text[p.pos:] + "'"}}
	}
	return c, nil
}

// comparison reads a field, an operator and a value.
func (p *selectParser) comparison() (condition, error) {
	p.blanks()
	start := p.pos
	for p.pos < len(p.text) && isWord(p.text[p.pos]) {
		p.pos++
	}
	name := p.text[start:p.pos]
	if name == "" {
		return nil, p.fail(start, "Expecting field name")
	}
	f, ok := findField(name, p.kind)
	if !ok {
		err := p.fail(start, "Unrecognised selection field: "+name)
		if isHelp(name) {
			err = p.fail(start, "Selection field is uncomparable: "+name+".")
		}
		err.Fields = true
		return nil, err
	}
	p.note(f)
	c := &comparison{field: f}
	rest := p.text[p.pos:]
	if !p.operator(c) {
		err := p.fail(start, "Unrecognised comparison operator: "+rest)
		err.Operands = true
		return nil, err
	}
	if c.op == matches && f.typ != String {
		return nil, &SelectError{Lines: []string{"dm_report: incompatible comparison type for selection field " + f.name}}
	}
	if c.op > matches && (f.typ == String || f.typ == StringList) {
		err := p.fail(start, "Operator can be used only with number, size, time or percent fields: "+p.text[start:])
		err.Operands = true
		return nil, err
	}
	p.blanks()
	if err := p.value(c, start); err != nil {
		return nil, err
	}
	return c, nil
}

func isWord(c byte) bool {
	return c == '_' || c == '-' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// operator is how a value is compared.
type operator uint8

const (
	equal operator = iota
	matches
	atLeast
	above
	atMost
	below
)

// operator reads an operator.
func (p *selectParser) operator(c *comparison) bool {
	for _, o := range []struct {
		word string
		op   operator
		not  bool
	}{
		{"=~", matches, false}, {"!~", matches, true}, {"!=", equal, true}, {"=", equal, false},
		{">=", atLeast, false}, {">", above, false}, {"<=", atMost, false}, {"<", below, false},
		{"since", atLeast, false}, {"after", above, false}, {"until", atMost, false}, {"before", below, false},
	} {
		if p.take(o.word) {
			c.op, c.not = o.op, o.not
			return c.field.typ == Time || !isWord(o.word[0])
		}
	}
	return false
}

// value reads what is compared with. The comparison begins at start.
func (p *selectParser) value(c *comparison, start int) error {
	fail := func(lines ...string) error { return p.fail(start, lines...) }
	failed := "Failed to parse " + valueName(c) + " value for selection field " + c.field.name + "."
	if c.op == matches {
		return p.regex(c, start, failed)
	}
	switch c.field.typ {
	case StringList:
		if lines := p.list(c); lines != nil {
			return fail(append(lines, failed)...)
		}
		return nil
	case Number, Size, Percent:
		return p.number(c, start, failed)
	}
	word, ok := p.word(`"'`)
	if !ok {
		return fail("Missing end quote.", "Missing end quote.", failed)
	}
	if c.field.typ == String {
		c.setWord(word)
		return nil
	}
	var err error
	if c.first, c.last, err = parseTime(word, p.o); err != nil {
		return fail(append(strings.FieldsFunc(err.Error(), func(r rune) bool { return r == '\n' }), failed)...)
	}
	return nil
}

// regex reads a regular expression.
func (p *selectParser) regex(c *comparison, start int, failed string) error {
	if p.pos == len(p.text) {
		return p.fail(start, "Regular expression expected for selection field "+c.field.name)
	}
	word, ok := p.word(`"'([{`)
	if !ok {
		return p.fail(start, "Missing end quote.", failed)
	}
	var err error
	if c.regex, err = regexp.Compile(word); err != nil || word == "" {
		return &SelectError{Lines: []string{
			"Parse error in regex", "Couldn't parse regex", "dm_report: failed to create regex matcher for selection field " + c.field.name,
		}}
	}
	return nil
}

// number reads a number with its unit, or a word that stands for one.
func (p *selectParser) number(c *comparison, start int, failed string) error {
	before := p.pos
	if word, ok := p.word(`"'`); ok && c.setWord(word) {
		return nil
	}
	p.pos = before
	for p.pos < len(p.text) && (p.text[p.pos] == '.' || '0' <= p.text[p.pos] && p.text[p.pos] <= '9') {
		p.pos++
	}
	number, unit := p.text[before:p.pos], ""
	if p.pos < len(p.text) && c.field.typ == Size && strings.IndexByte("bBsSkKmMgGtTpPeE", p.text[p.pos]) >= 0 {
		unit = p.text[p.pos : p.pos+1]
		p.pos++
	}
	if c.field.typ == Percent {
		p.take("%")
	}
	if !c.setNumber(number, unit) {
		return p.fail(start, failed)
	}
	if c.field.typ == Percent && c.first > 100*100 {
		return &SelectError{Lines: []string{"Field selection value " + number + " out of supported range for field " + c.field.name + "."}}
	}
	return nil
}

// valueName is what lvm2 calls a value of the kind.
func valueName(c *comparison) string {
	switch {
	case c.op == matches:
		return "regex"
	case c.field.typ == StringList:
		return "string list"
	case c.field.typ == Time:
		return "time"
	case c.field.typ == String:
		return "string"
	}
	return "numeric"
}

// word reads a value that may be in one of the quotes.
func (p *selectParser) word(quotes string) (string, bool) {
	if p.pos < len(p.text) && strings.IndexByte(quotes, p.text[p.pos]) >= 0 {
		end := p.text[p.pos]
		if i := strings.IndexByte("([{", end); i >= 0 {
			end = ")]}"[i]
		}
		length := strings.IndexByte(p.text[p.pos+1:], end)
		if length < 0 {
			return "", false
		}
		word := p.text[p.pos+1:][:length]
		p.pos += length + 2
		return word, true
	}
	start := p.pos
	inRegex := strings.Contains(quotes, "[") // which may have such brackets later on
	for p.pos < len(p.text) && !endsWord(p.text[p.pos:], inRegex) {
		p.pos++
	}
	return p.text[start:p.pos], true
}

// endsWord says whether a value without quotes ends where rest begins.
func endsWord(rest string, inRegex bool) bool {
	ends := " \t\n,#)]}"
	if inRegex {
		ends = " \t\n,#)"
	}
	return strings.IndexByte(ends, rest[0]) >= 0 || strings.HasPrefix(rest, "&&") || strings.HasPrefix(rest, "||")
}

// list reads a string list: a word, or several in brackets. It returns what lvm2
// says of one that cannot be read.
func (p *selectParser) list(c *comparison) []string {
	closing, other := "", ""
	switch {
	case p.take("["):
		closing, other, c.list = "]", "}", exactly
	case p.take("{"):
		closing, other, c.list = "}", "]", containing
	default:
		word, ok := p.word(`"'`)
		if !ok {
			return []string{"Missing end quote."}
		}
		if c.list = containing; word != "" {
			c.items = []string{word}
		}
		return nil
	}
	if p.take(closing) {
		return nil
	}
	for joined := ""; ; {
		if p.blanks(); p.pos == len(p.text) {
			return []string{"Missing list end for selection field " + c.field.name}
		}
		word, ok := p.word(`"'`)
		if !ok {
			return []string{"Missing end quote."}
		}
		c.items = append(c.items, word)
		by := ""
		switch {
		case p.take(closing):
			if joined == "or" {
				c.list = sharing
			}
			return nil
		case p.take(other):
			return []string{"List ended with incorrect character, expecting '" + closing + "'."}
		case p.take("||", "#"):
			by = "or"
		case p.take("&&", ","):
			by = "and"
		default:
			return []string{"Invalid operator in selection list."}
		}
		if joined != "" && by != joined {
			return []string{"Only one type of logical operator allowed in selection list at a time."}
		}
		joined = by
	}
}
