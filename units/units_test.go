package units

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestConversionsTellOverflow(t *testing.T) {
	t.Parallel()
	b, ok := Sectors(3).Bytes()
	assert.True(t, ok)
	assert.Equal(t, Bytes(1536), b)
	_, ok = Sectors(1 << 55).Bytes()
	assert.False(t, ok)

	s, ok := Extents(3).Sectors(8192)
	assert.True(t, ok)
	assert.Equal(t, Sectors(24576), s)
	_, ok = Extents(math.MaxUint64).Sectors(2)
	assert.False(t, ok)

	assert.Equal(t, Sectors(1), Bytes(1023).Sectors())
}

func TestExtentsRoundAsTheyAreTold(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		s, size  Sectors
		down, up Extents
	}{
		{0, 8, 0, 0}, {1, 8, 0, 1}, {8, 8, 1, 1}, {9, 8, 1, 2},
		{math.MaxUint64, 1, math.MaxUint64, math.MaxUint64},
		{5, 0, 0, 0},
	} {
		assert.Equal(t, c.down, c.s.ExtentsDown(c.size), "%d/%d", c.s, c.size)
		assert.Equal(t, c.up, c.s.ExtentsUp(c.size), "%d/%d", c.s, c.size)
	}
}

func TestBytesPrintInTheLargestUnit(t *testing.T) {
	t.Parallel()
	for b, want := range map[Bytes]string{
		0: "0 B", 1023: "1023 B", KiB: "1 KiB", 1536: "1.50 KiB", 20 * GiB: "20 GiB",
		MiB + 1: "1.00 MiB", EiB: "1 EiB", math.MaxUint64: "16.00 EiB",
	} {
		assert.Equal(t, want, b.String())
	}
}
