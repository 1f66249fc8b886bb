package dm

// Flags that go to udev's rules with a uevent. Source: libdevmapper's
// DM_UDEV_*, which the rules 10-dm and 11-dm-lvm read.
const (
	// UdevDisableDMRules: no /dev/mapper/NAME.
	UdevDisableDMRules uint16 = 0x0001
	// UdevDisableSubsystemRules: no links of the subsystem, such as /dev/VG/LV.
	UdevDisableSubsystemRules uint16 = 0x0002
	// UdevDisableDiskRules: no /dev/disk/by-*.
	UdevDisableDiskRules uint16 = 0x0004
	// UdevDisableOtherRules: other rules leave the device alone and do not scan it.
	UdevDisableOtherRules uint16 = 0x0008
	// UdevLowPriority: the links of another device with the same content win.
	UdevLowPriority uint16 = 0x0010
	// UdevDisableLibraryFallback: nobody but udev makes nodes.
	UdevDisableLibraryFallback uint16 = 0x0020
	// UdevPrimarySource: the event is of a command, not one that something else
	// has triggered. Begin and NoUdevFlags add it.
	UdevPrimarySource uint16 = 0x0040
	// UdevSubsystem0 is the first of eight flags that the subsystem defines.
	// LVM's is NOSCAN: the content of the device is not valid yet.
	UdevSubsystem0 uint16 = 0x0100
)

// cookieMagic is the upper half of the key of a cookie's semaphore.
const cookieMagic = 0x0d4d

// NoUdevFlags returns the cookie to use where nobody waits for udev: no
// semaphore, and udev, should it run after all, keeps away from the names that
// the caller will make.
func NoUdevFlags(flags uint16) uint32 {
	flags &^= UdevDisableLibraryFallback
	return uint32(flags|UdevPrimarySource|UdevDisableDMRules|UdevDisableSubsystemRules) << 16
}
