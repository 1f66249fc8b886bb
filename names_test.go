package lvm

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCheckNames(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", maxNameLen)
	for _, tt := range []struct {
		vg, lv string
		ok     bool // as a name in metadata
		fresh  bool // as one that a user gives
	}{
		{"vg", "lv", true, true},
		{"vg", "A-Z_0.9+", true, true},
		{"vg", "_hidden", true, true},
		{"vg", "...", true, true},
		{"vg", "lvol0", true, true},
		{"vg", "Snapshot", true, true},
		{"vg", "my_snapshot", true, true},
		{"vg", "tmeta", true, true},
		{"vg", "", false, false},
		{"vg", ".", false, false},
		{"vg", "..", false, false},
		{"vg", "-lv", false, false},
		{"vg", "a/b", false, false},
		{"vg", "a b", false, false},
		{"vg", "a\x00", false, false},
		{"vg", "a\n", false, false},
		{"vg", "ä", false, false},
		{"vg", "a:b", false, false},
		{"vg", long, false, false},
		{"vg", long[:maxVGLVLen-2], true, true},
		{"vg", long[:maxVGLVLen-1], false, false},
		{"v", long + "a", false, false},
		{"vg", "snapshot0", true, false},
		{"vg", "pvmove", true, false},
		{"vg", "pool_tmeta", true, false},
		{"vg", "a_tdatab", true, false},
		{"vg", "lv_rimage_0", true, false},
		{"vg", "lvol0_pmspare", true, false},
		{"vg", "x_vorigin", true, false},
	} {
		for check, want := range map[*error]bool{
			ptr(checkLVName(tt.vg, tt.lv)):    tt.ok,
			ptr(checkNewLVName(tt.vg, tt.lv)): tt.fresh,
		} {
			err := *check
			if want {
				assert.NoError(t, err, tt.lv)
				continue
			}
			assert.ErrorIs(t, err, ErrInvalidName, tt.lv)
			var bad *NameError
			require.ErrorAs(t, err, &bad)
			assert.Equal(t, LVName, bad.Kind)
			assert.Equal(t, tt.lv, bad.Name)
			assert.NotEmpty(t, bad.Reason)
		}
	}
	assert.NoError(t, checkVGName(long))
	assert.ErrorIs(t, checkVGName(long+"a"), ErrInvalidName)
	assert.NoError(t, checkVGRename(long[:maxRenameLen]))
	assert.ErrorIs(t, checkVGRename(long[:maxRenameLen+1]), ErrInvalidName)
	assert.ErrorIs(t, checkVGRename("a/b"), ErrInvalidName)
	assert.NoError(t, checkVGName("snapshot_tmeta"), "reserved for LVs only")
}

func ptr[T any](v T) *T { return &v }

func TestCheckTag(t *testing.T) {
	t.Parallel()
	for tag, want := range map[string]string{
		"a":                       "a",
		"@a":                      "a",
		"Aa0._-+/=!:&#":           "Aa0._-+/=!:&#",
		"-a":                      "-a",
		strings.Repeat("x", 2000): strings.Repeat("x", 2000),
	} {
		got, err := checkTag(tag)
		assert.NoError(t, err)
		assert.Equal(t, want, got)
	}
	for _, tag := range []string{"", "@", "@@a", "a@b", "a b", "a\"", "a\\", "ä", "a,b", "a\x00"} {
		_, err := checkTag(tag)
		assert.ErrorIs(t, err, ErrInvalidName, tag)
	}
}

func TestNextName(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		names []string
		want  string
		ok    bool
	}{
		{nil, "lvol0", true},
		{[]string{"lv", "mylvol7", "lvol", "lvolx", "lvol-3"}, "lvol0", true},
		{[]string{"lvol0", "lvol3", "lvol1"}, "lvol4", true},
		{[]string{"lvol0_pmspare"}, "lvol1", true},
		{[]string{"lvol007"}, "lvol8", true},
		{[]string{"lvol99999999999999999999", "lvol4294967296"}, "lvol0", true},
		{[]string{"lvol2147483646"}, "lvol2147483647", true},
		{[]string{"lvol2147483647"}, "", false},
	} {
		got, ok := nextName("lvol", slices.Values(tt.names))
		assert.Equal(t, tt.ok, ok, tt.names)
		if ok {
			assert.Equal(t, tt.want, got)
		}
	}
}

func TestNameKindString(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for k := range lockName + 1 {
		require.False(t, seen[k.String()], k)
		seen[k.String()] = true
	}
}
