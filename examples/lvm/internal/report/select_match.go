package report

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/lvm-go/lvm"
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

	regex    *regexp.Regexp
	word     string
	num      uint64
	real     float64 // of sizes in bytes
	reserved bool    // a value that no object has, and a word stands for
	first    uint64  // of times: the seconds that are meant,
	last     uint64  // with the last of them
	list     listMatch
	items    []string
}

// set takes the value of a comparison, and returns whether it can be read.
func (c *comparison) set(word string, o *Options) (ok bool) {
	c.word = word
	for _, r := range c.field.values {
		if slices.Contains(r.names, strings.ToLower(word)) {
			c.word, c.num, c.reserved = r.text, r.num, true
			return true
		}
	}
	switch c.field.typ {
	case Number:
		if slices.Contains([]string{"-1", "unknown", "undefined", "undef"}, word) {
			c.num, c.reserved = undefined, true
			return true
		}
		var err error
		c.num, err = strconv.ParseUint(word, 10, 64)
		return err == nil
	case Percent:
		if slices.Contains([]string{"-1", "unknown", "undefined", "undef"}, word) {
			c.num, c.reserved = undefined, true
			return true
		}
		p, err := strconv.ParseFloat(strings.TrimSuffix(word, "%"), 64)
		c.num = uint64(p*100 + 0.5)
		return err == nil && p >= 0 && p <= 100
	case Size:
		b, err := sizes.Parse(word, 'm')
		c.real = float64(b)
		return err == nil
	case Time:
		c.first, c.last, ok = parseTime(word, o)
		return ok
	}
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
		if c.regex != nil {
			return slices.ContainsFunc(v.items, c.regex.MatchString)
		}
		return c.matchesList(v.items)
	case Size:
		return c.orders(v.bytes, lvm.Bytes(c.real), lvm.Bytes(c.real))
	case Time:
		return c.ordersNumber(v.num, c.first, c.last)
	}
	if c.op != equal && v.num == undefined {
		return false
	}
	return c.ordersNumber(v.num, c.num, c.num)
}

func (c *comparison) orders(v, first, last lvm.Bytes) bool {
	return c.ordersNumber(uint64(v), uint64(first), uint64(last))
}

// ordersNumber compares with a range.
func (c *comparison) ordersNumber(v, first, last uint64) bool {
	switch c.op {
	case atLeast:
		return v >= first
	case above:
		return v > last
	case atMost:
		return v <= last
	case below:
		return v < first
	}
	return first <= v && v <= last
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
	return !slices.ContainsFunc(c.items, func(item string) bool { return !has(item) })
}

// reserved is a value that words stand for.
type reserved struct {
	names []string
	num   uint64
	text  string
}

// reservedOf returns the words that stand for values of a field.
func reservedOf(name string) []reserved {
	if word, ok := flagWords()[name]; ok {
		return []reserved{{names: []string{word, "yes", "y", "true", "1"}, num: 1}, {names: []string{"no", "n", "false", "0", ""}}}
	}
	switch name {
	case "vg_permissions":
		return []reserved{
			{names: []string{"writeable", "rw", "read-write"}, text: "writeable"},
			{names: []string{"read-only", "r", "ro"}, text: "read-only"},
		}
	case "lv_permissions":
		return []reserved{
			{names: []string{"writeable", "rw", "read-write"}, text: "writeable"},
			{names: []string{"read-only", "r", "ro"}, text: "read-only"},
			{names: []string{"read-only-override", "ro-override", "r-override", "r-o"}, text: "read-only-override"},
		}
	case "vg_mda_copies":
		return []reserved{{names: []string{"unmanaged"}}}
	}
	return nil
}

// flagWords are the fields that are true or false, and what lvm2 calls true.
func flagWords() map[string]string {
	return map[string]string{
		"vg_extendable": "extendable", "vg_exported": "exported", "vg_autoactivation": "enabled", "vg_partial": "partial",
		"vg_clustered": "clustered", "vg_shared": "shared",
		"pv_allocatable": "allocatable", "pv_exported": "exported", "pv_missing": "missing", "pv_in_use": "used", "pv_duplicate": "duplicate",
		"lv_initial_image_sync": "initial image sync", "lv_image_synced": "image synced", "lv_merging": "merging",
		"lv_converting": "converting", "lv_allocation_locked": "allocation locked", "lv_fixed_minor": "fixed minor",
		"lv_skip_activation": "skip activation", "lv_autoactivation": "enabled", "lv_active_locally": "active locally",
		"lv_active_remotely": "active remotely", "lv_active_exclusively": "active exclusively", "lv_historical": "historical",
		"lv_suspended": "suspended", "lv_live_table": "live table present", "lv_inactive_table": "inactive table present",
		"lv_device_open": "open", "lv_check_needed": "check needed", "lv_merge_failed": "merge failed",
		"lv_snapshot_invalid": "snapshot invalid", "zero": "zero",
	}
}
