package lvm

import (
	"fmt"
	"strings"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/metadata"
)

// missingLayer begins the layer of a device that gives errors where an area's
// physical volume is missing. Behind it come the numbers of segment and area.
// Source: lvm2 as observed.
const missingLayer = "missing_"

// standIns is how areas on missing physical volumes are rendered.
type standIns struct {
	kern    *kernelState
	replace bool // also where the LV's device still has the area
}

// missingArea returns what stands in for area number i of seg, a segment of the
// LV being rendered. In a device that has a table it is what is there now: it may
// still work, or be an error already. Otherwise it is a device of errors.
func (r *renderer) missingArea(seg *metadata.Segment, i int) (string, Sectors, error) {
	lv := r.at.lv
	layer := fmt.Sprintf("%s%d_%d", missingLayer, r.at.segment, i)
	uuid := dmUUID(r.vg.ID, lv.ID, layer)
	device, offset, has, err := r.liveArea(seg, i)
	if err != nil {
		return "", 0, err
	}
	if helper := r.standIns.kern.byUUID[uuid]; has && !r.standIns.replace && (helper == nil || device != helper.dev.String()) {
		return device, offset, nil
	}
	name, err := dmName(r.vg.Name, lv.Name, layer)
	if err != nil {
		return "", 0, err
	}
	length, ok := seg.Count.Sectors(r.vg.ExtentSize) // longer than a stripe's, as lvm2 makes it
	if !ok {
		return "", 0, fault(ErrInvalidSize, "lv %s is too large", lv.Name)
	}
	r.nodes = append(r.nodes, node{
		lv: lv.ID, name: name, uuid: uuid, layer: layer, early: r.deep > 0,
		table: dm.Table{{Length: length, Target: dm.ErrorTarget{}}},
	})
	return uuid, 0, nil
}

// liveArea returns the place that the LV's device has an area at, if it has a
// table with such a segment.
func (r *renderer) liveArea(seg *metadata.Segment, i int) (device string, offset Sectors, has bool, err error) {
	m := r.standIns.kern.byUUID[r.uuid(r.at.lv.ID, r.at.layer)]
	if m == nil {
		return "", 0, false, nil
	}
	if err := r.standIns.kern.look(m); err != nil {
		return "", 0, false, err
	}
	start, ok1 := seg.Start.Sectors(r.vg.ExtentSize)
	length, ok2 := seg.Count.Sectors(r.vg.ExtentSize)
	if !ok1 || !ok2 || !m.info.LiveTable {
		return "", 0, false, nil
	}
	areas := len(seg.Body.Areas())
	for _, line := range m.table {
		if line.Start != start || line.Length != length {
			continue
		}
		switch t := line.Target.(type) {
		case dm.Linear:
			if areas == 1 {
				return t.Device, t.Offset, true, nil
			}
		case dm.Striped:
			if areas == len(t.Stripes) && areas > 1 {
				return t.Stripes[i].Device, t.Stripes[i].Offset, true, nil
			}
		}
	}
	return "", 0, false, nil
}

// isStandIn says whether a device gives errors for a missing physical volume.
func (m *mapped) isStandIn() bool { return strings.HasPrefix(m.layer, missingLayer) }

// symbolic returns a table as it is rendered, with the group's devices by UUID
// instead of a number that may change.
func (tx *Tx) symbolic(t dm.Table) dm.Table {
	out, _ := t.MapDevices(func(device string) (string, error) {
		if dev, err := dm.ParseDev(device); err == nil && tx.kern.byDev[dev] != nil {
			return tx.kern.byDev[dev].uuid, nil
		}
		return device, nil
	})
	return out
}
