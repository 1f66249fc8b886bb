// Package metadata reads and writes what LVM2 keeps on a physical volume (PV):
// its label, its metadata areas, and the text in them that describes a volume
// group. It turns bytes into plain records and records into bytes. It has no
// policy, opens no device, and knows of no kernel; readers and times come from
// the caller. It is the same on every system.
//
// A PV made with LVM2's defaults:
//
//	byte       0  +---------------------------------------------+
//	              | zeros                                       |
//	         512  +---------------------------------------------+
//	              | label: LABELONE, its sector, checksum       |  [Label]
//	              | PV header: PV id, device size,              |
//	              |   data areas, metadata areas                |
//	              | extension: version, flags,                  |
//	              |   bootloader areas                          |
//	        1024  +---------------------------------------------+
//	              | (the label may lie in any of sectors 0-3)   |
//	        4096  +---------------------------------------------+ <- metadata area
//	              | header: magic, start, size                  |  [AreaHeader]
//	              |   slot 0: where the committed text lies     |  [RawLocation]
//	              |   slot 1: where the precommitted text lies  |
//	        4608  +---------------------------------------------+ <- ring of texts
//	              | text of an older sequence number            |
//	              +---------------------------------------------+ <- multiple of 512
//	              | committed text, NUL, zeros up to 512        |  [Document]
//	              +---------------------------------------------+
//	              | older texts, or nothing yet                 |
//	     1048576  +---------------------------------------------+ <- pe_start
//	              | physical extent 0                           |
//	              | physical extent 1                           |
//	              | ...                                         |
//	              +---------------------------------------------+
//	              | perhaps a second metadata area              |
//	              +---------------------------------------------+ <- device size
//
// All numbers on disk are little-endian. A sector has 512 bytes.
//
// To read: [ReadLabel], [ReadAreaHeader] for each metadata area,
// [AreaHeader.ReadText] for its committed slot, [DecodeDocument]. To write:
// [VolumeGroup.Validate], [Document.EncodeArea], [AreaHeader.NextLocation],
// [AreaHeader.TextWrites], then the header with the location in the slot that
// it belongs into.
//
// What a text says that is not known here is kept: fields and sections as
// [Extra], segments of other types as [Opaque], words of status lists in
// [UnknownFlags]. It is printed back where it was. A text that LVM2 wrote comes
// out byte for byte as it was, in both forms that LVM2 has.
//
// Nothing that is read is believed. Sums are checked, lists are bounded by what
// holds them, and memory by a small multiple of what was really read. What is
// wrong with bytes is a [*FormatError] or a [*SyntaxError]; what is wrong with a
// group, a [*ValidationError].
//
// # Sources
//
// The format has no standard but LVM2 itself. The facts here are those of LVM2
// 2.03.16 and of the development tree of 2.03.40: the structures label_header,
// pv_header, pv_header_extension, disk_locn, mda_header and raw_locn, and the
// text format. They were checked against what the tools of 2.03.16 wrote in some
// hundred and forty situations, which are in testdata/corpus.
package metadata
