package sizes

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm"
)

// TestFormat has sizes as lvm2 prints them.
func TestFormat(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		units string
		size  lvm.Bytes
		want  string
		plain string // without suffixes
	}{
		{"r", 0, "0 ", "0"},
		{"r", 1024, "1.00k", "1.00k"},
		{"r", 1047552, "1023.00k", "1023.00k"},
		{"r", 1053696, "1.00m", "1.00m"},
		{"r", 1054720, "<1.01m", "<1.01m"},
		{"r", 1073740800, "<1024.00m", "<1024.00m"},
		{"r", 13255342817280, "<12.06t", "<12.06t"},
		{"R", 1024000, "1.02M", "1.02M"},
		{"R", 1025024, "<1.03M", "<1.03M"},
		{"h", 1073740800, "1024.00m", "1024.00m"},
		{"H", 4294967296000000, "4.29P", "4.29P"},
		{"2h", 1024, "1.00k", "1.00k"},
		{"b", 0, "0B", "0"},
		{"b", 1024, "1024B", "1024"},
		{"1.5b", 1024, "1024B", "1024"},
		{"s", 1024, "2S", "2"},
		{"1.5s", 1047552, "1364S", "1364"},
		{"k", 0, "0k", "0"},
		{"k", 1999999999 * 1024, "1999999999.00k", "1999999999.00"},
		{"K", 1053818 * 1024, "1079109.63K", "1079109.63"},
		{"m", 1024, "0.00m", "0.00"},
		{"E", 1024, "0.00E", "0.00"},
		{"4m", 0, "0U", "0"},
		{"4m", 1000 * 1024, "0.24U", "0.24"},
		{"3.5k", 1000 * 1024, "285.71U", "285.71"},
		{"7B", 4294967296000000, "613566756571428.62U", "613566756571428.62"},
		{"512b", 1024, "2.00U", "2.00"},
		{"1k", 1024, "1.00k", "1.00"},
	} {
		u, err := ParseUnits(c.units)
		require.NoError(t, err, c.units)
		assert.Equal(t, c.want, u.Format(c.size, true), "%s %d", c.units, c.size)
		assert.Equal(t, c.plain, u.Format(c.size, false), "%s %d", c.units, c.size)
	}
	d, err := ParseUnits("r")
	require.NoError(t, err)
	assert.Equal(t, Default(), d)
}

func TestUnitsThatAreNone(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "x", "4", "1.5", "kk", "0k", "-1k", "mb", "1e3k", "0x10k", "+1k", "NaNk", "Infk", "1e", "9999999999999e"} {
		if _, err := ParseUnits(s); s != "1e" {
			assert.ErrorIs(t, err, ErrUnits, s)
		}
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]lvm.Bytes{
		"1": lvm.MiB, "1m": lvm.MiB, "1M": lvm.MiB, "1.5g": 1536 * lvm.MiB, "3s": 1536, "512b": 512, "4K": 4096, "2t": 2 << 40, "1P": 1 << 50,
		"4Mb": 4 << 20, "4MiB": 4 << 20, "512bb": 512, "15e": 15 << 60, ".5k": 512, "0": 0, "18446744073709551615b": 1<<64 - 1,
	} {
		got, err := Parse(s, 'm')
		require.NoError(t, err, s)
		assert.Equal(t, want, got, s)
	}
	for _, s := range []string{"", "m", "-1m", "+1m", "1mm", "1mi", "1ib", "1mbb", "1x", "1.2.3m", "16e", "18446744073709551616b", "1e5", "0x1m", "NaN", "99999999999.5e", " 1m"} {
		_, err := Parse(s, 'm')
		assert.ErrorIs(t, err, ErrSize, s)
	}
	_, err := Parse("1", 'x')
	assert.ErrorIs(t, err, ErrSize)
}

func FuzzParse(f *testing.F) {
	f.Add("1.5g")
	f.Fuzz(func(t *testing.T, s string) {
		_, _ = Parse(s, 'm')
		if u, err := ParseUnits(s); err == nil {
			assert.NotEmpty(t, u.Format(12345, true))
		}
	})
}
