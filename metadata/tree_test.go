package metadata_test

import (
	"bytes"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/metadata"
)

func parseOne(t *testing.T, text string) *metadata.Entry {
	t.Helper()
	tree, err := metadata.ParseTree([]byte(text))
	require.NoError(t, err, text)
	entries := tree.Entries()
	require.NotEmpty(t, entries, text)
	return &entries[0]
}

func TestParseValues(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		text string
		want []string
	}{
		{`a = "b"`, []string{"b"}},
		{`a="b"`, []string{"b"}},
		{"a\n=\n\"b\"", []string{"b"}},
		{"a = # why\n 1", []string{"1"}},
		{`a = "x\"y\\z\n"`, []string{`x"y\z\n`}},
		{`a = 'x\"y'`, []string{`x\"y`}},
		{`a = "two
lines"`, []string{"two\nlines"}},
		{`a = bare`, []string{"bare"}},
		{`a = async-unsafe`, []string{"async-unsafe"}},
		{`a = -1`, []string{"-1"}},
		{`a = 1.5`, []string{"1.5"}},
		{`a = []`, nil},
		{`a = [1,2,3]`, []string{"1", "2", "3"}},
		{`a = [1 2 "x" 'y']`, []string{"1", "2", "x", "y"}},
		{`a = ["x", "y",]`, []string{"x", "y"}},
		{`a = [ A , B ]`, []string{"A", "B"}},
		{"a = [ # one\n1, # two\n2 ]", []string{"1", "2"}},
		{`"a b" = 1`, []string{"1"}},
		{"a = 1\x00}}}", []string{"1"}},
		{`a.b-c+d,e]"f = 1`, []string{"1"}},
		{`0a = 1`, []string{"1"}},
	} {
		e := parseOne(t, test.text)
		assert.False(t, e.IsSection())
		assert.Equal(t, test.want, e.Values(), test.text)
	}
}

func TestEntryKinds(t *testing.T) {
	t.Parallel()
	e := parseOne(t, "a { b = 1 # hint\n # line\n c = [\"x\"] d { } }")
	assert.True(t, e.IsSection())
	inner := e.Entries()
	require.Len(t, inner, 3)
	_, ok := e.Int()
	assert.False(t, ok)
	_, ok = e.Text()
	assert.False(t, ok)
	_, ok = e.Texts()
	assert.False(t, ok)
	assert.Empty(t, e.Values())

	n, ok := inner[0].Int()
	assert.True(t, ok)
	assert.Equal(t, int64(1), n)
	_, ok = inner[0].Text()
	assert.False(t, ok)
	_, ok = inner[0].Texts()
	assert.False(t, ok)
	texts, ok := inner[1].Texts()
	assert.True(t, ok)
	assert.Equal(t, []string{"x"}, texts)
	_, ok = inner[1].Text()
	assert.False(t, ok)
	assert.Equal(t, "d", inner[2].Key)
	assert.Empty(t, inner[2].Entries())
}

func TestEntryInt(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{
		"0": 0, "7": 7, "+7": 7, "-7": -7, "010": 8, "-010": -8, "00": 0,
		"9223372036854775807": 1<<63 - 1, "-9223372036854775808": -1 << 63, "999999999999999999": 999999999999999999,
	} {
		n, ok := parseOne(t, "a = "+text).Int()
		assert.True(t, ok, text)
		assert.Equal(t, want, n, text)
	}
	for _, text := range []string{"9223372036854775808", "1.0", "08", `"1"`, "[1]", "x", "1."} {
		_, ok := parseOne(t, "a = "+text).Int()
		assert.False(t, ok, text)
	}
}

func TestSyntaxErrors(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		text      string
		line, col int
	}{
		{"a", 1, 2},
		{"a b", 1, 3},
		{"= 1", 1, 1},
		{"a = ", 1, 5},
		{"a = }", 1, 5},
		{"a = ]", 1, 5},
		{"a = 0x1", 1, 8},
		{"a = 1.2.3", 1, 10},
		{"a = -", 1, 6},
		{"a = -b", 1, 6},
		{"a {", 1, 4},
		{"a {\n b = 1\n}\n}", 4, 1},
		{`a = "b`, 1, 5},
		{`a = "b\"`, 1, 5},
		{`a = 'b`, 1, 5},
		{`a = [`, 1, 6},
		{`a = [1`, 1, 7},
		{`a = [,1]`, 1, 6},
		{`a = [1,,2]`, 1, 8},
		{`a = [A, B]`, 1, 9},
		{`a = [[1]]`, 1, 6},
		{`a = [{}]`, 1, 6},
		{`"" = 1`, 1, 3},
		{`"a = 1`, 1, 1},
		{`a/b = 1`, 1, 4},
		{"x = 1\n  [ = 2", 2, 3},
		{"x = 1\n\n  ] = 2", 3, 3},
		{"a = \x00 1", 1, 5},
	} {
		tree, err := metadata.ParseTree([]byte(test.text))
		require.ErrorIs(t, err, metadata.ErrSyntax, "%q", test.text)
		assert.Nil(t, tree)
		var syntax *metadata.SyntaxError
		require.ErrorAs(t, err, &syntax)
		assert.Equal(t, [2]int{test.line, test.col}, [2]int{syntax.Line, syntax.Col}, "%q: %v", test.text, err)
	}
}

func TestNesting(t *testing.T) {
	t.Parallel()
	nested := func(n int) []byte {
		return []byte(strings.Repeat("a {\n", n) + strings.Repeat("}\n", n))
	}
	_, err := metadata.ParseTree(nested(64))
	require.NoError(t, err)
	_, err = metadata.ParseTree(nested(65))
	require.ErrorIs(t, err, metadata.ErrSyntax)
	_, err = metadata.ParseTree(bytes.Repeat([]byte("a{"), 1<<20))
	require.ErrorIs(t, err, metadata.ErrSyntax)
}

// No text may take memory out of proportion.
func TestParseMemory(t *testing.T) {
	const size = 1 << 20
	for name, piece := range map[string]string{
		"fields": "a=1\n", "long fields": "a=12345\n", "sections": "a{}", "longer sections": "aaaaa{}\n", "items": "a=[1,1,1,1,1,1,1,1,1,1]\n",
		"comments": "#\n", "longer comments": "########\n", "empty lines": "\n", "open": "a{",
	} {
		text := bytes.Repeat([]byte(piece), size/len(piece))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, _ = metadata.ParseTree(text)
		_, _ = metadata.DecodeDocument(text)
		runtime.ReadMemStats(&after)
		assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(64*size), name)
	}
	array := []byte("a=[" + strings.Repeat("1,", size/2) + "]")
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := metadata.ParseTree(array)
	runtime.ReadMemStats(&after)
	require.NoError(t, err)
	assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(64*size))
}

// What the printer cannot take from a text literally, it must still write so
// that it is read as the same.
func TestPrintNormalizes(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ text, area, backup string }{
		{"a=1", "a=1\n\x00", "a=1\n"},
		{"a   =   1", "a = 1\n\x00", "a = 1\n"},
		{"a { b = 1#hint\n}", "a {\nb = 1\n}\n\x00", "a {\n\tb = 1\t\t\t\t# hint\n}\n"},
		{"a { # note\nb=[ A , B ] }", "a {\n\tb=[A , B ]\n}\n\x00", "a {\n\t# note\n\tb=[A , B ]\n}\n"},
		{`"a b" = 'c"d'`, "\"a b\" = 'c\"d'\n\x00", "\"a b\" = 'c\"d'\n"},
		{`'a"b' = 1`, "\"a\\\"b\" = 1\n\x00", "\"a\\\"b\" = 1\n"},
		{"a { b = [\n1, 2,\n3, 4 ] }", "a {\nb = [\n1, 2,\n3, 4\n]\n}\n\x00", "a {\n\tb = [\n\t\t1, 2,\n\t\t3, 4\n\t]\n}\n"},
		{"\n\na {\n\n}\n\n", "\n\na {\n\n}\n\n\x00", "\n\na {\n\n}\n\n"},
	} {
		tree, err := metadata.ParseTree([]byte(test.text))
		require.NoError(t, err)
		for form, want := range map[metadata.Form]string{metadata.AreaForm: test.area, metadata.BackupForm: test.backup} {
			printed, err := tree.Print(form)
			require.NoError(t, err)
			assert.Equal(t, want, string(printed))
			again, err := metadata.ParseTree(printed)
			require.NoError(t, err)
			twice, err := again.Print(form)
			require.NoError(t, err)
			assert.Equal(t, want, string(twice))
		}
	}
}

func TestParseConfigTree(t *testing.T) {
	t.Parallel()
	const text = "# of a user\ndevices/dir = \"/dev\"\nglobal { a/b=1 # why\n}\n"
	_, err := metadata.ParseTree([]byte(text))
	require.ErrorAs(t, err, new(*metadata.SyntaxError))
	tree, err := metadata.ParseConfigTree([]byte(text))
	require.NoError(t, err)
	entries := tree.Entries()
	require.Len(t, entries, 2)
	assert.Equal(t, "devices/dir", entries[0].Key)
	require.True(t, entries[1].IsSection())
	inner := entries[1].Entries()
	require.Len(t, inner, 1)
	assert.Equal(t, "a/b", inner[0].Key)
	assert.Equal(t, []string{"1"}, inner[0].Values())
	for _, broken := range []string{"/", "a/b", "a/b = ", "a {"} {
		_, err := metadata.ParseConfigTree([]byte(broken))
		assert.ErrorAs(t, err, new(*metadata.SyntaxError), broken)
	}
}
