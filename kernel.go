package lvm

import (
	"sort"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/metadata"
)

// kernel is what this package asks of the device mapper. *dm.Control is one.
type kernel interface {
	Devices(dm.ListOptions) ([]dm.Device, error)
	Create(name, uuid string, o dm.CreateOptions) (dm.Info, error)
	Remove(dm.Ref, dm.RemoveOptions) (dm.Info, error)
	Rename(name, newName string, o dm.RenameOptions) (dm.Info, error)
	Suspend(dm.Ref, dm.SuspendOptions) (dm.Info, error)
	Resume(dm.Ref, dm.ResumeOptions) (dm.Info, error)
	Load(dm.Ref, dm.Table, dm.LoadOptions) (dm.Info, error)
	Clear(dm.Ref) (dm.Info, error)
	Table(dm.Ref, dm.QueryOptions) (dm.Info, dm.Table, error)
	TargetStatus(dm.Ref, dm.QueryOptions) (dm.Info, []dm.StatusLine, error)
	Deps(dm.Ref, dm.QueryOptions) (dm.Info, []dm.Dev, error)
	Message(r dm.Ref, sector Sectors, text string) (reply string, replied bool, err error)
	Close() error
}

// mapped is a device that the kernel has.
type mapped struct {
	dev   dm.Dev
	name  string
	uuid  string
	lv    metadata.ID
	layer string

	// What one look at its table gave; see kernelState.look.
	looked bool
	info   dm.Info
	table  dm.Table
	waits  []dm.Dev // what an inactive table is on
}

// kernelState is the devices of one group that the kernel has.
type kernelState struct {
	kernel kernel
	byUUID map[string]*mapped
	byLV   map[metadata.ID][]*mapped
	byDev  map[dm.Dev]*mapped
}

// kernelState asks the kernel, in one ioctl, for the devices of a group. There
// are none in image mode.
func (s *System) kernelState(vg metadata.ID) (*kernelState, error) {
	k := &kernelState{kernel: s.kernel, byUUID: map[string]*mapped{}, byLV: map[metadata.ID][]*mapped{}, byDev: map[dm.Dev]*mapped{}}
	if s.kernel == nil {
		return k, nil
	}
	list, err := s.kernel.Devices(dm.ListOptions{UUIDPrefix: dmUUIDPrefix + vg.Compact()})
	if err != nil {
		return nil, err
	}
	for _, d := range list {
		owner, lv, layer, ok := parseDMUUID(d.UUID)
		if !ok || owner != vg {
			continue
		}
		if _, _, named, _ := parseDMName(d.Name); named == "" {
			layer = "" // the end of the uuid says only what the volume is a part of
		}
		m := &mapped{dev: d.Dev, name: d.Name, uuid: d.UUID, lv: lv, layer: layer}
		k.byUUID[d.UUID], k.byDev[d.Dev] = m, m
		k.byLV[lv] = append(k.byLV[lv], m)
	}
	return k, nil
}

// look reads the live table and the state of a device, once.
func (k *kernelState) look(m *mapped) error {
	if m.looked {
		return nil
	}
	info, table, err := liveTable(k.kernel, dm.ByDev(m.dev))
	if err != nil {
		return err
	}
	m.looked, m.info, m.table, m.waits = true, info, table, nil
	if info.InactiveTable { // somebody died, or is about to change it
		_, m.waits, err = k.kernel.Deps(dm.ByDev(m.dev), dm.QueryOptions{Inactive: true, NoFlush: true})
	}
	return err
}

// liveTable returns the live table of a device. That of a raid which was loaded during a
// reshape has the layout from before, for as long as the device has it: the state has
// the one that it is told. Source: Linux 6.1 as observed.
func liveTable(k kernel, ref dm.Ref) (dm.Info, dm.Table, error) {
	info, table, err := k.Table(ref, dm.QueryOptions{NoFlush: true})
	if err != nil || len(table) != 1 || !info.LiveTable || info.Suspended {
		return info, table, err
	}
	raid, ok := table[0].Target.(dm.RAID)
	if !ok || raidLevel(SegmentType(raid.Layout)) == "" {
		return info, table, nil
	}
	_, lines, err := k.TargetStatus(ref, dm.QueryOptions{NoFlush: true})
	if err != nil {
		return info, table, err
	}
	if len(lines) == 1 && lines[0].Type == raid.Type() {
		if s, err := dm.ParseRAIDStatus(lines[0].Status); err == nil && raidLevel(SegmentType(s.Layout)) != "" {
			raid.Layout = s.Layout
			table = dm.Table{table[0]}
			table[0].Target = raid
		}
	}
	return info, table, nil
}

// active says whether an LV has the device that users see.
func (k *kernelState) active(lv metadata.ID) bool { return k.top(lv) != nil }

// top returns the device of an LV that users see, nil if it is not active.
func (k *kernelState) top(lv metadata.ID) *mapped { return topDevice(k.byLV[lv]) }

// topDevice returns the device of an LV that users see, nil if there is none.
func topDevice(devices []*mapped) *mapped {
	for _, m := range devices {
		if m.layer == "" {
			return m
		}
	}
	return nil
}

// all returns the devices in the order of their names.
func (k *kernelState) all() []*mapped {
	out := make([]*mapped, 0, len(k.byUUID))
	for _, m := range k.byUUID {
		out = append(out, m)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].name < out[j].name })
	return out
}
