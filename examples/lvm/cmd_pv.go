package main

import (
	"errors"
	"os"
	"slices"

	"github.com/lvm-go/lvm"
	"github.com/lvm-go/lvm/examples/lvm/internal/report"
	"github.com/lvm-go/lvm/metadata"
)

const newPVOptions = "metadatacopies=pvmetadatacopies pvmetadatacopies metadatasize metadataignore dataalignment dataalignmentoffset bootloaderareasize labelsector zero force metadatatype setphysicalvolumesize reportformat"

func pvCommands() []*command {
	return []*command{
		{
			name: "pvchange", summary: "Change physical volumes", run: runPVChange,
			forms:   []string{"-a|--all OPTION ...", "OPTION ... PV|Select ..."},
			options: "all allocatable uuid addtag deltag metadataignore autobackup force select ignoreskippedcluster reportformat deviceidtype",
		},
		{
			name: "pvcreate", summary: "Make devices physical volumes", run: runPVCreate,
			forms:   []string{"PV ..."},
			options: newPVOptions + " uuid=uuidstr restorefile norestorefile",
		},
		{
			name: "pvremove", summary: "Remove the labels of physical volumes", run: runPVRemove,
			forms:   []string{"PV ..."},
			options: "force reportformat",
		},
		{
			name: "pvresize", summary: "Tell physical volumes the size of their devices", run: runPVResize,
			forms:   []string{"PV ..."},
			options: "setphysicalvolumesize autobackup reportformat",
		},
	}
}

// pvSpec is what the options say of new physical volumes.
func (c *call) pvSpec() (lvm.PVSpec, error) {
	o := c.opt
	spec := lvm.PVSpec{
		MetadataSize: o.Bytes("metadatasize"), IgnoreAreas: o.Yes("metadataignore", false),
		DataAlignment: o.Bytes("dataalignment"), DataAlignmentOffset: o.Bytes("dataalignmentoffset"),
		BootloaderSize: o.Bytes("bootloaderareasize"), KeepHead: !o.Yes("zero", true),
		Size: o.Bytes("setphysicalvolumesize"), Force: o.Count("force") > 1,
	}
	for _, name := range []string{"pvmetadatacopies", "metadatacopies"} {
		if !o.Has(name) {
			continue
		}
		switch o.Text(name) {
		case "0":
			spec.Areas = lvm.NoArea
		case "1":
			spec.Areas = lvm.OneArea
		case "2":
			spec.Areas = lvm.TwoAreas
		default:
			return spec, c.misuse("Invalid value for --%s: %s", name, o.Text(name))
		}
	}
	if o.Has("labelsector") {
		n := int(min(o.Number("labelsector"), 99))
		spec.LabelSector = &n
	}
	if o.Has("uuid") {
		if !o.HasAny("restorefile", "norestorefile") {
			return spec, c.misuse("--restorefile is required with --uuid")
		}
		id, err := lvm.ParseID(o.Text("uuid"))
		if err != nil {
			return spec, err
		}
		spec.ID = id
	}
	if o.Has("restorefile") {
		text, err := os.ReadFile(o.Text("restorefile"))
		if err != nil {
			return spec, err
		}
		if spec.RestoreFrom, err = metadata.DecodeDocument(text); err != nil {
			return spec, err
		}
	}
	return spec, nil
}

func runPVCreate(c *call) error {
	if len(c.args) == 0 {
		return c.syntax()
	}
	spec, err := c.pvSpec()
	if err != nil {
		return err
	}
	if !spec.ID.IsZero() && len(c.args) > 1 {
		return c.misuse("Can only set uuid on one volume at once")
	}
	found, err := c.blankDevices(c.args)
	if err != nil {
		return err
	}
	if spec.Size > 0 {
		for _, device := range found {
			if !c.ask("WARNING: %s: device size does not match requested size %s. Proceed?", device, human(spec.Size)) {
				c.fault("%s: physical volume not initialized.", device)
				c.failed = true
				return nil
			}
		}
	}
	return c.wiping(&spec, func() error {
		return c.update("", func(ch *change) error {
			for _, device := range found {
				one := spec
				one.Device = device
				if err := ch.CreatePV(one); err != nil {
					return err
				}
				ch.done("Physical volume %q successfully created.", device)
			}
			return nil
		})
	})
}

// blankDevices returns devices by the names that the system knows them by.
func (c *call) blankDevices(words []string) ([]string, error) {
	if _, err := c.system(); err != nil {
		return nil, err
	}
	var out []string
	for _, word := range words {
		name := c.device(word)
		if !slices.Contains(c.devices, name) {
			reason := "device not found"
			if _, err := os.Stat(word); err == nil {
				reason = "device is rejected by filter config or in use"
			} else {
				return nil, sentence("No device found for %s.", word)
			}
			return nil, sentence("Cannot use %s: %s", word, reason)
		}
		out = append(out, name)
	}
	return out, nil
}

// groupOf returns the name of the group that the physical volume on a device was in
// when the devices were read, "" if there is none.
func (c *call) groupOf(device string) string {
	for _, vg := range c.found.VGs {
		if _, err := vg.PV(device); err == nil {
			return vg.Name()
		}
	}
	return ""
}

// wiping runs what makes physical volumes, and if signatures are in the way, asks
// whether they may be overwritten.
func (c *call) wiping(spec *lvm.PVSpec, run func() error) error {
	err := run()
	var found *lvm.SignatureError
	if !errors.As(err, &found) || len(found.Signatures) == 0 {
		return err
	}
	seen := map[string]bool{}
	for _, s := range found.Signatures {
		if seen[s.Type] {
			continue
		}
		seen[s.Type] = true
		if !c.ask("WARNING: %s signature detected on %s at offset %d. Wipe it?", s.Type, found.Device, s.Offset) {
			c.fault("Aborted wiping of %s.", s.Type)
			c.fault("1 existing signature left on the device.")
			c.failed = true
			return nil
		}
		c.say("Wiping %s signature on %s.", s.Type, found.Device)
	}
	spec.WipeSignatures = true
	return run()
}

func runPVRemove(c *call) error {
	if len(c.args) == 0 {
		return c.syntax()
	}
	found, err := c.blankDevices(c.args)
	if err != nil {
		return err
	}
	if _, err := c.scan(); err != nil {
		return err
	}
	for _, device := range found {
		if vg := c.groupOf(device); vg != "" && c.opt.Count("force") < 2 {
			c.fault("PV %s is used by VG %s so please use vgreduce first.", device, vg)
			c.fault("(If you are certain you need pvremove, then confirm by using --force twice.)")
			c.fault("%s: physical volume label not removed.", device)
			c.failed = true
			continue
		}
		err := c.update("", func(ch *change) error {
			remove := ch.RemovePV
			if c.opt.Count("force") > 1 {
				remove = ch.RemoveLostPV
			}
			ch.done("Labels on physical volume %q successfully wiped.", device)
			return remove(device)
		})
		if err != nil {
			c.fail(err)
			c.fault("%s: physical volume label not removed.", device)
		}
	}
	return nil
}

// target is a physical volume that is to be changed.
type target struct {
	device string
	size   lvm.Bytes           // of the device
	pv     *lvm.PhysicalVolume // nil: of no group
}

// eachPV changes physical volumes that words name, all if all is set, group by group,
// and returns how many were changed and how many not.
func (c *call) eachPV(words []string, all bool, fn func(ch *change, pv target) error) (changed, not int, err error) {
	found, err := c.scan()
	if err != nil {
		return 0, 0, err
	}
	wanted, err := c.selection(report.PVs)
	if err != nil {
		return 0, 0, err
	}
	all = all || wanted != nil && len(words) == 0
	var names []string
	for _, word := range words {
		if isTag(word) {
			for _, vg := range found.VGs {
				for pv := range vg.PVs() {
					if slices.Contains(pv.Tags(), word[1:]) {
						names = append(names, pv.Device())
					}
				}
			}
			continue
		}
		name, ok := c.known(word)
		if !ok {
			continue
		}
		names = append(names, name)
	}
	is := func(device string) bool { return all && device != "" || slices.Contains(names, device) }
	for _, vg := range found.VGs {
		var ours []string
		for pv := range vg.PVs() {
			if !is(pv.Device()) {
				continue
			}
			if wanted != nil {
				if yes, err := wanted.PV(vg, pv); err != nil {
					return 0, 0, err
				} else if !yes {
					continue
				}
			}
			ours = append(ours, pv.Device())
		}
		if len(ours) == 0 {
			continue
		}
		done := 0
		err := c.update(vg.ID().String(), func(ch *change) error {
			done = 0
			for _, device := range ours {
				pv, err := ch.VG().PV(device)
				if err == nil {
					err = fn(ch, target{device, pv.DeviceSize(), pv})
				}
				if errors.Is(err, errUnchanged) {
					ch.done("Physical volume %s not changed", device)
					continue
				}
				if err != nil {
					ch.fail(err)
					ch.fail(sentence("Physical volume %s not changed", device))
					continue
				}
				done++
				ch.done("Physical volume %q changed", device)
			}
			return nil
		})
		if err != nil {
			c.fail(err)
			not += len(ours)
			continue
		}
		changed += done
		not += len(ours) - done
	}
	for _, o := range found.Orphans {
		if !is(o.Device) {
			continue
		}
		if wanted != nil {
			if yes, err := wanted.Orphan(o); err != nil {
				return 0, 0, err
			} else if !yes {
				continue
			}
		}
		err := c.update("", func(ch *change) error {
			ch.done("Physical volume %q changed", o.Device)
			return fn(ch, target{o.Device, o.Size, nil})
		})
		if err != nil {
			c.fail(err)
			not++
			continue
		}
		changed++
	}
	return changed, not, nil
}

func runPVChange(c *call) error {
	o := c.opt
	if !o.HasAny("allocatable", "uuid", "addtag", "deltag", "metadataignore", "deviceidtype") || len(c.args) == 0 == !o.HasAny("all", "select") {
		return c.syntax()
	}
	changed, not, err := c.eachPV(c.args, o.Has("all"), func(ch *change, pv target) error {
		device := pv.device
		if yes := o.Yes("allocatable", true); o.Has("allocatable") {
			if pv.pv != nil && pv.pv.Allocatable() == yes && !o.HasAny("uuid", "addtag", "deltag", "metadataignore") {
				c.warn("Physical volume %q is already %s.", device, map[bool]string{true: "allocatable", false: "unallocatable"}[yes])
				return errUnchanged
			}
			if err := ch.SetPVAllocatable(device, yes); err != nil {
				return err
			}
		}
		if o.Has("metadataignore") {
			if err := ch.SetPVMetadataIgnored(device, o.Yes("metadataignore", true)); err != nil {
				return err
			}
		}
		if o.HasAny("addtag", "deltag") {
			if err := ch.SetPVTags(device, c.newTags(pv.tags())...); err != nil {
				return err
			}
		}
		if o.Has("uuid") {
			return ch.SetPVID(device, lvm.ID{})
		}
		return nil
	})
	if err != nil {
		return err
	}
	c.say("%d physical volume%s changed / %d physical volume%s not changed", changed, plural(changed), not, plural(not))
	return nil
}

// errUnchanged is the error of a change that is none.
var errUnchanged = errors.New("not changed")

func (t target) tags() []string {
	if t.pv == nil {
		return nil
	}
	return t.pv.Tags()
}

// newTags returns tags with what the options add and take away.
func (c *call) newTags(tags []string) []string {
	tags = slices.Clone(tags)
	for _, tag := range c.opt.Texts("deltag") {
		tags = slices.DeleteFunc(tags, func(t string) bool { return t == trimTag(tag) })
	}
	for _, tag := range c.opt.Texts("addtag") {
		if !slices.Contains(tags, trimTag(tag)) {
			tags = append(tags, trimTag(tag))
		}
	}
	return tags
}

func trimTag(tag string) string {
	if isTag(tag) {
		return tag[1:]
	}
	return tag
}

func plural(n int) string {
	if n == 1 {
		return ""
	}
	return "s"
}

func runPVResize(c *call) error {
	if len(c.args) == 0 {
		return c.syntax()
	}
	size := c.opt.Bytes("setphysicalvolumesize")
	changed, not, err := c.eachPV(c.args, false, func(ch *change, pv target) error {
		if real := pv.size; size > 0 && size < real {
			if !c.ask("%s: Requested size %s is less than real size %s. Proceed? ", pv.device, human(size), human(real)) {
				return sentence("Physical Volume %s not resized.", pv.device)
			}
			c.warn("WARNING: %s: Pretending size is %d not %d sectors.", pv.device, size/512, real/512)
		}
		return ch.ResizePV(pv.device, size)
	})
	if err != nil {
		return err
	}
	c.say("%d physical volume(s) resized or updated / %d physical volume(s) not resized", changed, not)
	return nil
}
