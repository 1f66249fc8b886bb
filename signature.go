package lvm

import (
	"io"

	"github.com/lvm-go/lvm/units"
)

// SignatureUsage says what a signature's format is for.
type SignatureUsage uint8

// What formats are for.
const (
	UsageFilesystem SignatureUsage = iota + 1
	UsageRAID                      // also volume managers, caches, ...
	UsageCrypto
	UsageOther // swap
	UsagePartitionTable
)

// Signature is one place where a format shows its magic bytes. A format that
// keeps copies has several. Zeroes in its place make the format unknown.
type Signature struct {
	Type   string // as blkid names it: "ext4", "LVM2_member", "gpt"
	Usage  SignatureUsage
	Offset units.Bytes
	Length units.Bytes
}

// FindSignatures returns what file systems, RAID members, partition tables and
// other formats it finds on the size bytes of r, in the order of their offsets.
func FindSignatures(r io.ReaderAt, size units.Bytes) ([]Signature, error) { return nil, nil }
