package lvm

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Where a volume does not become one of another type at once, the error says which type
// is the next, and so on until it is there.
func TestNextType(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ from, to, next SegmentType }{
		{SegmentStriped, SegmentRAID5N, SegmentRAID0Meta},
		{SegmentStriped, SegmentRAID10, SegmentRAID0Meta},
		{SegmentRAID0, SegmentRAID10, SegmentRAID0Meta},
		{SegmentRAID0Meta, SegmentRAID5, SegmentRAID5N},
		{SegmentRAID0Meta, SegmentRAID4, SegmentRAID5N},
		{SegmentRAID4, SegmentRAID5, SegmentRAID5N},
		{SegmentRAID4, SegmentRAID6, SegmentRAID5N},
		{SegmentRAID5, SegmentRAID4, SegmentRAID5N},
		{SegmentRAID1, SegmentRAID0, SegmentRAID5N},
		{SegmentRAID5LA, SegmentRAID6, SegmentRAID6LA6},
		{SegmentRAID10, SegmentRAID5N, SegmentRAID0Meta},
		{SegmentRAID1, SegmentRAID4, SegmentRAID4},
		{SegmentStriped, SegmentMirror, ""},
		{SegmentMirror, SegmentRAID5, ""},
	} {
		assert.Equal(t, c.next, nextType(c.from, c.to), "%s to %s", c.from, c.to)
	}
	for _, from := range routeTypes {
		for _, to := range routeTypes {
			at := from
			for steps := 0; at != to; steps++ {
				next := nextType(at, to)
				require.NotEmpty(t, next, "%s to %s at %s", from, to, at)
				require.True(t, convertible(at, next))
				require.Less(t, steps, 6, "%s to %s", from, to)
				at = next
			}
			require.ErrorIs(t, errTakeover(from, to), ErrUnsupported)
		}
	}
}

// A raid of two legs has neither legs that are not read, nor regions smaller than its
// stripes, and one with the data of one leg does not lose the rest.
func TestConvertTwoLegsRefusals(t *testing.T) {
	t.Parallel()
	m := newMachine((&alteration{setup: raids}).start(t, OneArea).Clone())
	sys := m.open(t, 2)
	change := func(do func(*Tx) error) { t.Helper(); update(t, sys, "vg0", do) }
	convert := func(to SegmentType) func(*Tx) error {
		return func(tx *Tx) error { return tx.ConvertRAID("r", to, ConvertSpec{}) }
	}
	change(func(tx *Tx) error { return tx.ActivateAll() })
	change(func(tx *Tx) error { return tx.ChangeRAID("r", RAIDChange{WriteMostly: map[string]bool{"a": true}}) })
	m.refuses(t, sys, ErrUnsupported, convert(SegmentRAID5))
	change(func(tx *Tx) error {
		return tx.ChangeRAID("r", RAIDChange{WriteMostly: map[string]bool{"a": false}, WriteBehind: new(uint32(64))})
	})
	m.refuses(t, sys, ErrUnsupported, convert(SegmentRAID5))
	change(func(tx *Tx) error { return tx.ChangeRAID("r", RAIDChange{WriteBehind: new(uint32(0))}) })
	change(convert(SegmentRAID5N))
	m.refuses(t, sys, ErrUnsupported, convert(SegmentRAID0Meta))
	m.refuses(t, sys, ErrUnsupported, convert(SegmentRAID0))
	m.refuses(t, sys, ErrUnsupported, func(tx *Tx) error { return tx.ReshapeRAID("r", ReshapeSpec{Type: SegmentRAID5RA}) })
	change(convert(SegmentRAID1))
}
