package report

// Kind is what the rows of a report are.
type Kind uint8

// Kinds of reports.
const (
	VGs Kind = iota
	PVs
	LVs
	Segments
	PVSegments
	DevTypes
)

// labels are the rows of a report of PVs about nothing but their labels, of which
// a missing one has none.
const labels = DevTypes + 1

// Name returns the name of the report in JSON, and of --configreport.
func (k Kind) Name() string { return [...]string{"vg", "pv", "lv", "seg", "pvseg", "devtype"}[k] }

// ParseKind returns the kind that --configreport names.
func ParseKind(name string) (Kind, bool) {
	for k := VGs; k <= PVSegments; k++ {
		if k.Name() == name {
			return k, true
		}
	}
	return 0, false
}

// prefix is what names of fields may leave out.
func (k Kind) prefix() string { return k.Name() + "_" }

// own returns the sections that a report of the kind is of from the start.
func (k Kind) own() section {
	return [...]section{vgSection, labelSection, anyLV, segSection, pvsegSection, devtypeSection}[k]
}

// all returns the sections that a report of the kind has all fields of if that is
// asked for.
func (k Kind) all() section {
	if k == PVs {
		return anyPV
	}
	return k.own()
}

// rows returns what the rows are if the fields are of these sections, as well as
// the kind's own.
func (k Kind) rows(fields section) (Kind, error) {
	if k == DevTypes {
		return k, nil
	}
	fields |= k.own()
	if k == VGs && fields&(anyPV|pvsegSection) != 0 && fields&(anyLV|segSection) != 0 {
		return 0, errMixed(k)
	}
	if k == LVs && fields&(anyPV|pvsegSection) != 0 || k == Segments && fields&(anyPV|pvsegSection) != 0 {
		return 0, errMixed(k)
	}
	switch {
	case fields&pvsegSection != 0, fields&anyPV != 0 && fields&(anyLV|segSection) != 0:
		return PVSegments, nil
	case fields&pvSection != 0, fields&labelSection != 0 && fields&vgSection != 0:
		return PVs, nil
	case fields&labelSection != 0:
		return labels, nil
	case fields&segSection != 0:
		return Segments, nil
	case fields&anyLV != 0:
		return LVs, nil
	}
	return VGs, nil
}

// defaults returns the columns and sort keys of lvm2's defaults.
func (k Kind) defaults(verbose bool) (columns, sort string) {
	switch k {
	case VGs:
		columns, sort = "vg_name,pv_count,lv_count,snap_count,vg_attr,vg_size,vg_free", "vg_name"
		if verbose {
			columns = "vg_name,vg_attr,vg_extent_size,pv_count,lv_count,snap_count,vg_size,vg_free,vg_uuid,vg_profile"
		}
	case PVs:
		columns, sort = "pv_name,vg_name,pv_fmt,pv_attr,pv_size,pv_free", "pv_name"
		if verbose {
			columns += ",dev_size,pv_uuid"
		}
	case LVs:
		columns, sort = "lv_name,vg_name,lv_attr,lv_size,pool_lv,origin,data_percent,metadata_percent,move_pv,mirror_log,copy_percent,convert_lv", "vg_name,lv_name"
		if verbose {
			columns = "lv_name,vg_name,seg_count,lv_attr,lv_size,lv_major,lv_minor,lv_kernel_major,lv_kernel_minor,pool_lv,origin,data_percent,metadata_percent,move_pv,copy_percent,mirror_log,convert_lv,lv_uuid,lv_profile"
		}
	case Segments:
		columns, sort = "lv_name,vg_name,lv_attr,stripes,segtype,seg_size", "vg_name,lv_name,seg_start"
		if verbose {
			columns = "lv_name,vg_name,lv_attr,seg_start,seg_size,stripes,segtype,stripesize,chunksize"
		}
	case PVSegments:
		columns, sort = "pv_name,vg_name,pv_fmt,pv_attr,pv_size,pv_free,pvseg_start,pvseg_size", "pv_name,pvseg_start"
		if verbose {
			columns += ",lv_name,seg_start_pe,segtype,seg_pe_ranges"
		}
	case DevTypes:
		columns, sort = "devtype_name,devtype_max_partitions,devtype_description", "devtype_name"
	}
	return columns, sort
}

// Settings returns the names of the settings of lvm.conf that have the columns and
// sort keys of a report of the kind: in fullreport, or by itself and with -v or
// without.
func (k Kind) Settings(full, verbose bool) (columns, sort string) {
	name := "report/" + [...]string{"vgs", "pvs", "lvs", "segs", "pvsegs", "devtypes"}[k]
	switch {
	case full:
		return name + "_cols_full", name + "_sort_full"
	case verbose:
		return name + "_cols_verbose", name + "_sort"
	}
	return name + "_cols", name + "_sort"
}

// fullDefaults returns the columns and sort keys of fullreport.
func (k Kind) fullDefaults() (columns, sort string) {
	switch k {
	case VGs:
		return "vg_all", "vg_name"
	case PVs:
		return "pv_all", "pv_name"
	case LVs:
		return "lv_all", "vg_name,lv_name"
	case Segments:
		return "seg_all,lv_uuid", "lv_uuid,seg_start"
	}
	return "pvseg_all,pv_uuid,lv_uuid", "pv_uuid,pvseg_start"
}
