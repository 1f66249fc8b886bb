package lvm

import (
	"context"
	"fmt"
	"io"

	"github.com/lvm-go/lvm/metadata"
	"github.com/pkg/errors"
)

// OverwriteRange overwrites a small part of a device: with zeroes, where a signature
// or the head of a new logical volume is, or with new structures.
type OverwriteRange struct {
	Device string
	Offset Bytes
	Data   []byte
	What   string // what is written, in words: "zeroes over the ext4 signature of vg0/root"

	keep bool   // put the old bytes back when undone
	old  []byte // what was there
}

func (s *OverwriteRange) String() string {
	return fmt.Sprintf("write %s: %d bytes at byte %d of %s", s.What, len(s.Data), uint64(s.Offset), s.Device)
}

// Destructive returns true.
func (s *OverwriteRange) Destructive() bool { return true }

func (s *OverwriteRange) do(r *run) error {
	d, err := r.writer(s.Device)
	if err != nil {
		return err
	}
	if s.keep {
		old := make([]byte, len(s.Data))
		if _, err := d.ReadAt(old, int64(s.Offset)); err != nil && err != io.EOF {
			return errors.WithMessagef(err, "read %s", s.Device)
		}
		s.old = old
	}
	return writeSync(d, s.Device, metadata.Write{Offset: s.Offset, Data: s.Data})
}

func (s *OverwriteRange) undo(r *run) error {
	if s.old == nil {
		return nil
	}
	d, err := r.writer(s.Device)
	if err != nil {
		return err
	}
	return writeSync(d, s.Device, metadata.Write{Offset: s.Offset, Data: s.old})
}

// SyncDevice waits until all that was written to a device is safe, also by
// others: a disk may keep it in a cache of its own.
type SyncDevice struct {
	harmless
	final
	Device string
}

func (s *SyncDevice) String() string { return "write the cache of " + s.Device }

func (s *SyncDevice) do(r *run) error {
	d, err := r.writer(s.Device)
	if err != nil {
		return err
	}
	return errors.WithMessagef(d.Sync(), "sync %s", s.Device)
}

// writeSync writes and then waits until all of it is safe.
func writeSync(d Device, path string, writes ...metadata.Write) error {
	for _, w := range writes {
		if _, err := d.WriteAt(w.Data, int64(w.Offset)); err != nil {
			return errors.WithMessagef(err, "write %s", path)
		}
	}
	return errors.WithMessagef(d.Sync(), "sync %s", path)
}

// areaWrite is what one transaction writes to one metadata area.
type areaWrite struct {
	path   string
	start  Bytes
	texts  []metadata.Write     // the new text, in the ring
	before *metadata.AreaHeader // as it was; slots empty if it was not usable
	first  metadata.AreaHeader  // precommitted: old text in slot 0, new in slot 1
	second metadata.AreaHeader  // committed: new text in slot 0
	bytes  [3]metadata.Write    // before, first and second, ready to be written
}

func (a *areaWrite) prepare() {
	clean := *a.before
	clean.Slots[metadata.SlotPrecommitted] = metadata.RawLocation{}
	for i, h := range []*metadata.AreaHeader{&clean, &a.first, &a.second} {
		a.bytes[i] = metadata.Write{Offset: a.start, Data: h.Encode()}
	}
}

// eachArea calls fn for all areas at once and joins the errors.
func eachArea(areas []*areaWrite, r *run, fn func(Device, *areaWrite) error) error {
	errs := make([]error, len(areas))
	inParallel(len(areas), func(i int) {
		d, err := r.writer(areas[i].path)
		if err == nil {
			err = fn(d, areas[i])
		}
		errs[i] = err
	})
	return joinErrors(errs...)
}

// WriteText puts the new metadata text into the free part of every area's
// ring, where no reader looks.
type WriteText struct {
	harmless
	final
	Devices []string
	Size    Bytes
	areas   []*areaWrite
}

func (s *WriteText) String() string {
	return fmt.Sprintf("write %d bytes of metadata to %d areas on %v", uint64(s.Size), len(s.areas), s.Devices)
}

func (s *WriteText) do(r *run) error {
	return eachArea(s.areas, r, func(d Device, a *areaWrite) error { return writeSync(d, a.path, a.texts...) })
}

// Precommit notes the place of the new text in slot 1 of every area's header.
// Readers go on to use slot 0.
type Precommit struct {
	harmless
	Devices []string
	Seqno   uint32
	areas   []*areaWrite
}

func (s *Precommit) String() string {
	return fmt.Sprintf("precommit seqno %d on %v", s.Seqno, s.Devices)
}

func (s *Precommit) do(r *run) error {
	return eachArea(s.areas, r, func(d Device, a *areaWrite) error { return writeSync(d, a.path, a.bytes[1]) })
}

// undo leaves the text where it is if something could not be put back that goes
// with it alone: see run.ahead.
func (s *Precommit) undo(r *run) error {
	if r.ahead {
		return nil
	}
	return eachArea(s.areas, r, func(d Device, a *areaWrite) error { return writeSync(d, a.path, a.bytes[0]) })
}

// Commit makes the new text the valid one: it goes to slot 0 of every area's
// header. One area is enough for the change to hold; the others are brought up
// to date by the next change.
type Commit struct {
	Devices []string
	Seqno   uint32
	// Removed and Reduced are the logical volumes whose data, or part of it, is
	// given up.
	Removed, Reduced []string
	areas            []*areaWrite
	paired           bool // with the commit of another group
}

func (s *Commit) String() string {
	text := fmt.Sprintf("commit seqno %d on %v", s.Seqno, s.Devices)
	if len(s.Removed) > 0 {
		text += fmt.Sprintf(", giving up %v", s.Removed)
	}
	if len(s.Reduced) > 0 {
		text += fmt.Sprintf(", giving up the end of %v", s.Reduced)
	}
	return text
}

// Destructive says whether a logical volume is removed or becomes smaller.
func (s *Commit) Destructive() bool { return len(s.Removed)+len(s.Reduced) > 0 }

// do writes one area after the other and nothing else: devices may be
// suspended, and the memory of this process be on them.
func (s *Commit) do(r *run) error {
	var errs []error
	for _, a := range s.areas {
		d, err := r.writer(a.path)
		if err == nil {
			err = writeSync(d, a.path, a.bytes[2])
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if !a.second.Slots[metadata.SlotCommitted].Ignored() {
			r.committed = true
		}
	}
	return joinErrors(errs...)
}

// undo leaves the precommitted texts of all groups where they are if this one
// cannot be taken back: the change then holds.
func (s *Commit) undo(r *run) error {
	err := eachArea(s.areas, r, func(d Device, a *areaWrite) error { return writeSync(d, a.path, a.bytes[0]) })
	if err != nil && s.paired {
		r.ahead = true
	}
	return err
}

// ConfirmText replaces the text that the plan committed by one without what the
// kernel had yet to do, and has done meanwhile.
type ConfirmText struct {
	harmless
	final
	Devices []string
	Seqno   uint32
	areas   []*areaWrite
}

func (s *ConfirmText) String() string {
	return fmt.Sprintf("write, precommit and commit seqno %d on %v", s.Seqno, s.Devices)
}

func (s *ConfirmText) do(r *run) error {
	if r.untold {
		return nil // the text says so already
	}
	steps := []func(*areaWrite) []metadata.Write{
		func(a *areaWrite) []metadata.Write { return a.texts },
		func(a *areaWrite) []metadata.Write { return a.bytes[1:2] },
		func(a *areaWrite) []metadata.Write { return a.bytes[2:3] },
	}
	for _, writes := range steps {
		err := eachArea(s.areas, r, func(d Device, a *areaWrite) error { return writeSync(d, a.path, writes(a)...) })
		if err != nil {
			return err
		}
	}
	return nil
}

// EraseMetadata empties both slots of every area's header: the group is gone.
type EraseMetadata struct {
	Devices []string
	areas   []*areaWrite
}

func (s *EraseMetadata) String() string { return fmt.Sprintf("erase the metadata on %v", s.Devices) }

// Destructive returns true.
func (s *EraseMetadata) Destructive() bool { return true }

// do stops at the first failure: as long as one area holds the text the group
// is whole, so the others can be put back.
func (s *EraseMetadata) do(r *run) error {
	for _, a := range s.areas {
		d, err := r.writer(a.path)
		if err == nil {
			err = writeSync(d, a.path, a.bytes[2])
		}
		if err != nil {
			return err
		}
	}
	r.committed = true
	return nil
}

func (s *EraseMetadata) undo(r *run) error {
	return eachArea(s.areas, r, func(d Device, a *areaWrite) error { return writeSync(d, a.path, a.bytes[0]) })
}

// WriteLabel replaces the label of a physical volume that has one.
type WriteLabel struct {
	harmless
	Device string
	PV     metadata.ID
	NewID  metadata.ID // the UUID that the PV gets; zero: it keeps the one it has
	InUse  bool
	// Resized says that it is about where the PV ends, not about its mark.
	Resized bool

	write metadata.Write
	old   metadata.Write
}

func (s *WriteLabel) String() string {
	if !s.NewID.IsZero() {
		return fmt.Sprintf("give pv %s on %s the uuid %s", s.PV, s.Device, s.NewID)
	}
	if s.Resized {
		return fmt.Sprintf("note the size and the areas of pv %s on %s", s.PV, s.Device)
	}
	if s.InUse {
		return fmt.Sprintf("mark pv %s on %s as used by a group", s.PV, s.Device)
	}
	return fmt.Sprintf("mark pv %s on %s as used by no group", s.PV, s.Device)
}

func (s *WriteLabel) do(r *run) error {
	d, err := r.writer(s.Device)
	if err != nil {
		return err
	}
	return writeSync(d, s.Device, s.write)
}

func (s *WriteLabel) undo(r *run) error {
	if s.old.Data == nil {
		return nil
	}
	d, err := r.writer(s.Device)
	if err != nil {
		return err
	}
	err = writeSync(d, s.Device, s.old)
	r.ahead = r.ahead || err != nil && !s.NewID.IsZero()
	return err
}

// WriteBackup keeps the metadata text in a file, as lvm2 does.
type WriteBackup struct {
	harmless
	final
	VG      string
	Archive bool // the text before the change, not after it
	doc     *metadata.Document
}

func (s *WriteBackup) String() string {
	if s.Archive {
		return "archive the metadata of " + s.VG
	}
	return "back up the metadata of " + s.VG
}

func (s *WriteBackup) do(r *run) error {
	if s.Archive {
		return r.sys.backups().writeArchive(s.VG, s.doc.WriteBackup, r.sys.cfg.Clock())
	}
	return r.sys.backups().writeBackup(s.VG, s.doc.WriteBackup)
}

// RemoveBackup removes the backup file of a group that is gone.
type RemoveBackup struct {
	harmless
	final
	VG string
}

func (s *RemoveBackup) String() string { return "remove the backup of " + s.VG }

func (s *RemoveBackup) do(r *run) error { return r.sys.backups().removeBackup(s.VG) }

func (s *System) backups() *backupStore {
	return &backupStore{
		backupDir: s.cfg.BackupDir, archiveDir: s.cfg.ArchiveDir,
		retainMin:  retained(s.cfg.ArchiveMin, defaultArchiveMin),
		retainDays: retained(s.cfg.ArchiveDays, defaultArchiveDays),
	}
}

// checkpoint returns the error of a context that is done, and its cause.
func checkpoint(ctx context.Context) error {
	err := ctx.Err()
	if cause := context.Cause(ctx); cause != err {
		return joinErrors(err, cause)
	}
	return err
}
