package report

// pvsegFields are those of "Physical Volume Segment Fields".
func pvsegFields() []field {
	return []field{
		{name: "pvseg_start", heading: "Start", about: "Physical Extent number of start of segment.", typ: Number, width: 5, value: func(r *row) value { return number(r.part.Start) }},
		{name: "pvseg_size", heading: "SSize", about: "Number of extents in segment.", typ: Number, width: 5, value: func(r *row) value { return number(r.part.Count) }},
	}
}

// specialFields are those of "Special Fields".
func specialFields() []field {
	return []field{
		{name: "selected", heading: "Selected", about: "Set if item passes selection criteria.", typ: Number, width: 8, value: func(r *row) value { return r.isSelected() }},
	}
}
