package metadata

import "strconv"

// pvName returns the name that PV number i has within a text.
func pvName(i int) string { return "pv" + strconv.Itoa(i) }

// pvRef is what the name of a PV stands for.
type pvRef struct {
	id     ID
	number int
}

func (d *decoder) physicalVolumes(l list) (pvs []*PhysicalVolume) {
	d.pvs = map[string]pvRef{}
	ids := map[ID]struct{}{}
	d.sections("physical_volumes", l, func(e item) {
		d.kind, d.name = "pv", e.key
		pv := d.physicalVolume(e.entries())
		if _, twice := d.pvs[e.key]; twice {
			d.fail("name", e.key, "unique")
		}
		if _, twice := ids[pv.ID]; twice {
			d.fail("id", pv.ID.String(), "unique")
		}
		d.renumber = d.renumber || e.key != pvName(len(pvs))
		d.pvs[e.key] = pvRef{pv.ID, len(pvs)}
		ids[pv.ID] = struct{}{}
		pvs = append(pvs, pv)
	})
	return pvs
}

func (d *decoder) physicalVolume(l list) *PhysicalVolume {
	pv := &PhysicalVolume{}
	d.require(l, "id", "status", "pe_start", "pe_count")
	if d.has(l, "ba_start") != d.has(l, "ba_size") {
		d.fail("ba_start, ba_size", "one", "both or none")
	}
	pv.Extra = d.fields(l, func(f item) bool {
		switch f.key {
		case "id":
			pv.ID = d.id(f)
		case "device":
			pv.Device = d.text(f)
		case "device_id_type":
			pv.DeviceIDType = d.text(f)
		case "device_id":
			pv.DeviceID = d.text(f)
		case "status":
			decodeStatus(d, f, pvWords, &pv.Status, &pv.Unknown)
		case "flags":
			decodeFlags(d, f, pvWords, &pv.Status, &pv.Unknown)
		case "tags":
			pv.Tags = d.texts(f)
		case "dev_size":
			pv.DeviceSize = d.sectors(f)
		case "pe_start":
			pv.PEStart = d.sectors(f)
		case "pe_count":
			pv.PECount = d.extents(f)
		case "ba_start":
			pv.BootloaderStart = d.sectors(f)
		case "ba_size":
			pv.BootloaderSize = d.sectors(f)
		default:
			return false
		}
		return true
	})
	return pv
}

func (w *recordPrinter) physicalVolumes() {
	w.record("physical_volumes", nil, func() {
		for i, pv := range w.vg.PVs {
			w.blank(1)
			w.physicalVolume(w.pvNames[i], pv)
		}
	})
}

func (w *recordPrinter) physicalVolume(name string, pv *PhysicalVolume) {
	w.record(name, pv.Extra, func() {
		w.id("id", &pv.ID)
		w.begin("device")
		w.quote(pv.Device)
		w.end("Hint only")
		w.blank(1)
		w.optional("device_id_type", pv.DeviceIDType)
		w.optional("device_id", pv.DeviceID)
		printStatus(&w.printer, pvWords, pv.Status, &pv.Unknown)
		w.tags(pv.Tags)
		if pv.DeviceSize != 0 {
			w.size("dev_size", uint64(pv.DeviceSize), 1)
		}
		w.uint("pe_start", uint64(pv.PEStart))
		w.size("pe_count", uint64(pv.PECount), w.vg.ExtentSize)
		if pv.BootloaderStart != 0 || pv.BootloaderSize != 0 {
			w.uint("ba_start", uint64(pv.BootloaderStart))
			w.size("ba_size", uint64(pv.BootloaderSize), 1)
		}
	})
}
