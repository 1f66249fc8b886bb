package dmfake

import (
	"context"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/units"
	"github.com/pkg/errors"
)

func closedError(op dm.Op, device string) error {
	return &dm.Error{Op: op.String(), Device: device, Kind: os.ErrClosed}
}

func invalid(op dm.Op, device string, err error) error {
	return &dm.Error{Op: op.String(), Device: device, Kind: err}
}

// nameOf is how the list of calls names a device.
func (k *Kernel) nameOf(r dm.Ref) string {
	if d := k.find(r); d != nil {
		return d.name
	}
	return r.String()
}

// Close makes all later calls fail with an error that matches os.ErrClosed.
func (k *Kernel) Close() error {
	if k == nil {
		return nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.closed = true
	k.wake()
	return nil
}

// Version returns the version of the interface of Linux 6.1.
func (k *Kernel) Version() (dm.Version, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	err := k.query(dm.OpVersion, "", func() syscall.Errno { return 0 })
	if err != nil {
		return dm.Version{}, err
	}
	return dm.Version{Major: 4, Minor: 47}, nil
}

// Create is dm.Control's.
func (k *Kernel) Create(name, uuid string, o dm.CreateOptions) (dm.Info, error) {
	if err := dm.CheckName(name); err != nil {
		return dm.Info{}, invalid(dm.OpCreate, name, err)
	}
	if uuid != "" {
		if err := dm.CheckUUID(uuid); err != nil {
			return dm.Info{}, invalid(dm.OpCreate, name, err)
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	var info dm.Info
	err := k.change(dm.OpCreate, name, "CREATE "+name, func() syscall.Errno {
		dev, ok := k.freeDev(o.Dev)
		switch {
		case !ok:
			return syscall.ENXIO
		case k.devices[name] != nil || k.byUUID(uuid) != nil:
			return syscall.EBUSY
		}
		d := &device{name: name, uuid: uuid, dev: dev}
		k.devices[name] = d
		k.wake()
		info = k.info(d)
		return 0
	})
	return result(info, err)
}

// result leaves nothing of a call that failed.
func result(info dm.Info, err error) (dm.Info, error) {
	if err != nil {
		return dm.Info{}, err
	}
	return info, nil
}

// freeDev returns the lowest free number, or the one wanted if it is free.
func (k *Kernel) freeDev(want dm.Dev) (dm.Dev, bool) {
	if want != 0 {
		dev := dm.MakeDev(Major, want.Minor())
		return dev, k.byDev(dev) == nil
	}
	for minor := uint32(0); ; minor++ {
		if dev := dm.MakeDev(Major, minor); k.byDev(dev) == nil {
			return dev, true
		}
	}
}

// on carries out a change of the device r.
func (k *Kernel) on(op dm.Op, r dm.Ref, text func(name string) string, do func(*device) (dm.Info, syscall.Errno)) (dm.Info, error) {
	if err := r.Check(); err != nil {
		return dm.Info{}, invalid(op, r.String(), err)
	}
	var info dm.Info
	err := k.change(op, r.String(), text(k.nameOf(r)), func() (errno syscall.Errno) {
		d := k.find(r)
		if d == nil {
			return syscall.ENXIO
		}
		info, errno = do(d)
		return errno
	})
	return result(info, err)
}

func word(verb string, flags ...string) func(string) string {
	flags = slices.DeleteFunc(flags, func(f string) bool { return f == "" })
	return func(name string) string {
		if len(flags) == 0 {
			return verb + " " + name
		}
		return verb + " " + name + " [" + strings.Join(flags, " ") + "]"
	}
}

func flag(on bool, name string) string {
	if on {
		return name
	}
	return ""
}

// Remove is dm.Control's.
func (k *Kernel) Remove(r dm.Ref, o dm.RemoveOptions) (dm.Info, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.on(dm.OpRemove, r, word("REMOVE", flag(o.Deferred, "DEFERRED")), func(d *device) (dm.Info, syscall.Errno) {
		if k.openCount(d) > 0 {
			if !o.Deferred {
				return dm.Info{}, syscall.EBUSY
			}
			d.deferred = true
			return removed(d, r), 0
		}
		info := removed(d, r)
		info.UeventGenerated = d.disk
		k.drop(d)
		k.removeDeferred()
		return info, 0
	})
}

// removed is what the kernel says of a device on its removal: not much.
func removed(d *device, r dm.Ref) dm.Info {
	dev, _ := r.Dev()
	return dm.Info{Name: d.name, UUID: d.uuid, Dev: dev, DeferredRemove: d.deferred, InactiveTable: d.inactive != nil}
}

// RemoveAll is dm.Control's.
func (k *Kernel) RemoveAll() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.change(dm.OpRemoveAll, "", "REMOVE_ALL", func() syscall.Errno {
		for again := true; again; {
			again = false
			for _, d := range k.sorted() {
				if k.openCount(d) == 0 {
					k.drop(d)
					again = true
				}
			}
		}
		return 0
	})
}

// Rename is dm.Control's.
func (k *Kernel) Rename(name, newName string, _ dm.RenameOptions) (dm.Info, error) {
	if err := dm.CheckName(newName); err != nil {
		return dm.Info{}, invalid(dm.OpRename, name, err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	text := func(name string) string { return "RENAME " + name + " " + newName }
	return k.on(dm.OpRename, dm.ByName(name), text, func(d *device) (dm.Info, syscall.Errno) {
		if k.devices[newName] != nil {
			return dm.Info{}, syscall.EBUSY
		}
		delete(k.devices, d.name)
		d.name = newName
		k.devices[newName] = d
		info := k.renamed(d)
		info.UUID = "" // the kernel does not say it
		return info, 0
	})
}

// SetUUID is dm.Control's.
func (k *Kernel) SetUUID(name, uuid string) (dm.Info, error) {
	if err := dm.CheckUUID(uuid); err != nil {
		return dm.Info{}, invalid(dm.OpSetUUID, name, err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	text := func(name string) string { return "SETUUID " + name + " " + uuid }
	return k.on(dm.OpSetUUID, dm.ByName(name), text, func(d *device) (dm.Info, syscall.Errno) {
		switch {
		case k.byUUID(uuid) != nil:
			return dm.Info{}, syscall.EBUSY
		case d.uuid != "":
			return dm.Info{}, syscall.EINVAL
		}
		d.uuid = uuid
		return k.renamed(d), 0
	})
}

func (k *Kernel) renamed(d *device) dm.Info {
	if d.live != nil {
		k.event(d)
	}
	k.wake()
	info := k.info(d)
	info.UeventGenerated = d.disk
	info.InactiveTable = false // the kernel does not say it
	return info
}

// Suspend is dm.Control's.
func (k *Kernel) Suspend(r dm.Ref, o dm.SuspendOptions) (dm.Info, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	text := word("SUSPEND", flag(o.SkipLockFS, "SKIP_LOCKFS"), flag(o.NoFlush, "NOFLUSH"))
	return k.on(dm.OpSuspend, r, text, func(d *device) (dm.Info, syscall.Errno) {
		if !d.suspended && !k.awake(d.dev) {
			k.hazards = append(k.hazards, "suspend "+d.name+" with a suspended device beneath it")
		}
		k.quieten(d.live)
		d.suspended = true
		return k.info(d), 0
	})
}

// Resume is dm.Control's.
func (k *Kernel) Resume(r dm.Ref, o dm.ResumeOptions) (dm.Info, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	text := word("RESUME", flag(o.SkipLockFS, "SKIP_LOCKFS"), flag(o.NoFlush, "NOFLUSH"))
	return k.on(dm.OpResume, r, text, func(d *device) (dm.Info, syscall.Errno) {
		if t := d.inactive; t != nil {
			d.inactive = nil
			if !d.suspended {
				k.quieten(d.live)
			}
			d.suspended = true
			if !k.fits(t) {
				k.destroy(t)
				return dm.Info{}, syscall.EINVAL
			}
			d.live, d.replaced, d.status = t, d.live, nil
			defer func() {
				k.destroy(d.replaced)
				d.replaced = nil
				k.removeDeferred()
			}()
		}
		resumed := d.suspended
		if resumed && d.live == nil {
			return dm.Info{}, syscall.EINVAL
		}
		if resumed {
			if errno := k.wakeTargets(d.live); errno != 0 {
				return dm.Info{}, errno
			}
		}
		d.suspended = false
		if resumed {
			k.wake()
		}
		info := k.info(d)
		info.UeventGenerated = resumed
		return info, 0
	})
}

// Load is dm.Control's. Underlying devices are major:minor or /dev/mapper/NAME.
func (k *Kernel) Load(r dm.Ref, t dm.Table, o dm.LoadOptions) (dm.Info, error) {
	if err := t.Validate(); err != nil {
		return dm.Info{}, invalid(dm.OpLoad, r.String(), err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	text := func(name string) string {
		lines := strings.ReplaceAll(strings.TrimSuffix(t.String(), "\n"), "\n", "; ")
		return word("LOAD", flag(o.ReadOnly, "READONLY"))(name + " " + strings.TrimRight(lines, " "))
	}
	return k.on(dm.OpLoad, r, text, func(d *device) (dm.Info, syscall.Errno) {
		loaded, errno := k.resolve(d, t, o.ReadOnly)
		if errno != 0 {
			return dm.Info{}, errno
		}
		if !d.disk && !k.fits(loaded) || !replaceable(d.live, loaded) {
			k.destroy(loaded)
			return dm.Info{}, syscall.EINVAL
		}
		k.destroy(d.inactive)
		d.inactive, d.disk = loaded, true
		k.removeDeferred()
		return k.info(d), 0
	})
}

// replaceable says whether the kernel takes a table for the place of another: a
// thin pool stays one, or fails.
func replaceable(old, new *table) bool {
	if old == nil || old.lines[0].Target.Type() != "thin-pool" {
		return true
	}
	typ := new.lines[0].Target.Type()
	return len(new.lines) == 1 && (typ == "thin-pool" || typ == "error")
}

// Clear is dm.Control's.
func (k *Kernel) Clear(r dm.Ref) (dm.Info, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.on(dm.OpClear, r, word("CLEAR"), func(d *device) (dm.Info, syscall.Errno) {
		k.destroy(d.inactive)
		d.inactive = nil
		k.removeDeferred()
		return k.info(d), 0
	})
}

// SetGeometry is dm.Control's; nothing is remembered.
func (k *Kernel) SetGeometry(r dm.Ref, _ dm.Geometry) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	_, err := k.on(dm.OpSetGeometry, r, word("GEOMETRY"), func(*device) (dm.Info, syscall.Errno) { return dm.Info{}, 0 })
	return err
}

// Message is dm.Control's. What a target would say that this package does not
// know is the business of HandleMessages.
func (k *Kernel) Message(r dm.Ref, sector units.Sectors, text string) (reply string, replied bool, err error) {
	if text == "" || strings.Contains(text, "\x00") {
		return "", false, invalid(dm.OpMessage, r.String(), errors.WithMessagef(dm.ErrInvalid, "message %q", text))
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	call := func(name string) string {
		return "MESSAGE " + name + " " + strconv.FormatUint(uint64(sector), 10) + " " + text
	}
	_, err = k.on(dm.OpMessage, r, call, func(d *device) (dm.Info, syscall.Errno) {
		if d.live == nil {
			return dm.Info{}, 0
		}
		if sector >= d.live.lines.Length() {
			return dm.Info{}, syscall.EINVAL
		}
		i, _, _ := d.live.at(int64(inBytes(sector)))
		var errno syscall.Errno
		switch s := d.live.state[i].(type) {
		case *poolTarget:
			errno = s.pool.message(k, text)
		case *array:
			errno = s.message(text)
		case *cache:
			errno = s.message(k, text)
		case *writeCache:
			errno = s.message(k, text)
		case *thin, *integrity:
			errno = syscall.EINVAL
		default:
			if k.message != nil {
				reply, replied, errno = k.message(d.name, sector, text)
			}
		}
		return dm.Info{}, errno
	})
	if err != nil {
		return "", false, err
	}
	return reply, replied, nil
}

// ask carries out a query about the device r.
func (k *Kernel) ask(op dm.Op, r dm.Ref, o dm.QueryOptions, do func(*device, *table)) (dm.Info, error) {
	if err := r.Check(); err != nil {
		return dm.Info{}, invalid(op, r.String(), err)
	}
	var info dm.Info
	err := k.query(op, r.String(), func() syscall.Errno {
		d := k.find(r)
		if d == nil {
			return syscall.ENXIO
		}
		info = k.info(d)
		t := d.live
		if o.Inactive {
			t = d.inactive
			info.TargetCount, info.ReadOnly = 0, false
			if t != nil {
				info.TargetCount, info.ReadOnly = uint32(len(t.lines)), t.readOnly
			}
		}
		do(d, t)
		return 0
	})
	return result(info, err)
}

// Status is dm.Control's.
func (k *Kernel) Status(r dm.Ref) (dm.Info, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.ask(dm.OpStatus, r, dm.QueryOptions{}, func(*device, *table) {})
}

// Table is dm.Control's.
func (k *Kernel) Table(r dm.Ref, o dm.QueryOptions) (info dm.Info, lines dm.Table, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	info, err = k.ask(dm.OpTable, r, o, func(_ *device, t *table) {
		if t != nil {
			lines = t.shown()
		}
	})
	if err != nil {
		return dm.Info{}, nil, err
	}
	return info, lines, nil
}

// TargetStatus is dm.Control's. The text is that of SetStatus, else what a
// healthy target says of those that this package knows, else nothing.
func (k *Kernel) TargetStatus(r dm.Ref, o dm.QueryOptions) (info dm.Info, lines []dm.StatusLine, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.targetStatus(r, o)
}

func (k *Kernel) targetStatus(r dm.Ref, o dm.QueryOptions) (info dm.Info, lines []dm.StatusLine, err error) {
	if d := k.find(r); d != nil && !o.Inactive {
		k.work(d)
	}
	info, err = k.ask(dm.OpTargetStatus, r, o, func(d *device, t *table) {
		if t == nil {
			return
		}
		for i, l := range t.lines {
			line := dm.StatusLine{Start: l.Start, Length: l.Length, Type: l.Target.Type(), Status: k.stateOf(t, i)}
			if t == d.live && i < len(d.status) {
				line.Status = d.status[i]
			}
			lines = append(lines, line)
		}
	})
	if err != nil {
		return dm.Info{}, nil, err
	}
	return info, lines, nil
}

// stateOf returns what a target says of itself.
func (k *Kernel) stateOf(t *table, i int) string {
	switch s := t.state[i].(type) {
	case *snapshot:
		return s.status(k)
	case *mirror:
		return s.status()
	case *poolTarget:
		return s.status(k)
	case *thin:
		return s.status()
	case *array:
		return s.status()
	case *cache:
		return s.status(k)
	case *writeCache:
		return s.status()
	case *integrity:
		return s.status()
	}
	s, ok := t.lines[i].Target.(dm.Striped)
	if !ok {
		return ""
	}
	n := len(s.Stripes)
	return strconv.Itoa(n) + " " + strings.Join(s.Devices(), " ") + " 1 " + strings.Repeat("A", n)
}

// Deps is dm.Control's.
func (k *Kernel) Deps(r dm.Ref, o dm.QueryOptions) (info dm.Info, devs []dm.Dev, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	info, err = k.ask(dm.OpDeps, r, o, func(_ *device, t *table) {
		if t != nil {
			devs = slices.Clone(t.deps)
			slices.Reverse(devs)
		}
	})
	if err != nil {
		return dm.Info{}, nil, err
	}
	return info, devs, nil
}

// Devices is dm.Control's.
func (k *Kernel) Devices(o dm.ListOptions) (devices []dm.Device, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	err = k.query(dm.OpList, "", func() syscall.Errno {
		for _, d := range k.sorted() {
			if strings.HasPrefix(d.name, o.NamePrefix) && strings.HasPrefix(d.uuid, o.UUIDPrefix) {
				devices = append(devices, dm.Device{Dev: d.dev, Name: d.name, UUID: d.uuid, EventNr: d.eventNr})
			}
		}
		return 0
	})
	if err != nil {
		return nil, err
	}
	return devices, nil
}

// Targets is dm.Control's.
func (k *Kernel) Targets() (list []dm.TargetVersion, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	err = k.query(dm.OpTargets, "", func() syscall.Errno {
		for name, v := range k.targets {
			list = append(list, dm.TargetVersion{Name: name, Version: v})
		}
		slices.SortFunc(list, func(a, b dm.TargetVersion) int { return strings.Compare(a.Name, b.Name) })
		return 0
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

// TargetVersion is dm.Control's.
func (k *Kernel) TargetVersion(name string) (v dm.Version, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	err = k.query(dm.OpTargetVersion, name, func() syscall.Errno {
		var ok bool
		if v, ok = k.targets[name]; !ok {
			return syscall.EINVAL
		}
		return 0
	})
	if err != nil {
		return dm.Version{}, err
	}
	return v, nil
}

// Wait is dm.Control's.
func (k *Kernel) Wait(ctx context.Context, r dm.Ref, eventNr uint32) (dm.Info, []dm.StatusLine, error) {
	for {
		if err := ctx.Err(); err != nil {
			return dm.Info{}, nil, errors.WithMessagef(err, "wait for %s", r)
		}
		k.mu.Lock()
		happened := k.happened
		info, lines, err := k.targetStatus(r, dm.QueryOptions{})
		k.mu.Unlock()
		if err != nil || info.EventNr != eventNr {
			return info, lines, err
		}
		select {
		case <-happened:
		case <-ctx.Done():
		}
	}
}
