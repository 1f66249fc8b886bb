package dm

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/lvm-go/lvm/units"
	"github.com/pkg/errors"
)

// Control is the control device of the device-mapper, open. It may be used by
// several goroutines at once. The kernel lets only root use it. Errors are of
// type *Error, but for those of a context that is done.
type Control struct {
	device  controlDevice
	version Version
	// room is how many bytes replies have needed so far.
	room atomic.Int64
}

// controlDevice is the one thing that needs a kernel.
type controlDevice interface {
	// ioctl carries out a request in buf and leaves the reply there. The error
	// is a syscall.Errno or os.ErrClosed.
	ioctl(request uintptr, buf []byte) error
	Close() error
}

// Sizes of the buffer for a reply. What libdevmapper begins with has proved
// large enough; the bound is 14 doublings of it.
const (
	firstRoom = 16 << 10
	maxBuffer = firstRoom << 14
)

// Open opens the control device, and makes its node if there is none. The error
// matches ErrNoControl if the kernel has no device-mapper, ErrPermission if the
// caller may not use it, ErrUnsupported on other systems than Linux and for an
// interface whose version is not 4.
func Open() (*Control, error) {
	device, err := openControl()
	if err != nil {
		return nil, err
	}
	c, err := newControl(device)
	if err != nil {
		_ = device.Close()
		return nil, err
	}
	return c, nil
}

func newControl(device controlDevice) (*Control, error) {
	c := &Control{device: device, version: Version{Major: versionMajor}}
	c.room.Store(firstRoom)
	v, err := c.Version()
	if err != nil {
		return nil, err
	}
	c.version = v
	return c, nil
}

// Close closes the control device. Calls that are under way come to their end;
// later ones return an error that matches os.ErrClosed. Close may be called
// again, and on nil.
func (c *Control) Close() error {
	if c == nil {
		return nil
	}
	return c.device.Close()
}

// do carries out a request. Of a command that changes nothing it is repeated
// until the buffer is large enough for the reply.
func (c *Control) do(q *request, device string) (reply, error) {
	fail := func(errno syscall.Errno, kind error) (reply, error) {
		return reply{}, &Error{Op: q.op.String(), Device: device, Errno: errno, Kind: kind}
	}
	if c == nil {
		return fail(0, os.ErrClosed)
	}
	cmd := q.op.command()
	if !c.version.AtLeast(versionMajor, cmd.minor) {
		return fail(errnoTooOld, ErrUnsupported)
	}
	room := 0
	if cmd.reply {
		room = int(c.room.Load())
	}
	for {
		size := max(baseSize+len(q.payload), baseSize+room)
		if size > maxBuffer {
			return fail(0, ErrTooLarge)
		}
		buf := make([]byte, size)
		err := c.send(q, buf)
		var errno syscall.Errno
		switch {
		case errors.As(err, &errno):
			// Of a request with secrets nothing is left, nor is there an answer in its place.
			answered := q.flags&flagSecureData == 0
			if v := decodeVersion(buf); errno == syscall.EINVAL && answered && v.Major != versionMajor {
				return fail(errno, errors.WithMessagef(ErrUnsupported, "interface version %s", v))
			}
			return fail(errno, meaning(q.op, errno))
		case err != nil:
			return fail(0, err)
		}
		if binary.NativeEndian.Uint32(buf[offFlags:])&flagBufferFull == 0 {
			r, err := decodeReply(buf)
			if err != nil {
				return fail(0, err)
			}
			return r, nil
		}
		room = 2 * (size - baseSize)
		c.grow(room)
		if !cmd.repeatable {
			return fail(0, errors.WithMessage(ErrTooLarge, "carried out, answer lost"))
		}
	}
}

// grow remembers that a reply needed more room.
func (c *Control) grow(room int) {
	for {
		old := c.room.Load()
		if int64(room) <= old || int64(room) > maxBuffer-baseSize || c.room.CompareAndSwap(old, int64(room)) {
			return
		}
	}
}

// send makes the call, again if a signal came in between: a suspend that is
// interrupted has been taken back. Whether the target has carried out a message
// is not known then.
func (c *Control) send(q *request, buf []byte) error {
	for {
		q.encode(buf)
		err := c.device.ioctl(q.op.command().request(), buf)
		if err != syscall.EINTR || q.op == OpMessage { //nolint:errorlint // a plain errno by contract
			return err
		}
		clear(buf)
	}
}

// onDevice carries out an operation on r.
func (c *Control) onDevice(op Op, r Ref, change func(*request)) (reply, error) {
	q, err := forDevice(op, r)
	if err != nil {
		return reply{}, err
	}
	if change != nil {
		change(&q)
	}
	return c.do(&q, r.String())
}

// infoOn is onDevice for the operations that return nothing but the state.
func (c *Control) infoOn(op Op, r Ref, change func(*request)) (Info, error) {
	re, err := c.onDevice(op, r, change)
	if err != nil {
		return Info{}, err
	}
	return re.info(), nil
}

// refuse returns the error of an operation whose arguments the kernel needs not
// be asked about.
func refuse(op Op, device string, err error) error {
	return &Error{Op: op.String(), Device: device, Kind: err}
}

// flagIf returns flag if on.
func flagIf(on bool, flag uint32) uint32 {
	if on {
		return flag
	}
	return 0
}

// Version returns the version of the kernel's interface.
func (c *Control) Version() (Version, error) {
	r, err := c.do(&request{op: OpVersion}, "")
	if err != nil {
		return Version{}, err
	}
	if r.version.Major != versionMajor {
		return Version{}, refuse(OpVersion, "", errors.WithMessagef(ErrUnsupported, "interface version %s", r.version))
	}
	return r.version, nil
}

// Create makes a device without a table. The uuid may be empty, and can be set
// later, once. The node of the device and its number in /sys come with the first
// Load. Returns an error matching ErrExists if the name, the UUID or the minor
// number asked for is taken, and ErrInvalid for a name that CheckName refuses.
func (c *Control) Create(name, uuid string, o CreateOptions) (Info, error) {
	if err := CheckName(name); err != nil {
		return Info{}, refuse(OpCreate, name, err)
	}
	if uuid != "" {
		if err := CheckUUID(uuid); err != nil {
			return Info{}, refuse(OpCreate, name, err)
		}
	}
	q := request{op: OpCreate, name: name, uuid: uuid, dev: o.Dev, flags: flagIf(o.Dev != 0, flagPersistentDev)}
	r, err := c.do(&q, name)
	if err != nil {
		return Info{}, err
	}
	return r.info(), nil
}

// Remove removes a device and its tables, also when it is suspended. Returns an
// error matching ErrBusy if it is open, unless the removal may be deferred: then
// Info.DeferredRemove is true and the device still there. Of Info only that,
// UeventGenerated, the name and the UUID mean something.
func (c *Control) Remove(r Ref, o RemoveOptions) (Info, error) {
	info, err := c.infoOn(OpRemove, r, func(q *request) {
		q.flags = flagIf(o.Deferred, flagDeferredRemove)
		q.eventNr = o.Cookie
	})
	info.EventNr = 0 // the kernel leaves the cookie there
	return info, err
}

// RemoveAll removes every mapped device of the machine that is not open, of
// whomever it is. It is dangerous, and only there for machines that are thrown
// away after a test.
func (c *Control) RemoveAll() error {
	_, err := c.do(&request{op: OpRemoveAll}, "")
	return err
}

// Rename gives a device another name. It works on devices that are open,
// mounted or suspended. Info has the new name, but not the UUID. Returns an error
// matching ErrExists if a device has that name, be it the same one.
func (c *Control) Rename(name, newName string, o RenameOptions) (Info, error) {
	if err := CheckName(newName); err != nil {
		return Info{}, refuse(OpRename, name, err)
	}
	info, err := c.infoOn(OpRename, ByName(name), func(q *request) {
		q.eventNr = o.Cookie
		q.payload = encodeString(newName)
	})
	if err == nil {
		info.Name = newName
	}
	return info, err
}

// SetUUID gives a UUID to a device that has none. Returns an error matching
// ErrInvalid if it has one, ErrExists if another device has that UUID.
func (c *Control) SetUUID(name, uuid string) (Info, error) {
	if err := CheckUUID(uuid); err != nil {
		return Info{}, refuse(OpSetUUID, name, err)
	}
	info, err := c.infoOn(OpSetUUID, ByName(name), func(q *request) { q.payload = encodeString(uuid) })
	if err == nil {
		info.UUID = uuid
	}
	return info, err
}

// Suspend stops I/O to a device, and returns when all that was under way has
// come to its end. It does nothing to a device that is suspended.
func (c *Control) Suspend(r Ref, o SuspendOptions) (Info, error) {
	return c.infoOn(OpSuspend, r, func(q *request) {
		q.flags = flagIf(o.SkipLockFS, flagSkipLockFS) | flagIf(o.NoFlush, flagNoFlush)
	})
}

// Resume makes the inactive table live, if there is one, and lets I/O go on. It
// does nothing to a device that is neither suspended nor has an inactive table.
//
// Returns an error matching ErrInvalid if the inactive table does not fit, for
// instance because it reaches beyond the end of an underlying device: it is gone
// then and the device is suspended, with its old table. Another Resume lets the
// old table serve again.
func (c *Control) Resume(r Ref, o ResumeOptions) (Info, error) {
	return c.infoOn(OpResume, r, func(q *request) {
		q.flags = flagIf(o.SkipLockFS, flagSkipLockFS) | flagIf(o.NoFlush, flagNoFlush)
		q.eventNr = o.Cookie
	})
}

// Status returns the state of a device. Returns an error matching ErrNotFound if
// there is none.
func (c *Control) Status(r Ref) (Info, error) { return c.infoOn(OpStatus, r, nil) }

// Load makes t the inactive table of a device, in place of one that is there
// already. The underlying devices are opened, and cannot be removed from then on.
// The kernel compares the table with their sizes now if it is the first of the
// device, otherwise at Resume.
//
// Returns an error matching ErrInvalid if t is not valid, the kernel does not
// have a target type or does not take its parameters, ErrNotFound if the device
// or one under it does not exist, ErrBusy if one under it is in use.
func (c *Control) Load(r Ref, t Table, o LoadOptions) (Info, error) {
	payload, err := encodeTable(t)
	if err != nil {
		return Info{}, refuse(OpLoad, r.String(), err)
	}
	return c.infoOn(OpLoad, r, func(q *request) {
		q.flags = flagIf(o.ReadOnly, flagReadOnly) | flagIf(o.SecureData || t.secret(), flagSecureData)
		q.targetCount = uint32(len(t))
		q.payload = payload
	})
}

// Clear drops the inactive table, if there is one.
func (c *Control) Clear(r Ref) (Info, error) { return c.infoOn(OpClear, r, nil) }

func (o QueryOptions) flags() uint32 {
	return flagIf(o.Inactive, flagQueryInactive) | flagIf(o.NoFlush, flagNoFlush)
}

// Table returns the live table of a device, or the inactive one; nil if there is
// none. Underlying devices are named by major:minor.
func (c *Control) Table(r Ref, o QueryOptions) (Info, Table, error) {
	re, err := c.onDevice(OpTable, r, func(q *request) { q.flags = o.flags() })
	if err != nil {
		return Info{}, nil, err
	}
	t, err := re.table()
	if err != nil {
		return Info{}, nil, refuse(OpTable, r.String(), err)
	}
	return re.info(), t, nil
}

// TargetStatus returns what the targets of a device's table say about their
// state; nothing if there is no table.
func (c *Control) TargetStatus(r Ref, o QueryOptions) (Info, []StatusLine, error) {
	re, err := c.onDevice(OpTargetStatus, r, func(q *request) { q.flags = o.flags() })
	if err != nil {
		return Info{}, nil, err
	}
	lines, err := re.lines()
	if err != nil {
		return Info{}, nil, refuse(OpTargetStatus, r.String(), err)
	}
	return re.info(), lines, nil
}

// Deps returns the devices that a table refers to, each once, in the order of
// the kernel: those that the table names last come first.
func (c *Control) Deps(r Ref, o QueryOptions) (Info, []Dev, error) {
	re, err := c.onDevice(OpDeps, r, func(q *request) { q.flags = o.flags() })
	if err != nil {
		return Info{}, nil, err
	}
	devs, err := re.deps()
	if err != nil {
		return Info{}, nil, refuse(OpDeps, r.String(), err)
	}
	return re.info(), devs, nil
}

// Devices returns the mapped devices whose names and UUIDs begin as o says,
// sorted by name. It is one call, except on a kernel before Linux 5.13 whose
// list has no UUIDs: there each device is asked for its own.
func (c *Control) Devices(o ListOptions) ([]Device, error) {
	q := request{op: OpList, flags: flagUUID}
	// The kernel takes only one filter, and an older one none.
	switch {
	case o.UUIDPrefix != "" && CheckUUID(o.UUIDPrefix) == nil:
		q.uuid = o.UUIDPrefix
	case o.NamePrefix != "" && checkText("name", o.NamePrefix, maxName) == nil:
		q.name = o.NamePrefix
	}
	r, err := c.do(&q, "")
	if err != nil {
		return nil, err
	}
	list, err := r.devices()
	if err != nil {
		return nil, refuse(OpList, "", err)
	}
	var devices []Device
	for _, d := range list {
		if !strings.HasPrefix(d.Name, o.NamePrefix) {
			continue
		}
		if !d.uuidKnown {
			info, err := c.Status(ByDev(d.Dev))
			if errors.Is(err, ErrNotFound) {
				continue // removed since
			}
			if err != nil {
				return nil, err
			}
			d.Name, d.UUID, d.EventNr = info.Name, info.UUID, info.EventNr
		}
		if strings.HasPrefix(d.Name, o.NamePrefix) && strings.HasPrefix(d.UUID, o.UUIDPrefix) {
			devices = append(devices, d.Device)
		}
	}
	slices.SortFunc(devices, func(a, b Device) int { return strings.Compare(a.Name, b.Name) })
	return devices, nil
}

// Targets returns the target types that the kernel has loaded. Others may be
// loaded when a table needs them: see TargetVersion.
func (c *Control) Targets() ([]TargetVersion, error) {
	r, err := c.do(&request{op: OpTargets}, "")
	if err != nil {
		return nil, err
	}
	list, err := r.targets()
	if err != nil {
		return nil, refuse(OpTargets, "", err)
	}
	return list, nil
}

// TargetVersion returns the version of a target type, for which the kernel
// loads a module if need be. Returns an error matching ErrUnsupported if there is
// no such type. A kernel before Linux 5.2 (interface 4.41) loads nothing.
func (c *Control) TargetVersion(name string) (Version, error) {
	if err := checkType(name); err != nil {
		return Version{}, refuse(OpTargetVersion, name, err)
	}
	var list []TargetVersion
	r, err := c.do(&request{op: OpTargetVersion, name: name}, name)
	switch e := (*Error)(nil); {
	case errors.As(err, &e) && e.Errno == errnoTooOld:
		list, err = c.Targets()
	case err == nil:
		if list, err = r.targets(); err != nil {
			err = refuse(OpTargetVersion, name, err)
		}
	}
	if err != nil {
		return Version{}, err
	}
	for _, t := range list {
		if t.Name == name {
			return t.Version, nil
		}
	}
	return Version{}, refuse(OpTargetVersion, name, ErrUnsupported)
}

// Message sends a text to the target of the live table that serves sector, or,
// if it begins with @, to the device-mapper itself. It says what the answer is
// and whether there was one. The kernel splits the text at blanks; a backslash
// takes the meaning from the character after it.
//
// Returns an error matching ErrInvalid if the target does not know the message;
// other errnos are the target's own. An answer that is too long for the buffer
// is lost, although the message was carried out: the error matches ErrTooLarge,
// and the next call has a buffer of twice the size.
func (c *Control) Message(r Ref, sector units.Sectors, text string) (reply string, replied bool, err error) {
	if text == "" || strings.Contains(text, "\x00") {
		return "", false, refuse(OpMessage, r.String(), errors.WithMessagef(ErrInvalid, "message %q", text))
	}
	re, err := c.onDevice(OpMessage, r, func(q *request) { q.payload = encodeMessage(sector, text) })
	if err != nil {
		return "", false, err
	}
	reply, replied, err = re.answer()
	if err != nil {
		return "", false, refuse(OpMessage, r.String(), err)
	}
	return reply, replied, nil
}

// SetGeometry sets the geometry that a device claims to have, until it has
// another live table. Returns an error matching ErrInvalid if the kernel does not
// take it.
func (c *Control) SetGeometry(r Ref, g Geometry) error {
	_, err := c.onDevice(OpSetGeometry, r, func(q *request) {
		q.payload = encodeString(fmt.Sprintf("%d %d %d %d", g.Cylinders, g.Heads, g.SectorsPerTrack, g.Start))
	})
	return err
}

// Wait waits until the event number of a device is not eventNr any more: until
// a target reports something, or the device is renamed. A new table is no event.
// It returns the state after the event. Returns ctx's error when ctx is done
// first, and an error matching ErrNotFound if the device is or gets removed.
// It needs Linux 4.14 (interface 4.36).
func (c *Control) Wait(ctx context.Context, r Ref, eventNr uint32) (Info, []StatusLine, error) {
	if err := ctx.Err(); err != nil {
		return Info{}, nil, errors.WithMessagef(err, "wait for %s", r)
	}
	events, err := c.Events()
	if err != nil {
		return Info{}, nil, err
	}
	defer events.Close()
	for {
		// Armed before the look at the number, so that no event gets lost
		// between the two.
		if err := events.Arm(); err != nil {
			return Info{}, nil, err
		}
		info, err := c.Status(r)
		if err != nil {
			return Info{}, nil, err
		}
		if info.EventNr != eventNr {
			return c.TargetStatus(r, QueryOptions{NoFlush: true})
		}
		if err := events.Wait(ctx); err != nil {
			return Info{}, nil, errors.WithMessagef(err, "wait for %s", r)
		}
	}
}

// Events returns a way to wait for events of all devices. It has a file of its
// own and must be closed.
func (c *Control) Events() (*Events, error) {
	// Whoever has closed the Control shall not go on through its events.
	if _, err := c.Version(); err != nil {
		return nil, err
	}
	file, err := openEvents()
	if err != nil {
		return nil, err
	}
	return &Events{control: Control{device: file, version: c.version}, file: file}, nil
}
