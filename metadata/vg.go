package metadata

func (d *decoder) volumeGroup(e item) *VolumeGroup {
	vg := &VolumeGroup{Name: e.key, Format: formatValue}
	d.kind, d.name = "vg", e.key
	d.require(e.entries(), "id", "seqno", "status", "extent_size", "max_lv", "max_pv")
	sections := map[string]list{}
	vg.Extra = d.fields(e.entries(), func(f item) bool {
		switch f.key {
		case "id":
			vg.ID = d.id(f)
		case "seqno":
			vg.Seqno = d.uint32(f)
		case "format":
			if d.text(f) != formatValue {
				d.failField(f, formatValue)
			}
		case "status":
			decodeStatus(d, f, vgWords, &vg.Status, &vg.Unknown)
		case "flags":
			decodeFlags(d, f, vgWords, &vg.Status, &vg.Unknown)
		case "tags":
			vg.Tags = d.texts(f)
		case "system_id":
			vg.SystemID = d.text(f)
		case "lock_type":
			vg.LockType = d.text(f)
		case "lock_args":
			vg.LockArgs = d.text(f)
		case "extent_size":
			vg.ExtentSize = d.sectors32(f)
		case "max_lv":
			vg.MaxLV = d.uint32(f)
		case "max_pv":
			vg.MaxPV = d.uint32(f)
		case "allocation_policy":
			return d.allocation(f, &vg.Allocation)
		case "profile":
			vg.Profile = d.text(f)
		case "metadata_copies":
			vg.MetadataCopies = d.uint32(f)
		case "physical_volumes", "logical_volumes", "historical_logical_volumes":
			if _, twice := sections[f.key]; twice || f.kind != sectionEntry {
				d.failField(f, "one section")
			}
			sections[f.key] = f.entries()
		default:
			return false
		}
		return true
	})
	pvs, ok := sections["physical_volumes"]
	if !ok {
		d.fail("physical_volumes", nil, "a section")
	}
	if d.err != nil {
		return nil
	}
	vg.PVs = d.physicalVolumes(pvs)
	vg.LVs = d.logicalVolumes(sections["logical_volumes"])
	vg.History = d.history(sections["historical_logical_volumes"])
	return vg
}

// formatValue is what the field format of a group says.
const formatValue = "lvm2"

// allocation reads a policy. One that is not known counts as the default, and
// is kept as an extra.
func (d *decoder) allocation(f item, a *Allocation) bool {
	known, err := ParseAllocation(d.text(f))
	*a = known
	return err == nil
}

func (w *recordPrinter) volumeGroup() {
	vg := w.vg
	if vg.Format != formatValue && vg.Format != "" {
		w.fail("format", vg.Format)
	}
	w.record(vg.Name, vg.Extra, func() {
		w.id("id", &vg.ID)
		w.uint("seqno", uint64(vg.Seqno))
		w.begin("format")
		w.quote(formatValue)
		w.end("informational")
		printStatus(&w.printer, vgWords, vg.Status, &vg.Unknown)
		w.tags(vg.Tags)
		w.optional("system_id", vg.SystemID)
		w.optional("lock_type", vg.LockType)
		w.optional("lock_args", vg.LockArgs)
		w.size("extent_size", uint64(vg.ExtentSize), 1)
		w.uint("max_lv", uint64(vg.MaxLV))
		w.uint("max_pv", uint64(vg.MaxPV))
		if vg.Allocation != AllocInherit && vg.Allocation != AllocNormal {
			w.blank(1)
			w.text("allocation_policy", vg.Allocation.String())
		}
		w.optional("profile", vg.Profile)
		w.uint("metadata_copies", uint64(vg.MetadataCopies))
		w.blank(1)
		w.physicalVolumes()
		w.blank(1)
		w.logicalVolumes()
		w.blank(1)
		w.history()
	})
}

func (w *printer) tags(tags []string) {
	if len(tags) != 0 {
		w.texts("tags", tags)
	}
}

// OpaqueTypes returns the types of segments that have no codec here, each once,
// in the order of the logical volumes. A group that has such segments must not be
// changed: nobody knows which extents they hold.
func (vg *VolumeGroup) OpaqueTypes() []string {
	var types []string
	seen := map[string]bool{}
	for _, lv := range vg.LVs {
		for i := range lv.Segments {
			if s := &lv.Segments[i]; s.IsOpaque() && !seen[s.Type] {
				seen[s.Type] = true
				types = append(types, s.Type)
			}
		}
	}
	return types
}
