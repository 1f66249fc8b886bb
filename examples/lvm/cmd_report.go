package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/lvm-go/lvm"
	"github.com/lvm-go/lvm/examples/lvm/internal/report"
	"github.com/lvm-go/lvm/examples/lvm/internal/sizes"
)

const reportOptions = "aligned binary configreport foreign ignorelockingfailure ignoreskippedcluster logonly nameprefixes noheadings nosuffix options readonly reportformat rows " +
	"select separator shared sort unbuffered units unquoted partial"

func reportCommands() []*command {
	of := func(kind report.Kind) func(*call) error {
		return func(c *call) error { return runReport(c, []report.Report{{Kind: kind}}) }
	}
	return []*command{
		{
			name: "devtypes", summary: "Report the types of devices that are looked at", run: of(report.DevTypes),
			options: "aligned binary nameprefixes noheadings nosuffix options reportformat rows select separator sort unbuffered unquoted",
		},
		{
			name: "fullreport", summary: "Report all there is", run: func(c *call) error { return runReport(c, report.Full()) },
			forms: []string{"[ VG ... ]"}, options: reportOptions + " all",
		},
		{
			name: "lvs", summary: "Report logical volumes", run: of(report.LVs),
			forms: []string{"[ VG|LV|Tag ... ]"}, options: "all segments history " + reportOptions,
		},
		{
			name: "pvs", summary: "Report physical volumes", run: of(report.PVs),
			forms: []string{"[ PV|Tag ... ]"}, options: "all segments " + reportOptions,
		},
		{
			name: "vgs", summary: "Report volume groups", run: of(report.VGs),
			forms: []string{"[ VG|Tag ... ]"}, options: "all " + reportOptions,
		},
	}
}

func runReport(c *call, reports []report.Report) error {
	kind := reports[0].Kind
	if kind == report.DevTypes && len(c.args) > 0 {
		return c.misuseWord("argument", c.args[0])
	}
	o, err := c.reportOptions()
	if err != nil {
		return err
	}
	if c.opt.Has("segments") {
		reports[0].Kind = map[report.Kind]report.Kind{report.LVs: report.Segments, report.PVs: report.PVSegments}[kind]
	}
	c.readReports(reports)
	if err := c.configure(reports, o.Verbose); err != nil {
		return err
	}
	src, err := c.source(kind, len(reports) > 1, o)
	if err != nil {
		return err
	}
	if len(reports) > 1 {
		err = report.RunAll(c.stdout, src, reports, o)
	} else {
		err = report.Run(c.stdout, src, reports[0], o)
	}
	return c.badReport(kind, err)
}

// badReport tells what is wrong with columns, an order or a selection, as lvm2 does. It
// returns other errors as they are, and none for who asked for help.
func (c *call) badReport(kind report.Kind, err error) error {
	var field *report.FieldError
	var sel *report.SelectError
	if !errors.As(err, &field) && !errors.As(err, &sel) && !errors.Is(err, report.ErrMixed) && !errors.Is(err, report.ErrColumns) {
		return err
	}
	if !report.Help(c.stderr, kind, err) {
		return nil
	}
	lines := []string{err.Error()}
	if sel != nil {
		lines = sel.Lines
	}
	for _, line := range lines {
		c.fault("%s", line)
	}
	return errTold
}

// readReports reads what the command line says of columns, order and selection. Behind
// --configreport it is about the report that that names.
func (c *call) readReports(reports []report.Report) {
	at := &reports[0]
	for _, given := range c.opt.Order() {
		switch given.Name {
		case "configreport":
			at = &report.Report{} // one that is not made here, such as of the log
			kind, known := report.ParseKind(given.Text)
			for i := range reports {
				if known && reports[i].Kind == kind {
					at = &reports[i]
				}
			}
		case "options":
			at.Changes = append(at.Changes, given.Text)
		case "sort":
			at.SortBy = &given.Text
		case "select":
			at.Select = given.Text
		}
	}
}

// configure takes the columns and sort keys that the configuration has.
func (c *call) configure(reports []report.Report, verbose bool) error {
	conf, err := c.config()
	if err != nil {
		return err
	}
	for i := range reports {
		r := &reports[i]
		columns, sort := r.Kind.Settings(len(reports) > 1, verbose)
		if r.Columns, err = conf.Text(columns, r.Columns); err != nil {
			return err
		}
		if r.Sort, err = conf.Text(sort, r.Sort); err != nil {
			return err
		}
	}
	return nil
}

// reportOptions returns how reports are printed, by the configuration and the command
// line.
func (c *call) reportOptions() (report.Options, error) {
	conf, err := c.config()
	if err != nil {
		return report.Options{}, err
	}
	var first error
	keep := func(err error) {
		if first == nil {
			first = err
		}
	}
	flag := func(option, path string, otherwise bool) bool {
		if option != "" && c.opt.Has(option) {
			return true
		}
		set, err := conf.Bool(path, otherwise)
		keep(err)
		return set
	}
	text := func(option, path, otherwise string) string {
		if option != "" && c.opt.Has(option) {
			return c.opt.Text(option)
		}
		value, err := conf.Text(path, otherwise)
		keep(err)
		return value
	}
	o := report.Options{
		All: c.opt.Has("all"), History: c.opt.Has("history"), Verbose: c.opt.Has("verbose"),
		NoHeadings: c.opt.Has("noheadings") || !flag("", "report/headings", true), NoSuffix: c.opt.Has("nosuffix") || !flag("", "global/suffix", true),
		NoBrackets: !flag("", "report/mark_hidden_devices", true), NamePrefixes: flag("nameprefixes", "report/prefixes", false),
		Unquoted: c.opt.Has("unquoted") || !flag("", "report/quoted", true), Rows: flag("rows", "report/columns_as_rows", false),
		Binary: flag("binary", "report/binary_values_as_numeric", false), Unbuffered: c.opt.Has("unbuffered") || !flag("", "report/buffered", true),
		Compact: flag("", "report/compact_output", false), Unaligned: !flag("", "report/aligned", true) || c.opt.Has("separator") && !c.opt.Has("aligned"),
		TimeFormat: text("", "report/time_format", ""), DevDir: strings.TrimSuffix(c.devDir(), "/"),
	}
	if separator := text("separator", "report/separator", " "); separator != " " {
		o.Separator = &separator
	}
	if list := text("", "report/list_item_separator", ","); list != "," {
		o.ListSeparator = &list
	}
	o.Format = map[string]report.Format{"json": report.JSON, "json_std": report.JSONStd}[text("reportformat", "report/output_format", "basic")]
	units := text("units", "global/units", "r")
	if o.Units, err = sizes.ParseUnits(units); err != nil {
		return o, c.misuse("%v", err)
	}
	return o, first
}

// source returns what the words of the command line ask to be reported.
func (c *call) source(kind report.Kind, full bool, o report.Options) (*report.Source, error) {
	if kind == report.DevTypes {
		return &report.Source{DevTypes: lvm.DeviceTypes()}, nil
	}
	found, err := c.scan()
	if err != nil {
		return nil, err
	}
	c.tellMissing(found)
	if len(c.args) == 0 {
		return c.allSources(found, kind, full, o)
	}
	if kind == report.PVs {
		return c.pvSources(found), nil
	}
	return c.lvSources(found, kind), nil
}

// tellMissing warns of physical volumes that were not found.
func (c *call) tellMissing(found *lvm.Inventory) {
	for _, vg := range found.VGs {
		for _, pv := range vg.MissingPVs() {
			c.warn("WARNING: Couldn't find device with uuid %s.", pv.ID())
			hint := pv.DeviceHint()
			if hint == "" {
				hint = "[unknown]"
			}
			c.warn("WARNING: VG %s is missing PV %s (last written to %s).", vg.Name(), pv.ID(), hint)
		}
	}
}

func (c *call) allSources(found *lvm.Inventory, kind report.Kind, full bool, o report.Options) (*report.Source, error) {
	src := &report.Source{}
	for _, vg := range found.VGs {
		if kind != report.LVs || !vg.Exported() {
			src.Groups = append(src.Groups, report.Group{VG: vg})
		}
	}
	if kind != report.PVs && !full {
		return src, nil
	}
	src.Orphans = found.Orphans
	if !o.All || kind != report.PVs {
		return src, nil
	}
	all, err := c.blockDevices()
	if err != nil {
		return nil, err
	}
	for _, d := range all {
		if !slices.Contains(found.Blank, d.Path) {
			continue
		}
		device := report.Device{Path: d.Path, Size: d.Size}
		if _, err := fmt.Sscanf(d.Number, "%d:%d", &device.Major, &device.Minor); err != nil {
			return nil, err
		}
		src.Devices = append(src.Devices, device)
	}
	return src, nil
}

// pvSources returns what the words of pvs name.
func (c *call) pvSources(found *lvm.Inventory) *report.Source {
	src := &report.Source{}
	named := map[string]bool{}
	var tags []string
	for _, word := range c.args {
		if isTag(word) {
			tags = append(tags, word[1:])
			continue
		}
		device, ok := c.known(word)
		if !ok {
			continue
		}
		if c.groupOf(device) == "" && !slices.ContainsFunc(found.Orphans, func(o lvm.OrphanPV) bool { return o.Device == device }) {
			c.fault("Failed to find physical volume %q.", word)
			c.failed = true
			continue
		}
		named[device] = true
	}
	for _, vg := range found.VGs {
		wanted := func(pv *lvm.PhysicalVolume) bool {
			return named[pv.Device()] || slices.ContainsFunc(tags, func(tag string) bool { return slices.Contains(pv.Tags(), tag) || vg.HasTag(tag) })
		}
		for pv := range vg.PVs() {
			if wanted(pv) {
				src.Groups = append(src.Groups, report.Group{VG: vg, PVs: wanted})
				break
			}
		}
	}
	for _, o := range found.Orphans {
		if named[o.Device] {
			src.Orphans = append(src.Orphans, o)
		}
	}
	return src
}

// lvSources returns what the words of lvs and vgs name.
func (c *call) lvSources(found *lvm.Inventory, kind report.Kind) *report.Source {
	src := &report.Source{}
	all, err := c.volumes(c.args)
	if err != nil {
		c.fail(err)
		return src
	}
	for _, w := range all {
		i := slices.IndexFunc(found.VGs, func(vg *lvm.VolumeGroup) bool { return vg.Name() == w.vg })
		switch {
		case i < 0:
			c.fail(&lvm.OpError{Op: "report", VG: w.vg, Err: lvm.ErrVGNotFound})
			continue
		case kind == report.LVs && found.VGs[i].Exported() && len(w.tags) > 0 && !w.all && len(w.lvs) == 0:
			continue
		case kind == report.LVs && found.VGs[i].Exported():
			c.fault("Volume group %s is exported", w.vg)
			c.failed = true
			continue
		}
		vg := found.VGs[i]
		g := report.Group{VG: vg}
		if !w.all && kind == report.LVs {
			ids := map[lvm.ID]bool{}
			for _, lv := range chosen(vg, w, c.fail) {
				ids[lv.ID()] = true
			}
			if len(ids) == 0 {
				continue
			}
			g.LVs = func(lv *lvm.LogicalVolume) bool { return ids[lv.ID()] }
		} else if len(w.tags) > 0 && !w.all && !slices.ContainsFunc(w.tags, vg.HasTag) {
			continue
		}
		src.Groups = append(src.Groups, g)
	}
	return src
}
