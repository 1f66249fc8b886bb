package lvm

import (
	"github.com/lvm-go/lvm/internal/raid"
	"github.com/lvm-go/lvm/metadata"
	"github.com/lvm-go/lvm/units"
)

// newRAIDHead does for a new raid what newHeads does for others. Parity does not
// count before the kernel brings it in sync, so the data alone is overwritten.
func (b *builder) newRAIDHead(n newLV, lv *metadata.LogicalVolume, size Bytes) error {
	seg := &lv.Segments[0]
	body := seg.Body.(*metadata.RAID)
	geometry := raidGeometry(seg)
	leg, ok := seg.AreaLength().Sectors(b.tx.vg.ExtentSize)
	if !ok {
		return fault(ErrInvalidSize, "lv %s is too large", lv.Name)
	}
	legs := make([]raid.Leg, len(body.Legs))
	images := make([]*metadata.LogicalVolume, len(body.Legs))
	for i := range body.Legs {
		images[i] = b.tx.find(body.Legs[i].Image)
		if checked := integrityOf(images[i]); checked != nil { // new as well: the kernel computes its checksums later
			images[i] = b.tx.find(checked.Origin)
		}
		legs[i] = raid.Leg{Data: b.tx.open(images[i]), InSync: raid.Whole}
	}
	array, err := raid.New(geometry, leg, legs, raid.Options{})
	if err != nil {
		return err
	}
	zero := func(offset, length Bytes, what string) error {
		first, last := offset/units.SectorSize, (offset+length-1)/units.SectorSize
		for sector := units.Sectors(first); sector <= units.Sectors(last); {
			runs := geometry.Locate(sector, leg)
			if len(runs) == 0 {
				return nil
			}
			count := min(runs[0].Length, units.Sectors(last)-sector+1)
			for _, run := range runs {
				at, _ := run.Sector.Bytes()
				length, _ := count.Bytes()
				if err := b.zero(images[run.Leg], at, length, what+b.tx.vg.Name+"/"+lv.Name); err != nil {
					return err
				}
			}
			sector += count
		}
		return nil
	}
	if !n.keepSignatures {
		found, err := FindSignatures(array, size)
		if err != nil {
			return err
		}
		for _, s := range found {
			if err := zero(s.Offset, s.Length, "zeroes over the "+s.Type+" signature on "); err != nil {
				return err
			}
		}
	}
	if n.keepHead {
		return nil
	}
	return zero(0, min(zeroedHead, size), "zeroes at the start of ")
}
