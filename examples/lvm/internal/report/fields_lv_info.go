package report

import "github.com/lvm-go/lvm"

// lvInfoFields are those of "Logical Volume Device Info Fields".
func lvInfoFields() []field {
	return []field{
		{name: "lv_kernel_major", heading: "KMaj", about: "Currently assigned major number or -1 if LV is not active.", typ: Number, width: 4, value: func(r *row) value { return r.deviceNumber(func(k *lvm.LVKernelReport) uint32 { return k.Major }) }},
		{name: "lv_kernel_minor", heading: "KMin", about: "Currently assigned minor number or -1 if LV is not active.", typ: Number, width: 4, value: func(r *row) value { return r.deviceNumber(func(k *lvm.LVKernelReport) uint32 { return k.Minor }) }},
		{name: "lv_kernel_read_ahead", heading: "KRahead", about: "Currently-in-use read ahead setting in current units.", typ: Size, width: 7, value: func(r *row) value { return r.kernelReadAhead() }},
		{name: "lv_permissions", heading: "LPerms", about: "LV permissions.", typ: String, width: 8, value: func(r *row) value { return text(r.lv.Permissions) }},
		{name: "lv_suspended", heading: "Suspended", about: "Set if LV is suspended.", typ: Number, width: 10, value: func(r *row) value {
			return r.deviceFlag(func(k *lvm.LVKernelReport) bool { return k.Suspended }, "suspended")
		}},
		{name: "lv_live_table", heading: "LiveTable", about: "Set if LV has live table present.", typ: Number, width: 20, value: func(r *row) value {
			return r.deviceFlag(func(k *lvm.LVKernelReport) bool { return k.LiveTable }, "live table present")
		}},
		{name: "lv_inactive_table", heading: "InactiveTable", about: "Set if LV has inactive table present.", typ: Number, width: 20, value: func(r *row) value {
			return r.deviceFlag(func(k *lvm.LVKernelReport) bool { return k.InactiveTable }, "inactive table present")
		}},
		{name: "lv_device_open", heading: "DevOpen", about: "Set if LV device is open.", typ: Number, width: 10, value: func(r *row) value { return r.deviceFlag(func(k *lvm.LVKernelReport) bool { return k.Open }, "open") }},
	}
}

// lvBothFields are those of "Logical Volume Device Info and Status Combined Fields".
func lvBothFields() []field {
	return []field{
		{name: "lv_attr", heading: "Attr", about: "Various attributes - see man page.", typ: String, width: 4, value: func(r *row) value { return text(r.lv.Attr) }},
	}
}
