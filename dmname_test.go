package lvm

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/lvm-go/lvm/metadata"
)

func TestDMName(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ vg, lv, layer, name string }{
		{"vg", "lv", "", "vg-lv"},
		{"vg", "lv", "real", "vg-lv-real"},
		{"vg-1", "lv-new", "real", "vg--1-lv--new-real"},
		{"vg", "lv_rimage_0", "", "vg-lv_rimage_0"},
		{"a--b", "c-", "cow", "a----b-c---cow"},
		{"vg", "lv", "missing_0_1", "vg-lv-missing_0_1"},
	} {
		got, err := dmName(tt.vg, tt.lv, tt.layer)
		require.NoError(t, err)
		assert.Equal(t, tt.name, got)
	}
	name, err := dmName("vg", "lv", "_mlog")
	require.NoError(t, err)
	assert.Equal(t, "vg-lv_mlog", name)

	_, err = dmName(strings.Repeat("-", 60), "lv", "")
	assert.NoError(t, err)
	_, err = dmName(strings.Repeat("-", 62), "lv", "real")
	assert.ErrorIs(t, err, ErrInvalidName)
}

func TestParseDMNameRefuses(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "-", "vg", "vg--lv", "-lv", "vg-", "vg-lv-", "vg---", strings.Repeat("a", 64) + "-" + strings.Repeat("b", 64)} {
		_, _, _, ok := parseDMName(name)
		assert.False(t, ok, name)
	}
}

// Names that end in a dash before an odd separator are the hard ones.
func TestDMNameRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		vg := rapid.StringMatching(`[a.+][a.+-]{0,20}`).Draw(t, "vg")
		lv := rapid.StringMatching(`[a.+_][a.+_-]{0,20}`).Draw(t, "lv")
		layer := rapid.SampledFrom([]string{"", "real", "cow", "tpool", "missing_0_0"}).Draw(t, "layer")
		name, err := dmName(vg, lv, layer)
		require.NoError(t, err)
		gotVG, gotLV, gotLayer, ok := parseDMName(name)
		require.True(t, ok, name)
		require.Equal(t, [3]string{vg, lv, layer}, [3]string{gotVG, gotLV, gotLayer}, name)
	})
}

func FuzzParseDMName(f *testing.F) {
	f.Add("vg--1-lv--new-real")
	f.Add("a---b")
	f.Fuzz(func(t *testing.T, name string) {
		vg, lv, layer, ok := parseDMName(name)
		if !ok {
			return
		}
		require.NotEmpty(t, vg)
		require.NotEmpty(t, lv)
		if strings.HasPrefix(layer, "_") {
			return // dmName would put it on without a dash
		}
		again, err := dmName(vg, lv, layer)
		require.NoError(t, err)
		require.Equal(t, name, again)
	})
}

func TestDMUUID(t *testing.T) {
	t.Parallel()
	vgText, lvText := strings.Repeat("v", 32), strings.Repeat("L", 32)
	vg, err := metadata.ParseID(vgText)
	require.NoError(t, err)
	lv, err := metadata.ParseID(lvText)
	require.NoError(t, err)
	for layer, want := range map[string]string{
		"":      "LVM-" + vgText + lvText,
		"real":  "LVM-" + vgText + lvText + "-real",
		"tpool": "LVM-" + vgText + lvText + "-tpool",
	} {
		got := dmUUID(vg, lv, layer)
		assert.Equal(t, want, got)
		gotVG, gotLV, gotLayer, ok := parseDMUUID(got)
		require.True(t, ok)
		assert.Equal(t, vg, gotVG)
		assert.Equal(t, lv, gotLV)
		assert.Equal(t, layer, gotLayer)
	}
	for _, uuid := range []string{
		"", "LVM-", "CRYPT-" + vgText + lvText, "LVM-" + vgText, "lvm-" + vgText + lvText,
		"LVM-" + vgText + lvText[1:], "LVM-" + vgText + lvText + "real", "LVM-" + vgText + lvText + "-",
		"LVM-" + vgText[1:] + "?" + lvText, "LVM-" + vgText[:31] + "-" + lvText,
		"LVM-" + vgText[:6] + "-" + vgText[7:] + lvText,
	} {
		_, _, _, ok := parseDMUUID(uuid)
		assert.False(t, ok, uuid)
	}
}

func TestParseDMName(t *testing.T) {
	t.Parallel()
	vg, lv, ok := ParseDMName("a--b-c--d-real")
	assert.Equal(t, []any{"a-b", "c-d", true}, []any{vg, lv, ok})
	_, _, ok = ParseDMName("control")
	assert.False(t, ok)
}
