package sizes

import (
	"errors"
	"math"
	"strconv"
	"strings"

	"github.com/lvm-go/lvm"
	"github.com/lvm-go/lvm/units"
)

// ErrSize matches what is no size.
var ErrSize = errors.New("invalid size")

// Parse reads a size as commands take it: digits, perhaps a fraction, and a unit
// out of b, s, k, m, g, t, p and e in any case, which are powers of 1024 but for
// sectors. Behind the letter may be b or ib, as fsadm has it. Without a unit it is unit, one of these letters. What is less than a
// byte is cut off. The error matches [ErrSize].
func Parse(s string, unit byte) (lvm.Bytes, error) {
	number := strings.TrimRight(s, "bBiIsSkKmMgGtTpPeE")
	if rest := s[len(number):]; rest != "" {
		unit = rest[0]
		if more := strings.ToLower(rest[1:]); more != "" && more != "b" && more != "ib" {
			return 0, ErrSize
		}
	}
	factor, ok := factorOf(unit)
	if !ok || number == "" || strings.Trim(number, "0123456789.") != "" {
		return 0, ErrSize
	}
	if n, err := strconv.ParseUint(number, 10, 64); err == nil {
		if n > math.MaxUint64/factor {
			return 0, ErrSize
		}
		return lvm.Bytes(n * factor), nil
	}
	n, err := strconv.ParseFloat(number, 64)
	if err != nil || n*float64(factor) >= 1<<63 {
		return 0, ErrSize
	}
	return lvm.Bytes(n * float64(factor)), nil
}

func factorOf(unit byte) (uint64, bool) {
	lower := strings.ToLower(string(unit))
	if lower == "s" {
		return uint64(units.SectorSize), true
	}
	power := strings.Index(letters, lower)
	if power < 0 {
		return 0, false
	}
	return 1 << (10 * power), true
}
