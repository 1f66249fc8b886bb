// Package dmfake is a device-mapper in memory, for tests. A Kernel has the
// methods of dm.Control and answers as Linux does: which of a device's two
// tables is live, who has it open, what is refused and with which errno. Calls
// can be made to fail, and are written down.
//
// Data flows through all targets that it has a type for: what is written to an
// origin is copied to the COW stores of its snapshots, mirrors copy their legs,
// merges merge, pools give out blocks, arrays have parity, caches are dirty. Pools,
// arrays and caches keep what must outlive a table where and as the kernel does, on
// their metadata devices; of integrity the place of the checksums is another one.
// What takes a kernel time is done when a status is
// asked for, see SetPace.
//
// What is in testdata was recorded with a real kernel; the tests compare both.
package dmfake

import (
	"context"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/units"
)

// Mapper is what a *dm.Control and a *Kernel have in common.
type Mapper interface {
	Close() error
	Version() (dm.Version, error)
	Create(name, uuid string, o dm.CreateOptions) (dm.Info, error)
	Remove(r dm.Ref, o dm.RemoveOptions) (dm.Info, error)
	RemoveAll() error
	Rename(name, newName string, o dm.RenameOptions) (dm.Info, error)
	SetUUID(name, uuid string) (dm.Info, error)
	Suspend(r dm.Ref, o dm.SuspendOptions) (dm.Info, error)
	Resume(r dm.Ref, o dm.ResumeOptions) (dm.Info, error)
	Status(r dm.Ref) (dm.Info, error)
	Load(r dm.Ref, t dm.Table, o dm.LoadOptions) (dm.Info, error)
	Clear(r dm.Ref) (dm.Info, error)
	Table(r dm.Ref, o dm.QueryOptions) (dm.Info, dm.Table, error)
	TargetStatus(r dm.Ref, o dm.QueryOptions) (dm.Info, []dm.StatusLine, error)
	Deps(r dm.Ref, o dm.QueryOptions) (dm.Info, []dm.Dev, error)
	Devices(o dm.ListOptions) ([]dm.Device, error)
	Targets() ([]dm.TargetVersion, error)
	TargetVersion(name string) (dm.Version, error)
	Message(r dm.Ref, sector units.Sectors, text string) (reply string, replied bool, err error)
	Wait(ctx context.Context, r dm.Ref, eventNr uint32) (dm.Info, []dm.StatusLine, error)
	SetGeometry(r dm.Ref, g dm.Geometry) error
}

var (
	_ Mapper = (*dm.Control)(nil)
	_ Mapper = (*Kernel)(nil)
)
