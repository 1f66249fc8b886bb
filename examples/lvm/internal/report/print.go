package report

import (
	"bytes"
	"io"
	"strconv"
	"strings"
)

// indent precedes each line that lvm2 prints.
const indent = "  "

// printer prints tables in the format of the options.
type printer struct {
	o     *Options
	w     io.Writer
	b     bytes.Buffer
	err   error // of the first write that failed
	parts int   // that were begun
	inner int   // tables in the part
}

func newPrinter(w io.Writer, o *Options) *printer {
	p := &printer{o: o, w: w}
	if o.Format != Basic {
		p.line(0, "{")
		p.line(1, `"report": [`)
	}
	return p
}

func (p *printer) line(depth int, s string) {
	p.b.WriteString(indent + strings.Repeat("    ", depth) + s + "\n")
}

func (p *printer) begin() {
	if p.o.Format == Basic {
		return
	}
	if p.parts > 0 {
		p.line(2, ",")
	}
	p.line(2, "{")
	p.parts++
	p.inner = 0
}

func (p *printer) end() {
	if p.o.Format != Basic {
		p.line(2, "}")
	}
}

// finish prints what is left, and writes all.
func (p *printer) finish() error {
	if p.o.Format != Basic {
		p.line(1, "]")
		p.line(0, "}")
	}
	p.flush(0)
	return p.err
}

// flushSize is how much is printed before it is written.
const flushSize = 32 << 10

// flush writes what was printed if that is more than size.
func (p *printer) flush(size int) {
	if p.b.Len() <= size {
		return
	}
	if p.err == nil {
		_, p.err = p.w.Write(p.b.Bytes())
	}
	p.b.Reset()
}

// table prints the rows of a report.
func (p *printer) table(kind Kind, l *layout, lines []*line) {
	switch {
	case p.o.Format != Basic:
		p.json(kind, l, lines)
	case len(lines) == 0:
	case p.o.Rows:
		p.turned(l, lines)
	default:
		p.basic(l, lines)
	}
}

// basic prints a line for each row.
func (p *printer) basic(l *layout, lines []*line) {
	shown := l.shown(lines)
	aligned := !p.o.Unaligned && !p.o.NamePrefixes
	widths := make([]int, len(l.columns))
	for i, f := range l.columns {
		widths[i] = f.width
	}
	widen := func(n *line) {
		for i := range widths {
			widths[i] = max(widths[i], len(n.texts[i]))
		}
	}
	for i, n := range lines {
		if i == 0 || !p.o.Unbuffered {
			widen(n)
		}
	}
	if !p.o.NoHeadings {
		p.cells(shown, func(i int) {
			h := l.columns[i].heading
			if aligned {
				p.pad(h[:min(len(h), widths[i])], widths[i], false)
				return
			}
			p.b.WriteString(h)
		})
		if len(shown) > 0 && shown[len(shown)-1] < len(l.columns)-1 {
			p.b.Truncate(p.b.Len() - 1) // in headings, lvm2 has a separator before what is left out
			p.b.WriteString(p.o.separator() + "\n")
		}
	}
	for _, n := range lines {
		widen(n)
		p.cells(shown, func(i int) {
			if aligned {
				p.pad(n.texts[i], widths[i], l.columns[i].right())
				return
			}
			p.b.WriteString(p.cell(l.columns[i], n.texts[i]))
		})
		p.flush(flushSize)
	}
}

// right says whether values stand at the right side of the column.
func (f *field) right() bool { return f.typ == Number || f.typ == Size }

// pad prints a text in a column.
func (p *printer) pad(s string, width int, right bool) {
	if !right {
		p.b.WriteString(s)
	}
	for range width - len(s) {
		p.b.WriteByte(' ')
	}
	if right {
		p.b.WriteString(s)
	}
}

// cell is a value with the name of its field if that is asked for.
func (p *printer) cell(f *field, text string) string {
	switch {
	case !p.o.NamePrefixes:
		return text
	case p.o.Unquoted:
		return "LVM2_" + strings.ToUpper(f.name) + "=" + text
	}
	return "LVM2_" + strings.ToUpper(f.name) + "='" + text + "'"
}

func (p *printer) cells(shown []int, cell func(int)) {
	p.b.WriteString(indent)
	for n, i := range shown {
		if n > 0 {
			p.b.WriteString(p.o.separator())
		}
		cell(i)
	}
	p.b.WriteByte('\n')
}

// turned prints a line for each column.
func (p *printer) turned(l *layout, lines []*line) {
	for _, i := range l.shown(lines) {
		var cells []string
		if !p.o.NoHeadings {
			cells = append(cells, l.columns[i].heading)
		}
		for _, n := range lines {
			cells = append(cells, p.cell(l.columns[i], n.texts[i]))
		}
		p.b.WriteString(indent + strings.Join(cells, p.o.separator()) + "\n")
	}
}

// json prints a list with an object for each row.
func (p *printer) json(kind Kind, l *layout, lines []*line) {
	if p.inner > 0 {
		p.line(3, ",")
	}
	p.inner++
	p.line(3, quote(kind.Name())+": [")
	shown := l.shown(lines)
	for row, n := range lines {
		var b strings.Builder
		b.WriteByte('{')
		for k, i := range shown {
			if k > 0 {
				b.WriteString(", ")
			}
			b.WriteString(quote(l.columns[i].name) + ":" + p.jsonValue(l.columns[i], n, i))
		}
		b.WriteByte('}')
		if row < len(lines)-1 {
			b.WriteByte(',')
		}
		p.line(4, b.String())
		p.flush(flushSize)
	}
	p.line(3, "]")
}

func (p *printer) jsonValue(f *field, n *line, i int) string {
	if p.o.Format == JSON {
		return quote(n.texts[i])
	}
	v := &n.values[i]
	switch f.typ {
	case StringList:
		items := make([]string, len(v.items))
		for i, item := range v.items {
			items[i] = quote(item)
		}
		return "[" + strings.Join(items, ",") + "]"
	case Number, Percent:
		switch _, err := strconv.ParseFloat(v.text, 64); {
		case v.num == undefined:
			return "null"
		case err == nil:
			return v.text
		}
	}
	return quote(v.text)
}

// quote escapes what lvm2 escapes.
func quote(s string) string {
	if !strings.ContainsAny(s, `\"`) {
		return `"` + s + `"`
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
