#!/bin/sh
truncate -s 128M pv0
losetup /dev/loop0 pv0
truncate -s 128M pv1
losetup /dev/loop1 pv1
truncate -s 128M pv2
losetup /dev/loop2 pv2
truncate -s 128M pv3
losetup /dev/loop3 pv3
truncate -s 128M pv4
losetup /dev/loop4 pv4
truncate -s 128M pv5
losetup /dev/loop5 pv5
vgcreate vg /dev/loop0 /dev/loop1 /dev/loop2 /dev/loop3 /dev/loop4 /dev/loop5
lvcreate -L 64M -c 64k -T vg/pool /dev/loop0
lvcreate -V 16M -T vg/pool -n t
lvcreate --type raid1 -m 1 -L 16M -n cd vg /dev/loop2 /dev/loop3
lvcreate -L 8M -n cm vg /dev/loop2
# wait until in sync
lvconvert -y --type cache-pool --poolmetadata vg/cm vg/cd
lvconvert -y --type cache --cachepool vg/cd vg/pool
