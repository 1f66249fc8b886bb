package report

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lvm-go/lvm"
)

// value is what a field has in a row: how it is shown, sorted and selected.
type value struct {
	text  string
	key   string    // of strings: without the brackets of hidden volumes and the like
	num   uint64    // of numbers, times and percentages; undefined if there is none
	bytes lvm.Bytes // of sizes
	items []string  // of string lists
}

// undefined is the number of what has none. It is sorted behind all others.
const undefined = ^uint64(0)

func text(s string) value { return value{text: s, key: s} }

func keyed(s, key string) value { return value{text: s, key: key} }

func number[N ~int | ~int64 | ~uint32 | ~uint64](n N) value {
	return value{text: strconv.FormatInt(int64(n), 10), num: uint64(n)}
}

// missing is a number that an object does not have, shown as s.
func missing(s string) value { return value{text: s, key: s, num: undefined} }

func numberOf[N ~int | ~int64 | ~uint32 | ~uint64](n *N) value {
	if n == nil {
		return missing("")
	}
	return number(*n)
}

// some is a number that is shown if it is not 0.
func some[N ~int | ~int64 | ~uint32 | ~uint64](n N) value {
	if n == 0 {
		return missing("")
	}
	return number(n)
}

func percent(p *lvm.Percent) value {
	if p == nil {
		return missing("")
	}
	return value{text: p.String(), num: uint64(*p)}
}

func list(separator string, items []string) value {
	return value{text: strings.Join(items, separator), items: items}
}

// sorted is a list that lvm2 sorts.
func sorted(separator string, items []string) value {
	return list(separator, slices.Sorted(slices.Values(items)))
}

// compare compares values of a field in the order of its type.
func (v *value) compare(o *value, t Type) int {
	switch t {
	case Number, Percent, Time:
		return cmp.Compare(v.num, o.num)
	case Size:
		return cmp.Compare(v.bytes, o.bytes)
	case StringList:
		return cmp.Compare(v.text, o.text)
	}
	return cmp.Compare(v.key, o.key)
}

func (r *row) size(b lvm.Bytes) value {
	return value{text: r.o.Units.Format(b, !r.o.NoSuffix), bytes: b}
}

func (r *row) sizeOf(b *lvm.Bytes) value {
	if b == nil {
		return value{}
	}
	return r.size(*b)
}

// someSize is a size that is shown if it is not 0.
func (r *row) someSize(b lvm.Bytes) value {
	if b == 0 {
		return value{}
	}
	return r.size(b)
}

// flag is a field that is true or false, and has a word for what is true.
func (r *row) flag(is bool, word string) value {
	v := value{text: word, num: 1}
	if !is {
		v = value{}
	}
	if r.o.Binary {
		v.text = strconv.FormatUint(v.num, 10)
	}
	v.key = v.text
	return v
}

// flagOf is a field that the kernel may say nothing of.
func (r *row) flagOf(is *bool, word string) value {
	switch {
	case is != nil:
		return r.flag(*is, word)
	case r.o.Binary:
		return missing("-1")
	}
	return missing("unknown")
}

func (r *row) time(t time.Time) value {
	if t.IsZero() {
		return value{}
	}
	return value{text: formatTime(t.In(r.o.zone()), r.o.timeFormat()), num: uint64(max(t.Unix(), 0))}
}

// names is a list, in the order that it has.
func (r *row) names(items []string) value { return list(r.o.listSeparator(), items) }

func (r *row) tags(items []string) value { return sorted(r.o.listSeparator(), items) }
