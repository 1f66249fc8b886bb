package lvm

import (
	"slices"
	"strings"

	"github.com/lvm-go/lvm/metadata"
)

// VolumeLists are what this host does not do to all logical volumes alike, as
// lvm.conf has it: [LVMConf.Apply] fills them in. Each is a list of volume groups
// ("vg"), logical volumes ("vg/lv") and tags of either ("@tag"); "@*" stands for
// all tags of this host. A list that is nil makes no difference, an empty one
// selects no volume. Hosts that share devices rely on them: a volume that two
// activate may come to harm.
type VolumeLists struct {
	// HostTags are the tags of this host.
	HostTags []string
	// Activate are the volumes that may be activated. If it is nil and the host
	// has tags, those are that have one of them. lvm2: activation/volume_list.
	Activate []string
	// AutoActivate are, of those, the ones that [Tx.AutoActivate] takes. lvm2:
	// auto_activation_volume_list.
	AutoActivate []string
	// ReadOnly are the volumes that cannot be written through their devices,
	// whatever their permission. lvm2: read_only_volume_list.
	ReadOnly []string
}

// selects reports whether a list selects a volume of a group.
func (l *VolumeLists) selects(list []string, vg *metadata.VolumeGroup, lv *metadata.LogicalVolume) bool {
	hasTag := func(tag string) bool { return slices.Contains(lv.Tags, tag) || slices.Contains(vg.Tags, tag) }
	return slices.ContainsFunc(list, func(entry string) bool {
		tag, isTag := strings.CutPrefix(entry, "@")
		switch {
		case isTag && tag == "*":
			return slices.ContainsFunc(l.HostTags, hasTag)
		case isTag:
			return hasTag(tag)
		}
		return entry == vg.Name || entry == vg.Name+"/"+lv.Name
	})
}

func (l *VolumeLists) mayActivate(vg *metadata.VolumeGroup, lv *metadata.LogicalVolume) bool {
	list := l.Activate
	if list == nil {
		if len(l.HostTags) == 0 {
			return true
		}
		list = []string{"@*"}
	}
	return l.selects(list, vg, lv)
}

func (l *VolumeLists) mayAutoActivate(vg *metadata.VolumeGroup, lv *metadata.LogicalVolume) bool {
	return l.AutoActivate == nil || l.selects(l.AutoActivate, vg, lv)
}

// forcesReadOnly reports whether the volume's device must not be written.
func (l *VolumeLists) forcesReadOnly(vg *metadata.VolumeGroup, lv *metadata.LogicalVolume) bool {
	return l != nil && l.selects(l.ReadOnly, vg, lv)
}

// mayActivate reports whether this host may give the volume a device. One that it
// has it keeps.
func (tx *Tx) mayActivate(lv *metadata.LogicalVolume) bool {
	return tx.kern != nil && tx.kern.active(lv.ID) || tx.sys.cfg.VolumeLists.mayActivate(tx.vg, lv)
}
