// Package settings knows the settings of lvm.conf, and prints them as lvmconfig does.
package settings

import (
	_ "embed"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
)

// defaults has a setting in each line: its path, and its default if it has one. A dash
// before it says that it is not in use any more. Source: lvmconfig of lvm2 2.03.16.
//
//go:embed defaults.txt
var defaults string

// Setting is one of lvm.conf.
type Setting struct {
	Path  string // "devices/dir"
	Value string // as in lvm.conf, without blanks; empty: none
	Old   bool   // not in use any more
	Off   bool   // printed as a comment: it only tells the default
}

// Section returns the section that the setting is in, empty if it is in none.
func (s Setting) Section() string {
	i := strings.LastIndexByte(s.Path, '/')
	return s.Path[:max(i, 0)]
}

func (s Setting) name() string { return s.Path[strings.LastIndexByte(s.Path, '/')+1:] }

// known returns what defaults has.
var known = sync.OnceValue(func() []Setting {
	var out []Setting
	for line := range strings.Lines(defaults) {
		path, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		path, old := strings.CutPrefix(path, "-")
		out = append(out, Setting{Path: path, Value: value, Old: old})
	}
	return out
})

// Known returns all settings that lvm2 knows, with their defaults, for a system whose
// configuration is in dir.
func Known(dir string) []Setting {
	out := slices.Clone(known())
	for i := range out {
		if strings.HasPrefix(out[i].Value, `"/etc/lvm`) {
			out[i].Value = strings.Replace(out[i].Value, "/etc/lvm", dir, 1)
		}
	}
	return out
}

// IsKnown reports whether there is a setting at path. What is beneath tags, and the
// settings of policies, is named by who uses it.
func IsKnown(path string) bool {
	if strings.HasPrefix(path, "tags/") || strings.HasPrefix(path, "allocation/cache_settings/") {
		return true
	}
	return slices.ContainsFunc(known(), func(s Setting) bool { return s.Path == path })
}

// Same reports whether two values are the same: a list of one is as good as that alone.
func Same(a, b string) bool { return strings.Trim(a, "[]") == strings.Trim(b, "[]") }

// sectionsOff are the sections that are comments as a whole in lvm.conf as it is shipped.
var sectionsOff = [...]string{"metadata", "report", "tags"}

// Printer prints settings.
type Printer struct {
	Out    io.Writer
	Spaces bool // around the equals sign
}

// Print prints settings, those of a section together.
func (p Printer) Print(all []Setting) error {
	var sections []string
	for _, s := range all {
		top, _, _ := strings.Cut(s.Section(), "/")
		if !slices.Contains(sections, top) {
			sections = append(sections, top)
		}
	}
	for _, section := range sections {
		if err := p.section(section, all, 0); err != nil {
			return err
		}
	}
	return nil
}

// section prints what is in a section, and in those within it.
func (p Printer) section(section string, all []Setting, depth int) error {
	var own []Setting
	var inner []string
	off := true
	for _, s := range all {
		switch rest, within := strings.CutPrefix(s.Section(), section+"/"); {
		case s.Section() == section:
			own = append(own, s)
		case within:
			next, _, _ := strings.Cut(rest, "/")
			if next = section + "/" + next; !slices.Contains(inner, next) {
				inner = append(inner, next)
			}
		default:
			continue
		}
		off = off && s.Off
	}
	if section == "" {
		for _, s := range own {
			if err := p.line(s, 0); err != nil {
				return err
			}
		}
		return nil
	}
	tabs, mark := strings.Repeat("\t", depth), ""
	if off && slices.Contains(sectionsOff[:], section) {
		mark = "# "
	}
	if _, err := fmt.Fprintf(p.Out, "%s%s%s {\n", tabs, mark, section[strings.LastIndexByte(section, '/')+1:]); err != nil {
		return err
	}
	for _, s := range own {
		if err := p.line(s, depth+1); err != nil {
			return err
		}
	}
	for _, name := range inner {
		if err := p.section(name, all, depth+1); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(p.Out, "%s%s}\n", tabs, mark)
	return err
}

// Line prints one setting by itself.
func (p Printer) Line(s Setting) error { return p.line(s, 0) }

func (p Printer) line(s Setting, depth int) error {
	equals, mark := "=", ""
	if p.Spaces {
		equals = " = "
	}
	if s.Off {
		mark = "# "
	}
	_, err := fmt.Fprintf(p.Out, "%s%s%s%s%s\n", strings.Repeat("\t", depth), mark, s.name(), equals, s.Value)
	return err
}
