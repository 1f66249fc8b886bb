package main

import "github.com/lvm-go/lvm"

func pollCommands() []*command {
	return []*command{{
		name: "lvpoll", summary: "Go on with what is under way on a volume, to its end", run: runPoll,
		forms: []string{"--polloperation pvmove|convert|merge|merge_thin LV ..."}, options: "polloperation autobackup interval abort handlemissingpvs",
	}}
}

// runPoll does what lvmpolld has done: each volume is watched until what is under way on
// it has ended. One that is not there any more has ended, too.
func runPoll(c *call) error {
	what := c.opt.Text("polloperation")
	if what == "" || len(c.args) == 0 {
		return c.syntax()
	}
	sys, err := c.acting()
	if err != nil {
		return err
	}
	for _, word := range c.args {
		group, name := c.lvArgument(word)
		vg, err := sys.VG(c.ctx, group)
		if err != nil {
			c.say("Can't find VG %s. No longer active.", word)
			c.fault("Volume group %q not found", group)
			continue
		}
		lv, err := vg.LV(name)
		if err != nil && what != "pvmove" {
			c.say("Can't find LV in %s for %s.", group, word)
			continue
		}
		c.fail(c.poll(vg, lv, what, word))
	}
	return nil
}

func (c *call) poll(vg *lvm.VolumeGroup, lv *lvm.LogicalVolume, what, word string) error {
	switch what {
	case "pvmove":
		for _, move := range vg.Moves() {
			if lv == nil || move.Name != lv.Name() {
				continue
			}
			if c.opt.Has("abort") {
				return c.sys.AbortMove(c.ctx, vg.Name(), move.From)
			}
			moved := c.progress("Moved")
			defer moved.end()
			_, err := c.sys.ResumeMoves(c.ctx, vg.Name(), lvm.MoveRun{Interval: c.interval(), Progress: moved.move})
			return err
		}
		c.say("%s: No pvmove in progress - already finished or aborted.", word)
		return nil
	case "convert":
		if segmentType(lv) != "mirror" {
			return sentence("ABORTING: Mirror percentage check failed.")
		}
		return c.finishLegs(vg.Name(), lv.Name())
	}
	if !lv.Merging() {
		c.say("Logical volume %s is no longer merging origin, polling has finished.", word)
		return nil
	}
	return c.finishMerges(vg.Name())
}
