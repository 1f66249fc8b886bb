package dmfake

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"slices"
	"strconv"
	"syscall"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/units"
)

// integrity is an integrity target of a table, of those with a device for the
// checksums. There is no journal: nothing interrupts a write.
//
// Source: Linux, drivers/md/dm-integrity.c, and what the target was seen to do.
// The checksums are not where the kernel has them.
type integrity struct {
	dm.Integrity
	data, meta dm.Dev
	provided   units.Sectors
	// recalculated is how many sectors have checksums, of a device that gets them
	// in the background, which computes says.
	computes     bool
	recalculated units.Sectors
	mismatches   uint64
}

const (
	integrityMagic    = "integrt\x00"
	integrityVersion  = 5
	integrityComputes = 2 // flag
	integrityHeader   = 48
	integrityTags     = 8192 // where they begin
	integrityTagSize  = 4
	sectorSize        = 512
)

// newIntegrity is the constructor of a target.
func (k *Kernel) newIntegrity(t dm.Integrity, length units.Sectors) (*integrity, syscall.Errno) {
	s := &integrity{Integrity: t}
	s.data, _ = dm.ParseDev(t.Device)
	s.meta, _ = dm.ParseDev(t.MetaDevice)
	switch {
	case s.meta == 0, t.Mode == 0, t.InternalHash == "", t.BlockSize > 4096 || t.BlockSize%sectorSize != 0:
		return nil, syscall.EINVAL
	case !k.awake(s.meta):
		return nil, syscall.EDEADLK // which the kernel does not say: it waits
	}
	b := make([]byte, integrityHeader)
	if err := k.io(s.meta, b, 0, false); err != nil {
		return nil, errnoOf(err)
	}
	switch {
	case bytes.Count(b, []byte{0}) == len(b):
		s.provided, s.computes = k.knownSize(s.data), t.Recalculate
		if errno := errnoOfCommit(s.write(k)); errno != 0 {
			return nil, errno
		}
	case !bytes.HasPrefix(b, []byte(integrityMagic)):
		return nil, syscall.EINVAL
	default:
		s.provided = units.Sectors(binary.LittleEndian.Uint64(b[16:]))
		s.computes = binary.LittleEndian.Uint32(b[24:])&integrityComputes != 0
		s.recalculated = units.Sectors(binary.LittleEndian.Uint64(b[32:]))
	}
	if size := k.knownSize(s.data); length > s.provided && length <= size {
		s.provided = size
	}
	if length > s.provided {
		return nil, syscall.EINVAL
	}
	return s, 0
}

// write writes the superblock.
func (s *integrity) write(k *Kernel) error {
	b := make([]byte, integrityHeader)
	copy(b, integrityMagic)
	le := binary.LittleEndian
	b[8] = integrityVersion
	le.PutUint16(b[10:], integrityTagSize)
	le.PutUint64(b[16:], uint64(s.provided))
	if s.computes {
		le.PutUint32(b[24:], integrityComputes)
	}
	le.PutUint64(b[32:], uint64(s.recalculated))
	return k.io(s.meta, b, 0, true)
}

// preresume reads how far the checksums are, which another table may have brought
// on.
func (s *integrity) preresume(k *Kernel) syscall.Errno {
	b := make([]byte, integrityHeader)
	if err := k.io(s.meta, b, 0, false); err != nil {
		return errnoOf(err)
	}
	s.recalculated = units.Sectors(binary.LittleEndian.Uint64(b[32:]))
	s.computes = s.computes || s.Recalculate
	return errnoOfCommit(s.write(k))
}

// sum returns the checksum of a sector.
func (s *integrity) sum(sector int64, b []byte) uint32 {
	table := crc32.MakeTable(crc32.Castagnoli)
	return crc32.Update(crc32.Checksum(word64(uint64(sector)), table), table, b)
}

// io does I/O from byte off on, by whole sectors.
func (s *integrity) io(k *Kernel, p []byte, off int64, write bool) error {
	if !k.awake(s.data) || !k.awake(s.meta) {
		return syscall.EAGAIN
	}
	first, end := off/sectorSize, (off+int64(len(p))+sectorSize-1)/sectorSize
	b, tags := make([]byte, (end-first)*sectorSize), make([]byte, (end-first)*integrityTagSize)
	if !write || int64(len(b)) != int64(len(p)) {
		if err := k.io(s.data, b, first*sectorSize, false); err != nil {
			return err
		}
	}
	if err := k.io(s.meta, tags, integrityTags+first*integrityTagSize, false); err != nil {
		return err
	}
	if !write {
		for i := range end - first {
			if (!s.computes || units.Sectors(first+i) < s.recalculated) && s.sum(first+i, b[i*sectorSize:][:sectorSize]) != binary.LittleEndian.Uint32(tags[i*integrityTagSize:]) {
				s.mismatches++
				return syscall.EILSEQ
			}
		}
		copy(p, b[off-first*sectorSize:])
		return nil
	}
	copy(b[off-first*sectorSize:], p)
	return s.writeWith(k, b, first)
}

// writeWith writes sectors with their checksums.
func (s *integrity) writeWith(k *Kernel, b []byte, first int64) error {
	if err := k.io(s.data, b, first*sectorSize, true); err != nil {
		return err
	}
	return s.tag(k, b, first)
}

// tag writes the checksums of sectors.
func (s *integrity) tag(k *Kernel, b []byte, first int64) error {
	var tags []byte
	for sector := range slices.Chunk(b, sectorSize) {
		tags = binary.LittleEndian.AppendUint32(tags, s.sum(first+int64(len(tags))/integrityTagSize, sector))
	}
	return k.io(s.meta, tags, integrityTags+first*integrityTagSize, true)
}

// work computes n regions of checksums, all if n is 0.
func (s *integrity) work(k *Kernel, n int) {
	const region = 128
	for i := 0; s.computes && s.recalculated < s.provided && (n == 0 || i < n) && k.awake(s.data) && k.awake(s.meta); i++ {
		b := make([]byte, inBytes(min(region, s.provided-s.recalculated)))
		if k.io(s.data, b, int64(inBytes(s.recalculated)), false) != nil || s.tag(k, b, int64(s.recalculated)) != nil {
			return
		}
		s.recalculated += units.Sectors(len(b) / sectorSize)
		if s.write(k) != nil {
			return
		}
	}
}

// status returns the text of the status line.
func (s *integrity) status() string {
	computed := "-"
	if s.computes {
		computed = strconv.FormatUint(uint64(s.recalculated), 10)
	}
	return fmt.Sprintf("%d %d %s", s.mismatches, uint64(s.provided), computed)
}

// shown returns the target as the kernel reports it, with what was not given.
func (s *integrity) shown() dm.Target {
	t := s.Integrity
	t.FixPadding = false
	if t.BlockSize == sectorSize {
		t.BlockSize = 0
	}
	t.Recalculate = s.computes
	t.TagSize = integrityTagSize
	defaults := []dm.Setting{{Key: "journal_sectors", Value: "176"}, {Key: "interleave_sectors", Value: "1"}, {Key: "buffer_sectors", Value: "128"}}
	switch t.Mode {
	case dm.IntegrityJournal:
		defaults = append(defaults, dm.Setting{Key: "journal_watermark", Value: "50"}, dm.Setting{Key: "commit_time", Value: "10000"})
	case dm.IntegrityBitmap:
		defaults = append(defaults, dm.Setting{Key: "sectors_per_bit", Value: "32768"}, dm.Setting{Key: "bitmap_flush_interval", Value: "10000"})
	}
	for i, d := range defaults {
		if at := slices.IndexFunc(t.Settings, func(s dm.Setting) bool { return s.Key == d.Key }); at >= 0 {
			defaults[i] = t.Settings[at]
		}
	}
	t.Settings = defaults
	return t
}
