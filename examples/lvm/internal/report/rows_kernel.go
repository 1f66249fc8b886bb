package report

import "github.com/lvm-go/lvm"

// autoReadAhead is how lvm2 sorts and selects what is left to the kernel.
const autoReadAhead = ^lvm.Bytes(0)

func (r *row) readAhead() value {
	if r.lv.ReadAhead < 0 {
		return value{text: "auto", bytes: autoReadAhead}
	}
	return r.size(lvm.Bytes(r.lv.ReadAhead))
}

func (r *row) kernelReadAhead() value {
	if r.lv.LVKernelReport == nil {
		return value{text: "-1", bytes: ^lvm.Bytes(0)}
	}
	return r.size(r.lv.LVKernelReport.ReadAhead)
}

func (r *row) deviceNumber(of func(*lvm.LVKernelReport) uint32) value {
	if r.lv.LVKernelReport == nil {
		return missing("-1")
	}
	return number(of(r.lv.LVKernelReport))
}

func (r *row) deviceFlag(of func(*lvm.LVKernelReport) bool, word string) value {
	if r.lv.LVKernelReport == nil {
		return r.flagOf(nil, word)
	}
	return r.flag(of(r.lv.LVKernelReport), word)
}

// blockSize is -1 of what has none.
func blockSize(b lvm.Bytes) value {
	if b == 0 {
		return missing("-1")
	}
	return number(b)
}

func (lv *lvRow) cache() *lvm.CacheStatusReport { return lv.status().CacheStatusReport }

func (lv *lvRow) cacheSettings() []string {
	if c := lv.cache(); c != nil {
		return c.KernelCacheSettings
	}
	return nil
}

func (lv *lvRow) cachePolicy() string {
	if c := lv.cache(); c != nil {
		return c.KernelCachePolicy
	}
	return ""
}

func cacheNumber[N int | uint64](r *row, of func(*lvm.CacheStatusReport) N) value {
	if c := r.lv.cache(); c != nil {
		return number(of(c))
	}
	return missing("")
}

func writecacheNumber[N int | uint64](r *row, of func(*lvm.WritecacheStatusReport) N) value {
	if c := r.lv.status().WritecacheStatusReport; c != nil {
		return number(of(c))
	}
	return missing("")
}

func vdoNumber[N uint32 | lvm.Bytes](r *row, of func(*lvm.VDOReport) N) value {
	if r.seg.VDOReport == nil {
		return missing("")
	}
	return number(of(r.seg.VDOReport))
}

func (r *row) vdoSize(of func(*lvm.VDOReport) lvm.Bytes) value {
	if r.seg.VDOReport == nil {
		return value{}
	}
	return r.size(of(r.seg.VDOReport))
}

func (r *row) vdoFlag(of func(*lvm.VDOReport) bool) value {
	if r.seg.VDOReport == nil {
		return missing("")
	}
	return r.flag(of(r.seg.VDOReport), "enabled")
}

func (r *row) vdoPolicy() value {
	if r.seg.VDOReport == nil {
		return text("")
	}
	return text(r.seg.WritePolicy)
}

// parityChunks is of free extents what lvm2 makes of a segment type that has no
// stripes at all.
func (r *row) parityChunks() value {
	if r.seg.Type == "free" {
		return number(^uint32(0))
	}
	return some(r.seg.ParityChunks)
}
