package lvm

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/internal/thinmeta"
	"github.com/lvm-go/lvm/metadata"
)

// Tool is a program that a [System] runs on devices.
type Tool struct {
	// Path is its absolute path. If empty, it is looked for where a system has its
	// own programs.
	Path string
	// Options are what it is given before the devices; nil: the usual ones.
	Options []string
	// Off says that it is not run.
	Off bool
}

// tool is a program that was found.
type tool struct {
	path    string
	options []string
}

// find looks for a program; false if it is not to be run, or not there.
func (t Tool) find(fs fsHost, name string, options ...string) (tool, bool) {
	if t.Off {
		return tool{}, false
	}
	if t.Path != "" {
		name = t.Path
	}
	path, ok := fs.tool(name)
	if t.Options != nil {
		options = t.Options
	}
	return tool{path, options}, ok
}

func (t tool) run(r *run, args ...string) error {
	return runTool(r.ctx, r.sys.fs, false, 0, t.path, slices.Concat(t.options, args)...)
}

// checkPool plans the check of a thin pool's metadata, between the making of the
// device that it is on and that of the pool's, if the program is there. Source: lvm2 as
// observed.
func (b *builder) checkPool(n node) error {
	tx := b.tx
	pool, was := thinPoolBody(tx.findNow(n.tells)), lvRecord(tx.st, n.tells)
	if pool == nil || thinPoolBody(was) == nil {
		return nil
	}
	if thinPoolBody(was).Metadata != pool.Metadata { // the pool works before the commit
		return fault(ErrUnsupported, "pool %s gets other metadata in this update: activate it in the next one", was.Name)
	}
	meta := tx.find(pool.Metadata)
	if meta == nil {
		return nil
	}
	old, err := tx.usablePool(was)
	if err != nil || !old {
		return err
	}
	check, ok := tx.sys.cfg.ThinCheck.find(tx.sys.fs, "thin_check", "-q", "--clear-needs-check-flag")
	if !ok {
		return nil
	}
	name, err := dmName(tx.vg.Name, meta.Name, "")
	if err != nil {
		return err
	}
	uuid := dmUUID(tx.vg.ID, meta.ID, thinMetaLayer)
	if m := tx.kern.byUUID[uuid]; m != nil {
		name = m.name
	}
	b.load = append(b.load, &RunThinCheck{deviceRef: deviceRef{Name: name, UUID: uuid}, Pool: n.lvName, tool: check})
	return nil
}

// RunThinCheck has thin_check look at the metadata of a thin pool before the kernel
// uses it, which believes what it finds there. An error matches [ErrNeedsCheck], and
// is a [*ToolError].
type RunThinCheck struct {
	harmless
	deviceRef // of the metadata
	Pool      string

	tool tool
}

func (s *RunThinCheck) String() string {
	return fmt.Sprintf("check the metadata of pool %s on %s with %s", s.Pool, s.Name, s.tool.path)
}

func (s *RunThinCheck) do(r *run) error {
	paths, err := r.nodes(s.deviceRef)
	if err != nil {
		return err
	}
	err = s.tool.run(r, paths...)
	var failed *ToolError
	if errors.As(err, &failed) {
		return fmt.Errorf("pool %s is damaged, RepairThinPool mends it: %w: %w", s.Pool, ErrNeedsCheck, err)
	}
	return err
}

// undo removes the node, whose device goes.
func (s *RunThinCheck) undo(r *run) error { return r.sys.host.removeNode(s.Name) }

// nodes has nodes of devices made, for a program that is given their paths.
func (r *run) nodes(devices ...deviceRef) ([]string, error) {
	if r.cookie != nil { // udev makes them
		if err := r.cookie.Wait(r.ctx); err != nil {
			return nil, err
		}
		cookie, err := dm.NewCookie()
		if err != nil {
			return nil, err
		}
		r.cookie = cookie
	}
	var paths []string
	for _, d := range devices {
		dev, ok := r.devs[d.UUID]
		if !ok {
			return nil, fault(ErrNotActive, "device %s is not there", d.Name)
		}
		if err := r.sys.host.addNode(d.Name, dev); err != nil {
			return nil, err
		}
		paths = append(paths, filepath.Join(r.sys.cfg.DevDir, "mapper", d.Name))
	}
	return paths, nil
}

// poolRepair is a repair of a thin pool's metadata.
type poolRepair struct {
	pool   *metadata.LogicalVolume
	from   *metadata.LogicalVolume // the damaged metadata, as it was
	to     *metadata.LogicalVolume // the spare, by its former name
	repair tool
}

// repairPools plans the writing of the metadata of thin pools anew, with devices
// that are there only meanwhile. All of it is before the commit, and on what nobody
// uses by then.
func (b *builder) repairPools() error {
	tx := b.tx
	for _, id := range tx.order {
		p := tx.repairs[id]
		if p == nil {
			continue
		}
		before := tx.st.doc.VG
		from, err := (&renderer{vg: before, device: tx.tableDevice(), claimed: tx.claims()}).lv(p.from)
		if err != nil {
			return err
		}
		to, err := (&renderer{vg: tx.vg, device: tx.tableDevice(), claimed: tx.claims(), find: tx.find, ties: newTies(before)}).lv(p.to)
		if err != nil {
			return err
		}
		last := func(nodes []node) deviceRef {
			n := nodes[len(nodes)-1]
			return deviceRef{Name: n.name, UUID: n.uuid}
		}
		for _, n := range slices.Concat(from, to) {
			ref := deviceRef{Name: n.name, UUID: n.uuid}
			b.load = append(b.load, &CreateDevice{deviceRef: ref}, &LoadTable{deviceRef: ref, Table: n.table},
				&ResumeDevice{deviceRef: ref, Created: true, hidden: true})
		}
		b.load = append(b.load, &RunThinRepair{
			From: last(from), To: last(to), Pool: p.pool.Name, tool: p.repair, chunk: thinPoolBody(p.pool).ChunkSize,
			written: func(h *handles) *extentFile { return newExtentFile(tx.vg, p.to, tx.emap, tx.members, h) },
		})
		for _, n := range slices.Backward(slices.Concat(from, to)) {
			b.load = append(b.load, &RemoveDevice{deviceRef: deviceRef{Name: n.name, UUID: n.uuid}, hidden: true})
		}
	}
	return nil
}

// RunThinRepair has thin_repair write what it understands of the metadata of a thin
// pool to another volume. What it has written is looked at before it counts.
type RunThinRepair struct {
	harmless
	From, To deviceRef
	Pool     string

	tool    tool
	chunk   Sectors
	written func(*handles) *extentFile
}

func (s *RunThinRepair) String() string {
	return fmt.Sprintf("repair the metadata of pool %s on %s into %s with %s", s.Pool, s.From.Name, s.To.Name, s.tool.path)
}

func (s *RunThinRepair) do(r *run) error {
	paths, err := r.nodes(s.From, s.To)
	if err != nil {
		return err
	}
	if err := s.tool.run(r, "-i", paths[0], "-o", paths[1]); err != nil {
		return err
	}
	f := s.written(r.handles)
	p, err := thinmeta.Open(f, f.size)
	if err != nil {
		return fromFormat(err)
	}
	if p.BlockSize() != s.chunk {
		return fault(ErrDamaged, "the repaired metadata of pool %s has chunks of %d sectors, the group says %d", s.Pool, uint64(p.BlockSize()), uint64(s.chunk))
	}
	return s.undo(r)
}

func (s *RunThinRepair) undo(r *run) error {
	return joinErrors(r.sys.host.removeNode(s.From.Name), r.sys.host.removeNode(s.To.Name))
}

// RepairPoolSpec says how a thin pool is repaired. The zero value is fine.
type RepairPoolSpec struct {
	// NoSpare makes no new spare in the place of the one that is used up.
	NoSpare bool
	// PVs are the physical volumes for the new spare; all if empty.
	PVs []PVSelection
}

// RepairThinPool writes the metadata of a thin pool anew, with what thin_repair
// understands of it, into the spare that is kept for that, or a new volume if there
// is none. The damaged metadata stays as a volume, pool_meta0, which is returned:
// remove it once all that was in the pool is there. A new spare is made if there is
// room for it. lvm2: lvconvert --repair.
//
// Where a mapping was lost, a volume reads as zeroes, or it cannot be activated any
// more: [LogicalVolume.CheckPool] says which are not in the pool.
//
// Returns an error matching [ErrLVNotFound], [ErrInvalidSpec] if the volume is no thin
// pool, [ErrBusy] if it or one of its volumes is active, [ErrUnsupported] in image mode,
// or where thin_repair is not there; a *[SpaceError] if there is no room for the new
// metadata. When it is applied: a [*ToolError] if thin_repair fails, [ErrDamaged] if what
// it has written is no metadata of this pool. Then all is as it was. The pool is activated in another
// update.
func (tx *Tx) RepairThinPool(pool string, spec RepairPoolSpec) (*LogicalVolume, error) {
	var kept *metadata.LogicalVolume
	err := tx.whole(func() (err error) { kept, err = tx.repairThinPool(pool, spec); return err })
	if err != nil {
		return nil, tx.fail("repair thin pool", pool, err)
	}
	return tx.viewLV(kept), nil
}

func (tx *Tx) repairThinPool(ref string, spec RepairPoolSpec) (*metadata.LogicalVolume, error) {
	pool, i, err := tx.lvToChange(ref)
	if err != nil {
		return nil, err
	}
	body := thinPoolBody(pool)
	if body == nil {
		return nil, fault(ErrInvalidSpec, "lv %s is no thin pool", pool.Name)
	}
	if tx.sys.kernel == nil {
		return nil, fault(ErrUnsupported, "thin_repair works on devices, which image mode does not make")
	}
	if tx.st != nil && tx.st.noActivate != nil {
		return nil, tx.st.noActivate // it has devices meanwhile
	}
	repair, ok := tx.sys.cfg.ThinRepair.find(tx.sys.fs, "thin_repair")
	if !ok {
		return nil, fault(ErrUnsupported, "thin_repair, of thin-provisioning-tools, is not there, or not to be run")
	}
	meta, was := tx.find(body.Metadata), lvRecord(tx.st, body.Metadata)
	switch {
	case meta == nil:
		return nil, fault(ErrDamaged, "there is no lv %s", body.Metadata)
	case was == nil || meta != was || tx.tells[pool.ID]:
		return nil, fault(ErrUnsupported, "pool %s is changed in this update: that takes one of its own", pool.Name)
	}
	if err := tx.poolUnused(pool); err != nil {
		return nil, err
	}
	spare, err := tx.repairTarget(meta, spec)
	if err != nil {
		return nil, err
	}
	if err := tx.swapPoolMetadata(pool, i, meta, spare); err != nil {
		return nil, err
	}
	if tx.repairs == nil {
		tx.repairs = map[metadata.ID]*poolRepair{}
	}
	tx.repairs[spare.ID] = &poolRepair{pool: pool, from: was, to: spare, repair: repair}
	kept := *tx.find(meta.ID)
	name, err := tx.keptName(pool.Name)
	if err != nil {
		return nil, err
	}
	return &kept, tx.showPart(&kept, name)
}

// poolUnused refuses a pool that the kernel has, or a part of it.
func (tx *Tx) poolUnused(pool *metadata.LogicalVolume) error {
	for _, lv := range append(tx.withOwned(pool), tx.spare()) {
		if lv != nil && tx.kern != nil && len(tx.kern.byLV[lv.ID]) > 0 || lv == pool && tx.wishes[pool.ID].activate {
			return fault(ErrBusy, "lv %s is active: deactivate pool %s and its volumes first, in an update before this one", lv.Name, pool.Name)
		}
	}
	return nil
}

// repairTarget returns the volume that repaired metadata is written to, as it is
// called until then, and has another spare made if there is room.
func (tx *Tx) repairTarget(meta *metadata.LogicalVolume, spec RepairPoolSpec) (*metadata.LogicalVolume, error) {
	if spare := tx.spare(); spare == nil || spare.Extents() < meta.Extents() {
		if err := tx.keepSpare(meta.Extents(), spec.PVs); err != nil {
			return nil, err
		}
	}
	spare := tx.spare()
	if spec.NoSpare {
		return spare, nil
	}
	extents := spare.Extents()
	for _, lv := range tx.vg.LVs {
		if meta := tx.find(poolMetadataOf(lv)); meta != nil {
			extents = max(extents, meta.Extents())
		}
	}
	if err := tx.makeSpare(extents, spec.PVs); err != nil && !errors.Is(err, ErrNoSpace) {
		return nil, err
	}
	return spare, nil
}

// swapPoolMetadata gives a pool other metadata, which takes over the name of the
// former. That one is left with a name of no use.
func (tx *Tx) swapPoolMetadata(pool *metadata.LogicalVolume, i int, old, now *metadata.LogicalVolume) error {
	body := *thinPoolBody(pool)
	body.Metadata = now.ID
	name := old.Name
	former := *old
	former.Name = name + "_old"
	if err := tx.renameParts(old, former.Name); err != nil {
		return err
	}
	if err := tx.put(tx.indexOf(old.ID), &former); err != nil {
		return err
	}
	part := *now
	part.Name = name
	hide(&part)
	if err := tx.renameParts(now, name); err != nil {
		return err
	}
	if err := tx.put(tx.indexOf(now.ID), &part); err != nil {
		return err
	}
	return tx.put(i, withBody(pool, &body))
}

// showPart makes a volume of what was a hidden part, with another name.
func (tx *Tx) showPart(lv *metadata.LogicalVolume, name string) error {
	if err := tx.renameParts(lv, name); err != nil {
		return err
	}
	lv.Name = name
	lv.Status |= metadata.LVVisible
	return tx.put(tx.indexOf(lv.ID), lv)
}

// keptName returns the name of the volume that keeps the damaged metadata of a pool.
// Source: lvm2 as observed.
func (tx *Tx) keptName(pool string) (string, error) {
	name, err := tx.nextName(pool + "_meta")
	if err != nil {
		return "", err
	}
	return name, checkLVName(tx.vg.Name, name)
}
