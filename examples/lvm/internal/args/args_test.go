package args

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm"
)

const some = "size extents name options addtag noheadings nohints nosuffix zero type=type interval stripes yes"

func TestParse(t *testing.T) {
	t.Parallel()
	set, rest, err := Parse("lvcreate", Named(some), []string{"-L+1.5g", "vg", "-n", "a", "--addt", "x", "--addtag=y", "-Zn", "--nohe", "-i", "3", "-y", "/dev/x"})
	require.NoError(t, err)
	assert.Equal(t, []string{"vg", "/dev/x"}, rest)
	assert.Equal(t, Value{Text: "+1.5g", Sign: '+', Bytes: 3 << 29}, set.Value("size"))
	assert.Equal(t, []string{"x", "y"}, set.Texts("addtag"))
	assert.Equal(t, []any{"a", false, true, true, false, uint64(3), uint64(0)}, []any{
		set.Text("name"), set.Yes("zero", true), set.Has("noheadings"), set.Has("yes"), set.HasAny("nohints", "extents"), set.Number("interval"), set.Number("stripes"),
	})
	assert.Equal(t, "size", set.Order()[0].Name)
}

func TestParseValues(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Value{
		"5":         {Number: 5},
		"100%FREE":  {Number: 100, Percent: "FREE"},
		"-20%vg":    {Number: 20, Percent: "VG", Sign: '-'},
		"+50%PVS":   {Number: 50, Percent: "PVS", Sign: '+'},
		"30%ORIGIN": {Number: 30, Percent: "ORIGIN"},
	} {
		want.Text = text
		set, _, err := Parse("lvresize", Named(some), []string{"-l", text})
		require.NoError(t, err, text)
		assert.Equal(t, want, set.Value("extents"), text)
	}
	for text, want := range map[string]lvm.Bytes{"8": 8 << 20, "4k": 4096, "1S": 512, "1024B": 1024, "2T": 2 << 40, "0.5k": 512} {
		set, _, err := Parse("lvcreate", Named(some), []string{"-L", text})
		require.NoError(t, err, text)
		assert.Equal(t, want, set.Bytes("size"), text)
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	last := "Error during parsing of command line."
	for _, x := range []struct {
		words []string
		want  UsageError
	}{
		{[]string{"--foo"}, UsageError{[]string{"unrecognized option '--foo'", last}, true}},
		{[]string{"-Q"}, UsageError{[]string{"invalid option -- 'Q'", last}, true}},
		{[]string{"--noh"}, UsageError{[]string{"option '--noh' is ambiguous; possibilities: '--noheadings' '--nohints'", last}, true}},
		{[]string{"-o"}, UsageError{[]string{"option requires an argument -- 'o'", last}, true}},
		{[]string{"-L", "foo"}, UsageError{[]string{"Size requires number argument.", "Invalid argument for --size: foo", last}, false}},
		{[]string{"-Zx"}, UsageError{[]string{"Invalid argument for --zero: x", last}, false}},
		{[]string{"-l", "5%nothing"}, UsageError{[]string{"Invalid argument for --extents: 5%nothing", last}, false}},
		{[]string{"-i", "two"}, UsageError{[]string{"Invalid argument for --interval: two", last}, false}},
		{[]string{"-L1m", "-L2m"}, UsageError{[]string{"Option -L/--size may not be repeated.", last}, false}},
		{[]string{"-L", "99999999999999999999"}, UsageError{[]string{"Size requires number argument.", "Invalid argument for --size: 99999999999999999999", last}, false}},
	} {
		_, _, err := Parse("lvs", Named(some), x.words)
		var got *UsageError
		require.ErrorAs(t, err, &got, "%q", x.words)
		assert.Equal(t, x.want, *got, "%q", x.words)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("-L+1g", "--addtag=x", "-l100%FREE")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		set, _, err := Parse("lvcreate", Named(some+" "+Common), []string{a, b, c})
		if err != nil {
			var usage *UsageError
			require.ErrorAs(t, err, &usage)
			require.NotEmpty(t, usage.Lines)
			return
		}
		require.LessOrEqual(t, len(set.Order()), len(a)+len(b)+len(c))
	})
}

func TestParseSigns(t *testing.T) {
	t.Parallel()
	for _, x := range []struct{ command, option, value, refused string }{
		{"lvcreate", "-L", "+1m", ""},
		{"lvcreate", "-L", "-1m", "Size may not be negative."},
		{"lvreduce", "-L", "-1m", ""},
		{"lvreduce", "-L", "+1m", "Size may not be positive."},
		{"lvresize", "-l", "-1", ""},
		{"lvextend", "-l", "-1", "Extents may not be negative."},
		{"lvcreate", "-L", "513b", "Size is not a multiple of 512. Try using 512 or 1024."},
		{"lvcreate", "-L", "1024b", ""},
	} {
		_, _, err := Parse(x.command, Named(some), []string{x.option, x.value})
		if x.refused == "" {
			assert.NoError(t, err, x)
			continue
		}
		var usage *UsageError
		if assert.ErrorAs(t, err, &usage, x) {
			assert.Equal(t, x.refused, usage.Lines[0], x)
		}
	}
}
