package lvm

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"path/filepath"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/internal/thinmeta"
	"github.com/lvm-go/lvm/metadata"
)

// thinSearch is how it is found out where two thin volumes of a pool differ.
type thinSearch struct {
	pool        *metadata.LogicalVolume
	one, other  thinVolume
	size, least Bytes // of the first one, and of the shorter one
}

type thinVolume struct {
	lv   *metadata.LogicalVolume
	body *metadata.Thin
}

// thinVolume returns the thin volume that one shows; ok is false if it is none.
func (g *groupLayout) thinVolume(id metadata.ID) (v thinVolume, ok bool, err error) {
	lv := g.find(id)
	body := thinBody(lv)
	if body == nil {
		return v, false, nil
	}
	if !body.Merge.IsZero() {
		return v, true, fault(ErrMerging, "lv %s is being merged into its origin, which shows it", lv.Name)
	}
	v.lv, v.body = g.thinShown(lv, body)
	return v, true, nil
}

// compareThin says how a is compared with b, if both are thin volumes; otherwise
// it returns nil.
func (g *groupLayout) compareThin(a, b metadata.ID) (*thinSearch, error) {
	one, isThin, err := g.thinVolume(a)
	if err != nil || !isThin {
		return nil, err
	}
	other, isThin, err := g.thinVolume(b)
	if err != nil || !isThin {
		return nil, err
	}
	switch pool := g.find(one.body.Pool); {
	case pool == nil:
		return nil, fault(ErrDamaged, "its pool %s is not there", one.body.Pool)
	case other.body.Pool != one.body.Pool:
		return nil, fault(ErrInvalidSpec, "lv %s and lv %s are not in one pool", one.lv.Name, other.lv.Name)
	case other.body.ExternalOrigin != one.body.ExternalOrigin:
		return nil, fault(ErrInvalidSpec, "lv %s and lv %s have not the same external origin", one.lv.Name, other.lv.Name)
	default:
		size := extentBytes(g.vg, g.find(a).Extents())
		return &thinSearch{pool, one, other, size, min(size, extentBytes(g.vg, g.find(b).Extents()))}, nil
	}
}

// ranges returns where the first volume may differ from the other.
func (c *thinSearch) ranges(ctx context.Context, p *openPool) ([]Range, error) {
	one, err := p.device(c.one.lv, c.one.body)
	if err != nil {
		return nil, err
	}
	other, err := p.device(c.other.lv, c.other.body)
	if err != nil {
		return nil, err
	}
	var ranges []Range
	add := p.blocks(ctx, c.size, &ranges)
	switch {
	case one != nil && other != nil:
		for d, err := range thinmeta.Compare(one, other) {
			if more, err := add(d.Virtual, d.Length, err); !more || err != nil {
				return c.rest(ranges), err
			}
		}
	case one != nil || other != nil:
		if one == nil {
			one = other
		}
		for r, err := range one.Mappings(0) {
			if more, err := add(r.Virtual, r.Length, err); !more || err != nil {
				return c.rest(ranges), err
			}
		}
	}
	return c.rest(ranges), nil
}

// thinChanges is Changes for thin volumes.
func (s *System) thinChanges(ctx context.Context, g *groupLayout, kern *kernelState, h *handles, c *thinSearch) (ranges []Range, err error) {
	err = s.withPool(g, kern, c.pool, h, func(p *openPool) error {
		ranges, err = c.ranges(ctx, p)
		return err
	})
	return ranges, err
}

// rest adds what is behind the end of the other volume.
func (c *thinSearch) rest(ranges []Range) []Range {
	if c.size > c.least {
		ranges = append(ranges, Range{c.least, c.size - c.least})
	}
	return joinRanges(ranges)
}

// blocks returns what adds blocks of a volume of some size to ranges; more is
// false for those that are behind its end.
func (p *openPool) blocks(ctx context.Context, size Bytes, ranges *[]Range) func(virtual, length thinmeta.Block, failed error) (more bool, err error) {
	block := sectorBytes(p.body.ChunkSize)
	return func(virtual, length thinmeta.Block, failed error) (bool, error) {
		if failed == nil {
			failed = checkpoint(ctx)
		}
		if failed != nil {
			return false, failed
		}
		start, ok := mulBytes(Extents(virtual), block)
		if !ok || start >= size {
			return false, nil
		}
		n, ok := mulBytes(Extents(length), block)
		if !ok || n > size-start {
			n = size - start
		}
		*ranges = append(*ranges, Range{start, n})
		return true, nil
	}
}

// withPool opens a thin pool to look at its metadata. Of one that is active, a
// snapshot is made of them for that time.
func (s *System) withPool(g *groupLayout, kern *kernelState, lv *metadata.LogicalVolume, h *handles, do func(*openPool) error) (err error) {
	device := kern.byUUID[dmUUID(g.vg.ID, lv.ID, thinPoolLayer)]
	if device == nil {
		p, err := g.pool(lv, h, 0)
		if err == nil {
			err = p.same()
		}
		if err != nil {
			return fromFormat(err)
		}
		return fromFormat(do(p))
	}
	p := &openPool{g: g, lv: lv, body: thinPoolBody(lv)}
	if p.body == nil {
		return fault(ErrDamaged, "lv %s is no thin pool", lv.Name)
	}
	_, _, err = s.kernel.Message(dm.ByUUID(device.uuid), 0, dm.ThinReserveMetadataSnapshot)
	if errors.Is(err, dm.ErrBusy) {
		return fault(ErrBusy, "somebody else holds the one snapshot of the metadata of pool %s that there can be", lv.Name)
	}
	if err != nil {
		return fromKernel(err)
	}
	defer func() {
		if _, _, failed := s.kernel.Message(dm.ByUUID(device.uuid), 0, dm.ThinReleaseMetadataSnapshot); failed != nil && err == nil {
			err = fromKernel(failed)
		}
	}()
	meta := kern.top(p.body.Metadata)
	if meta == nil {
		return fault(ErrDamaged, "pool %s is active without its metadata", lv.Name)
	}
	d, err := s.openMapped(meta)
	if err != nil {
		return err
	}
	defer d.Close()
	size, err := d.Size()
	if err != nil {
		return err
	}
	all, err := thinmeta.Open(d, size)
	if err == nil {
		p.meta, err = all.Held()
	}
	if err == nil {
		err = p.same()
	}
	if err == nil {
		err = do(p)
	}
	return fromFormat(err)
}

// openMapped opens a device of the kernel for reading.
func (s *System) openMapped(m *mapped) (Device, error) {
	d, err := openFileDevice(filepath.Join(s.cfg.DevDir, "mapper", m.name), false)
	if err != nil {
		return nil, err
	}
	if n := factsOf(d).number; n.major != m.dev.Major() || n.minor != m.dev.Minor() {
		_ = d.Close() // nothing was written
		return nil, fault(ErrDamaged, "the node of %s is that of another device, %s", m.name, n)
	}
	return d, nil
}

// Mapped returns where the volume may hold something else than zeroes: ranges in
// order, with room between them. That is what a backup has to copy. Of a thin
// volume, they are those of the blocks that it has, and of its external origin;
// of a volume with segments of type zero, the others; of any other volume, all.
//
// As with [LogicalVolume.Changes], what was written before counts, active volumes'
// writes included, as long as they are in no cache above the volume. Of a pool that
// is active, the kernel makes a snapshot of its metadata, of which there can be
// one. An error ends the sequence, and matches those of [LogicalVolume.Changes], or
// [ErrBusy] if somebody else holds such a snapshot.
func (l *LogicalVolume) Mapped(ctx context.Context) iter.Seq2[Range, error] {
	return func(yield func(Range, error) bool) {
		ranges, err := l.mapped(ctx)
		if err != nil {
			yield(Range{}, &OpError{Op: "map", VG: l.vg.rec.Name, LV: l.rec.Name, Err: err})
			return
		}
		for _, r := range ranges {
			if !yield(r, nil) {
				return
			}
		}
	}
}

func (l *LogicalVolume) mapped(ctx context.Context) (ranges []Range, err error) {
	err = l.look(ctx, func(g *groupLayout, kern *kernelState, h *handles) error {
		ranges, err = l.vg.sys.mappedOf(ctx, g, kern, h, l.rec.ID)
		return err
	})
	return ranges, err
}

// look calls do with what the group is now, locked if there is a kernel.
func (l *LogicalVolume) look(ctx context.Context, do func(g *groupLayout, kern *kernelState, h *handles) error) error {
	sys, vg := l.vg.sys, l.vg.rec.ID
	if err := sys.checkOpen(); err != nil {
		return err
	}
	if sys.kernel != nil {
		held, st, err := sys.lockAndLoad(ctx, vg.String(), lockShared)
		if err != nil {
			return err
		}
		defer held.release()
		kern, err := sys.kernelState(vg)
		if err != nil {
			return err
		}
		return do(st.layout(), kern, held.handles)
	}
	v, _, err := sys.openVolume(l.layout(), l.rec.ID)
	if err != nil {
		return err
	}
	err = v.look(do)
	if closed := v.close(); err == nil {
		err = closed
	}
	return err
}

// look is that of a volume in image mode.
func (v *openVolume) look(do func(g *groupLayout, kern *kernelState, h *handles) error) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.gone != nil {
		return v.gone
	}
	return do(v.group, &kernelState{}, v.base.devices())
}

func (s *System) mappedOf(ctx context.Context, g *groupLayout, kern *kernelState, h *handles, id metadata.ID) (ranges []Range, err error) {
	v, err := g.compared(id)
	if err != nil {
		return nil, err
	}
	thin, isThin, err := g.thinVolume(id)
	if err != nil {
		return nil, err
	}
	_, merging := g.links().merging(id)
	lv := g.find(id)
	switch {
	case isThin && !merging:
		return g.mappedThin(ctx, s, kern, h, thin, v.size)
	case v.snapshot || merging || isMade(lv):
		return joinRanges([]Range{{0, v.size}}), nil
	}
	for piece, err := range g.extents().Map(id, 0, v.size) {
		if err != nil {
			return nil, err
		}
		if !piece.Zero {
			ranges = append(ranges, Range{piece.LVOffset, piece.Length})
		}
	}
	return joinRanges(ranges), nil
}

func (g *groupLayout) mappedThin(ctx context.Context, s *System, kern *kernelState, h *handles, v thinVolume, size Bytes) (ranges []Range, err error) {
	pool := g.find(v.body.Pool)
	if pool == nil {
		return nil, fault(ErrDamaged, "its pool %s is not there", v.body.Pool)
	}
	if origin := g.find(v.body.ExternalOrigin); origin != nil {
		ranges = append(ranges, Range{0, min(size, extentBytes(g.vg, userExtents(origin)))})
	}
	err = s.withPool(g, kern, pool, h, func(p *openPool) error {
		device, err := p.device(v.lv, v.body)
		if err != nil || device == nil {
			return err
		}
		add := p.blocks(ctx, size, &ranges)
		for r, err := range device.Mappings(0) {
			if more, err := add(r.Virtual, r.Length, err); !more || err != nil {
				return err
			}
		}
		return nil
	})
	return joinRanges(ranges), err
}

// PoolProblem is something that is wrong with a thin pool.
type PoolProblem struct {
	// Harmless: space is in use that nothing has. It is lost until the metadata is
	// repaired, but nothing else is.
	Harmless bool
	What     string
}

// String returns what is wrong.
func (p PoolProblem) String() string { return p.What }

// CheckPool looks at all of the metadata of a thin pool, which must not be active,
// and reports what is wrong: at most 100 problems of the metadata, as thin_check
// finds them, and which volumes the pool and the group do not both have. It changes
// nothing.
//
// Returns an error matching [ErrTransactionID], beside what was found, if pool and
// group are not of the same transaction. Other errors match [ErrInvalidSpec] if the
// volume is no thin pool, [ErrBusy] if it is active, [ErrDamaged] if its metadata
// cannot be understood at all, [ErrMissingPV], or those of [System.View].
func (l *LogicalVolume) CheckPool(ctx context.Context) ([]PoolProblem, error) {
	var found []PoolProblem
	err := l.look(ctx, func(g *groupLayout, kern *kernelState, h *handles) (err error) {
		found, err = g.checkPool(ctx, kern, h, l.rec.ID)
		return err
	})
	if err != nil {
		err = &OpError{Op: "check pool", VG: l.vg.rec.Name, LV: l.rec.Name, Err: fromFormat(err)}
	}
	return found, err
}

func (g *groupLayout) checkPool(ctx context.Context, kern *kernelState, h *handles, id metadata.ID) ([]PoolProblem, error) {
	lv := g.find(id)
	switch {
	case lv == nil:
		return nil, fault(ErrLVNotFound, "it is not there any more")
	case thinPoolBody(lv) == nil:
		return nil, fault(ErrInvalidSpec, "it is no thin pool")
	case len(kern.byLV[lv.ID]) > 0:
		return nil, fault(ErrBusy, "it is active")
	}
	p, err := g.pool(lv, h, 0)
	if err != nil {
		return nil, err
	}
	if err := p.same(); err != nil || p.meta == nil {
		return nil, err
	}
	problems, err := p.meta.Check(ctx)
	if err != nil {
		return nil, err
	}
	var found []PoolProblem
	for _, problem := range problems {
		found = append(found, PoolProblem(problem))
	}
	volumes, err := p.checkVolumes()
	return append(found, volumes...), err
}

// checkVolumes reports volumes that the pool and the group do not both have.
func (p *openPool) checkVolumes() ([]PoolProblem, error) {
	has := map[uint32]bool{}
	for d, err := range p.meta.Devices() {
		if errors.Is(err, thinmeta.ErrDamaged) {
			return nil, nil // which is reported
		}
		if err != nil {
			return nil, err
		}
		has[d.ID] = true
	}
	pending := map[metadata.ID]bool{}
	known := map[uint32]bool{}
	for _, m := range p.body.Messages {
		if m.Create.IsZero() {
			known[m.Delete] = true
		} else {
			pending[m.Create] = true
		}
	}
	var found []PoolProblem
	for _, lv := range p.g.vg.LVs {
		body := thinBody(lv)
		if body == nil || body.Pool != p.lv.ID {
			continue
		}
		known[body.DeviceID] = true
		if !has[body.DeviceID] && !pending[lv.ID] {
			found = append(found, PoolProblem{What: fmt.Sprintf("lv %s: the pool has no device %d", lv.Name, body.DeviceID)})
		}
	}
	for d := range p.meta.Devices() {
		if !known[d.ID] {
			found = append(found, PoolProblem{true, fmt.Sprintf("device %d belongs to no logical volume", d.ID)})
		}
	}
	return found, nil
}
