#!/bin/sh
truncate -s 256M pv0
losetup /dev/loop0 pv0
pvcreate /dev/loop0
vgcreate vg /dev/loop0
lvcreate -L 16M -n org vg
lvcreate -s -L 8M -n first vg/org
dd if=/dev/urandom of=/dev/vg/org bs=64k count=4 oflag=direct
lvcreate -L 4M -n other vg
lvcreate -s -L 8M -n second vg/org
dd if=/dev/urandom of=/dev/vg/org bs=64k count=4 oflag=direct seek=8
# org is held open, so the merge waits for its next activation
lvconvert --merge vg/first
