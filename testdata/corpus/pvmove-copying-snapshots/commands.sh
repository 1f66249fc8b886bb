#!/bin/sh
truncate -s 128M pv0
losetup /dev/loop0 pv0
truncate -s 128M pv1
losetup /dev/loop1 pv1
truncate -s 128M pv2
losetup /dev/loop2 pv2
pvcreate /dev/loop0 /dev/loop1 /dev/loop2
vgcreate vg /dev/loop0 /dev/loop1 /dev/loop2
lvcreate -L 16M -n org vg /dev/loop0
lvcreate -s -L 8M -n first vg/org /dev/loop0
dd if=/dev/urandom of=/dev/vg/org bs=64k count=8 oflag=direct
lvcreate -s -L 8M -n second vg/org /dev/loop1
dd if=/dev/urandom of=/dev/vg/org bs=64k count=8 oflag=direct seek=4
echo 1 >/sys/module/dm_mirror/parameters/raid1_resync_throttle
pvmove --background --interval 600 /dev/loop0 /dev/loop2
