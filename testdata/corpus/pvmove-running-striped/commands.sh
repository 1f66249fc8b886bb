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
lvcreate -i 3 -L 24M -n o vg
lvcreate -L 8M -n p vg /dev/loop0
pvmove --background --interval 600 /dev/loop0
# wait until in sync
