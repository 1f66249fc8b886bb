package dm_test

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/lvm-go/lvm/dm"
	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"
)

func TestPercentOf(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		part, whole uint64
		want        string
	}{
		// As lvs printed them.
		{528, 16384, "3.22"},
		{1440, 16384, "8.79"},
		{272, 16384, "1.66"},
		{528, 32768, "1.61"},
		{1040, 16384, "6.35"},
		{528, 8192, "6.45"},
		{6, 20, "30.00"},
		{8, 8, "100.00"},
		// The ends.
		{0, 8, "0.00"},
		{1, math.MaxUint64, "0.01"},
		{math.MaxUint64 - 1, math.MaxUint64, "99.99"},
		{math.MaxUint64, math.MaxUint64, "100.00"},
		{9, 8, "100.00"},
		{0, 0, "100.00"},
		// Halves go to the even neighbour.
		{1, 800, "0.12"},
		{3, 800, "0.38"},
	} {
		assert.Equal(t, x.want, dm.PercentOf(x.part, x.whole).String(), "%d of %d", x.part, x.whole)
	}
}

func TestPercentIsMonotonic(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		whole := rapid.Uint64Min(1).Draw(t, "whole")
		part := rapid.Uint64Max(whole).Draw(t, "part")
		more := rapid.Uint64Range(part, whole).Draw(t, "more")
		p, q := dm.PercentOf(part, whole), dm.PercentOf(more, whole)
		assert.LessOrEqual(t, p, q)
		assert.LessOrEqual(t, q, dm.Percent(10000))
		assert.Equal(t, part == 0, p == 0)
		assert.Equal(t, part == whole, p == 10000)
	})
}

func TestPercentJSON(t *testing.T) {
	t.Parallel()
	for p, want := range map[dm.Percent]string{0: "0.00", 7: "0.07", 322: "3.22", 10000: "100.00"} {
		got, err := json.Marshal(struct{ P *dm.Percent }{&p})
		assert.NoError(t, err)
		assert.Equal(t, `{"P":`+want+`}`, string(got))
	}
}
