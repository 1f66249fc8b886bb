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
}

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
		err.Fields = true
		return nil, err
	}
	p.note(f)
	c := &comparison{field: f}
	if !p.operator(c) {
		err := p.fail(start, "Unrecognised comparison operator: "+p.text[p.pos:])
		err.Operands = true
		return nil, err
	}
	if limit := operatorLimit(c.op, f.typ); limit != "" {
		err := p.fail(start, "Operator can be used only with "+limit+" fields: "+p.text[start:])
		err.Operands = true
		return nil, err
	}
	p.blanks()
	if lines := p.value(c); lines != nil {
		return nil, p.fail(start, lines...)
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

// operatorLimit returns what an operator can be used with if that is not the type.
func operatorLimit(op operator, t Type) string {
	switch {
	case op == matches && t != String && t != StringList:
		return "string"
	case op > matches && (t == String || t == StringList):
		return "number, size, time or percent"
	}
	return ""
}

// value reads what is compared with, and returns what lvm2 says if it cannot be
// read.
func (p *selectParser) value(c *comparison) []string {
	if c.op == matches {
		word, ok := p.word(`"'([{`)
		if !ok {
			return []string{"Missing end quote.", "Failed to parse regex value for selection field " + c.field.name + "."}
		}
		var err error
		if c.regex, err = regexp.Compile(word); err != nil {
			return []string{"Failed to create regular expression for selection field " + c.field.name + "."}
		}
		return nil
	}
	if c.field.typ == StringList {
		return p.list(c)
	}
	word, ok := p.word(`"'`)
	if !ok {
		return []string{"Missing end quote.", "Failed to parse " + valueName(c.field.typ) + " value for selection field " + c.field.name + "."}
	}
	if !c.set(word, p.o) {
		return []string{"Failed to parse " + valueName(c.field.typ) + " value for selection field " + c.field.name + "."}
	}
	return nil
}

// valueName is what lvm2 calls a value of the type.
func valueName(t Type) string {
	switch t {
	case Number, Size, Percent:
		return "numeric"
	case Time:
		return "time"
	}
	return "string"
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
	for p.pos < len(p.text) && !endsWord(p.text[p.pos:]) {
		p.pos++
	}
	return p.text[start:p.pos], true
}

// endsWord says whether a value without quotes ends where rest begins.
func endsWord(rest string) bool {
	return strings.IndexByte(" \t\n,#)]}", rest[0]) >= 0 || strings.HasPrefix(rest, "&&") || strings.HasPrefix(rest, "||")
}

// list reads a string list: a word, or several in brackets.
func (p *selectParser) list(c *comparison) []string {
	failed := []string{"Failed to parse string list value for selection field " + c.field.name + "."}
	closing := ""
	switch {
	case p.take("["):
		closing, c.list = "]", exactly
	case p.take("{"):
		closing, c.list = "}", containing
	default:
		word, ok := p.word(`"'`)
		if !ok {
			return append([]string{"Missing end quote."}, failed...)
		}
		c.list = containing
		if word == "" {
			c.list = exactly
		} else {
			c.items = []string{word}
		}
		return nil
	}
	for !p.take(closing) {
		p.blanks()
		word, ok := p.word(`"'`)
		if !ok || p.pos == len(p.text) {
			return failed
		}
		c.items = append(c.items, word)
		switch {
		case p.take("||", "#"):
			c.list = sharing
		case p.take("&&", ","):
		}
	}
	return nil
}
