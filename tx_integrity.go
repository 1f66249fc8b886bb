package lvm

import (
	"slices"

	"github.com/lvm-go/lvm/metadata"
	"github.com/lvm-go/lvm/units"
)

// IntegrityMode says how checksums and data are kept in step when the power fails.
type IntegrityMode uint8

const (
	// IntegrityJournal writes everything twice: data and checksums are never apart.
	IntegrityJournal IntegrityMode = iota
	// IntegrityBitmap notes where something was being written, and takes what it
	// finds there for right after a crash.
	IntegrityBitmap
)

// String returns lvm2's word: "journal" or "bitmap".
func (m IntegrityMode) String() string {
	if m == IntegrityBitmap {
		return "bitmap"
	}
	return "journal"
}

func (m IntegrityMode) letter() string {
	if m == IntegrityBitmap {
		return "B"
	}
	return "J"
}

// IntegritySpec says what the checksums of a raid are like.
type IntegritySpec struct {
	Mode IntegrityMode
	// BlockSize is what one checksum is for: a power of two from 512 to 4096 bytes,
	// and no less than a logical block of the devices, which it is if zero. More than
	// that only a new raid can have: on an old one, a file system may count on
	// smaller blocks.
	BlockSize Bytes
}

// How the names of the parts of an image with checksums end, and what the kernel
// computes. Source: lvm2 as observed.
const (
	originSuffix   = "_iorig"
	checksumSuffix = "_imeta"
	integrityTag   = 4
	integrityHash  = "crc32c"
)

// AddIntegrity gives each image of a raid checksums, so that what a disk reads back
// wrong is taken from the other images, and put right. Also a raid in use can have
// them: the kernel goes through it in the background, see
// [LogicalVolume.IntegrityStatus]. Images that have some keep these. lvm2: lvconvert
// --raidintegrity y.
//
// Returns a *[SpaceError] if there is no room for them beside each image, and errors
// matching [ErrLVNotFound], [ErrInvalidSpec] or [ErrUnsupported] if the volume is no
// raid with redundancy, or has snapshots.
func (tx *Tx) AddIntegrity(lv string, spec IntegritySpec) error {
	return tx.fail("add integrity", lv, tx.whole(func() error { return tx.addIntegrity(lv, spec) }))
}

func (tx *Tx) addIntegrity(ref string, spec IntegritySpec) error {
	lv, _, err := tx.lvToChange(ref)
	if err != nil {
		return err
	}
	body, err := tx.raidWithRedundancy(lv)
	if err != nil {
		return err
	}
	if len(tx.snapshotsOf(lv.ID)) > 0 {
		return fault(ErrUnsupported, "lv %s has snapshots: its raid cannot have checksums", lv.Name)
	}
	block, err := tx.integrityBlock(lv, body, spec)
	if err != nil {
		return err
	}
	var images, metas []*metadata.LogicalVolume
	for _, leg := range body.Legs {
		image := tx.find(leg.Image)
		if image == nil {
			return fault(ErrDamaged, "lv %s has an image that is not there", lv.Name)
		}
		if integrityOf(image) != nil {
			continue
		}
		meta, err := tx.newIntegrityMeta(image)
		if err != nil {
			return err
		}
		images, metas = append(images, image), append(metas, meta)
	}
	// The kernel has to be told once to go through what is there. Where no kernel
	// does it now the text goes on saying so.
	now := tx.staysActive(lv.ID) || tx.wishes[lv.ID].activate
	for i, image := range images {
		if err := tx.protect(image, metas[i], spec.Mode, block, now); err != nil {
			return err
		}
	}
	if len(images) > 0 && tx.staysActive(lv.ID) {
		w := tx.wishes[lv.ID]
		w.refresh = true // the raid rests while what is beneath it changes
		tx.want(lv.ID, w)
	}
	return nil
}

// raidWithRedundancy returns what is particular to a raid that can make good what
// an image has lost.
func (tx *Tx) raidWithRedundancy(lv *metadata.LogicalVolume) (*metadata.RAID, error) {
	if len(lv.Segments) == 1 {
		seg := &lv.Segments[0]
		if body, ok := seg.Body.(*metadata.RAID); ok {
			switch typ := seg.BaseType(); {
			case typ == "raid0" || typ == "raid0_meta":
				return nil, fault(ErrUnsupported, "lv %s is a %s: it has nothing to make wrong data good with", lv.Name, typ)
			case seg.Type != typ || seg.ReshapeCount != 0:
				return nil, fault(ErrBusy, "lv %s is being reshaped", lv.Name)
			}
			return body, nil
		}
	}
	return nil, fault(ErrUnsupported, "lv %s is no raid", lv.Name)
}

// integrityOf returns what is particular to an image with checksums; nil if it has
// none.
func integrityOf(image *metadata.LogicalVolume) *metadata.Integrity {
	if image == nil || len(image.Segments) != 1 {
		return nil
	}
	body, _ := image.Segments[0].Body.(*metadata.Integrity)
	return body
}

// hasIntegrity says whether a raid has checksums.
func (tx *Tx) hasIntegrity(lv *metadata.LogicalVolume) bool {
	return lv != nil && slices.ContainsFunc(lvsBelow(lv), func(id metadata.ID) bool { return integrityOf(tx.find(id)) != nil })
}

const (
	minIntegrityBlock = units.SectorSize
	maxIntegrityBlock = 4 * units.KiB
)

// integrityBlock returns the block size of new checksums.
func (tx *Tx) integrityBlock(lv *metadata.LogicalVolume, body *metadata.RAID, spec IntegritySpec) (Bytes, error) {
	if spec.Mode > IntegrityBitmap {
		return 0, fault(ErrInvalidSpec, "unknown integrity mode %d", uint8(spec.Mode))
	}
	least := minIntegrityBlock
	for _, leg := range body.Legs {
		for _, a := range areasOnPVs(tx.find(leg.Image), tx.find) {
			m := tx.members[a.PV]
			if m == nil {
				return 0, fault(ErrMissingPV, "pv %s is missing", a.PV)
			}
			size, err := tx.blockSize(m.path)
			if err != nil {
				return 0, err
			}
			least = max(least, size)
		}
	}
	fresh := slices.ContainsFunc(tx.created, func(n newLV) bool { return n.id == lv.ID })
	switch size := spec.BlockSize; {
	case size == 0:
		return min(least, maxIntegrityBlock), nil
	case size < minIntegrityBlock || size > maxIntegrityBlock || size&(size-1) != 0:
		return 0, fault(ErrInvalidSpec, "integrity block size of %s is no power of two from %s to %s", size, minIntegrityBlock, maxIntegrityBlock)
	case size < least:
		return 0, fault(ErrInvalidSpec, "integrity block size of %s is less than a block of the devices, of %s", size, least)
	case size > least && !fresh:
		return 0, fault(ErrUnsupported, "lv %s may be in use with blocks of %s: larger ones can be had only when it is created", lv.Name, least)
	}
	return spec.BlockSize, nil
}

// integritySize returns how large the volume for the checksums of an image is.
// Source: lvm2 as observed.
func integritySize(image Bytes) Bytes {
	journal := 64 * units.MiB
	switch {
	case image <= 512*units.MiB:
		journal = 4 * units.MiB
	case image <= units.GiB:
		journal = 8 * units.MiB
	case image <= 4*units.GiB:
		journal = 32 * units.MiB
	}
	return (image/(500*units.MiB)+1)*(4*units.MiB) + journal
}

// newIntegrityMeta adds the volume for the checksums of an image, on the physical
// volumes that it lies on.
func (tx *Tx) newIntegrityMeta(image *metadata.LogicalVolume) (*metadata.LogicalVolume, error) {
	meta, err := tx.partOf(image, checksumSuffix)
	if err != nil {
		return nil, err
	}
	meta.Allocation = metadata.AllocInherit
	meta.ReadAhead = ReadAheadNone
	var pvs []allocPV
	for _, a := range areasOnPVs(image, tx.find) {
		if !slices.ContainsFunc(pvs, func(p allocPV) bool { return p.PV == a.PV }) {
			pvs = append(pvs, allocPV{PV: a.PV})
		}
	}
	pieces, err := tx.emap.allocate(tx.vg, allocRequest{
		Name: meta.Name, PVs: pvs, Extents: integritySize(tx.bytes(image.Extents())).Sectors().ExtentsUp(tx.vg.ExtentSize),
	})
	if err != nil {
		return nil, err
	}
	meta.Segments = appendSegments(meta, pieces, 0)
	// The kernel makes its structures where it finds zeroes.
	tx.created = append(tx.created, newLV{id: meta.ID, keepSignatures: true})
	return meta, tx.put(-1, meta)
}

// protect puts checksums over an image, whose extents become those of a part of it.
// now says whether a kernel computes them at once.
func (tx *Tx) protect(image, meta *metadata.LogicalVolume, mode IntegrityMode, block Bytes, now bool) error {
	origin, err := tx.partOf(image, originSuffix)
	if err != nil {
		return err
	}
	origin.Segments = slices.Clone(image.Segments)
	length, ok := image.Extents().Sectors(tx.vg.ExtentSize)
	if !ok {
		return fault(ErrInvalidSize, "lv %s is too large", image.Name)
	}
	body := &metadata.Integrity{
		Origin: origin.ID, Meta: meta.ID, DataSectors: length, Mode: mode.letter(), TagSize: integrityTag,
		BlockSize: block, InternalHash: integrityHash,
	}
	lv := *image
	lv.Segments = []metadata.Segment{{Count: image.Extents(), Type: "integrity", Body: body}}
	between := *body
	between.Recalculate = true
	i := tx.indexOf(image.ID)
	if now {
		err = tx.putMeanwhile(i, &lv, withBody(&lv, &between))
	} else {
		err = tx.put(i, withBody(&lv, &between))
	}
	if err != nil {
		return err
	}
	return tx.put(-1, origin)
}

// computeIntegrity has the kernel compute the checksums beneath a volume that is
// activated, where the text says that this is still to be done, and the text not say
// so from then on: it would be done whenever the volume is activated, and make what a
// disk has spoilt meanwhile pass for right.
func (tx *Tx) computeIntegrity(lv *metadata.LogicalVolume, seen map[metadata.ID]bool) error {
	if lv == nil || seen[lv.ID] {
		return nil
	}
	seen[lv.ID] = true
	if body := integrityOf(lv); body != nil && body.Recalculate && tx.own() == nil {
		done := *body
		done.Recalculate = false
		return tx.putMeanwhile(tx.indexOf(lv.ID), withBody(lv, &done), lv)
	}
	for _, id := range slices.Concat(lvsBelow(lv), usedBy(lv)) {
		if err := tx.computeIntegrity(tx.find(id), seen); err != nil {
			return err
		}
	}
	return nil
}

// RemoveIntegrity takes the checksums off the images of a raid, which must be
// active: what is only in a journal has to be written to its place. lvm2: lvconvert
// --raidintegrity n.
//
// Images on missing physical volumes lose theirs with the others: the raid may be
// active without them.
//
// Returns errors matching [ErrLVNotFound], [ErrUnsupported] if it is no raid,
// [ErrInvalidSpec] if it has no checksums, or [ErrNotActive].
func (tx *Tx) RemoveIntegrity(lv string) error {
	return tx.fail("remove integrity", lv, tx.whole(func() error { return tx.removeIntegrity(lv) }))
}

func (tx *Tx) removeIntegrity(ref string) error {
	lv, _, err := tx.lvToChange(ref, ErrMissingPV)
	if err != nil {
		return err
	}
	body, err := tx.raidWithRedundancy(lv)
	if err != nil {
		return err
	}
	if !tx.hasIntegrity(lv) {
		return fault(ErrInvalidSpec, "lv %s has no checksums", lv.Name)
	}
	if !tx.staysActive(lv.ID) {
		return fault(ErrNotActive, "lv %s may have data in the journals of its checksums: activate it to remove them", lv.Name)
	}
	for _, leg := range body.Legs {
		image := tx.find(leg.Image)
		integrity := integrityOf(image)
		if integrity == nil {
			continue
		}
		origin, meta := tx.find(integrity.Origin), tx.find(integrity.Meta)
		if origin == nil {
			return fault(ErrDamaged, "image %s has no data", image.Name)
		}
		going := []*metadata.LogicalVolume{origin}
		if meta != nil {
			going = append(going, meta)
		}
		own := *image
		own.Segments = slices.Clone(origin.Segments)
		delete(tx.meanwhile, image.ID)
		tx.dropAll(going)
		if err := tx.put(tx.indexOf(own.ID), &own); err != nil {
			return err
		}
	}
	w := tx.wishes[lv.ID]
	w.refresh = true
	tx.want(lv.ID, w)
	return nil
}
