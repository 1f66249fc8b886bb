package main

import (
	"os"

	"github.com/lvm-go/lvm"
	"golang.org/x/sys/unix"
)

// pictureCommands are those that lvm2 does not have.
func pictureCommands() []*command {
	return []*command{
		{
			name: "map", summary: "Draw where the extents of a volume group lie", run: runMap,
			forms: []string{"VG", "--svg String VG"}, options: "svg units",
		},
		{
			name: "plan", summary: "Tell what a command would do, and do not do it",
			forms: []string{"COMMAND ..."}, run: func(c *call) error { return c.syntax() },
		},
	}
}

func runMap(c *call) error {
	if len(c.args) != 1 {
		return c.syntax()
	}
	sys, err := c.system()
	if err != nil {
		return err
	}
	vg, err := sys.VG(c.ctx, c.vgArgument(c.args[0]))
	if err != nil {
		return err
	}
	if c.opt.Has("svg") {
		return drawFile(vg, c.opt.Text("svg"))
	}
	o := lvm.DrawOptions{}
	if f, ok := c.stdout.(*os.File); ok {
		if size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ); err == nil {
			o.Width, o.Color = int(size.Col), true
		}
	}
	return vg.ExtentMap().WriteText(c.stdout, o)
}

func drawFile(vg *lvm.VolumeGroup, path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := vg.ExtentMap().WriteSVG(f, lvm.DrawOptions{}); err != nil {
		_ = f.Close()
		return err
	}
	return f.Close()
}
