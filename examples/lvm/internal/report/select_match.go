package report

import (
	"cmp"
	"math"
	"regexp"
	"slices"
	"strconv"

	"github.com/lvm-go/lvm/examples/lvm/internal/sizes"
)

// condition is what a selection asks of a row.
type condition interface{ holds(*row) bool }

type (
	anyOf    []condition
	allOf    []condition
	negation struct{ condition }
)

func (c anyOf) holds(r *row) bool {
	return slices.ContainsFunc(c, func(c condition) bool { return c.holds(r) })
}

func (c allOf) holds(r *row) bool {
	return !slices.ContainsFunc(c, func(c condition) bool { return !c.holds(r) })
}

func (c negation) holds(r *row) bool { return !c.condition.holds(r) }

// listMatch is how a list is compared.
type listMatch uint8

const (
	containing listMatch = iota // all items, and perhaps others
	exactly                     // these items
	sharing                     // one of the items
)

// comparison compares a field with a value.
type comparison struct {
	field *field
	op    operator
	not   bool

	regex *regexp.Regexp
	word  string
	first uint64 // of numbers, sizes in bytes and seconds: all from this one
	last  uint64 // to this one are meant
	list  listMatch
	items []string
}

// setWord takes a value in words, and returns whether it is one.
func (c *comparison) setWord(word string) bool {
	for _, r := range c.field.words {
		if slices.Contains(r.names, word) {
			c.word, c.first, c.last = r.text, r.num, r.num
			return true
		}
	}
	if c.field.typ == Number && slices.Contains([]string{"-1", "unknown", "undefined", "undef"}, word) {
		c.first, c.last = undefined, undefined
		return true
	}
	c.word = word
	return c.field.typ == String
}

// setNumber takes a number and its unit.
func (c *comparison) setNumber(number, unit string) bool {
	n, err := strconv.ParseFloat(number, 64)
	if err != nil {
		return false
	}
	switch c.field.typ {
	case Percent:
		n = math.Round(n * 100)
	case Size:
		units, err := sizes.ParseUnits(cmp.Or(unit, "m")) // capital letters are powers of 1000, unlike in commands
		if err != nil {
			return false
		}
		n *= float64(units.Bytes())
	}
	if n >= 1<<63 {
		return false
	}
	c.first, c.last = uint64(n), uint64(n)
	return true
}

func (c *comparison) holds(r *row) bool {
	v := c.field.value(r)
	return c.matches(&v) != c.not
}

func (c *comparison) matches(v *value) bool {
	switch c.field.typ {
	case String:
		if c.regex != nil {
			return c.regex.MatchString(v.key)
		}
		return v.key == c.word
	case StringList:
		return c.matchesList(v.items)
	case Size:
		return (c.op == equal || v.bytes != autoReadAhead) && c.orders(uint64(v.bytes))
	case Time:
		return c.orders(v.num)
	}
	return (c.op == equal || v.num != undefined) && c.orders(v.num)
}

// orders compares with a range.
func (c *comparison) orders(v uint64) bool {
	switch c.op {
	case atLeast:
		return v >= c.first
	case above:
		return v > c.last
	case atMost:
		return v <= c.last
	case below:
		return v < c.first
	}
	return c.first <= v && v <= c.last
}

func (c *comparison) matchesList(items []string) bool {
	has := func(item string) bool { return slices.Contains(items, item) }
	switch c.list {
	case sharing:
		return slices.ContainsFunc(c.items, has)
	case exactly:
		if len(items) != len(c.items) {
			return false
		}
	}
	if len(c.items) == 0 {
		return len(items) == 0
	}
	return !slices.ContainsFunc(c.items, func(item string) bool { return !has(item) })
}

// reserved is a value that words stand for.
type reserved struct {
	names []string
	num   uint64
	text  string
}

// reservedOf returns the words that stand for values of a field. words are those
// for one that is true.
func reservedOf(name string, words []string) []reserved {
	if len(words) > 0 {
		return []reserved{{names: append([]string{"yes"}, words...), num: 1}, {names: []string{"no"}}}
	}
	readOnly := reserved{names: []string{"read-only", "r", "ro"}, text: "read-only"}
	writeable := reserved{names: []string{"writeable", "rw", "read-write"}, text: "writeable"}
	switch name {
	case "vg_permissions":
		return []reserved{writeable, readOnly}
	case "lv_permissions":
		overridden := reserved{names: []string{"read-only-override", "ro-override", "r-override", "R"}, text: "read-only-override"}
		return []reserved{writeable, readOnly, overridden}
	case "vg_mda_copies":
		return []reserved{{names: []string{"unmanaged"}, num: undefined}}
	case "lv_read_ahead":
		return []reserved{{names: []string{"auto"}, num: uint64(autoReadAhead)}}
	}
	return nil
}

// flagWords are the fields that are true or false, and what selections call true
// beside yes. Those that are not here only know numbers.
func flagWords() map[string][]string {
	return map[string][]string{
		"vg_extendable": {"extendable"}, "vg_exported": {"exported"}, "vg_partial": {"partial"}, "vg_clustered": {"clustered"},
		"vg_shared": {"shared"}, "pv_allocatable": {"allocatable"}, "pv_exported": {"exported"}, "pv_missing": {"missing"},
		"pv_in_use": {"used", "in use"}, "pv_duplicate": {"duplicate"}, "lv_initial_image_sync": {"initial image sync", "sync"},
		"lv_image_synced": {"image synced", "synced"}, "lv_merging": {"merging"}, "lv_converting": {"converting"},
		"lv_allocation_locked": {"allocation locked", "locked"}, "lv_fixed_minor": {"fixed minor", "fixed"},
		"lv_skip_activation": {"skip activation", "skip"}, "lv_active_locally": {"active locally", "active", "locally"},
		"lv_active_remotely":    {"active remotely", "active", "remotely"},
		"lv_active_exclusively": {"active exclusively", "active", "exclusively"}, "lv_suspended": {"suspended"},
		"lv_live_table": {"live table present", "live table", "live"}, "lv_device_open": {"open"},
		"lv_inactive_table": {"inactive table present", "inactive table", "inactive"}, "lv_check_needed": {"check needed", "needed"},
		"lv_merge_failed": {"merge failed", "failed"}, "lv_snapshot_invalid": {"snapshot invalid", "invalid"}, "zero": {"zero"},
	}
}
