package lvm

import (
	"errors"
	"slices"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/metadata"
)

// KernelDevice is what the kernel knew of a logical volume's device when it was
// asked.
type KernelDevice struct {
	// Name is that of the mapped device, which is not always the volume's: a
	// used thin pool's ends with -tpool.
	Name         string
	Major, Minor uint32
	OpenCount    int
	ReadOnly     bool
	Suspended    bool
	// LiveTable and InactiveTable say which of the two tables there are.
	LiveTable, InactiveTable bool
	// ReadAhead is how far the kernel reads ahead.
	ReadAhead Bytes
	// Status is what the targets of the live table say of themselves.
	Status []dm.StatusLine
}

// Kernel asks the kernel for the volume's device, in one ioctl. It returns nil
// if the volume is not active, as in image mode, and an error if the kernel
// cannot be asked.
func (l *LogicalVolume) Kernel() (*KernelDevice, error) { return l.ask(l.device()) }

// ask asks the kernel for one of the volume's devices.
func (l *LogicalVolume) ask(m *mapped) (*KernelDevice, error) {
	if m == nil {
		return nil, nil
	}
	info, status, err := l.vg.sys.kernel.TargetStatus(dm.ByUUID(m.uuid), dm.QueryOptions{NoFlush: true})
	if errors.Is(err, dm.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, &OpError{Op: "ask for device", VG: l.vg.rec.Name, LV: l.rec.Name, Err: err}
	}
	ahead, _ := l.vg.sys.host.readAhead(info.Dev.String()).Bytes()
	return &KernelDevice{
		Name: info.Name, Major: info.Dev.Major(), Minor: info.Dev.Minor(), OpenCount: int(info.OpenCount), ReadOnly: info.ReadOnly,
		Suspended: info.Suspended, LiveTable: info.LiveTable, InactiveTable: info.InactiveTable, ReadAhead: ahead, Status: status,
	}, nil
}

// device returns the mapped device that stands for the volume, nil if there is
// none.
//
// Source: UUIDs of devices as recorded in testdata/corpus.
func (l *LogicalVolume) device() *mapped { return l.vg.device(l.rec) }

func (v *VolumeGroup) device(lv *metadata.LogicalVolume) *mapped {
	var kind string
	if len(lv.Segments) > 0 {
		kind = lv.Segments[0].BaseType()
	}
	switch own := v.layer(lv, ""); kind {
	case "thin-pool":
		// A pool that has volumes is a layer under them, and active by itself if it
		// has a device of its own too.
		if pool := v.layer(lv, thinPoolLayer); pool != nil && own != nil {
			return pool
		}
		return own
	case "vdo-pool":
		return v.layer(lv, "vpool")
	default:
		return own
	}
}

// layer returns the volume's device of a layer, nil if it has none.
func (v *VolumeGroup) layer(lv *metadata.LogicalVolume, layer string) *mapped {
	devices := v.devices[lv.ID]
	if i := slices.IndexFunc(devices, func(m *mapped) bool { return m.layer == layer }); i >= 0 {
		return devices[i]
	}
	return nil
}
