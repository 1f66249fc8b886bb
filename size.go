package lvm

// Size is a wish for the size of a logical volume: a number of bytes or extents,
// or a percentage of something. The zero Size is none.
type Size struct {
	kind sizeKind
	n    uint64
}

type sizeKind uint8

const (
	sizeNone sizeKind = iota
	sizeBytes
	sizeExtents
	sizePercentFree
	sizePercentVG
	sizePercentPVS
	sizePercentLV
)

// ExactSize is a size in bytes. It is rounded up to whole extents.
func ExactSize(b Bytes) Size { return Size{sizeBytes, uint64(b)} }

// ExtentCount is a size in extents.
func ExtentCount(e Extents) Size { return Size{sizeExtents, uint64(e)} }

// PercentFree is a share of the free extents of the group, or of the physical
// volumes that may be used.
func PercentFree(n uint) Size { return Size{sizePercentFree, uint64(n)} }

// PercentVG is a share of all extents of the group.
func PercentVG(n uint) Size { return Size{sizePercentVG, uint64(n)} }

// PercentPVS is a share of the extents of the physical volumes that may be used.
func PercentPVS(n uint) Size { return Size{sizePercentPVS, uint64(n)} }

// PercentLV is a share of the logical volume's present size.
func PercentLV(n uint) Size { return Size{sizePercentLV, uint64(n)} }

// IsZero says whether s is no size at all.
func (s Size) IsZero() bool { return s.kind == sizeNone }

// IsPercent says whether s is a share of something.
func (s Size) IsPercent() bool { return s.kind >= sizePercentFree }

// String prints s as lvm2's options -L and -l take it.
func (s Size) String() string { return "" }

// ParseSize reads the texts that lvm2's options -L and -l take: "20G", "512m",
// "100%FREE", "50%VG". A number without unit is in MiB, as with -L. An error
// matches [ErrInvalidSize].
func ParseSize(s string) (Size, error) { return Size{}, nil }

// sizeContext is what a size is resolved against.
type sizeContext struct {
	ExtentSize Sectors
	VG         Extents // all extents of the group
	Free       Extents // free extents in the physical volumes that may be used
	PVS        Extents // what %PVS counts
	LV         Extents // present size
	Stripes    int     // of the extents to come; 0 is 1
	Resize     bool    // percentages round up; new volumes' round down
}

// resolve returns the size in extents, a multiple of the stripes. An error
// matches [ErrInvalidSize].
func (s Size) resolve(c sizeContext) (Extents, error) { return 0, nil }
