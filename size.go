package lvm

import (
	"math"
	"math/bits"
	"strconv"
	"strings"

	"github.com/pkg/errors"

	"github.com/lvm-go/lvm/units"
)

// Size is a wish for the size of a logical volume: a number of bytes or extents,
// or a percentage of something. The zero Size is none.
//
// Bytes are rounded up to whole extents, and sizes of striped volumes up to whole
// stripes, as lvm2 does. The percentages for a new volume, and [PercentFree] for
// one to extend, are wishes: where there is less space, they give less.
type Size struct {
	kind sizeKind
	n    uint64
}

type sizeKind uint8

const (
	sizeNone sizeKind = iota
	sizeBytes
	sizeExtents
	sizePercentFree
	sizePercentVG
	sizePercentPVS
	sizePercentLV
	sizePercentOrigin
)

// percentNames are the suffixes of lvm2's option -l.
func (k sizeKind) percentName() string {
	switch k {
	case sizePercentFree:
		return "FREE"
	case sizePercentVG:
		return "VG"
	case sizePercentPVS:
		return "PVS"
	case sizePercentLV:
		return "LV"
	case sizePercentOrigin:
		return "ORIGIN"
	}
	return ""
}

// ExactSize is a size in bytes. It is rounded up to whole extents.
func ExactSize(b Bytes) Size { return Size{sizeBytes, uint64(b)} }

// ExtentCount is a size in extents.
func ExtentCount(e Extents) Size { return Size{sizeExtents, uint64(e)} }

// PercentFree is a share of all free extents of the group, also if only some of
// its physical volumes may be used.
func PercentFree(n uint) Size { return Size{sizePercentFree, uint64(n)} }

// PercentVG is a share of all extents of the group.
func PercentVG(n uint) Size { return Size{sizePercentVG, uint64(n)} }

// PercentPVS is a share of the free extents of the selected physical volumes, as
// far as they may be allocated, or, if none is selected, of all extents of the
// group.
func PercentPVS(n uint) Size { return Size{sizePercentPVS, uint64(n)} }

// PercentLV is a share of the logical volume's present size.
func PercentLV(n uint) Size { return Size{sizePercentLV, uint64(n)} }

// PercentOrigin is a share of a snapshot's origin. For a new snapshot it is what
// it takes to keep so much of the origin: with 100, the snapshot cannot overflow.
func PercentOrigin(n uint) Size { return Size{sizePercentOrigin, uint64(n)} }

// IsZero says whether s is no size at all.
func (s Size) IsZero() bool { return s.kind == sizeNone }

// IsPercent says whether s is a share of something.
func (s Size) IsPercent() bool { return s.kind.percentName() != "" }

// isWish says whether less will do where there is less space: for any percentage
// of a new volume, but only one of the free extents when resizing.
func (s Size) isWish(resize bool) bool {
	return s.kind == sizePercentFree || !resize && s.IsPercent()
}

// holdsMetadata says whether the metadata of a pool of that size, and a spare for them,
// come out of it. Source: lvm2 as observed.
func (s Size) holdsMetadata() bool { return s.kind == sizePercentFree || s.kind == sizePercentPVS }

// String prints s as lvm2's option -l, or -L for bytes, takes it: "100%FREE",
// "250", "20g". [ParseSize] reads it, except that a number of extents has no
// unit there.
func (s Size) String() string {
	n := strconv.FormatUint(s.n, 10)
	switch s.kind {
	case sizeNone:
		return "none"
	case sizeExtents:
		return n + " extents"
	case sizeBytes:
		for i, u := range "eptgmk" {
			if unit := EiB >> (10 * i); s.n != 0 && s.n%uint64(unit) == 0 {
				return strconv.FormatUint(s.n/uint64(unit), 10) + string(u)
			}
		}
		return n + "b"
	}
	return n + "%" + s.kind.percentName()
}

// sizeContext is what a size is resolved against.
type sizeContext struct {
	ExtentSize Sectors
	VG         Extents // all extents of the group
	Free       Extents // free extents of the group
	Selected   bool    // physical volumes are selected
	Selection  Extents // free extents that may be allocated there
	LV         Extents // present size
	Stripes    int     // of the extents to come; 0 is 1
	Resize     bool    // percentages round up; those of new volumes round down
	Origin     Extents // size of the origin of a snapshot
	Overhead   Extents // of a new COW store that keeps all of the origin
}

// resolve returns the size in extents, a multiple of the stripes. An error
// matches [ErrInvalidSize]: the size is zero or too large.
func (s Size) resolve(c sizeContext) (Extents, error) {
	n, ok := s.extents(c)
	if ok {
		n, ok = s.wholeStripes(n, c)
	}
	if !ok || n > units.MaxExtents {
		return 0, errors.WithMessagef(ErrInvalidSize, "%s is more than %d extents", s, uint64(units.MaxExtents))
	}
	if n == 0 {
		return 0, errors.WithMessagef(ErrInvalidSize, "%s is no extent", s)
	}
	return n, nil
}

func (s Size) extents(c sizeContext) (n Extents, ok bool) {
	of := Extents(0)
	switch s.kind {
	case sizeNone:
		return 0, true
	case sizeExtents:
		return Extents(s.n), true
	case sizeBytes:
		extent, ok := c.ExtentSize.Bytes()
		if !ok || extent == 0 {
			return 0, false
		}
		n = Extents(s.n / uint64(extent))
		if s.n%uint64(extent) != 0 {
			n++
		}
		return n, true
	case sizePercentFree:
		of = c.Free
	case sizePercentVG:
		of = c.VG
	case sizePercentPVS:
		if of = c.VG; c.Selected {
			of = c.Selection
		}
	case sizePercentLV:
		of = c.LV
	case sizePercentOrigin:
		n, ok = percentOf(s.n, c.Origin, c.Resize || c.LV == 0)
		return n + c.Overhead, ok && n+c.Overhead >= n
	}
	n, ok = percentOf(s.n, of, c.Resize)
	if s.kind == sizePercentVG && !c.Resize {
		n = min(n, c.Free)
	}
	return n, ok
}

func percentOf(percent uint64, of Extents, up bool) (n Extents, ok bool) {
	hi, lo := bits.Mul64(percent, uint64(of))
	if hi != 0 {
		return 0, false
	}
	n = Extents(lo / 100)
	if up && lo%100 != 0 {
		n++
	}
	return n, true
}

// wholeStripes rounds n up to a multiple of the stripes; down if n is a
// percentage and there is no room for more.
func (s Size) wholeStripes(n Extents, c sizeContext) (Extents, bool) {
	stripes := Extents(max(c.Stripes, 1))
	rest := n % stripes
	if rest == 0 {
		return n, true
	}
	down, up := n-rest, n-rest+stripes
	if s.IsPercent() && up > c.Free {
		return down, true
	}
	return up, up > n
}

// ParseSize reads what lvm2's options -L and -l take: "20G", "1.5GiB", "512",
// "100%FREE". A number without unit is MiB, as with -L; for the number of extents
// that -l takes it for there is [ExtentCount]. Units are b, s (sectors), k, m, g,
// t, p, e in either case, by powers of 1024. A fraction is cut to whole sectors.
// Signs have no place here. An error matches [ErrInvalidSize].
func ParseSize(text string) (Size, error) {
	number, suffix := text, ""
	if i := strings.IndexFunc(text, func(r rune) bool { return (r < '0' || r > '9') && r != '.' }); i >= 0 {
		number, suffix = text[:i], text[i:]
	}
	if name, ok := strings.CutPrefix(suffix, "%"); ok {
		for k := sizePercentFree; k <= sizePercentOrigin; k++ {
			if n, err := strconv.ParseUint(number, 10, 32); err == nil && strings.EqualFold(name, k.percentName()) {
				return Size{k, n}, nil
			}
		}
		return Size{}, errors.WithMessagef(ErrInvalidSize, "%q: percentages are whole, and of VG, FREE, PVS, LV or ORIGIN", text)
	}
	unit, ok := sizeUnit(suffix)
	if !ok {
		return Size{}, errors.WithMessagef(ErrInvalidSize, "%q: unknown unit", text)
	}
	b, ok := scaleDecimal(number, unit)
	if !ok {
		return Size{}, errors.WithMessagef(ErrInvalidSize, "%q", text)
	}
	if rest := b % units.SectorSize; unit > 1 {
		b -= rest
	} else if rest != 0 {
		return Size{}, errors.WithMessagef(ErrInvalidSize, "%q is not a multiple of %d bytes", text, uint64(units.SectorSize))
	}
	return ExactSize(b), nil
}

// ParseBytes reads a number of bytes as [ParseSize] does, but no percentage. An
// error matches [ErrInvalidSize].
func ParseBytes(text string) (Bytes, error) {
	s, err := ParseSize(text)
	if err == nil && s.kind != sizeBytes {
		err = errors.WithMessagef(ErrInvalidSize, "%q is no number of bytes", text)
	}
	return Bytes(s.n), err
}

// sizeUnit returns the unit of a suffix: a letter, which "B" or "iB" may follow.
func sizeUnit(suffix string) (Bytes, bool) {
	suffix = strings.ToLower(suffix)
	if len(suffix) > 1 {
		suffix = strings.TrimSuffix(strings.TrimSuffix(suffix, "b"), "i")
	}
	switch suffix {
	case "b":
		return 1, true
	case "s":
		return units.SectorSize, true
	case "k":
		return KiB, true
	case "", "m":
		return MiB, true
	case "g":
		return GiB, true
	case "t":
		return TiB, true
	case "p":
		return PiB, true
	case "e":
		return EiB, true
	}
	return 0, false
}

// scaleDecimal returns a decimal number times a unit, rounded down.
func scaleDecimal(number string, unit Bytes) (Bytes, bool) {
	whole, fraction, dotted := strings.Cut(number, ".")
	if whole == "" && fraction == "" || dotted && unit == 1 {
		return 0, false
	}
	var b uint64
	if whole != "" {
		n, err := strconv.ParseUint(whole, 10, 64)
		hi, lo := bits.Mul64(n, uint64(unit))
		if err != nil || hi != 0 {
			return 0, false
		}
		b = lo
	}
	// More digits than these are less than a byte of the largest unit.
	const digits = 19
	if strings.Trim(fraction, "0123456789") != "" {
		return 0, false
	}
	fraction = (fraction + strings.Repeat("0", digits))[:digits]
	n, err := strconv.ParseUint(fraction, 10, 64)
	if err != nil {
		return 0, false
	}
	hi, lo := bits.Mul64(n, uint64(unit))
	part, _ := bits.Div64(hi, lo, 1e19)
	if part > math.MaxUint64-b {
		return 0, false
	}
	return Bytes(b + part), true
}
