#!/bin/sh
truncate -s 256M pv0
losetup /dev/loop0 pv0
truncate -s 256M pv1
losetup /dev/loop1 pv1
vgcreate vg /dev/loop0 /dev/loop1
lvcreate -L 16M -n base vg
lvchange -an vg/base
lvchange -pr vg/base
lvcreate -L 64M -c 64k -T vg/pool
lvcreate -s -n t --thinpool vg/pool vg/base
lvchange -ay -K vg/t
lvcreate -s -n u vg/t -kn
lvextend -L +8M vg/t
lvcreate -s -n v --thinpool vg/pool vg/base
lvchange -ay -K vg/v
lvrename vg base golden
