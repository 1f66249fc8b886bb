package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/lvm-go/lvm"
	"github.com/lvm-go/lvm/examples/lvm/internal/report"
)

// devicesCommands keep lvm2's list of the devices that it looks at.
func devicesCommands() []*command {
	return []*command{
		{
			name: "lvmdevices", summary: "Manage the devices file", run: runDevices,
			forms:   []string{"", "--check", "--update", "--adddev PV", "--deldev String|PV", "--addpvid String", "--delpvid String"},
			options: "check update adddev deldev addpvid delpvid deviceidtype",
		},
		{
			name: "vgimportdevices", summary: "Add the devices of volume groups to the devices file", run: runImportDevices,
			forms: []string{"VG|Tag|Select ...", "-a|--all"}, options: "all select foreign reportformat",
		},
	}
}

// deviceList is the devices file, and the devices there are.
type deviceList struct {
	*call
	path string
	file *lvm.DevicesFile // empty if there is none
	// devices are those that the file lists, and others, about which nothing is known
	// but that they are there.
	devices []lvm.BlockDevice
	search  lvm.NameSearch
}

// deviceList reads the devices file, if one is in use.
func (c *call) deviceList() (*deviceList, error) {
	conf, err := c.config()
	if err != nil {
		return nil, err
	}
	used, err := conf.Bool("devices/use_devicesfile", false)
	if err != nil {
		return nil, err
	}
	if !used {
		return nil, sentence("Devices file not enabled.")
	}
	l := &deviceList{call: c, file: &lvm.DevicesFile{}}
	if l.path, err = conf.DevicesFilePath(); err != nil {
		return nil, err
	}
	options, err := conf.ScanOptions()
	if err != nil {
		return nil, err
	}
	l.search = options.SearchNames
	if options.DevicesFile != nil {
		l.file = options.DevicesFile
	}
	l.devices, err = lvm.ScanBlockDevices(c.ctx, options)
	return l, err
}

// edit changes the devices file.
func (l *deviceList) edit(change func(*lvm.DevicesFile) error) error {
	if l.planning || l.opt.Has("test") {
		return nil
	}
	conf, err := l.config()
	if err != nil {
		return err
	}
	locks, err := conf.Text("global/locking_dir", "")
	if err != nil {
		return err
	}
	return lvm.EditDevicesFile(l.ctx, l.path, locks, change)
}

func runDevices(c *call) error {
	if len(c.args) > 0 {
		return c.misuseWord("argument", c.args[0])
	}
	var given []string
	for _, name := range []string{"check", "update", "adddev", "deldev", "addpvid", "delpvid"} {
		if c.opt.Has(name) {
			given = append(given, name)
		}
	}
	if len(given) > 1 {
		return c.misuseWord("option", strings.TrimSpace("--"+given[1]+" "+c.opt.Text(given[1])))
	}
	l, err := c.deviceList()
	if err != nil {
		return err
	}
	if len(given) == 0 {
		return l.show()
	}
	switch given[0] {
	case "check":
		return l.check()
	case "update":
		return l.update()
	case "adddev":
		return l.addDevice(c.opt.Text("adddev"))
	case "deldev":
		return l.dropDevice(c.opt.Text("deldev"))
	case "addpvid":
		return l.addPV(c.opt.Text("addpvid"))
	default:
		return l.dropPV(c.opt.Text("delpvid"))
	}
}

// exists refuses to go on without a file.
func (l *deviceList) exists() error {
	_, err := lvm.ReadDevicesFile(l.path)
	if errors.Is(err, lvm.ErrNotFound) {
		return sentence("Devices file does not exist.")
	}
	return err
}

// problems returns what is wrong with the file, and tells of it.
func (l *deviceList) problems() []lvm.DevicesProblem {
	problems := l.file.Check(l.devices, l.search)
	for _, p := range problems {
		switch e := p.Entry; {
		case p.Missing():
			l.fault("Devices file %s %s PVID %s last seen on %s not found.", e.ID.Type, e.ID.Name, pvidOrNone(e.PVID), e.Path)
		case p.Now.PVID != e.PVID:
			l.fault("Device %s has PVID %s (devices file %s)", p.Now.Path, pvidOrNone(p.Now.PVID), pvidOrNone(e.PVID))
		default:
			l.fault("Device %s has updated name (devices file %s)", p.Now.Path, e.Path)
		}
	}
	return problems
}

// isWrong says whether an entry is one that an update would change.
func isWrong(p lvm.DevicesProblem) bool { return !p.Missing() }

// pvidOrNone returns the UUID of a physical volume as the devices file has it.
func pvidOrNone(id lvm.ID) string {
	if id == (lvm.ID{}) {
		return "none"
	}
	return strings.ReplaceAll(id.String(), "-", "")
}

func (l *deviceList) show() error {
	if err := l.exists(); err != nil {
		return err
	}
	at := map[int]string{}
	for _, p := range l.problems() {
		i := slices.IndexFunc(l.file.Entries, func(e lvm.DevicesEntry) bool {
			return e.ID == p.Entry.ID && e.Partition == p.Entry.Partition && e.PVID == p.Entry.PVID
		})
		if at[i] = p.Now.Path; p.Missing() {
			at[i] = "none"
		}
	}
	for i, e := range l.file.Entries {
		where, other := at[i]
		if !other {
			where = e.Path
		}
		part := ""
		if e.Partition > 0 {
			part = fmt.Sprintf(" PART=%d", e.Partition)
		}
		path := e.Path
		if path == "" {
			path = "none"
		}
		l.call.show("Device %s IDTYPE=%s IDNAME=%s DEVNAME=%s PVID=%s%s", where, e.ID.Type, e.ID.Name, path, pvidOrNone(e.PVID), part)
	}
	return nil
}

func (l *deviceList) check() error {
	if err := l.exists(); err != nil {
		return err
	}
	if slices.ContainsFunc(l.problems(), isWrong) {
		return sentence("Updates needed for devices file.")
	}
	return nil
}

func (l *deviceList) update() error {
	if !slices.ContainsFunc(l.problems(), isWrong) {
		l.say("No update for devices file is needed.")
		return nil
	}
	err := l.edit(func(f *lvm.DevicesFile) error {
		f.Fix(f.Check(l.devices, l.search))
		return nil
	})
	if err != nil {
		return err
	}
	now, err := lvm.ReadDevicesFile(l.path)
	if err == nil {
		l.say("Updated devices file to version %s", now.Version())
	}
	return err
}

// unlisted returns all devices as if there was no devices file: whoever adds one wants
// what is on it to be known.
func (l *deviceList) unlisted() ([]lvm.BlockDevice, error) {
	options, err := l.scanOptions()
	if err != nil {
		return nil, err
	}
	options.DevicesFile = nil
	return lvm.ScanBlockDevices(l.ctx, options)
}

// indexOfDevice returns where a device is among some, -1 if it is none of them.
func indexOfDevice(all []lvm.BlockDevice, path string) int {
	return slices.IndexFunc(all, func(d lvm.BlockDevice) bool { return slices.Contains(d.Names, path) || sameDevice(path, d.Path) })
}

func (l *deviceList) addDevice(path string) error {
	all, err := l.unlisted()
	if err != nil {
		return err
	}
	i := indexOfDevice(all, path)
	if i < 0 {
		return sentence("No device found for %s.", path)
	}
	if d := all[i]; d.Excluded == lvm.ExcludedUnreadable {
		return sentence("Failed to read %s.", path)
	} else if d.Excluded != lvm.ExcludedNot {
		return sentence("Device %s is excluded: %s.", path, d.Excluded)
	}
	return l.add(all[i])
}

// add adds a device by the kind of ID that was asked for, if it has one, or its best.
func (l *deviceList) add(d lvm.BlockDevice) error {
	kind := lvm.DeviceIDType(l.opt.Text("deviceidtype"))
	if kind != "" && !slices.ContainsFunc(d.IDs, func(id lvm.DeviceID) bool { return id.Type == kind }) {
		l.warn("WARNING: ignoring deviceidtype %s which is not available for device.", kind)
		kind = ""
	}
	return l.edit(func(f *lvm.DevicesFile) error { return f.Add(d, kind) })
}

func (l *deviceList) addPV(text string) error {
	id, err := lvm.ParseID(text)
	if err != nil {
		return sentence("Invalid PVID.")
	}
	for _, e := range l.file.Entries {
		if e.PVID == id {
			return sentence("PVID already exists in devices file for %s.", e.Path)
		}
	}
	all, err := l.unlisted()
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(d lvm.BlockDevice) bool { return d.Excluded == lvm.ExcludedNot && d.PVID == id })
	if i < 0 {
		return sentence("PVID %s not found on any devices.", pvidOrNone(id))
	}
	l.say("Found PVID %s on %s.", pvidOrNone(id), all[i].Path)
	return l.add(all[i])
}

// dropDevice removes the entry of a device, or that which has an ID.
func (l *deviceList) dropDevice(word string) error {
	kind := lvm.DeviceIDType(l.opt.Text("deviceidtype"))
	if kind != "" {
		is := func(e lvm.DevicesEntry) bool { return e.ID == lvm.DeviceID{Type: kind, Name: word} }
		if !slices.ContainsFunc(l.file.Entries, is) {
			return sentence("No devices file entry with device id %s %s.", kind, word)
		}
		return l.drop(is)
	}
	i := indexOfDevice(l.devices, word)
	is := func(e lvm.DevicesEntry) bool {
		return e.Path == word || i >= 0 && slices.Contains(l.devices[i].Names, e.Path)
	}
	if !slices.ContainsFunc(l.file.Entries, is) {
		if !strings.HasPrefix(word, l.devDir()) {
			l.warn("WARNING: to remove a device by device id, include --deviceidtype.")
		}
		return sentence("No devices file entry for %s.", word)
	}
	return l.drop(is)
}

func (l *deviceList) dropPV(text string) error {
	id, err := lvm.ParseID(text)
	if err != nil {
		return sentence("Invalid PVID.")
	}
	is := func(e lvm.DevicesEntry) bool { return e.PVID == id }
	if !slices.ContainsFunc(l.file.Entries, is) {
		return sentence("PVID not found in devices file.")
	}
	return l.drop(is)
}

// drop removes entries, unless their device holds a volume that is active and the user
// says no.
func (l *deviceList) drop(is func(lvm.DevicesEntry) bool) error {
	for _, e := range l.file.Entries {
		if !is(e) {
			continue
		}
		used, err := l.isActive(e.PVID)
		if err != nil {
			return err
		}
		if used && !l.ask("Device %s is used by an active LV, continue to remove?", e.Path) {
			return sentence("Device not removed.")
		}
	}
	return l.edit(func(f *lvm.DevicesFile) error {
		f.Entries = slices.DeleteFunc(slices.Clone(f.Entries), is)
		return nil
	})
}

// isActive says whether an active volume lies on a physical volume.
func (l *deviceList) isActive(pv lvm.ID) (bool, error) {
	found, err := l.scan()
	if err != nil {
		return false, err
	}
	for _, vg := range found.VGs {
		for lv := range vg.LVs() {
			for s := range lv.Segments() {
				for _, area := range s.Areas() {
					if area.PV == pv && pv != (lvm.ID{}) && lv.Active() {
						return true, nil
					}
				}
			}
		}
	}
	return false, nil
}

func runImportDevices(c *call) error {
	if len(c.args) == 0 && !c.opt.HasAny("all", "select") {
		return c.syntax()
	}
	l, err := c.deviceList()
	if err != nil {
		return err
	}
	// The groups are those that lvm2 does not see yet.
	if err := c.conf.Override("devices/use_devicesfile=0"); err != nil {
		return err
	}
	names, err := c.groups(c.args)
	if err != nil {
		return err
	}
	all, err := l.unlisted()
	if err != nil {
		return err
	}
	matcher, err := c.selection(report.VGs)
	if err != nil {
		return err
	}
	sys, err := c.system()
	if err != nil {
		return err
	}
	var groups []*lvm.VolumeGroup
	count := 0
	for _, name := range names {
		vg, err := sys.VG(c.ctx, name)
		if err != nil {
			c.fail(err)
			continue
		}
		if matcher != nil {
			if yes, err := matcher.VG(vg); err != nil || !yes {
				c.fail(err)
				continue
			}
		}
		groups = append(groups, vg)
		for range vg.PVs() {
			count++
		}
	}
	if c.failed {
		return nil
	}
	if count == 0 {
		c.say("No devices to add.")
		return nil
	}
	err = l.edit(func(f *lvm.DevicesFile) error {
		for _, vg := range groups {
			if err := f.ImportVG(vg, all); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		c.say("Added %d devices to devices file.", count)
	}
	return err
}
