package lvm

import (
	"strings"

	"github.com/pkg/errors"

	"github.com/lvm-go/lvm/metadata"
	"github.com/lvm-go/lvm/units"
)

// content is what the bytes of a device say about who uses it.
type content struct {
	s *sampler
}

// newContent reads both ends of a device of that size.
func newContent(d Device, size units.Bytes) (*content, error) {
	s := &sampler{r: d, size: int64(min(size, units.EiB))}
	s.readHead()
	s.readTail()
	if s.err != nil {
		return nil, errors.WithMessage(s.err, "read both ends of the device")
	}
	return &content{s}, nil
}

// pvid returns the UUID of the physical volume on the device; false if there is
// no label that can be read.
func (c *content) pvid() (metadata.ID, bool) {
	label, _, err := metadata.ReadLabel(c.s.r)
	if err != nil {
		return metadata.ID{}, false
	}
	return label.PVID, true
}

// isPartitioned reports whether the device has a partition table that is in use:
// the kernel's idea of its partitions does not matter. Empty ones do not count.
// Source: UEFI specification 2.10, 5.2 and 5.3; lvm2 as observed.
func (c *content) isPartitioned(blockSize units.Bytes) bool {
	gpt := c.isGPT(blockSize)
	sector := c.s.at(0, 512)
	if sector == nil || !c.s.has(bootSignature, "\x55\xaa") {
		return gpt
	}
	used := false
	for at := bootTable; at < bootSignature; at += 16 {
		entry := sector[at : at+16]
		if entry[0]&0x7f != 0 {
			return gpt // neither active nor inactive: code of some boot sector
		}
		if entry[4] == 0xee {
			return gpt // the table is there to protect the other one
		}
		used = used || entry[4] != 0
	}
	return used || gpt
}

// isGPT reports whether the header of a GUID partition table is there. One that
// is broken counts: who repairs it wants the partitions.
func (c *content) isGPT(blockSize units.Bytes) bool {
	return c.s.has(int64(max(blockSize, units.SectorSize)), "EFI PART")
}

// isMDMember reports whether the device is part of an MD array, or of one of
// firmware that MD serves.
func (c *content) isMDMember() bool {
	return len(probeMD(c.s)) > 0 || c.hasMagic("isw_raid_member") || c.hasMagic("ddf_raid_member")
}

// hasMagic reports whether the table of formats finds one whose type ends so.
func (c *content) hasMagic(suffix string) bool {
	for _, rule := range magicRules {
		if !strings.HasSuffix(rule.typ, suffix) {
			continue
		}
		for _, place := range rule.places {
			at := c.s.place(place)
			if c.s.has(at, rule.magic) && (rule.check == nil || rule.check(c.s, at)) {
				return true
			}
		}
	}
	return false
}

// isLVM1 reports whether the device is a physical volume of LVM1.
func (c *content) isLVM1() bool { return c.hasMagic("LVM1_member") }

// isFirmwareRAID reports whether the device is part of a RAID of firmware.
func (c *content) isFirmwareRAID() bool { return c.hasMagic("raid_member") }
