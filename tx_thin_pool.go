package lvm

import (
	"github.com/lvm-go/lvm/metadata"
	"github.com/lvm-go/lvm/units"
)

// ThinPoolSpec says what a new thin pool is like. Only Size is required.
type ThinPoolSpec struct {
	// Name is lvol0, lvol1, ... if empty.
	Name string
	// Size is that of the data. Of a percentage of what is free, twice the metadata is
	// taken off. Of any percentage less will do.
	Size Size
	// MetadataSize is by the size and the chunks if zero: enough for a pool that is
	// full and has some snapshots. It can be from 2 MiB to 15.8 GiB.
	MetadataSize Bytes
	// ChunkSize is what space is handed out in, and shared by snapshots: a multiple
	// of 64 KiB up to 1 GiB. If zero it is 64 KiB, or more if the metadata would be
	// more than 128 MiB otherwise.
	ChunkSize Bytes
	Discards  ThinDiscards
	// NoZeroing leaves in a chunk what was there, where a volume does not write all
	// of it. It is faster, and shows a volume what others have deleted.
	NoZeroing bool
	// ErrorWhenFull fails writes at once when the pool is full; otherwise they wait
	// for a minute for more space.
	ErrorWhenFull bool
	// NoSpare makes no spare for the metadata, and lets an old one be as small as it
	// is. Without one a pool cannot be repaired in place.
	NoSpare bool
	// Stripes and StripeSize, PVs, Allocation and Tags are as in [LVSpec].
	Stripes    int
	StripeSize Bytes
	PVs        []PVSelection
	Allocation Allocation
	Tags       []string
	// MetadataPVs are the physical volumes for the metadata. If empty, it is put on
	// one of PVs, but not on one with data, if that can be.
	MetadataPVs []PVSelection
	// Inactive leaves the pool without a device.
	Inactive bool
	// ID is the UUID, a random one if zero.
	ID ID
}

// lv returns the spec of what the pool has in common with other volumes.
func (s ThinPoolSpec) lv() LVSpec {
	return LVSpec{Name: s.Name, Size: s.Size, Stripes: s.Stripes, StripeSize: s.StripeSize, PVs: s.PVs, Allocation: s.Allocation, Tags: s.Tags, ID: s.ID}
}

// CreateThinPool makes a thin pool: space that thin volumes take chunks from when
// they are written to. Its metadata is a hidden volume beside, and a second one of
// that size is kept for repairs. lvm2: lvcreate --type thin-pool.
//
// Returns errors as [Tx.CreateLV] does.
func (tx *Tx) CreateThinPool(spec ThinPoolSpec) (*LogicalVolume, error) {
	var lv *metadata.LogicalVolume
	err := tx.whole(func() (err error) { lv, err = tx.createThinPool(spec, minPoolMetadata); return err })
	if err != nil {
		return nil, tx.fail("create thin pool", spec.Name, err)
	}
	return tx.viewLV(lv), nil
}

func (tx *Tx) createThinPool(spec ThinPoolSpec, least Bytes) (*metadata.LogicalVolume, error) {
	if err := tx.own(); err != nil {
		return nil, err
	}
	if !spec.Inactive && tx.st != nil && tx.st.noActivate != nil {
		return nil, tx.st.noActivate
	}
	pool, shape, err := tx.newLV(spec.lv())
	if err != nil {
		return nil, err
	}
	body := &metadata.ThinPool{ZeroNewBlocks: !spec.NoZeroing}
	if body.Discards, err = spec.Discards.or(metadata.DiscardsPassdown); err != nil {
		return nil, err
	}
	size, err := tx.poolSize(spec, shape, least)
	if err != nil {
		return nil, err
	}
	body.ChunkSize = size.chunk.Sectors()
	pool.Status = withFlag(pool.Status, metadata.LVErrorWhenFull, spec.ErrorWhenFull)
	if !spec.NoSpare {
		if err := tx.keepSpare(size.metadata, spec.PVs); err != nil {
			return nil, err
		}
		if spec.Name == "" { // the spare has taken that name
			if pool.Name, err = tx.newLVName(""); err != nil {
				return nil, err
			}
		}
	}
	meta, err := tx.newPart(pool.Name + "_tmeta")
	if err != nil {
		return nil, err
	}
	data, err := tx.newPart(pool.Name + "_tdata")
	if err != nil {
		return nil, err
	}
	if err := tx.allocatePool(pool, data, meta, size, shape, spec); err != nil {
		return nil, err
	}
	body.Metadata, body.Data = meta.ID, data.ID
	if length := extentBytes(tx.vg, data.Extents()); length < size.chunk {
		return nil, fault(ErrInvalidSize, "a pool of %s holds no chunk of %s", length, size.chunk)
	}
	pool.Segments = []metadata.Segment{{Count: data.Extents(), Type: "thin-pool", Body: body}}
	for _, lv := range []*metadata.LogicalVolume{pool, meta, data} {
		if err := tx.put(-1, lv); err != nil {
			return nil, err
		}
	}
	tx.created = append(tx.created, newLV{id: meta.ID})
	tx.want(pool.ID, wish{activate: !spec.Inactive && tx.mayActivate(pool)})
	return pool, nil
}

// allocatePool gives the parts of a pool their extents. Source: lvm2 as observed,
// but for physical volumes for the metadata alone.
func (tx *Tx) allocatePool(pool, data, meta *metadata.LogicalVolume, size poolSize, shape stripeShape, spec ThinPoolSpec) error {
	pvs, err := resolveSelections(tx.vg, spec.PVs, func(ref string) (metadata.ID, bool) { return findPV(tx.vg, tx.members, ref) })
	if err != nil {
		return err
	}
	request := allocRequest{Name: pool.Name, Policy: resolvePolicy(tx.vg, pool, pool.Allocation), Stripes: shape.stripes, Extents: size.data, Partial: size.wish, PVs: pvs}
	if len(spec.MetadataPVs) > 0 {
		if err := tx.grow(meta, ExtentCount(size.metadata), growth{shape: stripeShape{stripes: 1}, pvs: spec.MetadataPVs, policy: pool.Allocation}); err != nil {
			return err
		}
		if err := tx.emap.setLV(meta); err != nil {
			return err
		}
		pieces, err := tx.emap.allocate(tx.vg, request)
		if err != nil {
			tx.emap.dropLV(meta.ID)
		}
		data.Segments = appendSegments(data, pieces, shape.size)
		return err
	}
	pieces, area, err := tx.emap.allocateWithLog(tx.vg, request, size.metadata)
	if err != nil {
		return err
	}
	data.Segments = appendSegments(data, pieces, shape.size)
	meta.Segments = appendSegments(meta, []allocPiece{{Count: size.metadata, Areas: []metadata.Area{area}}}, 0)
	return nil
}

// poolSize is how large the parts of a pool are to be.
type poolSize struct {
	data, metadata Extents
	chunk          Bytes
	wish           bool // less will do
}

func (tx *Tx) poolSize(spec ThinPoolSpec, shape stripeShape, least Bytes) (poolSize, error) {
	if spec.Size.IsZero() {
		return poolSize{}, fault(ErrInvalidSize, "no size given")
	}
	pvs, err := resolveSelections(tx.vg, spec.PVs, func(ref string) (metadata.ID, bool) { return findPV(tx.vg, tx.members, ref) })
	if err != nil {
		return poolSize{}, err
	}
	context := tx.emap.sizeContext(tx.vg, pvs)
	context.Stripes = shape.stripes
	s := poolSize{wish: spec.Size.isWish(false)}
	if s.data, err = spec.Size.resolve(context); err != nil {
		return s, err
	}
	if s.data > units.MaxExtents {
		return s, fault(ErrInvalidSize, "%d extents are too many", s.data)
	}
	if s.chunk, err = poolChunk(spec.ChunkSize, extentBytes(tx.vg, s.data), spec.MetadataSize == 0); err != nil {
		return s, err
	}
	wanted := spec.MetadataSize
	if wanted == 0 {
		wanted = poolMetadataFor(extentBytes(tx.vg, s.data), s.chunk)
	}
	if s.metadata, err = tx.poolMetadataExtents(wanted, least); err != nil {
		return s, err
	}
	if spec.Size.holdsMetadata() {
		if s.data <= 2*s.metadata {
			return s, fault(ErrInvalidSize, "%s leaves nothing beside metadata of %d extents, twice", spec.Size, s.metadata)
		}
		s.data -= 2 * s.metadata
		s.data -= s.data % Extents(shape.stripes)
	}
	return s, nil
}

// poolMetadataExtents returns in how many extents metadata of that size is.
func (tx *Tx) poolMetadataExtents(size, least Bytes) (Extents, error) {
	n, err := ExactSize(min(max(size, least), maxPoolMetadata)).resolve(sizeContext{ExtentSize: tx.vg.ExtentSize})
	if most := extentsIn(tx.vg, maxPoolMetadata); most > 0 {
		n = min(n, most)
	}
	return n, err
}

const (
	defaultThinChunk = 64 * KiB
	// chunkMetadata is what lvm2 takes a chunk to need in the metadata;
	// largeMetadata from where on it makes larger chunks of its own accord.
	// Source: lvm2 as observed.
	chunkMetadata = 64
	largeMetadata = 128 * MiB
)

// poolMetadataFor returns how much metadata a pool is to have.
func poolMetadataFor(data, chunk Bytes) Bytes {
	return data / chunk * chunkMetadata
}

// poolChunk returns the size of the chunks of a pool; mayGrow says that it may be
// chosen so that the metadata stays small.
func poolChunk(chunk, data Bytes, mayGrow bool) (Bytes, error) {
	least, most := sectorBytes(metadata.MinThinChunk), sectorBytes(metadata.MaxThinChunk)
	if chunk == 0 {
		chunk = defaultThinChunk
		for mayGrow && chunk < most && poolMetadataFor(data, chunk) > largeMetadata {
			chunk *= 2
		}
	}
	if chunk < least || chunk > most || chunk%least != 0 {
		return 0, fault(ErrInvalidSize, "chunks of %s are no multiple of %s up to %s", chunk, least, most)
	}
	return chunk, nil
}
