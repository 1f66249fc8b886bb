package main

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/lvm-go/lvm"
	"github.com/lvm-go/lvm/examples/lvm/internal/args"
	"github.com/lvm-go/lvm/examples/lvm/internal/report"
	"github.com/lvm-go/lvm/metadata"
)

// update changes a volume group. What fn says with done is told once it is.
func (c *call) update(vg string, fn func(*change) error) error {
	sys, err := c.system()
	if err != nil {
		return err
	}
	ch := &change{call: c}
	run := func(tx *lvm.Tx) error { // perhaps more than once
		ch.Tx, ch.told, ch.failures = tx, nil, nil
		return fn(ch)
	}
	switch {
	case c.planning:
		plan, err := sys.Plan(c.ctx, vg, run)
		if err != nil {
			return err
		}
		fmt.Fprint(c.stdout, plan)
		return nil
	case c.opt.Has("test"):
		c.warn("TEST MODE: Metadata will NOT be updated and volumes will not be (de)activated.")
		_, err = sys.Plan(c.ctx, vg, run)
	default:
		err = sys.Update(c.ctx, vg, run)
	}
	if err != nil {
		return err
	}
	for _, line := range ch.told {
		c.say("%s", line)
	}
	for _, err := range ch.failures {
		c.fail(err)
	}
	return nil
}

// withoutEffect are the options that change nothing of what commands do: backups are
// made as lvm.conf says, udev is waited for if it runs, and there is no dmeventd to
// tell. What would go on in the background is waited for. They are accepted, as
// programs give them.
var withoutEffect = strings.Fields("autobackup noudevsync monitor ignoremonitoring metadataprofile reportformat force background interval startpoll " +
	"major ignoreactivationskip")

// allRead refuses a change if an option was given that nothing asked for: it does not
// go with the others, and who gave it believes that it was obeyed.
func (c *call) allRead() error {
	for _, name := range slices.Concat(withoutEffect, strings.Fields(args.Common)) {
		c.opt.Value(name)
	}
	if g, ok := c.opt.Unread(); ok {
		return c.unwanted(g.Name)
	}
	return nil
}

// unwanted is the error for an option that does not go with the others.
func (c *call) unwanted(option string) error {
	word := "--" + option
	if c.opt.HasValue(option) {
		word += " " + c.opt.Text(option)
	}
	return c.misuseWord("option", word)
}

// vgArgument returns the name of a group that a word names, with or without the
// directory of devices in front.
func (c *call) vgArgument(word string) string {
	return strings.TrimPrefix(word, c.devDir())
}

// devDir is the directory of devices, with a slash behind it.
func (c *call) devDir() string {
	dir := "/dev"
	if conf, err := c.config(); err == nil {
		if d, err := conf.Text("devices/dir", dir); err == nil {
			dir = d
		}
	}
	return path.Clean(dir) + "/"
}

// lvArgument takes apart what names a logical volume: vg/lv, the path of a device, a
// name in the group that LVM_VG_NAME names. lv is empty if the word names a group.
func (c *call) lvArgument(word string) (vg, lv string) {
	if name, ok := strings.CutPrefix(word, c.devDir()+"mapper/"); ok {
		if vg, lv, ok := lvm.ParseDMName(name); ok {
			return vg, lv
		}
	}
	vg, lv, _ = strings.Cut(c.vgArgument(word), "/")
	return vg, lv
}

// oneLV is lvArgument for a word that has to name a logical volume.
func (c *call) oneLV(word string) (vg, lv string, err error) {
	vg, lv = c.lvArgument(word)
	if lv == "" {
		vg, lv = c.env("LVM_VG_NAME"), vg
	}
	if vg == "" || lv == "" {
		return "", "", c.misuse("Please specify a logical volume path.")
	}
	return vg, lv, nil
}

// groups returns the names of the volume groups that words name, all if there are
// none, and all with a tag for "@tag".
func (c *call) groups(words []string) ([]string, error) {
	var names []string
	add := func(name string) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if len(words) > 0 && !slices.ContainsFunc(words, isTag) {
		for _, word := range words {
			add(c.vgArgument(word))
		}
		return names, nil
	}
	found, err := c.scan()
	if err != nil {
		return nil, err
	}
	if len(words) == 0 {
		words = []string{""}
	}
	for _, word := range words {
		for _, vg := range found.VGs {
			if word == "" || isTag(word) && vg.HasTag(word[1:]) {
				add(vg.Name())
			}
		}
		if word != "" && !isTag(word) {
			add(c.vgArgument(word))
		}
	}
	return names, nil
}

func isTag(word string) bool { return strings.HasPrefix(word, "@") }

// scan reads all devices, once.
func (c *call) scan() (*lvm.Inventory, error) {
	sys, err := c.system()
	if err == nil && c.found == nil {
		c.found, err = sys.Scan(c.ctx)
	}
	return c.found, err
}

// eachVG changes the groups that words name, one after the other. One that cannot be
// does not keep the others from it.
func (c *call) eachVG(words []string, fn func(*change) error) error {
	names, err := c.groups(words)
	if err != nil {
		return err
	}
	wanted, err := c.selection(report.VGs)
	if err != nil {
		return err
	}
	for _, name := range names {
		c.fail(c.update(name, func(ch *change) error {
			if !ch.Exists() {
				return &lvm.OpError{Op: "change vg", VG: name, Err: lvm.ErrVGNotFound}
			}
			if wanted != nil {
				if yes, err := wanted.VG(ch.VG()); err != nil || !yes {
					return err
				}
			}
			return fn(ch)
		}))
	}
	return nil
}

// selection returns what --select asks of the objects of a kind, nil if it was not
// given.
func (c *call) selection(kind report.Kind) (*report.Matcher, error) {
	if !c.opt.Has("select") {
		return nil, nil
	}
	o, err := c.reportOptions()
	if err != nil {
		return nil, err
	}
	m, err := report.NewMatcher(kind, c.opt.Text("select"), o)
	if err != nil {
		return nil, c.badReport(kind, err)
	}
	return m, nil
}

// wanted is what words choose of a group: all volumes, some, or those with a tag.
type wanted struct {
	vg   string
	all  bool
	lvs  []string
	tags []string
}

// volumes returns what words choose, group by group.
func (c *call) volumes(words []string) ([]*wanted, error) {
	var out []*wanted
	of := func(vg string) *wanted {
		for _, w := range out {
			if w.vg == vg {
				return w
			}
		}
		out = append(out, &wanted{vg: vg})
		return out[len(out)-1]
	}
	for _, word := range words {
		if isTag(word) {
			names, err := c.groups(nil)
			if err != nil {
				return nil, err
			}
			for _, name := range names {
				w := of(name)
				w.tags = append(w.tags, word[1:])
			}
			continue
		}
		vg, lv := c.lvArgument(word)
		if lv == "" && c.env("LVM_VG_NAME") != "" {
			vg, lv = c.env("LVM_VG_NAME"), vg
		}
		if w := of(vg); lv == "" {
			w.all = true
		} else {
			w.lvs = append(w.lvs, lv)
		}
	}
	return out, nil
}

// chosen returns the volumes of a group that are wanted, in the order in which lvm2 takes
// them. Of those that are not there, fail gets to know.
func chosen(vg *lvm.VolumeGroup, w *wanted, fail func(error)) []*lvm.LogicalVolume {
	named := map[metadata.ID]bool{}
	for _, name := range w.lvs {
		lv, err := vg.LV(name)
		if err != nil {
			fail(err)
			continue
		}
		named[lv.ID()] = true
	}
	return slices.DeleteFunc(listed(vg), func(lv *lvm.LogicalVolume) bool {
		tagged := slices.ContainsFunc(w.tags, func(tag string) bool { return vg.HasTag(tag) || lv.HasTag(tag) })
		return !named[lv.ID()] && (lv.Hidden() || !w.all && !tagged)
	})
}

// eachLV changes the volumes that words choose. One that cannot be changed does not
// keep the others from it.
func (c *call) eachLV(words []string, fn func(*change, *lvm.LogicalVolume) error) error {
	wanted, err := c.selection(report.LVs)
	if err != nil {
		return err
	}
	if len(words) == 0 {
		if words, err = c.groups(nil); err != nil {
			return err
		}
	}
	all, err := c.volumes(words)
	if err != nil {
		return err
	}
	for _, w := range all {
		c.fail(c.update(w.vg, func(ch *change) error {
			vg := ch.VG()
			if vg == nil {
				return &lvm.OpError{Op: "change lvs", VG: w.vg, Err: lvm.ErrVGNotFound}
			}
			for _, lv := range chosen(vg, w, ch.fail) {
				if wanted != nil {
					if yes, err := wanted.LV(vg, lv); err != nil || !yes {
						ch.fail(err)
						continue
					}
				}
				ch.fail(fn(ch, lv))
			}
			return nil
		}))
	}
	return nil
}

// change is a change of a group that is being made.
type change struct {
	*call
	*lvm.Tx
	told     []string
	failures []error
}

// fail notes what went wrong with a part of the change; the others are made.
func (ch *change) fail(err error) {
	if err != nil {
		ch.failures = append(ch.failures, err)
	}
}

// selections reads the physical volumes behind the other words.
func (c *call) selections(words []string) ([]lvm.PVSelection, error) {
	var out []lvm.PVSelection
	for _, word := range words {
		s, err := lvm.ParsePVSelection(word)
		if err != nil {
			return nil, err
		}
		if !isTag(s.PV) {
			s.PV = c.device(s.PV)
		}
		out = append(out, s)
	}
	return out, nil
}
