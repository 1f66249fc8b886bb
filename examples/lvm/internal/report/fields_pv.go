package report

// labelFields are those of "Physical Volume Label Fields".
func labelFields() []field {
	return []field{
		{name: "pv_fmt", heading: "Fmt", about: "Type of metadata.", typ: String, width: 3, value: func(r *row) value { return text(r.pv.Format) }},
		{name: "pv_uuid", heading: "PV UUID", about: "Unique identifier.", typ: String, width: 38, value: func(r *row) value { return id(r.pv.UUID) }},
		{name: "dev_size", heading: "DevSize", about: "Size of underlying device in current units.", typ: Size, width: 7, value: func(r *row) value { return r.size(r.pv.DeviceSize) }},
		{name: "pv_name", heading: "PV", about: "Name.", typ: String, width: 10, value: func(r *row) value { return text(r.pv.name()) }},
		{name: "pv_major", heading: "Maj", about: "Device major number.", typ: String, width: 3, value: func(r *row) value { return text(r.pv.number(r.pv.Major)) }},
		{name: "pv_minor", heading: "Min", about: "Device minor number.", typ: String, width: 3, value: func(r *row) value { return text(r.pv.number(r.pv.Minor)) }},
		{name: "pv_mda_free", heading: "PMdaFree", about: "Free metadata area space on this device in current units.", typ: Size, width: 9, value: func(r *row) value { return r.size(r.pv.MetadataFree) }},
		{name: "pv_mda_size", heading: "PMdaSize", about: "Size of smallest metadata area on this device in current units.", typ: Size, width: 9, value: func(r *row) value { return r.size(r.pv.MetadataSize) }},
		{name: "pv_ext_vsn", heading: "PExtVsn", about: "PV header extension version.", typ: Number, width: 7, value: func(r *row) value { return r.pv.version() }},
	}
}

// pvFields are those of "Physical Volume Fields".
func pvFields() []field {
	return []field{
		{name: "pe_start", heading: "1st PE", about: "Offset to the start of data on the underlying device.", typ: Number, width: 7, value: func(r *row) value { return r.size(r.pv.Start) }},
		{name: "pv_size", heading: "PSize", about: "Size of PV in current units.", typ: Size, width: 5, value: func(r *row) value { return r.size(r.pv.Size) }},
		{name: "pv_free", heading: "PFree", about: "Total amount of unallocated space in current units.", typ: Size, width: 5, value: func(r *row) value { return r.size(r.pv.Free) }},
		{name: "pv_used", heading: "Used", about: "Total amount of allocated space in current units.", typ: Size, width: 4, value: func(r *row) value { return r.size(r.pv.Used) }},
		{name: "pv_attr", heading: "Attr", about: "Various attributes - see man page.", typ: String, width: 4, value: func(r *row) value { return text(r.pv.Attr) }},
		{name: "pv_allocatable", heading: "Allocatable", about: "Set if this device can be used for allocation.", typ: Number, width: 11, value: func(r *row) value { return r.flag(r.pv.Allocatable, "allocatable") }},
		{name: "pv_exported", heading: "Exported", about: "Set if this device is exported.", typ: Number, width: 10, value: func(r *row) value { return r.flag(r.pv.Exported, "exported") }},
		{name: "pv_missing", heading: "Missing", about: "Set if this device is missing in system.", typ: Number, width: 10, value: func(r *row) value { return r.flag(r.pv.Missing, "missing") }},
		{name: "pv_pe_count", heading: "PE", about: "Total number of Physical Extents.", typ: Number, width: 3, value: func(r *row) value { return number(r.pv.ExtentCount) }},
		{name: "pv_pe_alloc_count", heading: "Alloc", about: "Total number of allocated Physical Extents.", typ: Number, width: 5, value: func(r *row) value { return number(r.pv.AllocatedCount) }},
		{name: "pv_tags", heading: "PV Tags", about: "Tags, if any.", typ: StringList, width: 7, value: func(r *row) value { return r.tags(r.pv.Tags) }},
		{name: "pv_mda_count", heading: "#PMda", about: "Number of metadata areas on this device.", typ: Number, width: 5, value: func(r *row) value { return number(r.pv.MetadataAreas) }},
		{name: "pv_mda_used_count", heading: "#PMdaUse", about: "Number of metadata areas in use on this device.", typ: Number, width: 8, value: func(r *row) value { return number(r.pv.MetadataAreasInUse) }},
		{name: "pv_ba_start", heading: "BA Start", about: "Offset to the start of PV Bootloader Area on the underlying device in current units.", typ: Size, width: 8, value: func(r *row) value { return r.size(r.pv.BootloaderStart) }},
		{name: "pv_ba_size", heading: "BA Size", about: "Size of PV Bootloader Area in current units.", typ: Size, width: 7, value: func(r *row) value { return r.size(r.pv.BootloaderSize) }},
		{name: "pv_in_use", heading: "PInUse", about: "Set if PV is used.", typ: Number, width: 6, value: func(r *row) value { return r.flag(r.pv.InUse, "used") }},
		{name: "pv_duplicate", heading: "Duplicate", about: "Set if PV is an unchosen duplicate.", typ: Number, width: 9, value: func(r *row) value { return r.flag(false, "duplicate") }},
		{name: "pv_device_id", heading: "DeviceID", about: "Device ID such as the WWID.", typ: String, width: 8, value: func(r *row) value { return text(r.pv.DeviceID) }},
		{name: "pv_device_id_type", heading: "DeviceIDType", about: "Type of device ID such as WWID.", typ: String, width: 12, value: func(r *row) value { return text(r.pv.DeviceIDType) }},
	}
}
