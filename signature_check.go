package lvm

import (
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/lvm-go/lvm/units"
)

var (
	le = binary.LittleEndian
	be = binary.BigEndian
)

// isExt tells the members of the ext family by the features that they use.
// Source: linux Documentation/filesystems/ext4/super.rst.
func isExt(want string) func(*sampler, int64) bool {
	const (
		hasJournal   = 0x4              // compatible
		journalDev   = 0x8              // incompatible
		incompatExt3 = 0x2 | 0x4 | 0x10 // file types, recovery, meta block groups
		roCompatExt3 = 0x1 | 0x2 | 0x4  // sparse superblocks, large files, btree directories
	)
	return func(s *sampler, at int64) bool {
		sb := s.at(at-0x38, 1024)
		if sb == nil || le.Uint32(sb[4:]) == 0 || le.Uint32(sb[0x18:]) > 6 {
			return false // no blocks, or longer ones than 64 KiB
		}
		compat, incompat, roCompat := le.Uint32(sb[0x5c:]), le.Uint32(sb[0x60:]), le.Uint32(sb[0x64:])
		switch {
		case incompat&journalDev != 0:
			return want == "jbd"
		case incompat&^incompatExt3 != 0 || roCompat&^roCompatExt3 != 0:
			return want == "ext4"
		case compat&hasJournal != 0:
			return want == "ext3"
		}
		return want == "ext2"
	}
}

// Source: linux include/uapi/linux/nilfs2_ondisk.h, nilfs_super_block.
func isNILFS(s *sampler, at int64) bool {
	sb := s.at(at-6, 24)
	if sb == nil {
		return false
	}
	revision, length, logBlock := le.Uint32(sb), le.Uint16(sb[8:]), le.Uint32(sb[20:])
	return revision == 2 && length >= 24 && length <= 1024 && logBlock <= 6
}

// isGFS tells GFS from GFS2 by the format number.
// Source: linux include/uapi/linux/gfs2_ondisk.h, gfs2_sb.
func isGFS(lowest, highest uint32) func(*sampler, int64) bool {
	return func(s *sampler, at int64) bool {
		sb := s.at(at, 32)
		return sb != nil && be.Uint32(sb[24:]) >= lowest && be.Uint32(sb[24:]) <= highest
	}
}

// isSquash looks at the major version, in the byte order of the magic.
// Source: linux Documentation/filesystems/squashfs.rst.
func isSquash(lowest, highest uint16) func(*sampler, int64) bool {
	return func(s *sampler, at int64) bool {
		sb := s.at(at, 32)
		if sb == nil {
			return false
		}
		major := le.Uint16(sb[28:])
		if sb[0] == 's' {
			major = be.Uint16(sb[28:])
		}
		return major >= lowest && major <= highest
	}
}

// Source: linux include/uapi/linux/minix_fs.h, minix_super_block.
func isMinix(bigEndian bool) func(*sampler, int64) bool {
	var order binary.ByteOrder = le
	if bigEndian {
		order = be
	}
	return func(s *sampler, at int64) bool {
		sb := s.at(at-16, 32)
		if sb == nil {
			return false
		}
		inodes, inodeMap, zoneMap := order.Uint16(sb), order.Uint16(sb[4:]), order.Uint16(sb[6:])
		firstZone, logZone := order.Uint16(sb[8:]), order.Uint16(sb[10:])
		return isMinixLayout(uint64(inodes), uint64(inodeMap), uint64(zoneMap), uint64(firstZone), uint64(logZone), kib)
	}
}

// Source: linux include/uapi/linux/minix_fs.h, minix3_super_block.
func isMinix3(s *sampler, at int64) bool {
	sb := s.at(at-24, 32)
	if sb == nil {
		return false
	}
	inodes, inodeMap, zoneMap := le.Uint32(sb), le.Uint16(sb[6:]), le.Uint16(sb[8:])
	firstZone, logZone, blockSize := le.Uint16(sb[10:]), le.Uint16(sb[12:]), le.Uint16(sb[28:])
	return isMinixLayout(uint64(inodes), uint64(inodeMap), uint64(zoneMap), uint64(firstZone), uint64(logZone), uint64(blockSize))
}

// isMinixLayout reports whether the bitmaps can be those of so many inodes.
func isMinixLayout(inodes, inodeMap, zoneMap, firstZone, logZone, blockSize uint64) bool {
	return inodes != 0 && inodeMap*blockSize*8 >= inodes && zoneMap != 0 &&
		firstZone > 1+inodeMap+zoneMap && logZone == 0
}

// isHFS looks for a sane size of allocation blocks, and whether an HFS+ volume
// is embedded. Source: Inside Macintosh: Files, master directory block; TN1150.
func isHFS(wrapsPlus bool) func(*sampler, int64) bool {
	return func(s *sampler, at int64) bool {
		mdb := s.at(at, 162)
		if mdb == nil {
			return false
		}
		block := be.Uint32(mdb[0x14:])
		embedded := string(mdb[0x7c:0x7e])
		return block != 0 && block%512 == 0 && (embedded == "H+" || embedded == "HX") == wrapsPlus
	}
}

// Source: Apple TN1150, volume header.
func isHFSPlus(s *sampler, at int64) bool {
	header := s.at(at, 48)
	if header == nil {
		return false
	}
	block := be.Uint32(header[40:])
	return block >= 512 && block&(block-1) == 0
}

// isBitLockerToGo looks for the GUID of BitLocker in what looks like FAT.
func isBitLockerToGo(s *sampler, at int64) bool {
	return s.has(at+424, "\x3b\xd6\x67\x49\x29\x2e\xd8\x4a\x83\x99\xf6\xa3\x39\xe3\xd0\x01")
}

// Source: LVM2 label_header as observed.
func isLVM2Label(s *sampler, at int64) bool { return s.has(at-24, "LABELONE") }

// Source: LVM1 pv_disk: the magic is followed by version 1 or 2.
func isLVM1(s *sampler, at int64) bool {
	return s.has(at+2, "\x01\x00") || s.has(at+2, "\x02\x00")
}

// isMacMap looks for the partition map behind the driver descriptor.
func isMacMap(s *sampler, at int64) bool {
	block := s.at(at, 4)
	return block != nil && (s.has(int64(be.Uint16(block[2:])), "PM\x00\x00") || s.has(512, "PM\x00\x00"))
}

// isSunLabel checks the sum: the words of the sector cancel out.
func isSunLabel(s *sampler, _ int64) bool {
	sector := s.at(0, 512)
	var sum uint16
	for word := range slices.Chunk(sector, 2) {
		sum ^= be.Uint16(word)
	}
	return sector != nil && sum == 0
}

// isBSDLabel looks for the magic again, behind the first one.
// Source: BSD sys/disklabel.h.
func isBSDLabel(s *sampler, at int64) bool { return s.has(at+132, "\x57\x45\x56\x82") }

// probes find formats that are not known by bytes in one place.
var probes = [...]func(*sampler) []Signature{
	probeBootSector, probeMD, probeZFS, probeUDF, probeXFSLog, probeDRBD,
}

// Offsets in a DOS boot sector.
const (
	bootTable     = 446 // the four partition entries
	bootSignature = 510
)

// probeBootSector tells apart what all has a DOS boot signature: FAT, NTFS and
// exFAT, partition tables, and the table that protects a GPT.
// Source: Microsoft FAT specification 1.03; UEFI specification 2.10, 5.2.
func probeBootSector(s *sampler) []Signature {
	sector := s.at(0, 512)
	if sector == nil {
		return nil
	}
	signed := s.has(bootSignature, "\x55\xaa")
	if fat := fatSignatures(sector, signed); fat != nil {
		return fat
	}
	if !signed {
		return nil
	}
	for _, fs := range [...]struct{ typ, name string }{{"ntfs", "NTFS    "}, {"exfat", "EXFAT   "}} {
		if s.has(3, fs.name) {
			return []Signature{{fs.typ, UsageFilesystem, bootSignature, 2}}
		}
	}
	typ := "dos"
	for entry := range slices.Chunk(sector[bootTable:bootSignature], 16) {
		if entry[0]&0x7f != 0 {
			return nil // neither active nor inactive: code of some boot sector
		}
		if entry[4] == 0xee {
			typ = "PMBR"
		}
	}
	return []Signature{{typ, UsagePartitionTable, bootSignature, 2}}
}

// fatSignatures returns the three places that FAT is known by, as many as it
// shows, or nil if the sector is not FAT's.
func fatSignatures(sector []byte, signed bool) []Signature {
	perSector, perCluster := le.Uint16(sector[11:]), sector[13]
	switch {
	case perSector < 512 || perSector > 4096 || perSector&(perSector-1) != 0,
		perCluster == 0 || perCluster&(perCluster-1) != 0,
		le.Uint16(sector[14:]) == 0,             // reserved sectors
		sector[16] == 0,                         // tables
		sector[21] != 0xf0 && sector[21] < 0xf8: // medium
		return nil
	}
	var found []Signature
	mark := func(at, length units.Bytes) {
		found = append(found, Signature{"vfat", UsageFilesystem, at, length})
	}
	jumps := sector[0] == 0xeb || sector[0] == 0xe9
	for _, name := range [...]struct {
		at   int
		text string
	}{
		{0x36, "MSDOS"}, {0x36, "FAT12   "}, {0x36, "FAT16   "}, {0x36, "FAT     "},
		{0x52, "MSWIN"}, {0x52, "FAT32   "},
	} {
		if string(sector[name.at:][:len(name.text)]) == name.text {
			mark(units.Bytes(name.at), units.Bytes(len(name.text)))
		}
	}
	if found == nil && !(jumps && signed) {
		return nil
	}
	if jumps {
		mark(0, 1)
	}
	if signed {
		mark(bootSignature, 2)
	}
	return found
}

// probeMD finds members of MD arrays: superblocks 1.1 and 1.2 at the start, 1.0
// and 0.90 at the end, the last one in either byte order.
// Source: linux include/uapi/linux/raid/md_p.h.
func probeMD(s *sampler) []Signature {
	const magic, swapped = "\xfc\x4e\x2b\xa9", "\xa9\x2b\x4e\xfc"
	var found []Signature
	mark := func(at int64) {
		found = append(found, Signature{"linux_raid_member", UsageRAID, units.Bytes(at), units.Bytes(len(magic))})
	}
	for _, at := range [...]int64{0, 4 * kib, (s.size/512 - 16) &^ 7 * 512} {
		if s.has(at, magic+"\x01\x00\x00\x00") {
			mark(at)
		}
	}
	if at := s.size&^(64*kib-1) - 64*kib; s.has(at, magic+"\x00\x00\x00\x00") || s.has(at, swapped+"\x00\x00\x00\x00") {
		mark(at)
	}
	return found
}

// probeZFS finds the uberblocks in the four labels of a ZFS device. Some that
// are left over from a file that was once here do not make a device: blkid asks
// for four, too.
// Source: ZFS On-Disk Specification, 1.2 and 1.3.
func probeZFS(s *sampler) []Signature {
	const (
		magic     = "\x0c\xb1\xba\x00\x00\x00\x00\x00"
		swapped   = "\x00\x00\x00\x00\x00\xba\xb1\x0c"
		labelSize = 256 * kib
		ringStart = 128 * kib
		slotSize  = 1 * kib
		enough    = 4
	)
	var found []Signature
	ring := make([]byte, labelSize-ringStart)
	end := s.size &^ (labelSize - 1)
	for _, label := range [...]int64{0, labelSize, end - 2*labelSize, end - labelSize} {
		if label < 0 || label > s.size-labelSize {
			continue
		}
		s.fill(ring, label+ringStart)
		for at := 0; s.err == nil && at < len(ring); at += slotSize {
			if word := string(ring[at:][:len(magic)]); word == magic || word == swapped {
				found = append(found, Signature{"zfs_member", UsageFilesystem, units.Bytes(label + ringStart + int64(at)), units.Bytes(len(magic))})
			}
		}
	}
	slices.SortFunc(found, func(a, b Signature) int { return cmp.Compare(a.Offset, b.Offset) })
	if found = slices.Compact(found); len(found) < enough {
		return nil
	}
	return found
}

// probeUDF looks at the volume recognition sequence, which ISO 9660 and UDF may
// share. The first descriptor is the one to wipe.
// Source: ECMA-167, part 2.
func probeUDF(s *sampler) []Signature {
	const start, end = 32 * kib, 64 * kib
	first := string(s.at(start+1, 5))
	typ := ""
	switch first {
	case "CD001":
		typ = "iso9660"
		for at := int64(start); at < end; at += 2 * kib {
			if s.has(at+1, "NSR02") || s.has(at+1, "NSR03") {
				typ = "udf"
			}
		}
	case "BEA01", "BOOT2", "CDW02", "NSR02", "NSR03", "TEA01":
		typ = "udf"
	default:
		if s.has(start+9, "CDROM") { // High Sierra, before the standard
			return []Signature{{"iso9660", UsageFilesystem, start + 9, 5}}
		}
		return nil
	}
	return []Signature{{typ, UsageFilesystem, start + 1, units.Bytes(len(first))}}
}

// probeXFSLog looks for the first record of an XFS log on a device of its own.
// Source: XFS Algorithms & Data Structures, xlog_rec_header.
func probeXFSLog(s *sampler) []Signature {
	const magic, sectors = "\xfe\xed\xba\xbe", 512
	for at := int64(0); at < sectors*512; at += 512 {
		header := s.at(at, 512)
		if header == nil {
			return nil
		}
		version, format := be.Uint32(header[8:]), be.Uint32(header[300:])
		if s.has(at, magic) && version >= 1 && version <= 2 && format >= 1 && format <= 3 {
			return []Signature{{"xfs_external_log", UsageOther, units.Bytes(at), units.Bytes(len(magic))}}
		}
	}
	return nil
}

// probeDRBD looks for DRBD's meta data at the end.
// Source: DRBD drbdmeta's on-disk formats 08 and 09.
func probeDRBD(s *sampler) []Signature {
	at := s.size&^(4*kib-1) - 4*kib
	for _, place := range [...]int64{60, 64} {
		magic := s.at(at+place, 4)
		if magic == nil {
			return nil
		}
		if m := be.Uint32(magic); m >= 0x8374026a && m <= 0x8374026d {
			return []Signature{{"drbd", UsageRAID, units.Bytes(at + place), 4}}
		}
	}
	return nil
}
