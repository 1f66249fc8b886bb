// Package dm drives the kernel's device-mapper through the ioctls of its
// control device. It knows nothing of LVM: it has mapped devices, the tables
// of targets that they are made of, and the commands that the kernel has for
// them. There is no cgo, no libdevmapper and no other program involved.
//
// # The life of a table
//
// A mapped device has two places for a table. The live table serves I/O; the
// inactive table waits to become live.
//
//	Create          Load             Resume               Load            Resume
//	   │              │                 │                   │                │
//	   ▼              ▼                 ▼                   ▼                ▼
//	no table ──► inactive: A ──► live: A, inactive: - ──► inactive: B ──► live: B, A destroyed
//	                  │                                     │
//	                Clear                                 Clear
//	                  ▼                                     ▼
//	              no table                        live: A, inactive: -
//
// Load replaces an inactive table that is there already. Suspend stops I/O to
// the live table; Resume makes the inactive table live, if there is one, and
// lets I/O go on. Resume of a device that is not suspended suspends it for the
// swap by itself.
//
// # Safety
//
//   - A suspended device blocks whoever writes to it, and those who wait for
//     them. Between Suspend and Resume there should be nothing but further
//     calls of this package that were made ready before; a program whose own
//     text, swap space or log lies on the suspended device must not touch it.
//   - When a Resume fails because the inactive table does not fit, the kernel
//     has destroyed that table and leaves the device suspended with the old
//     one. A second Resume brings the old table back to life. A thin pool is
//     otherwise: see ThinPool.
//   - A device that is open, mounted or used by another table, live or
//     inactive, cannot be removed: ErrBusy.
//   - A table that refers to its own device can be loaded, and locks up. This
//     package does not look for that.
//   - Names and UUIDs are passed to the kernel as they are, and never cut.
//     MangleName gives the form in which libdevmapper stores names with
//     characters that udev does not like.
//
// The errors of commands, cookies and nodes are of type *Error, which matches
// both the errno and one of the sentinels ErrNotFound, ErrExists, ErrBusy and so
// on. Where a context ends a wait, the error is the context's.
package dm
