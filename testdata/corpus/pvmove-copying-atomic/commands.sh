#!/bin/sh
truncate -s 128M pv0
losetup /dev/loop0 pv0
truncate -s 128M pv1
losetup /dev/loop1 pv1
truncate -s 128M pv2
losetup /dev/loop2 pv2
pvcreate /dev/loop0 /dev/loop1 /dev/loop2
vgcreate vg /dev/loop0 /dev/loop1 /dev/loop2
lvcreate -L 24M -n a vg /dev/loop0
lvcreate -L 16M -n b vg /dev/loop0
lvcreate -L 16M -n c vg /dev/loop1
echo 1 >/sys/module/dm_mirror/parameters/raid1_resync_throttle
pvmove --atomic --background --interval 600 /dev/loop0
