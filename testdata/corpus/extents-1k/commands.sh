#!/bin/sh
truncate -s 64M pv0
losetup /dev/loop0 pv0
truncate -s 64M pv1
losetup /dev/loop1 pv1
vgcreate -s 1k vg /dev/loop0 /dev/loop1
lvcreate -l 5001 -n a vg
lvcreate -L 3M -i 2 -I 4k -n b vg
lvcreate --type raid1 -m 1 -l 1000 -n c vg
# failed (5)
# wait until in sync
lvcreate -s -l 2000 -n d vg/a
