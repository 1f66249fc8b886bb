// Package recorder keeps devices in memory for tests. It writes down, in order
// and over all devices, what was written and when it was synced; from that it
// makes every state that a loss of power can leave. Calls can be made to fail.
//
// The methods of Device are those of the interface of the same name in the root
// package.
package recorder

import (
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"sync"

	"github.com/lvm-go/lvm/units"
)

// chunkSize is the length of the pieces that contents are shared by. What a
// device writes at once is SectorSize.
const chunkSize = 4096

type chunk [chunkSize]byte

// image is the contents of a device: chunks that are never changed once they
// are there. What is missing is zeroes.
type image struct {
	size   int64
	chunks map[int64]*chunk
}

func (m *image) clone() *image { return &image{m.size, maps.Clone(m.chunks)} }

func (m *image) read(p []byte, off int64) {
	for len(p) > 0 {
		at := off % chunkSize
		n := min(len(p), int(chunkSize-at))
		if c := m.chunks[off/chunkSize]; c != nil {
			copy(p[:n], c[at:])
		} else {
			clear(p[:n])
		}
		p, off = p[n:], off+int64(n)
	}
}

func (m *image) equal(other *image) bool {
	if m.size != other.size {
		return false
	}
	for i, c := range m.chunks {
		if o := other.chunks[i]; o != c && (o == nil && *c != chunk{} || o != nil && *o != *c) {
			return false
		}
	}
	for i, o := range other.chunks {
		if m.chunks[i] == nil && *o != (chunk{}) {
			return false
		}
	}
	return true
}

func (m *image) write(p []byte, off int64) {
	for len(p) > 0 {
		i, at := off/chunkSize, off%chunkSize
		n := min(len(p), int(chunkSize-at))
		c := new(chunk)
		if old := m.chunks[i]; old != nil {
			*c = *old
		}
		copy(c[at:], p[:n])
		m.chunks[i] = c
		p, off = p[n:], off+int64(n)
	}
}

// Kind is what is done to a device.
type Kind int

// The calls that are counted and can fail.
const (
	Open Kind = iota
	Size
	Read
	Write
	Sync
)

// String returns the kind as errors name it.
func (k Kind) String() string {
	return [...]string{"open", "size", "read", "write", "sync"}[k]
}

// Op is a call.
type Op struct {
	Kind   Kind
	Path   string
	Offset int64
	Length int
}

// Fault says how a call fails.
type Fault int

// Pass lets a call succeed, Before makes it fail without effect, After once it
// has taken effect: the device has done it, and the caller does not know.
const (
	Pass Fault = iota
	Before
	After
)

// ErrInjected is matched by the errors of calls that were made to fail.
var ErrInjected = fmt.Errorf("injected fault: %w", os.ErrDeadlineExceeded)

// Event is a write or a sync that took effect.
type Event struct {
	Path   string
	Offset int64
	Data   []byte // nil: a sync
}

// IsSync says whether the event is a sync.
func (e Event) IsSync() bool { return e.Data == nil }

// Disks is a set of devices. It may be used by several goroutines at once.
type Disks struct {
	mu     sync.Mutex
	images map[string]*image
	base   map[string]*image // as they were when the log was begun
	log    []Event
	inject func(Op) Fault
	calls  int
}

// New returns blank devices, all of the same size.
func New(size units.Bytes, paths ...string) *Disks {
	d := &Disks{images: map[string]*image{}}
	for _, p := range paths {
		d.images[p] = &image{int64(size), map[int64]*chunk{}}
	}
	d.Record()
	return d
}

// Clone returns the devices as they are, with an empty log and no faults.
func (d *Disks) Clone() *Disks {
	d.mu.Lock()
	defer d.mu.Unlock()
	return fromImages(d.images)
}

func fromImages(images map[string]*image) *Disks {
	c := &Disks{images: map[string]*image{}}
	for p, m := range images {
		c.images[p] = m.clone()
	}
	c.Record()
	return c
}

// Record empties the log: crashes are those from here on.
func (d *Disks) Record() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.log = nil
	d.base = map[string]*image{}
	for p, m := range d.images {
		d.base[p] = m.clone()
	}
}

// Paths returns the paths of the devices, sorted.
func (d *Disks) Paths() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Sorted(maps.Keys(d.images))
}

// Log returns the writes and syncs since Record.
func (d *Disks) Log() []Event {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.log)
}

// Writes returns the writes since Record, without the syncs.
func (d *Disks) Writes() []Event {
	return slices.DeleteFunc(d.Log(), Event.IsSync)
}

// Inject lets f decide of each call from now on whether it fails; nil ends that.
// The count of calls begins anew.
func (d *Disks) Inject(f func(Op) Fault) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.inject, d.calls = f, 0
}

// FailAt makes the n-th call from now on fail, 1 being the next; with rest also
// all that come after it. 0 makes none fail.
func (d *Disks) FailAt(n int, how Fault, rest bool) {
	calls := 0
	d.Inject(func(Op) Fault {
		if calls++; calls == n || rest && n > 0 && calls > n {
			return how
		}
		return Pass
	})
}

// Calls returns how many calls there were since New or the last Inject.
func (d *Disks) Calls() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.calls
}

// Change writes without a log, faults or bounds that a test has set.
func (d *Disks) Change(path string, off int64, p []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.images[path].write(p, off)
}

// Contents reads without a log or faults.
func (d *Disks) Contents(path string, off int64, n int) []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	p := make([]byte, n)
	d.images[path].read(p, off)
	return p
}

// ReadAt fills p without a log or faults.
func (d *Disks) ReadAt(path string, p []byte, off int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.images[path].read(p, off)
}

// Equal reports whether other has the same contents on the devices named, or on
// all and no more of them if none is.
func (d *Disks) Equal(other *Disks, paths ...string) bool {
	mine, others := d.Clone().images, other.Clone().images
	if len(paths) == 0 {
		if len(mine) != len(others) {
			return false
		}
		paths = slices.Collect(maps.Keys(mine))
	}
	for _, path := range paths {
		a, b := mine[path], others[path]
		if a == nil || b == nil || !a.equal(b) {
			return false
		}
	}
	return true
}

// Size returns the length of a device.
func (d *Disks) Size(path string) units.Bytes {
	d.mu.Lock()
	defer d.mu.Unlock()
	return units.Bytes(d.images[path].size)
}

// Truncate gives a device another length.
func (d *Disks) Truncate(path string, size units.Bytes) {
	d.mu.Lock()
	defer d.mu.Unlock()
	m := d.images[path]
	m.size = int64(size)
	for i := range m.chunks {
		if i*chunkSize >= m.size {
			delete(m.chunks, i)
		}
	}
}

// Copy makes another device with the contents of one.
func (d *Disks) Copy(from, to string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.images[to] = d.images[from].clone()
}

// call counts a call and carries it out, unless it is to fail.
func (d *Disks) call(op Op, do func(*image) error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls++
	fault := Pass
	if d.inject != nil {
		fault = d.inject(op)
	}
	failed := fmt.Errorf("%s %s: %w", op.Kind, op.Path, ErrInjected)
	if fault == Before {
		return failed
	}
	m := d.images[op.Path]
	if m == nil {
		return &fs.PathError{Op: op.Kind.String(), Path: op.Path, Err: fs.ErrNotExist}
	}
	if err := do(m); err != nil {
		return err
	}
	if fault == After {
		return failed
	}
	return nil
}

// Open opens a device. It fails if there is none at path.
func (d *Disks) Open(path string, write bool) (*Device, error) {
	if err := d.call(Op{Kind: Open, Path: path}, func(*image) error { return nil }); err != nil {
		return nil, err
	}
	return &Device{disks: d, path: path, write: write}, nil
}

// Device is an open device.
type Device struct {
	disks *Disks
	path  string
	write bool
}

// ReadAt reads as io.ReaderAt says.
func (v *Device) ReadAt(p []byte, off int64) (int, error) {
	n := 0
	err := v.disks.call(Op{Read, v.path, off, len(p)}, func(m *image) error {
		if off < 0 {
			return fs.ErrInvalid
		}
		if off >= m.size {
			return io.EOF
		}
		n = int(min(int64(len(p)), m.size-off))
		m.read(p[:n], off)
		if n < len(p) {
			return io.EOF
		}
		return nil
	})
	return n, err
}

// WriteAt writes all of p, or nothing if that reaches beyond the end.
func (v *Device) WriteAt(p []byte, off int64) (int, error) {
	err := v.disks.call(Op{Write, v.path, off, len(p)}, func(m *image) error {
		if !v.write || off < 0 || off > m.size || int64(len(p)) > m.size-off {
			return fmt.Errorf("write %d bytes at byte %d of %s: %w", len(p), off, v.path, fs.ErrInvalid)
		}
		m.write(p, off)
		v.disks.log = append(v.disks.log, Event{v.path, off, append([]byte{}, p...)})
		return nil
	})
	if err != nil {
		return 0, err
	}
	return len(p), nil
}

// Sync makes what was written to the device until now outlast a crash.
func (v *Device) Sync() error {
	return v.disks.call(Op{Kind: Sync, Path: v.path}, func(*image) error {
		v.disks.log = append(v.disks.log, Event{Path: v.path})
		return nil
	})
}

// Size returns the length of the device.
func (v *Device) Size() (size units.Bytes, err error) {
	err = v.disks.call(Op{Kind: Size, Path: v.path}, func(m *image) error {
		size = units.Bytes(m.size)
		return nil
	})
	return size, err
}

// Close does nothing.
func (v *Device) Close() error { return nil }
