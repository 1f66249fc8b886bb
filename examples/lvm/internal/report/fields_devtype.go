package report

// devtypeFields are those of "Device Types Fields".
func devtypeFields() []field {
	return []field{
		{name: "devtype_name", heading: "DevType", about: "Name of Device Type exactly as it appears in /proc/devices.", typ: String, width: 7, value: func(r *row) value { return text(r.devtype.Name) }},
		{name: "devtype_max_partitions", heading: "MaxParts", about: "Maximum number of partitions. (How many device minor numbers get reserved for each device.)", typ: Number, width: 8, value: func(r *row) value { return number(r.devtype.Minors) }},
		{name: "devtype_description", heading: "Description", about: "Description of Device Type.", typ: String, width: 11, value: func(r *row) value { return text(r.devtype.Description) }},
	}
}
