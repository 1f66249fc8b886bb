#!/bin/sh
truncate -s 256M pv0
losetup /dev/loop0 pv0
pvcreate /dev/loop0
vgcreate vg /dev/loop0
lvcreate --type snapshot --virtualsize 64M -L 8M -n sparse vg
dd if=/dev/urandom of=/dev/vg/sparse bs=64k count=4 oflag=direct
lvcreate -L 4M -n other vg
