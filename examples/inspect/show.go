package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/lvm-go/lvm"
	"github.com/lvm-go/lvm/metadata"
)

func showGroup(out io.Writer, vg *lvm.VolumeGroup) error {
	fmt.Fprintf(out, "VG %s: %s, %s free, extents of %s, seqno %d\n", vg.Name(), vg.Size(), vg.Free(), vg.ExtentSize(), vg.Seqno())
	if err := vg.Changeable(); err != nil {
		fmt.Fprintf(out, "  cannot be changed: %s\n", indent(err.Error()))
	}
	t := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	for pv := range vg.PVs() {
		fmt.Fprintf(t, "  PV %s\t%s\t%s free\t%d extents from %s\n",
			device(pv), pv.Size(), pv.Free(), pv.Extents(), pv.Start())
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for lv := range vg.LVs() {
		name := lv.Name()
		if lv.Hidden() {
			name = "[" + name + "]"
		}
		mode := ""
		if lv.ReadOnly() {
			mode = ", read-only"
		}
		fmt.Fprintf(out, "  LV %s: %s%s\n", name, lv.Size(), mode)
		for seg := range lv.Segments() {
			fmt.Fprintf(t, "    %s\t%s\t%s\n", extents(seg.Start(), seg.Extents()), kind(seg), places(vg, seg))
		}
		if err := t.Flush(); err != nil {
			return err
		}
	}
	fmt.Fprintln(out)
	if err := vg.ExtentMap().WriteText(out, lvm.DrawOptions{}); err != nil {
		return err
	}
	fmt.Fprintln(out)
	return nil
}

func indent(s string) string { return strings.ReplaceAll(s, "\n", "\n    ") }

func device(pv *lvm.PhysicalVolume) string {
	switch {
	case !pv.Missing():
		return pv.Device()
	case pv.DeviceHint() != "":
		return pv.DeviceHint() + " (missing)"
	}
	return pv.ID().String() + " (missing)"
}

// kind names a segment's type as people do.
func kind(seg lvm.Segment) string {
	n := len(seg.Areas())
	if seg.Type() != "striped" {
		return seg.Type()
	}
	if n == 1 {
		return "linear"
	}
	return fmt.Sprintf("%d stripes of %s", n, seg.StripeSize())
}

// places lists the extents that a segment's areas consist of.
func places(vg *lvm.VolumeGroup, seg lvm.Segment) string {
	var out []string
	for _, a := range seg.Areas() {
		out = append(out, place(vg, a)+" "+extents(a.Start, seg.AreaExtents()))
	}
	return strings.Join(out, ", ")
}

func place(vg *lvm.VolumeGroup, a metadata.Area) string {
	if !a.LV.IsZero() {
		if lv, err := vg.LV(a.LV.String()); err == nil {
			return lv.Name()
		}
	} else if pv, err := vg.PV(a.PV.String()); err == nil {
		return device(pv)
	}
	return "?"
}

func extents(start, count lvm.Extents) string {
	if count == 1 {
		return fmt.Sprint(start)
	}
	return fmt.Sprintf("%d-%d", start, start+count-1)
}
