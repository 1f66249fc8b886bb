package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/lvm-go/lvm"
)

// tellComplete tells udev's rules which groups the devices belong to that appeared, and
// whether those are complete now.
func (c *call) tellComplete() error {
	if len(c.args) == 0 {
		return c.syntax()
	}
	conf, err := c.config()
	if err != nil {
		return err
	}
	switch event, err := conf.Bool("global/event_activation", true); {
	case err != nil:
		return err
	case c.opt.Has("autoactivation") && c.opt.Text("autoactivation") != "event":
		c.say("Skip pvscan for unknown autoactivation value.")
		return nil
	case c.opt.Has("autoactivation") && !event:
		_, err = fmt.Fprintln(c.stdout, "LVM_EVENT_ACTIVATION=0")
		return err
	}
	found, err := c.scan()
	if err != nil {
		return err
	}
	for _, word := range c.args {
		device := c.device(word)
		for _, vg := range found.VGs {
			for pv := range vg.PVs() {
				if pv.Device() != device {
					continue
				}
				if err := c.tellGroup(vg, device); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// tellGroup tells of the group of a device. That it is complete, several processes may
// find at once: with --vgonline only one of them tells so, that which makes lvm2's mark.
func (c *call) tellGroup(vg *lvm.VolumeGroup, device string) error {
	missing := len(vg.MissingPVs())
	state := "complete"
	switch {
	case !c.opt.Has("checkcomplete"):
		state = ""
	case missing > 0:
		state = "incomplete"
	case c.opt.Has("vgonline"):
		switch first, err := markOnline(vg.Name()); {
		case err != nil:
			return err
		case !first:
			state = "finished"
		}
	}
	if c.opt.Has("udevoutput") {
		if state == "complete" || state == "incomplete" {
			_, err := fmt.Fprintf(c.stdout, "LVM_VG_NAME_%s='%s'\n", strings.ToUpper(state), vg.Name())
			return err
		}
		return nil
	}
	switch {
	case state == "":
		c.say("VG %s", vg.Name())
		return nil
	case missing > 0:
		c.say("pvscan[%d] PV %s online, VG %s incomplete (need %d).", os.Getpid(), device, vg.Name(), missing)
	default:
		c.say("pvscan[%d] PV %s online, VG %s is complete.", os.Getpid(), device, vg.Name())
	}
	c.say("VG %s %s", vg.Name(), state)
	return nil
}

// markOnline makes the mark of a group that is complete, and says whether it was the
// first to do so.
func markOnline(vg string) (first bool, err error) {
	const dir = "/run/lvm/vgs_online"
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return false, err
	}
	f, err := os.OpenFile(filepath.Join(dir, vg), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, f.Close()
}
