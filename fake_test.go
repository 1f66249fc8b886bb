package lvm

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/internal/dmfake"
	"github.com/lvm-go/lvm/internal/recorder"
	"github.com/lvm-go/lvm/metadata"
)

// machine is devices, a device mapper and nodes in memory. Any call to any of
// them can be made to fail.
type machine struct {
	disks  *recorder.Disks
	kernel *dmfake.Kernel
	host   *fakeHost
	fuse   *fuse
}

func newMachine(disks *recorder.Disks) *machine {
	m := &machine{disks: disks, kernel: dmfake.New(), fuse: &fuse{}}
	m.host = &fakeHost{fuse: m.fuse, nodes: map[string]dm.Dev{}, links: map[string]string{}}
	for _, path := range disks.Paths() {
		number, _ := m.host.number(path)
		dev, _ := dm.ParseDev(number)
		m.kernel.AddDisk(dev, disks.Size(path).Sectors())
		m.kernel.SetDisk(dev, kernelDisk{disks, path})
	}
	disks.Inject(func(recorder.Op) recorder.Fault { return m.fuse.next(onDisk) })
	return m
}

// kernelDisk is a device as the kernel uses it: nothing of that is recorded, or
// fails.
type kernelDisk struct {
	disks *recorder.Disks
	path  string
}

func (d kernelDisk) ReadAt(p []byte, off int64) (int, error) {
	d.disks.ReadAt(d.path, p, off)
	return len(p), nil
}

func (d kernelDisk) WriteAt(p []byte, off int64) (int, error) {
	d.disks.Change(d.path, off, p)
	return len(p), nil
}

// open returns a System with the machine's kernel.
func (m *machine) open(t testing.TB, seed byte) *System {
	sys := openDisks(t, m.disks, seed)
	sys.kernel = faultyKernel{m.kernel, m.fuse}
	sys.host = m.host
	sys.fs, sys.cfg.ThinCheck, sys.cfg.ThinRepair = poolTools{realFS{}, m}, Tool{}, Tool{}
	sys.cfg.CacheCheck, sys.cfg.CacheRepair = Tool{}, Tool{}
	sys.cfg.DevDir, sys.cfg.RunDir = t.TempDir(), ""
	return sys
}

// refuses checks that an update ends with an error of that kind, or, if that is nil,
// with none, and changes nothing on disks or in the kernel.
func (m *machine) refuses(t testing.TB, sys *System, kind error, do func(*Tx) error) {
	t.Helper()
	m.disks.Record()
	calls := m.kernel.Changes()
	if err := sys.Update(t.Context(), "vg0", do); kind == nil {
		require.NoError(t, err)
	} else {
		require.ErrorIs(t, err, kind)
	}
	assert.Empty(t, written(m.disks))
	assert.Equal(t, calls, m.kernel.Changes())
}

// record returns the metadata as it is on the devices.
func (m *machine) record(t testing.TB) *metadata.VolumeGroup {
	return recordOf(t, openDisks(t, m.disks, 0), "vg0")
}

// merges says whether the kernel merges a snapshot: it has begun to, or the
// origin has no device yet.
func (m *machine) merges(vg *VolumeGroup) func(snapshotLink) (bool, error) {
	return func(link snapshotLink) (bool, error) {
		for _, s := range m.kernel.State() {
			if s.UUID == dmUUID(vg.ID(), link.body.Origin, "") {
				return strings.Contains(s.Live, "snapshot-merge"), nil
			}
		}
		return true, nil
	}
}

// reshapes returns how far the kernel is with the reshapes of a group's raids.
func (m *machine) reshapes(t testing.TB, vg *VolumeGroup) func(*metadata.LogicalVolume) (reshapeProgress, error) {
	return func(lv *metadata.LogicalVolume) (reshapeProgress, error) {
		for _, s := range m.kernel.State() {
			if s.UUID == dmUUID(vg.ID(), lv.ID, "") && s.Live != "" {
				table, err := dm.ParseTable(s.Live)
				require.NoError(t, err)
				return reshapeSeen(lv, table), nil
			}
		}
		return reshapeUntold, nil
	}
}

// sameTable says whether the kernel holds what it is to hold, in whatever words.
func sameTable(t testing.TB, live, want string) bool {
	t.Helper()
	a, err := dm.ParseTable(live)
	require.NoError(t, err)
	b, err := dm.ParseTable(want)
	require.NoError(t, err)
	return a.Equal(b)
}

// unlike returns what there is in the kernel or among the nodes that is not as
// the metadata says.
func (m *machine) unlike(t testing.TB) []string {
	t.Helper()
	sys := openDisks(t, m.disks, 0)
	sys.host = m.host
	inv, err := sys.Scan(context.Background())
	require.NoError(t, err)
	tables, names, linked := map[string]string{}, map[string]string{}, map[string]bool{}
	for _, vg := range inv.VGs {
		kern := &kernelState{}
		for lv := range vg.LVs() {
			if _, pool := kindOf(lv.rec).(cachePoolType); pool || snapshotLinkOf(lv.rec) != nil {
				continue
			}
			r := &renderer{vg: vg.rec, device: sys.tableDevice(vg.members), links: vg.links(), merges: m.merges(vg), reshapes: m.reshapes(t, vg), standIns: &standIns{kern: kern}}
			rendered, err := r.lv(lv.rec)
			require.NoError(t, err)
			for _, n := range rendered {
				tables[n.uuid], names[n.uuid], linked[n.uuid] = m.numbered(n.table).String(), n.name, n.layer == "" && !n.hidden
			}
		}
	}
	var out []string
	nodes, links := map[string]dm.Dev{}, map[string]string{}
	for _, s := range m.kernel.State() {
		switch {
		case tables[s.UUID] == "":
			out = append(out, s.Name+" is of no lv")
		case s.Suspended:
			out = append(out, s.Name+" is suspended")
		case s.InactiveTable:
			out = append(out, s.Name+" has an inactive table")
		case s.Name != names[s.UUID]:
			out = append(out, s.Name+" should be "+names[s.UUID])
		case s.Live != tables[s.UUID] && !sameTable(t, s.Live, tables[s.UUID]) && !sameTable(t, m.live(t, s.Dev), tables[s.UUID]):
			out = append(out, fmt.Sprintf("%s has the table %q, not %q", s.Name, s.Live, tables[s.UUID]))
		}
		nodes[s.Name] = s.Dev
		if vg, lv, _, _ := parseDMName(s.Name); linked[s.UUID] {
			links[vg+"/"+lv] = s.Name
		}
	}
	if !maps.Equal(nodes, m.host.nodes) {
		out = append(out, fmt.Sprintf("nodes are %v, not %v", m.host.nodes, nodes))
	}
	if !maps.Equal(links, m.host.links) {
		out = append(out, fmt.Sprintf("links are %v, not %v", m.host.links, links))
	}
	return out
}

// live returns the live table of a device, as the kernel has it.
func (m *machine) live(t testing.TB, dev dm.Dev) string {
	_, table, err := liveTable(m.kernel, dm.ByDev(dev))
	require.NoError(t, err)
	return table.String()
}

// numbered returns a table with the numbers of mapped devices instead of their
// UUIDs.
func (m *machine) numbered(t dm.Table) dm.Table {
	numbers := map[string]string{}
	for _, s := range m.kernel.State() {
		numbers[s.UUID] = s.Dev.String()
	}
	out, _ := t.MapDevices(func(device string) (string, error) {
		if n := numbers[device]; n != "" {
			return n, nil
		}
		return device, nil
	})
	return out
}

// active returns the UUIDs of the devices.
func (m *machine) active() []string {
	var out []string
	for _, s := range m.kernel.State() {
		out = append(out, s.UUID)
	}
	slices.Sort(out)
	return out
}

// calls are the kinds of calls that a fuse counts.
type calls int

const (
	onDisk calls = 1 << iota
	onKernel
	onHost
)

// fuse makes calls fail.
type fuse struct {
	mu   sync.Mutex
	on   calls
	at   int // the call to fail, 1 being the first; 0: none
	n    int
	how  recorder.Fault
	die  int // from this call on none is made, as if the process were dead; 0: never
	kind syscall.Errno
}

// set begins to count calls of the given kinds, of which one is to fail.
func (f *fuse) set(on calls, at int, how recorder.Fault, kind syscall.Errno) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.on, f.at, f.how, f.kind, f.die, f.n = on, at, how, kind, 0, 0
}

// kill ends the process at the n-th call from set on.
func (f *fuse) kill(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.die = n
}

func (f *fuse) off() { f.set(0, 0, 0, 0) }

func (f *fuse) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.n
}

func (f *fuse) next(kind calls) recorder.Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.on&kind == 0 {
		return recorder.Pass
	}
	f.n++
	switch {
	case f.die > 0 && f.n >= f.die:
		return recorder.Before
	case f.n == f.at:
		return f.how
	}
	return recorder.Pass
}

// burn does a call unless it is to fail.
func (f *fuse) burn(kind calls, op dm.Op, device string, do func() error) error {
	fault := f.next(kind)
	if fault != recorder.Before {
		if err := do(); err != nil || fault == recorder.Pass {
			return err
		}
	}
	return dm.NewError(op, device, f.kind)
}

// faultyKernel is a kernel whose calls can fail.
type faultyKernel struct {
	*dmfake.Kernel
	fuse *fuse
}

func (k faultyKernel) info(op dm.Op, device string, do func() (dm.Info, error)) (info dm.Info, err error) {
	err = k.fuse.burn(onKernel, op, device, func() (err error) { info, err = do(); return err })
	if err != nil {
		return dm.Info{}, err
	}
	return info, nil
}

func (k faultyKernel) Devices(o dm.ListOptions) (list []dm.Device, err error) {
	err = k.fuse.burn(onKernel, dm.OpList, "", func() (err error) { list, err = k.Kernel.Devices(o); return err })
	return list, err
}

func (k faultyKernel) Create(name, uuid string, o dm.CreateOptions) (dm.Info, error) {
	return k.info(dm.OpCreate, name, func() (dm.Info, error) { return k.Kernel.Create(name, uuid, o) })
}

func (k faultyKernel) Remove(r dm.Ref, o dm.RemoveOptions) (dm.Info, error) {
	return k.info(dm.OpRemove, r.String(), func() (dm.Info, error) { return k.Kernel.Remove(r, o) })
}

func (k faultyKernel) Rename(name, newName string, o dm.RenameOptions) (dm.Info, error) {
	return k.info(dm.OpRename, name, func() (dm.Info, error) { return k.Kernel.Rename(name, newName, o) })
}

func (k faultyKernel) Suspend(r dm.Ref, o dm.SuspendOptions) (dm.Info, error) {
	return k.info(dm.OpSuspend, r.String(), func() (dm.Info, error) { return k.Kernel.Suspend(r, o) })
}

func (k faultyKernel) Resume(r dm.Ref, o dm.ResumeOptions) (dm.Info, error) {
	return k.info(dm.OpResume, r.String(), func() (dm.Info, error) { return k.Kernel.Resume(r, o) })
}

func (k faultyKernel) Load(r dm.Ref, t dm.Table, o dm.LoadOptions) (dm.Info, error) {
	return k.info(dm.OpLoad, r.String(), func() (dm.Info, error) { return k.Kernel.Load(r, t, o) })
}

func (k faultyKernel) Clear(r dm.Ref) (dm.Info, error) {
	return k.info(dm.OpClear, r.String(), func() (dm.Info, error) { return k.Kernel.Clear(r) })
}

func (k faultyKernel) Table(r dm.Ref, o dm.QueryOptions) (info dm.Info, t dm.Table, err error) {
	info, err = k.info(dm.OpTable, r.String(), func() (i dm.Info, err error) { i, t, err = k.Kernel.Table(r, o); return i, err })
	return info, t, err
}

func (k faultyKernel) TargetStatus(r dm.Ref, o dm.QueryOptions) (info dm.Info, lines []dm.StatusLine, err error) {
	info, err = k.info(dm.OpTargetStatus, r.String(), func() (i dm.Info, err error) { i, lines, err = k.Kernel.TargetStatus(r, o); return i, err })
	return info, lines, err
}

func (k faultyKernel) Deps(r dm.Ref, o dm.QueryOptions) (info dm.Info, deps []dm.Dev, err error) {
	info, err = k.info(dm.OpDeps, r.String(), func() (i dm.Info, err error) { i, deps, err = k.Kernel.Deps(r, o); return i, err })
	return info, deps, err
}

func (k faultyKernel) Message(r dm.Ref, sector Sectors, text string) (reply string, replied bool, err error) {
	err = k.fuse.burn(onKernel, dm.OpMessage, r.String(), func() (err error) { reply, replied, err = k.Kernel.Message(r, sector, text); return err })
	return reply, replied, err
}

// fakeHost keeps nodes and links in memory. There is no udev.
type fakeHost struct {
	fuse  *fuse
	nodes map[string]dm.Dev
	links map[string]string
}

// number makes 7:0 of a, 7:1 of b, and so on.
func (h *fakeHost) number(path string) (string, bool) {
	i := strings.Index("abcdef", path)
	return fmt.Sprintf("7:%d", i), i >= 0
}

func (h *fakeHost) udevRuns() bool { return false }

func (h *fakeHost) do(change func()) error {
	return h.fuse.burn(onHost, dm.OpTable, "nodes", func() error { change(); return nil })
}

func (h *fakeHost) addNode(name string, dev dm.Dev) error {
	return h.do(func() { h.nodes[name] = dev })
}

func (h *fakeHost) removeNode(name string) error { return h.do(func() { delete(h.nodes, name) }) }

func (h *fakeHost) addLink(vg, lv, name string) error {
	return h.do(func() { h.links[vg+"/"+lv] = name })
}

func (h *fakeHost) removeLink(vg, lv string) error {
	return h.do(func() { delete(h.links, vg+"/"+lv) })
}

// readAhead knows nothing of disks, and of devices as little as of new ones.
func (h *fakeHost) readAhead(string) Sectors { return 0 }

func (h *fakeHost) setReadAhead(dm.Dev, Sectors) error { return h.do(func() {}) }

func (h *fakeHost) pause(time.Duration) {}

func (h *fakeHost) flush(string, dm.Dev) { _ = h.do(func() {}) }

func (h *fakeHost) deviceMajor() uint32 { return dmfake.Major }

func (h *fakeHost) names(vg string) (nodes, links []string) {
	for path := range h.links {
		if lv, ok := strings.CutPrefix(path, vg+"/"); ok {
			links = append(links, lv)
		}
	}
	return slices.Sorted(maps.Keys(h.nodes)), links
}

func (h *fakeHost) hasNodes(name string, dev dm.Dev, vg, lv string) bool {
	return h.nodes[name] == dev && (lv == "" || h.links[vg+"/"+lv] == name)
}
