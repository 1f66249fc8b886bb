package lvm

import (
	"encoding/json"
	"time"
)

// MarshalJSON returns the fields of [VGReport], the list "pvs" of what
// [PhysicalVolume.MarshalJSON] gives, the list "lvs" of what
// [LogicalVolume.MarshalJSON] gives, the list "historical_lvs" of volumes that
// were removed, and the list "problems" of [Problem]s. The names are stable;
// those that lvm2's reports have are theirs. Sizes are numbers of bytes, extents
// are numbers, yes and no are booleans, a list is never null. If volumes are
// active, the kernel is asked about each.
func (v *VolumeGroup) MarshalJSON() ([]byte, error) {
	out := struct {
		VGReport
		PVs      []pvJSON         `json:"pvs"`
		LVs      []LVReport       `json:"lvs"`
		History  []historicalJSON `json:"historical_lvs"`
		Problems []problemJSON    `json:"problems"`
	}{VGReport: v.Report(), PVs: []pvJSON{}, LVs: []LVReport{}, History: []historicalJSON{}, Problems: problemsJSON(v.facts.problems)}
	for pv := range v.PVs() {
		out.PVs = append(out.PVs, pv.json())
	}
	for lv := range v.LVs() {
		if !v.isVolume(lv) {
			continue
		}
		r, err := lv.Report()
		if err != nil {
			return nil, err
		}
		out.LVs = append(out.LVs, r)
	}
	for _, h := range v.rec.History {
		out.History = append(out.History, historicalJSON{
			Name: h.Name, UUID: h.ID, Created: sayable(h.CreationTime), Removed: sayable(h.RemovalTime), Origin: h.Origin, Descendants: list(h.Descendants),
		})
	}
	return json.Marshal(out)
}

// isVolume says whether a record is a volume's: one of type snapshot only ties
// two volumes together.
func (v *VolumeGroup) isVolume(lv *LogicalVolume) bool {
	rel := v.related()
	node := rel.node(lv.rec.ID)
	return node != nil && node.inGroup
}

// MarshalJSON returns the fields of [PVReport] and the list "pv_segments" of
// [PVSegment]s.
func (p *PhysicalVolume) MarshalJSON() ([]byte, error) { return json.Marshal(p.json()) }

// MarshalJSON returns the fields of [PVReport].
func (o OrphanPV) MarshalJSON() ([]byte, error) { return json.Marshal(o.Report()) }

// MarshalJSON returns the fields of [LVReport], those of [LVKernelReport] if the
// volume is active, those of [LVStatusReport] if the kernel says something of it,
// and the list "segments" of [SegmentReport]s. The kernel is asked about an active
// volume.
func (l *LogicalVolume) MarshalJSON() ([]byte, error) {
	r, err := l.Report()
	if err != nil {
		return nil, err
	}
	return json.Marshal(r)
}

// MarshalJSON returns the fields of [SegmentReport].
func (s Segment) MarshalJSON() ([]byte, error) { return json.Marshal(s.Report()) }

// MarshalJSON returns the device, group and text of the problem as "device",
// "vg" and "problem".
func (p Problem) MarshalJSON() ([]byte, error) { return json.Marshal(p.json()) }

// MarshalJSON returns the list "vgs" of what [VolumeGroup.MarshalJSON] gives,
// "orphans" of what [OrphanPV.MarshalJSON] gives, "blank" of the paths of devices
// without a physical volume, and "problems" of [Problem]s.
func (i Inventory) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		VGs      []*VolumeGroup `json:"vgs"`
		Orphans  []OrphanPV     `json:"orphans"`
		Blank    []string       `json:"blank"`
		Problems []problemJSON  `json:"problems"`
	}{append([]*VolumeGroup{}, i.VGs...), append([]OrphanPV{}, i.Orphans...), list(i.Blank), problemsJSON(i.Problems)})
}

type pvJSON struct {
	PVReport
	Segments []PVSegment `json:"pv_segments"`
}

func (p *PhysicalVolume) json() pvJSON {
	return pvJSON{p.Report(), append([]PVSegment{}, p.Segments()...)}
}

type historicalJSON struct {
	Name        string    `json:"lv_name"`
	UUID        ID        `json:"lv_uuid"`
	Created     time.Time `json:"lv_time,omitzero"`
	Removed     time.Time `json:"lv_time_removed,omitzero"`
	Origin      string    `json:"origin,omitempty"`
	Descendants []string  `json:"descendants"`
}

// sayable returns a time, or the zero one for a time past the year 9999, which JSON has no
// word for: it would keep all the rest from being said.
func sayable(t time.Time) time.Time {
	if t.Year() > 9999 {
		return time.Time{}
	}
	return t
}

type problemJSON struct {
	Device  string `json:"device,omitempty"`
	VG      string `json:"vg,omitempty"`
	Problem string `json:"problem"`
}

func (p Problem) json() problemJSON {
	text := ""
	if p.Err != nil {
		text = p.Err.Error()
	}
	return problemJSON{p.Device, p.VG, text}
}

func problemsJSON(problems []Problem) []problemJSON {
	out := make([]problemJSON, len(problems))
	for i, p := range problems {
		out[i] = p.json()
	}
	return out
}
