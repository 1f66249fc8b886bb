#!/bin/sh
truncate -s 256M pv0
losetup /dev/loop0 pv0
pvcreate /dev/loop0
vgcreate vg /dev/loop0
lvcreate -L 96M -n org vg
lvcreate -s -L 64M -n first vg/org
dd if=/dev/urandom of=/dev/vg/org bs=64k count=800 oflag=direct
lvcreate -s -L 64M -n second vg/org
echo 1 >/sys/module/dm_snapshot/parameters/snapshot_copy_throttle
lvconvert --merge --background --interval 600 vg/first
