package dm_test

import (
	"strings"
	"testing"

	"github.com/lvm-go/lvm/dm"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestCheckName(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"a", "vg-lv", "vg--1-lv-real", "a b", "ü", "-", "...", strings.Repeat("n", 127)} {
		assert.NoError(t, dm.CheckName(name), name)
	}
	for _, name := range []string{"", ".", "..", "control", "a/b", "/", "../x", "a\x00", strings.Repeat("n", 128)} {
		assert.ErrorIs(t, dm.CheckName(name), dm.ErrInvalid, name)
	}
	assert.NoError(t, dm.CheckUUID(strings.Repeat("u", 128)))
	assert.NoError(t, dm.CheckUUID("a/b"))
	for _, uuid := range []string{"", "a\x00", strings.Repeat("u", 129)} {
		assert.ErrorIs(t, dm.CheckUUID(uuid), dm.ErrInvalid, uuid)
	}
}

func TestMangleName(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		mode    dm.Mangling
		mangled string
	}{
		{"vg--1-lv_0.a+b#c:d=e@f", dm.MangleAuto, "vg--1-lv_0.a+b#c:d=e@f"},
		{"vg--1-lv_0.a+b#c:d=e@f", dm.MangleHex, "vg--1-lv_0.a+b#c:d=e@f"},
		{"a b", dm.MangleAuto, `a\x20b`},
		{`a\x20b`, dm.MangleAuto, `a\x20b`},
		{`a\x20b`, dm.MangleHex, `a\x5cx20b`},
		{"ü/%", dm.MangleAuto, `\xc3\xbc\x2f\x25`},
		{`a\y`, dm.MangleAuto, `a\x5cy`},
		{`a\x2`, dm.MangleAuto, `a\x5cx2`},
		{"a b", dm.MangleNone, "a b"},
		{`a\x5cx20b`, dm.MangleNone, `a\x5cx20b`},
		{"", dm.MangleAuto, ""},
	} {
		got, err := dm.MangleName(c.name, c.mode)
		require.NoError(t, err, c.name)
		assert.Equal(t, c.mangled, got, "%q in mode %d", c.name, c.mode)
	}
	for _, name := range []string{`a\x20b c`, `\x5cx20`, `a\x5cx`} {
		_, err := dm.MangleName(name, dm.MangleAuto)
		assert.ErrorIs(t, err, dm.ErrInvalid, name)
	}
}

func TestUnmangleName(t *testing.T) {
	t.Parallel()
	got, err := dm.UnmangleName(`a\x20b\xC3\xbc`, dm.MangleAuto)
	require.NoError(t, err)
	assert.Equal(t, "a bü", got)
	got, err = dm.UnmangleName(`a\x20 b`, dm.MangleNone)
	require.NoError(t, err)
	assert.Equal(t, `a\x20 b`, got)
	for _, name := range []string{"a b", `a\`, `a\x`, `a\xg0`, `\x2`} {
		for _, mode := range []dm.Mangling{dm.MangleAuto, dm.MangleHex} {
			_, err := dm.UnmangleName(name, mode)
			assert.ErrorIs(t, err, dm.ErrInvalid, name)
		}
	}
}

func TestManglingRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		name := string(rapid.SliceOf(rapid.Byte()).Draw(t, "name"))
		mangled, err := dm.MangleName(name, dm.MangleHex)
		require.NoError(t, err)
		back, err := dm.UnmangleName(mangled, dm.MangleHex)
		require.NoError(t, err)
		require.Equal(t, name, back)
		if auto, err := dm.MangleName(name, dm.MangleAuto); err == nil {
			again, err := dm.MangleName(auto, dm.MangleAuto)
			require.NoError(t, err)
			require.Equal(t, auto, again, "mangling twice changes nothing")
		}
	})
}
