package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/lvm-go/lvm"
	"github.com/lvm-go/lvm/metadata"
)

func vgCommands() []*command {
	return []*command{
		{
			name: "vgchange", summary: "Change volume groups", run: runVGChange,
			forms: []string{"-a|--activate y|n|ay [ VG|Tag|Select ... ]", "--refresh [ VG|Tag|Select ... ]", "OPTION ... [ VG|Tag|Select ... ]"},
			options: "activate activationmode ignoreactivationskip partial sysinit ignorelockingfailure ignoremonitoring noudevsync poll monitor refresh autoactivation " +
				"addtag deltag alloc autobackup clustered detachprofile logicalvolume=maxlogicalvolumes maxphysicalvolumes metadataprofile physicalextentsize " +
				"resizeable setautoactivation systemid uuid vgmetadatacopies metadatacopies=vgmetadatacopies select force ignoreskippedcluster readonly reportformat",
		},
		{
			name: "vgcreate", summary: "Make a volume group", run: runVGCreate,
			forms: []string{"VG_new PV ..."},
			options: "addtag alloc autobackup clustered maxlogicalvolumes maxphysicalvolumes physicalextentsize shared systemid setautoactivation vgmetadatacopies metadataprofile locktype " +
				newPVOptions,
		},
		{
			name: "vgexport", summary: "Make volume groups unknown to this host", run: runVGExport,
			forms: []string{"VG|Tag|Select ...", "-a|--all"}, options: "all select reportformat",
		},
		{
			name: "vgextend", summary: "Add physical volumes to a volume group", run: runVGExtend,
			forms: []string{"VG PV ...", "--restoremissing VG PV ..."}, options: "autobackup restoremissing " + newPVOptions,
		},
		{
			name: "vgimport", summary: "Make exported volume groups known to this host", run: runVGImport,
			forms: []string{"VG|Tag|Select ...", "-a|--all"}, options: "all force select reportformat",
		},
		{
			name: "vgmerge", summary: "Merge volume groups", run: runVGMerge,
			forms: []string{"VG VG"}, options: "autobackup list poolmetadataspare",
		},
		{
			name: "vgmknodes", summary: "Make the nodes of volumes that are active", run: func(*call) error { return nil },
			forms: []string{"[ VG|LV|Tag ... ]"}, options: "ignorelockingfailure refresh reportformat",
		},
		{
			name: "vgreduce", summary: "Take physical volumes out of a volume group", run: runVGReduce,
			forms: []string{"VG PV ...", "-a|--all VG", "--removemissing VG"}, options: "all removemissing mirrorsonly autobackup force reportformat",
		},
		{
			name: "vgremove", summary: "Remove volume groups", run: runVGRemove,
			forms: []string{"VG|Tag|Select ..."}, options: "force noudevsync select reportformat nohistory",
		},
		{
			name: "vgrename", summary: "Rename a volume group", run: runVGRename,
			forms: []string{"VG VG_new", "UUID VG_new"}, options: "autobackup force reportformat",
		},
		{
			name: "vgsplit", summary: "Move physical volumes to another volume group", run: runVGSplit,
			forms:   []string{"VG VG PV ...", "-n|--name LV VG VG"},
			options: "name autobackup maxlogicalvolumes maxphysicalvolumes alloc clustered metadatatype vgmetadatacopies poolmetadataspare",
		},
	}
}

// allocation returns the policy that --alloc names, that which stands for none if it
// was not given.
func (c *call) allocation() (lvm.Allocation, error) {
	if !c.opt.Has("alloc") {
		return 0, nil
	}
	policy, err := metadata.ParseAllocation(c.opt.Text("alloc"))
	if policy == metadata.AllocClingByTags {
		policy = metadata.AllocCling // so lvm2 keeps it
	}
	return policy, err
}

// allCopies is all that there are, now; how many that is is kept nowhere.
const allCopies = 1<<32 - 1

// copies returns what --vgmetadatacopies says.
func (c *call) copies() (uint32, error) {
	text := c.opt.Text("vgmetadatacopies")
	if text == "" {
		text = c.opt.Text("metadatacopies")
	}
	switch text {
	case "", "unmanaged":
		return 0, nil
	case "all":
		return allCopies, nil
	}
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		return 0, c.misuse("Invalid value for --vgmetadatacopies: %s", text)
	}
	return uint32(n), nil
}

func limit(n uint64) uint32 { return uint32(min(n, 1<<32-1)) }

func runVGCreate(c *call) error {
	if len(c.args) < 2 {
		return c.syntax()
	}
	o, name := c.opt, c.vgArgument(c.args[0])
	pv, err := c.pvSpec()
	if err != nil {
		return err
	}
	devices, err := c.blankDevices(c.args[1:])
	if err != nil {
		return err
	}
	spec := lvm.VGSpec{
		PVs: devices, ExtentSize: o.Bytes("physicalextentsize"), Tags: c.newTags(nil),
		MaxLV: limit(o.Number("maxlogicalvolumes")), MaxPV: limit(o.Number("maxphysicalvolumes")),
		SystemID: o.Text("systemid"), NoSystemID: o.Has("systemid") && o.Text("systemid") == "",
		NoAutoActivation: !o.Yes("setautoactivation", true),
	}
	if spec.Allocation, err = c.allocation(); err != nil {
		return err
	}
	if spec.MetadataCopies, err = c.copies(); err != nil {
		return err
	}
	if spec.MetadataCopies == allCopies {
		spec.MetadataCopies = 0 // none is ignored at first
	}
	if _, err := c.scan(); err != nil {
		return err
	}
	if err := lvmName(name, "New volume group name"); err != nil {
		return err
	}
	return c.wiping(&pv, func() error {
		return c.update(name, func(ch *change) error {
			if ch.Exists() {
				return sentence("A volume group called %s already exists.", name)
			}
			spec.PV = pv
			if err := ch.CreateVG(spec); err != nil {
				return err
			}
			ch.toldNewPVs(devices)
			ch.done("Volume group %q successfully created", name)
			return nil
		})
	})
}

// toldNewPVs tells which devices become physical volumes.
func (ch *change) toldNewPVs(devices []string) {
	for _, device := range devices {
		if slices.Contains(ch.found.Blank, device) {
			ch.done("Physical volume %q successfully created.", device)
		}
	}
}

func runVGExtend(c *call) error {
	if len(c.args) < 2 {
		return c.syntax()
	}
	name := c.vgArgument(c.args[0])
	pv, err := c.pvSpec()
	if err != nil {
		return err
	}
	devices, err := c.blankDevices(c.args[1:])
	if err != nil {
		return err
	}
	if _, err := c.scan(); err != nil {
		return err
	}
	for _, device := range devices {
		if vg := c.groupOf(device); vg != "" && !c.opt.Has("restoremissing") {
			c.fault("Physical volume '%s' is already in volume group '%s'", device, vg)
			c.fault("Unable to add physical volume '%s' to volume group '%s'", device, vg)
			c.fault("%s: physical volume not initialized.", device)
			c.failed = true
			return nil
		}
	}
	return c.wiping(&pv, func() error {
		return c.update(name, func(ch *change) error {
			if c.opt.Has("restoremissing") {
				ch.done("Volume group %q successfully extended", name)
				return ch.RestoreMissing(devices...)
			}
			if err := ch.ExtendVG(pv, devices...); err != nil {
				return err
			}
			ch.toldNewPVs(devices)
			ch.done("Volume group %q successfully extended", name)
			return nil
		})
	})
}

func runVGReduce(c *call) error {
	o := c.opt
	if o.Has("mirrorsonly") {
		return c.unwanted("mirrorsonly") // without it more would go
	}
	switch {
	case o.Has("removemissing") && len(c.args) == 1, o.Has("all") && len(c.args) == 1, !o.HasAny("removemissing", "all") && len(c.args) > 1:
	default:
		return c.syntax()
	}
	name := c.vgArgument(c.args[0])
	if o.Has("removemissing") {
		return c.update(name, func(ch *change) error {
			if vg := ch.VG(); vg != nil && len(vg.MissingPVs()) == 0 {
				ch.done("Volume group %q is already consistent.", name)
				return nil
			}
			ch.done("Wrote out consistent volume group %s.", name)
			return ch.RemoveMissing(lvm.RemoveMissingSpec{Force: o.Has("force"), EmptyOnly: !o.Has("force")})
		})
	}
	if _, err := c.system(); err != nil {
		return err
	}
	return c.update(name, func(ch *change) error {
		vg := ch.VG()
		if vg == nil {
			return &lvm.OpError{Op: "reduce vg", VG: name, Err: lvm.ErrVGNotFound}
		}
		var devices []string
		for _, word := range c.args[1:] {
			devices = append(devices, c.device(word))
		}
		if o.Has("all") {
			for pv := range vg.PVs() {
				if pv.FreeExtents() == pv.Extents() {
					devices = append(devices, pv.Device())
				} else {
					ch.fail(sentence("Physical volume %q still in use", pv.Device()))
				}
			}
		}
		for _, device := range devices {
			pv, err := vg.PV(device)
			switch {
			case err != nil:
				ch.fail(err)
			case pv.FreeExtents() != pv.Extents():
				ch.fail(sentence("Physical volume %q still in use", device))
			default:
				if err := ch.ReduceVG(device); err != nil {
					ch.fail(err)
					continue
				}
				ch.done("Removed %q from volume group %q", device, name)
			}
		}
		return nil
	})
}

func runVGRemove(c *call) error {
	if len(c.args) == 0 && !c.opt.Has("select") {
		return c.syntax()
	}
	return c.eachVG(c.args, func(ch *change) error {
		vg := ch.VG()
		count := 0
		var names []string
		for _, lv := range listed(vg) {
			if !lv.Hidden() {
				count++
				names = append(names, lv.Name())
			}
		}
		if count > 0 && !c.opt.Has("force") &&
			!c.ask("Do you really want to remove volume group %q containing %d logical volumes?", vg.Name(), count) {
			return sentence("Volume group %q not removed", vg.Name())
		}
		for _, name := range names {
			if _, err := ch.VG().LV(name); err != nil {
				continue // it went with another
			}
			if err := ch.removeLV(name); err != nil {
				return err
			}
		}
		ch.done("Volume group %q successfully removed", vg.Name())
		return ch.RemoveVG()
	})
}

func runVGRename(c *call) error {
	if len(c.args) != 2 {
		return c.syntax()
	}
	from, to := c.vgArgument(c.args[0]), c.vgArgument(c.args[1])
	if err := lvmName(to, "New volume group name"); err != nil {
		c.fault("%s", err.Lines[0])
		c.fault("%s", err.Lines[1])
		c.failed = true
		return nil
	}
	if from == to {
		return fmt.Errorf("%s%s: already exists in filesystem", c.devDir(), to)
	}
	return c.update(from, func(ch *change) error {
		ch.done("Volume group %q successfully renamed to %q", from, to)
		return ch.RenameVG(to)
	})
}

func runVGExport(c *call) error {
	if len(c.args) == 0 && !c.opt.HasAny("all", "select") {
		return c.syntax()
	}
	return c.eachVG(c.args, func(ch *change) error {
		ch.done("Volume group %q successfully exported", ch.VG().Name())
		err := ch.ExportVG()
		if errors.Is(err, lvm.ErrBusy) {
			return sentence("Volume group %q has active logical volumes", ch.VG().Name())
		}
		return err
	})
}

func runVGImport(c *call) error {
	if len(c.args) == 0 && !c.opt.HasAny("all", "select") {
		return c.syntax()
	}
	return c.eachVG(c.args, func(ch *change) error {
		if !ch.VG().Exported() {
			return sentence("Volume group %q is not exported", ch.VG().Name())
		}
		ch.done("Volume group %q successfully imported", ch.VG().Name())
		return ch.ImportVG(lvm.ImportSpec{Force: c.opt.Has("force")})
	})
}

func runVGMerge(c *call) error {
	if len(c.args) != 2 {
		return c.syntax()
	}
	to, from := c.vgArgument(c.args[0]), c.vgArgument(c.args[1])
	found, err := c.scan()
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(found.VGs, func(vg *lvm.VolumeGroup) bool { return vg.Name() == from }) {
		return sentence("Volume group %q not found", from)
	}
	return c.update(to, func(ch *change) error {
		ch.done("Volume group %q successfully merged into %q", from, to)
		return ch.MergeVG(from)
	})
}

func runVGSplit(c *call) error {
	if len(c.args) < 2 || len(c.args) == 2 == !c.opt.Has("name") {
		return c.syntax()
	}
	if c.opt.Has("vgmetadatacopies") {
		return c.unwanted("vgmetadatacopies")
	}
	from, to := c.vgArgument(c.args[0]), c.vgArgument(c.args[1])
	if _, err := c.system(); err != nil {
		return err
	}
	policy, err := c.allocation()
	if err != nil {
		return err
	}
	spec := lvm.SplitSpec{
		Allocation: policy, MaxLV: limit(c.opt.Number("maxlogicalvolumes")), MaxPV: limit(c.opt.Number("maxphysicalvolumes")),
	}
	if c.opt.Has("name") {
		_, spec.LV = c.lvArgument(from + "/" + c.opt.Text("name"))
	}
	for _, word := range c.args[2:] {
		spec.PVs = append(spec.PVs, c.device(word))
	}
	found, err := c.scan()
	if err != nil {
		return err
	}
	kind := "New"
	if slices.ContainsFunc(found.VGs, func(vg *lvm.VolumeGroup) bool { return vg.Name() == to }) {
		kind = "Existing"
	}
	return c.update(from, func(ch *change) error {
		if ch.VG() != nil {
			for _, device := range spec.PVs {
				if _, err := ch.VG().PV(device); err != nil {
					return sentence("Physical volume %s not in volume group %s", device, from)
				}
			}
		}
		ch.done("%s volume group %q successfully split from %q", kind, to, from)
		return ch.SplitVG(to, spec)
	})
}

func runVGChange(c *call) error {
	o := c.opt
	if o.HasAny("activate", "refresh") || o.HasAny("monitor", "poll") {
		return runVGActivation(c)
	}
	if !o.HasAny("addtag", "deltag", "alloc", "maxlogicalvolumes", "logicalvolume", "maxphysicalvolumes", "physicalextentsize", "resizeable", "setautoactivation", "systemid", "uuid", "vgmetadatacopies", "metadatacopies") {
		return c.syntax()
	}
	return c.eachVG(c.args, func(ch *change) error {
		if err := ch.changeVG(); err != nil {
			return err
		}
		ch.done("Volume group %q successfully changed", ch.VG().Name())
		return nil
	})
}

// changeVG makes the changes of the options. Each makes an operation of its own.
func (ch *change) changeVG() error {
	o := ch.opt
	vg := ch.VG()
	for _, step := range []struct {
		options []string
		do      func() error
	}{
		{[]string{"addtag", "deltag"}, func() error { return ch.SetTags(ch.newTags(vg.Tags())...) }},
		{[]string{"alloc"}, func() error {
			policy, err := ch.allocation()
			if err != nil {
				return err
			}
			return ch.SetVGAllocation(policy)
		}},
		{[]string{"maxlogicalvolumes", "logicalvolume", "maxphysicalvolumes"}, func() error {
			rec := vg.Metadata()
			lvs, pvs := rec.MaxLV, rec.MaxPV
			for _, name := range []string{"maxlogicalvolumes", "logicalvolume"} {
				if o.Has(name) {
					lvs = limit(o.Number(name))
				}
			}
			if o.Has("maxphysicalvolumes") {
				pvs = limit(o.Number("maxphysicalvolumes"))
			}
			if lvs != 0 && int(lvs) < visible(vg) {
				return sentence("MaxLogicalVolume is less than the current number %d of LVs for %s", visible(vg), vg.Name())
			}
			return ch.SetVGLimits(lvs, pvs)
		}},
		{[]string{"physicalextentsize"}, func() error { return ch.SetExtentSize(o.Bytes("physicalextentsize")) }},
		{[]string{"resizeable"}, func() error {
			yes := o.Yes("resizeable", true)
			if is := vg.Metadata().Status&metadata.VGResizeable != 0; is == yes {
				return sentence("Volume group %q is already %s", vg.Name(), map[bool]string{true: "resizeable", false: "not resizeable"}[is])
			}
			return ch.SetResizeable(yes)
		}},
		{[]string{"setautoactivation"}, func() error { return ch.SetVGAutoActivation(o.Yes("setautoactivation", true)) }},
		{[]string{"systemid"}, func() error { return ch.SetSystemID(o.Text("systemid")) }},
		{[]string{"uuid"}, func() error { return ch.SetVGID(lvm.ID{}) }},
		{[]string{"vgmetadatacopies", "metadatacopies"}, func() error {
			n, err := ch.copies()
			switch {
			case err != nil:
				return err
			case n == allCopies:
				return ch.UseAllMetadataAreas()
			default:
				return ch.SetMetadataCopies(n)
			}
		}},
	} {
		if !o.HasAny(step.options...) {
			continue
		}
		if err := step.do(); err != nil {
			return err
		}
	}
	return nil
}

// visible returns how many volumes of a group are not parts of others.
func visible(vg *lvm.VolumeGroup) int {
	n := 0
	for lv := range vg.LVs() {
		if !lv.Hidden() {
			n++
		}
	}
	return n
}

// runVGActivation activates and deactivates the volumes of groups.
func runVGActivation(c *call) error {
	if c.opt.Text("autoactivation") == "event" {
		conf, err := c.config()
		if err != nil {
			return err
		}
		if events, err := conf.Bool("global/event_activation", true); err != nil || !events {
			c.say("Skip vgchange for event and event_activation=0.")
			return err
		}
	}
	if !c.opt.HasAny("activate", "refresh") {
		return nil // nothing watches or polls here
	}
	names, err := c.groups(c.args)
	if err != nil {
		return err
	}
	for _, name := range names {
		err := c.update(name, func(ch *change) error {
			if !ch.Exists() {
				return &lvm.OpError{Op: "activate vg", VG: name, Err: lvm.ErrVGNotFound}
			}
			if c.opt.Has("refresh") {
				for lv := range ch.VG().LVs() {
					if !lv.Hidden() && lv.Active() {
						ch.fail(ch.RefreshWith(lv.Name(), c.activation()))
					}
				}
				return nil
			}
			switch word := c.opt.Text("activate"); {
			case isOneOf(word, "n", "en", "ln"):
				return ch.DeactivateAll()
			case isOneOf(word, "ay", "aay", "aly", "aey"):
				ch.fail(ch.AutoActivate())
			default:
				ch.fail(ch.ActivateAllWith(c.activation()))
			}
			return nil // the others are activated
		})
		if err != nil {
			c.fail(err)
		}
		if c.opt.Has("activate") {
			c.tellActive(name)
		}
	}
	return nil
}

// activation is what the options say of how volumes are activated.
func (c *call) activation() lvm.ActivateOptions {
	o := lvm.ActivateOptions{IgnoreSkip: c.opt.Has("ignoreactivationskip")}
	switch {
	case c.opt.Has("partial"), c.opt.Text("activationmode") == "partial":
		o.Mode = lvm.ActivatePartial
	case c.opt.Text("activationmode") == "complete":
		o.Mode = lvm.ActivateComplete
	}
	return o
}

// tellActive tells how many volumes of a group are active.
func (c *call) tellActive(name string) {
	vg, err := c.sys.VG(c.ctx, name)
	if err != nil {
		return
	}
	n := 0
	for lv := range vg.LVs() {
		if !lv.Hidden() && lv.Active() {
			n++
		}
	}
	c.say("%d logical volume(s) in volume group %q now active", n, vg.Name())
}
