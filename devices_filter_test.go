package lvm

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// filterPatterns are patterns and what lvm2 2.03.16 lets through of
// /dev/loop0 and /dev/loop2 when everything else is rejected; nil where it, or
// only this package, refuses the pattern.
var filterPatterns = []struct {
	pattern string
	want    []string
	strict  bool // lvm2 takes it
}{
	{"a|loop0|", []string{"loop0"}, false},
	{"a||", nil, false},
	{"a|loop[0-2]$|", []string{"loop0", "loop2"}, false},
	{"a|^/dev/loop{0}|", []string{}, false},
	{"a/loop0/", []string{"loop0"}, false},
	{"a(loop0|loop2)", []string{"loop0", "loop2"}, false},
	{"a{loop0}", []string{"loop0"}, false},
	{"a[loop0]", []string{"loop0"}, false},
	{`a"loop0"`, []string{"loop0"}, false},
	{"b|loop|", nil, false},
	{"a|loop(0|loop2|", nil, false},
	{"a|loop0)|", nil, true},
	{"a|lo*p0|", []string{"loop0"}, false},
	{"a|loop**0|", []string{"loop0"}, false},
	{"a|loo+?p?0|", []string{"loop0"}, false},
	{"a|loop[]0]|", nil, true},
	{"a|loop[^0-9]|", []string{}, false},
	{"a|loop[^0-1]|", []string{"loop2"}, false},
	{`a|\/dev\/loop|`, []string{"loop0", "loop2"}, false},
	{"a|loop0", nil, false},
	{"aaloop0a", []string{"loop0"}, false},
	{`a|loop\d|`, []string{}, false},
	{"a|+loop0|", nil, false},
	{"a|loop0?$|", []string{"loop0"}, false},
	{`a|loop[0\-2]|`, []string{"loop0", "loop2"}, false},
	{`a|(loop0\|loop2)|`, []string{}, false},
	{"a|l..p0|", []string{"loop0"}, false},
	{"a|loop[a-]|", nil, false},
	{"a|loop[-0]|", []string{"loop0"}, false},
	{"a|loop0|x", nil, false},
	{"a|loop[2-0]|", []string{"loop0", "loop2"}, false},
	{"a|^*/dev/loop0|", []string{"loop0"}, false},
	{"a|()|", nil, false},
	{"a|loop0$|loop2|", []string{"loop0", "loop2"}, false},
	{"a", nil, false},
	{"", nil, false},
	{"a|", nil, false},
	{"a|loop]|", []string{}, false},
	{"a|loop[[:digit:]]|", []string{}, false},
	{"a|$|", []string{"loop0", "loop2"}, false},
	{"a|.^|", []string{}, false},
	{"a|loop0||loop2|", nil, true},
	{"a|[|", nil, false},
	{`a|loop\|`, nil, true},
	{"a|(/dev/(l|m)oop)(0)|", []string{"loop0"}, false},
	{"a|[é]|", nil, true},
	{"a|" + strings.Repeat("(", 100) + "a" + strings.Repeat(")", 100) + "|", nil, true},
	{"a|" + strings.Repeat("a", maxDevicePattern+1) + "|", nil, true},
}

func TestParseDeviceFilter(t *testing.T) {
	t.Parallel()
	for _, test := range filterPatterns {
		f, err := ParseDeviceFilter([]string{test.pattern, "r|.*|"})
		if test.want == nil {
			assert.ErrorIs(t, err, ErrInvalidSpec, test.pattern)
			assert.Nil(t, f, test.pattern)
			continue
		}
		require.NoError(t, err, test.pattern)
		got := []string{}
		for _, name := range []string{"loop0", "loop2"} {
			if f.Accepts("/dev/" + name) {
				got = append(got, name)
			}
		}
		assert.Equal(t, test.want, got, test.pattern)
	}
}

func TestDeviceFilterNames(t *testing.T) {
	t.Parallel()
	parse := func(patterns ...string) *DeviceFilter {
		f, err := ParseDeviceFilter(patterns)
		require.NoError(t, err)
		return f
	}
	names := []string{"/dev/sda", "/dev/disk/by-id/wwn-1"}
	assert.True(t, (*DeviceFilter)(nil).Accepts(names...))
	assert.True(t, parse().Accepts(names...))
	assert.True(t, parse("r|sdb|").Accepts(names...), "no pattern matches")
	assert.False(t, parse("r|sda|").Accepts(names...), "one name is rejected")
	assert.True(t, parse("a|wwn|", "r|.*|").Accepts(names...), "one name is accepted")
	assert.False(t, parse("r|.*|", "a|wwn|").Accepts(names...), "the first match of a name counts")
	assert.True(t, parse("r|sda|", "a|.*|").Accepts(names...), "another name is accepted by a later pattern")
}

func FuzzDeviceFilter(f *testing.F) {
	for _, p := range filterPatterns {
		f.Add(p.pattern, "/dev/loop0")
	}
	f.Fuzz(func(t *testing.T, pattern, name string) {
		filter, err := ParseDeviceFilter([]string{pattern})
		require.Equal(t, err == nil, filter != nil)
		if err != nil {
			require.ErrorIs(t, err, ErrInvalidSpec)
			return
		}
		if pattern[0] == 'a' {
			require.True(t, filter.Accepts(name))
		}
	})
}
