package report

import (
	"slices"
	"strings"
	"sync"
)

// Type is what a field holds.
type Type uint8

// Types of fields.
const (
	String Type = iota
	Number
	Size
	Percent
	StringList
	Time
)

func (t Type) String() string {
	return [...]string{"string", "number", "size", "percent", "string list", "time"}[t]
}

// section is what the fields of a part of the list are about.
type section uint16

const (
	lvSection section = 1 << iota
	lvInfoSection
	lvStatusSection
	lvBothSection
	labelSection
	pvSection
	vgSection
	segSection
	pvsegSection
	devtypeSection
	specialSection
)

const (
	anyLV = lvSection | lvInfoSection | lvStatusSection | lvBothSection
	anyPV = labelSection | pvSection
)

// sectionInfo is a section: its title, what its names may leave out, its fields.
type sectionInfo struct {
	section section
	title   string
	prefix  string
	fields  []field
}

// field is a column that a report can have.
type field struct {
	name    string
	heading string
	about   string
	typ     Type
	width   int // at least
	value   func(*row) value

	section section
	kernel  bool       // it is asked for the value
	plain   string     // the name as it is compared
	words   []reserved // that stand for values
}

// sectionsOf returns the fields that a report of a kind may have.
func sectionsOf(kind Kind) []sectionInfo {
	if kind == DevTypes {
		return devtypeSections()
	}
	return sections()
}

// devtypeSections returns the fields of reports of device types.
var devtypeSections = sync.OnceValue(func() []sectionInfo {
	return complete([]sectionInfo{
		{devtypeSection, "Device Types Fields", "devtype_", devtypeFields()},
		{specialSection, "Special Fields", "", specialFields()},
	})
})

// sections returns all fields of the other reports. They are made when the first of them is asked for.
var sections = sync.OnceValue(func() []sectionInfo {
	return complete([]sectionInfo{
		{lvSection, "Logical Volume Fields", "lv_", lvFields()},
		{lvInfoSection, "Logical Volume Device Info Fields", "lv_", lvInfoFields()},
		{lvStatusSection, "Logical Volume Device Status Fields", "lv_", lvStatusFields()},
		{lvBothSection, "Logical Volume Device Info and Status Combined Fields", "lv_", lvBothFields()},
		{labelSection, "Physical Volume Label Fields", "pv_", labelFields()},
		{pvSection, "Physical Volume Fields", "pv_", pvFields()},
		{vgSection, "Volume Group Fields", "vg_", vgFields()},
		{segSection, "Logical Volume Segment Fields", "seg_", segFields()},
		{pvsegSection, "Physical Volume Segment Fields", "pvseg_", pvsegFields()},
		{specialSection, "Special Fields", "", specialFields()},
	})
})

// complete fills in what follows from the names of fields.
func complete(all []sectionInfo) []sectionInfo {
	flags, kernel := flagWords(), kernelFields()
	for s := range all {
		for i := range all[s].fields {
			f := &all[s].fields[i]
			f.section, f.plain = all[s].section, plainName(f.name)
			f.kernel = f.section&(lvInfoSection|lvStatusSection|lvBothSection) != 0 || slices.Contains(kernel, f.name)
			f.words = reservedOf(f.name, flags[f.name])
		}
	}
	return all
}

// kernelFields are those that look like a matter of the metadata and are not.
func kernelFields() []string {
	return []string{"lv_image_synced", "raid_mismatch_count", "raid_sync_action", "integritymismatches", "data_offset", "new_data_offset"}
}

// plainName is a name as it is compared: case and underscores do not count.
func plainName(s string) string { return strings.ToLower(strings.ReplaceAll(s, "_", "")) }

// isHelp says whether a name of a field asks for the list of them.
func isHelp(name string) bool { return name == "?" || plainName(name) == "help" }

// findField returns the field of a name, which may lack the prefix of the kind
// of report.
func findField(name string, kind Kind) (*field, bool) {
	plain := plainName(name)
	prefix := plainName(kind.prefix())
	for _, s := range sectionsOf(kind) {
		for i := range s.fields {
			if f := &s.fields[i]; f.plain == plain || f.plain == prefix+plain {
				return f, true
			}
		}
	}
	return nil, false
}

// findAll returns the fields of a name for all of a section, such as lv_all, or for
// all of the sections that a report is of.
func findAll(name string, kind Kind, report section) ([]*field, bool) {
	var which section
	plain := plainName(name)
	if plain == "all" {
		which = report
	}
	for _, s := range sectionsOf(kind) {
		if s.prefix != "" && plain == plainName(s.prefix)+"all" {
			which |= s.section
		}
	}
	var out []*field
	for _, s := range sectionsOf(kind) {
		if s.section&which == 0 {
			continue
		}
		for i := range s.fields {
			out = append(out, &s.fields[i])
		}
	}
	return out, len(out) > 0
}
