package main

import (
	"strings"

	"github.com/lvm-go/lvm"
)

// choice returns what a y|n option says, or that it was not given.
func (c *call) choice(name string) lvm.Choice {
	switch {
	case !c.opt.Has(name):
		return lvm.ChoiceUnset
	case c.opt.Yes(name, true):
		return lvm.ChoiceYes
	default:
		return lvm.ChoiceNo
	}
}

// discards returns what --discards says.
func (c *call) discards() (lvm.ThinDiscards, error) {
	switch c.opt.Text("discards") {
	case "passdown":
		return lvm.DiscardsPassdown, nil
	case "nopassdown":
		return lvm.DiscardsNoPassdown, nil
	case "ignore":
		return lvm.DiscardsIgnore, nil
	default:
		return lvm.DiscardsUnset, nil
	}
}

// changePool changes a thin pool.
func (ch *change) changePool(name string) error {
	discards, err := ch.discards()
	if err != nil {
		return err
	}
	return ch.ChangeThinPool(name, lvm.ThinPoolChange{
		Discards: discards, Zeroing: ch.choice("zero"), ErrorWhenFull: ch.choice("errorwhenfull"),
	})
}

// cacheSettings returns what --cachesettings says: KEY=VALUE, several with blanks in
// between.
func (c *call) cacheSettings() ([]lvm.CacheSetting, error) {
	var out []lvm.CacheSetting
	for _, text := range c.opt.Texts("cachesettings") {
		for _, word := range strings.Fields(text) {
			key, value, ok := strings.Cut(word, "=")
			if !ok {
				return nil, c.misuse("Invalid cache settings %s.", text)
			}
			if value == "default" {
				value = ""
			}
			out = append(out, lvm.CacheSetting{Key: key, Value: value})
		}
	}
	return out, nil
}

// attachSpec returns what the options say of a cache that a volume gets.
func (c *call) attachSpec() (lvm.AttachCacheSpec, error) {
	o := c.opt
	settings, err := c.cacheSettings()
	spec := lvm.AttachCacheSpec{
		ChunkSize: o.Bytes("chunksize"), Mode: lvm.CacheMode(o.Text("cachemode")), Policy: o.Text("cachepolicy"), Settings: settings, MetadataSize: o.Bytes("poolmetadatasize"),
	}
	if format := o.Text("cachemetadataformat"); format == "1" || format == "2" {
		spec.MetadataFormat = int(format[0] - '0')
	}
	return spec, err
}

// changeRAID changes a raid.
func (ch *change) changeRAID(name string) error {
	o := ch.opt
	var spec lvm.RAIDChange
	rate := func(to **uint32, names ...string) {
		for _, n := range names {
			if o.Has(n) {
				*to = new(limit(uint64(o.Bytes(n) / lvm.KiB)))
			}
		}
	}
	rate(&spec.MinRate, "minrecoveryrate", "raidminrecoveryrate")
	rate(&spec.MaxRate, "maxrecoveryrate", "raidmaxrecoveryrate")
	for _, n := range []string{"writebehind", "raidwritebehind"} {
		if o.Has(n) {
			spec.WriteBehind = new(limit(o.Number(n)))
		}
	}
	for _, text := range append(o.Texts("writemostly"), o.Texts("raidwritemostly")...) {
		pv, how, _ := strings.Cut(text, ":")
		pv = ch.device(pv)
		if spec.WriteMostly == nil {
			spec.WriteMostly = map[string]bool{}
		}
		spec.WriteMostly[pv] = how != "n" && (how != "t" || !ch.isWriteMostly(name, pv))
	}
	return ch.ChangeRAID(name, spec)
}

// isWriteMostly says whether the leg of a raid on a physical volume is read only if no
// other one can be.
func (ch *change) isWriteMostly(name, device string) bool {
	lv, err := ch.VG().LV(name)
	if err != nil {
		return false
	}
	for _, leg := range lv.RAIDLegs() {
		if leg.Image == nil {
			continue
		}
		for s := range leg.Image.Segments() {
			for _, area := range s.Areas() {
				pv, err := ch.VG().PV(area.PV.String())
				if err == nil && pv.Device() == device {
					return leg.WriteMostly
				}
			}
		}
	}
	return false
}

// runRAIDWork has the kernel check, repair or resync raids.
func runRAIDWork(c *call) error {
	all, err := c.volumes(c.args)
	if err != nil {
		return err
	}
	action := c.opt.Text("syncaction") + c.opt.Text("raidsyncaction")
	for _, w := range all {
		sys, err := c.acting()
		if err != nil {
			return err
		}
		vg, err := sys.VG(c.ctx, w.vg)
		if err != nil {
			c.fail(err)
			continue
		}
		for _, lv := range chosen(vg, w, c.fail) {
			if c.opt.Has("resync") {
				if !c.ask("Do you really want to deactivate logical volume %s/%s to resync it?", vg.Name(), lv.Name()) {
					continue
				}
				c.fail(sys.ResyncRAID(c.ctx, vg.Name(), lv.Name(), lvm.SyncOptions{}))
				continue
			}
			if !lv.IsRAID() {
				c.fail(c.wrongType(vg, lv))
				continue
			}
			_, err := sys.Scrub(c.ctx, vg.Name(), lv.Name(), lvm.ScrubOptions{Repair: action == "repair", Begin: true})
			c.fail(err)
		}
	}
	return nil
}
