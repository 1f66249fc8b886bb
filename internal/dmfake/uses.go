package dmfake

import (
	"slices"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/units"
)

// Use is a range of a disk that a mapped device reaches through its live table,
// and through those of the devices beneath it.
type Use struct {
	Name, UUID string // of the device
	// Through is the device whose table names the disk; of a snapshot its origin's
	// or its COW store's.
	Through string
	// Waiting says that one of the devices on the way is suspended, so that no I/O
	// gets through.
	Waiting bool
	// Copying says that it is in a mirror or array that is not in sync, which the
	// kernel writes by itself.
	Copying bool
	Disk    dm.Dev
	Start   units.Sectors
	Length  units.Sectors
}

// Uses returns what all devices reach, in the order of their names. Of a mirror
// these are all legs, of a snapshot its part of the origin and the whole COW
// store, of stripes and arrays whole rows, of a thin volume its whole pool,
// of a cached one the whole cache. What an origin writes to the COW stores of its
// snapshots is not among it.
func (k *Kernel) Uses() []Use {
	k.mu.Lock()
	defer k.mu.Unlock()
	var uses []Use
	for _, d := range k.sorted() {
		use := Use{Name: d.name, UUID: d.uuid, Disk: d.dev, Length: k.size(d.dev)}
		k.reach(use, 0, func(u Use) {
			if !slices.Contains(uses, u) {
				uses = append(uses, u)
			}
		})
	}
	return uses
}

// maxDepth is more than the kernel allows.
const maxDepth = 64

// reach follows a range of a device down to the disks.
func (k *Kernel) reach(use Use, depth int, yield func(Use)) {
	if use.Disk.Major() != Major {
		yield(use)
		return
	}
	d := k.byDev(use.Disk)
	if d == nil || d.live == nil || depth > maxDepth {
		return
	}
	use.Through, use.Waiting = d.name, use.Waiting || d.suspended
	end := use.Start + use.Length
	for i, l := range d.live.lines {
		from, to := max(use.Start, l.Start), min(end, l.Start+l.Length)
		if from >= to {
			continue
		}
		below := func(device string, start, length units.Sectors) {
			dev, err := dm.ParseDev(device)
			if err != nil {
				return
			}
			next := use
			switch s := d.live.state[i].(type) {
			case *mirror:
				next.Copying = next.Copying || slices.Contains(s.synced, false)
			case *array:
				next.Copying = next.Copying || s.action() != "idle"
			}
			next.Disk, next.Start, next.Length = dev, start, length
			k.reach(next, depth+1, yield)
		}
		whole := func(device string) {
			dev, _ := dm.ParseDev(device)
			below(device, 0, k.knownSize(dev))
		}
		within, length := from-l.Start, to-from
		switch t := l.Target.(type) {
		case dm.Linear:
			below(t.Device, t.Offset+within, length)
		case dm.Striped:
			row := t.ChunkSize * units.Sectors(len(t.Stripes))
			first, last := within/row, (within+length-1)/row
			for _, s := range t.Stripes {
				below(s.Device, s.Offset+first*t.ChunkSize, (last+1-first)*t.ChunkSize)
			}
		case dm.SnapshotOrigin:
			below(t.Origin, within, length)
		case dm.Snapshot:
			below(t.Origin, within, length)
			whole(t.COW)
		case dm.SnapshotMerge:
			below(t.Origin, within, length)
			whole(t.COW)
		case dm.Mirror:
			for _, leg := range t.Legs {
				below(leg.Device, leg.Offset+within, length)
			}
			if t.Log == dm.MirrorLogDisk {
				whole(t.LogDevice)
			}
		case dm.RAID:
			s := d.live.state[i].(*array)
			first, last := s.reach(within, length)
			for _, l := range t.Legs {
				if l.Data != "" {
					below(l.Data, s.offset+first, last-first)
				}
				if l.Metadata != "" {
					whole(l.Metadata)
				}
			}
		case dm.Cache:
			below(t.Origin, within, length)
			whole(t.Cache)
			whole(t.Metadata)
		case dm.WriteCache:
			below(t.Origin, within, length)
			whole(t.Cache)
		case dm.Integrity:
			below(t.Device, within, length)
			whole(t.MetaDevice)
		case dm.ThinPool:
			below(t.Data, within, length)
			whole(t.Metadata)
		case dm.Thin:
			whole(t.Pool)
			if t.ExternalOrigin != "" {
				whole(t.ExternalOrigin)
			}
		case dm.Unknown:
			for _, dev := range d.live.deps {
				whole(dev.String())
			}
		}
	}
}

// Hazards returns what was done that may hang or harm with a real kernel, and
// does neither here.
func (k *Kernel) Hazards() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.hazards)
}

// SetPace says how much mirrors and arrays copy, caches that are to be clean write
// back, and merges merge each time that a status is asked for: n regions or blocks,
// or n sectors of exceptions. With 0, as after New, it is
// all that there is to do.
func (k *Kernel) SetPace(n int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.pace = n
}

// work does what the kernel does in the background.
func (k *Kernel) work(d *device) {
	if d.live == nil || d.suspended {
		return
	}
	for _, s := range d.live.state {
		switch s := s.(type) {
		case *snapshot:
			s.merge(k, k.pace)
		case *mirror:
			if s.sync(k, k.pace) {
				k.event(d)
			}
		case *cache:
			s.work(k, k.pace)
		case *writeCache:
			s.work(k, k.pace)
		case *integrity:
			s.work(k, k.pace)
		case *array:
			for range s.work(k, k.pace) {
				k.event(d)
			}
		}
	}
}
