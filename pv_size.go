package lvm

// Growth returns how many extents more there are on the device of the PV, as it
// is now, than the PV has: [Tx.ResizePV] adopts them. It is 0 if the PV is
// missing. The device may have grown, or the PV been made smaller on purpose.
func (p *PhysicalVolume) Growth() Extents {
	m := p.vg.members[p.rec.ID]
	if m == nil {
		return 0
	}
	start, end := p.Start(), m.size
	for _, a := range m.label.MetadataAreas {
		if a.Offset >= start {
			end = min(lastAreaPlace(a, max(end, a.Size), 1), end)
		}
	}
	if end <= start {
		return 0
	}
	room := (end - start).Sectors().ExtentsDown(p.vg.rec.ExtentSize)
	return room - min(room, p.rec.PECount)
}
