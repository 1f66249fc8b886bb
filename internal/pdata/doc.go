// Package pdata reads the structures that the metadata devices of the thin-pool
// and cache targets are made of: the kernel's "persistent data".
//
// A device is divided into blocks of 4 KiB. A block is never changed while the
// last commit refers to it: what changes is written elsewhere, and so is all
// that points to it, up to the superblock, which is written last. Several
// structures may therefore share what lies below them, and each block has a
// count of the pointers to it, in a space map.
//
//	superblock (0) ──► B-tree: key ► value of a fixed size
//	                     internal nodes ► nodes ► ... ► leaves
//	               ──► array: a B-tree, index ► block of values
//	                     bitset: an array of words of 64 bits
//	               ──► space map: index ► bitmap of 2 bits a block,
//	                     and a B-tree for counts of 3 and more
//
// Every block but those of data begins with a checksum, CRC-32C of the rest and
// of a constant for its kind, and holds its own number. All numbers are little
// endian.
//
// Nothing here trusts the device: a node has to lie in the range of keys that
// its parent gives it, so that a walk reads no block twice, and no memory is
// taken by a number that was read. What cannot be right gives a [DamagedError].
//
// What is read while the kernel has the device active may be of several commits.
//
// Source: Linux Documentation/admin-guide/device-mapper/persistent-data.rst and
// thin-provisioning.rst, and what the targets of Linux 6.1 were seen to write.
package pdata
