package dm

// CreateOptions changes what Create does.
type CreateOptions struct {
	// Dev asks for that minor number; the kernel chooses the major number. 0
	// takes any.
	Dev Dev
}

// RemoveOptions changes what Remove does.
type RemoveOptions struct {
	// Deferred lets the kernel remove an open device at its last close,
	// instead of failing with ErrBusy. Linux 3.13.
	Deferred bool
	// Cookie is what udev gets with the uevent: see Cookie.Begin and
	// NoUdevFlags.
	Cookie uint32
}

// RenameOptions changes what Rename does.
type RenameOptions struct {
	// Cookie is what udev gets with the uevent.
	Cookie uint32
}

// SuspendOptions changes what Suspend does. Without any it freezes a mounted
// file system and waits until all I/O is on the underlying devices.
type SuspendOptions struct {
	// SkipLockFS does not freeze a file system on the device.
	SkipLockFS bool
	// NoFlush does not wait for I/O that the targets have queued.
	NoFlush bool
}

// ResumeOptions changes what Resume does. SkipLockFS and NoFlush are for the
// suspend that the kernel does itself when the device is not suspended and has
// an inactive table.
type ResumeOptions struct {
	SkipLockFS, NoFlush bool
	// Cookie is what udev gets with the uevent.
	Cookie uint32
}

// LoadOptions changes what Load does.
type LoadOptions struct {
	// ReadOnly makes the device read-only when the table becomes live.
	ReadOnly bool
	// SecureData has the kernel wipe its copies of the table, since there is a key
	// in it. A table with an Integrity always gets it.
	SecureData bool
}

// QueryOptions changes what a query reports.
type QueryOptions struct {
	// Inactive asks for the inactive table instead of the live one.
	Inactive bool
	// NoFlush does not make a thin pool commit its metadata for exact numbers,
	// so that the query does no I/O.
	NoFlush bool
}

// ListOptions restricts a list to names and UUIDs that begin so.
type ListOptions struct {
	NamePrefix, UUIDPrefix string
}
