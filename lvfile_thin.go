package lvm

import (
	"errors"
	"io"
	"slices"

	"github.com/lvm-go/lvm/internal/thinmeta"
	"github.com/lvm-go/lvm/metadata"
)

// openPool is a thin pool as its metadata has it.
type openPool struct {
	g    *groupLayout
	lv   *metadata.LogicalVolume
	body *metadata.ThinPool
	meta *thinmeta.Pool // nil: the kernel never had the pool
	data lvContents
}

// pool opens a thin pool.
func (f *madeFile) pool(id metadata.ID) (*openPool, error) {
	lv, err := f.find(id)
	if err != nil {
		return nil, err
	}
	return f.g.pool(lv, f.h, f.depth+1)
}

// pool opens a thin pool that lies below depth others.
func (g *groupLayout) pool(lv *metadata.LogicalVolume, h *handles, depth int) (*openPool, error) {
	p := &openPool{g: g, lv: lv}
	if p.body = thinPoolBody(lv); p.body == nil {
		return nil, fault(ErrDamaged, "lv %s is no thin pool", lv.Name)
	}
	f := &madeFile{g: g, lv: lv, h: h, depth: depth}
	meta, err := f.below(p.body.Metadata)
	if err != nil {
		return nil, err
	}
	if p.data, err = f.below(p.body.Data); err != nil {
		return nil, err
	}
	if p.meta, err = thinmeta.Open(meta, meta.length()); errors.Is(err, thinmeta.ErrBlank) && p.never() {
		return p, nil
	}
	if err != nil {
		return nil, f.fail("open", err)
	}
	if block := p.meta.BlockSize(); block != p.body.ChunkSize {
		return nil, f.fail("open", fault(ErrDamaged, "its metadata has chunks of %d sectors, the group says %d", uint64(block), uint64(p.body.ChunkSize)))
	}
	return p, nil
}

// never says whether the kernel may never have had the pool, by what the group
// says.
func (p *openPool) never() bool { return neverUsed(p.body) }

func neverUsed(body *metadata.ThinPool) bool {
	return body.TransactionID == 0 || body.TransactionID == 1 && len(body.Messages) > 0
}

// same returns an error if the metadata of the pool and the group are not of the
// same transaction: then they do not speak of the same volumes. While the kernel
// has not got all messages of the last one, its number is one less.
func (p *openPool) same() error {
	var has uint64
	if p.meta != nil {
		has = p.meta.TransactionID()
	}
	says := p.body.TransactionID
	if has == says || len(p.body.Messages) > 0 && has+1 == says {
		return nil
	}
	return fault(ErrTransactionID, "pool %s is of transaction %d, the group says %d", p.lv.Name, has, says)
}

// device returns a thin volume of the pool, nil if it has nothing yet. One that
// the kernel has yet to be told of holds what its origin does: neither was
// written since.
func (p *openPool) device(lv *metadata.LogicalVolume, body *metadata.Thin) (*thinmeta.Device, error) {
	for range len(p.body.Messages) + 1 {
		pending := slices.IndexFunc(p.body.Messages, func(m metadata.ThinMessage) bool { return m.Create == lv.ID })
		// Another volume had the number before, if that is to be deleted first.
		reused := pending >= 0 && slices.ContainsFunc(p.body.Messages[:pending], func(m metadata.ThinMessage) bool {
			return m.Create.IsZero() && m.Delete == body.DeviceID
		})
		if p.meta != nil && !reused {
			d, err := p.meta.Device(body.DeviceID)
			if err == nil || pending < 0 || !errors.Is(err, thinmeta.ErrNoDevice) {
				return d, err
			}
		}
		if pending < 0 {
			return nil, fault(ErrDamaged, "pool %s has no device %d", p.lv.Name, body.DeviceID)
		}
		origin := p.g.find(body.Origin)
		if body.Origin.IsZero() || origin == nil {
			return nil, nil
		}
		from := thinBody(origin)
		if from == nil || from.Pool != p.lv.ID {
			return nil, fault(ErrDamaged, "lv %s, which it is to be a snapshot of, is not in pool %s", origin.Name, p.lv.Name)
		}
		lv, body = origin, from
	}
	return nil, fault(ErrDamaged, "pool %s is to make volumes out of each other", p.lv.Name)
}

// thin returns a thin volume.
func (f *madeFile) thin(body *metadata.Thin) (io.ReaderAt, error) {
	if !body.Merge.IsZero() {
		return nil, fault(ErrMerging, "it is being merged into its origin, which shows it")
	}
	lv, body := f.g.thinShown(f.lv, body)
	p, err := f.pool(body.Pool)
	if err != nil {
		return nil, err
	}
	if err := p.same(); err != nil {
		return nil, err
	}
	device, err := p.device(lv, body)
	if err != nil {
		return nil, err
	}
	var origin *thinmeta.Origin
	if !body.ExternalOrigin.IsZero() {
		external, err := f.below(body.ExternalOrigin)
		if err != nil {
			return nil, err
		}
		origin = &thinmeta.Origin{ReaderAt: external, Size: external.length()}
	}
	switch {
	case device != nil:
		return thinmeta.NewVolume(device, f.size, p.data, origin)
	case origin != nil:
		return padded{origin.ReaderAt, origin.Size}, nil
	}
	return padded{}, nil
}

// thinShown returns the volume that a thin volume shows: the snapshot that is to
// be merged into it, if there is one, or itself.
func (g *groupLayout) thinShown(lv *metadata.LogicalVolume, body *metadata.Thin) (*metadata.LogicalVolume, *metadata.Thin) {
	for _, other := range g.vg.LVs {
		if b := thinBody(other); b != nil && b.Merge == lv.ID && b.Pool == body.Pool {
			return other, b
		}
	}
	return lv, body
}
