package metadata

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/lvm-go/lvm/units"
)

// Form is one of the two ways LVM2 writes a metadata text.
type Form uint8

const (
	// AreaForm is for metadata areas: without indentation and hints, the header
	// last, and a NUL at the end.
	AreaForm Form = iota + 1

	// BackupForm is for backup and archive files: with tabs and hints.
	BackupForm
)

// Print returns the text of the tree. A text that LVM2 wrote comes out as it
// was if it is printed in the form that it had. The error matches ErrInvalid if
// a key cannot be written.
func (t *Tree) Print(form Form) ([]byte, error) {
	w := printer{form: form}
	w.entryList(t.entries)
	w.blank(t.tail)
	if form == AreaForm {
		w.b = append(w.b, 0)
	}
	return w.b, w.err
}

// maxTabs is how deep LVM2 indents.
const maxTabs = 5

// A printer writes a metadata text. What goes wrong is kept in err.
type printer struct {
	form  Form
	level int
	line  int // where in b the current statement begins
	b     []byte
	err   error

	field  string  // whose value is being written
	extras []Extra // of the record being written, those not yet written
}

func (w *printer) fail(field string, got any) {
	if w.err == nil {
		w.err = &FormatError{Struct: "metadata text", Field: field, Got: got, Err: ErrInvalid}
	}
}

func (w *printer) blank(n uint8) {
	for range n {
		w.b = append(w.b, '\n')
	}
}

func (w *printer) indent() {
	if w.form == BackupForm {
		w.b = append(w.b, "\t\t\t\t\t"[:min(w.level, maxTabs)]...)
	}
	w.line = len(w.b)
}

func (w *printer) key(key string) {
	for i := range len(key) {
		c := key[i]
		if c == 0 || c == '/' {
			w.fail("key", key)
			return
		}
	}
	if isPlainKey(key) {
		w.b = append(w.b, key...)
		return
	}
	if key == "" {
		w.fail("key", key)
		return
	}
	w.quote(key)
}

// isPlainKey reports whether a key needs no quotes.
func isPlainKey(key string) bool {
	if key == "" || !startsWord(key[0]) {
		return false
	}
	for i := range len(key) {
		if c := key[i]; endsWord(c) || c == '"' || c == '!' {
			return false
		}
	}
	return true
}

// quote writes a string with its quotes. A NUL would end the whole text.
func (w *printer) quote(s string) {
	w.b = append(w.b, '"')
	if strings.IndexByte(s, 0) >= 0 {
		w.fail("string", s)
	}
	if strings.ContainsAny(s, `"\`) {
		for i := range len(s) {
			if s[i] == '"' || s[i] == '\\' {
				w.b = append(w.b, '\\')
			}
			w.b = append(w.b, s[i])
		}
	} else {
		w.b = append(w.b, s...)
	}
	w.b = append(w.b, '"')
}

// open begins a section.
func (w *printer) open(key string) {
	w.indent()
	w.key(key)
	w.b = append(w.b, " {\n"...)
	w.level++
}

// close ends a section.
func (w *printer) close() {
	w.level--
	w.indent()
	w.b = append(w.b, "}\n"...)
}

// begin begins a field: what follows is its value, and then end.
func (w *printer) begin(key string) {
	w.field = key
	w.indent()
	w.key(key)
	w.b = append(w.b, " = "...)
}

// end ends a field and writes the extras that follow it.
func (w *printer) end(hint string) {
	w.hint(hint)
	w.writeExtras(w.field)
}

// hint ends a line. A hint is for people, and only in files; but LVM2 writes
// those of the header everywhere.
func (w *printer) hint(hint string) {
	if hint != "" && (w.form == BackupForm || w.level == 0) {
		w.tabs()
		w.comment(hint)
	}
	w.b = append(w.b, '\n')
}

// tabs brings a hint into column 48 of a section, if there is room for that.
func (w *printer) tabs() {
	w.b = append(w.b, '\t')
	if w.level == 0 {
		return
	}
	for n := (8*w.level+len(w.b)-1-w.line)/8 + 2; n < 6; n++ {
		w.b = append(w.b, '\t')
	}
}

func (w *printer) comment(s string) {
	if bytes.ContainsAny([]byte(s), "\n\x00") {
		w.fail("comment", s)
	}
	w.b = append(w.b, "# "...)
	w.b = append(w.b, s...)
}

func (w *printer) entryList(entries []Entry) {
	for i := range entries {
		hint := ""
		if i+1 < len(entries) && entries[i+1].kind == hintEntry {
			hint = entries[i+1].comment
		}
		w.entry(&entries[i], hint)
	}
}

// entry writes an entry that came from a text, and behind a field, a hint.
func (w *printer) entry(e *Entry, hint string) {
	if e.kind == hintEntry || e.kind == commentEntry && w.level != 0 && w.form == AreaForm {
		return
	}
	w.blank(e.blank)
	switch e.kind {
	case commentEntry:
		w.indent()
		w.comment(e.comment)
		w.b = append(w.b, '\n')
	case sectionEntry:
		w.open(e.Key)
		w.entryList(e.entries)
		w.blank(e.tail)
		w.close()
	case scalarEntry, arrayEntry:
		w.indent()
		if e.compact && w.form == AreaForm && w.level != 0 {
			w.b = append(w.b, '\t') // LVM2 writes such settings by other means, which indent everywhere
		}
		w.key(e.Key)
		if e.compact {
			w.b = append(w.b, '=')
		} else {
			w.b = append(w.b, " = "...)
		}
		if e.kind == arrayEntry {
			w.array(e)
		} else {
			w.b = append(w.b, e.literals[0]...)
		}
		w.hint(hint)
	default:
		w.fail("entry", e.Key) // the zero Entry, which no text gave
	}
}

func (w *printer) array(e *Entry) {
	w.b = append(w.b, '[')
	per := int(e.perLine)
	w.level++
	for i, literal := range e.literals {
		switch {
		case per != 0 && i%per == 0:
			w.b = append(w.b, '\n')
			w.indent()
		case i != 0:
			w.b = append(w.b, ' ')
		}
		w.b = append(w.b, literal...)
		// What follows a bare value without a blank, is part of it.
		if isBare(literal) {
			w.b = append(w.b, ' ')
		}
		if i != len(e.literals)-1 {
			w.b = append(w.b, ',')
		}
	}
	w.level--
	if per != 0 {
		w.b = append(w.b, '\n')
		w.indent()
	}
	w.b = append(w.b, ']')
}

func isBare(literal string) bool {
	c := literal[0]
	return c != '"' && c != '\'' && !startsNumber(c)
}

// record writes a section with what body writes and the extras.
func (w *printer) record(key string, extras []Extra, body func()) {
	outer := w.extras
	w.open(key)
	w.extras = extras
	w.writeExtras("")
	body()
	w.writeRest()
	w.extras = outer
	w.close()
	w.writeExtras(key)
}

// writeExtras writes the extras that come after the given field.
func (w *printer) writeExtras(after string) {
	if len(w.extras) == 0 {
		return
	}
	var rest []Extra
	for i := range w.extras {
		if w.extras[i].After == after {
			w.entry(&w.extras[i].Entry, "")
		} else {
			rest = append(rest, w.extras[i])
		}
	}
	w.extras = rest
}

// writeRest writes the extras whose field has not been written.
func (w *printer) writeRest() {
	for i := range w.extras {
		w.entry(&w.extras[i].Entry, "")
	}
	w.extras = nil
}

func (w *printer) text(key, s string) {
	w.begin(key)
	w.quote(s)
	w.end("")
}

func (w *printer) optional(key, s string) {
	if s != "" {
		w.text(key, s)
	}
}

func (w *printer) uint(key string, n uint64) { w.hinted(key, n, "") }

// nonzero writes a number, if it is not 0.
func (w *printer) nonzero(key string, n uint64) {
	if n != 0 {
		w.uint(key, n)
	}
}

// ifSet writes a 1, if it is to be said.
func (w *printer) ifSet(key string, set bool) {
	if set {
		w.uint(key, 1)
	}
}

func (w *printer) hinted(key string, n uint64, hint string) {
	w.begin(key)
	w.number(n)
	w.end(hint)
}

func (w *printer) int(key string, n int64, hint string) {
	w.begin(key)
	w.b = strconv.AppendInt(w.b, n, 10)
	w.end(hint)
}

func (w *printer) id(key string, id *ID) {
	if !id.valid() {
		w.fail(key, id[:])
	}
	w.begin(key)
	w.b = append(w.b, '"')
	w.b = id.append(w.b)
	w.b = append(w.b, '"')
	w.end("")
}

func (w *printer) texts(key string, list []string) {
	w.begin(key)
	w.b = append(w.b, '[')
	for from, i := len(w.b), 0; i < len(list); i++ {
		w.item(from, list[i])
	}
	w.b = append(w.b, ']')
	w.end("")
}

// size writes a number of whatever is as long as unit, with its size as hint.
func (w *printer) size(key string, n uint64, unit units.Sectors) {
	hint := ""
	if w.form == BackupForm {
		hint = sizeHint(float64(n) * float64(unit))
	}
	w.hinted(key, n, hint)
}

// sizeHint writes a number of sectors as LVM2 does, which only goes on to the
// next unit above 1024.
func sizeHint(sectors float64) string {
	kilobytes := sectors / 2
	unit := "Kilobytes"
	for _, next := range [...]string{"Megabytes", "Gigabytes", "Terabytes", "Petabytes", "Exabytes"} {
		if kilobytes <= 1024 {
			break
		}
		kilobytes /= 1024
		unit = next
	}
	return strconv.FormatFloat(kilobytes, 'g', 6, 64) + " " + unit
}

// item writes one item of an array whose items begin at from.
func (w *printer) item(from int, s string) {
	if len(w.b) != from {
		w.b = append(w.b, ", "...)
	}
	w.quote(s)
}

func (w *printer) number(n uint64) { w.b = strconv.AppendUint(w.b, n, 10) }

func signed(n int64) string { return strconv.FormatInt(n, 10) }
