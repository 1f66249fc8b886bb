package main

import (
	"fmt"
	"os"
	"slices"

	"github.com/lvm-go/lvm"
)

// pvOnline does what a host's rules have done when a device appears: it tells which group
// a physical volume is of and whether that is complete now, and activates it then. lvm2
// keeps files of what has appeared; here all devices are looked at again.
func (c *call) pvOnline() error {
	conf, err := c.config()
	if err != nil {
		return err
	}
	events, err := conf.Bool("global/event_activation", true)
	if err != nil {
		return err
	}
	if !events && (c.opt.HasAny("listvg", "listlvs", "udevoutput", "activate") || len(c.args) > 0) {
		switch {
		case c.opt.Has("udevoutput"):
			fmt.Fprintln(c.stdout, "LVM_EVENT_ACTIVATION=0")
		case c.opt.Has("checkcomplete"):
			c.online("Ignoring pvscan with --checkcomplete because event_activation is disabled.")
		}
		return nil
	}
	if c.opt.Has("listvg") && !c.opt.Has("activate") {
		return c.tellComplete()
	}
	found, err := c.scan()
	if err != nil {
		return err
	}
	groups := map[string]*lvm.VolumeGroup{}
	left := map[*lvm.VolumeGroup]int{} // that have not appeared
	var devices []string
	for _, vg := range found.VGs {
		left[vg] = len(vg.MissingPVs())
		for pv := range vg.PVs() {
			if pv.Device() == "" {
				continue
			}
			groups[pv.Device()] = vg
			devices = append(devices, pv.Device())
			if len(c.args) == 0 {
				left[vg]++
			}
		}
	}
	for _, o := range found.Orphans {
		devices = append(devices, o.Device)
	}
	slices.Sort(devices)
	known := devices
	if len(c.args) > 0 {
		devices = nil
		for _, word := range c.args {
			if _, err := os.Stat(word); err != nil {
				c.fault("Cannot access device %s for 0:0.", word)
				c.fault("pvscan[%d] No device set up for arg %s 0:0", os.Getpid(), word)
				continue
			}
			devices = append(devices, c.device(word))
		}
	}
	for _, device := range devices {
		vg := groups[device]
		if vg != nil && len(c.args) == 0 {
			left[vg]--
		}
		switch {
		case !slices.Contains(known, device):
			c.online("%s not an lvm device.", device)
		case vg == nil || !c.opt.HasAny("listlvs", "activate"):
			c.online("PV %s online.", device)
		default:
			c.fail(c.groupOnline(vg, device, left[vg]))
		}
	}
	return nil
}

// online tells what has appeared.
func (c *call) online(format string, args ...any) {
	c.say("pvscan[%d] %s", os.Getpid(), fmt.Sprintf(format, args...))
}

// groupOnline tells of a group that a device is of, and activates it if it is complete.
func (c *call) groupOnline(vg *lvm.VolumeGroup, device string, left int) error {
	name := vg.Name()
	if !c.opt.Has("activate") {
		c.show("VG %s", name)
		for lv := range vg.LVs() {
			if !lv.Hidden() {
				c.show("LV %s/%s", name, lv.Name())
			}
		}
		return nil
	}
	if left > 0 {
		c.online("PV %s online, VG %s incomplete (need %d).", device, name, left)
		return nil
	}
	c.online("PV %s online, VG %s is complete.", device, name)
	if vg.Exported() {
		return nil
	}
	c.online("VG %s run autoactivation.", name)
	err := c.update(vg.ID().String(), func(ch *change) error { return ch.AutoActivate() })
	c.tellActive(name)
	return err
}
