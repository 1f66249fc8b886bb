package metadata

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/lvm-go/lvm/internal/index"
	"github.com/lvm-go/lvm/units"
)

// Extents returns the length of the logical volume: the sum of its segments'.
// A sum that does not fit is given as the largest number there is.
func (lv *LogicalVolume) Extents() units.Extents {
	var sum units.Extents
	for i := range lv.Segments {
		if sum += lv.Segments[i].Count; sum < lv.Segments[i].Count {
			return math.MaxUint64
		}
	}
	return sum
}

// body returns that of the first segment, nil if there is none.
func (lv *LogicalVolume) body() Body {
	if len(lv.Segments) == 0 {
		return nil
	}
	return lv.Segments[0].Body
}

// IsOpaque reports whether the logical volume has a segment whose type has no
// codec here.
func (lv *LogicalVolume) IsOpaque() bool {
	return slices.ContainsFunc(lv.Segments, func(s Segment) bool { return s.IsOpaque() })
}

func (d *decoder) logicalVolumes(l list) []*LogicalVolume {
	d.kind, d.name = "vg", "logical_volumes"
	count := 0
	d.sections("logical_volumes", l, func(item) { count++ })
	entries := make([]list, 0, count)
	names := make([]string, 0, count)
	d.sections("logical_volumes", l, func(e item) {
		names = append(names, e.key)
		entries = append(entries, e.entries())
	})
	if d.err != nil || len(names) == 0 {
		return nil
	}
	records := make([]LogicalVolume, len(names))
	lvs := make([]*LogicalVolume, len(names))
	d.lvs = lvs
	d.lvNames = index.New(len(lvs), func(i int) string { return lvs[i].Name })
	ids := index.New(len(lvs), func(i int) ID { return lvs[i].ID })
	// A segment may refer to any LV, so first all are to be known.
	d.kind = "lv"
	for i, name := range names {
		d.name = name
		lv := &records[i]
		lvs[i] = lv
		lv.Name = name
		lv.ID = d.ownID(entries[i])
		if !d.lvNames.Add(i) {
			d.fail("name", name, "unique")
		}
		if !ids.Add(i) {
			d.fail("id", lv.ID.String(), "unique")
		}
		if d.err != nil {
			return nil
		}
	}
	for i, name := range names {
		d.name = name
		if d.logicalVolume(entries[i], lvs[i]); d.err != nil {
			return nil
		}
	}
	return lvs
}

// ownID returns the id of the object with these entries.
func (d *decoder) ownID(l list) ID {
	i := d.find(l, "id")
	if i < 0 {
		d.fail("id", nil, "a value")
		return ID{}
	}
	return d.id(d.item(i))
}

func (d *decoder) logicalVolume(entries list, lv *LogicalVolume) {
	sections := 0
	for i := entries.from; i < entries.to; i = int(d.nodes[i].next) {
		if d.nodes[i].kind == sectionEntry {
			sections++
		}
	}
	if sections == 0 {
		d.fail("segments", 0, "one or more")
		return
	}
	d.require(entries, "status", "segment_count")
	if d.has(entries, "creation_time") != d.has(entries, "creation_host") {
		d.fail("creation_time, creation_host", "one", "both or none")
	}
	lv.Segments = make([]Segment, 0, sections)
	lv.Extra = d.fields(entries, func(f item) bool {
		if f.kind == sectionEntry {
			return true
		}
		switch f.key {
		case "id":
		case "status":
			decodeStatus(d, f, lvWords, &lv.Status, &lv.Unknown)
		case "flags":
			decodeFlags(d, f, lvWords, &lv.Status, &lv.Unknown)
		case "tags":
			lv.Tags = d.texts(f)
		case "creation_time":
			lv.CreationTime = d.time(f)
		case "creation_host":
			lv.CreationHost = d.text(f)
		case "lock_args":
			lv.LockArgs = d.text(f)
		case "allocation_policy":
			return d.allocation(f, &lv.Allocation)
		case "profile":
			lv.Profile = d.text(f)
		case "read_ahead":
			lv.ReadAhead = ReadAhead(d.int(f, int64(ReadAheadNone), maxUint32))
		case "major":
			lv.Major, lv.HasMajor = int32(d.int(f, math.MinInt32, math.MaxInt32)), true
		case "minor":
			lv.Minor, lv.HasMinor = int32(d.int(f, math.MinInt32, math.MaxInt32)), true
		case "segment_count":
			if n := d.uint32(f); uint64(n) != uint64(sections) {
				d.failField(f, sections)
			}
		default:
			return false
		}
		return true
	})
	// What a segment is may depend on the status.
	d.moves = lv.Status&LVPvmove != 0
	for i := entries.from; i < entries.to && d.err == nil; i = int(d.nodes[i].next) {
		if d.nodes[i].kind == sectionEntry {
			lv.Segments = append(lv.Segments, d.segmentOf(d.item(i)))
		}
	}
	slices.SortStableFunc(lv.Segments, func(a, b Segment) int { return cmp.Compare(a.Start, b.Start) })
}

// logicalVolumes writes the LVs that people see, and then the others.
func (w *recordPrinter) logicalVolumes() {
	vg := w.vg
	if len(vg.LVs) == 0 {
		return
	}
	visible := vg.visible()
	w.record("logical_volumes", nil, func() {
		for _, pass := range [...]bool{true, false} {
			for i, lv := range vg.LVs {
				if visible[i] == pass {
					w.blank(1)
					w.logicalVolume(lv)
					w.flush()
				}
			}
		}
	})
}

// visible tells of each LV whether people see it. Of a snapshot, that is not the
// LV with the status: it is the COW store, under its own name, if they see the
// origin and it is not being merged. An origin without extents is never seen.
func (vg *VolumeGroup) visible() []bool {
	visible := make([]bool, len(vg.LVs))
	var snapshots []*Snapshot
	for i, lv := range vg.LVs {
		visible[i] = lv.Status&LVVisible != 0
		if s := lv.snapshot(); s != nil {
			visible[i] = false
			snapshots = append(snapshots, s)
		}
	}
	if len(snapshots) == 0 {
		return visible
	}
	number := make(map[ID]int, len(vg.LVs))
	for i, lv := range vg.LVs {
		number[lv.ID] = i
	}
	for _, s := range snapshots {
		cow, hasCOW := number[s.COW]
		origin, hasOrigin := number[s.Origin]
		if hasCOW && hasOrigin {
			virtual := strings.HasSuffix(vg.LVs[origin].Name, "_vorigin")
			visible[cow] = !s.Merging && (virtual || vg.LVs[origin].Status&LVVisible != 0)
		}
	}
	return visible
}

func (w *recordPrinter) logicalVolume(lv *LogicalVolume) {
	w.moves = lv.Status&LVPvmove != 0
	w.record(lv.Name, lv.Extra, func() {
		w.id("id", &lv.ID)
		printStatus(&w.printer, lvWords, lv.Status, &lv.Unknown)
		w.tags(lv.Tags)
		switch {
		case !lv.CreationTime.IsZero():
			w.date("creation_time", lv.CreationTime)
			w.text("creation_host", lv.CreationHost)
		case lv.CreationHost != "":
			w.fail("creation_host", lv.CreationHost) // LVM2 does not read the one without the other
		}
		w.optional("lock_args", lv.LockArgs)
		if lv.Allocation != AllocInherit {
			w.text("allocation_policy", lv.Allocation.String())
		}
		w.optional("profile", lv.Profile)
		w.readAhead(lv.ReadAhead)
		if lv.HasMajor {
			w.int("major", int64(lv.Major), "")
		}
		if lv.HasMinor {
			w.int("minor", int64(lv.Minor), "")
		}
		w.uint("segment_count", uint64(len(lv.Segments)))
		w.blank(1)
		for i := range lv.Segments {
			w.segment("segment"+strconv.Itoa(i+1), &lv.Segments[i])
		}
	})
}

func (w *recordPrinter) readAhead(r ReadAhead) {
	switch r {
	case ReadAheadAuto:
	case ReadAheadNone:
		w.int("read_ahead", int64(r), "None")
	default:
		w.int("read_ahead", int64(r), "")
	}
}
