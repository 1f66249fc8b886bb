package lvm

import (
	"cmp"
	"encoding/binary"
	"io"
	"slices"
	"sort"

	"github.com/lvm-go/lvm/metadata"
	"github.com/lvm-go/lvm/units"
)

// integrity returns the data of a volume with checksums, which are not checked,
// and what its journal has that the data have not got yet.
func (f *madeFile) integrity(body *metadata.Integrity) (io.ReaderAt, error) {
	if body.Meta.IsZero() {
		return nil, fault(ErrUnsupported, "its checksums lie among the data")
	}
	data, err := f.below(body.Origin)
	if err != nil || body.Mode != "J" {
		return data, err
	}
	meta, err := f.below(body.Meta)
	if err != nil {
		return nil, err
	}
	j := &integrityJournal{data: data, meta: meta}
	if err := j.open(meta.length()); err != nil {
		return nil, err
	}
	return j, nil
}

// The superblock of an integrity target, in little endian: a magic number, the
// version, 1 byte, the length of a checksum (2 bytes), the number of sections of the
// journal (4), of sectors of data (8), flags (4), and how many sectors a block has,
// as a power of two (1). Behind it is the journal:
//
//	section   8 sectors with entries, one block for each entry
//	entry     sector (8), the last 8 bytes of each sector of the block, checksum
//
// Entry n of a section is in its sector n%8. Each sector ends with an id in place of
// the data that are there, which tells the section, the sector in it, and in which
// round through the journal it was written; rounds are numbered 0 to 3. Source:
// Linux Documentation/admin-guide/device-mapper/dm-integrity.rst, and what the
// integrity target 1.10 was seen to write.
const (
	integrityMagic   = "integrt\x00"
	integrityVersion = 5 // the last that is known
	integrityHead    = 4096

	integrityHasMAC      = 1 << 0 // the journal is signed
	integrityDirtyBitmap = 1 << 2 // there is a bitmap in place of the journal
	integrityKnownFlags  = 1<<5 - 1

	sectionHead   = 8 // sectors with entries
	sectorEntries = int64(units.SectorSize) - idLength
	idLength      = 8
	rounds        = 4
	unusedEntry   = 0xffffffff // in the upper half of a sector number
)

// integrityJournal is the data of a target and the blocks that its journal has of
// them.
type integrityJournal struct {
	data, meta io.ReaderAt

	block, entry      int64 // bytes
	perSector         int64 // entries
	sections, section int64 // number, and length in bytes
	provided          uint64
	newest            []journalBlock // in the order of the data
}

// journalBlock is a block that is in the journal.
type journalBlock struct {
	at          int64 // bytes from the start of the data
	index       int64 // of the entry in the section
	sectionHead int64 // where the section begins on the metadata device
	age         int   // the larger one was written later
}

func (j *integrityJournal) open(size Bytes) error {
	head := make([]byte, 64)
	if err := (mirrorLeg{r: j.meta}).read(head, 0); err != nil {
		return err
	}
	le := binary.LittleEndian
	flags := le.Uint32(head[24:])
	switch {
	case slices.Max(head) == 0:
		return nil // the kernel never had it
	case string(head[:8]) != integrityMagic:
		return fault(ErrDamaged, "there is no superblock of an integrity target")
	case head[8] > integrityVersion || flags&^integrityKnownFlags != 0 || flags&integrityHasMAC != 0:
		return fault(ErrUnsupported, "integrity target of version %d with flags %#x", head[8], flags)
	case flags&integrityDirtyBitmap != 0:
		return nil // the journal is not in use
	case head[28] > 3:
		return fault(ErrDamaged, "blocks of 2^%d sectors", head[28])
	}
	sector := int64(units.SectorSize)
	perBlock := int64(1) << head[28]
	j.block = perBlock * sector
	j.entry = (8 + 8*perBlock + int64(le.Uint16(head[10:])) + 7) / 8 * 8
	if j.perSector = sectorEntries / j.entry; j.perSector == 0 {
		return fault(ErrDamaged, "checksums of %d bytes", le.Uint16(head[10:]))
	}
	j.section = sectionHead*sector + sectionHead*j.perSector*j.block
	j.sections, j.provided = int64(le.Uint32(head[12:])), le.Uint64(head[16:])
	if j.sections == 0 || Bytes(j.sections) > (size-min(size, integrityHead))/Bytes(j.section) {
		return fault(ErrDamaged, "a journal of %d sections of %d bytes on a device of %d", j.sections, j.section, uint64(size))
	}
	return j.read()
}

// read finds out which blocks in the journal count.
func (j *integrityJournal) read() error {
	var last [rounds]int64 // the last section of a round, and behind it
	all := make([]int8, j.sections)
	for n := range j.sections {
		round, err := j.rounds(n, &last)
		if err != nil {
			return err
		}
		if round == noID {
			return nil // it was never written whole, and the kernel makes it anew
		}
		all[n] = round
	}
	// The rounds in use follow each other, in a ring.
	unused := rounds - 1
	if last[unused] > 0 {
		unused = slices.Index(last[:], 0)
		if unused < 0 {
			return fault(ErrDamaged, "sections of all rounds in the journal")
		}
	} else {
		for unused > 0 && last[unused-1] == 0 {
			unused--
		}
	}
	newest := (unused + rounds - 1) % rounds
	want := (newest + rounds - 1) % rounds
	first := last[newest]
	if first == j.sections {
		first, want = 0, newest
	}
	// From the oldest section on. One that is not written whole ends it.
	for i := range j.sections {
		n := (first + i) % j.sections
		if n == 0 && i > 0 {
			want = (want + 1) % rounds
		}
		if int(all[n]) != want {
			break
		}
		if err := j.take(n, int(i)); err != nil {
			return err
		}
	}
	slices.SortFunc(j.newest, func(a, b journalBlock) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(b.age, a.age)) })
	j.newest = slices.CompactFunc(j.newest, func(a, b journalBlock) bool { return a.at == b.at })
	return nil
}

const (
	mixed = -1 // sectors of several rounds
	noID  = -2 // a sector with no id at all
)

// rounds returns the round of a section, and takes note of those of its sectors.
func (j *integrityJournal) rounds(n int64, last *[rounds]int64) (int8, error) {
	b := make([]byte, j.section)
	if err := (mirrorLeg{r: j.meta}).read(b, integrityHead+n*j.section); err != nil {
		return 0, err
	}
	section := int8(noID)
	for s := range j.section / int64(units.SectorSize) {
		id := binary.LittleEndian.Uint64(b[(s+1)*int64(units.SectorSize)-idLength:])
		round := int8(noID)
		for r := range int8(rounds) {
			if id == 0x1111111111111111*uint64(r+1)^uint64(n)<<32^uint64(s) {
				round = r
			}
		}
		if round == noID {
			return noID, nil
		}
		last[round] = n + 1
		switch {
		case s == 0:
			section = round
		case section != round:
			section = mixed
		}
	}
	return section, nil
}

// take adds the blocks of a section.
func (j *integrityJournal) take(n int64, age int) error {
	head := integrityHead + n*j.section
	b := make([]byte, sectionHead*int64(units.SectorSize))
	if err := (mirrorLeg{r: j.meta}).read(b, head); err != nil {
		return err
	}
	perBlock := uint64(j.block) / uint64(units.SectorSize)
	for i := range sectionHead * j.perSector {
		sector := binary.LittleEndian.Uint64(b[j.entryAt(i):])
		if sector>>32 == unusedEntry {
			continue
		}
		if sector%perBlock != 0 || sector >= j.provided || sector > 1<<53 {
			return fault(ErrDamaged, "the journal has a block for sector %d of %d", sector, j.provided)
		}
		j.newest = append(j.newest, journalBlock{int64(sector) * int64(units.SectorSize), i, head, age*int(sectionHead*j.perSector) + int(i)})
	}
	return nil
}

// entryAt returns where an entry begins in its section.
func (j *integrityJournal) entryAt(i int64) int64 {
	return i%sectionHead*int64(units.SectorSize) + i/sectionHead*j.entry
}

// load reads a block of the journal.
func (j *integrityJournal) load(k journalBlock) ([]byte, error) {
	sector := int64(units.SectorSize)
	b, lasts := make([]byte, j.block), make([]byte, j.block/sector*idLength)
	if err := (mirrorLeg{r: j.meta}).read(b, k.sectionHead+sectionHead*sector+k.index*j.block); err != nil {
		return nil, err
	}
	if err := (mirrorLeg{r: j.meta}).read(lasts, k.sectionHead+j.entryAt(k.index)+8); err != nil {
		return nil, err
	}
	for s := range j.block / sector {
		copy(b[(s+1)*sector-idLength:(s+1)*sector], lasts[s*idLength:])
	}
	return b, nil
}

// ReadAt reads the journal where it has something, and the data elsewhere.
func (j *integrityJournal) ReadAt(p []byte, off int64) (int, error) {
	n, err := j.data.ReadAt(p, off)
	end := off + int64(n)
	for i := sort.Search(len(j.newest), func(i int) bool { return j.newest[i].at+j.block > off }); i < len(j.newest) && j.newest[i].at < end; i++ {
		k := j.newest[i]
		b, failed := j.load(k)
		if failed != nil {
			return int(max(k.at, off) - off), failed
		}
		from := max(k.at, off)
		copy(p[from-off:n], b[from-k.at:])
	}
	return n, err
}
