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
lvcreate --type raid1 -m 3 -L 16M -R 512k --minrecoveryrate 10k --maxrecoveryrate 1M -n r vg
# wait until in sync
lvchange --writemostly /dev/loop1:y --writemostly /dev/loop2 vg/r
lvchange --writebehind 512 vg/r
lvconvert -y -m 2 vg/r /dev/loop0
# wait until in sync
