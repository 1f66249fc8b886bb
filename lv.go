package lvm

import (
	"iter"
	"path/filepath"
	"slices"
	"time"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/metadata"
)

// LogicalVolume is a logical volume of a volume group, as it was read.
type LogicalVolume struct {
	vg  *VolumeGroup
	rec *metadata.LogicalVolume
}

// Name returns the name.
func (l *LogicalVolume) Name() string { return l.rec.Name }

// ID returns the UUID.
func (l *LogicalVolume) ID() ID { return l.rec.ID }

// Extents returns the size in extents.
func (l *LogicalVolume) Extents() Extents { return userExtents(l.rec) }

// Size returns the size in bytes.
func (l *LogicalVolume) Size() Bytes { return l.vg.bytes(userExtents(l.rec)) }

// Tags returns the tags.
func (l *LogicalVolume) Tags() []string { return slices.Clone(l.rec.Tags) }

// HasTag says whether the volume has that tag.
func (l *LogicalVolume) HasTag(tag string) bool { return slices.Contains(l.rec.Tags, tag) }

// Hidden says whether the volume is a part of another one and not for users.
func (l *LogicalVolume) Hidden() bool { return !l.vg.links().visible(l.rec) }

// ReadOnly says whether the volume may not be written.
func (l *LogicalVolume) ReadOnly() bool {
	return l.rec.Status&(metadata.LVWrite|metadata.LVWriteLocked) == 0
}

// ActivationSkip says whether the volume is only activated if that mark is
// ignored; see [ActivateOptions].
func (l *LogicalVolume) ActivationSkip() bool {
	return l.rec.Status&metadata.LVActivationSkip != 0
}

// AutoActivation says whether the volume is activated by [Tx.AutoActivate], as
// far as it goes by the volume and not by its group.
func (l *LogicalVolume) AutoActivation() bool {
	return l.rec.Status&metadata.LVNoAutoactivate == 0
}

// PersistentMinor returns the minor number that the volume's device always has;
// ok is false if it has any.
func (l *LogicalVolume) PersistentMinor() (minor uint32, ok bool) { return persistentMinor(l.rec) }

// ReadAhead returns how far the kernel is told to read ahead.
func (l *LogicalVolume) ReadAhead() ReadAhead { return l.rec.ReadAhead }

// Allocation returns the policy by which the volume gets extents; AllocInherit
// is the group's.
func (l *LogicalVolume) Allocation() Allocation { return l.rec.Allocation }

// CreationTime returns when the volume was created; zero if that is not
// recorded.
func (l *LogicalVolume) CreationTime() time.Time { return l.rec.CreationTime }

// Active says whether the volume has a device in the kernel. In image mode it
// never has.
func (l *LogicalVolume) Active() bool {
	if l.vg.active != nil {
		return l.vg.active[l.rec.ID]
	}
	return l.device() != nil
}

// Path returns the path of the volume's device, which exists while it is
// active: /dev/vg/lv.
func (l *LogicalVolume) Path() string {
	return filepath.Join(l.vg.sys.cfg.DevDir, l.vg.rec.Name, l.rec.Name)
}

// DMName returns the name of the volume's device-mapper device.
func (l *LogicalVolume) DMName() string {
	name, _ := dmName(l.vg.rec.Name, l.rec.Name, "") // lengths were checked on reading
	return name
}

// DMUUID returns the UUID of the volume's device-mapper device.
func (l *LogicalVolume) DMUUID() string { return dmUUID(l.vg.rec.ID, l.rec.ID, "") }

// Table returns the device-mapper table of the volume. Devices appear by number
// if they are block devices, otherwise by path. Returns an error matching
// [ErrMissingPV] or [ErrUnsupported] if the volume cannot be mapped.
func (l *LogicalVolume) Table() (dm.Table, error) {
	r := &renderer{vg: l.vg.rec, device: l.vg.sys.tableDevice(l.vg.members), claimed: claims(l.vg.rec), links: l.vg.links()}
	nodes, err := r.lv(l.rec)
	if err != nil {
		return nil, &OpError{Op: "render", VG: l.vg.rec.Name, LV: l.rec.Name, Err: err}
	}
	i := slices.IndexFunc(nodes, func(n node) bool { return n.uuid == r.done[l.rec.ID] })
	return nodes[i].table, nil
}

// Segments returns the segments in the order of the logical extents.
func (l *LogicalVolume) Segments() iter.Seq[Segment] {
	return func(yield func(Segment) bool) {
		for i := range l.rec.Segments {
			if !yield(Segment{lv: l, rec: &l.rec.Segments[i]}) {
				return
			}
		}
	}
}
