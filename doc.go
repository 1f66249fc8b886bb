// Package lvm reads and changes LVM2 volume groups, and drives the kernel's
// device mapper for them. It speaks LVM2's on-disk format and the kernel's
// ioctls itself: it links no C library, and runs no other program, but for the
// tools of ext file systems when one is to be resized that is not mounted.
//
// A [System] is a set of devices, a kernel or none, and the locks between them.
// [System.Scan], [System.VG] and [System.View] read. [System.Update] changes: it
// calls a function with a transaction, a [Tx], whose methods work in memory, and
// then makes all the changes, or none:
//
//	err := sys.Update(ctx, "vg0", func(tx *lvm.Tx) error {
//		if err := tx.ExtendVG(lvm.PVSpec{}, "/dev/sdd"); err != nil {
//			return err
//		}
//		return tx.ExtendLV("home", lvm.ExtendSpec{By: lvm.PercentFree(100)})
//	})
//
// However many changes there are in one Update, they are one commit, and the
// devices of all volumes that change are suspended and resumed together.
// [System.Plan] returns what Update would do, as steps that can be printed, and
// [System.Apply] does it later, if nothing has changed since.
//
// # Image mode
//
// With [KernelNone] nothing asks for privileges, Linux, or a kernel: the devices
// are image files, or whatever implements [Device], and [LogicalVolume.Open]
// gives the bytes of a volume. A disk image with volumes in it can be built and
// read on any system. With [Config.Clock], [Config.Random] and [Config.Host]
// given, the same calls make the same image, byte for byte.
//
// # Safety
//
// A plan's steps have one order, which is what makes a change safe:
//
//  1. prepare: labels and empty metadata areas on new physical volumes, zeroes at
//     the start of new logical volumes, in extents that nobody else has yet
//  2. text: the new metadata, into the part of each area that no reader looks at
//  3. precommit: a note of its place, which readers leave alone
//  4. load: new devices and new tables, not live; devices that go are removed
//  5. suspend: the devices that get another table or name, or have a snapshot
//     made of them
//  6. commit: one sector per metadata area makes the new text the valid one
//  7. resume: the new tables become live
//  8. nodes, labels, backups
//
// Until the first sector of the commit is written, a failure at any step undoes
// the steps before it, and the group is as it was. So does a context that ends.
// After it there is only forward: the other steps are still tried, no device
// stays suspended, and [ApplyError] says that the change is committed. Not
// undone are zeroes: those over what earlier volumes left in free extents.
//
// A process or a machine that dies at any moment leaves a group that is as it
// was or as it should have become, whole, to this package and to lvm2 alike.
// [System.Recover] then finishes or undoes the rest: devices that are suspended
// or half made, metadata areas that missed the commit, and notes of text that
// was never committed. It may be called at any time, best at a program's start.
//
// While devices are suspended there are only ioctls and writes that were ready
// before: no callbacks, those of [Tx.OnFreeze] come right before and after, no opening of files, no log. [Config.LockMemory] keeps
// the program in memory meanwhile, in case it, or its swap space, lies on such
// a device.
//
// What is not understood is not touched. Reading works as far as it can, and
// says in [VolumeGroup.Problems] what is odd; a change is refused with an error
// that matches
//
//   - [ErrReadOnly] if the group is exported, clustered, shared by lvmlockd, of
//     another host, without write permission, has a segment type that this
//     package only preserves, or no metadata area to write to
//   - [ErrMissingPV] or [ErrDuplicatePV] if a physical volume is not there, or
//     is there twice; with one missing, as with lvm2, tags and other attributes
//     can still be set and logical volumes removed
//   - [ErrDamaged] if the metadata contradicts itself or what is on the devices
//   - [ErrSignature] if a device that is to become a physical volume holds a
//     file system, a partition table or the like
//   - [ErrBusy] if a device is in use, a volume that is to be removed or reduced
//     is open, or a physical volume that is to go holds extents
//
// Nothing that is read from a device is believed before it was checked. What is
// broken gives an error that says where.
//
// # Snapshots, merges and moves
//
// [Tx.CreateSnapshot] makes snapshots, of any number of volumes at one instant if
// they are made in one Update. A program that has to bring its data in order for
// that gives [Tx.OnFreeze] the functions to call right before and after.
//
// [System.Merge] makes a volume what its snapshot is, [System.Move] moves extents
// to other physical volumes. Both are sequences of updates, while the volumes are
// in use. All state is in the metadata: after a crash, or a context that ended,
// [System.ResumeMerges] and [System.ResumeMoves] go on, or lvm2 does, and so can
// they with what lvm2 began.
//
// # Beside lvm2
//
// Both may work on the same groups at the same time. This package takes the same
// locks in [Config.LockDir], gives devices the names and UUIDs, and makes the
// nodes and links, that lvm2 does, lets udev know in the same way and waits for
// it where it runs, makes lvm2 forget its hints, and keeps backups in the same
// form where [Config.BackupDir] and [Config.ArchiveDir] say. Whatever lvm2 wrote
// into the metadata, and this package does not know, stays there.
//
// What lvm2 gets from lvm.conf, the devices it may use, the system ID, is in
// [Config] here. A program that wants what the administrator has set there reads
// it with [ReadLVMConf], and finds devices as lvm2 does with [FindDevices]. Where
// [Config.DevicesFile] names lvm2's devices file, new physical volumes are entered
// there.
//
// In image mode the image files themselves are locked, so that several programs
// of this package may share them.
//
// # Reports
//
// What lvm2's pvs, vgs and lvs report is there as typed values: see
// [VolumeGroup.Report], [PhysicalVolume.Report], [LogicalVolume.Report],
// [Segment.Report] and the Attr methods. The same types, and an [Inventory], can be
// marshalled as JSON with stable names, which are lvm2's where it has one. Volumes
// of types that are only kept are reported too.
//
// # Concurrency
//
// A System is safe for concurrent use. With a kernel, transactions of different
// groups run at the same time; those that make or remove groups and physical
// volumes, and all in image mode, run one after the other. A context that ends
// ends the wait for a lock. What reading returns does not change and may be
// shared. A Tx belongs to the function it is given to.
//
// # What is supported
//
//	segment type                     read   activate   create   resize
//	linear                           yes    yes        yes      yes
//	striped                          yes    yes        yes      yes
//	error, zero                      yes    yes        yes      yes
//	snapshot                         yes    yes        yes      yes
//	thin-pool, thin                  yes    yes        yes      yes
//	raid0, raid1, raid4, raid5*,
//	raid6*, raid10                   yes    yes        yes      yes
//	mirror                           yes    yes        yes      yes
//	cache-pool, cache, writecache    yes    yes        yes      -
//	integrity, of raid images        yes    yes        -        -
//	vdo*, ...                        kept   -          -        -
//
// Volumes of types that are kept can be read and reported, and none of their
// metadata is lost. Nothing else is done with them. A group with segments of types
// that LVM2 does not have is not changed at all. Groups are read in LVM2's text format
// (lvm2, format 1 of the text), with any number of metadata areas.
package lvm
