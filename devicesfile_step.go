package lvm

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/pkg/errors"

	"github.com/lvm-go/lvm/metadata"
)

// undoListTime bounds how long the lock of the devices file is waited for while
// what failed is undone.
const undoListTime = 10 * time.Second

// ListDevices brings lvm2's devices file up to date: lvm2 does not see a
// physical volume that is not in it.
type ListDevices struct {
	harmless
	File    string
	Devices []ListedDevice

	old, now []DevicesEntry // the entries before and after; nil: not changed
}

// ListedDevice is what is to be in the devices file.
type ListedDevice struct {
	Path string
	PVID metadata.ID // zero: it is no physical volume any more
	Add  bool        // also if the device is not listed yet
}

func (s *ListDevices) String() string {
	var what []string
	for _, d := range s.Devices {
		pv := "no pv"
		if !d.PVID.IsZero() {
			pv = "pv " + d.PVID.String()
		}
		what = append(what, d.Path+" as "+pv)
	}
	return fmt.Sprintf("list %s in %s", strings.Join(what, ", "), s.File)
}

func (s *ListDevices) do(r *run) error {
	var paths []string
	for _, d := range s.Devices {
		paths = append(paths, d.Path)
	}
	found, err := r.sys.identify(r.ctx, r.sys.cfg.DevDir, paths)
	if err != nil {
		return err
	}
	return s.edit(r, r.ctx, func(f *DevicesFile) error {
		s.old = f.Entries
		for i, d := range s.Devices {
			if found[i].Path == "" {
				continue // no block device: lvm2 cannot see it anyway
			}
			if err := d.list(f, found[i]); err != nil {
				return err
			}
		}
		s.now = f.Entries
		return nil
	})
}

// list enters one device.
func (d ListedDevice) list(f *DevicesFile, found BlockDevice) error {
	found.PVID = d.PVID
	listed := func(e DevicesEntry) bool { return e.matches(found) }
	if d.Add && !slices.ContainsFunc(f.Entries, listed) {
		return f.Add(found, "")
	}
	f.Entries = slices.Clone(f.Entries)
	for i, e := range f.Entries {
		if listed(e) {
			f.Entries[i].PVID, f.Entries[i].Path = d.PVID, found.Path
		}
	}
	return nil
}

func (s *ListDevices) undo(r *run) error {
	if s.old == nil && s.now == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.ctx), undoListTime)
	defer cancel()
	return s.edit(r, ctx, func(f *DevicesFile) error {
		f.Entries = putBack(f.Entries, s.old, s.now)
		return nil
	})
}

// putBack returns the entries without what came between old and now, and with
// what went. Others may have changed more since.
func putBack(entries, old, now []DevicesEntry) []DevicesEntry {
	has := func(in []DevicesEntry, e DevicesEntry) bool {
		return slices.ContainsFunc(in, func(other DevicesEntry) bool { return other.equal(e) })
	}
	if slices.EqualFunc(entries, now, DevicesEntry.equal) {
		return old
	}
	entries = slices.DeleteFunc(slices.Clone(entries), func(e DevicesEntry) bool { return has(now, e) && !has(old, e) })
	for _, e := range old {
		if !has(now, e) && !has(entries, e) {
			entries = append(entries, e)
		}
	}
	return entries
}

func (e DevicesEntry) equal(o DevicesEntry) bool {
	return e.ID == o.ID && e.Partition == o.Partition && e.Path == o.Path && e.PVID == o.PVID && slices.Equal(e.extra, o.extra)
}

// edit changes the file, if there is one: lvm2 uses it only then.
func (s *ListDevices) edit(r *run, ctx context.Context, change func(*DevicesFile) error) error {
	if _, err := os.Stat(s.File); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return EditDevicesFile(ctx, s.File, r.sys.cfg.LockDir, change)
}

// listDevices plans what the devices file must say: of new physical volumes
// before they are made, since one that lvm2 does not see could be taken for an
// empty disk, and of what they are no more afterwards.
func (b *builder) listDevices() error {
	file := b.tx.sys.cfg.DevicesFile
	if file == "" {
		return nil
	}
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return errors.Wrap(err, "look for devices file")
	}
	tx := b.tx
	var first, last []ListedDevice
	for _, path := range tx.pvOrder {
		first = append(first, ListedDevice{path, tx.newPVs[path].id, true})
	}
	first = append(first, b.relabelled()...)
	for _, m := range tx.wipePVs {
		last = append(last, ListedDevice{Path: m.path})
	}
	if len(first) > 0 {
		b.prepare = append(b.prepare, &ListDevices{File: file, Devices: first})
	}
	if len(last) > 0 {
		b.after = append(b.after, &ListDevices{File: file, Devices: last})
	}
	return nil
}

// relabelled returns the physical volumes that get other UUIDs, with those.
func (b *builder) relabelled() []ListedDevice {
	tx := b.tx
	var out []ListedDevice
	add := func(path string, id metadata.ID) { out = append(out, ListedDevice{Path: path, PVID: id}) }
	if tx.vg != nil {
		for _, rec := range tx.vg.PVs {
			if m := tx.members[rec.ID]; m != nil && !tx.newIDs[rec.ID].IsZero() {
				add(m.path, tx.newIDs[rec.ID])
			}
		}
	}
	for _, pv := range b.orphansToRelabel() {
		add(pv.path, tx.orphanIDs[pv.path])
	}
	return out
}
