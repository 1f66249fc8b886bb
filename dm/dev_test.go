package dm_test

import (
	"testing"

	"github.com/lvm-go/lvm/dm"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestDev(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		major, minor uint32
		dev          dm.Dev
		text         string
	}{
		{0, 0, 0, "0:0"},
		{7, 0, 0x700, "7:0"},
		{253, 1, 0xfd01, "253:1"},
		{254, 255, 0xfeff, "254:255"},
		{254, 256, 0x10fe00, "254:256"},
		{4095, 1<<20 - 1, 0xffffffff, "4095:1048575"},
	} {
		d := dm.MakeDev(c.major, c.minor)
		assert.Equal(t, c.dev, d, c.text)
		assert.Equal(t, c.text, d.String())
		assert.Equal(t, c.major, d.Major(), c.text)
		assert.Equal(t, c.minor, d.Minor(), c.text)
		parsed, err := dm.ParseDev(c.text)
		require.NoError(t, err)
		assert.Equal(t, d, parsed)
	}
}

func TestParseDevRefuses(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", ":", "7", "7:", ":0", "7:0:1", "7:-1", "+7:0", " 7:0", "7:0 ", "a:b", "7:0x1",
		"4096:0", "0:1048576", "18446744073709551616:0", "/dev/sda"} {
		_, err := dm.ParseDev(s)
		assert.ErrorIs(t, err, dm.ErrInvalid, "%q", s)
	}
}

func TestDevRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		major := rapid.Uint32Range(0, 1<<12-1).Draw(t, "major")
		minor := rapid.Uint32Range(0, 1<<20-1).Draw(t, "minor")
		d := dm.MakeDev(major, minor)
		require.Equal(t, [2]uint32{major, minor}, [2]uint32{d.Major(), d.Minor()})
		parsed, err := dm.ParseDev(d.String())
		require.NoError(t, err)
		require.Equal(t, d, parsed)
	})
}
