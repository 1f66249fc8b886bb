package metadata

import (
	"time"

	"github.com/lvm-go/lvm/units"
)

// A decoder turns the tree into records. It stops at the first error and keeps
// it; what it returns after that does not count.
type decoder struct {
	err error

	// What is being decoded, for errors: "lv", "data", "segment1".
	kind, name, segment string

	pvs      map[string]pvRef // by their names in the text
	lvs      map[string]ID
	renumber bool // the text does not name its PVs as it will when it is written

	areas   []Area    // slab
	striped []Striped // slab
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

func (d *decoder) failField(f *Entry, want any) {
	var got any
	switch {
	case f.kind == sectionEntry:
		got = "a section"
	case f.kind == arrayEntry && len(f.literals) != 1:
		got = "a list"
	default:
		got = f.literals[0]
	}
	d.fail(f.Key, got, want)
}

// fields goes through the entries of a section. Those that known does not know
// are returned. Of fields with the same key, the first counts.
func (d *decoder) fields(entries []Entry, known func(f *Entry) bool) (extra []Extra) {
	const few = 64
	var seen map[string]bool
	if len(entries) > few {
		seen = make(map[string]bool, len(entries))
	}
	after := ""
	for i := range entries {
		f := &entries[i]
		if d.err != nil {
			return nil
		}
		switch {
		case f.kind == commentEntry:
			continue
		case f.kind == sectionEntry: // each is looked at; there may be a rule against two
		case seen != nil && seen[f.Key]:
			continue
		case seen != nil:
			seen[f.Key] = true
		case has(entries[:i], f.Key):
			continue
		}
		if known(f) {
			after = f.Key
			continue
		}
		extra = append(extra, Extra{After: after, Entry: plain(entries[i : i+1])[0]})
	}
	return extra
}

func has(entries []Entry, key string) bool {
	for i := range entries {
		if entries[i].Key == key && entries[i].kind != sectionEntry {
			return true
		}
	}
	return false
}

// require fails unless all the fields are there.
func (d *decoder) require(entries []Entry, keys ...string) {
	for _, key := range keys {
		if !has(entries, key) {
			d.fail(key, nil, "a value")
		}
	}
}

func (d *decoder) text(f *Entry) string {
	s, ok := f.Text()
	if !ok {
		d.failField(f, "a string")
	}
	return s
}

// eachText calls fn with each item of a list. One value counts as a list.
func (d *decoder) eachText(f *Entry, fn func(s string)) {
	if f.kind != scalarEntry && f.kind != arrayEntry {
		d.failField(f, "a list")
		return
	}
	for _, literal := range f.literals {
		s, ok := textOf(literal)
		if !ok {
			d.fail(f.Key, literal, "a string")
			return
		}
		fn(s)
	}
}

func (d *decoder) texts(f *Entry) (list []string) {
	d.eachText(f, func(s string) { list = append(list, s) })
	return list
}

// uint returns an integer from 0 to limit.
func (d *decoder) uint(f *Entry, limit uint64) uint64 {
	n, ok := f.Int()
	if !ok {
		d.failField(f, "an integer")
		return 0
	}
	if n < 0 || uint64(n) > limit {
		d.failField(f, limit)
		return 0
	}
	return uint64(n)
}

const maxUint32 = 1<<32 - 1

func (d *decoder) uint32(f *Entry) uint32 { return uint32(d.uint(f, maxUint32)) }

func (d *decoder) int(f *Entry, from, to int64) int64 {
	n, ok := f.Int()
	if !ok || n < from || n > to {
		d.failField(f, "an integer in range")
		return 0
	}
	return n
}

func (d *decoder) sectors(f *Entry) units.Sectors { return units.Sectors(d.uint(f, 1<<63-1)) }

// sectors32 reads what LVM2 keeps in 32 bits.
func (d *decoder) sectors32(f *Entry) units.Sectors { return units.Sectors(d.uint32(f)) }

func (d *decoder) extents(f *Entry) units.Extents {
	return units.Extents(d.uint(f, uint64(units.MaxExtents)))
}

func (d *decoder) id(f *Entry) ID {
	s := d.text(f)
	id, err := ParseID(s)
	if err != nil {
		d.failField(f, "an id")
	}
	return id
}

// overflowTime is what LVM2 takes for a time that is too large for it.
const overflowTime = 1527120000

func (d *decoder) time(f *Entry) time.Time {
	n, ok := f.Int()
	if !ok && f.kind == scalarEntry && len(f.literals[0]) > 18 && isDigits(f.literals[0]) {
		n, ok = overflowTime, true
	}
	if !ok || n < 0 {
		d.failField(f, "seconds since 1970")
		return time.Time{}
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

// section returns the entries of a section.
func (d *decoder) section(f *Entry) []Entry {
	if f.kind != sectionEntry {
		d.failField(f, "a section")
	}
	return f.entries
}
