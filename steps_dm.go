package lvm

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lvm-go/lvm/dm"
	"github.com/pkg/errors"
)

// deviceRef names a mapped device in a step.
type deviceRef struct {
	Name string
	UUID string
}

func (d deviceRef) device() deviceRef { return d }

// deviceOf returns the device that a step is about; none if it is about another thing.
func deviceOf(s Step) deviceRef {
	if of, ok := s.(interface{ device() deviceRef }); ok {
		return of.device()
	}
	return deviceRef{}
}

// CreateDevice makes a mapped device, still without a table.
type CreateDevice struct {
	harmless
	deviceRef
	Dev dm.Dev // only the minor number counts; 0 takes any

	told bool // not unless the kernel was told of what it maps
}

func (s *CreateDevice) String() string {
	text := fmt.Sprintf("create device %s (%s)", s.Name, s.UUID)
	if s.Dev != 0 {
		text += fmt.Sprintf(" with minor number %d", s.Dev.Minor())
	}
	return text
}

func (s *CreateDevice) do(r *run) error {
	if s.told && r.untold {
		return nil
	}
	info, err := r.sys.kernel.Create(s.Name, s.UUID, dm.CreateOptions{Dev: s.Dev})
	if err != nil {
		return err
	}
	r.devs[s.UUID] = info.Dev
	return nil
}

// undo removes the device also if it was made and the answer lost. Nobody uses
// one without a table, so nobody else's is taken for it.
func (s *CreateDevice) undo(r *run) error {
	dev, ok := r.devs[s.UUID]
	if !ok {
		info, _, err := r.sys.kernel.Table(dm.ByUUID(s.UUID), dm.QueryOptions{NoFlush: true})
		if errors.Is(err, dm.ErrNotFound) {
			return nil
		}
		if err != nil || info.Name != s.Name || info.LiveTable || info.InactiveTable || info.OpenCount > 0 {
			return err
		}
		dev = info.Dev
	}
	cookie, err := r.cookie.Begin(0)
	if err != nil {
		return err
	}
	info, err := r.sys.kernel.Remove(dm.ByDev(dev), dm.RemoveOptions{Cookie: cookie})
	done := r.cookie.Done(info, err)
	if errors.Is(err, dm.ErrNotFound) {
		return nil // its removal failed, so it was said
	}
	return joinErrors(err, done)
}

// LoadTable puts a table into the inactive place of a device, where the next
// resume takes it from.
type LoadTable struct {
	harmless
	deviceRef
	Table    dm.Table
	ReadOnly bool

	told bool // as with CreateDevice
}

func (s *LoadTable) String() string {
	mode := ""
	if s.ReadOnly {
		mode = " read-only"
	}
	return fmt.Sprintf("load table of %s%s\n%s", s.Name, mode, s.Table)
}

func (s *LoadTable) do(r *run) error {
	if s.told && r.untold {
		return nil
	}
	table, err := r.resolve(s.Table)
	if err != nil {
		return err
	}
	r.loaded = append(r.loaded, s)
	_, err = r.sys.kernel.Load(r.ref(s.UUID), table, dm.LoadOptions{ReadOnly: s.ReadOnly})
	return err
}

func (s *LoadTable) undo(r *run) error {
	if !slices.Contains(r.loaded, s) {
		return nil // done, or never loaded
	}
	_, err := r.sys.kernel.Clear(r.ref(s.UUID))
	if errors.Is(err, dm.ErrNotFound) {
		return nil // it went, as one that is there only meanwhile
	}
	return err
}

// unload drops all tables that were loaded and are not live: with one that waits
// to take over its COW store a snapshot does not resume.
func (r *run) unload() error {
	var errs []error
	for _, s := range r.loaded {
		if _, err := r.sys.kernel.Clear(r.ref(s.UUID)); err != nil {
			_, err = r.sys.kernel.Clear(r.ref(s.UUID))
			errs = append(errs, err)
		}
	}
	r.loaded = nil
	return joinErrors(errs...)
}

// ClearTable drops an inactive table that somebody left behind.
type ClearTable struct {
	harmless
	final
	deviceRef
}

func (s *ClearTable) String() string { return "clear the inactive table of " + s.Name }

func (s *ClearTable) do(r *run) error {
	_, err := r.sys.kernel.Clear(r.ref(s.UUID))
	return err
}

// RemoveDevice removes a mapped device that nobody has open.
type RemoveDevice struct {
	harmless
	deviceRef

	hidden bool
	hasty  bool         // something is suspended meanwhile: it is tried once
	again  *deviceState // to make it anew; nil if that is not worth it
}

// deviceState is what it takes to make a device that was there.
type deviceState struct {
	name     string // of its node
	dev      dm.Dev
	live     bool
	table    dm.Table
	readOnly bool
	vg, lv   string // of the link; lv is empty if there was none
}

func (s *RemoveDevice) String() string { return "remove device " + s.Name }

// removeTries is how often a removal is tried while udev may have the device
// open, removeWait the time in between. Source: lvm2 as observed.
const (
	removeTries = 25
	removeWait  = 200 * time.Millisecond
)

func (s *RemoveDevice) do(r *run) error {
	for try := 1; ; try++ {
		cookie, err := r.cookie.Begin(udevFlags(s.hidden))
		if err != nil {
			return err
		}
		info, err := r.sys.kernel.Remove(r.ref(s.UUID), dm.RemoveOptions{Cookie: cookie})
		done := r.cookie.Done(info, err)
		if err == nil {
			delete(r.devs, s.UUID) // another may be made under it
		}
		if err == nil || !errors.Is(err, dm.ErrBusy) || r.cookie == nil || s.hasty || try == removeTries {
			return done
		}
		select {
		case <-r.ctx.Done():
			return done
		case <-time.After(removeWait):
		}
	}
}

// undo makes the device anew if it is gone, also if the answer was lost.
func (s *RemoveDevice) undo(r *run) error {
	if s.again == nil {
		return nil
	}
	switch _, _, err := r.sys.kernel.Table(dm.ByUUID(s.UUID), dm.QueryOptions{NoFlush: true}); {
	case err == nil:
		return nil
	case !errors.Is(err, dm.ErrNotFound):
		return err
	}
	info, err := r.sys.kernel.Create(s.Name, s.UUID, dm.CreateOptions{Dev: s.again.dev})
	if err != nil {
		info, err = r.sys.kernel.Create(s.Name, s.UUID, dm.CreateOptions{}) // the number was taken meanwhile
	}
	if err != nil {
		return err
	}
	r.devs[s.UUID] = info.Dev
	if !s.again.live {
		return nil
	}
	table, err := r.resolve(s.again.table)
	if err != nil {
		return err
	}
	ref := dm.ByDev(info.Dev)
	if _, err := r.sys.kernel.Load(ref, table, dm.LoadOptions{ReadOnly: s.again.readOnly}); err != nil {
		return err
	}
	if err := r.resume(ref, s.hidden); err != nil || r.cookie != nil {
		return err // with a cookie, udev makes the nodes
	}
	add := &AddNode{deviceRef: deviceRef{Name: s.again.name, UUID: s.UUID}, VG: s.again.vg, LV: s.again.lv}
	return add.do(r)
}

// FlushDevice has what is cached of a device written back, so that there is
// less to write while it, and others, are suspended. That it fails does not
// matter.
type FlushDevice struct {
	harmless
	final
	deviceRef
}

func (s *FlushDevice) String() string { return "write back what is cached of " + s.Name }

func (s *FlushDevice) do(r *run) error {
	if dev, ok := r.devs[s.UUID]; ok {
		r.sys.host.flush(s.Name, dev)
	}
	return nil
}

// SuspendDevice holds back the I/O of a device.
type SuspendDevice struct {
	harmless
	deviceRef
	FreezeFS bool // freeze a mounted file system first

	noFlush bool // I/O that waits for what the change brings goes on waiting
	hidden  bool
}

func (s *SuspendDevice) String() string { return "suspend " + s.Name }

func (s *SuspendDevice) do(r *run) error {
	if r.suspendedAt.IsZero() {
		r.suspendedAt = time.Now()
	}
	_, err := r.sys.kernel.Suspend(r.ref(s.UUID), dm.SuspendOptions{SkipLockFS: !s.FreezeFS, NoFlush: s.noFlush})
	if s.FreezeFS && errors.Is(err, dm.ErrBusy) {
		err = errors.WithMessagef(err, "the file system on %s may be frozen already: thaw it first", s.Name)
	}
	return err
}

// undo drops the inactive tables first, or the resume would make one live. A
// device that does not resume at once is tried again: it must not stay so.
func (s *SuspendDevice) undo(r *run) error {
	clearErr := r.unload()
	err := r.resume(r.ref(s.UUID), s.hidden)
	if err != nil {
		err = r.resume(r.ref(s.UUID), s.hidden)
	}
	return joinErrors(clearErr, err)
}

// RenameDevice gives a device its new name.
type RenameDevice struct {
	harmless
	deviceRef // with the old name
	NewName   string

	early  bool // before the commit
	hidden bool
}

func (s *RenameDevice) String() string {
	return fmt.Sprintf("rename device %s to %s", s.Name, s.NewName)
}

func (s *RenameDevice) do(r *run) error { return s.rename(r, s.Name, s.NewName) }

// undo gives the old name back, also if the answer was lost.
func (s *RenameDevice) undo(r *run) error {
	if !s.early {
		return nil
	}
	info, _, err := r.sys.kernel.Table(r.ref(s.UUID), dm.QueryOptions{NoFlush: true})
	if err != nil || info.Name == s.Name {
		return err
	}
	return s.rename(r, s.NewName, s.Name)
}

func (s *RenameDevice) rename(r *run, from, to string) error {
	cookie, err := r.cookie.Begin(udevFlags(s.hidden))
	if err != nil {
		return err
	}
	info, err := r.sys.kernel.Rename(from, to, dm.RenameOptions{Cookie: cookie})
	return joinErrors(err, r.cookie.Done(info, err))
}

// ResumeDevice makes the loaded table live and lets I/O through.
type ResumeDevice struct {
	harmless
	deviceRef
	Created bool // by this plan

	early  bool     // before the commit: it was there, and not in use or just made larger
	back   dm.Table // what it had, if it is in use
	hidden bool
	told   bool // as with CreateDevice
}

func (s *ResumeDevice) String() string { return "resume " + s.Name }

// do tries twice: when the kernel refuses the new table, the first try drops it
// and leaves the device suspended, and the second brings the old one back.
func (s *ResumeDevice) do(r *run) error {
	if s.told && r.untold {
		return nil
	}
	if !s.Created && !s.early {
		r.forward = true
	}
	err := r.resume(r.ref(s.UUID), s.hidden)
	if err != nil && !s.Created {
		return joinErrors(err, r.resume(r.ref(s.UUID), s.hidden))
	}
	return err
}

// undo brings back the table of a device that was made larger. A created device is
// removed by the undoing of its making, and after others were resumed nothing is
// undone.
func (s *ResumeDevice) undo(r *run) error {
	if s.back == nil {
		return nil
	}
	info, _, err := r.sys.kernel.Table(r.ref(s.UUID), dm.QueryOptions{NoFlush: true})
	if err != nil {
		return err
	}
	table, err := r.resolve(s.back)
	if err != nil {
		return err
	}
	if _, err := r.sys.kernel.Load(r.ref(s.UUID), table, dm.LoadOptions{ReadOnly: info.ReadOnly}); err != nil {
		return err
	}
	return r.resume(r.ref(s.UUID), s.hidden)
}

// SettleDevices waits until udev is done with what was announced to it.
type SettleDevices struct {
	harmless
	final
}

func (s *SettleDevices) String() string { return "wait for udev" }

func (s *SettleDevices) do(r *run) error {
	r.settled = true
	return r.cookie.Wait(r.ctx)
}

// AddNode makes the node of a device, and the link to it in the group's
// directory, where udev has not made them.
type AddNode struct {
	harmless
	deviceRef
	VG, LV string // of the link; LV is empty if there shall be none
}

func (s *AddNode) String() string { return "add nodes of " + s.Name }

func (s *AddNode) do(r *run) error {
	dev, ok := r.devs[s.UUID]
	if !ok {
		return nil // its creation failed
	}
	if err := r.sys.host.addNode(s.Name, dev); err != nil {
		return err
	}
	if s.LV == "" {
		return nil
	}
	return r.sys.host.addLink(s.VG, s.LV, s.Name)
}

func (s *AddNode) undo(r *run) error { return removeNodes(r, s.Name, s.VG, s.LV) }

// DropNode removes the node of a device and the link to it.
type DropNode struct {
	harmless
	final
	Name   string
	VG, LV string
}

func (s *DropNode) String() string { return "drop nodes of " + s.Name }

func (s *DropNode) do(r *run) error { return removeNodes(r, s.Name, s.VG, s.LV) }

// DropLink removes the link to a device that is no longer for users.
type DropLink struct {
	harmless
	final
	VG, LV string
}

func (s *DropLink) String() string { return "drop the link of " + s.VG + "/" + s.LV }

func (s *DropLink) do(r *run) error { return r.sys.host.removeLink(s.VG, s.LV) }

// removeNodes removes the link first: by a node that is left the link is found,
// but not the other way round if the group got another name.
func removeNodes(r *run, name, vg, lv string) error {
	if lv != "" {
		if err := r.sys.host.removeLink(vg, lv); err != nil {
			return err
		}
	}
	return r.sys.host.removeNode(name)
}

// udevFlags returns what udev shall do with a device: everything, or nothing
// that makes it known to others. Source: lvm2 as observed.
func udevFlags(hidden bool) uint16 {
	if hidden {
		return dm.UdevDisableSubsystemRules | dm.UdevDisableDiskRules | dm.UdevDisableOtherRules
	}
	return 0
}

// resume resumes a device and announces that.
func (r *run) resume(ref dm.Ref, hidden bool) error {
	cookie, err := r.cookie.Begin(udevFlags(hidden))
	if err != nil {
		return err
	}
	info, err := r.sys.kernel.Resume(ref, dm.ResumeOptions{SkipLockFS: true, Cookie: cookie})
	return joinErrors(err, r.cookie.Done(info, err))
}

// ref returns how the kernel is told of the device with that uuid.
func (r *run) ref(uuid string) dm.Ref {
	if dev, ok := r.devs[uuid]; ok {
		return dm.ByDev(dev)
	}
	return dm.ByUUID(uuid)
}

// resolve replaces references to mapped devices by their numbers.
func (r *run) resolve(t dm.Table) (dm.Table, error) {
	return t.MapDevices(func(device string) (string, error) {
		if !strings.HasPrefix(device, dmUUIDPrefix) {
			return device, nil
		}
		dev, ok := r.devs[device]
		if !ok {
			return "", fault(ErrNotActive, "device %s is not there", device)
		}
		return dev.String(), nil
	})
}
