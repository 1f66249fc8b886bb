package lvm

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/internal/cachemeta"
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

// tools returns the programs for the metadata of the pool or cache that a record is, as the
// configuration has them.
func (s *System) tools(rec *metadata.LogicalVolume) (check, repair tool, checks, repairs bool) {
	if thinPoolBody(rec) != nil {
		check, checks = s.cfg.ThinCheck.find(s.fs, "thin_check", "-q", "--clear-needs-check-flag")
		repair, repairs = s.cfg.ThinRepair.find(s.fs, "thin_repair")
	} else {
		check, checks = s.cfg.CacheCheck.find(s.fs, "cache_check", "-q", "--clear-needs-check-flag")
		repair, repairs = s.cfg.CacheRepair.find(s.fs, "cache_repair")
	}
	return check, repair, checks, repairs
}

// metadataOf returns the device with the metadata of a thin pool or a cache that has
// such a table, as that names it; empty for others.
func metadataOf(table dm.Table) string {
	if len(table) == 1 {
		switch t := table[0].Target.(type) {
		case dm.ThinPool:
			return t.Metadata
		case dm.Cache:
			return t.Metadata
		}
	}
	return ""
}

// checkMetadata plans the check of the metadata of a thin pool or a cache, between the
// making of the device that it is on and that of the pool's or the cache's, if the
// program is there. Source: lvm2 as observed.
func (b *builder) checkMetadata(n node) error {
	tx := b.tx
	uuid, was := metadataOf(n.table), lvRecord(tx.st, n.lv)
	if uuid == "" || was == nil {
		return nil
	}
	if busy, err := tx.inUse(uuid); err != nil || busy {
		return err
	}
	used, err := tx.usedMetadata(was, tx.findNow(n.lv))
	if err != nil || !used {
		return err
	}
	check, _, ok, _ := tx.sys.tools(was)
	if !ok {
		return nil
	}
	b.load = append(b.load, newCheck(was, deviceRef{Name: b.nameOf(uuid), UUID: uuid}, check))
	return nil
}

// inUse says whether a device is there and something has it open: what the kernel is at
// work on, as where a pool or a cache only comes beneath another device, is none to be
// checked.
func (tx *Tx) inUse(uuid string) (bool, error) {
	m := tx.kern.byUUID[uuid]
	if m == nil {
		return false, nil
	}
	err := tx.kern.look(m)
	return m.info.OpenCount > 0, err
}

// usedMetadata says whether the kernel may have written the metadata of a pool or a
// cache, and not that of one that is new by then. It refuses metadata that works only
// after the commit, while it is used before.
func (tx *Tx) usedMetadata(was, now *metadata.LogicalVolume) (bool, error) {
	if pool, is := thinPoolBody(now), thinPoolBody(was); pool != nil && is != nil {
		if pool.Metadata != is.Metadata {
			return false, fault(ErrUnsupported, "pool %s gets other metadata in this update: activate it in the next one", was.Name)
		}
		return tx.usablePool(was)
	}
	cache, _ := bodyOf[*metadata.Cache](now)
	is, cached := bodyOf[*metadata.Cache](was)
	if !cached || cache.Pool != is.Pool {
		return false, nil
	}
	if tx.repairs[poolMetadataOf(tx.find(cache.Pool))] != nil {
		return false, fault(ErrUnsupported, "the cache of lv %s gets other metadata in this update: activate it in the next one", was.Name)
	}
	f := &madeFile{g: tx.st.layout(), lv: was, h: tx.h}
	parts, err := f.cacheParts(&was.Segments[0], is)
	if err != nil {
		return true, nil // the kernel, or the check, tells
	}
	c, err := cachemeta.Open(parts.meta, parts.metaSize)
	// The kernel writes it for no blocks at first, and makes room for them afterwards:
	// cache_check finds fault with what it leaves in between.
	return !errors.Is(err, cachemeta.ErrBlank) && (err != nil || c.Blocks() > 0), nil
}

// nameOf returns the name that a device has, or is made with.
func (b *builder) nameOf(uuid string) string {
	if m := b.tx.kern.byUUID[uuid]; m != nil {
		return m.name
	}
	return b.names[uuid]
}

// checkAfter plans the check of the metadata of a thin pool or a cache, whose device goes
// with that of the metadata, once nobody writes to it any more. Source: lvm2 as observed.
func (b *builder) checkAfter(m *mapped, going func(*mapped) bool) []Step {
	tx := b.tx
	lv := lvRecord(tx.st, m.lv)
	number, err := dm.ParseDev(metadataOf(m.table))
	if err != nil || lv == nil || tx.find(m.lv) != lv || tx.meanwhile[m.lv] != nil {
		return nil
	}
	meta := tx.kern.byDev[number]
	if meta == nil || !going(meta) {
		return nil
	}
	check, _, ok, _ := tx.sys.tools(lv)
	if !ok {
		return nil
	}
	s := newCheck(lv, deviceRef{Name: meta.name, UUID: meta.uuid}, check)
	s.after = true
	return []Step{s}
}

// RunMetadataCheck has thin_check or cache_check look at the metadata of a thin pool or a
// cache, before the kernel uses it, which believes what it finds there, or after that. An
// error matches [ErrNeedsCheck], and is a [*ToolError]. If it comes after, the rest of the
// plan is done nevertheless.
type RunMetadataCheck struct {
	harmless
	deviceRef // of the metadata
	LV        string

	tool  tool
	mend  string
	after bool
}

func newCheck(lv *metadata.LogicalVolume, meta deviceRef, check tool) *RunMetadataCheck {
	s := &RunMetadataCheck{deviceRef: meta, LV: lv.Name, tool: check, mend: "RepairThinPool mends it"}
	if thinPoolBody(lv) == nil {
		s.mend = "RepairCachePool mends it"
		if lv.Segments[0].HasFlag(cacheFlag) {
			s.mend = "it is to be repaired by hand"
		}
	}
	return s
}

func (s *RunMetadataCheck) String() string {
	return fmt.Sprintf("check the metadata of %s on %s with %s", s.LV, s.Name, s.tool.path)
}

func (s *RunMetadataCheck) do(r *run) error {
	paths, err := r.nodes(s.deviceRef)
	if err != nil {
		return err
	}
	err = s.tool.run(r, paths...)
	var failed *ToolError
	if errors.As(err, &failed) {
		return fmt.Errorf("the metadata of lv %s is damaged, %s: %w: %w", s.LV, s.mend, ErrNeedsCheck, err)
	}
	return err
}

// undo removes the node, if its device goes.
func (s *RunMetadataCheck) undo(r *run) error {
	if s.after {
		return nil
	}
	return r.sys.host.removeNode(s.Name)
}

// nodes has nodes of devices made, for a program that is given their paths.
func (r *run) nodes(devices ...deviceRef) ([]string, error) {
	if r.cookie != nil { // udev makes them, if its rules say so
		waited := r.cookie.Wait(r.ctx)
		cookie, err := dm.NewCookie()
		r.cookie = cookie // what was waited for is of no use any more, also to undo
		if err := joinErrors(waited, err); err != nil {
			return nil, err
		}
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

// metadataRepair is a repair of the metadata of a pool.
type metadataRepair struct {
	pool   *metadata.LogicalVolume
	from   *metadata.LogicalVolume // the damaged metadata, as it was
	to     *metadata.LogicalVolume // the spare, by its former name
	repair tool
}

// repairPools plans the writing of the metadata of pools anew, with devices
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
		b.load = append(b.load, &RunMetadataRepair{
			From: last(from), To: last(to), LV: p.pool.Name, tool: p.repair, check: writtenCheck(p.pool),
			written: func(h *handles) *extentFile { return newExtentFile(tx.vg, p.to, tx.emap, tx.members, h) },
		})
		for _, n := range slices.Backward(slices.Concat(from, to)) {
			b.load = append(b.load, &RemoveDevice{deviceRef: deviceRef{Name: n.name, UUID: n.uuid}, hidden: true})
		}
	}
	return nil
}

// RunMetadataRepair has thin_repair or cache_repair write what it understands of the
// metadata of a thin pool or a cache to another volume. What it has written is looked at before it counts.
type RunMetadataRepair struct {
	harmless
	From, To deviceRef
	LV       string

	tool    tool
	check   func(*extentFile) error
	written func(*handles) *extentFile
}

func (s *RunMetadataRepair) String() string {
	return fmt.Sprintf("repair the metadata of %s on %s into %s with %s", s.LV, s.From.Name, s.To.Name, s.tool.path)
}

func (s *RunMetadataRepair) do(r *run) error {
	paths, err := r.nodes(s.From, s.To)
	if err != nil {
		return err
	}
	if err := s.tool.run(r, "-i", paths[0], "-o", paths[1]); err != nil {
		return err
	}
	if err := s.check(s.written(r.handles)); err != nil {
		return err
	}
	return s.undo(r)
}

func (s *RunMetadataRepair) undo(r *run) error {
	return joinErrors(r.sys.host.removeNode(s.From.Name), r.sys.host.removeNode(s.To.Name))
}

// writtenCheck returns what looks whether metadata is that of a pool.
func writtenCheck(pool *metadata.LogicalVolume) func(*extentFile) error {
	return func(f *extentFile) error {
		var has, says Sectors
		if body := thinPoolBody(pool); body != nil {
			p, err := thinmeta.Open(f, f.size)
			if err != nil {
				return fromFormat(err)
			}
			has, says = p.BlockSize(), body.ChunkSize
		} else if body, ok := bodyOf[*metadata.CachePool](pool); ok {
			c, err := cachemeta.Open(f, f.size)
			if err != nil {
				return fromFormat(err)
			}
			has, says = c.BlockSize(), body.ChunkSize
		}
		if has != says {
			return fault(ErrDamaged, "the repaired metadata of pool %s has chunks of %d sectors, the group says %d", pool.Name, uint64(has), uint64(says))
		}
		return nil
	}
}

// RepairPoolSpec says how a thin pool or a cache pool is repaired. The zero value is fine.
type RepairPoolSpec struct {
	// NoSpare makes no new spare in the place of the one that is used up.
	NoSpare bool
	// PVs are the physical volumes for the new spare; all if empty.
	PVs []PVSelection
}

// rewriteMetadata has the metadata of a pool written anew. It returns what it was, as a
// volume whose name begins with that. used is what must not be active.
func (tx *Tx) rewriteMetadata(pool *metadata.LogicalVolume, i int, name string, used *metadata.LogicalVolume, spec RepairPoolSpec) (*metadata.LogicalVolume, error) {
	if tx.sys.kernel == nil {
		return nil, fault(ErrUnsupported, "what repairs metadata works on devices, which image mode does not make")
	}
	if tx.st != nil && tx.st.noActivate != nil {
		return nil, tx.st.noActivate // it has devices meanwhile
	}
	_, repair, _, ok := tx.sys.tools(pool)
	if !ok {
		return nil, fault(ErrUnsupported, "what repairs metadata, of thin-provisioning-tools, is not there, or not to be run")
	}
	id := poolMetadataOf(pool)
	meta, was := tx.find(id), lvRecord(tx.st, id)
	switch {
	case meta == nil:
		return nil, fault(ErrDamaged, "there is no lv %s", id)
	case was == nil || meta != was || tx.tells[pool.ID]:
		return nil, fault(ErrUnsupported, "pool %s is changed in this update: that takes one of its own", pool.Name)
	}
	if err := tx.poolUnused(used); err != nil {
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
		tx.repairs = map[metadata.ID]*metadataRepair{}
	}
	tx.repairs[spare.ID] = &metadataRepair{pool: pool, from: was, to: spare, repair: repair}
	kept := *tx.find(meta.ID)
	if name, err = tx.keptName(name); err != nil {
		return nil, err
	}
	return &kept, tx.showPart(&kept, name)
}

// poolUnused refuses a pool that the kernel has, or a part of it.
func (tx *Tx) poolUnused(pool *metadata.LogicalVolume) error {
	for _, lv := range append(tx.withOwned(pool), tx.spare()) {
		if lv != nil && tx.kern != nil && len(tx.kern.byLV[lv.ID]) > 0 || lv == pool && tx.wishes[pool.ID].activate {
			return fault(ErrBusy, "lv %s is active: deactivate %s and what lies on it first, in an update before this one", lv.Name, pool.Name)
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

// swapPoolMetadata gives a thin pool or a cache pool other metadata, which takes over the name of the
// former. That one is left with a name of no use.
func (tx *Tx) swapPoolMetadata(pool *metadata.LogicalVolume, i int, old, now *metadata.LogicalVolume) error {
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
	return tx.put(i, withMetadata(pool, now.ID))
}

// withMetadata returns a pool with other metadata.
func withMetadata(pool *metadata.LogicalVolume, id metadata.ID) *metadata.LogicalVolume {
	if body, ok := bodyOf[*metadata.CachePool](pool); ok {
		own := *body
		own.Metadata = id
		return withBody(pool, &own)
	}
	own := *thinPoolBody(pool)
	own.Metadata = id
	return withBody(pool, &own)
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

// keptName returns the name of the volume that keeps damaged metadata.
// Source: lvm2 as observed.
func (tx *Tx) keptName(pool string) (string, error) {
	name, err := tx.nextName(pool + "_meta")
	if err != nil {
		return "", err
	}
	return name, checkLVName(tx.vg.Name, name)
}
