package dmfake

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"syscall"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/units"
)

// mirror is what a mirror target of a table has in the kernel's memory. Regions
// get in sync in their order. A log on a disk has what is in sync when the target is
// resumed.
//
// Source: Linux, drivers/md/dm-raid1.c, drivers/md/dm-log.c, and what the target
// was seen to do.
type mirror struct {
	dm.Mirror
	length units.Sectors
	synced []bool // regions
	health []byte // of the legs
	// told says that there was an event when all came in sync.
	told bool
	// held says that writes wait until there is another table, as one has failed.
	held bool
}

// newMirror is the constructor of a target.
func newMirror(t dm.Mirror, length units.Sectors) (*mirror, syscall.Errno) {
	switch region := t.RegionSize; {
	case len(t.Legs) < 2, len(t.Legs) > 9, t.KeepLog && !t.HandleErrors,
		region < 2, region > length, bits.OnesCount64(uint64(region)) != 1:
		return nil, syscall.EINVAL
	}
	m := &mirror{Mirror: t, length: length, synced: make([]bool, (length-1)/t.RegionSize+1), health: bytes.Repeat([]byte("A"), len(t.Legs))}
	if t.Sync == dm.MirrorSyncSkip {
		m.setSynced(0)
		m.told = true
	}
	return m, 0
}

// setSynced takes the regions from one on for being in sync.
func (m *mirror) setSynced(from int) {
	for i := from; i < len(m.synced); i++ {
		m.synced[i] = true
	}
}

// inSync returns how many regions are in sync.
func (m *mirror) inSync() (n int) {
	for _, s := range m.synced {
		if s {
			n++
		}
	}
	return n
}

const (
	mirrorLogMagic   = "rRiM" // is swapped
	mirrorLogVersion = 2
	mirrorLogBits    = 1024 // where they begin
)

// preresume reads the log. What is new in it is in sync only if that is said.
func (m *mirror) preresume(k *Kernel) syscall.Errno {
	if m.Log != dm.MirrorLogDisk {
		return 0
	}
	b := make([]byte, mirrorLogBits+(len(m.synced)+7)/8)
	if k.areaIO(m.LogDevice, 0, b, 0, false) != nil {
		return 0 // all is out of sync, and the log has failed
	}
	known := 0
	if bytes.HasPrefix(b, []byte(mirrorLogMagic)) && m.Sync != dm.MirrorSyncForce {
		known = int(min(binary.LittleEndian.Uint64(b[8:]), uint64(len(m.synced))))
	}
	for i := range m.synced {
		m.synced[i] = i < known && b[mirrorLogBits+i/8]>>(i%8)&1 != 0
	}
	if m.Sync == dm.MirrorSyncSkip {
		m.setSynced(known)
	}
	m.writeLog(k)
	return 0
}

// writeLog writes what is in sync to a log on a disk.
func (m *mirror) writeLog(k *Kernel) {
	if m.Log != dm.MirrorLogDisk {
		return
	}
	b := make([]byte, (mirrorLogBits+(len(m.synced)+7)/8+511)/512*512)
	copy(b, mirrorLogMagic)
	binary.LittleEndian.PutUint32(b[4:], mirrorLogVersion)
	binary.LittleEndian.PutUint64(b[8:], uint64(len(m.synced)))
	for i, s := range m.synced {
		if s {
			b[mirrorLogBits+i/8] |= 1 << (i % 8)
		}
	}
	_ = k.areaIO(m.LogDevice, 0, b, 0, true)
}

func (m *mirror) status() string {
	legs := m.Devices()[len(m.Devices())-len(m.Legs):]
	s := fmt.Sprintf("%d %s %d/%d 1 %s", len(legs), strings.Join(legs, " "), m.inSync(), len(m.synced), m.health)
	if m.Log == dm.MirrorLogDisk {
		return s + " 3 disk " + m.LogDevice + " A"
	}
	return s + " 1 core"
}

// fail notes that a leg has failed.
func (m *mirror) fail(k *Kernel, leg int, how byte) {
	if m.health[leg] == 'A' {
		m.health[leg] = how
		if m.HandleErrors {
			k.event(k.holderOf(m))
		}
	}
}

// io does I/O from byte off on.
func (m *mirror) io(k *Kernel, p []byte, off int64, write bool) error {
	for _, l := range m.Devices() {
		if dev, _ := dm.ParseDev(l); !k.awake(dev) {
			return syscall.EAGAIN
		}
	}
	region := int64(inBytes(m.RegionSize))
	for len(p) > 0 {
		n := min(int64(len(p)), region-off%region)
		var err error
		if write {
			err = m.write(k, p[:n], off, off/region)
		} else {
			err = m.read(k, p[:n], off, m.synced[off/region])
		}
		if err != nil {
			return err
		}
		p, off = p[n:], off+n
	}
	return nil
}

// read reads from the first leg, or from another one that has the same.
func (m *mirror) read(k *Kernel, p []byte, off int64, inSync bool) error {
	for i, leg := range m.Legs {
		if i > 0 && !inSync {
			break
		}
		if m.health[i] != 'A' {
			continue
		}
		if k.areaIO(leg.Device, leg.Offset, p, off, false) == nil {
			return nil
		}
		m.fail(k, i, 'R')
	}
	return syscall.EIO
}

// write writes to all legs; what is not in sync to the first one only.
func (m *mirror) write(k *Kernel, p []byte, off, region int64) error {
	if m.held {
		return syscall.EAGAIN
	}
	done, failed := false, false
	for i, leg := range m.Legs {
		if i > 0 && !m.synced[region] {
			break
		}
		if k.areaIO(leg.Device, leg.Offset, p, off, true) != nil {
			m.fail(k, i, 'D')
			failed = true
			continue
		}
		done = true
	}
	if failed {
		m.synced[region] = false
		m.writeLog(k)
	}
	switch {
	case failed && m.HandleErrors && !m.KeepLog:
		m.held = true
		return syscall.EAGAIN
	case !done:
		return syscall.EIO
	}
	return nil
}

// sync brings n regions in sync, all if n is 0; the result is whether these were
// the last.
func (m *mirror) sync(k *Kernel, n int) (done bool) {
	for i := 0; n == 0 || i < n; i++ {
		region := slices.Index(m.synced, false)
		if region < 0 {
			break
		}
		start := units.Sectors(region) * m.RegionSize
		buf := make([]byte, inBytes(min(m.RegionSize, m.length-start)))
		at := int64(inBytes(start))
		for i, leg := range m.Legs {
			if m.health[i] != 'A' {
				return false
			}
			if k.areaIO(leg.Device, leg.Offset, buf, at, i > 0) != nil {
				m.fail(k, i, 'S')
				return false
			}
		}
		m.synced[region] = true
		m.writeLog(k)
	}
	done = !m.told && !slices.Contains(m.synced, false)
	m.told = m.told || done
	return done
}
