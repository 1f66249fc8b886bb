package dm

import (
	"fmt"
	"math"
)

// Percent is a share in hundredths of a percent: 10000 is everything.
type Percent uint16

// PercentOf returns the share that part is of whole, rounded to what lvs prints:
// 0 for nothing only, 100 % for everything only, however near the share comes.
// A part of more than the whole is everything, and so is any part of nothing.
func PercentOf(part, whole uint64) Percent {
	const (
		all     = 10000
		million = 1000000
	)
	switch {
	case part >= whole:
		return all
	case part == 0:
		return 0
	}
	// lvm2 counts in whole millionths of a percent, and prints a 32-bit float.
	millionths := math.Trunc(100 * million * (float64(part) / float64(whole)))
	rounded := math.RoundToEven(float64(float32(millionths)/million) * 100)
	return Percent(min(max(rounded, 1), all-1))
}

// MarshalJSON writes p as a number: 3.22.
func (p Percent) MarshalJSON() ([]byte, error) { return []byte(p.String()), nil }

// String prints p as lvs does, with two decimals: "3.22".
func (p Percent) String() string { return fmt.Sprintf("%d.%02d", p/100, p%100) }
