package lvm

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"

	"github.com/lvm-go/lvm/dm"
)

// moments are those at which a process can be ended.
type moments string

const (
	atCalls moments = "call" // ahead of each ioctl that changes something, write, node and link
	atSteps moments = "step" // ahead of each step of a plan
)

// reaper counts what a System does, and ends it at a moment.
type reaper struct {
	when moments
	at   int // from 1 on; 0: never
	die  func()

	mu   sync.Mutex // guards what follows
	n    int
	last []string // what was counted
	dead bool
}

// count counts a moment. Who comes after the end does not get further either.
func (m *reaper) count(when moments, what string) {
	m.mu.Lock()
	if when == m.when && !m.dead {
		m.n++
		m.last = append(m.last, what)
		m.dead = m.n == m.at
	}
	dead := m.dead
	m.mu.Unlock()
	if dead {
		m.die()
	}
}

// where names the moment of the end.
func (m *reaper) where() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.dead {
		return fmt.Sprintf("alive after %d %ss", m.n, m.when)
	}
	return fmt.Sprintf("dead ahead of %s %d: %s", m.when, m.n, m.last[m.n-1])
}

// on lets a System come to its end.
func (m *reaper) on(sys *System) {
	if sys.kernel != nil {
		sys.kernel = reapedKernel{sys.kernel, m}
	}
	sys.host = reapedHost{sys.host, m}
	before := sys.before
	sys.before = func(s Step) {
		m.count(atSteps, s.String())
		before(s)
	}
	open := sys.cfg.OpenDevice
	sys.cfg.OpenDevice = func(path string, write bool) (Device, error) {
		d, err := open(path, write)
		if err != nil || !write {
			return d, err
		}
		return reapedDevice{d, m, path}, nil
	}
}

// vanish ends the goroutine that calls it. What it has left open is closed, as
// when a process ends.
func vanish() { runtime.Goexit() }

// kill ends the process as kill -9 does.
func kill() {
	self, _ := os.FindProcess(os.Getpid())
	_ = self.Kill()
	select {}
}

type reapedKernel struct {
	kernel
	m *reaper
}

func (k reapedKernel) count(op dm.Op, what string) { k.m.count(atCalls, op.String()+" "+what) }

func (k reapedKernel) Create(name, uuid string, o dm.CreateOptions) (dm.Info, error) {
	k.count(dm.OpCreate, name)
	return k.kernel.Create(name, uuid, o)
}

func (k reapedKernel) Remove(r dm.Ref, o dm.RemoveOptions) (dm.Info, error) {
	k.count(dm.OpRemove, r.String())
	return k.kernel.Remove(r, o)
}

func (k reapedKernel) Rename(name, newName string, o dm.RenameOptions) (dm.Info, error) {
	k.count(dm.OpRename, name)
	return k.kernel.Rename(name, newName, o)
}

func (k reapedKernel) Suspend(r dm.Ref, o dm.SuspendOptions) (dm.Info, error) {
	k.count(dm.OpSuspend, r.String())
	return k.kernel.Suspend(r, o)
}

func (k reapedKernel) Resume(r dm.Ref, o dm.ResumeOptions) (dm.Info, error) {
	k.count(dm.OpResume, r.String())
	return k.kernel.Resume(r, o)
}

func (k reapedKernel) Load(r dm.Ref, t dm.Table, o dm.LoadOptions) (dm.Info, error) {
	k.count(dm.OpLoad, r.String()+" "+strings.TrimSpace(t.String()))
	return k.kernel.Load(r, t, o)
}

func (k reapedKernel) Clear(r dm.Ref) (dm.Info, error) {
	k.count(dm.OpClear, r.String())
	return k.kernel.Clear(r)
}

type reapedHost struct {
	host
	m *reaper
}

func (h reapedHost) addNode(name string, dev dm.Dev) error {
	h.m.count(atCalls, "add node "+name)
	return h.host.addNode(name, dev)
}

func (h reapedHost) removeNode(name string) error {
	h.m.count(atCalls, "remove node "+name)
	return h.host.removeNode(name)
}

func (h reapedHost) addLink(vg, lv, name string) error {
	h.m.count(atCalls, "add link "+lv)
	return h.host.addLink(vg, lv, name)
}

func (h reapedHost) removeLink(vg, lv string) error {
	h.m.count(atCalls, "remove link "+lv)
	return h.host.removeLink(vg, lv)
}

type reapedDevice struct {
	Device
	m    *reaper
	path string
}

func (d reapedDevice) facts() deviceFacts { return factsOf(d.Device) }

func (d reapedDevice) WriteAt(p []byte, off int64) (int, error) {
	d.m.count(atCalls, fmt.Sprintf("write %d bytes at %d of %s", len(p), off, d.path))
	return d.Device.WriteAt(p, off)
}
