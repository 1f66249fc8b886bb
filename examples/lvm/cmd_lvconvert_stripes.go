package main

import "github.com/lvm-go/lvm"

// restripe deals out the data of a raid otherwise: to more stripes or fewer, or to larger
// or smaller ones. Asked for what it has since its data were moved, it takes off what
// that has left.
func (cv *conversion) restripe(ch *change, lv *lvm.LogicalVolume) error {
	spec := lvm.ReshapeSpec{
		Stripes: int(min(cv.opt.Number("stripes"), 1<<16)), StripeSize: cv.opt.Bytes("stripesize"), PVs: cv.pvs, Allocation: cv.policy,
	}
	var now lvm.SegmentReport
	for s := range lv.Segments() {
		now = s.Report()
	}
	room := now.ReshapeExtents != nil && *now.ReshapeExtents > 0
	same := (spec.Stripes == 0 || spec.Stripes == now.DataStripes) && (spec.StripeSize == 0 || spec.StripeSize == now.StripeSize)
	if same && room {
		return ch.EndReshape(cv.name)
	}
	if spec.Stripes > 0 && spec.Stripes < now.DataStripes {
		left := lv.Size() / lvm.Bytes(now.DataStripes) * lvm.Bytes(spec.Stripes)
		cv.warn("WARNING: Removing stripes from active logical volume %s/%s will shrink it from %s to %s!", cv.vg, cv.name, human(lv.Size()), human(left))
		cv.warn("THIS MAY DESTROY (PARTS OF) YOUR DATA!")
		cv.warn("WARNING: to remove freed stripes after the conversion has finished, you have to run \"lvconvert --stripes %d %s/%s\"", spec.Stripes, cv.vg, cv.name)
		if !cv.opt.Has("force") {
			return sentence("Can't remove stripes without --force option.")
		}
		if !cv.ask("Are you sure you want to convert %s LV %s/%s to %d stripes?", now.Type, cv.vg, cv.name, spec.Stripes) {
			return sentence("Logical volume %s/%s NOT converted.", cv.vg, cv.name)
		}
		spec.Keep = left
	}
	return ch.ReshapeRAID(cv.name, spec)
}
