// Package raid reads and writes the legs of a RAID array in user space: what the
// kernel's raid target (dm-raid, and md beneath it) keeps on its data and
// metadata devices. It knows nothing of who owns the legs.
//
// [Open] gives the contents of an array, by what is on the devices of its legs:
// what is on a leg that is missing, stale or fails is worked out from the others,
// and what is written goes to all legs, with the parity that belongs to it.
//
// It is made of these: [Geometry] says where the sectors of an array lie, and where
// its parity is. [ReadMeta] reads the superblock and the bitmap of a leg, and
// [Judge] says by those of all legs what of each may be trusted. [Array] reads and
// writes what may be. Its [Log] notes writes in bitmaps and superblocks, so that
// the kernel mends after a crash what it left half done, and rebuilds the legs
// that were not there.
//
// Sectors are those of the array, or those of a leg, which begin where its data
// begin. A row is the chunks at the same place of all legs:
//
//	raid5_ls, 4 legs          raid6_zr, 5 legs              raid10, 3 legs, 2 copies
//	leg 0  1  2  3            leg 0  1  2  3  4             near    far     offset
//	row   ┌──┬──┬──┬──┐       row   ┌──┬──┬──┬──┬──┐        0 0 1   0 1 2   0 1 2
//	0     │0 │1 │2 │P │       0     │P │Q │0 │1 │2 │        1 2 2   3 4 5   2 0 1
//	1     │4 │5 │P │3 │       1     │3 │P │Q │4 │5 │        3 3 4   2 0 1   3 4 5
//	2     │8 │P │6 │7 │       2     │6 │7 │P │Q │8 │        4 5 5   5 3 4   5 3 4
//	3     │P │9 │10│11│       3     │9 │10│11│P │Q │
//	      └──┴──┴──┴──┘       4     │Q │12│13│14│P │
//	                                └──┴──┴──┴──┴──┘
//
// P is the exclusive or of the row's data. Q is the sum of D·2ⁿ in the field of
// 256 elements with the polynomial x⁸+x⁴+x³+x²+1, where n is a number that the
// layout gives each leg.
//
// Source: Linux Documentation/admin-guide/device-mapper/dm-raid.rst and md(4);
// H. P. Anvin, The mathematics of RAID-6; and what the raid target 1.15 was seen
// to write.
package raid
