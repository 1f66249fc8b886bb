package metadata

import (
	"time"

	"github.com/lvm-go/lvm/internal/index"
	"github.com/lvm-go/lvm/units"
)

// A decoder turns a parsed text into records. It stops at the first error and
// keeps it; what it returns after that does not count.
type decoder struct {
	*syntaxTree
	err error

	// What is being decoded, for errors: "lv", "data", "segment1".
	kind, name, segment string

	pvs      map[string]pvRef // by their names in the text
	lvs      []*LogicalVolume // some without more than name and ID yet
	lvNames  *index.Index[string]
	moves    bool // the LV that is being decoded is that of a move
	renumber bool // the text does not name its PVs as it will when it is written

	areas   []Area    // slab
	striped []Striped // slab
}

// An item is a field or a section that is being decoded.
type item struct {
	*node
	key    string
	number int // of the node
}

func (d *decoder) item(i int) item {
	n := &d.nodes[i]
	return item{n, d.syntaxTree.key(n), i}
}

// object returns what is being decoded.
func (d *decoder) object() string {
	s := d.kind
	if d.name != "" {
		s += " " + d.name
	}
	if d.segment != "" {
		s += " " + d.segment
	}
	return s
}

func (d *decoder) fail(field string, got, want any) {
	if d.err == nil {
		d.err = &FormatError{Struct: d.object(), Field: field, Got: got, Want: want, Err: ErrInvalid}
	}
}

func (d *decoder) failField(f item, want any) {
	var got any = d.value(f.node)
	if f.kind == sectionEntry {
		got = "a section"
	}
	d.fail(f.key, got, want)
}

// A list is the entries of a section: the nodes from one number up to another.
type list struct{ from, to int }

func (f item) entries() list { return list{f.number + 1, int(f.next)} }

// fields goes through the entries of a section. Those that known does not know
// are returned. Of fields with the same key, the first counts.
func (d *decoder) fields(l list, known func(f item) bool) (extra []Extra) {
	const few = 64
	var seen map[string]bool
	if l.to-l.from > few {
		seen = make(map[string]bool)
	}
	after := ""
	for i := l.from; i < l.to && d.err == nil; i = int(d.nodes[i].next) {
		f := d.item(i)
		switch {
		case f.isComment():
			continue
		case f.kind == sectionEntry: // each is looked at; there may be a rule against two
		case seen != nil:
			if seen[f.key] {
				continue
			}
			seen[f.key] = true
		case d.has(list{l.from, i}, f.key):
			continue
		}
		if known(f) {
			// At the top, the group lies among the fields of the header, but where
			// depends on the form.
			if top := l.from == 0; !top || f.kind != sectionEntry {
				after = f.key
			}
			continue
		}
		extra = append(extra, Extra{After: after, Entry: d.entry(i, false)})
	}
	return extra
}

// find returns the number of the first field with the given key, -1 if there is
// none.
func (d *decoder) find(l list, key string) int {
	for i := l.from; i < l.to; i = int(d.nodes[i].next) {
		n := &d.nodes[i]
		if n.isField() && d.syntaxTree.key(n) == key {
			return i
		}
	}
	return -1
}

func (d *decoder) has(l list, key string) bool { return d.find(l, key) >= 0 }

// require fails unless all the fields are there.
func (d *decoder) require(l list, keys ...string) {
	for _, key := range keys {
		if !d.has(l, key) {
			d.fail(key, nil, "a value")
		}
	}
}

// sections calls fn with each section. Anything else is an error, since there is
// no record to keep it in.
func (d *decoder) sections(name string, l list, fn func(f item)) {
	for i := l.from; i < l.to && d.err == nil; i = int(d.nodes[i].next) {
		switch f := d.item(i); {
		case f.isComment():
		case f.kind == sectionEntry:
			fn(f)
		default:
			d.fail(name, f.key, "sections")
		}
	}
}

// scalar returns the literal of a field that holds one value. ok is false if it
// does not.
func (d *decoder) scalar(f item) (literal string, ok bool) {
	if f.kind != scalarEntry {
		return "", false
	}
	return d.value(f.node), true
}

func (d *decoder) text(f item) string {
	if literal, ok := d.scalar(f); ok {
		if s, ok := textOf(literal); ok {
			return s
		}
	}
	d.failField(f, "a string")
	return ""
}

// eachText calls fn with each item of a list. One value counts as a list.
func (d *decoder) eachText(f item, fn func(s string)) {
	if !f.isField() {
		d.failField(f, "a list")
		return
	}
	items := d.items(f.node)
	for literal, ok := items.next(); ok; literal, ok = items.next() {
		s, ok := textOf(literal)
		if !ok {
			d.fail(f.key, literal, "a string")
			return
		}
		fn(s)
	}
}

func (d *decoder) texts(f item) (s []string) {
	d.eachText(f, func(text string) { s = append(s, text) })
	return s
}

// int returns an integer that lies between two others.
func (d *decoder) int(f item, from, to int64) int64 {
	if literal, ok := d.scalar(f); ok {
		if n, ok := intOf(literal); ok && from <= n && n <= to {
			return n
		}
	}
	d.failField(f, integerRange{from, to})
	return 0
}

// An integerRange says what is wanted in an error.
type integerRange struct{ from, to int64 }

func (r integerRange) String() string {
	return "an integer from " + signed(r.from) + " to " + signed(r.to)
}

const (
	maxUint32 = 1<<32 - 1
	maxInt64  = 1<<63 - 1
)

// uint32 reads what LVM2 keeps in 32 bits. It would cut longer numbers short.
func (d *decoder) uint32(f item) uint32 { return uint32(d.int(f, 0, maxUint32)) }

func (d *decoder) uint64(f item) uint64 { return uint64(d.int(f, 0, maxInt64)) }

func (d *decoder) sectors(f item) units.Sectors { return units.Sectors(d.int(f, 0, maxInt64)) }

func (d *decoder) sectors32(f item) units.Sectors { return units.Sectors(d.uint32(f)) }

func (d *decoder) extents(f item) units.Extents { return units.Extents(d.uint32(f)) }

func (d *decoder) id(f item) ID {
	id, err := ParseID(d.text(f))
	if err != nil {
		d.failField(f, "an id")
	}
	return id
}

// overflowTime is what LVM2 takes for a time that is too large for it.
const overflowTime = 1527120000

func (d *decoder) time(f item) time.Time {
	n := int64(overflowTime)
	if literal, ok := d.scalar(f); !ok || len(literal) < 19 || !isDigits(literal) {
		n = d.int(f, 0, maxInt64)
	} else if fits, ok := intOf(literal); ok {
		n = fits
	}
	return time.Unix(n, 0).UTC()
}

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}
