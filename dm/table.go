package dm

import (
	"math/bits"
	"slices"
	"strconv"
	"strings"

	"github.com/lvm-go/lvm/units"
	"github.com/pkg/errors"
)

// Table is what a mapped device consists of: targets, one after the other from
// sector 0, without gaps.
type Table []Line

// Line is a target and the sectors of the mapped device that it serves.
type Line struct {
	Start, Length units.Sectors
	Target        Target
}

// StatusLine is what a target of a table says about its state. The text is read
// by the function of the type: ParseStripedStatus, ParseThinPoolStatus, ...
type StatusLine struct {
	Start, Length units.Sectors
	Type, Status  string
}

// String prints l as dmsetup does, with a blank at the end if the target has
// no parameters.
func (l Line) String() string {
	typ, params := "", ""
	if l.Target != nil {
		typ, params = l.Target.Type(), l.Target.Params()
	}
	return lineText(l.Start, l.Length, typ, params)
}

// String prints l as dmsetup does.
func (l StatusLine) String() string { return lineText(l.Start, l.Length, l.Type, l.Status) }

func lineText(start, length units.Sectors, typ, text string) string {
	return strconv.FormatUint(uint64(start), 10) + " " + strconv.FormatUint(uint64(length), 10) + " " + typ + " " + text
}

// String prints the table as `dmsetup table DEVICE` does, each line with a line
// feed.
func (t Table) String() string {
	var b strings.Builder
	for _, l := range t {
		b.WriteString(l.String())
		b.WriteByte('\n')
	}
	return b.String()
}

// ParseTable reads the lines of a table, as `dmsetup table DEVICE` prints them
// and `dmsetup create` takes them. Empty lines and those that begin with # are
// skipped. The error matches ErrInvalid and has the number of the line. The
// table is not validated: see Validate.
func ParseTable(text string) (Table, error) {
	var t Table
	n := 0
	for line := range strings.SplitSeq(text, "\n") {
		n++
		if s := strings.TrimSpace(line); s == "" || s[0] == '#' {
			continue
		}
		l, err := ParseLine(line)
		if err != nil {
			return nil, errors.WithMessagef(err, "line %d", n)
		}
		t = append(t, l)
	}
	return t, nil
}

// ParseLine reads "start length type parameters". The error matches ErrInvalid.
func ParseLine(line string) (Line, error) {
	start, length, typ, params, err := cutLine(line)
	if err != nil {
		return Line{}, err
	}
	target, err := ParseTarget(typ, params)
	if err != nil {
		return Line{}, err
	}
	return Line{Start: start, Length: length, Target: target}, nil
}

// ParseStatusLine reads "start length type status" as `dmsetup status DEVICE`
// prints it. The error matches ErrInvalid.
func ParseStatusLine(line string) (StatusLine, error) {
	start, length, typ, status, err := cutLine(line)
	if err != nil {
		return StatusLine{}, err
	}
	return StatusLine{Start: start, Length: length, Type: typ, Status: status}, nil
}

func cutLine(line string) (start, length units.Sectors, typ, rest string, err error) {
	var word [3]string
	rest = line
	for i := range word {
		word[i], rest, _ = strings.Cut(strings.TrimLeft(rest, " \t"), " ")
	}
	s, err := parseUint(word[0], maxSectors)
	if err != nil {
		return 0, 0, "", "", errors.WithMessage(err, "start of target")
	}
	l, err := parseUint(word[1], maxSectors)
	if err != nil {
		return 0, 0, "", "", errors.WithMessage(err, "length of target")
	}
	if err := checkType(word[2]); err != nil {
		return 0, 0, "", "", err
	}
	return units.Sectors(s), units.Sectors(l), word[2], rest, nil
}

// maxSectors is the largest number of sectors that has a number of bytes in 64
// bits.
const maxSectors = 1<<55 - 1

// Length returns the length of the mapped device: the sum of the lengths of
// the targets. Of a table that Validate refuses it may be wrong.
func (t Table) Length() units.Sectors {
	var n units.Sectors
	for _, l := range t {
		n += l.Length
	}
	return n
}

// Validate checks what the kernel demands of every table: at least one target,
// the first at sector 0, no gap, no overlap, no target without sectors, names of
// target types and underlying devices that can be expressed. The error matches
// ErrInvalid.
func (t Table) Validate() error {
	if len(t) == 0 {
		return errors.WithMessage(ErrInvalid, "table without targets")
	}
	var end uint64
	for i, l := range t {
		if l.Target == nil {
			return errors.WithMessagef(ErrInvalid, "table line %d has no target", i)
		}
		if uint64(l.Start) != end {
			return errors.WithMessagef(ErrInvalid, "table line %d starts at sector %d, want %d", i, l.Start, end)
		}
		if l.Length == 0 {
			return errors.WithMessagef(ErrInvalid, "table line %d has no sectors", i)
		}
		next, carry := bits.Add64(end, uint64(l.Length), 0)
		if carry != 0 || next > maxSectors {
			return errors.WithMessagef(ErrInvalid, "table line %d: %d sectors from %d are too many", i, l.Length, l.Start)
		}
		end = next
		if err := checkTarget(l.Target); err != nil {
			return errors.WithMessagef(err, "table line %d", i)
		}
	}
	return nil
}

// Equal says whether a device whose table is t, as the kernel reports it, has what
// o says: the same lines, not counting blanks at the end of the parameters, nor what
// the kernel adds, leaves out or puts in another order. A RAID that was told to be
// in sync or not is equal to one without that, but not the other way round.
func (t Table) Equal(o Table) bool {
	return slices.EqualFunc(t, o, func(a, b Line) bool {
		if a.Start != b.Start || a.Length != b.Length || a.Target == nil || b.Target == nil {
			return false
		}
		if a.Target.Type() != b.Target.Type() {
			return false
		}
		if strings.TrimRight(a.Target.Params(), " ") == strings.TrimRight(b.Target.Params(), " ") {
			return true
		}
		t, ok := a.Target.(reporter)
		return ok && t.reports(b.Target)
	})
}

// reporter is a target that the kernel reports in other words than it was given.
type reporter interface {
	// reports says whether a kernel that was given want may report this.
	reports(want Target) bool
}

// secret says whether t may have a key in it.
func (t Table) secret() bool {
	return slices.ContainsFunc(t, func(l Line) bool {
		_, ok := l.Target.(Integrity)
		return ok
	})
}

// Devices returns the underlying devices that the targets name, each once, in
// the order of their first appearance. Those of an Unknown target are not known.
func (t Table) Devices() []string {
	var devices []string
	seen := map[string]bool{}
	for _, l := range t {
		if l.Target == nil {
			continue
		}
		for _, d := range l.Target.Devices() {
			if !seen[d] {
				seen[d] = true
				devices = append(devices, d)
			}
		}
	}
	return devices
}

// MapDevices returns a copy of t in which f has replaced the name of every
// underlying device. It is how references to devices that do not exist yet are
// kept in a table and become major:minor just before the load. An error of f
// is returned with the line that it happened in.
func (t Table) MapDevices(f func(device string) (string, error)) (Table, error) {
	mapped := slices.Clone(t)
	for i, l := range mapped {
		if l.Target == nil {
			continue
		}
		devices := slices.Clone(l.Target.Devices())
		if len(devices) == 0 {
			continue
		}
		for j, d := range devices {
			name, err := f(d)
			if err != nil {
				return nil, errors.WithMessagef(err, "device %q of table line %d", d, i)
			}
			devices[j] = name
		}
		mapped[i].Target = l.Target.WithDevices(devices)
	}
	return mapped, nil
}
