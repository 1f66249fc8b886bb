package metadata

import "slices"

// Clone returns a copy that shares nothing that may change with vg. Segment
// bodies and extras, which never change, are shared.
func (vg *VolumeGroup) Clone() *VolumeGroup {
	c := *vg
	c.Unknown = vg.Unknown.clone()
	c.Tags = slices.Clone(vg.Tags)
	c.Extra = slices.Clone(vg.Extra)
	c.PVs = cloneAll(vg.PVs, (*PhysicalVolume).cloneTo)
	c.LVs = cloneAll(vg.LVs, (*LogicalVolume).cloneTo)
	c.History = cloneAll(vg.History, (*HistoricalLV).cloneTo)
	return &c
}

// Clone returns a copy that shares nothing that may change with pv.
func (pv *PhysicalVolume) Clone() *PhysicalVolume {
	c := &PhysicalVolume{}
	pv.cloneTo(c)
	return c
}

// Clone returns a copy that shares nothing that may change with lv.
func (lv *LogicalVolume) Clone() *LogicalVolume {
	c := &LogicalVolume{}
	lv.cloneTo(c)
	return c
}

// Clone returns a copy that shares nothing that may change with s.
func (s Segment) Clone() Segment {
	s.Tags = slices.Clone(s.Tags)
	s.Extra = slices.Clone(s.Extra)
	return s
}

func (pv *PhysicalVolume) cloneTo(c *PhysicalVolume) {
	*c = *pv
	c.Unknown = pv.Unknown.clone()
	c.Tags = slices.Clone(pv.Tags)
	c.Extra = slices.Clone(pv.Extra)
}

func (lv *LogicalVolume) cloneTo(c *LogicalVolume) {
	*c = *lv
	c.Unknown = lv.Unknown.clone()
	c.Tags = slices.Clone(lv.Tags)
	c.Extra = slices.Clone(lv.Extra)
	c.Segments = slices.Clone(lv.Segments)
	for i := range c.Segments {
		c.Segments[i] = c.Segments[i].Clone()
	}
}

func (h *HistoricalLV) cloneTo(c *HistoricalLV) {
	*c = *h
	c.Descendants = slices.Clone(h.Descendants)
	c.Extra = slices.Clone(h.Extra)
}

func (u UnknownFlags) clone() UnknownFlags {
	return UnknownFlags{slices.Clone(u.Status), slices.Clone(u.Flags)}
}

// cloneAll copies a list into one allocation.
func cloneAll[T any](list []*T, cloneTo func(from, to *T)) []*T {
	if list == nil {
		return nil
	}
	copies := make([]T, len(list))
	out := make([]*T, len(list))
	for i := range list {
		cloneTo(list[i], &copies[i])
		out[i] = &copies[i]
	}
	return out
}
