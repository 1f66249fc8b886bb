// Package exception reads and writes the persistent exception store of
// device-mapper's snapshots in user space: what the kernel keeps on the COW
// device of a snapshot target of type P.
//
// An exception says that a chunk of the origin is not to be read there, but in
// the store:
//
//	chunk 0     1         2 ... 1+n      2+n       3+n ... 2+2n   3+2n
//	  ┌────────┬─────────┬───┬─────────┬─────────┬───┬──────────┬─ ─ ─
//	  │ header │ area 0  │ n data      │ area 1  │ n data       │ area 2
//	  │        │ n × old,│ chunks      │ n × old,│ chunks       │
//	  │        │     new │             │     new │              │
//	  └────────┴─────────┴───┴─────────┴─────────┴───┴──────────┴─ ─ ─
//
// An entry has 16 bytes, so an area of one chunk holds n = chunk / 16 of them.
// The list of exceptions goes through all areas, and ends with the first whose
// new chunk is 0. All numbers are little endian. Chunks are numbered from the
// start of the origin (old) and of the store (new).
//
// [Open] reads a store. [NewSnapshot] gives what the snapshot device shows;
// writes to it go to the store. [NewOrigin] writes to an origin as the kernel's
// snapshot-origin does: what is written over is kept in the stores of the
// snapshots first. [Origin.Merge] does what snapshot-merge does, and [Merging]
// is what that shows meanwhile. A store may go from here to the kernel and back
// as often as one likes; but it must not be active there while it is open here.
//
// A crash at any moment leaves each snapshot with the contents that it must
// have, up to writes that were not synced: a data chunk is on the device before
// the entry that points to it, that entry before the origin is changed, and the
// next area is empty before the one before it is full.
//
// Source: Linux Documentation/admin-guide/device-mapper/snapshot.rst, and what
// the snapshot target 1.16 was seen to write and to accept.
package exception
