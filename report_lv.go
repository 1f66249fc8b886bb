package lvm

import (
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/metadata"
)

// LVReport is the facts of a logical volume under the names that lvm2's lvs
// gives them, which are also their names in JSON. Sizes are in bytes. Names of
// other volumes are without the brackets that lvm2 puts around hidden ones; a
// historical volume's begins with a dash. What a volume does not have is left out
// of the JSON.
type LVReport struct {
	UUID             ID         `json:"lv_uuid"`
	Name             string     `json:"lv_name"`
	VGName           string     `json:"vg_name"`
	FullName         string     `json:"lv_full_name"`
	Hidden           bool       `json:"lv_hidden"` // a part of another one, not for users; not lvm2's
	Attr             string     `json:"lv_attr"`
	Path             string     `json:"lv_path"` // empty: nobody should use it
	DMPath           string     `json:"lv_dm_path"`
	Parent           string     `json:"lv_parent,omitempty"` // what it is a part of
	Layout           []string   `json:"lv_layout"`
	Role             []string   `json:"lv_role"`
	InitialImageSync bool       `json:"lv_initial_image_sync"` // mirror, raid: synchronised when it was made
	ImageSynced      bool       `json:"lv_image_synced"`       // part of a mirror or raid that is in sync
	Merging          bool       `json:"lv_merging"`
	Converting       bool       `json:"lv_converting"`
	AllocationPolicy Allocation `json:"lv_allocation_policy"`
	AllocationLocked bool       `json:"lv_allocation_locked"` // its extents are being moved
	FixedMinor       bool       `json:"lv_fixed_minor"`
	SkipActivation   bool       `json:"lv_skip_activation"`
	Autoactivation   bool       `json:"lv_autoactivation"`
	WhenFull         string     `json:"lv_when_full,omitempty"` // thin pool: queue or error
	Active           bool       `json:"lv_active"`              // has a device on this host
	Major            int64      `json:"lv_major"`               // fixed number, or -1
	Minor            int64      `json:"lv_minor"`
	ReadAhead        int64      `json:"lv_read_ahead"` // -1: the kernel's choice
	Permissions      string     `json:"lv_permissions"`
	Size             Bytes      `json:"lv_size"`
	MetadataSize     Bytes      `json:"lv_metadata_size,omitempty"` // of a pool
	SegmentCount     int        `json:"seg_count"`
	Tags             []string   `json:"lv_tags"`
	Profile          string     `json:"lv_profile,omitempty"`
	LockArgs         string     `json:"lv_lockargs,omitempty"`
	// Created is zero if it is not known, or past the year 9999.
	Created      time.Time `json:"lv_time,omitzero"`
	CreationHost string    `json:"lv_host,omitempty"`
	Modules      []string  `json:"lv_modules"` // of the kernel, that it needs
	Health       string    `json:"lv_health_status,omitempty"`

	Origin     string `json:"origin,omitempty"`
	OriginUUID ID     `json:"origin_uuid,omitzero"`
	OriginSize Bytes  `json:"origin_size,omitempty"` // of a snapshot's origin, or of itself if it has snapshots

	MovePV         string `json:"move_pv,omitempty"` // pvmove: the source
	MovePVUUID     ID     `json:"move_pv_uuid,omitzero"`
	ConvertLV      string `json:"convert_lv,omitempty"` // mirror that gets legs: what it was before
	ConvertLVUUID  ID     `json:"convert_lv_uuid,omitzero"`
	MirrorLog      string `json:"mirror_log,omitempty"`
	MirrorLogUUID  ID     `json:"mirror_log_uuid,omitzero"`
	DataLV         string `json:"data_lv,omitempty"` // of a pool
	DataLVUUID     ID     `json:"data_lv_uuid,omitzero"`
	MetadataLV     string `json:"metadata_lv,omitempty"` // of a pool
	MetadataLVUUID ID     `json:"metadata_lv_uuid,omitzero"`
	PoolLV         string `json:"pool_lv,omitempty"` // or the cache
	PoolLVUUID     ID     `json:"pool_lv_uuid,omitzero"`

	RaidWriteBehind     uint32 `json:"raid_write_behind,omitempty"`
	RaidMinRecoveryRate uint32 `json:"raid_min_recovery_rate,omitempty"` // KiB/s
	RaidMaxRecoveryRate uint32 `json:"raid_max_recovery_rate,omitempty"` // KiB/s
	IntegrityMode       string `json:"raidintegritymode,omitempty"`
	IntegrityBlockSize  Bytes  `json:"raidintegrityblocksize,omitempty"`
	WritecacheBlockSize Bytes  `json:"writecache_block_size,omitempty"`

	*LVKernelReport // nil if it is not active
	*LVStatusReport // nil if the kernel says nothing of its contents

	Segments []SegmentReport `json:"segments"`
}

// LVKernelReport is the part of a report that the kernel knows.
type LVKernelReport struct {
	Major         uint32 `json:"lv_kernel_major"`
	Minor         uint32 `json:"lv_kernel_minor"`
	ReadAhead     Bytes  `json:"lv_kernel_read_ahead"`
	Suspended     bool   `json:"lv_suspended"`
	LiveTable     bool   `json:"lv_live_table"`
	InactiveTable bool   `json:"lv_inactive_table"`
	Open          bool   `json:"lv_device_open"`
}

// Ancestors returns the name of what the volume is a snapshot of, of what that one
// is a snapshot of, and so on: lvm2's lv_ancestors. If removed is set, removed
// volumes that the group remembers count, and their names begin with a dash:
// lv_full_ancestors.
func (l *LogicalVolume) Ancestors(removed bool) []string {
	return l.vg.related().ancestors(l.rec.Name, removed)
}

// Descendants returns the names of the volume's snapshots, each followed by its
// own: lvm2's lv_descendants. If removed is set, removed volumes that the group
// remembers count, and their names begin with a dash: lv_full_descendants.
func (l *LogicalVolume) Descendants(removed bool) []string {
	return l.vg.related().descendants(l.rec.Name, removed)
}

// lvFacts is a volume with its relations and its device.
type lvFacts struct {
	*lvNode
	index  int
	rel    *relations
	vg     *VolumeGroup
	dev    *KernelDevice
	devErr error                // why the kernel could not be asked
	target func() *KernelDevice // asked for when needed

	recorded bool // the kernel is not asked
}

// related returns the relations of the group's volumes.
func (v *VolumeGroup) related() *relations {
	if v.relations == nil {
		return v.relate()
	}
	return v.relations()
}

func (v *VolumeGroup) relate() *relations {
	return newRelations(v.rec, func(rec *metadata.PhysicalVolume) bool { return (&PhysicalVolume{vg: v, rec: rec}).Missing() })
}

func (l *LogicalVolume) facts(dev *KernelDevice, err error) *lvFacts {
	f := l.recordedFacts()
	f.recorded, f.dev, f.devErr = false, dev, err
	f.target = sync.OnceValue(f.findTarget)
	if f.cow != nil && f.cow.merging && err == nil {
		f.takeMerge()
	}
	return f
}

// recordedFacts returns the facts that are known without asking the kernel.
func (l *LogicalVolume) recordedFacts() *lvFacts {
	rel := l.vg.related()
	i, _ := rel.byID.Find(l.rec.ID)
	return &lvFacts{
		lvNode: &rel.nodes[i], index: i, rel: rel, vg: l.vg, recorded: true,
		target: func() *KernelDevice { return nil },
	}
}

// of returns the facts of another volume, of which the kernel is asked if it is of
// this one.
func (f *lvFacts) of(node int) *lvFacts {
	l := &LogicalVolume{vg: f.vg, rec: f.rel.nodes[node].rec}
	if f.recorded {
		return l.recordedFacts()
	}
	return l.facts(l.Kernel())
}

// takeMerge looks at the device of the origin if what is merged into it is: as
// for lvm2, the snapshot has none of its own then.
func (f *lvFacts) takeMerge() {
	origin := &LogicalVolume{vg: f.vg, rec: f.rel.nodes[f.cow.origin].rec}
	if dev, err := origin.Kernel(); err == nil && dev.isMerge() {
		f.dev = dev
	}
}

// Report returns the facts of the volume and its segments. If it is active, the
// kernel is asked, which can fail.
func (l *LogicalVolume) Report() (LVReport, error) {
	dev, err := l.Kernel()
	if err != nil {
		return LVReport{}, err
	}
	return l.facts(dev, nil).report(), nil
}

func (f *lvFacts) report() LVReport {
	rec, first := f.rec, f.first()
	dmName, _ := dmName(f.vg.rec.Name, rec.Name, "") // lengths were checked on reading
	r := LVReport{
		UUID: rec.ID, Name: rec.Name, VGName: f.vg.rec.Name, FullName: f.vg.rec.Name + "/" + rec.Name, Hidden: !f.visible(),
		Attr: f.attr(), DMPath: path.Join(f.vg.sys.cfg.DevDir, "mapper", dmName), Parent: f.parent(),
		Layout: f.layout(), Role: f.role(), InitialImageSync: f.initialSync(), ImageSynced: f.isImage() && f.imageInSync(),
		Merging: f.isMerging(), Converting: f.converting(),
		AllocationPolicy: rec.Allocation, AllocationLocked: rec.Status&metadata.LVLocked != 0,
		FixedMinor: rec.Status&metadata.LVFixedMinor != 0, SkipActivation: rec.Status&metadata.LVActivationSkip != 0,
		Autoactivation: rec.Status&metadata.LVNoAutoactivate == 0, Active: (&LogicalVolume{vg: f.vg, rec: rec}).Active(),
		Major: -1, Minor: -1, ReadAhead: int64(rec.ReadAhead), Permissions: f.permissions(),
		Size: f.size(), SegmentCount: len(rec.Segments), Tags: list(rec.Tags), Profile: rec.Profile,
		LockArgs: rec.LockArgs, Created: sayable(rec.CreationTime), CreationHost: rec.CreationHost, Modules: f.moduleList(), Health: f.health(),
		RaidWriteBehind: first.writeBehind, RaidMinRecoveryRate: first.minRate, RaidMaxRecoveryRate: first.maxRate,
	}
	if f.visible() && first.kind != "thin-pool" {
		r.Path = path.Join(f.vg.sys.cfg.DevDir, f.vg.rec.Name, rec.Name)
	}
	if rec.HasMajor {
		r.Major = int64(rec.Major)
	}
	if rec.HasMinor {
		r.Minor = int64(rec.Minor)
	}
	switch rec.ReadAhead {
	case metadata.ReadAheadAuto:
		r.ReadAhead = -1
	case metadata.ReadAheadNone:
		r.ReadAhead = 0
	default:
		r.ReadAhead = int64(sectorBytes(Sectors(rec.ReadAhead)))
	}
	f.addRelated(&r)
	f.addKernel(&r)
	r.Segments = make([]SegmentReport, len(rec.Segments))
	for i := range rec.Segments {
		r.Segments[i] = f.vg.segmentReport(f.rel, f.index, i)
		if s := &r.Segments[i]; s.ReshapeExtents != nil {
			s.DataOffset = f.dataOffset()
			s.NewDataOffset = s.DataOffset
		}
	}
	return r
}

// dataOffset returns where the kernel has the data in each image of a raid, of
// which the volume is one or that it is; nil if it does not say.
func (f *lvFacts) dataOffset() *Sectors {
	if use := f.usedAs(areaPart); use != nil && !f.first().raid {
		f = f.whole(use)
	}
	s, ok := f.target().raid()
	if !ok {
		return nil
	}
	return &s.DataOffset
}

// addRelated adds what a volume has to do with others.
func (f *lvFacts) addRelated(r *LVReport) {
	first := f.first()
	name := func(volume ID, to *string, id *ID) *lvNode {
		n := f.rel.node(volume)
		if n != nil {
			*to, *id = n.rec.Name, n.rec.ID
		}
		return n
	}
	switch first.kind {
	case "thin-pool", "cache-pool", "vdo-pool":
		name(first.pool, &r.DataLV, &r.DataLVUUID)
		if meta := name(first.poolMeta, &r.MetadataLV, &r.MetadataLVUUID); meta != nil {
			r.MetadataSize = f.vg.bytes(meta.rec.Extents())
		}
	case "thin", "cache", "writecache", "vdo":
		name(first.pool, &r.PoolLV, &r.PoolLVUUID)
		r.MetadataSize = sectorBytes(first.metadataLength)
	}
	if first.kind == "thin-pool" {
		r.WhenFull = "queue"
		if f.rec.Status&metadata.LVErrorWhenFull != 0 {
			r.WhenFull = "error"
		}
	}
	integrity := first
	if first.raid {
		if image := f.rel.node(firstLV(first.areas)); image != nil {
			integrity = image.first()
		}
	}
	if integrity.kind == "integrity" {
		r.IntegrityBlockSize = integrity.blockSize
		r.IntegrityMode = integrity.integrityMode
	}
	if first.kind == "writecache" {
		r.WritecacheBlockSize = first.blockSize
	}
	if layer := f.layer(); layer != nil {
		r.ConvertLV, r.ConvertLVUUID = layer.rec.Name, layer.rec.ID
	}
	name(first.log, &r.MirrorLog, &r.MirrorLogUUID)
	if origin := name(first.external, &r.Origin, &r.OriginUUID); origin != nil {
		r.OriginSize = f.vg.bytes(origin.rec.Extents())
	}
	name(first.origin, &r.Origin, &r.OriginUUID)
	if f.cow != nil {
		origin := &f.rel.nodes[f.cow.origin]
		r.Origin, r.OriginUUID, r.OriginSize = origin.rec.Name, origin.rec.ID, f.vg.bytes(f.cow.size)
	}
	if len(f.snapshots) > 0 {
		r.OriginSize = r.Size
	}
	if isMove(f.rec) {
		pv := f.rel.firstPV(f.index)
		r.MovePVUUID = pv
		if m := f.vg.members[pv]; m != nil {
			r.MovePV = m.path
		}
	}
}

// firstPV returns the physical volume that a volume begins on, also if it lies on
// others; the zero ID if there is none.
func (r *relations) firstPV(node int) ID {
	for range r.nodes { // as deep as they can be stacked
		areas := r.nodes[node].first().areas
		if len(areas) == 0 {
			break
		}
		next, ok := r.byID.Find(areas[0].LV)
		if !ok || areas[0].LV.IsZero() {
			return areas[0].PV
		}
		node = next
	}
	return ID{}
}

// firstLV returns the first volume of areas, the zero ID if there is none.
func firstLV(areas []Area) ID {
	if len(areas) == 0 {
		return ID{}
	}
	return areas[0].LV
}

// addKernel adds what the kernel knows.
func (f *lvFacts) addKernel(r *LVReport) {
	r.LVStatusReport = f.status()
	d := f.dev
	if d == nil {
		return
	}
	r.LVKernelReport = &LVKernelReport{
		Major: d.Major, Minor: d.Minor, ReadAhead: d.ReadAhead, Suspended: d.Suspended,
		LiveTable: d.LiveTable, InactiveTable: d.InactiveTable, Open: d.OpenCount > 0,
	}
}

// size returns the size that users have. A raid that was reshaped has extents
// besides.
func (f *lvFacts) size() Bytes {
	extents := f.rec.Extents()
	for i := range f.segments {
		s := &f.segments[i]
		if room := f.rec.Segments[i].ReshapeCount * Extents(max(0, len(s.areas)-s.parity())); s.raid && room <= extents {
			extents -= room
		}
	}
	return f.vg.bytes(extents)
}

// converting says whether a mirror gets legs.
func (f *lvFacts) converting() bool { return f.layer() != nil }

// layer returns the volume that stands for a mirror while it gets legs, in which
// what it was before is its first leg; nil if there is none.
//
// Source: names of LVM2's mirrors, as observed.
func (f *lvFacts) layer() *lvNode {
	first := f.first()
	if below := f.rel.node(firstLV(first.areas)); first.kind == "mirror" && below != nil && strings.Contains(below.rec.Name, "_mimagetmp_") {
		return below
	}
	return nil
}

// isMerging says whether the volume is a snapshot that is being merged, or the
// origin of one.
func (f *lvFacts) isMerging() bool {
	if f.cow != nil && f.cow.merging || !f.first().merge.IsZero() {
		return true
	}
	for _, s := range f.snapshots {
		if f.rel.nodes[s].cow.merging {
			return true
		}
	}
	return false
}

// overridden says whether a writeable volume is active as a read-only one.
func (f *lvFacts) overridden() bool { return f.dev != nil && f.dev.LiveTable && f.dev.ReadOnly }

func (f *lvFacts) permissions() string {
	switch {
	case isMove(f.rec):
		return "" // nobody uses it by itself
	case f.rec.Status&(metadata.LVWrite|metadata.LVWriteLocked) == 0:
		return "read-only"
	case f.dev == nil:
		return "unknown"
	case f.overridden():
		return "read-only-override"
	}
	return "writeable"
}

// isRedundant says whether the volume is a mirror or raid.
func (n *lvNode) isRedundant() bool { return n.first().raid || n.first().kind == "mirror" }

func (f *lvFacts) isSpare() bool {
	return !f.visible() && strings.HasSuffix(f.rec.Name, "_pmspare") && len(f.uses) == 0
}

// findTarget returns the device whose targets are those of the volume's type: that
// under an origin or a thin pool in use, and that of what a cache pool caches. It
// is nil if the kernel does not say.
func (f *lvFacts) findTarget() *KernelDevice {
	self := &LogicalVolume{vg: f.vg, rec: f.rec}
	layer := f.vg.layer(f.rec, realLayer)
	switch f.first().kind {
	case "thin-pool":
		layer = f.vg.layer(f.rec, thinPoolLayer)
	case "cache-pool":
		cached := f.usedAs(poolOf)
		if cached == nil {
			return nil
		}
		return f.of(cached.by).target()
	}
	if layer == nil {
		return f.dev
	}
	d, err := self.ask(layer)
	if err != nil {
		return nil // not known
	}
	return d
}

// isImage says whether the volume is an image of a mirror or raid.
func (f *lvFacts) isImage() bool {
	use := f.usedAs(areaPart)
	return use != nil && f.rel.nodes[use.by].isRedundant()
}

// whole returns the facts of what the volume is an image or metadata of.
func (f *lvFacts) whole(use *lvUse) *lvFacts { return f.of(use.by) }

// imageInSync says whether an image holds what the mirror or raid does, which
// only the kernel knows.
func (f *lvFacts) imageInSync() bool {
	use := f.usedAs(areaPart)
	target := f.whole(use).target()
	if s, ok := target.raid(); ok {
		return use.number < len(s.Legs) && s.Legs[use.number] == dm.RAIDInSync
	}
	return target.mirrorInSync()
}

func (f *lvFacts) initialSync() bool {
	return f.isRedundant() && f.rec.Status&metadata.LVNotSynced == 0
}

// unknown says whether a segment has a type that is not known here.
func (f *lvFacts) unknown() bool {
	return slices.Contains(f.layout(), "unknown")
}

// zeroes says whether a thin pool or volume gives zeroes for what was never
// written.
func (f *lvFacts) zeroes() (zeroes, known bool) {
	first := f.first()
	switch first.kind {
	case "thin-pool":
		return first.zero, true
	case "thin":
		if pool := f.rel.poolOf(first); pool != nil {
			return pool.zero, true
		}
	}
	return false, false
}

// parent returns the name of the volume that this one is a component of.
func (f *lvFacts) parent() string {
	use := f.usedAs(poolData, poolMetadata, raidMeta, mirrorLog)
	if use == nil && f.isImage() && !f.visible() {
		use = f.usedAs(areaPart)
	}
	if use == nil || f.rel.nodes[use.by].first().vdo != nil { // lvm2 does not say that of vdo pools
		return ""
	}
	return f.rel.nodes[use.by].rec.Name
}
