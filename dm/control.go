package dm

import (
	"context"

	"github.com/lvm-go/lvm/units"
)

// Control is the control device, open. It may be used by several goroutines at
// once.
type Control struct{}

func Open() (*Control, error)                { return nil, ErrUnsupported }
func (c *Control) Close() error              { return nil }
func (c *Control) Version() (Version, error) { return Version{}, ErrUnsupported }
func (c *Control) Create(name, uuid string, o CreateOptions) (Info, error) {
	return Info{}, ErrUnsupported
}
func (c *Control) Remove(r Ref, o RemoveOptions) (Info, error) { return Info{}, ErrUnsupported }
func (c *Control) RemoveAll() error                            { return ErrUnsupported }
func (c *Control) Rename(name, newName string, o RenameOptions) (Info, error) {
	return Info{}, ErrUnsupported
}
func (c *Control) SetUUID(name, uuid string) (Info, error)          { return Info{}, ErrUnsupported }
func (c *Control) Suspend(r Ref, o SuspendOptions) (Info, error)    { return Info{}, ErrUnsupported }
func (c *Control) Resume(r Ref, o ResumeOptions) (Info, error)      { return Info{}, ErrUnsupported }
func (c *Control) Status(r Ref) (Info, error)                       { return Info{}, ErrUnsupported }
func (c *Control) Load(r Ref, t Table, o LoadOptions) (Info, error) { return Info{}, ErrUnsupported }
func (c *Control) Clear(r Ref) (Info, error)                        { return Info{}, ErrUnsupported }
func (c *Control) Table(r Ref, o QueryOptions) (Info, Table, error) {
	return Info{}, nil, ErrUnsupported
}
func (c *Control) TargetStatus(r Ref, o QueryOptions) (Info, []StatusLine, error) {
	return Info{}, nil, ErrUnsupported
}
func (c *Control) Deps(r Ref, o QueryOptions) (Info, []Dev, error) {
	return Info{}, nil, ErrUnsupported
}
func (c *Control) Devices(o ListOptions) ([]Device, error)    { return nil, ErrUnsupported }
func (c *Control) Targets() ([]TargetVersion, error)          { return nil, ErrUnsupported }
func (c *Control) TargetVersion(name string) (Version, error) { return Version{}, ErrUnsupported }
func (c *Control) Message(r Ref, sector units.Sectors, text string) (reply string, replied bool, err error) {
	return "", false, ErrUnsupported
}
func (c *Control) Wait(ctx context.Context, r Ref, eventNr uint32) (Info, []StatusLine, error) {
	return Info{}, nil, ErrUnsupported
}
func (c *Control) SetGeometry(r Ref, g Geometry) (Info, error) { return Info{}, ErrUnsupported }
func (c *Control) Events() (*Events, error)                    { return nil, ErrUnsupported }

// Events waits for events of any mapped device.
type Events struct{}

func (e *Events) Arm() error                     { return ErrUnsupported }
func (e *Events) Wait(ctx context.Context) error { return ErrUnsupported }
func (e *Events) Close() error                   { return nil }
