package settings

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestKnown(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, s := range Known("/other") {
		require.NotEmpty(t, s.Section(), s.Path)
		require.False(t, seen[s.Path], s.Path)
		require.NotContains(t, s.Value, "/etc/lvm", s.Path)
		require.True(t, IsKnown(s.Path))
		seen[s.Path] = true
	}
	require.True(t, seen["devices/dir"])
	require.False(t, IsKnown("devices/nosuch"))
	require.True(t, IsKnown("tags/a/host_list"))
}

func TestPrint(t *testing.T) {
	t.Parallel()
	all := []Setting{
		{Path: "devices/dir", Value: `"/dev"`}, {Path: "report/headings", Value: "1", Off: true}, {Path: "devices/scan", Value: `["/dev"]`, Off: true},
		{Path: "tags/a/host_list", Value: `"b"`}, {Path: "alone", Value: "3"},
	}
	var out strings.Builder
	require.NoError(t, Printer{Out: &out}.Print(all))
	assert.Equal(t, "devices {\n\tdir=\"/dev\"\n\t# scan=[\"/dev\"]\n}\n# report {\n\t# headings=1\n# }\ntags {\n\ta {\n\t\thost_list=\"b\"\n\t}\n}\nalone=3\n", out.String())
	out.Reset()
	require.NoError(t, Printer{Out: &out, Spaces: true}.Line(all[2]))
	assert.Equal(t, "# scan = [\"/dev\"]\n", out.String())
	assert.True(t, Same(`["/dev"]`, `"/dev"`))
	assert.False(t, Same("1", "0"))
}
