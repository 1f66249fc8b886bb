package lvm

import (
	"cmp"
	"io"
	"slices"

	"github.com/pkg/errors"

	"github.com/lvm-go/lvm/units"
)

// SignatureUsage says what the format is for that a signature belongs to.
type SignatureUsage uint8

// What formats are for, in blkid's division.
const (
	UsageFilesystem SignatureUsage = iota + 1
	UsageRAID                      // also members of volume groups and pools
	UsageCrypto                    // encryption and integrity
	UsageOther                     // swap, journals, caches
	UsagePartitionTable
)

// String returns the usage as blkid names it: "filesystem", "partition-table".
func (u SignatureUsage) String() string {
	switch u {
	case UsageFilesystem:
		return "filesystem"
	case UsageRAID:
		return "raid"
	case UsageCrypto:
		return "crypto"
	case UsageOther:
		return "other"
	case UsagePartitionTable:
		return "partition-table"
	}
	return "unknown"
}

// Signature is one place where a format shows its magic bytes. A format that
// keeps copies has several. When all of them hold zeroes, nothing takes the
// device for one of that format any more, while the rest of the data stays.
type Signature struct {
	Type   string // as blkid names it: "ext4", "LVM2_member", "gpt"
	Usage  SignatureUsage
	Offset units.Bytes
	Length units.Bytes
}

// FindSignatures returns what file systems, swap areas, RAID members,
// encrypted containers, partition tables and other formats show themselves on
// the first size bytes of r, by rising offset. It reads less than 2 MiB: the
// places where the formats that it knows have their magic bytes.
//
// Where blkid and it judge differently, it finds more: a format is reported
// even if the rest of its superblock is broken.
func FindSignatures(r io.ReaderAt, size units.Bytes) ([]Signature, error) {
	s := &sampler{r: r, size: int64(min(size, units.EiB))}
	var found []Signature
	for _, rule := range magicRules {
		for _, place := range rule.places {
			at := s.place(place)
			if s.has(at, rule.magic) && (rule.check == nil || rule.check(s, at)) {
				found = append(found, Signature{rule.typ, rule.usage, units.Bytes(at), units.Bytes(len(rule.magic))})
			}
		}
	}
	for _, probe := range probes {
		found = append(found, probe(s)...)
	}
	if s.err != nil {
		return nil, errors.Wrap(s.err, "look for signatures")
	}
	slices.SortStableFunc(found, func(a, b Signature) int {
		return cmp.Or(cmp.Compare(a.Offset, b.Offset), cmp.Compare(a.Type, b.Type))
	})
	return slices.Compact(found), nil
}

// Where most formats have their magic bytes; these parts are read at once.
const (
	sampleHead = 128 << 10
	sampleTail = 192 << 10 // an MD superblock 0.90 is up to 128 KiB before the end
)

// sampler gives out bytes of a device, and keeps the first error.
type sampler struct {
	r    io.ReaderAt
	size int64
	err  error

	head, tail []byte // nil: not read yet
	tailAt     int64
}

// place returns the offset that p stands for: a negative one counts from the
// end of the last whole sector.
func (s *sampler) place(p int64) int64 {
	if p < 0 {
		return s.size&^511 + p
	}
	return p
}

// at returns the n bytes at off, or nil if the device does not have them.
func (s *sampler) at(off, n int64) []byte {
	if off < 0 || n > s.size || off > s.size-n {
		return nil
	}
	s.readHead()
	if off+n <= int64(len(s.head)) {
		return s.head[off : off+n]
	}
	s.readTail()
	if off >= s.tailAt && off-s.tailAt+n <= int64(len(s.tail)) {
		return s.tail[off-s.tailAt:][:n]
	}
	return s.read(off, n)
}

func (s *sampler) readHead() {
	if s.head == nil {
		s.head = s.read(0, min(s.size, sampleHead))
	}
}

func (s *sampler) readTail() {
	if s.tail == nil {
		s.tailAt = max(s.size-sampleTail, 0)
		s.tail = s.read(s.tailAt, s.size-s.tailAt)
	}
}

// read returns n bytes of the device, and zeroes once there was an error.
func (s *sampler) read(off, n int64) []byte {
	b := make([]byte, n)
	s.fill(b, off)
	return b
}

// fill reads the bytes at off, unless there was an error.
func (s *sampler) fill(b []byte, off int64) {
	if s.err != nil {
		return
	}
	got, err := s.r.ReadAt(b, off)
	if got < len(b) {
		if err == nil || err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		s.err = err
	}
}

// has reports whether the bytes at off are those of magic.
func (s *sampler) has(off int64, magic string) bool {
	return string(s.at(off, int64(len(magic)))) == magic
}
