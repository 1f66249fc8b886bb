package lvm

import (
	"sync"

	"github.com/pkg/errors"
)

// handles holds the devices that one transaction has opened.
type handles struct {
	open func(path string, write bool) (Device, error)

	mu   sync.Mutex // guards what follows
	read map[string]Device
	rw   map[string]Device
}

func (s *System) newHandles() *handles {
	return &handles{open: s.cfg.OpenDevice, read: map[string]Device{}, rw: map[string]Device{}}
}

// reader returns the device at path, opened for reading at least.
func (h *handles) reader(path string) (Device, error) {
	h.mu.Lock()
	d := h.rw[path]
	if d == nil {
		d = h.read[path]
	}
	h.mu.Unlock()
	if d != nil {
		return d, nil
	}
	d, err := h.open(path, false)
	if err != nil {
		return nil, err
	}
	return h.keep(h.read, path, d), nil
}

// writer returns the device at path, opened for writing. The error matches
// ErrReadOnly if it cannot be written to.
func (h *handles) writer(path string) (Device, error) {
	h.mu.Lock()
	d := h.rw[path]
	h.mu.Unlock()
	if d != nil {
		return d, nil
	}
	d, err := h.open(path, true)
	if err != nil {
		return nil, err
	}
	// The kernel opens such a device for writing, and refuses each write.
	if factsOf(d).readOnly {
		_ = d.Close() // nothing was written
		return nil, &DeviceError{"open", path, fault(ErrReadOnly, "the device is read-only")}
	}
	return h.keep(h.rw, path, d), nil
}

func (h *handles) keep(in map[string]Device, path string, d Device) Device {
	h.mu.Lock()
	defer h.mu.Unlock()
	if other := in[path]; other != nil {
		d.Close()
		return other
	}
	in[path] = d
	return d
}

// close closes all devices and returns the first error.
func (h *handles) close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	var first error
	for _, m := range []map[string]Device{h.read, h.rw} {
		for path, d := range m {
			if err := d.Close(); err != nil && first == nil {
				first = errors.WithMessagef(err, "close %s", path)
			}
			delete(m, path)
		}
	}
	return first
}
