package lvm

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/units"
)

// The texts and what they mean are those of lvm2 2.03.16.
func TestParseSize(t *testing.T) {
	t.Parallel()
	tests := []struct {
		text string
		want Size
	}{
		{"20G", ExactSize(20 * GiB)},
		{"20g", ExactSize(20 * GiB)},
		{"20GB", ExactSize(20 * GiB)},
		{"20gib", ExactSize(20 * GiB)},
		{"20GiB", ExactSize(20 * GiB)},
		{"1.5g", ExactSize(3 * GiB / 2)},
		{".5g", ExactSize(GiB / 2)},
		{"5.", ExactSize(5 * MiB)},
		{"1.5", ExactSize(3 * MiB / 2)},
		{"512", ExactSize(512 * MiB)},
		{"1048576b", ExactSize(MiB)},
		{"1048576B", ExactSize(MiB)},
		{"100s", ExactSize(51200)},
		{"8192S", ExactSize(4 * MiB)},
		{"1.3s", ExactSize(512)},
		{"0.5k", ExactSize(512)},
		{"0.1k", ExactSize(0)},
		{"0", ExactSize(0)},
		{"1.0001m", ExactSize(MiB)},
		{"3.3333333333333333333333333333g", ExactSize(6990506 * 512)},
		{"5M", ExactSize(5 * MiB)},
		{"5k", ExactSize(5 * KiB)},
		{"2t", ExactSize(2 * TiB)},
		{"2p", ExactSize(2 * PiB)},
		{"15.9999999999999999999e", ExactSize(15*EiB + (EiB - 512))},
		{"100%FREE", PercentFree(100)},
		{"101%free", PercentFree(101)},
		{"50%VG", PercentVG(50)},
		{"50%vg", PercentVG(50)},
		{"33%PVS", PercentPVS(33)},
		{"20%LV", PercentLV(20)},
		{"10%origin", PercentOrigin(10)},
	}
	for _, tt := range tests {
		got, err := ParseSize(tt.text)
		require.NoError(t, err, tt.text)
		assert.Equal(t, tt.want, got, tt.text)
	}
	for _, text := range []string{
		"", ".", "x", "1..5g", "1,5g", "+5m", "-5m", "5 m", " 5m", "5m ", "5x", "5r", "1000000b", "1048577b", "512.0b", "1e3m", "0x10m",
		"16e", "17e", "99999999999e", "18446744073709551616b", "18446744073709551615", "ib", "5bb", "5mib2",
		"10%", "10%X", "10%FRE", "50%VGs", "5.5%FREE", "%FREE", "99999999999%FREE", "-5%LV", "5%ORIGINS", "5% VG",
	} {
		got, err := ParseSize(text)
		require.ErrorIs(t, err, ErrInvalidSize, text)
		assert.True(t, got.IsZero(), text)
	}
}

func TestSizeString(t *testing.T) {
	t.Parallel()
	for want, s := range map[string]Size{
		"none": {}, "20g": ExactSize(20 * GiB), "1536m": ExactSize(3 * GiB / 2), "512b": ExactSize(512), "0b": ExactSize(0),
		"3e": ExactSize(3 * EiB), "5k": ExactSize(5 * KiB), "250 extents": ExtentCount(250), "100%FREE": PercentFree(100),
		"50%VG": PercentVG(50), "33%PVS": PercentPVS(33), "20%LV": PercentLV(20), "10%ORIGIN": PercentOrigin(10),
	} {
		assert.Equal(t, want, s.String())
	}
}

// The numbers are those of lvm2 2.03.16 in a group of three physical volumes of 100
// extents of 1 MiB, of which one is not allocatable.
func TestResolveSize(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		size Size
		c    sizeContext
		want Extents // 0: refused
	}{
		{"bytes are rounded up", ExactSize(15 * MiB / 2), sizeContext{}, 8},
		{"whole bytes are not", ExactSize(8 * MiB), sizeContext{}, 8},
		{"one byte", ExactSize(1), sizeContext{}, 1},
		{"extents", ExtentCount(250), sizeContext{}, 250},
		{"free", PercentFree(10), sizeContext{}, 30},
		{"free is of the group also if a part is selected", PercentFree(10), sizeContext{Selected: true, Selection: 20}, 30},
		{"more than all that is free", PercentFree(200), sizeContext{}, 600},
		{"group", PercentVG(10), sizeContext{}, 30},
		{"more than the group has free", PercentVG(1000), sizeContext{}, 300},
		{"when resizing it stays", PercentVG(1000), sizeContext{Resize: true}, 3000},
		{"physical volumes, none selected", PercentPVS(10), sizeContext{}, 30},
		{"physical volumes, selected", PercentPVS(10), sizeContext{Selected: true, Selection: 25}, 2},
		{"physical volumes, selected, resizing", PercentPVS(33), sizeContext{Selected: true, Selection: 25, Resize: true}, 9},
		{"nothing left of it", PercentPVS(1), sizeContext{Selected: true, Selection: 10}, 0},
		{"volume", PercentLV(99), sizeContext{LV: 20, Resize: true}, 20},
		{"volume, up", PercentLV(133), sizeContext{LV: 20, Resize: true}, 27},
		{"stripes, up", ExtentCount(5), sizeContext{Stripes: 2}, 6},
		{"stripes, a percentage too", PercentFree(7), sizeContext{Stripes: 2}, 22},
		{"stripes, down without room", PercentFree(100), sizeContext{Stripes: 7}, 294},
		{"stripes, what is not a percentage is not cut", ExtentCount(300), sizeContext{Stripes: 7}, 301},
		{"zero bytes", ExactSize(0), sizeContext{}, 0},
		{"zero extents", ExtentCount(0), sizeContext{}, 0},
		{"none", Size{}, sizeContext{}, 0},
		{"too many extents", ExtentCount(units.MaxExtents + 1), sizeContext{}, 0},
		{"rounded to too many", ExtentCount(units.MaxExtents), sizeContext{Stripes: 2}, 0},
		{"too many bytes", ExactSize(^Bytes(0)), sizeContext{}, 0},
		{"overflow", PercentLV(^uint(0)), sizeContext{LV: units.MaxExtents, Resize: true}, 0},
		{"overflow in stripes", ExtentCount(^Extents(0)), sizeContext{Stripes: 3}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := tt.c
			c.ExtentSize, c.VG, c.Free = MiB.Sectors(), 300, 300
			got, err := tt.size.resolve(c)
			assert.Equal(t, tt.want, got)
			if tt.want == 0 {
				require.ErrorIs(t, err, ErrInvalidSize)
			} else {
				require.NoError(t, err)
			}
		})
	}
	_, err := ExactSize(1).resolve(sizeContext{})
	require.ErrorIs(t, err, ErrInvalidSize, "extents of no size")
}

func TestWhichSizesAreWishes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		size           Size
		create, resize bool
	}{
		{ExactSize(1), false, false}, {ExtentCount(1), false, false}, {PercentFree(1), true, true},
		{PercentVG(1), true, false}, {PercentPVS(1), true, false}, {PercentLV(1), true, false},
	}
	for _, tt := range tests {
		assert.Equal(t, [2]bool{tt.create, tt.resize}, [2]bool{tt.size.isWish(false), tt.size.isWish(true)}, tt.size)
	}
}

func FuzzParseSize(f *testing.F) {
	for _, s := range []string{"20G", "1.5gib", "100%FREE", "33%PVS", "15.99e", "1.0001m", "512b", ".", "%"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseSize(text)
		if err != nil {
			require.ErrorIs(t, err, ErrInvalidSize)
			require.True(t, s.IsZero())
			return
		}
		require.False(t, s.IsZero())
		again, err := ParseSize(s.String())
		require.NoError(t, err)
		require.Equal(t, s, again)
		if !s.IsPercent() {
			require.Zero(t, s.n%512)
			n, err := s.resolve(sizeContext{ExtentSize: 1, Stripes: 3})
			require.True(t, err == nil && n%3 == 0 && n >= Extents(s.n/512) || err != nil)
		}
	})
}
