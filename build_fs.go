package lvm

import (
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/lvm-go/lvm/metadata"
)

// fileSystems plans what happens to the file systems that are to be resized:
// they shrink before the metadata is touched and grow when all else is done, so
// that none ever reaches beyond the end of its volume, whatever fails.
func (b *builder) fileSystems() error {
	tx := b.tx
	for _, id := range tx.fs.order {
		lv := tx.find(id)
		if lv == nil && tx.left[id] {
			return fault(ErrUnsupported, "a file system cannot be resized while its volume moves to another group")
		}
		if lv == nil || slices.ContainsFunc(tx.created, func(n newLV) bool { return n.id == id }) {
			continue // it goes with all that is on it, or is new and empty
		}
		p := fsPlan{b: b, old: lvRecord(tx.st, id), lv: lv}
		if err := p.plan(); err != nil {
			return &OpError{Op: "resize file system on", VG: tx.vg.Name, LV: lv.Name, Err: err}
		}
	}
	return nil
}

// lvRecord returns an LV as it was, nil if it was not in the group.
func lvRecord(st *vgState, id metadata.ID) *metadata.LogicalVolume {
	if st == nil {
		return nil
	}
	return st.lvs()[id]
}

// fsPlan is the planning of one file system's way.
type fsPlan struct {
	b       *builder
	old, lv *metadata.LogicalVolume // the volume before and after
	sb      *superblock
	device  *mapped // nil if the volume is not active
	use     fsUse
	dir     string // where it is mounted so that it can be written to
	// most is where a file system has to end whose size is only known once its
	// journal was replayed; 0: the size is known.
	most Bytes
}

func (p *fsPlan) plan() error {
	tx := p.b.tx
	if p.old == nil {
		return fault(ErrUnsupported, "the volume comes from another group in the same update")
	}
	before, after := tx.bytes(p.old.Extents()), tx.bytes(p.lv.Extents())
	low := min(before, after)
	if cut, ok := tx.fs.cut[p.lv.ID]; ok {
		low = min(low, tx.bytes(cut))
	}
	var err error
	f := newExtentFile(tx.st.doc.VG, p.old, tx.st.extents(), tx.st.members, tx.h)
	if p.sb, err = readSuperblock(f, f.size); err != nil {
		return err
	}
	switch {
	case p.sb == nil && low < before:
		return fault(ErrUnsupported, "no file system is known on it, so it cannot be made smaller with what it holds")
	case p.sb == nil:
		return nil
	case p.sb.kind == nil:
		return fault(ErrUnsupported, "it holds %s, which cannot be resized", p.sb.Type)
	case p.sb.refuse != nil:
		return p.sb.refuse
	}
	if err := p.look(); err != nil {
		return err
	}
	if p.sb.Size > before {
		return fault(ErrUnsupported, "%s of %d bytes reaches beyond the end of the volume at byte %d", p.sb.Type, uint64(p.sb.Size), uint64(before))
	}
	block := p.sb.BlockSize
	small, large := low&^(block-1), after&^(block-1)
	if p.sb.most != 0 {
		large = min(large, p.sb.most)
	}
	if low < before && p.sb.replay && !p.use.mounted {
		p.most = low
	}
	from := p.sb.Size
	shrink, grow := from > low, min(from, small) < large
	if !shrink && !grow && low == before {
		return nil
	}
	if err := p.unused(); err != nil {
		return err
	}
	if !shrink && !grow && p.most == 0 {
		return nil
	}
	if err := p.allowed(); err != nil {
		return err
	}
	if shrink {
		if err := p.canShrink(small); err != nil {
			return err
		}
	}
	return p.steps(shrink, grow, small, large)
}

// look finds out who uses the file system.
func (p *fsPlan) look() error {
	tx := p.b.tx
	p.device = tx.kern.top(p.lv.ID)
	if p.device == nil || p.sb.kind.mountType == "" {
		return nil
	}
	use, err := tx.sys.usedFS(p.sb, p.device)
	if err != nil {
		return err
	}
	if use.mounted && len(use.mounts) == 0 {
		if p.sb.Size, err = tx.sys.fs.size(tx.sys.fsPlace(p.sb, p.device)); err != nil {
			return err
		}
	}
	p.use = use
	for _, m := range use.mounts {
		if !m.readOnly {
			p.dir = m.dir
			break
		}
	}
	return nil
}

// place returns where the file system is before the plan.
func (p *fsPlan) place() fsPlace {
	place := p.b.tx.sys.fsPlace(p.sb, p.device)
	place.dir = p.dir
	return place
}

// unused refuses volumes that are in use by something else than a mount.
func (p *fsPlan) unused() error {
	if p.device == nil || p.use.mounted {
		return nil
	}
	if err := p.b.tx.lookClosed(p.device, 0); err != nil {
		return err
	}
	switch open := p.device.info.OpenCount; {
	case open > 0 && p.sb.Type == "swap":
		return fault(ErrBusy, "the swap area is in use: use swapoff first")
	case open > 0:
		return fault(ErrBusy, "its device is open %d times, and not by a mount", open)
	}
	return nil
}

// allowed refuses file systems that cannot be resized as things are.
func (p *fsPlan) allowed() error {
	tx, sb := p.b.tx, p.sb
	mounts := sb.kind.mountType != ""
	switch {
	case p.lv.Status&metadata.LVWrite == 0:
		return fault(ErrReadOnly, "the volume is read-only")
	case mounts && tx.sys.kernel == nil:
		return fault(ErrUnsupported, "%s is resized by the kernel, which image mode is without", sb.Type)
	case mounts && (p.device == nil || tx.wishes[p.lv.ID].deactivate):
		return fault(ErrNotActive, "the volume has to be active for its file system to be resized")
	case !p.use.mounted:
		return nil
	case len(p.use.mounts) > 0 && p.dir == "":
		return fault(ErrReadOnly, "it is mounted read-only on %s", p.use.mounts[0].dir)
	case p.use.fixed != "":
		return fault(ErrUnsupported, "%s", p.use.fixed)
	case sb.errors:
		return fault(ErrBusy, "errors were found in it: unmount and check it first")
	case sb.offlineOnly != "":
		return fault(ErrBusy, "it cannot be resized while it is mounted, because %s", sb.offlineOnly)
	}
	return nil
}

// canShrink refuses to shrink a file system that cannot be so small.
func (p *fsPlan) canShrink(to Bytes) error {
	kind := p.sb.kind
	_, checker := p.b.tx.sys.tool(kind.checker)
	resizer, has := p.b.tx.sys.tool(kind.resizer)
	switch {
	case !kind.shrinks:
		return fault(ErrUnsupported, "%s cannot be made smaller", p.sb.Type)
	case kind.offline && p.use.mounted:
		return fault(ErrBusy, "%s cannot be made smaller while it is mounted: unmount it first", p.sb.Type)
	case kind.offline && !(checker && has):
		return fault(ErrUnsupported, "%s is made smaller by %s and %s, which are not there", p.sb.Type, kind.checker, kind.resizer)
	}
	least := p.sb.least
	if kind.offline {
		more, err := p.estimate(resizer)
		if err != nil {
			return err
		}
		least = max(least, more)
	}
	if to < least {
		return fault(ErrInvalidSize, "%s needs at least %d bytes, %d are asked for", p.sb.Type, uint64(least), uint64(to))
	}
	return nil
}

// estimate asks the tool how small a file system can be. It has no answer while
// the file system has to be checked; then it will refuse later, before anything
// has happened. Source: resize2fs(8), -P.
func (p *fsPlan) estimate(resizer string) (Bytes, error) {
	const answer = "Estimated minimum size of the filesystem: "
	tx := p.b.tx
	output, _, err := tx.sys.fs.run(tx.ctx, false, resizer, "-P", p.place().path)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(output) {
		number, ok := strings.CutPrefix(strings.TrimSpace(line), answer)
		blocks, err := strconv.ParseUint(number, 10, 64)
		if !ok || err != nil {
			continue
		}
		if least, ok := blocksToBytes(blocks, p.sb.BlockSize); ok {
			return least, nil
		}
	}
	return 0, nil
}

// tool returns the path of a file system's tool.
func (s *System) tool(name string) (string, bool) {
	if name == "" {
		return "", false
	}
	return s.fs.tool(name)
}

// steps adds what is to be done to the plan.
func (p *fsPlan) steps(shrink, grow bool, small, large Bytes) error {
	from := p.sb.Size
	if p.sb.Type == "swap" {
		return p.swapSteps(shrink, grow, small, large)
	}
	kind, sys := p.sb.kind, p.b.tx.sys
	ref := fsRef{
		deviceRef: deviceRef{Name: p.device.name, UUID: p.device.uuid}, Type: p.sb.Type, Mounted: p.dir, place: p.place(),
	}
	if !p.use.mounted {
		check := &CheckFileSystem{fsRef: ref, kind: kind}
		if check.Most = p.most; shrink {
			check.Most = 0 // by then it has the size that is asked for
		}
		check.volume = func(h *handles) io.ReaderAt {
			return newExtentFile(p.b.tx.st.doc.VG, p.old, p.b.tx.st.extents(), p.b.tx.st.members, h)
		}
		checker, checks := sys.tool(kind.checker)
		resizer, resizes := sys.tool(kind.resizer)
		switch {
		case checks && resizes:
			check.tool, ref.tool = checker, resizer
		case p.sb.errors || p.sb.unclean:
			return fault(ErrUnsupported, "it has to be checked first, and %s is not there", kind.checker)
		case p.sb.offlineOnly != "":
			return fault(ErrUnsupported, "it can only be resized by %s, which is not there, because %s", kind.resizer, p.sb.offlineOnly)
		}
		p.b.prepare = append(p.b.prepare, check)
	}
	if shrink {
		p.b.prepare = append(p.b.prepare, &ResizeFileSystem{fsRef: ref, From: from, To: small})
		from = small
	}
	if grow {
		// By then the device may have another name.
		name, err := dmName(p.b.tx.vg.Name, p.lv.Name, "")
		if err != nil {
			return err
		}
		ref.Name = name
		ref.place.path = filepath.Join(sys.cfg.DevDir, "mapper", ref.Name)
		p.b.after = append(p.b.after, &ResizeFileSystem{fsRef: ref, From: from, To: large})
	}
	return nil
}

// swapSteps plans the writing of a swap area's size, through the physical volume
// that has its head: nobody has the volume open.
func (p *fsPlan) swapSteps(shrink, grow bool, small, large Bytes) error {
	if len(p.b.tx.snapshotsOf(p.lv.ID)) > 0 {
		return fault(ErrUnsupported, "the head of the swap area is written past the snapshots of the volume, which would change with it")
	}
	from := p.sb.Size
	add := func(to *[]Step, vg *metadata.VolumeGroup, lv *metadata.LogicalVolume, emap *ExtentMap, size Bytes) error {
		write := swapSize(p.sb.order, p.sb.BlockSize, size)
		old := swapSize(p.sb.order, p.sb.BlockSize, from)
		for piece, err := range emap.Map(lv.ID, write.Offset, Bytes(len(write.Data))) {
			if err != nil {
				return err
			}
			m := p.b.tx.members[piece.PV]
			if piece.Zero || piece.Error || m == nil {
				return fault(ErrMissingPV, "the head of the swap area cannot be written")
			}
			write.Offset, old.Offset = piece.Offset, piece.Offset
			*to = append(*to, &ResizeSwap{Device: m.path, VG: vg.Name, LV: lv.Name, From: from, To: size, write: write, old: old})
		}
		from = size
		return nil
	}
	if shrink {
		if err := add(&p.b.prepare, p.b.tx.st.doc.VG, p.old, p.b.tx.st.extents(), small); err != nil {
			return err
		}
	}
	if grow {
		return add(&p.b.after, p.b.tx.vg, p.lv, p.b.tx.emap, large)
	}
	return nil
}
