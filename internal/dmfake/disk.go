package dmfake

import (
	"io"
	"syscall"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/units"
)

// Disk is what a device that is not a mapped one holds. It is read and written
// with the kernel's lock held, so it must not call the kernel.
type Disk interface {
	io.ReaderAt
	io.WriterAt
}

// SetDisk says what a device holds: headers and exceptions of COW stores, and
// what mirrors and merges copy. Without it a device is blank, and in memory.
func (k *Kernel) SetDisk(dev dm.Dev, disk Disk) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.contents[dev] = disk
}

// disk returns what a device holds.
func (k *Kernel) disk(dev dm.Dev) Disk {
	d := k.contents[dev]
	if d == nil {
		d = &memory{pages: map[int64]*page{}}
		k.contents[dev] = d
	}
	return d
}

const pageSize = 4096

type page [pageSize]byte

// memory is a disk without end.
type memory struct{ pages map[int64]*page }

func (m *memory) ReadAt(p []byte, off int64) (n int, _ error) {
	for n < len(p) {
		at := off + int64(n)
		if q := m.pages[at/pageSize]; q != nil {
			n += copy(p[n:], q[at%pageSize:])
			continue
		}
		rest := p[n:min(len(p), n+int(pageSize-at%pageSize))]
		clear(rest)
		n += len(rest)
	}
	return n, nil
}

func (m *memory) WriteAt(p []byte, off int64) (n int, _ error) {
	for n < len(p) {
		at := off + int64(n)
		q := m.pages[at/pageSize]
		if q == nil {
			q = new(page)
			m.pages[at/pageSize] = q
		}
		n += copy(q[at%pageSize:], p[n:])
	}
	return n, nil
}

// inBytes is a length that fits, as it comes from a table that is valid.
func inBytes(s units.Sectors) units.Bytes {
	b, _ := s.Bytes()
	return b
}

// ReadDevice reads from a mapped device as a program does. I/O that the kernel
// would hold back, as the device or one beneath it is suspended, fails with
// EAGAIN; other errors are EIO and, if there is no such device, ENXIO.
func (k *Kernel) ReadDevice(name string, p []byte, off int64) error {
	return k.access(name, p, off, false)
}

// WriteDevice writes to a mapped device as a program does. Its errors are those
// of ReadDevice, and EPERM if the live table is read-only.
func (k *Kernel) WriteDevice(name string, p []byte, off int64) error {
	return k.access(name, p, off, true)
}

func (k *Kernel) access(name string, p []byte, off int64, write bool) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	d := k.devices[name]
	switch {
	case d == nil:
		return syscall.ENXIO
	case write && d.live != nil && d.live.readOnly:
		return syscall.EPERM
	}
	if err := k.io(d.dev, p, off, write); err != nil || !write {
		return err
	}
	// The program waits until it is on the disks.
	for _, p := range k.pools {
		if k.awake(p.metadata) {
			_ = p.commit(k)
		}
	}
	return nil
}

// io reads p from byte off of a device, or writes it there, through all tables.
func (k *Kernel) io(dev dm.Dev, p []byte, off int64, write bool) error {
	if dev.Major() != Major {
		if size := k.disks[dev]; off < 0 || size > 0 && off+int64(len(p)) > int64(inBytes(size)) {
			return syscall.EIO
		}
		var err error
		if write {
			_, err = k.disk(dev).WriteAt(p, off)
		} else {
			_, err = k.disk(dev).ReadAt(p, off)
		}
		if err != nil {
			return syscall.EIO
		}
		return nil
	}
	d := k.byDev(dev)
	if d == nil || d.live == nil {
		return syscall.EIO
	}
	if d.suspended {
		return syscall.EAGAIN
	}
	for len(p) > 0 {
		i, within, length := d.live.at(off)
		if i < 0 {
			return syscall.EIO
		}
		n := min(int64(len(p)), length-within)
		if err := k.lineIO(d.live, i, p[:n], within, write); err != nil {
			return err
		}
		p, off = p[n:], off+n
	}
	return nil
}

// at returns the line that byte off is in, how many bytes before it there are in
// that line, and the line's length; -1 if it is in none.
func (t *table) at(off int64) (i int, within, length int64) {
	for i, l := range t.lines {
		start, length := int64(inBytes(l.Start)), int64(inBytes(l.Length))
		if off >= start && off-start < length {
			return i, off - start, length
		}
	}
	return -1, 0, 0
}

// lineIO does I/O in a line of a live table, from byte off of that line on.
func (k *Kernel) lineIO(t *table, i int, p []byte, off int64, write bool) error {
	switch target := t.lines[i].Target.(type) {
	case dm.Linear:
		return k.areaIO(target.Device, target.Offset, p, off, write)
	case dm.Striped:
		return k.stripedIO(target, p, off, write)
	case dm.Zero:
		if !write {
			clear(p)
		}
		return nil
	case dm.SnapshotOrigin:
		return k.originIO(target.Origin, p, off, write)
	case dm.Snapshot, dm.SnapshotMerge:
		return t.state[i].(*snapshot).io(k, p, off, write)
	case dm.Mirror:
		return t.state[i].(*mirror).io(k, p, off, write)
	case dm.ThinPool:
		return k.areaIO(target.Data, 0, p, off, write)
	case dm.RAID:
		return t.state[i].(*array).io(k, p, off, write)
	case dm.Cache:
		return t.state[i].(*cache).io(k, p, off, write)
	case dm.WriteCache:
		return t.state[i].(*writeCache).io(k, p, off, write)
	case dm.Integrity:
		return t.state[i].(*integrity).io(k, p, off, write)
	case dm.Thin:
		return t.state[i].(*thin).io(k, p, off, write)
	default:
		return syscall.EIO
	}
}

// areaIO does I/O from byte off of an area on, which begins at a sector of a
// device.
func (k *Kernel) areaIO(device string, start units.Sectors, p []byte, off int64, write bool) error {
	dev, err := dm.ParseDev(device)
	if err != nil {
		return syscall.EIO
	}
	return k.io(dev, p, int64(inBytes(start))+off, write)
}

func (k *Kernel) stripedIO(s dm.Striped, p []byte, off int64, write bool) error {
	chunk, stripes := int64(inBytes(s.ChunkSize)), int64(len(s.Stripes))
	for len(p) > 0 {
		number, within := off/chunk, off%chunk
		n := min(int64(len(p)), chunk-within)
		stripe := s.Stripes[number%stripes]
		if err := k.areaIO(stripe.Device, stripe.Offset, p[:n], number/stripes*chunk+within, write); err != nil {
			return err
		}
		p, off = p[n:], off+n
	}
	return nil
}

// flow is a device as a target sees those beneath it.
type flow struct {
	k   *Kernel
	dev dm.Dev
}

func (f flow) ReadAt(p []byte, off int64) (int, error) {
	if err := f.k.io(f.dev, p, off, false); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (f flow) WriteAt(p []byte, off int64) (int, error) {
	if err := f.k.io(f.dev, p, off, true); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (f flow) Sync() error { return nil }
