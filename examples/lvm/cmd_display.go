package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lvm-go/lvm"
	"github.com/lvm-go/lvm/examples/lvm/internal/report"
)

func displayCommands() []*command {
	as := func(kind report.Kind, show func(*call, *report.Source) error) func(*call) error {
		return func(c *call) error {
			if c.opt.HasAny("columns", "options", "sort", "reportformat", "units") && !c.opt.HasAny("colon", "short") {
				return runReport(c, []report.Report{{Kind: kind}})
			}
			o, err := c.reportOptions()
			if err != nil {
				return err
			}
			src, err := c.source(kind, false, o)
			if err != nil {
				return err
			}
			return show(c, src)
		}
	}
	return []*command{
		{
			name: "lvdisplay", summary: "Show logical volumes at length", run: as(report.LVs, displayLVs),
			forms: []string{"[ VG|LV|Tag ... ]"}, options: "all colon columns maps segments history " + reportOptions,
		},
		{
			name: "pvdisplay", summary: "Show physical volumes at length", run: as(report.PVs, displayPVs),
			forms: []string{"[ PV|Tag ... ]"}, options: "all colon columns maps short segments " + reportOptions,
		},
		{
			name: "vgdisplay", summary: "Show volume groups at length", run: as(report.VGs, displayVGs),
			forms: []string{"[ VG|Tag ... ]"}, options: "activevolumegroups colon columns short " + reportOptions,
		},
	}
}

// fact prints one line: a title of a width and its value.
func (c *call) fact(width int, title, format string, args ...any) {
	c.show("%-*s %s", width, title, fmt.Sprintf(format, args...))
}

func displayVGs(c *call, src *report.Source) error {
	for _, g := range src.Groups {
		if c.opt.Has("activevolumegroups") && !slices.ContainsFunc(slices.Collect(g.VG.LVs()), (*lvm.LogicalVolume).Active) {
			continue
		}
		r := g.VG.Report()
		switch {
		case c.opt.Has("colon"):
			c.colonVG(g.VG, r)
			continue
		case c.opt.Has("short"):
			c.show("%q %s [%s used / %s free]", r.Name, human(r.Size), human(r.Size-r.Free), human(r.Free))
			continue
		}
		c.displayVG(g.VG, r)
		if c.opt.Has("verbose") {
			for lv := range g.VG.LVs() {
				if !lv.Hidden() {
					if err := c.displayLV(lv); err != nil {
						return err
					}
				}
			}
			c.show("--- Physical volumes ---")
			for pv := range g.VG.PVs() {
				p := pv.Report()
				c.fact(21, "PV Name", "%-15s", p.Device)
				c.fact(21, "PV UUID", "%s", p.UUID)
				c.fact(21, "PV Status", "%s", map[bool]string{true: "allocatable", false: "NOT allocatable"}[p.Allocatable])
				c.fact(21, "Total PE / Free PE", "%d / %d", p.ExtentCount, p.ExtentCount-p.AllocatedCount)
				c.show(" ")
			}
		}
	}
	return nil
}

// openLVs returns how many volumes of a group are in use.
func openLVs(vg *lvm.VolumeGroup) int {
	n := 0
	for lv := range vg.LVs() {
		if d, err := lv.Kernel(); err == nil && d != nil && openCount(lv, d.OpenCount) > 0 && !lv.Hidden() {
			n++
		}
	}
	return n
}

// openCount returns how many have a volume open, of whose device that is said. That its
// own volumes have a pool open does not count: users see another device of it.
func openCount(lv *lvm.LogicalVolume, n int) int {
	if lv.IsThinPool() {
		return 0
	}
	return n
}

// listed returns the volumes of a group in the order in which lvm2 lists them where it
// does not sort: thin pools come first, the last of them before the others.
func listed(vg *lvm.VolumeGroup) []*lvm.LogicalVolume {
	var pools, others []*lvm.LogicalVolume
	for lv := range vg.LVs() {
		if lv.IsThinPool() {
			pools = append(pools, lv)
		} else {
			others = append(others, lv)
		}
	}
	slices.Reverse(pools)
	return append(pools, others...)
}

func (c *call) displayVG(vg *lvm.VolumeGroup, r lvm.VGReport) {
	fact := func(title, format string, args ...any) { c.fact(21, title, format, args...) }
	c.show("--- Volume group ---")
	fact("VG Name", "%s", r.Name)
	fact("System ID", "%s", r.SystemID)
	fact("Format", "%s", r.Format)
	fact("Metadata Areas", "%d", r.MetadataAreas)
	fact("Metadata Sequence No", "%d", r.Seqno)
	fact("VG Access", "%s", map[bool]string{true: "read/write", false: "read"}[r.Permissions == "writeable"])
	status := ""
	if r.Exported {
		status = "exported/"
	}
	fact("VG Status", "%s%s", status, map[bool]string{true: "resizable", false: "NOT resizable"}[r.Extendable])
	fact("MAX LV", "%d", r.MaxLV)
	fact("Cur LV", "%d", r.LVCount)
	fact("Open LV", "%d", openLVs(vg))
	fact("Max PV", "%d", r.MaxPV)
	fact("Cur PV", "%d", r.PVCount)
	fact("Act PV", "%d", r.PVCount-r.MissingPVCount)
	fact("VG Size", "%s", human(r.Size))
	fact("PE Size", "%s", human(r.ExtentSize))
	fact("Total PE", "%d", r.ExtentCount)
	fact("Alloc PE / Size", "%d / %s", r.ExtentCount-r.FreeCount, human(r.Size-r.Free))
	fact("Free  PE / Size", "%d / %s", r.FreeCount, human(r.Free))
	fact("VG UUID", "%s", r.UUID)
	c.show(" ")
}

// colonVG prints a group in one line. The status is lvm2's number: readable 256,
// writeable 512, resizeable 4, exported 2.
func (c *call) colonVG(vg *lvm.VolumeGroup, r lvm.VGReport) {
	status, access := 256, "r"
	if r.Permissions == "writeable" {
		status, access = status+512, "r/w"
	}
	if r.Extendable {
		status += 4
	}
	if r.Exported {
		status += 2
	}
	c.show("%s:%s:%d:-1:%d:%d:%d:-1:%d:%d:%d:%d:%d:%d:%d:%d:%s", r.Name, access, status, r.MaxLV, r.LVCount, openLVs(vg), r.MaxPV, r.PVCount,
		r.PVCount-r.MissingPVCount, r.Size/lvm.KiB, r.ExtentSize/lvm.KiB, r.ExtentCount, r.ExtentCount-r.FreeCount, r.FreeCount, r.UUID)
}

func displayPVs(c *call, src *report.Source) error {
	for _, g := range src.Groups {
		for pv := range g.VG.PVs() {
			if g.PVs == nil || g.PVs(pv) {
				c.displayPV(g.VG, pv)
			}
		}
	}
	for _, o := range src.Orphans {
		r := o.Report()
		if c.opt.Has("short") {
			c.show("Device %q has a capacity of %s", r.Device, human(r.DeviceSize))
			continue
		}
		c.show("%q is a new physical volume of %q", r.Device, human(r.DeviceSize))
		if c.opt.Has("colon") {
			c.show("%s::%d:-1:0:0:-1:0:0:0:0:%s", r.Device, r.DeviceSize/512, r.UUID)
			continue
		}
		c.show("--- NEW Physical volume ---")
		for _, f := range [][2]string{
			{"PV Name", r.Device}, {"VG Name", ""}, {"PV Size", human(r.DeviceSize)}, {"Allocatable", "NO"}, {"PE Size", "0   "},
			{"Total PE", "0"}, {"Free PE", "0"}, {"Allocated PE", "0"}, {"PV UUID", r.UUID.String()},
		} {
			c.fact(21, f[0], "%s", f[1])
		}
		c.show(" ")
	}
	return nil
}

func (c *call) displayPV(vg *lvm.VolumeGroup, pv *lvm.PhysicalVolume) {
	r := pv.Report()
	free := r.ExtentCount - r.AllocatedCount
	size := pv.DeviceSize()
	switch {
	case c.opt.Has("short"):
		c.show("Device %q has a capacity of %s", r.Device, human(r.Free))
		return
	case c.opt.Has("colon"):
		c.show("%s:%s:%d:-1:8:8:-1:%d:%d:%d:%d:%s", r.Device, r.VGName, size/512, vg.ExtentSize()/lvm.KiB, r.ExtentCount, free, r.AllocatedCount, r.UUID)
		return
	}
	fact := func(title, format string, args ...any) { c.fact(21, title, format, args...) }
	c.show("--- Physical volume ---")
	fact("PV Name", "%s", r.Device)
	exported := ""
	if r.Exported {
		exported = " (exported)"
	}
	fact("VG Name", "%s%s", r.VGName, exported)
	fact("PV Size", "%s / not usable %s", human(size), human(size-r.Size))
	full := ""
	if r.Allocatable && free == 0 {
		full = "(but full)"
	}
	fact("Allocatable", "%s", map[bool]string{true: "yes " + full, false: "NO"}[r.Allocatable])
	fact("PE Size", "%s", human(vg.ExtentSize()))
	fact("Total PE", "%d", r.ExtentCount)
	fact("Free PE", "%d", free)
	fact("Allocated PE", "%d", r.AllocatedCount)
	fact("PV UUID", "%s", r.UUID)
	c.show(" ")
	if !c.opt.Has("maps") {
		return
	}
	c.show("--- Physical Segments ---")
	for run := range vg.ExtentMap().Runs(pv.ID()) {
		c.show("Physical extent %d to %d:", run.Start, run.Start+run.Count-1)
		if run.Free() {
			c.show("  FREE")
			continue
		}
		c.show("  Logical volume\t%s%s/%s", c.devDir(), vg.Name(), run.LVName)
		c.show("  Logical extents\t%d to %d", run.FirstLE, run.FirstLE+c.logical(vg, run)-1)
	}
	c.show(" ")
}

// logical returns how many logical extents a run of physical ones is part of: those of
// all stripes together.
func (c *call) logical(vg *lvm.VolumeGroup, run lvm.Run) lvm.Extents {
	lv, err := vg.LV(run.LV.String())
	if err != nil {
		return run.Count
	}
	segments := slices.Collect(lv.Segments())
	if run.Segment >= len(segments) || segments[run.Segment].StripeSize() == 0 {
		return run.Count
	}
	return run.Count * lvm.Extents(len(segments[run.Segment].Areas()))
}

func displayLVs(c *call, src *report.Source) error {
	for _, g := range src.Groups {
		for _, lv := range listed(g.VG) {
			if g.LVs != nil && !g.LVs(lv) || g.LVs == nil && lv.Hidden() && !c.opt.Has("all") {
				continue
			}
			if c.opt.Has("colon") {
				if err := c.colonLV(lv); err != nil {
					return err
				}
				continue
			}
			if err := c.displayLV(lv); err != nil {
				return err
			}
		}
	}
	return nil
}

// colonLV prints a volume in one line. The status is 1, with 2 if it may be written, and 4
// if its device cannot be; the policy is 2 if it is contiguous, and 0 otherwise.
func (c *call) colonLV(lv *lvm.LogicalVolume) error {
	r, err := lv.Report()
	if err != nil {
		return err
	}
	status, open, numbers := 3, -1, "-1:-1"
	if lv.ReadOnly() {
		status = 1
	}
	active := 0
	if d, err := lv.Kernel(); err == nil && d != nil {
		active, open = 1, int(d.OpenCount)
		numbers = fmt.Sprintf("%d:%d", r.LVKernelReport.Major, r.LVKernelReport.Minor)
		if d.ReadOnly {
			status |= 4
		}
	}
	places := 0
	if lv.Allocation() == lvm.AllocContiguous {
		places = 2
	}
	c.show("%s%s/%s:%s:%d:%d:-1:%d:%d:%d:-1:%d:-1:%s", c.devDir(), r.VGName, r.Name, r.VGName, status, active, max(open, 0), lv.Size()/512, lv.Extents(), places, numbers)
	return nil
}

func (c *call) displayLV(lv *lvm.LogicalVolume) error {
	r, err := lv.Report()
	if err != nil {
		return err
	}
	fact := func(title, format string, args ...any) { c.fact(22, title, format, args...) }
	c.show("--- Logical volume ---")
	if r.Path != "" {
		fact("LV Path", "%s", r.Path)
	}
	fact("LV Name", "%s", r.Name)
	fact("VG Name", "%s", r.VGName)
	fact("LV UUID", "%s", r.UUID)
	access := "read/write"
	switch {
	case lv.ReadOnly():
		access = "read only"
	case strings.HasPrefix(r.Permissions, "read-only"), lv.IsThinPool() && lv.Active():
		access = "read/write (activated read only)"
	}
	fact("LV Write Access", "%s", access)
	if !r.Created.IsZero() {
		fact("LV Creation host, time", "%s, %s", r.CreationHost, r.Created.Local().Format("2006-01-02 15:04:05 -0700"))
	}
	c.displaySnapshots(lv, r)
	if r.MetadataLV != "" {
		fact("LV Pool metadata", "%s", r.MetadataLV)
		fact("LV Pool data", "%s", r.DataLV)
	}
	if r.PoolLV != "" && lv.IsThin() {
		fact("LV Pool name", "%s", r.PoolLV)
		if r.Origin != "" {
			fact("LV Thin origin name", "%s", r.Origin)
		}
	}
	device, err := lv.Kernel()
	if err != nil {
		return err
	}
	if device == nil {
		fact("LV Status", "NOT available")
	} else {
		fact("LV Status", "%s", map[bool]string{true: "suspended", false: "available"}[device.Suspended])
		fact("# open", "%d", openCount(lv, device.OpenCount))
	}
	size, extents := lv.Size(), lv.Extents()
	if origin := lv.Origin(); origin != nil {
		size, extents = origin.Size(), origin.Extents()
	}
	fact("LV Size", "%s", human(size))
	if s := r.LVStatusReport; s != nil && s.DataPercent != nil && lv.Origin() == nil {
		switch {
		case lv.IsThinPool():
			fact("Allocated pool data", "%s%%", s.DataPercent)
			if s.MetadataPercent != nil {
				fact("Allocated metadata", "%s%%", s.MetadataPercent)
			}
		case lv.IsThin():
			fact("Mapped size", "%s%%", s.DataPercent)
		}
	}
	fact("Current LE", "%d", extents)
	if lv.Origin() != nil {
		fact("COW-table size", "%s", human(lv.Size()))
		fact("COW-table LE", "%d", lv.Extents())
		if s := r.LVStatusReport; s != nil && s.SnapPercent != nil {
			fact("Allocated to snapshot", "%s%%", s.SnapPercent)
		}
		fact("Snapshot chunk size", "%s", human(lv.ChunkSize()))
	}
	if len(r.Segments) > 0 && (r.Segments[0].Type == "raid1" || r.Segments[0].Type == "mirror") {
		fact("Mirrored volumes", "%d", r.Segments[0].Stripes)
	}
	fact("Segments", "%d", r.SegmentCount)
	fact("Allocation", "%s", r.AllocationPolicy)
	ahead := "auto"
	if r.ReadAhead >= 0 {
		ahead = fmt.Sprint(r.ReadAhead / 512)
	}
	fact("Read ahead sectors", "%s", ahead)
	if k := r.LVKernelReport; k != nil {
		fact("- currently set to", "%d", k.ReadAhead/512)
		fact("Block device", "%d:%d", k.Major, k.Minor)
	}
	c.show(" ")
	if c.opt.Has("maps") {
		c.displaySegments(lv, r)
	}
	return nil
}

func (c *call) displaySnapshots(lv *lvm.LogicalVolume, r lvm.LVReport) {
	state := func(s *lvm.LogicalVolume) string {
		usage, err := s.SnapshotUsage()
		switch {
		case err != nil || !s.Active():
			return "INACTIVE"
		case usage.State == lvm.SnapshotInvalid:
			return "INACTIVE"
		default:
			return "active"
		}
	}
	if origin := lv.Origin(); origin != nil {
		c.fact(22, "LV snapshot status", "%s destination for %s", state(lv), origin.Name())
		return
	}
	first := true
	for s := range lv.Snapshots() {
		if first {
			c.fact(22, "LV snapshot status", "source of")
		}
		first = false
		c.show("%22s %s [%s]", "", s.Name(), state(s))
	}
}

func (c *call) displaySegments(lv *lvm.LogicalVolume, r lvm.LVReport) {
	c.show("--- Segments ---")
	for i := range r.Segments {
		s := &r.Segments[i]
		c.show("Logical extents %d to %d:", s.StartExtent, s.StartExtent+s.Extents-1)
		c.show("  Type\t\t%s", s.Type)
		switch s.Type {
		case "linear":
			for _, a := range s.Areas {
				c.show("  Physical volume\t%s", a.PVName)
				c.show("  Physical extents\t%d to %d", a.Start, a.Start+a.Count-1)
			}
		case "striped":
			c.show("  Stripes\t\t%d", s.Stripes)
			c.show("  Stripe size\t\t%s", human(s.StripeSize))
			for n, a := range s.Areas {
				c.show("  Stripe %d:", n)
				c.show("    Physical volume\t%s", a.PVName)
				c.show("    Physical extents\t%d to %d", a.Start, a.Start+a.Count-1)
			}
		default:
			for n, range_ := range s.LERanges {
				c.show("  Area %d\t\t%s", n, range_)
			}
		}
		c.show(" ")
	}
	c.show(" ")
}
