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
lvcreate --type raid10 -i 2 -m 1 -I 64k -L 24M -n r vg
# wait until in sync
lvconvert -y --stripes 3 vg/r
# wait until in sync
