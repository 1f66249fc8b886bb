package lvm

import (
	"path/filepath"
	"slices"

	"github.com/lvm-go/lvm/metadata"
)

// deviceFile is the contents of a volume whose device the kernel has.
type deviceFile struct {
	Device
	size Bytes
	h    *handles
}

func (f *deviceFile) length() Bytes     { return f.size }
func (f *deviceFile) devices() *handles { return f.h }
func (*deviceFile) ready() error        { return nil }

// onDevice has a volume that is made of others read from its device, if there is
// one: what is on the disks changes while it is active.
func (v *openVolume) onDevice(lv *metadata.LogicalVolume) error {
	kern, err := v.sys.kernelState(v.key.vg)
	if err != nil {
		return err
	}
	m := kern.top(lv.ID)
	if i := slices.IndexFunc(kern.byLV[lv.ID], func(m *mapped) bool { return m.layer == realLayer }); i >= 0 {
		m = kern.byLV[lv.ID][i]
	}
	if m == nil {
		return v.idle(kern, lv)
	}
	d, err := v.sys.openMapped(m)
	if err != nil {
		return err
	}
	h := v.base.devices()
	v.base = &deviceFile{h.keep(h.read, filepath.Join(v.sys.cfg.DevDir, "mapper", m.name), d), v.base.length(), h}
	return nil
}

// idle returns an error unless all that a volume is made of is inactive.
func (v *openVolume) idle(kern *kernelState, lv *metadata.LogicalVolume) error {
	seen := map[metadata.ID]bool{}
	for queue := []metadata.ID{lv.ID}; len(queue) > 0; queue = queue[1:] {
		part := v.group.find(queue[0])
		if part == nil || seen[part.ID] {
			continue
		}
		seen[part.ID] = true
		if len(kern.byLV[part.ID]) > 0 {
			return fault(ErrNotActive, "lv %s can only be looked at while it is active, since %s is", lv.Name, part.Name)
		}
		queue = append(queue, slices.Concat(lvsBelow(part), usedBy(part))...)
	}
	return nil
}
