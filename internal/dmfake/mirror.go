package dmfake

import (
	"fmt"
	"math/bits"
	"strings"
	"syscall"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/units"
)

// mirror is what a mirror target of a table has in the kernel's memory. Regions
// get in sync in their order. The log is always in memory.
//
// Source: Linux, drivers/md/dm-raid1.c, drivers/md/dm-log.c, and what the target
// was seen to do.
type mirror struct {
	dm.Mirror
	length          units.Sectors
	inSync, regions uint64
}

// newMirror is the constructor of a target.
func newMirror(t dm.Mirror, length units.Sectors) (*mirror, syscall.Errno) {
	switch region := t.RegionSize; {
	case len(t.Legs) < 2, len(t.Legs) > 9, t.KeepLog && !t.HandleErrors,
		region < 2, region > length, bits.OnesCount64(uint64(region)) != 1:
		return nil, syscall.EINVAL
	}
	m := &mirror{Mirror: t, length: length, regions: uint64((length-1)/t.RegionSize) + 1}
	if t.Sync == dm.MirrorSyncSkip {
		m.inSync = m.regions
	}
	return m, 0
}

func (m *mirror) status() string {
	legs := m.Devices()[len(m.Devices())-len(m.Legs):]
	s := fmt.Sprintf("%d %s %d/%d 1 %s", len(legs), strings.Join(legs, " "), m.inSync, m.regions, strings.Repeat("A", len(legs)))
	if m.Log == dm.MirrorLogDisk {
		return s + " 3 disk " + m.LogDevice + " A"
	}
	return s + " 1 core"
}

// io does I/O from byte off on. Regions that are not in sync are written in the
// first leg only.
func (m *mirror) io(k *Kernel, p []byte, off int64, write bool) error {
	region := int64(inBytes(m.RegionSize))
	for len(p) > 0 {
		n := min(int64(len(p)), region-off%region)
		for i, leg := range m.Legs {
			if i > 0 && (!write || uint64(off/region) >= m.inSync) {
				break
			}
			if err := k.areaIO(leg.Device, leg.Offset, p[:n], off, write); err != nil {
				return err
			}
		}
		p, off = p[n:], off+n
	}
	return nil
}

// sync brings n regions in sync, all if n is 0; the result is whether these were
// the last.
func (m *mirror) sync(k *Kernel, n int) (done bool) {
	for i := 0; m.inSync < m.regions && (n == 0 || i < n); i++ {
		start := units.Sectors(m.inSync) * m.RegionSize
		buf := make([]byte, inBytes(min(m.RegionSize, m.length-start)))
		at := int64(inBytes(start))
		for i, leg := range m.Legs {
			if k.areaIO(leg.Device, leg.Offset, buf, at, i > 0) != nil {
				return false
			}
		}
		m.inSync++
		done = m.inSync == m.regions
	}
	return done
}
