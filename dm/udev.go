package dm

import "context"

const (
	UdevDisableDMRules         uint16 = 0x0001
	UdevDisableSubsystemRules  uint16 = 0x0002
	UdevDisableDiskRules       uint16 = 0x0004
	UdevDisableOtherRules      uint16 = 0x0008
	UdevLowPriority            uint16 = 0x0010
	UdevDisableLibraryFallback uint16 = 0x0020
	UdevPrimarySource          uint16 = 0x0040
	UdevSubsystem0             uint16 = 0x0100
)

// Cookie; a nil *Cookie is "no udev": Begin gives NoUdevFlags(flags), Done and Wait do nothing.
type Cookie struct{}

func UdevRunning() bool                              { return false }
func NoUdevFlags(flags uint16) uint32                { return 0 }
func NewCookie() (*Cookie, error)                    { return nil, ErrUnsupported }
func (c *Cookie) Begin(flags uint16) (uint32, error) { return 0, ErrUnsupported }
func (c *Cookie) Done(info Info, err error) error    { return ErrUnsupported }
func (c *Cookie) Wait(ctx context.Context) error     { return ErrUnsupported }
func (c *Cookie) Close() error                       { return nil }
