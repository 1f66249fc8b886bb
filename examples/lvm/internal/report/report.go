// Package report makes the reports of lvm2: its fields, columns, selections and
// formats, over what the library says of volume groups.
package report

import (
	"cmp"
	"io"
	"slices"
	"time"

	"github.com/lvm-go/lvm"
	"github.com/lvm-go/lvm/examples/lvm/internal/sizes"
)

// Source is what was found and may be reported. Groups are in the order in which
// they were found: lvm2 has it the other way round, and so have reports, if they are
// not sorted. Volumes of exported groups are left out of reports of volumes.
type Source struct {
	Groups  []Group
	Orphans []lvm.OrphanPV
	Devices []Device // without a PV, which only a report of all PVs has
	// DevTypes are what a report of device types has.
	DevTypes []lvm.DeviceType
}

// Group is a volume group, and what of it was asked for. A nil function is for all
// that there is; volumes that users do not see are then left out unless
// [Options] has All.
type Group struct {
	VG      *lvm.VolumeGroup
	LVs     func(*lvm.LogicalVolume) bool
	PVs     func(*lvm.PhysicalVolume) bool
	History func(*lvm.HistoricalLV) bool
}

// Device is a device without a PV.
type Device struct {
	Path         string
	Size         lvm.Bytes
	Major, Minor int64
}

// Format is what a report is printed as.
type Format uint8

// Formats.
const (
	Basic   Format = iota
	JSON           // all values are strings
	JSONStd        // numbers are numbers, lists are lists, what is undefined is null
)

// Options is how reports are printed. The zero value is lvm2's default, but for
// Units, which has to be set.
type Options struct {
	// All reports volumes that users do not see, and devices without a PV; History
	// volumes that were removed.
	All, History bool
	Verbose      bool // default columns are more

	Format       Format
	NoHeadings   bool
	NoSuffix     bool
	NoBrackets   bool // around the names of volumes that users do not see
	NamePrefixes bool
	Unquoted     bool // with NamePrefixes
	Rows         bool // a column to a line
	Binary       bool // 1 and 0 instead of words
	Unbuffered   bool // as objects are found: not sorted
	Compact      bool // without columns that are empty in all rows
	Unaligned    bool

	Units         sizes.Units
	Separator     *string // nil: a space
	ListSeparator *string // nil: a comma
	TimeFormat    string  // of strftime(3); empty: %Y-%m-%d %T %z
	Zone          *time.Location
	Now           time.Time // for selections such as "2 days ago"
	DevDir        string    // empty: /dev
}

// Report is one of the reports that a command prints.
type Report struct {
	Kind Kind
	// Columns and Sort are lists of names, with commas between them; empty for
	// lvm2's defaults.
	Columns, Sort string
	// Changes are the values of -o in their order: a list of columns, or +, - or #
	// and a list of those to add, to leave out, or to leave out if they are empty.
	Changes []string
	// SortBy is the value of -O, if there is one: names, each with + or - before it.
	SortBy *string
	Select string
}

// Full returns the reports of fullreport, in their order.
func Full() []Report {
	var out []Report
	for _, k := range []Kind{VGs, PVs, LVs, PVSegments, Segments} {
		columns, sort := k.fullDefaults()
		out = append(out, Report{Kind: k, Columns: columns, Sort: sort})
	}
	return out
}

func (o *Options) separator() string {
	if o.Separator != nil {
		return *o.Separator
	}
	return " "
}

func (o *Options) listSeparator() string {
	if o.ListSeparator != nil {
		return *o.ListSeparator
	}
	return ","
}

func (o *Options) timeFormat() string { return cmp.Or(o.TimeFormat, "%Y-%m-%d %T %z") }

func (o *Options) zone() *time.Location { return cmp.Or(o.Zone, time.Local) }

func (o *Options) devDir() string { return cmp.Or(o.DevDir, "/dev") }

// Run prints a report. Errors of what the caller asked for are [*FieldError],
// [*SelectError] and [ErrMixed]. One of the kernel, which could not be asked about
// a volume, is returned when all is printed.
func Run(w io.Writer, src *Source, r Report, o Options) error {
	return RunAll(w, src, []Report{r}, o)
}

// RunAll prints several reports, as fullreport does: those of each group
// together, and at the end those of what belongs to none.
func RunAll(w io.Writer, src *Source, reports []Report, o Options) error {
	layouts := make([]*layout, len(reports))
	for i := range reports {
		var err error
		if layouts[i], err = newLayout(&reports[i], &o); err != nil {
			return err
		}
	}
	out := newPrinter(w, &o)
	var failed error
	for _, part := range parts(src, len(reports) > 1) {
		out.begin()
		for i, l := range layouts {
			if len(part.Groups) == 0 && len(reports) > 1 && reports[i].Kind != PVs && reports[i].Kind != PVSegments {
				continue
			}
			rows, err := l.collect(part, len(reports) > 1)
			if err != nil && failed == nil {
				failed = err
			}
			out.table(reports[i].Kind, l, rows)
		}
		out.end()
	}
	return cmp.Or(out.finish(), failed)
}

// parts returns what is printed together.
func parts(src *Source, each bool) []*Source {
	if !each {
		return []*Source{src}
	}
	var out []*Source
	for i := range slices.Backward(src.Groups) {
		out = append(out, &Source{Groups: src.Groups[i : i+1]})
	}
	if len(src.Orphans) > 0 {
		out = append(out, &Source{Orphans: src.Orphans})
	}
	return out
}
