package report

import (
	"fmt"
	"strings"

	"github.com/lvm-go/lvm/examples/lvm/internal/sizes"
)

// commandLine is a report as it is asked for on a command line.
type commandLine struct {
	o       Options
	reports []Report
	names   []string // of groups or volumes
}

// parseLine reads the words of a command line.
func parseLine(words []string) (c commandLine, err error) {
	c.o.Units = sizes.Default()
	kind, ok := map[string]Kind{"lvs": LVs, "vgs": VGs, "pvs": PVs, "fullreport": VGs}[words[0]]
	if !ok {
		return c, fmt.Errorf("no such command: %s", words[0])
	}
	c.reports = []Report{{Kind: kind}}
	if words[0] == "fullreport" {
		c.reports = Full()
	}
	at := &c.reports[0]
	for i := 1; i < len(words); i++ {
		value := func() string { i++; return words[i] }
		switch w := words[i]; {
		case w == "--segments":
			at.Kind = map[Kind]Kind{LVs: Segments, PVs: PVSegments}[kind]
		case w == "-o":
			at.Changes = append(at.Changes, value())
		case strings.HasPrefix(w, "-o"):
			at.Changes = append(at.Changes, w[2:])
		case w == "-O":
			by := value()
			at.SortBy = &by
		case w == "-S":
			at.Select = value()
		case w == "--configreport":
			name := value()
			for j := range c.reports {
				if c.reports[j].Kind.Name() == name {
					at = &c.reports[j]
				}
			}
		case w == "-a":
			c.o.All = true
		case w == "-H":
			c.o.History = true
		case w == "-v":
			c.o.Verbose = true
		case w == "--units":
			if c.o.Units, err = sizes.ParseUnits(value()); err != nil {
				return c, err
			}
		case w == "--separator":
			s := value()
			c.o.Separator, c.o.Unaligned = &s, true
		case w == "--reportformat":
			c.o.Format = map[string]Format{"basic": Basic, "json": JSON, "json_std": JSONStd}[value()]
		case w == "--noheadings":
			c.o.NoHeadings = true
		case w == "--nosuffix":
			c.o.NoSuffix = true
		case w == "--nameprefixes":
			c.o.NamePrefixes = true
		case w == "--unquoted":
			c.o.Unquoted = true
		case w == "--rows":
			c.o.Rows = true
		case w == "--binary":
			c.o.Binary = true
		case w == "--unbuffered":
			c.o.Unbuffered = true
		case w == "--aligned":
			defer func() { c.o.Unaligned = false }()
		case w == "--config":
			err = c.config(value())
		case strings.HasPrefix(w, "-"):
			return c, fmt.Errorf("no such option: %s", w)
		default:
			c.names = append(c.names, w)
		}
	}
	return c, err
}

// config takes a setting of lvm.conf.
func (c *commandLine) config(s string) error {
	name, value, _ := strings.Cut(s, "=")
	value = strings.Trim(value, `"`)
	switch name {
	case "report/compact_output":
		c.o.Compact = value == "1"
	case "report/list_item_separator":
		c.o.ListSeparator = &value
	case "report/time_format":
		c.o.TimeFormat = value
	case "report/mark_hidden_devices":
		c.o.NoBrackets = value == "0"
	default:
		return fmt.Errorf("no such setting: %s", name)
	}
	return nil
}

// split divides a line into words, as a shell does with quotes.
func split(line string) []string {
	var out []string
	var word strings.Builder
	in, quote := false, byte(0)
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '\'' || c == '"'):
			in, quote = true, c
		case quote == 0 && c == ' ':
			if in {
				out = append(out, word.String())
			}
			word.Reset()
			in = false
		default:
			in = true
			word.WriteByte(c)
		}
	}
	if in {
		out = append(out, word.String())
	}
	return out
}
