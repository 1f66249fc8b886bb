package lvm

import (
	"slices"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/metadata"
	"github.com/pkg/errors"
)

// segmentType turns the segments of one type into dm targets. Each type is a
// file of its own.
type segmentType interface {
	// handles says whether the type knows what to do with that body.
	handles(metadata.Body) bool
	// target returns the target of a segment.
	target(*renderer, *metadata.Segment) (dm.Target, error)
}

// volumeType is a segment type whose volumes are more devices than one, or none.
type volumeType interface {
	// volume renders a volume and returns the uuid of the device that others lie
	// on; empty if it has none.
	volume(*renderer, *metadata.LogicalVolume) (string, error)
}

var segmentTypes = [...]segmentType{
	stripedType{}, virtualType{}, mirrorType{}, thinPoolType{}, thinType{}, raidType{}, cachePoolType{}, cacheType{}, writeCacheType{}, integrityType{},
}

// node is a mapped device that the kernel shall have.
type node struct {
	lv       metadata.ID
	lvName   string
	name     string
	uuid     string
	layer    string   // empty for the LV's own
	table    dm.Table // underlying mapped devices stand there by their UUID
	readOnly bool
	hidden   bool // not for users: no link in the group's directory
	// early: it has to work before the tables above it are loaded, since making
	// them reads it.
	early bool
	// late: it cannot be made before the commit, and what the kernel is told then.
	late bool
	// passing: it is there only until the plan is carried out.
	passing bool
	// queues: I/O to it may wait for what the change brings, so that it is not
	// waited for when it is suspended.
	queues bool
	// tells is the pool whose kernel is told, once this device works, what the
	// metadata says of its volumes.
	tells metadata.ID
	// rereads: it asks the devices beneath it for their size when it is resumed.
	rereads bool
	// last: it is suspended, and resumed, after the others.
	last bool
	// shows is the uuid of the device whose contents this one shows as they are
	// when it is made: that one is at rest then.
	shows string
}

// renderer makes the devices of logical volumes. It is the only place where
// extents become sectors of devices.
type renderer struct {
	vg      *metadata.VolumeGroup
	device  func(pv metadata.ID) (string, error)      // as a dm table names it
	find    func(metadata.ID) *metadata.LogicalVolume // nil: as the group has it
	known   func(node) string                         // the uuid that a node has in the kernel; nil: its own
	claimed map[string]string                         // see claims
	lists   *VolumeLists                              // nil: none
	links   *snapshotLinks                            // nil: none
	ties    *ties
	shown   func(metadata.ID) bool // whether a volume that others need has a device for users; nil: it has
	fresh   map[metadata.ID]bool   // what must not work before the commit: new thin volumes and moves
	// once changes the targets of an LV in tables that are loaded, by what the
	// kernel is told only then; nil: nothing.
	once map[metadata.ID]func(dm.Target) dm.Target
	// merges says whether the kernel is to merge a snapshot that the metadata says
	// is being merged; nil: always.
	merges func(snapshotLink) (bool, error)
	// shows returns the thin snapshot that the kernel shows in the place of its origin
	// already, nil if it shows the origin; nil: always.
	shows func(origin metadata.ID) (*metadata.Thin, error)
	// reshapes says how far the kernel is with moving the data of a raid; nil: it does
	// not know of that.
	reshapes func(*metadata.LogicalVolume) (reshapeProgress, error)
	// standIns is nil if there are to be none for missing physical volumes.
	standIns *standIns

	at struct { // what is being rendered
		lv      *metadata.LogicalVolume
		layer   string
		segment int
	}
	nodes    []node
	done     map[metadata.ID]string // uuids of the devices in nodes
	lateOnes map[string]bool        // uuids of those in nodes that are made late
	deep     int                    // beneath how many devices whose making reads those beneath
}

// lv returns the devices of the tree that lv is in: those below others first.
func (r *renderer) lv(lv *metadata.LogicalVolume) ([]node, error) {
	r.nodes, r.done, r.lateOnes = nil, map[metadata.ID]string{}, map[string]bool{}
	if r.ties == nil {
		r.ties = newTies(r.vg)
	}
	if _, err := r.add(lv); err != nil {
		return nil, err
	}
	return r.nodes, nil
}

// add renders lv, unless that was done, and returns its device's uuid. The
// group is valid, so there is no cycle.
func (r *renderer) add(lv *metadata.LogicalVolume) (string, error) {
	if uuid, ok := r.done[lv.ID]; ok {
		return uuid, nil
	}
	if err := unclaimedLV(r.claimed, lv); err != nil {
		return "", err
	}
	if link, ok := r.links.by(lv.ID); ok {
		if err := r.snapshots(link.body.Origin); err != nil {
			return "", err
		}
		return r.done[lv.ID], nil
	}
	if len(r.links.of(lv.ID)) > 0 {
		if err := r.snapshots(lv.ID); err != nil {
			return "", err
		}
		return r.done[lv.ID], nil
	}
	if len(lv.Segments) == 1 {
		if v, ok := typeOf(lv.Segments[0].Body).(volumeType); ok {
			return v.volume(r, lv)
		}
	}
	if len(r.ties.users[lv.ID]) > 0 {
		return r.externalOrigin(lv)
	}
	return r.plain(lv, "")
}

// plain renders what the segments of an LV say, as the given layer of it.
func (r *renderer) plain(lv *metadata.LogicalVolume, layer string) (string, error) {
	n, err := r.node(lv, layer)
	if err != nil {
		return "", err
	}
	if n.table, err = r.table(lv, layer); err != nil {
		return "", err
	}
	return r.put(n), nil
}

// beneath renders what lies beneath a device whose making reads it.
func (r *renderer) beneath(do func() error) error {
	r.deep++
	defer func() { r.deep-- }()
	return do()
}

// node returns a layer of an LV, as users see it if that is its own device,
// still without a table.
func (r *renderer) node(lv *metadata.LogicalVolume, layer string) (node, error) {
	name, err := dmName(r.vg.Name, lv.Name, layer)
	n := node{lv: lv.ID, lvName: lv.Name, name: name, uuid: r.uuid(lv.ID, layer), layer: layer, hidden: true}
	// An image that was split off a raid for a while is visible, and stays as it is.
	if layer != cowLayer && (!r.ties.isPart(lv.ID) || lv.Status&(metadata.LVVisible|metadata.LVWrite|metadata.LVWriteLocked) == metadata.LVVisible) {
		n.readOnly = lv.Status&(metadata.LVWrite|metadata.LVWriteLocked) == 0 || r.lists.forcesReadOnly(r.vg, lv)
	}
	if layer == "" {
		n.hidden = !r.links.visible(lv)
	}
	return n, err
}

// uuid returns the uuid of the device of a layer of an LV.
func (r *renderer) uuid(lv metadata.ID, layer string) string {
	if layer == "" {
		layer = r.ties.layers[lv]
	}
	return dmUUID(r.vg.ID, lv, layer)
}

// put adds a node and returns its uuid.
func (r *renderer) put(n node) string {
	n.early = n.early || r.deep > 0 && !r.fresh[n.lv]
	for _, line := range n.table {
		switch target := line.Target.(type) {
		case dm.Thin:
			n.queues, n.late = true, n.late || r.fresh[n.lv]
		case dm.Mirror:
			n.queues = n.queues || target.HandleErrors
		}
		n.late = n.late || slices.ContainsFunc(line.Target.Devices(), func(device string) bool { return r.lateOnes[device] })
	}
	if n.late {
		r.lateOnes[n.uuid] = true
	}
	if r.known != nil {
		n.uuid = r.known(n)
	}
	if n.layer == "" {
		r.done[n.lv] = n.uuid
	}
	r.nodes = append(r.nodes, n)
	return n.uuid
}

// table returns what the segments of an LV say, for the given layer of it.
func (r *renderer) table(lv *metadata.LogicalVolume, layer string) (dm.Table, error) {
	lv, err := r.reshaped(lv)
	if err != nil {
		return nil, err
	}
	table := make(dm.Table, len(lv.Segments))
	outer := r.at
	defer func() { r.at = outer }()
	r.at.lv, r.at.layer = lv, layer
	segments := slices.Clone(lv.Segments)
	slices.SortFunc(segments, func(a, b metadata.Segment) int {
		if a.Start < b.Start {
			return -1
		}
		return 1
	})
	for i := range segments {
		seg := &segments[i]
		r.at.segment = i
		t := typeOf(seg.Body)
		if t == nil {
			return nil, fault(ErrUnsupported, "lv %s has a segment of type %s, which cannot be activated here", lv.Name, seg.Type)
		}
		target, err := t.target(r, seg)
		if err != nil {
			return nil, err
		}
		if once := r.once[lv.ID]; once != nil {
			target = once(target)
		}
		start, ok1 := seg.Start.Sectors(r.vg.ExtentSize)
		length, ok2 := shownExtents(seg).Sectors(r.vg.ExtentSize)
		if !ok1 || !ok2 {
			return nil, fault(ErrInvalidSize, "lv %s is too large", lv.Name)
		}
		table[i] = dm.Line{Start: start, Length: length, Target: target}
	}
	return table, nil
}

// volume returns an LV of the group.
func (r *renderer) volume(id metadata.ID) (*metadata.LogicalVolume, error) {
	if r.find == nil {
		r.find = func(id metadata.ID) *metadata.LogicalVolume {
			i := slices.IndexFunc(r.vg.LVs, func(lv *metadata.LogicalVolume) bool { return lv != nil && lv.ID == id })
			if i < 0 {
				return nil
			}
			return r.vg.LVs[i]
		}
	}
	if lv := r.find(id); lv != nil {
		return lv, nil
	}
	return nil, fault(ErrDamaged, "there is no lv %s", id)
}

func typeOf(body metadata.Body) segmentType {
	for _, t := range segmentTypes {
		if t.handles(body) {
			return t
		}
	}
	return nil
}

// place returns the device that area number n of a segment is on, and its first
// sector there.
func (r *renderer) place(seg *metadata.Segment, n int) (string, Sectors, error) {
	a := seg.Body.Areas()[n]
	offset, ok := a.Start.Sectors(r.vg.ExtentSize)
	if !a.LV.IsZero() {
		lv, err := r.volume(a.LV)
		if err != nil || !ok {
			return "", 0, fault(ErrDamaged, "area in unknown lv %s", a.LV)
		}
		uuid, err := r.add(lv)
		return uuid, offset, err
	}
	pv := pvRecord(r.vg, a.PV)
	if pv == nil || !ok || offset+pv.PEStart < offset {
		return "", 0, fault(ErrDamaged, "area in unknown pv %s", a.PV)
	}
	device, err := r.device(a.PV)
	if r.standIns != nil && errors.Is(err, ErrMissingPV) {
		return r.missingArea(seg, n)
	}
	return device, pv.PEStart + offset, err
}

// tableDevice returns how dm tables name the devices of physical volumes.
func (s *System) tableDevice(members map[metadata.ID]*member) func(metadata.ID) (string, error) {
	names := map[metadata.ID]string{}
	return func(pv metadata.ID) (string, error) {
		if name, ok := names[pv]; ok {
			return name, nil
		}
		m := members[pv]
		if m == nil {
			return "", fault(ErrMissingPV, "pv %s is missing", pv)
		}
		name := m.path
		if dev, ok := s.host.number(m.path); ok {
			name = dev
		} else if s.kernel != nil {
			return "", fault(ErrUnsupported, "pv %s is on %s, which is no block device: the kernel cannot use it", pv, m.path)
		}
		names[pv] = name
		return name, nil
	}
}
