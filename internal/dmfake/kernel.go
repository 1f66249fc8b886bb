package dmfake

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/units"
)

// Major is the major number of the fake's mapped devices.
const Major = 253

// Kernel is the state of a device-mapper. It may be used by several goroutines
// at once.
type Kernel struct {
	mu       sync.Mutex
	closed   bool
	devices  map[string]*device // by name
	disks    map[dm.Dev]units.Sectors
	targets  map[string]dm.Version
	message  MessageHandler
	calls    []string
	changes  counter
	queries  counter
	happened chan struct{} // closed at the next event

	contents  map[dm.Dev]Disk
	snapshots []*snapshot // of all tables
	pools     []*pool
	pace      int
	hazards   []string
}

// MessageHandler answers the messages to targets.
type MessageHandler func(name string, sector units.Sectors, text string) (reply string, replied bool, errno syscall.Errno)

// New returns a device-mapper without devices, with the targets of Linux 6.1.
func New() *Kernel {
	return &Kernel{
		devices: map[string]*device{},
		disks:   map[dm.Dev]units.Sectors{},
		targets: map[string]dm.Version{
			"linear": {Major: 1, Minor: 4}, "striped": {Major: 1, Minor: 6},
			"error": {Major: 1, Minor: 5}, "zero": {Major: 1, Minor: 1},
			"snapshot": {Major: 1, Minor: 16}, "snapshot-origin": {Major: 1, Minor: 9},
			"snapshot-merge": {Major: 1, Minor: 5}, "mirror": {Major: 1, Minor: 14},
			"raid": {Major: 1, Minor: 15, Patch: 1}, "thin": {Major: 1, Minor: 22},
			"thin-pool": {Major: 1, Minor: 22}, "cache": {Major: 2, Minor: 3},
			"writecache": {Major: 1, Minor: 6}, "integrity": {Major: 1, Minor: 10},
			"crypt": {Major: 1, Minor: 24}, "delay": {Major: 1, Minor: 3},
			"flakey": {Major: 1, Minor: 5},
		},
		happened: make(chan struct{}),
		contents: map[dm.Dev]Disk{},
	}
}

// AddDisk tells the kernel of a device that tables may refer to, and its size.
// As long as there is none, every device that is not a mapped one is taken to
// exist, and its size is not looked at. A size of 0 is not looked at either.
func (k *Kernel) AddDisk(dev dm.Dev, size units.Sectors) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.disks[dev] = size
}

// SetTarget gives the kernel a target type, or another version of it; the zero
// Version takes it away.
func (k *Kernel) SetTarget(name string, v dm.Version) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if v == (dm.Version{}) {
		delete(k.targets, name)
		return
	}
	k.targets[name] = v
}

// HandleMessages lets f answer the messages to targets that this package does not
// know. Without it all of them are accepted without an answer.
func (k *Kernel) HandleMessages(f MessageHandler) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.message = f
}

// OpenDevice opens a mapped device as a program or a mount does; the result is
// whether it exists.
func (k *Kernel) OpenDevice(name string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	d := k.devices[name]
	if d != nil {
		d.opened++
	}
	return d != nil
}

// CloseDevice undoes an OpenDevice; the result is whether there was one.
func (k *Kernel) CloseDevice(name string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	d := k.devices[name]
	if d == nil || d.opened == 0 {
		return false
	}
	d.opened--
	k.removeDeferred()
	return true
}

// SetStatus sets what the targets of the live table of a device say about their
// state, until another table becomes live; the result is whether the device
// exists.
func (k *Kernel) SetStatus(name string, status ...string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	d := k.devices[name]
	if d != nil {
		d.status = slices.Clone(status)
	}
	return d != nil
}

// Raise raises an event of a device, as a target does that has something to
// report; the result is whether the device exists.
func (k *Kernel) Raise(name string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	d := k.devices[name]
	if d != nil {
		k.event(d)
	}
	return d != nil
}

// Crash forgets all devices, as the loss of power does. The disks have what was
// written to them.
func (k *Kernel) Crash() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.devices, k.snapshots, k.pools = map[string]*device{}, nil, nil
	k.wake()
}

// State is all that there is to know about a device.
type State struct {
	dm.Info
	// Live and Inactive are the tables, as dmsetup prints them.
	Live, Inactive string
	// InactiveReadOnly says how the inactive table was loaded.
	InactiveReadOnly bool
}

// State returns the devices in the order of their names, to be compared with
// another time. It is not a call that can fail or is written down.
func (k *Kernel) State() []State {
	k.mu.Lock()
	defer k.mu.Unlock()
	var states []State
	for _, d := range k.sorted() {
		s := State{Info: k.info(d)}
		if d.live != nil {
			s.Live = d.live.shown().String()
		}
		if d.inactive != nil {
			s.Inactive, s.InactiveReadOnly = d.inactive.shown().String(), d.inactive.readOnly
		}
		states = append(states, s)
	}
	return states
}

// Suspended returns the names of the devices that are suspended.
func (k *Kernel) Suspended() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	var names []string
	for _, d := range k.sorted() {
		if d.suspended {
			names = append(names, d.name)
		}
	}
	return names
}

func (k *Kernel) sorted() []*device {
	return slices.SortedFunc(maps.Values(k.devices), func(a, b *device) int { return cmp.Compare(a.name, b.name) })
}

// device is a mapped device.
type device struct {
	name, uuid     string
	dev            dm.Dev
	live, inactive *table
	replaced       *table // was live, while the new one is resumed
	status         []string
	opened         int
	eventNr        uint32
	suspended      bool
	deferred       bool
	// disk says that a table was loaded once, which is when the rest of the
	// kernel gets to know of the device.
	disk bool
}

// table is one that the kernel has accepted.
type table struct {
	lines    dm.Table
	deps     []dm.Dev
	modes    map[dm.Dev]mode // of deps
	readOnly bool
	// state is what the targets that have a type here have in memory, of each line;
	// nil of others.
	state []any
}

// mode is how a device is open.
type mode uint8

const (
	forReading mode = 1 << iota
	forWriting
)

// shown returns the lines as the kernel reports them.
func (t *table) shown() dm.Table {
	lines := slices.Clone(t.lines)
	for i, l := range lines {
		switch s := t.state[i].(type) {
		case *integrity:
			lines[i].Target = s.shown()
		case *array:
			lines[i].Target = s.shown()
		}
		s, ok := t.state[i].(*snapshot)
		if !ok {
			continue
		}
		switch target := l.Target.(type) {
		case dm.Snapshot:
			target.ChunkSize = s.store.chunk
			lines[i].Target = target
		case dm.SnapshotMerge:
			target.ChunkSize = s.store.chunk
			lines[i].Target = target
		}
	}
	return lines
}

// open notes how the targets open the devices beneath them.
func (t *table) open() {
	usual := forReading | forWriting
	if t.readOnly {
		usual = forReading
	}
	t.modes = map[dm.Dev]mode{}
	for _, l := range t.lines {
		for i, device := range l.Target.Devices() {
			dev, _ := dm.ParseDev(device)
			how := usual
			switch l.Target.(type) {
			case dm.Snapshot:
				if i == 0 {
					how = forReading
				}
			case dm.SnapshotMerge:
				if i == 0 {
					how = forWriting
				}
			case dm.Thin:
				if i == 1 {
					how = forReading
				}
			}
			t.modes[dev] |= how
		}
	}
	for _, dev := range t.deps {
		if t.modes[dev] == 0 {
			t.modes[dev] = usual
		}
	}
}

func (k *Kernel) byDev(dev dm.Dev) *device {
	for _, d := range k.devices {
		if d.dev == dev {
			return d
		}
	}
	return nil
}

func (k *Kernel) byUUID(uuid string) *device {
	for _, d := range k.devices {
		if d.uuid == uuid && uuid != "" {
			return d
		}
	}
	return nil
}

func (k *Kernel) find(r dm.Ref) *device {
	if name, ok := r.Name(); ok {
		return k.devices[name]
	}
	if uuid, ok := r.UUID(); ok {
		return k.byUUID(uuid)
	}
	dev, _ := r.Dev()
	return k.byDev(dev)
}

// openCount counts who has d open: programs, and every device whose tables
// refer to it, once for each way to open it.
func (k *Kernel) openCount(d *device) int {
	n := d.opened
	for _, user := range k.devices {
		var live mode
		if user.live != nil {
			live = user.live.modes[d.dev]
		}
		if live != 0 {
			n++
		}
		if user.inactive != nil {
			if m := user.inactive.modes[d.dev]; m != 0 && m != live {
				n++
			}
		}
	}
	return n
}

func (k *Kernel) info(d *device) dm.Info {
	info := dm.Info{
		Name: d.name, UUID: d.uuid, Dev: d.dev, OpenCount: int32(k.openCount(d)), EventNr: d.eventNr,
		Suspended: d.suspended, LiveTable: d.live != nil, InactiveTable: d.inactive != nil, DeferredRemove: d.deferred,
	}
	if d.live != nil {
		info.TargetCount, info.ReadOnly = uint32(len(d.live.lines)), d.live.readOnly
	}
	return info
}

// event counts an event of d and wakes those who wait.
func (k *Kernel) event(d *device) {
	d.eventNr++
	k.wake()
}

func (k *Kernel) wake() {
	close(k.happened)
	k.happened = make(chan struct{})
}

func (k *Kernel) drop(d *device) {
	delete(k.devices, d.name)
	if !d.suspended {
		k.quieten(d.live)
	}
	k.destroy(d.live)
	k.destroy(d.inactive)
	k.wake()
}

// removeDeferred removes what was to be removed at its last close.
func (k *Kernel) removeDeferred() {
	for again := true; again; {
		again = false
		for _, d := range k.sorted() {
			if d.deferred && k.openCount(d) == 0 {
				k.drop(d)
				again = true
			}
		}
	}
}

// resolve makes the table for a device that the kernel would of lines: with the
// numbers of the underlying devices.
func (k *Kernel) resolve(d *device, lines dm.Table, readOnly bool) (*table, syscall.Errno) {
	for _, l := range lines {
		if _, ok := k.targets[l.Target.Type()]; !ok {
			return nil, syscall.EINVAL
		}
		if _, unknown := l.Target.(dm.Unknown); unknown && slices.Contains(typed, l.Target.Type()) {
			return nil, syscall.EINVAL // a feature that there is not
		}
		if len(lines) > 1 && slices.Contains(singletons, l.Target.Type()) {
			return nil, syscall.EINVAL
		}
	}
	t := &table{readOnly: readOnly}
	var errno syscall.Errno
	note := func(name string) (string, error) {
		dev, e := k.lookup(name)
		if e != 0 {
			errno = e
			return "", e
		}
		if !slices.Contains(t.deps, dev) {
			t.deps = append(t.deps, dev)
		}
		return dev.String(), nil
	}
	for _, l := range lines {
		// It is opened before the pool.
		if thin, ok := l.Target.(dm.Thin); ok && thin.ExternalOrigin != "" {
			if _, err := note(thin.ExternalOrigin); err != nil {
				return nil, errno
			}
		}
	}
	resolved, err := lines.MapDevices(note)
	if err != nil {
		return nil, errno
	}
	for i, l := range resolved {
		u, ok := l.Target.(dm.Unknown)
		if !ok {
			continue
		}
		// What looks like the number of a device is one.
		word := strings.Fields(u.Text)
		for j, w := range word {
			if _, err := dm.ParseDev(w); err != nil && !strings.HasPrefix(w, "/") {
				continue
			}
			if word[j], err = note(w); err != nil {
				return nil, errno
			}
		}
		u.Text = strings.Join(word, " ")
		resolved[i].Target = u
	}
	t.lines = resolved
	t.open()
	return t, k.construct(d, t)
}

// typed are the targets that are made from their parameters.
var typed = []string{"thin-pool", "thin", "raid", "cache", "writecache", "integrity"}

// singletons are the targets that are alone in a table.
var singletons = []string{"thin-pool", "integrity"}

// construct makes what the targets of a table for a device have in memory.
func (k *Kernel) construct(d *device, t *table) (errno syscall.Errno) {
	t.state = make([]any, len(t.lines))
	for i, l := range t.lines {
		switch target := l.Target.(type) {
		case dm.Snapshot:
			t.state[i], errno = k.newSnapshot(target, l.Length, false)
		case dm.SnapshotMerge:
			t.state[i], errno = k.newSnapshot(dm.Snapshot(target), l.Length, true)
		case dm.Mirror:
			t.state[i], errno = newMirror(target, l.Length)
		case dm.ThinPool:
			t.state[i], errno = k.newPool(d, target, l.Length)
		case dm.Thin:
			t.state[i], errno = k.newThin(target)
		case dm.RAID:
			t.state[i], errno = k.newArray(target, l.Length)
		case dm.Cache:
			t.state[i], errno = k.newCache(target, l.Length)
		case dm.WriteCache:
			t.state[i], errno = k.newWriteCache(target, l.Length)
		case dm.Integrity:
			t.state[i], errno = k.newIntegrity(target, l.Length)
		}
		if errno != 0 {
			t.state[i] = nil
			k.destroy(t)
			return errno
		}
	}
	return 0
}

// destroy ends the targets of a table, if there is one.
func (k *Kernel) destroy(t *table) {
	if t == nil {
		return
	}
	for _, s := range t.state {
		switch s := s.(type) {
		case *snapshot:
			s.destroy(k)
		case *poolTarget:
			s.pool.leave(k)
		case *thin:
			s.pool.leave(k)
		}
	}
}

// quieten suspends the targets of a live table, if there is one.
func (k *Kernel) quieten(t *table) {
	if t == nil {
		return
	}
	for _, s := range t.state {
		switch s := s.(type) {
		case *poolTarget:
			s.suspend(k)
		case *array:
			s.suspend(k)
		case *cache:
			s.suspend(k)
		case *writeCache:
			s.suspend(k)
		}
	}
}

// wakeTargets resumes the targets of a live table.
func (k *Kernel) wakeTargets(t *table) syscall.Errno {
	for _, s := range t.state {
		var errno syscall.Errno
		switch s := s.(type) {
		case *snapshot:
			errno = s.preresume(k)
		case *mirror:
			errno = s.preresume(k)
		case *poolTarget:
			errno = s.preresume(k)
		case *array:
			errno = s.preresume(k)
		case *cache:
			errno = s.preresume(k)
		case *writeCache:
			errno = s.preresume(k)
		case *integrity:
			errno = s.preresume(k)
		}
		if errno != 0 {
			return errno
		}
	}
	for _, s := range t.state {
		switch s := s.(type) {
		case *snapshot:
			s.resume(k)
		case *poolTarget:
			s.resume()
		case *array:
			s.resume(k)
		}
	}
	return 0
}

// lookup returns the number of an underlying device.
func (k *Kernel) lookup(name string) (dm.Dev, syscall.Errno) {
	if node, ok := strings.CutPrefix(name, "/dev/mapper/"); ok {
		d := k.devices[node]
		if d == nil {
			return 0, syscall.ENODEV
		}
		name = d.dev.String()
	}
	dev, err := dm.ParseDev(name)
	if err != nil {
		return 0, syscall.ENODEV
	}
	if dev.Major() == Major {
		if d := k.byDev(dev); d == nil || !d.disk {
			return 0, syscall.ENXIO
		}
		return dev, 0
	}
	if _, ok := k.disks[dev]; !ok && len(k.disks) > 0 {
		return 0, syscall.ENXIO
	}
	return dev, 0
}

// size returns the size of a device, 0 if it is not known.
func (k *Kernel) size(dev dm.Dev) units.Sectors {
	if dev.Major() == Major {
		if d := k.byDev(dev); d != nil && d.live != nil {
			return d.live.lines.Length()
		}
		return 0
	}
	return k.disks[dev]
}

// fits says whether the areas of a table lie within the underlying devices.
func (k *Kernel) fits(t *table) bool {
	for _, l := range t.lines {
		switch target := l.Target.(type) {
		case dm.Linear:
			if !k.holds(target.Device, target.Offset, l.Length) {
				return false
			}
		case dm.Striped:
			for _, s := range target.Stripes {
				if !k.holds(s.Device, s.Offset, l.Length/units.Sectors(len(target.Stripes))) {
					return false
				}
			}
		case dm.SnapshotOrigin:
			if !k.holds(target.Origin, 0, l.Length) {
				return false
			}
		case dm.Snapshot:
			if !k.holds(target.Origin, 0, l.Length) {
				return false
			}
		case dm.SnapshotMerge:
			if !k.holds(target.Origin, 0, l.Length) {
				return false
			}
		case dm.ThinPool:
			if !k.holds(target.Data, 0, l.Length) {
				return false
			}
		case dm.Mirror:
			for _, leg := range target.Legs {
				if !k.holds(leg.Device, leg.Offset, l.Length) {
					return false
				}
			}
		}
	}
	return true
}

func (k *Kernel) holds(device string, offset, length units.Sectors) bool {
	dev, err := dm.ParseDev(device)
	if err != nil {
		return false
	}
	size := k.size(dev)
	return size == 0 || offset < size && length <= size-offset
}
