package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/lvm-go/lvm"
)

// show prints the group, the picture of its extents, and the tables of its
// volumes.
func show(ctx context.Context, out io.Writer, sys *lvm.System) error {
	vg, err := sys.VG(ctx, vgName)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "\nVolume group %s: %s in extents of %s\n", vg.Name(), vg.Size(), vg.ExtentSize())
	t := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	for pv := range vg.PVs() {
		fmt.Fprintf(t, "  PV\t%s\t%s\t%s free\n", pv.Device(), pv.Size(), pv.Free())
	}
	for lv := range vg.LVs() {
		fmt.Fprintf(t, "  LV\t%s\t%s\n", lv.Name(), lv.Size())
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprint(out, "\nWhere the extents are\n\n")
	if err := vg.ExtentMap().WriteText(out, lvm.DrawOptions{}); err != nil {
		return err
	}
	for lv := range vg.LVs() {
		table, err := lv.Table()
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "\nDevice-mapper table of %s\n\n%s", lv.DMName(), table)
	}
	return nil
}
