#!/bin/bash
# Makes the images that samples.gz is recorded from, in the directory given:
# with each format's own tool where Debian has one, else by planting the magic
# bytes that its documentation gives. Then:
#
#   go run ./testdata/signatures/record DIR >testdata/signatures/samples.gz
#
# What wipefs finds on the images is what FindSignatures is tested against.
set -u
cd "${1:?directory}" || exit
export LC_ALL=C
head -c 64 /dev/zero >key

# tool NAME SIZE COMMAND...: an image made by COMMAND, in which @ is the image.
tool() {
  local name=$1 size=$2
  shift 2
  rm -f "$name.img"
  [ "$size" = 0 ] || truncate -s "$size" "$name.img"
  if ! "${@/@/$name.img}" </dev/null >"$name.log" 2>&1; then
    echo "$name: $(tail -n 1 "$name.log")" >&2
    rm -f "$name.img"
  fi
}

# table NAME TYPE SCRIPT: an image with a partition table.
table() {
  rm -f "$1.img"
  truncate -s 8M "$1.img"
  echo "$3" | sfdisk -q -X "$2" "$1.img" >"$1.log" || rm -f "$1.img"
}

# plant NAME SIZE OFFSET BYTES [OFFSET BYTES]...: an image with these bytes, as
# printf writes them.
plant() {
  local name=$1 size=$2
  shift 2
  rm -f "$name.img"
  truncate -s "$size" "$name.img"
  while [ $# -gt 0 ]; do
    printf -- "$2" | dd of="$name.img" bs=1 seek=$(($1)) conv=notrunc status=none
    shift 2
  done
}

mkdir -p tree
echo hello >tree/file

tool ext2 4M mkfs.ext2 -q -F @
tool ext3 8M mkfs.ext3 -q -F @
tool ext4 8M mkfs.ext4 -q -F @
tool ext4-4k 8M mkfs.ext4 -q -F -b 4096 @
tool ext4-nojournal 8M mkfs.ext4 -q -F -O ^has_journal @
tool jbd 8M mke2fs -q -F -O journal_dev @
tool xfs 320M mkfs.xfs -q -f @
truncate -s 320M other
tool xfs-log 64M sh -c 'mkfs.xfs -q -f -l logdev=$0,size=64m other' @
tool btrfs 300M mkfs.btrfs -q -f @
tool vfat12 2M mkfs.vfat -F 12 @
tool vfat16 16M mkfs.vfat -F 16 @
tool vfat32 64M mkfs.vfat -F 32 @
tool exfat 16M mkfs.exfat @
tool ntfs 16M mkntfs -F -Q -q @
tool f2fs 64M mkfs.f2fs -q -f @
tool jfs 32M mkfs.jfs -q @
tool reiserfs 48M mkfs.reiserfs -q -ff @
tool reiserfs-3.5 48M mkfs.reiserfs -q -ff --format 3.5 @
tool nilfs2 160M mkfs.nilfs2 -q -f @
tool gfs2 64M mkfs.gfs2 -q -O -p lock_nolock -J 8 @
tool ocfs2-512 64M mkfs.ocfs2 -q -F -M local -N1 -x -b 512 -C 4096 -J size=4M @
tool ocfs2-1k 64M mkfs.ocfs2 -q -F -M local -N1 -x -b 1024 -C 4096 -J size=4M @
tool ocfs2-2k 64M mkfs.ocfs2 -q -F -M local -N1 -x -b 2048 -C 4096 -J size=4M @
tool ocfs2-4k 64M mkfs.ocfs2 -q -F -M local -N1 -x -b 4096 -C 4096 -J size=4M @
tool udf-512 16M mkudffs @
tool udf-2k 16M mkudffs -b 2048 @
tool udf-4k 16M mkudffs -b 4096 @
tool minix1 1M mkfs.minix -1 @
tool minix2 1M mkfs.minix -2 @
tool minix3 1M mkfs.minix -3 @
tool bfs 1M mkfs.bfs @
for page in 4096 8192 16384 32768 65536; do
  tool swap-$page 2M mkswap -f -p $page @
done
tool luks1 4M cryptsetup -q luksFormat --type luks1 --pbkdf-force-iterations 1000 @ key
tool luks2 20M cryptsetup -q luksFormat --type luks2 --pbkdf pbkdf2 --pbkdf-force-iterations 1000 @ key
tool luks2-4m 40M cryptsetup -q luksFormat --type luks2 --luks2-metadata-size 4m --luks2-keyslots-size 8m \
  --pbkdf pbkdf2 --pbkdf-force-iterations 1000 @ key
tool verity 8M veritysetup format ext4.img @
tool iso9660 0 genisoimage -quiet -o @ tree
tool iso9660-udf 0 genisoimage -quiet -udf -o @ tree
tool squashfs 0 mksquashfs tree @ -quiet -no-progress
tool erofs 0 mkfs.erofs @ tree
tool cramfs 0 mkfs.cramfs tree @
tool bcache-backing 16M make-bcache -B @
tool bcache-cache 64M make-bcache -C @
table dos dos 2048,4096
table dos-empty dos ''
table gpt gpt 2048,4096
table sun sun 0,4096
table sgi sgi 2048,4096
cp gpt.img gpt-backup.img && dd if=/dev/zero of=gpt-backup.img bs=1024 count=1 conv=notrunc status=none

# Label and signatures of LVM and the device mapper.
plant lvm2 4M 512 'LABELONE\x01\0\0\0\0\0\0\0\x38\x10\x4e\x2f\x20\0\0\0LVM2 001'
plant lvm1 4M 0 'HM\x01\0\0\0\0\0'
plant snapshot-cow 4M 0 'SnAp\x01\0\0\0\x01\0\0\0\x08\0\0\0'
plant integrity 4M 0 'integrt\0\x05'
plant vdo 4M 0 'dmvdo001'

# MD superblocks. Those of version 1 hold their own place, in sectors, at byte 144.
plant md-1.1 4M 0 '\xfc\x4e\x2b\xa9\x01\0\0\0'
plant md-1.2 4M 4096 '\xfc\x4e\x2b\xa9\x01\0\0\0' 4240 '\x08'
plant md-1.0 4M 4186112 '\xfc\x4e\x2b\xa9\x01\0\0\0' 4186256 '\xf0\x1f'
plant md-0.90 4M 4128768 '\xfc\x4e\x2b\xa9\0\0\0\0\x5a\0\0\0'
plant md-0.90-be 4M 4128768 '\xa9\x2b\x4e\xfc\0\0\0\0\0\0\0\x5a'

# Swap, file systems and others that Debian has no tool for.
plant swsuspend 2M 4086 'S1SUSPEND'
plant swsuspend-2 2M 4086 'LINHIB0001'
plant tuxonice 2M 0 '\xed\xc3\x02\xe9\x98\x56\xe5\x0c'
plant swap-old 2M 4086 'SWAP-SPACE'
plant bitlocker 4M 0 '\xeb\x58\x90-FVE-FS-' 176 '\0\0\x10' 1048576 '-FVE-FS-\x70\0\x02\0'
plant bitlocker-vista 4M 0 '\xeb\x52\x90-FVE-FS-'
plant refs 4M 0 '\0\0\0ReFS\0'
plant hfs 4M 1024 'BD' 1044 '\0\0\x10\0'
plant hfsplus 4M 1024 'H+\0\x04' 1064 '\0\0\x10\0'
plant hfsplus-wrapped 4M 1024 'BD' 1044 '\0\0\x10\0' 1052 '\0\x10' 1148 'H+\0\0\0\x10' 9216 'H+\0\x04' 9256 '\0\0\x10\0'
plant reiser4 4M 65536 'ReIsEr4'
plant oracleasm 4M 32 'ORCLDISK'
plant squashfs3 4M 0 'hsqs' 28 '\x03\0'
plant romfs 4M 0 '-rom1fs-'
plant zonefs 4M 0 'SFOZ'
plant ubifs 4M 0 '\x31\x18\x10\x06'
plant ubi 4M 0 'UBI#'
plant ufs1 4M 9564 '\x54\x19\x01\0'
plant ufs2 4M 66908 '\x19\x01\x54\x19'
plant vxfs 4M 1024 '\xf5\xfc\x01\xa5'
plant vxfs-be 4M 8192 '\xa5\x01\xfc\xf5'
plant nss 4M 4096 'SPB5'
plant vmfs 8M 2097152 '\x5e\xf1\xab\x2f'
plant vmfs-member 8M 1048576 '\x0d\xd0\x01\xc0'
plant ceph 4M 0 'bluestore block device'
plant f2fs-backup 4M 1024 '\x10\x20\xf5\xf2' 5120 '\x10\x20\xf5\xf2'
zfs=()
for slot in 0 1 2 3 4 5; do
  zfs+=($((131072 + slot * 1024)) '\x0c\xb1\xba\0\0\0\0\0' $((134086656 + slot * 1024)) '\x0c\xb1\xba\0\0\0\0\0')
done
plant zfs 128M "${zfs[@]}"

# RAID of firmware, at the end.
plant isw 4M 4193280 'Intel Raid ISM Cfg Sig. 1.0.00'
plant ddf 4M 4193792 '\xde\x11\xde\x11' 4193888 '\0\0\0\0\0\0\x1f\xff'
plant ddf-257 4M 4062720 '\xde\x11\xde\x11'
plant lsi 4M 4193792 '$XIDE$'
plant nvidia 4M 4193280 'NVIDIA\0\0\x1e\0\0\0\0\0\0\0\x64\0'
plant promise 4M 4162048 'Promise Technology, Inc.'
plant hpt45x 4M 4188672 '\xf3\x16\x78\x5a'
plant hpt37x 4M 4640 '\xf0\x16\x78\x5a'
plant drbd-8 4M 4190268 '\x83\x74\x02\x6b'
plant drbd-9 4M 4190268 '\x83\x74\x02\x6d'

# Other partition tables.
plant mac 4M 0 'ER\x02\0' 512 'PM\0\0\0\0\0\x01\0\0\0\x01\0\0\0\x01'
plant aix 4M 0 '\xc9\xc2\xd4\xc1'
plant ultrix 4M 16312 '\x57\x29\x03\0\x01'
