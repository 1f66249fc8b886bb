package lvm

import (
	"strconv"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/metadata"
	"github.com/lvm-go/lvm/units"
)

// MirrorLog says where it is noted which regions of a mirror are in sync.
type MirrorLog uint8

const (
	// MirrorLogDisk is a small volume of its own, if possible on a physical volume
	// without a leg.
	MirrorLogDisk MirrorLog = iota
	// MirrorLogCore is the kernel's memory: all is copied anew from the first leg
	// whenever the mirror is activated.
	MirrorLogCore
)

// String returns lvm2's word: "disk" or "core".
func (l MirrorLog) String() string {
	switch l {
	case MirrorLogDisk:
		return "disk"
	case MirrorLogCore:
		return "core"
	}
	return "MirrorLog(" + strconv.Itoa(int(l)) + ")"
}

// MirrorSpec says what a new mirror is like. Only Size is required.
type MirrorSpec struct {
	// Name is lvol0, lvol1, ... if empty.
	Name string
	// Size is that of one leg, rounded up to whole extents. Of a percentage each
	// leg gets its share.
	Size Size
	// Legs is how many copies there are: 2, which it is if zero, to 8.
	Legs int
	Log  MirrorLog
	// RegionSize is how much is copied anew when it may differ: a power of two,
	// at least 4 KiB. 2 MiB if zero; never more than the volume.
	RegionSize Bytes
	// NoSync takes the legs as they are for copies of each other. What is read
	// before it was written may be one thing now and another later.
	NoSync bool
	// PVs are for legs and log, and as the rest in [LVSpec].
	PVs              []PVSelection
	Allocation       Allocation
	Tags             []string
	ReadOnly         bool
	ReadAhead        ReadAhead
	Minor            Minor
	Inactive         bool
	ActivationSkip   bool
	NoAutoActivation bool

	SkipZero, KeepSignatures bool
	// ID is the UUID, a random one if zero.
	ID ID
}

func (s MirrorSpec) lv() LVSpec {
	return LVSpec{
		Name: s.Name, Size: s.Size, PVs: s.PVs, Allocation: s.Allocation, Tags: s.Tags, ReadOnly: s.ReadOnly, ReadAhead: s.ReadAhead,
		Minor: s.Minor, Inactive: s.Inactive, ActivationSkip: s.ActivationSkip, NoAutoActivation: s.NoAutoActivation,
		SkipZero: s.SkipZero, KeepSignatures: s.KeepSignatures, ID: s.ID,
	}
}

const (
	defaultRegionSize = 2 * units.MiB
	minRegionSize     = 4 * units.KiB
	maxMirrorLegs     = 8
	// maxMirrorRegions keeps the bitmap of a log within what a kernel has room for.
	maxMirrorRegions = 1 << 28
)

// CreateMirror makes a mirror of the old kind, which keeps copies of the same
// data: its legs, on different physical volumes. A raid1 is the better choice
// but where something asks for this one. lvm2: lvcreate --type mirror.
//
// Returns errors as [Tx.CreateLV] does, [ErrInvalidSpec] also for a number of
// legs or a region size that cannot be.
func (tx *Tx) CreateMirror(spec MirrorSpec) (*LogicalVolume, error) {
	var lv *metadata.LogicalVolume
	err := tx.whole(func() (err error) { lv, err = tx.createMirror(spec); return err })
	if err != nil {
		return nil, tx.fail("create mirror", spec.Name, err)
	}
	return tx.viewLV(lv), nil
}

func (tx *Tx) createMirror(spec MirrorSpec) (*metadata.LogicalVolume, error) {
	if err := tx.own(); err != nil {
		return nil, err
	}
	active := !spec.Inactive && !spec.ActivationSkip
	if active && tx.st != nil && tx.st.noActivate != nil {
		return nil, tx.st.noActivate
	}
	if spec.Legs == 0 {
		spec.Legs = 2
	}
	switch {
	case spec.Legs < 2 || spec.Legs > maxMirrorLegs:
		return nil, fault(ErrInvalidSpec, "%d legs: 2 to %d are possible", spec.Legs, maxMirrorLegs)
	case spec.Log > MirrorLogCore:
		return nil, fault(ErrInvalidSpec, "unknown log %d", uint8(spec.Log))
	}
	region, err := regionSize(spec.RegionSize)
	if err != nil {
		return nil, err
	}
	lv, _, err := tx.newLV(spec.lv())
	if err != nil {
		return nil, err
	}
	pvs, err := tx.selection(spec.PVs)
	if err != nil {
		return nil, err
	}
	n, partial, err := tx.legSize(spec.Size, spec.Legs, spec.Log == MirrorLogDisk, pvs)
	if err != nil {
		return nil, err
	}
	request := allocRequest{Name: lv.Name, Policy: resolvePolicy(tx.vg, lv, metadata.AllocInherit), Stripes: spec.Legs,
		Extents: n * Extents(spec.Legs), Partial: partial, PVs: pvs}
	pieces, err := tx.emap.allocate(tx.vg, request)
	if err != nil {
		return nil, err
	}
	body := &metadata.Mirror{}
	for i := range spec.Legs {
		leg, err := tx.newLeg(lv, i, legPieces(pieces, i))
		if err != nil {
			return nil, err
		}
		n = leg.Extents()
		body.Legs = append(body.Legs, metadata.Area{LV: leg.ID})
		tx.created = append(tx.created, newLV{
			id:             leg.ID,
			keepHead:       spec.SkipZero || spec.ReadOnly,
			keepSignatures: spec.KeepSignatures || spec.SkipZero || spec.ReadOnly,
		})
	}
	if length, ok := n.Sectors(tx.vg.ExtentSize); ok {
		region = min(region, powerBelow(length))
	}
	body.RegionSize = region
	if spec.Log == MirrorLogDisk {
		request.Partial = false
		if body.Log, err = tx.newLog(lv, n, body, spec.NoSync, request, tx.emap, tx.find); err != nil {
			return nil, err
		}
	}
	lv.Segments = []metadata.Segment{{Count: n, Type: "mirror", Body: body}}
	if spec.NoSync {
		lv.Status |= metadata.LVNotSynced
		tx.skipSync(lv.ID)
	}
	if err := tx.put(-1, lv); err != nil {
		return nil, err
	}
	tx.want(lv.ID, wish{activate: active && tx.mayActivate(lv)})
	return lv, nil
}

func regionSize(size Bytes) (Sectors, error) {
	if size == 0 {
		size = defaultRegionSize
	}
	if size < minRegionSize || size&(size-1) != 0 || size.Sectors() > 1<<31 {
		return 0, fault(ErrInvalidSpec, "region size of %s is no power of two from %s to 1 TiB", size, minRegionSize)
	}
	return size.Sectors(), nil
}

// place returns the policy and the physical volumes that a spec asks for.
func (tx *Tx) place(policy Allocation, on []PVSelection) (Allocation, []allocPV, error) {
	policy, err := lvPolicy(policy)
	if err != nil {
		return policy, nil, err
	}
	pvs, err := tx.selection(on)
	return policy, pvs, err
}

func (tx *Tx) selection(pvs []PVSelection) ([]allocPV, error) {
	return resolveSelections(tx.vg, pvs, func(ref string) (metadata.ID, bool) { return findPV(tx.vg, tx.members, ref) })
}

// legSize returns how many extents a leg of a new mirror has, and whether it may
// have fewer.
func (tx *Tx) legSize(size Size, legs int, log bool, pvs []allocPV) (n Extents, partial bool, err error) {
	if size.IsZero() {
		return 0, false, fault(ErrInvalidSize, "no size given")
	}
	context := tx.emap.sizeContext(tx.vg, pvs)
	if n, err = size.resolve(context); err != nil {
		return 0, false, err
	}
	if size.IsPercent() {
		room := context.Free
		if context.Selected {
			room = context.Selection
		}
		if log && room > 0 {
			room--
		}
		n = min(n, room) / Extents(legs)
	}
	if n == 0 || n > units.MaxExtents/Extents(legs) {
		return 0, false, fault(ErrInvalidSize, "%d legs of %d extents each", legs, n)
	}
	return n, size.isWish(false) || size.kind == sizePercentVG || size.kind == sizePercentPVS, nil
}

// partOf returns the record of a hidden part of an LV, still without extents.
func (tx *Tx) partOf(lv *metadata.LogicalVolume, suffix string) (*metadata.LogicalVolume, error) {
	part, err := tx.newPart(lv.Name + suffix)
	if err != nil {
		return nil, err
	}
	part.Allocation = lv.Allocation
	return part, nil
}

// newLeg adds a leg of a mirror.
func (tx *Tx) newLeg(lv *metadata.LogicalVolume, n int, pieces []allocPiece) (*metadata.LogicalVolume, error) {
	leg, err := tx.partOf(lv, legSuffix+strconv.Itoa(n))
	if err != nil {
		return nil, err
	}
	leg.Segments = appendSegments(leg, pieces, 0)
	return leg, tx.put(-1, leg)
}

// How the names of legs and logs end. Source: lvm2 as observed.
const (
	legSuffix = "_mimage_"
	logSuffix = "_mlog"
)

// newLog adds a log for a mirror of n extents and says what it shall hold. The map
// has the legs, and so has find.
func (tx *Tx) newLog(lv *metadata.LogicalVolume, n Extents, body *metadata.Mirror, inSync bool, request allocRequest,
	m *ExtentMap, find func(metadata.ID) *metadata.LogicalVolume) (metadata.ID, error) {
	log, err := tx.partOf(lv, logSuffix)
	if err != nil {
		return metadata.ID{}, err
	}
	regions, ok := mirrorRegions(tx.vg, n, body.RegionSize)
	if !ok || regions > maxMirrorRegions {
		return metadata.ID{}, fault(ErrInvalidSpec, "%d regions of %s are more than %d: take larger ones", regions, sectorBytes(body.RegionSize), maxMirrorRegions)
	}
	request.Extents = mirrorLogSize(regions).ExtentsUp(tx.vg.ExtentSize)
	var legs []metadata.ID
	for _, leg := range body.Legs {
		for _, a := range areasOnPVs(find(leg.LV), find) {
			legs = append(legs, a.PV)
		}
	}
	pieces, err := m.allocateLog(tx.vg, request, legs)
	if err != nil {
		return metadata.ID{}, err
	}
	log.Segments = appendSegments(log, pieces, 0)
	tx.created = append(tx.created, newLV{id: log.ID, keepSignatures: true, head: newMirrorLog(regions, inSync)})
	return log.ID, tx.put(-1, log)
}

// skipSync has the kernel take the legs of a mirror as alike, this once.
func (tx *Tx) skipSync(id metadata.ID) {
	if tx.once == nil {
		tx.once = map[metadata.ID]func(dm.Target) dm.Target{}
	}
	tx.once[id] = func(t dm.Target) dm.Target {
		if m, ok := t.(dm.Mirror); ok {
			m.Sync = dm.MirrorSyncSkip
			return m
		}
		return t
	}
}
