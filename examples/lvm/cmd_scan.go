package main

import (
	"slices"
	"strings"

	"github.com/lvm-go/lvm"
)

// scanCommands list what there is, in few words.
func scanCommands() []*command {
	return []*command{
		{
			name: "lvmdiskscan", summary: "List the devices that may hold physical volumes", run: runDiskScan,
			options: "lvmpartition ignorelockingfailure",
		},
		{
			name: "lvscan", summary: "List all logical volumes", run: runLVScan,
			options: "all blockdevice ignorelockingfailure partial readonly reportformat",
		},
		{
			name: "pvscan", summary: "List all physical volumes", run: runPVScan,
			forms:   []string{"", "--cache [ PV ... ]"},
			options: "ignorelockingfailure reportformat exported novolumegroup short uuid cache activate autoactivation listlvs listvg vgonline checkcomplete udevoutput major minor readonly",
		},
		{
			name: "vgscan", summary: "List all volume groups", run: runVGScan,
			options: "ignorelockingfailure mknodes notifydbus partial readonly reportformat cache=listvg",
		},
	}
}

// scanAll reads all devices for a command that takes no words.
func (c *call) scanAll() (*lvm.Inventory, error) {
	if len(c.args) > 0 {
		return nil, c.syntax()
	}
	return c.scan()
}

func runVGScan(c *call) error {
	found, err := c.scanAll()
	if err != nil {
		return err
	}
	for _, vg := range found.VGs {
		exported := ""
		if vg.Exported() {
			exported = "exported "
		}
		c.say("Found %svolume group %q using metadata type lvm2", exported, vg.Name())
	}
	return nil
}

func runLVScan(c *call) error {
	found, err := c.scanAll()
	if err != nil {
		return err
	}
	for _, vg := range found.VGs {
		if vg.Exported() {
			c.fail(sentence("Volume group %s is exported", vg.Name()))
			continue
		}
		for _, lv := range listed(vg) {
			if lv.Hidden() && !c.opt.Has("all") {
				continue
			}
			state, kind := "inactive", "         "
			if lv.Active() {
				state = "ACTIVE  "
			}
			if origin := lv.Origin(); origin != nil {
				kind = "Snapshot "
			} else if slices.Collect(lv.Snapshots()) != nil {
				kind = "Original "
			}
			c.say("%s %s'%s' [%s] %s", state, kind, lv.Path(), human(lv.Size()), lv.Allocation())
		}
	}
	return nil
}

func runPVScan(c *call) error {
	if c.opt.HasAny("cache", "listlvs", "listvg") {
		return c.pvOnline()
	}
	found, err := c.scanAll()
	if err != nil {
		return err
	}
	type row struct {
		device, vg  string
		size, free  lvm.Bytes
		exported    bool
		uuid        string
		orphan, use bool
	}
	var rows []row
	for _, vg := range found.VGs {
		for pv := range vg.PVs() {
			name := pv.Device()
			if name == "" {
				name = "[unknown]"
			}
			rows = append(rows, row{name, vg.Name(), pv.Size(), pv.Free(), vg.Exported(), pv.ID().String(), false, true})
		}
	}
	for _, o := range found.Orphans {
		rows = append(rows, row{o.Device, "", o.Size, o.Size, false, o.ID.String(), true, o.InUse})
	}
	slices.SortFunc(rows, func(a, b row) int { return strings.Compare(a.device, b.device) })
	if c.opt.Has("uuid") && !c.opt.Has("short") {
		for i := range rows {
			rows[i].device += " with UUID " + rows[i].uuid + " "
		}
	}
	var deviceWidth, vgWidth int
	for _, r := range rows {
		deviceWidth, vgWidth = max(deviceWidth, len(r.device)), max(vgWidth, len(r.vg))
	}
	var used, unused int
	var usedSize, unusedSize lvm.Bytes
	for _, r := range rows {
		if r.orphan {
			unused++
			unusedSize += r.size
			switch {
			case c.opt.Has("exported"):
			case c.opt.Has("short"):
				c.say("%s", r.device)
			default:
				c.say("PV %-*s    %-*slvm2 [%s]", deviceWidth, r.device, vgWidth+10, "", human(r.size))
			}
			continue
		}
		used++
		usedSize += r.size
		switch {
		case c.opt.Has("novolumegroup"), c.opt.Has("exported") && !r.exported:
		case c.opt.Has("short"):
			c.say("%s", r.device)
		case r.exported:
			c.say("PV %-*s  is in exported VG %s [%s / %s free]", deviceWidth, r.device, r.vg, human(r.size), human(r.free))
		default:
			c.say("PV %-*s   VG %-*slvm2 [%s / %s free]", deviceWidth, r.device, vgWidth+14, r.vg, human(r.size), human(r.free))
		}
	}
	if len(rows) == 0 {
		c.say("No matching physical volumes found")
		return nil
	}
	c.say("Total: %d [%s] / in use: %d [%s] / in no VG: %d [%s]", used+unused, human(usedSize+unusedSize), used, human(usedSize), unused, human(unusedSize))
	return nil
}

func runDiskScan(c *call) error {
	found, err := c.scanAll()
	if err != nil {
		return err
	}
	is := map[string]bool{}
	for _, vg := range found.VGs {
		for pv := range vg.PVs() {
			is[pv.Device()] = true
		}
	}
	for _, o := range found.Orphans {
		is[o.Device] = true
	}
	sizes, err := c.deviceSizes()
	if err != nil {
		return err
	}
	width := 0
	for _, d := range c.devices {
		width = max(width, len(d))
	}
	var disks, parts, pvDisks, pvParts int
	for _, d := range c.devices {
		what, whole := "", sizes[d].whole
		if is[d] {
			what = "LVM physical volume"
		}
		switch {
		case is[d] && whole:
			pvDisks++
		case is[d]:
			pvParts++
		case whole:
			disks++
		default:
			parts++
		}
		if c.opt.Has("lvmpartition") && !is[d] {
			continue
		}
		c.say("%-*s [%15s] %s", width, d, human(sizes[d].size), what)
	}
	c.say("%d disk%s", disks, plural(disks))
	c.say("%d partition%s", parts, plural(parts))
	c.say("%d LVM physical volume whole disk%s", pvDisks, plural(pvDisks))
	c.say("%d LVM physical volume%s", pvParts, plural(pvParts))
	return nil
}

// deviceFacts are what is told of a device that may be none of ours.
type deviceFacts struct {
	size  lvm.Bytes
	whole bool
}

func (c *call) deviceSizes() (map[string]deviceFacts, error) {
	all, err := c.blockDevices()
	out := map[string]deviceFacts{}
	for _, d := range all {
		out[d.Path] = deviceFacts{d.Size, d.Partition == 0 && !strings.HasPrefix(d.Number, "7:")}
	}
	return out, err
}
