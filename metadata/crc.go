package metadata

import "hash/crc32"

// checksumStart is the value LVM2's CRC starts from.
//
// Source: LVM2 INITIAL_CRC; checked against labels, headers and texts in
// testdata/corpus.
const checksumStart uint32 = 0xf597a6cf

// Checksum returns LVM2's checksum of parts as if they were one: CRC-32 with
// the polynomial of IEEE 802.3, started from 0xf597a6cf and not inverted at the
// end.
func Checksum(parts ...[]byte) uint32 {
	crc := checksumStart
	for _, p := range parts {
		crc = ^crc32.Update(^crc, crc32.IEEETable, p)
	}
	return crc
}
