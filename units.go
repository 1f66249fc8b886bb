package lvm

import "github.com/lvm-go/lvm/units"

// Bytes, Sectors and Extents are the quantities of package units, under names
// that spare most callers its import.
type (
	Bytes   = units.Bytes
	Sectors = units.Sectors
	Extents = units.Extents
)

// Multiples of a byte, by powers of 1024.
const (
	KiB = units.KiB
	MiB = units.MiB
	GiB = units.GiB
	TiB = units.TiB
	PiB = units.PiB
	EiB = units.EiB
)
