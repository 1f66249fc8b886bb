package lvm

import (
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/lvm-go/lvm/dm"
)

// host is what mapped devices need beside the kernel: nodes, links and udev.
type host interface {
	// number returns the major:minor of the block device at path; false if
	// there is none.
	number(path string) (string, bool)
	// udevRuns says whether udev takes notice of what the kernel announces.
	udevRuns() bool
	// addNode makes the node of a mapped device, unless it is there.
	addNode(name string, dev dm.Dev) error
	removeNode(name string) error
	// addLink makes vg/lv lead to the node called name.
	addLink(vg, lv, name string) error
	removeLink(vg, lv string) error
	// hasNodes says whether the node is there and, if lv is not empty, the link.
	hasNodes(name string, dev dm.Dev, vg, lv string) bool
	// readAhead returns how far the kernel reads ahead on the block device
	// major:minor; 0 if that is not known.
	readAhead(number string) Sectors
	setReadAhead(dev dm.Dev, ahead Sectors) error
	// flush has what is cached of a device written back.
	flush(name string, dev dm.Dev)
	// pause waits.
	pause(time.Duration)
	// deviceMajor returns the major number of mapped devices; 0 if that is not
	// known.
	deviceMajor() uint32
	// names returns the names of all nodes, and of the links of vg.
	names(vg string) (nodes, links []string)
}

// nodesDir has the nodes of all mapped devices.
const nodesDir = "mapper"

// hasLinks says whether the volumes of a group have links in a directory of its name. A
// group that somebody brought along, and called like the directory of nodes, must not
// get to be what others go by.
func hasLinks(vg string) bool { return vg != nodesDir }

// realHost is the host that this process runs on.
type realHost struct{ devDir string }

func (h realHost) number(path string) (string, bool) { return blockDeviceNumber(path) }

func (h realHost) udevRuns() bool { return dm.UdevRunning() }

func (h realHost) nodes() dm.Nodes {
	return dm.Nodes{Dir: filepath.Join(h.devDir, nodesDir), DevDir: h.devDir}
}

func (h realHost) addNode(name string, dev dm.Dev) error { return h.nodes().Add(name, dev) }

func (h realHost) pause(d time.Duration) { time.Sleep(d) }

func (h realHost) removeNode(name string) error { return h.nodes().Remove(name) }

func (h realHost) addLink(vg, lv, name string) error { return addLink(h.devDir, vg, lv, name) }

func (h realHost) removeLink(vg, lv string) error { return removeLink(h.devDir, vg, lv) }

func (h realHost) hasNodes(name string, dev dm.Dev, vg, lv string) bool {
	paths := []string{filepath.Join(h.devDir, nodesDir, name)}
	if lv != "" && hasLinks(vg) {
		paths = append(paths, filepath.Join(h.devDir, vg, lv))
	}
	for _, p := range paths {
		if number, ok := blockDeviceNumber(p); !ok || number != dev.String() {
			return false
		}
	}
	return true
}

func (h realHost) readAhead(number string) Sectors { return deviceReadAhead(number) }

func (h realHost) setReadAhead(dev dm.Dev, ahead Sectors) error {
	return h.nodes().SetReadAhead(dev, ahead)
}

func (h realHost) flush(name string, dev dm.Dev) {
	flushDevice(filepath.Join(h.devDir, nodesDir, name), dev)
}

func (h realHost) deviceMajor() uint32 { return mappedMajor() }

func (h realHost) names(vg string) (nodes, links []string) {
	list := func(dir string, is func(fs.FileMode) bool) (names []string) {
		entries, _ := os.ReadDir(dir) // what cannot be listed cannot be tidied up
		for _, e := range entries {
			if is(e.Type()) {
				names = append(names, e.Name())
			}
		}
		return names
	}
	link := func(m fs.FileMode) bool { return m&fs.ModeSymlink != 0 }
	nodes = list(filepath.Join(h.devDir, nodesDir), func(m fs.FileMode) bool { return link(m) || isBlockMode(m) })
	if checkVGName(vg) == nil && hasLinks(vg) {
		links = list(filepath.Join(h.devDir, vg), link)
	}
	return nodes, links
}
