package metadata

import (
	"io"

	"github.com/lvm-go/lvm/units"
)

type ID [32]byte

func ParseID(s string) (ID, error)       { return ID{}, ErrInvalid }
func NewID(random io.Reader) (ID, error) { return ID{}, ErrInvalid }
func (id ID) String() string             { return "" }
func (id ID) Compact() string            { return "" }
func (id ID) IsZero() bool               { return id == ID{} }

type DiskArea struct{ Offset, Size units.Bytes }
type Label struct {
	Sector                   uint64
	PVID                     ID
	DeviceSize               units.Bytes
	DataAreas, MetadataAreas []DiskArea
	ExtensionVersion         uint32
	ExtensionFlags           uint32
	BootloaderAreas          []DiskArea
}

const LabelScanSize units.Bytes = 2048
const PVInUse uint32 = 1

func (l *Label) InUse() bool                                   { return l.ExtensionFlags&PVInUse != 0 }
func ReadLabel(r io.ReaderAt) (*Label, []error, error)         { return nil, nil, ErrNoLabel }
func DecodeLabel(sector []byte, number uint64) (*Label, error) { return nil, ErrNoLabel }
func (l *Label) Encode() ([]byte, error)                       { return nil, ErrInvalid }

type Write struct {
	Offset units.Bytes
	Data   []byte
}
type RawLocation struct {
	Offset, Size units.Bytes
	Checksum     uint32
	Flags        uint32
}

const RawIgnored uint32 = 1
const (
	SlotCommitted    = 0
	SlotPrecommitted = 1
)
const AreaHeaderSize units.Bytes = 512

func (l RawLocation) InUse() bool   { return l.Offset != 0 }
func (l RawLocation) Ignored() bool { return l.Flags&RawIgnored != 0 }

type AreaHeader struct {
	Start, Size units.Bytes
	Slots       [2]RawLocation
}

func DecodeAreaHeader(b []byte, start units.Bytes) (*AreaHeader, error)       { return nil, ErrInvalid }
func ReadAreaHeader(r io.ReaderAt, start units.Bytes) (*AreaHeader, error)    { return nil, ErrInvalid }
func (h *AreaHeader) Encode() []byte                                          { return nil }
func (h *AreaHeader) MaxTextSize() units.Bytes                                { return 0 }
func (h *AreaHeader) NextLocation(text []byte) (RawLocation, error)           { return RawLocation{}, ErrInvalid }
func (h *AreaHeader) TextWrites(loc RawLocation, text []byte) []Write         { return nil }
func (h *AreaHeader) ReadText(r io.ReaderAt, loc RawLocation) ([]byte, error) { return nil, ErrInvalid }
func Checksum(parts ...[]byte) uint32                                         { return 0 }

type Entry struct{ Key string }
type Tree struct{ Entries []Entry }

func ParseTree(text []byte) (*Tree, error)          { return nil, ErrSyntax }
func DecodeDocument(text []byte) (*Document, error) { return nil, ErrSyntax }
func (d *Document) EncodeArea() ([]byte, error)     { return nil, ErrInvalid }
func (d *Document) EncodeBackup() ([]byte, error)   { return nil, ErrInvalid }
func (vg *VolumeGroup) Validate() error             { return nil }
func (vg *VolumeGroup) Clone() *VolumeGroup         { return nil }
func (pv *PhysicalVolume) Clone() *PhysicalVolume   { return nil }
func (lv *LogicalVolume) Clone() *LogicalVolume     { return nil }
func (s Segment) Clone() Segment                    { return s }
func (lv *LogicalVolume) Extents() units.Extents    { return 0 }
func (s *Segment) IsOpaque() bool                   { return false }
func (lv *LogicalVolume) IsOpaque() bool            { return false }
func (vg *VolumeGroup) OpaqueTypes() []string       { return nil }
func CheckName(name string) error                   { return nil }
func CheckVGLVNames(vg, lv string) error            { return nil }

func (*Striped) segmentBody()    {}
func (*Virtual) segmentBody()    {}
func (*Opaque) segmentBody()     {}
func (b *Striped) Areas() []Area { return b.Stripes }
func (*Virtual) Areas() []Area   { return nil }
func (*Opaque) Areas() []Area    { return nil }

const (
	RuleUnknownStatus Rule = "unknown status"
)
