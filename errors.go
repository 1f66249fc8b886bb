package lvm

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/lvm-go/lvm/dm"
)

// Sentinels that the errors of this package match with errors.Is. The error
// itself names the object and says what is wrong.
var (
	// ErrNotFound is matched by ErrVGNotFound, ErrLVNotFound and ErrPVNotFound.
	ErrNotFound   = errors.New("not found")
	ErrVGNotFound = fmt.Errorf("volume group %w", ErrNotFound)
	ErrLVNotFound = fmt.Errorf("logical volume %w", ErrNotFound)
	ErrPVNotFound = fmt.Errorf("physical volume %w", ErrNotFound)

	// ErrExists: the name, or the PV on a device, is already there.
	ErrExists = errors.New("already exists")
	// ErrAmbiguous: a name stands for several objects. Use the UUID.
	ErrAmbiguous = errors.New("ambiguous name")
	// ErrInvalidName: a name breaks LVM2's rules. See [NameError].
	ErrInvalidName = errors.New("invalid name")
	// ErrInvalidSpec: a spec has fields that are missing, out of range, or
	// exclude each other.
	ErrInvalidSpec = errors.New("invalid specification")
	// ErrBusy: the object is in use: an LV is open, a PV holds extents.
	ErrBusy = errors.New("in use")
	// ErrMoving: extents of the object are being moved to other physical volumes.
	// It is matched where [Tx.FinishMove] or [Tx.AbortMove] has to come first.
	ErrMoving = fmt.Errorf("%w: being moved", ErrBusy)
	// ErrMerging: a snapshot is being merged into its origin.
	ErrMerging = fmt.Errorf("%w: being merged", ErrBusy)
	// ErrSnapshotInvalid: a snapshot was given up, since its COW store was full or
	// could not be written. What it held is lost.
	ErrSnapshotInvalid = errors.New("snapshot is invalid")
	// ErrLocked: a lock was not had in the time that the context allows.
	ErrLocked = errors.New("locked")
	// ErrReadOnly: the volume group may be read, but not changed from here, or a
	// device refuses to be written to. It is matched by the ones below.
	ErrReadOnly = errors.New("not changeable")
	// ErrExported: the volume group is exported, for another host to import.
	ErrExported = fmt.Errorf("%w: exported", ErrReadOnly)
	// ErrForeign: the volume group has the system ID of another host.
	ErrForeign = fmt.Errorf("%w: foreign system id", ErrReadOnly)
	// ErrShared: the volume group is guarded by lvmlockd or clvmd.
	ErrShared = fmt.Errorf("%w: shared", ErrReadOnly)
	// ErrMissingPV: a physical volume that is needed was not found.
	ErrMissingPV = errors.New("physical volume missing")
	// ErrDuplicatePV: several devices carry the same physical volume.
	ErrDuplicatePV = errors.New("duplicate physical volume")
	// ErrDamaged: metadata on a device is broken or contradicts itself.
	ErrDamaged = errors.New("damaged metadata")
	// ErrSignature: a device holds data of something else. See [SignatureError].
	ErrSignature = errors.New("foreign signature")
	// ErrUntrusted: a file or directory of lvm2's and ours is not what we make, and
	// may be somebody else's trap: a lock file that is a link, a lock directory that
	// belongs to another user.
	ErrUntrusted = errors.New("not to be trusted")
	// ErrUnsupported: this library, this system or this mode can't do it.
	ErrUnsupported = errors.New("unsupported")
	// ErrPlanStale: the group or the kernel changed since the plan was made.
	ErrPlanStale = errors.New("plan is stale")
	// ErrNothingToMove: no logical volume that can be moved has extents there.
	ErrNothingToMove = errors.New("nothing to move")
	// ErrNotActive: the logical volume has no device.
	ErrNotActive = errors.New("not active")
	// ErrActivationSkip: the logical volume is marked not to be activated unless
	// that is ignored. See [ActivateOptions].
	ErrActivationSkip = errors.New("activation skipped")
	// ErrActivationList: this host's lists do not let it activate the logical
	// volume. See [VolumeLists].
	ErrActivationList = errors.New("not to be activated on this host")
)

// OpError is what the methods of [System] and [Tx] return: the operation, the
// objects, and the cause.
type OpError struct {
	Op  string // "create lv"
	VG  string
	LV  string
	PV  string // a device
	Err error
}

func (e *OpError) Error() string {
	var b strings.Builder
	b.WriteString(e.Op)
	switch {
	case e.LV != "":
		b.WriteString(" " + e.VG + "/" + e.LV)
	case e.PV != "":
		b.WriteString(" " + e.PV)
	case e.VG != "":
		b.WriteString(" " + e.VG)
	}
	b.WriteString(": " + e.Err.Error())
	return b.String()
}

// Unwrap returns the cause.
func (e *OpError) Unwrap() error { return e.Err }

// ApplyError says how far a plan came before a step failed.
//
// If Committed is false, the steps before were undone and the volume group is
// as it was, unless Undo says what could not be undone. If it is true, the
// change is made in the metadata, the steps after the failed one were still
// tried, and [System.Recover] or [Tx.Refresh] finishes the rest. A backup file
// is made up for by [System.Backup], a file system that did not grow by
// [Tx.GrowFS], an entry in the devices file by [EditDevicesFile].
//
// Committed is true as well if all was done but what [Tx.ActivateAll] leaves out, or
// metadata was found damaged after [Tx.Deactivate]. Err names these volumes then, and
// matches the cause of each.
type ApplyError struct {
	VG        string
	Step      string // what failed
	Done      int    // steps that were done before it
	Committed bool
	Err       error
	Undo      []error // what went wrong while undoing

	finish string // what does the rest once it is committed; empty: Recover
	partly bool   // nothing is left to be done but what was left out
}

func (e *ApplyError) Error() string {
	state := "undone"
	if e.partly {
		state = "the rest is done"
	} else if e.Committed {
		state = "committed, call " + cmp.Or(e.finish, "Recover") + " to finish"
	} else if len(e.Undo) > 0 {
		state = fmt.Sprintf("not undone, call Recover: %v", errors.Join(e.Undo...))
	}
	return fmt.Sprintf("apply to %s: %s (after %d steps; %s): %v", e.VG, e.Step, e.Done, state, e.Err)
}

// Unwrap returns the cause and what went wrong while undoing.
func (e *ApplyError) Unwrap() []error { return append([]error{e.Err}, e.Undo...) }

// SignatureError lists what was found on a device that was to become a
// physical volume. It matches [ErrSignature].
type SignatureError struct {
	Device     string
	Signatures []Signature
}

func (e *SignatureError) Error() string {
	found := make([]string, len(e.Signatures))
	for i, s := range e.Signatures {
		found[i] = fmt.Sprintf("%s at byte %d", s.Type, uint64(s.Offset))
	}
	return fmt.Sprintf("%s holds %s: set WipeSignatures to overwrite it", e.Device, strings.Join(found, ", "))
}

// Is matches ErrSignature.
func (e *SignatureError) Is(target error) bool { return target == ErrSignature }

// AmbiguousError lists the volume groups that share a name. It matches
// [ErrAmbiguous].
type AmbiguousError struct {
	Name string
	IDs  []string // UUIDs of the groups
}

func (e *AmbiguousError) Error() string {
	return fmt.Sprintf("volume groups %s are all named %q: use the UUID", strings.Join(e.IDs, " and "), e.Name)
}

// Is matches ErrAmbiguous.
func (e *AmbiguousError) Is(target error) bool { return target == ErrAmbiguous }

// fault makes an error that matches kind and reads "text".
func fault(kind error, format string, args ...any) error {
	return &factError{kind: kind, text: fmt.Sprintf(format, args...)}
}

// factError is a sentence with facts that matches a sentinel.
type factError struct {
	kind error
	text string
}

func (e *factError) Error() string { return e.text }
func (e *factError) Unwrap() error { return e.kind }

// joinErrors is errors.Join, here so that no other file needs the package.
func joinErrors(errs ...error) error { return errors.Join(errs...) }

// kindError makes an error of another package match a sentinel of this one.
type kindError struct{ kind, err error }

func (e *kindError) Error() string   { return e.err.Error() }
func (e *kindError) Unwrap() []error { return []error{e.kind, e.err} }

// as makes err match kind as well. It keeps nil.
func as(kind, err error) error {
	if err == nil || errors.Is(err, kind) {
		return err
	}
	return &kindError{kind, err}
}

// fromKernel makes an error of the device mapper match the sentinel of this
// package that says the same.
func fromKernel(err error) error {
	for _, same := range []struct{ dm, lvm error }{
		{dm.ErrBusy, ErrBusy}, {dm.ErrExists, ErrExists},
		{dm.ErrUnsupported, ErrUnsupported}, {dm.ErrNoControl, ErrUnsupported},
	} {
		if errors.Is(err, same.dm) {
			return as(same.lvm, err)
		}
	}
	return err
}
