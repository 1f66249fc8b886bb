package lvm

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestParseMount(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]mountLine{
		"24 19 254:3 / /mnt rw,relatime shared:1 master:2 - ext4 /dev/mapper/vg-lv rw,errors=remount-ro": {fsMount{dir: "/mnt"}, "254:3", "ext4"},
		`24 19 0:21 /sub /a\040b\011c\134 rw - btrfs /dev/vg/x rw,subvol=/sub`:                           {fsMount{dir: "/a b\tc\\"}, "0:21", "btrfs"},
		"24 19 254:3 / /mnt ro,relatime - xfs /dev/dm-3 rw":                                              {fsMount{dir: "/mnt", readOnly: true}, "254:3", "xfs"},
		"24 19 254:3 / /mnt rw - xfs /dev/dm-3 ro,norecovery":                                            {fsMount{dir: "/mnt", readOnly: true}, "254:3", "xfs"},
		"24 19 254:3 / /mnt rw,nosuid - ext4 /dev/dm-3 rw,errors=remount-ro,commit=5":                    {fsMount{dir: "/mnt"}, "254:3", "ext4"},
	} {
		got, ok := parseMount(line)
		assert.True(t, ok, line)
		assert.Equal(t, want, got, line)
	}
	for _, line := range []string{"", " - ", "24 19 254:3 / /mnt - ext4 /dev/x rw", "24 19 254:3 / /mnt rw ext4 /dev/x rw", "24 19 254:3 / /mnt rw - ext4 /dev/x"} {
		_, ok := parseMount(line)
		assert.False(t, ok, line)
	}
}
