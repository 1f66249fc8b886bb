package main

import (
	"os"

	"github.com/lvm-go/lvm"
)

func moveCommands() []*command {
	return []*command{{
		name: "pvmove", summary: "Move extents to other physical volumes", run: runPVMove,
		forms:   []string{"PV [ PV ... ]", "", "--abort [ PV ]"},
		options: "name atomic background interval abort alloc autobackup noudevsync reportformat",
	}}
}

func runPVMove(c *call) error {
	sys, err := c.acting()
	if err != nil {
		return err
	}
	moved := c.progress("Moved")
	defer moved.end()
	run := lvm.MoveRun{Interval: c.interval(), Progress: moved.move}
	if len(c.args) == 0 || c.opt.Has("abort") {
		return c.oldMoves(run)
	}
	from, err := c.selections(c.args[:1])
	if err != nil {
		return err
	}
	to, err := c.selections(c.args[1:])
	if err != nil {
		return err
	}
	policy, err := c.allocation()
	if err != nil {
		return err
	}
	if _, err := c.scan(); err != nil {
		return err
	}
	vg := c.groupOf(from[0].PV)
	if _, err := os.Stat(from[0].PV); err != nil {
		return c.misuse("Cannot use %s: device not found", from[0].PV)
	}
	if vg == "" {
		return &lvm.OpError{Op: "move", PV: from[0].PV, Err: lvm.ErrPVNotFound}
	}
	o := lvm.MoveOptions{From: from[0], To: to, Allocation: policy, Atomic: c.opt.Has("atomic"), Run: run}
	if c.opt.Has("name") {
		if _, o.LV = c.lvArgument(c.opt.Text("name")); o.LV == "" {
			o.LV = c.opt.Text("name")
		}
		group, err := sys.VG(c.ctx, vg)
		if err != nil {
			return err
		}
		if _, err := group.LV(o.LV); err != nil {
			return sentence("Logical volume %s not found.", o.LV)
		}
	}
	_, err = sys.Move(c.ctx, vg, o)
	return err
}

// move tells how far a move is.
func (p *progress) move(m lvm.MoveProgress) { p.at(m.From, m.Done, m.Total) }

// oldMoves goes on with the moves that are under way, or aborts them.
func (c *call) oldMoves(run lvm.MoveRun) error {
	found, err := c.scan()
	if err != nil {
		return err
	}
	of := ""
	if len(c.args) > 0 {
		of = c.device(c.args[0])
	}
	for _, vg := range found.VGs {
		for _, move := range vg.Moves() {
			if of == "" || move.From == of {
				if c.opt.Has("abort") {
					c.fail(c.sys.AbortMove(c.ctx, vg.Name(), move.From))
				}
			}
		}
		if !c.opt.Has("abort") && len(vg.Moves()) > 0 {
			_, err := c.sys.ResumeMoves(c.ctx, vg.Name(), run)
			c.fail(err)
		}
	}
	return nil
}
