package dm

import (
	"github.com/lvm-go/lvm/units"
	"github.com/pkg/errors"
)

// Ref says which mapped device a command is for: by name, by UUID or by
// number. The kernel takes exactly one of the three. The zero Ref is none, and
// every command refuses it.
type Ref struct {
	name, uuid string
	dev        Dev
	kind       refKind
}

type refKind uint8

const (
	refNone refKind = iota
	refName
	refUUID
	refDev
)

// ByName refers to the mapped device with that name.
func ByName(name string) Ref { return Ref{name: name, kind: refName} }

// ByUUID refers to the mapped device with that UUID.
func ByUUID(uuid string) Ref { return Ref{uuid: uuid, kind: refUUID} }

// ByDev refers to the mapped device with that number.
func ByDev(dev Dev) Ref { return Ref{dev: dev, kind: refDev} }

// String returns the name, the UUID or the number.
func (r Ref) String() string {
	switch r.kind {
	case refName:
		return r.name
	case refUUID:
		return r.uuid
	case refDev:
		return r.dev.String()
	default:
		return "no device"
	}
}

// Name returns the name that r was made of, and whether it was.
func (r Ref) Name() (name string, ok bool) { return r.name, r.kind == refName }

// UUID returns the UUID that r was made of, and whether it was.
func (r Ref) UUID() (uuid string, ok bool) { return r.uuid, r.kind == refUUID }

// Dev returns the number that r was made of, and whether it was.
func (r Ref) Dev() (dev Dev, ok bool) { return r.dev, r.kind == refDev }

// Check returns an error that matches ErrInvalid if no device can have that
// name or UUID.
func (r Ref) Check() error {
	switch r.kind {
	case refName:
		return checkText("device name", r.name, maxName)
	case refUUID:
		return checkText("device uuid", r.uuid, maxUUID)
	case refDev:
		return nil
	default:
		return errors.WithMessage(ErrInvalid, "neither name, uuid nor number of a device given")
	}
}

// Info is what the kernel says about a mapped device.
type Info struct {
	Name, UUID string
	Dev        Dev
	// OpenCount counts who has the device open, tables of other mapped devices
	// included.
	OpenCount int32
	// TargetCount is the number of targets of the live table, or of the
	// inactive one if that was asked for.
	TargetCount uint32
	// EventNr counts the events of the device: see Control.Wait.
	EventNr uint32
	// Suspended is true after Suspend; a new device without a table is not
	// suspended.
	Suspended bool
	// ReadOnly is true if the live table (or the inactive one, if that was
	// asked for) was loaded as read-only.
	ReadOnly bool
	// LiveTable and InactiveTable say which of the two places are taken.
	LiveTable, InactiveTable bool
	// DeferredRemove is true when the kernel will remove the device as soon as
	// nobody has it open any more.
	DeferredRemove bool
	// InternalSuspend is true while another target has suspended the device,
	// as a thin pool does with its volumes.
	InternalSuspend bool
	// UeventGenerated is true if the command made the kernel send a uevent.
	UeventGenerated bool
}

// Device is a mapped device in a list.
type Device struct {
	Dev        Dev
	Name, UUID string
	// EventNr is the event number as in Info; 0 where the kernel's list has
	// none (interface before 4.38).
	EventNr uint32
}

// Geometry is the geometry that a device claims to have, for those who still
// ask for one.
type Geometry struct {
	Cylinders, Heads, SectorsPerTrack uint32
	Start                             units.Sectors
}
