package lvm

const (
	kib = 1 << 10
	mib = 1 << 20
	gib = 1 << 30
)

// magicRule is a format that is known by bytes at fixed places.
type magicRule struct {
	typ    string
	usage  SignatureUsage
	magic  string
	places []int64                         // negative: from the end
	check  func(s *sampler, at int64) bool // of what else has to be there; nil: nothing
}

// at lists places, for the table to read well.
func at(places ...int64) []int64 { return places }

// pageEnds are the places of swap's 10 magic bytes, for each size of a page.
var pageEnds = at(4*kib-10, 8*kib-10, 16*kib-10, 32*kib-10, 64*kib-10)

// luksCopies are the places where LUKS2 may have its second header.
// Source: LUKS2 On-Disk Format Specification, 2.1.
var luksCopies = at(16*kib, 32*kib, 64*kib, 128*kib, 256*kib, 512*kib, 1*mib, 2*mib, 4*mib)

// ufsMagics are the places of fs_magic in superblocks of UFS.
var ufsMagics = at(1372, 8*kib+1372, 64*kib+1372, 256*kib+1372)

// magicRules is the table of formats. Types and places are those that blkid is
// seen to report, so that the same bytes are wiped; the magic bytes are those of
// each format's own documentation or headers. Short ones have a check.
var magicRules = [...]magicRule{
	// File systems of Linux.
	{"ext2", UsageFilesystem, "\x53\xef", at(0x438), isExt("ext2")},
	{"ext3", UsageFilesystem, "\x53\xef", at(0x438), isExt("ext3")},
	{"ext4", UsageFilesystem, "\x53\xef", at(0x438), isExt("ext4")},
	{"jbd", UsageOther, "\x53\xef", at(0x438), isExt("jbd")},
	{"xfs", UsageFilesystem, "XFSB", at(0), nil},
	{"btrfs", UsageFilesystem, "_BHRfS_M", at(64*kib+64, 64*mib+64, 256*gib+64), nil},
	{"f2fs", UsageFilesystem, "\x10\x20\xf5\xf2", at(1*kib, 5*kib), nil},
	{"bcachefs", UsageFilesystem, "\xc6\x85\x73\xf6\x66\xce\x90\xa9\xd9\x6a\x60\xcf\x80\x3d\xf7\xef", at(7*512, 4*kib+24), nil},
	{"jfs", UsageFilesystem, "JFS1", at(32 * kib), nil},
	{"reiserfs", UsageFilesystem, "ReIsErFs", at(8*kib+20, 8*kib+52, 64*kib+52), nil},
	{"reiserfs", UsageFilesystem, "ReIsEr2Fs", at(64*kib + 52), nil},
	{"reiserfs", UsageFilesystem, "ReIsEr3Fs", at(64*kib + 52), nil},
	{"reiser4", UsageFilesystem, "ReIsEr4", at(64 * kib), nil},
	{"nilfs2", UsageFilesystem, "\x34\x34", at(1*kib+6, -4*kib+6), isNILFS},
	{"gfs", UsageFilesystem, "\x01\x16\x19\x70", at(64 * kib), isGFS(1309, 1309)},
	{"gfs2", UsageFilesystem, "\x01\x16\x19\x70", at(64 * kib), isGFS(1800, 1899)},
	{"ocfs2", UsageFilesystem, "OCFSV2", at(1*kib, 2*kib, 4*kib, 8*kib), nil},
	{"ocfs", UsageFilesystem, "OracleCFS", at(8 * kib), nil},
	{"squashfs", UsageFilesystem, "hsqs", at(0), isSquash(4, 4)},
	{"squashfs", UsageFilesystem, "sqsh", at(0), isSquash(4, 4)},
	{"squashfs3", UsageFilesystem, "hsqs", at(0), isSquash(1, 3)},
	{"squashfs3", UsageFilesystem, "sqsh", at(0), isSquash(1, 3)},
	{"erofs", UsageFilesystem, "\xe2\xe1\xf5\xe0", at(1 * kib), nil},
	{"cramfs", UsageFilesystem, "\x45\x3d\xcd\x28", at(0, 512), nil},
	{"cramfs", UsageFilesystem, "\x28\xcd\x3d\x45", at(0, 512), nil},
	{"romfs", UsageFilesystem, "-rom1fs-", at(0), nil},
	{"minix", UsageFilesystem, "\x7f\x13", at(0x410), isMinix(false)},
	{"minix", UsageFilesystem, "\x8f\x13", at(0x410), isMinix(false)},
	{"minix", UsageFilesystem, "\x68\x24", at(0x410), isMinix(false)},
	{"minix", UsageFilesystem, "\x78\x24", at(0x410), isMinix(false)},
	{"minix", UsageFilesystem, "\x13\x7f", at(0x410), isMinix(true)},
	{"minix", UsageFilesystem, "\x13\x8f", at(0x410), isMinix(true)},
	{"minix", UsageFilesystem, "\x24\x68", at(0x410), isMinix(true)},
	{"minix", UsageFilesystem, "\x24\x78", at(0x410), isMinix(true)},
	{"minix", UsageFilesystem, "\x5a\x4d", at(0x418), isMinix3},
	{"zonefs", UsageFilesystem, "SFOZ", at(0), nil},
	{"ubifs", UsageFilesystem, "\x31\x18\x10\x06", at(0), nil},

	// File systems of others.
	{"exfat", UsageFilesystem, "EXFAT   ", at(3), nil},
	{"ntfs", UsageFilesystem, "NTFS    ", at(3), nil},
	{"ReFS", UsageFilesystem, "\x00\x00\x00ReFS\x00", at(0), nil},
	{"hpfs", UsageFilesystem, "\x49\xe8\x95\xf9", at(8 * kib), nil},
	{"hfs", UsageFilesystem, "BD", at(1 * kib), isHFS(false)},
	{"hfsplus", UsageFilesystem, "BD", at(1 * kib), isHFS(true)},
	{"hfsplus", UsageFilesystem, "H+", at(1 * kib), isHFSPlus},
	{"hfsplus", UsageFilesystem, "HX", at(1 * kib), isHFSPlus},
	{"apfs", UsageFilesystem, "NXSB", at(32), nil},
	{"ufs", UsageFilesystem, "\x54\x19\x01\x00", ufsMagics, nil},
	{"ufs", UsageFilesystem, "\x00\x01\x19\x54", ufsMagics, nil},
	{"ufs", UsageFilesystem, "\x19\x01\x54\x19", ufsMagics, nil},
	{"ufs", UsageFilesystem, "\x19\x54\x01\x19", ufsMagics, nil},
	{"befs", UsageFilesystem, "1SFB", at(32, 512+32), nil},
	{"befs", UsageFilesystem, "BFS1", at(32, 512+32), nil},
	{"bfs", UsageFilesystem, "\xce\xfa\xad\x1b", at(0), nil},
	{"vxfs", UsageFilesystem, "\xf5\xfc\x01\xa5", at(1 * kib), nil},
	{"vxfs", UsageFilesystem, "\xa5\x01\xfc\xf5", at(8 * kib), nil},
	{"nss", UsageFilesystem, "SPB5", at(4 * kib), nil},
	{"VMFS", UsageFilesystem, "\x5e\xf1\xab\x2f", at(2 * mib), nil},

	// Swap, and kernels asleep in it.
	{"swap", UsageOther, "SWAPSPACE2", pageEnds, nil},
	{"swap", UsageOther, "SWAP-SPACE", pageEnds, nil},
	{"swsuspend", UsageOther, "S1SUSPEND", pageEnds, nil},
	{"swsuspend", UsageOther, "S2SUSPEND", pageEnds, nil},
	{"swsuspend", UsageOther, "ULSUSPEND", pageEnds, nil},
	{"swsuspend", UsageOther, "LINHIB0001", pageEnds, nil},
	{"swsuspend", UsageOther, "\xed\xc3\x02\xe9\x98\x56\xe5\x0c", at(0), nil},

	// Encryption, integrity, and what else the device mapper stacks.
	{"crypto_LUKS", UsageCrypto, "LUKS\xba\xbe", at(0), nil},
	{"crypto_LUKS", UsageCrypto, "SKUL\xba\xbe", luksCopies, nil},
	{"BitLocker", UsageCrypto, "\xeb\x52\x90-FVE-FS-", at(0), nil},
	{"BitLocker", UsageCrypto, "\xeb\x58\x90-FVE-FS-", at(0), nil},
	{"BitLocker", UsageCrypto, "\xeb\x58\x90MSWIN4.1", at(0), isBitLockerToGo},
	{"DM_verity_hash", UsageCrypto, "verity\x00\x00", at(0), nil},
	{"DM_integrity", UsageCrypto, "integrt\x00", at(0), nil},
	{"DM_snapshot_cow", UsageOther, "SnAp", at(0), nil},
	{"LVM2_member", UsageRAID, "LVM2 001", at(0x018, 0x218, 0x418, 0x618), isLVM2Label},
	{"LVM1_member", UsageRAID, "HM", at(0), isLVM1},
	{"vdo", UsageOther, "dmvdo001", at(0), nil},
	{"stratis", UsageOther, "!Stra0tis\x86\xff\x02^\x41rh", at(512+4, 9*512+4), nil},
	{"bcache", UsageOther, "\xc6\x85\x73\xf6\x4e\x1a\x45\xca\x82\x65\xf5\x7f\x48\xba\x6d\x81", at(4*kib + 24), nil},
	{"ceph_bluestore", UsageOther, "bluestore block device", at(0), nil},
	{"oracleasm", UsageFilesystem, "ORCLDISK", at(32), nil},
	{"ubi", UsageRAID, "UBI#", at(0), nil},
	{"VMFS_volume_member", UsageRAID, "\x0d\xd0\x01\xc0", at(1 * mib), nil},

	// RAID of firmware.
	{"isw_raid_member", UsageRAID, "Intel Raid ISM Cfg Sig. ", at(-1024), nil},
	{"ddf_raid_member", UsageRAID, "\xde\x11\xde\x11", at(-512, -256*512, -257*512), nil},
	{"ddf_raid_member", UsageRAID, "\x11\xde\x11\xde", at(-512, -256*512, -257*512), nil},
	{"lsi_mega_raid_member", UsageRAID, "$XIDE$", at(-512), nil},
	{"nvidia_raid_member", UsageRAID, "NVIDIA", at(-1024), nil},
	{"promise_fasttrack_raid_member", UsageRAID, "Promise Technology, Inc.", at(-63*512, -255*512, -256*512, -16*512, -399*512, -591*512, -675*512, -735*512, -911*512, -974*512, -991*512, -951*512, -3087*512), nil},
	{"hpt45x_raid_member", UsageRAID, "\xf3\x16\x78\x5a", at(-11 * 512), nil},
	{"hpt45x_raid_member", UsageRAID, "\xfd\x16\x78\x5a", at(-11 * 512), nil},
	{"hpt37x_raid_member", UsageRAID, "\xf0\x16\x78\x5a", at(9*512 + 32), nil},
	{"hpt37x_raid_member", UsageRAID, "\xfd\x16\x78\x5a", at(9*512 + 32), nil},

	// Partition tables; that of DOS has a probe.
	{"gpt", UsagePartitionTable, "EFI PART", at(512, 4*kib, -512, -4*kib), nil},
	{"mac", UsagePartitionTable, "ER", at(0), isMacMap},
	{"sgi", UsagePartitionTable, "\x0b\xe5\xa9\x41", at(0), nil},
	{"sun", UsagePartitionTable, "\xda\xbe", at(508), isSunLabel},
	{"aix", UsagePartitionTable, "\xc9\xc2\xd4\xc1", at(0), nil},
	{"bsd", UsagePartitionTable, "\x57\x45\x56\x82", at(0, 64, 512), isBSDLabel},
	{"ultrix", UsagePartitionTable, "\x57\x29\x03", at(16*kib - 72), nil},
}
