// Package sizes reads and prints sizes as the options and reports of lvm2 have
// them.
package sizes

import (
	"errors"
	"fmt"
	"math/bits"
	"strconv"
	"strings"

	"github.com/lvm-go/lvm"
	"github.com/lvm-go/lvm/units"
)

// ErrUnits matches what is no units specification.
var ErrUnits = errors.New("Invalid units specification")

// letters are the units in ascending order, each 1024 or 1000 times the one before.
const letters = "bkmgtpe"

// Units is how sizes are printed: in one unit, or in one that fits each of them.
// The zero value is no units; see [Default].
type Units struct {
	factor uint64 // bytes in the unit; of units that fit, 1000 or 1024
	suffix string
	fits   bool // the unit is chosen for each size
	marks  bool // sizes that are less than what is printed are marked
	whole  bool // without decimals
}

// Default is lvm2's: what people can read, marked if it is rounded up.
func Default() Units { return Units{factor: 1024, fits: true, marks: true} }

// ParseUnits reads what --units takes: [Number]r|R|h|H|b|B|s|S|k|K|m|M|g|G|t|T|p|P|e|E.
// Capital letters have powers of 1000. With a number, sizes are counted in so many
// of the unit, and have the suffix U. The error matches [ErrUnits].
func ParseUnits(s string) (Units, error) {
	number, letter := strings.TrimRight(s, "rRhHbBsSkKmMgGtTpPeE"), ""
	if letter = s[len(number):]; len(letter) != 1 {
		return Units{}, ErrUnits
	}
	count := 1.0
	if number != "" {
		var err error
		if count, err = strconv.ParseFloat(number, 64); err != nil || count <= 0 || strings.ContainsAny(number, "xXeEpPiInN+-_") {
			return Units{}, ErrUnits
		}
	}
	step := uint64(1024)
	if letter == strings.ToUpper(letter) {
		step = 1000
	}
	switch lower := strings.ToLower(letter); lower {
	case "r", "h":
		return Units{factor: step, fits: true, marks: lower == "r"}, nil
	case "s":
		return counted(count, uint64(units.SectorSize), "S", true)
	case "b":
		return counted(count, 1, "B", true)
	default:
		unit := uint64(1)
		for range strings.Index(letters, lower) {
			unit *= step
		}
		return counted(count, unit, letter, false)
	}
}

func counted(count float64, unit uint64, suffix string, whole bool) (Units, error) {
	factor := count * float64(unit)
	if factor < 1 || factor >= 1<<63 {
		return Units{}, ErrUnits
	}
	if uint64(count) != 1 {
		suffix, whole = "U", false
	}
	return Units{factor: uint64(factor), suffix: suffix, whole: whole}, nil
}

// Fits says whether each size is printed in a unit that fits it.
func (u Units) Fits() bool { return u.fits }

// Bytes returns the unit; of units that fit, the step from one to the next.
func (u Units) Bytes() lvm.Bytes { return lvm.Bytes(u.factor) }

// Format prints a size as lvm2 does, with two decimals. Units that fit are always
// named; suffix says whether others are. Zero has none that would fit, and a space in
// its place.
func (u Units) Format(size lvm.Bytes, suffix bool) string {
	switch {
	case size == 0 && !suffix:
		return "0"
	case size == 0 && u.fits:
		return "0 "
	case size == 0:
		return "0" + u.suffix
	case u.fits:
		return u.fitting(uint64(size))
	case !suffix:
		return u.number(uint64(size))
	}
	return u.number(uint64(size)) + u.suffix
}

func (u Units) number(size uint64) string {
	if u.whole {
		return strconv.FormatUint(size/u.factor, 10)
	}
	return fmt.Sprintf("%.2f", float64(size)/float64(u.factor))
}

// fitting prints a size in the largest unit that is not larger than it.
func (u Units) fitting(size uint64) string {
	unit, power := uint64(1), 0
	for power < len(letters)-1 && size/u.factor >= unit {
		unit *= u.factor
		power++
	}
	suffix := letters[power : power+1]
	if u.factor == 1000 || power == 0 {
		suffix = strings.ToUpper(suffix)
	}
	number := fmt.Sprintf("%.2f", float64(size)/float64(unit))
	if power == 0 {
		return strconv.FormatUint(size, 10) + suffix
	}
	if u.marks && exceeds(number, size, unit) {
		number = "<" + number
	}
	return number + suffix
}

// exceeds says whether a printed number of units, with two decimals, is more than the
// size is.
func exceeds(number string, size, unit uint64) bool {
	hundredths, err := strconv.ParseUint(strings.Replace(number, ".", "", 1), 10, 64)
	printedHigh, printedLow := bits.Mul64(hundredths, unit)
	high, low := bits.Mul64(size, 100)
	return err == nil && (printedHigh > high || printedHigh == high && printedLow > low)
}
